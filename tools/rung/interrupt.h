/* Ctrl-C ends a run in order: the first one cancels, the second one kills. */
#ifndef RUNG_TOOL_INTERRUPT_H
#define RUNG_TOOL_INTERRUPT_H

#include "rung.h"

#include <stdbool.h>

/* From now on the signal also cancels the runs that hold `cancel`; NULL: none any more. */
void interrupt_cancels(rung_cancel *cancel);
bool interrupted(void);

#endif
