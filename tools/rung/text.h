/* Words and numbers for people, and memory that is always there. */
#ifndef RUNG_TOOL_TEXT_H
#define RUNG_TOOL_TEXT_H

#include "fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed; the program ends when there is none left. */
void *get_memory(size_t count, size_t size);
/* `old` with room for one element more; its `count` elements are kept. */
void *grow_memory(void *old, size_t count, size_t size);
char *copy_text(const char *text, size_t size);
char *format_text(const char *format, ...) PRINTF(1, 2);

typedef struct text_list {
  const char **at;
  size_t count;
} text_list;

/* Adds `text` itself; whoever frees the texts with the list must have made them. */
void text_list_add(text_list *list, const char *text);
void text_list_free(text_list *list);

bool starts_with(const char *text, const char *start);
bool ends_with(const char *text, const char *end);

/* The candidate that `word` is most like, or NULL when none is near. */
const char *nearest(const char *word, const char *const *candidates, size_t count);

/* What to say behind a word that is none of the candidates: "; did you mean rgb?", or, when none is near,
 * "; there are: rgb, bgr", cut when they are many. Good until the eighth call after. */
const char *choices_text(const char *word, const char *const *candidates, size_t count);

/* Bytes of the UTF-8 character that `data` begins with; 0: it is broken. size > 0. */
size_t utf8_size(const char *data, size_t size);

/* `text` without what would disturb a terminal: control characters and broken UTF-8 stand as \xNN. Good until the
 * eighth call after. */
const char *clean(const char *text);
const char *clean_bytes(const char *data, size_t size);
/* The same for text of any length, to be freed: lines and tabs stay, `indent` stands before every line but the first.
 */
char *clean_lines(const char *text, const char *indent);

/* "4.7 MB", "8.31 ms", "1.2 M", "0.6 GFLOP". Good until the eighth call after. */
const char *bytes_text(double bytes);
const char *seconds_text(double seconds);
const char *count_text(double count);
const char *flops_text(double count);
/* "node", "nodes" */
const char *plural(size_t count, const char *one, const char *many);
/* "1x3x224x224", "scalar"; symbols by their name in `session` (may be NULL) or "?". Good until the eighth call after.
 */
const char *dims_text(const rung_session *session, int32_t rank, const int64_t *dims);
/* "float32[1,3,?]", "sequence(map(int64, float32))". Good until the eighth call after. */
const char *type_text(const rung_session *session, const rung_type *type);

/* A whole number or number that is all of `text`. */
bool parse_count(const char *text, size_t size, int64_t *out);
bool parse_number(const char *text, size_t size, double *out);
/* Numbers joined by `separator` ("1x3x224"): how many there are, -1 when one is none or there are more than `most`. */
int parse_counts(const char *text, size_t size, char separator, int64_t *out, int most);

/* Of a time that is not negative and below 1e9 s; 0 for 0 only. */
uint64_t nanoseconds(double seconds);
/* Seconds since some moment. */
double now(void);

#endif
