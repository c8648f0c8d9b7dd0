/* Values without a file: numbers, a text, or filled by rule. */
#ifndef RUNG_TOOL_MADE_H
#define RUNG_TOOL_MADE_H

#include "prepare.h"

/* "random", "zeros", "ones", or that with a shape: "random[1,3,224,224]". Without one, open dimensions count as 1.
 * Random floats lie in [0, 1), integers are 0 or 1, those of 8 bits of any value. The same --seed and name give the
 * same values on every machine. */
bool is_fill(const char *text);
int fill_read(target *t, const char *text, const feed_args *args, rung_value **out_value);

/* "16000", "[1,2,3]", "0.5,0.5": in the shape of the input when that fits. "text:WORDS": one string. */
bool is_literal(const char *text);
int literal_read(target *t, const char *text, rung_value **out_value);

#endif
