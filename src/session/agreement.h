/* Do two values agree? */
#ifndef RUNG_SESSION_AGREEMENT_H
#define RUNG_SESSION_AGREEMENT_H

#include "rung.h"

/* As rung_value_agrees, of values that are there. */
int rung__value_agrees(const rung_value *got, const rung_value *want, const rung_tolerance *allowed,
                       rung_difference *d);

#endif
