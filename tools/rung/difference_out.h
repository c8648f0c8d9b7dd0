/* How far apart two values are, for people and as JSON. */
#ifndef RUNG_TOOL_DIFFERENCE_OUT_H
#define RUNG_TOOL_DIFFERENCE_OUT_H

#include "compare.h"

#include <stdbool.h>

/* "  ok     y: largest difference 1e-07"; when they differ, how many elements and the first of them, too. */
void print_difference(const char *name, bool ok, const difference *d);
/* Members of the object that is open: max_abs, cosine, elements, wrong, words. */
void put_difference(const difference *d);

#endif
