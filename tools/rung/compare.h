/* Short names for what compares values (rung_value_agrees). */
#ifndef RUNG_TOOL_COMPARE_H
#define RUNG_TOOL_COMPARE_H

#include "rung.h"

typedef rung_tolerance tolerance;
typedef rung_difference difference;

#endif
