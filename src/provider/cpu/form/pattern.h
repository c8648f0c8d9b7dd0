/* Regular expressions in RE2's syntax, matched against whole texts in time proportional to text times pattern.
 *
 * The pattern becomes a program for a machine that is in many states at once (Thompson's construction): no text makes
 * it go back. Texts are UTF-8; \d \s \w \b are ASCII, as in RE2. What RE2 has and this has not, such as Unicode classes
 * (\pL), is UNSUPPORTED and named; errors are INVALID_MODEL. */
#ifndef RUNG_CPU_FORM_PATTERN_H
#define RUNG_CPU_FORM_PATTERN_H

#include "base/arena.h"
#include "base/status.h"

typedef struct rung_pattern rung_pattern; /* one block; freed by rung_free */

rung_status *rung_pattern_make(const rung_allocator *allocator, rung_str pattern,
                               rung_pattern **out_pattern) RUNG_MUST_CHECK;
/* Bytes of `work` for a match. */
size_t rung_pattern_work(const rung_pattern *pattern);
/* Does the whole text match? */
bool rung_pattern_matches(const rung_pattern *pattern, rung_str text, void *work);

#endif
