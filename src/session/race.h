/* Sessions that are measured side by side: the functions of rung.h, with their arguments checked. */
#ifndef RUNG_SESSION_RACE_H
#define RUNG_SESSION_RACE_H

#include "base/status.h"
#include "rung.h"

rung_status *rung__race(const rung_race_options *options, rung_lane *lanes, size_t count) RUNG_MUST_CHECK;

#endif
