/* Regular expressions in RE2's syntax, matched against texts in time proportional to text times pattern.
 *
 * The pattern becomes a program for a machine that is in many states at once (Thompson's construction): no text makes
 * it go back. Texts are UTF-8; \d \s \w \b are ASCII, as in RE2. What RE2 has and this has not, such as Unicode classes
 * (\pL), is UNSUPPORTED and named; errors are INVALID_MODEL. */
#ifndef RUNG_CPU_FORM_PATTERN_H
#define RUNG_CPU_FORM_PATTERN_H

#include "base/arena.h"
#include "base/status.h"

typedef struct rung_pattern rung_pattern; /* one block that can be copied; freed by rung_free */

rung_status *rung_pattern_make(const rung_allocator *allocator, rung_str pattern,
                               rung_pattern **out_pattern) RUNG_MUST_CHECK;
size_t rung_pattern_size(const rung_pattern *pattern);
/* Bytes of `work` for a match. */
size_t rung_pattern_work(const rung_pattern *pattern);
/* Does the whole text match? */
bool rung_pattern_matches(const rung_pattern *pattern, rung_str text, void *work);
/* The first place at or behind `from` (no more than the text's size) where a part of the text matches, and the longest
 * such part: [*begin, *end). What stands before `from` still decides whether a line or a word begins there. */
bool rung_pattern_find(const rung_pattern *pattern, rung_str text, size_t from, void *work, size_t *begin, size_t *end);

#endif
