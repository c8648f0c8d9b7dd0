/* Writes JSON: two spaces a level, commas by itself. In objects every value follows its key. It is kept until main
 * prints it, so that a command that fails half-way prints no half of it. */
#ifndef RUNG_TOOL_JSON_OUT_H
#define RUNG_TOOL_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `key` is NULL in arrays and at the top. */
void json_object(const char *key);
void json_array(const char *key);
void json_end(void);                                /* the innermost of either; the last one ends the line */
void json_text(const char *key, const char *value); /* NULL: null; bytes that are no UTF-8 become U+FFFD */
void json_bytes(const char *key, const char *data, size_t size);
void json_count(const char *key, int64_t value);
void json_number(const char *key, double value); /* what is no finite number is "nan", "inf" or "-inf" */
void json_bool(const char *key, bool value);
void json_null(const char *key);
/* Text that is JSON already. */
void json_raw(const char *key, const char *json);

/* Between the two, JSON is written to a text of its own, which the second returns; whoever calls it frees that. */
void json_aside(void);
char *json_aside_end(void);

/* What was written goes to standard output; or away. */
void json_print(void);
void json_drop(void);

#endif
