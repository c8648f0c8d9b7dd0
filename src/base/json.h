/* Writes JSON into a rung_text. Commas, indentation and escapes are its business; order is the caller's: values at the
 * top or in arrays, key and value in turn in objects, every begin with its end (asserted).
 * Failure (out of memory) is noted in the text and asked for once, at the end. */
#ifndef RUNG_BASE_JSON_H
#define RUNG_BASE_JSON_H

#include "base/str.h"

enum { RUNG_JSON_MAX_DEPTH = 64 };

typedef struct rung_json {
  rung_text *text;  /* borrowed */
  int indent;       /* spaces per level; 0 writes everything on one line */
  int depth;        /* open objects and arrays */
  uint64_t objects; /* bit d: the container that was opened at depth d is an object */
  bool first;       /* nothing was written into the innermost container yet */
  bool after_key;   /* a value must follow */
} rung_json;

void rung_json_init(rung_json *json, rung_text *text, int indent);

void rung_json_begin_object(rung_json *json);
void rung_json_end_object(rung_json *json);
void rung_json_begin_array(rung_json *json);
void rung_json_end_array(rung_json *json);
void rung_json_key(rung_json *json, const char *key);

/* Bytes that are not UTF-8 are replaced by U+FFFD each. */
void rung_json_str(rung_json *json, rung_str value);
void rung_json_string(rung_json *json, const char *value); /* NULL is null */
void rung_json_i64(rung_json *json, int64_t value);
void rung_json_u64(rung_json *json, uint64_t value);
/* The fewest digits (15 to 17) that read back as the same number; null when not finite, as JSON has no such number. */
void rung_json_f64(rung_json *json, double value);
void rung_json_bool(rung_json *json, bool value);
void rung_json_null(rung_json *json);

/* A key and its value. */
void rung_json_put_string(rung_json *json, const char *key, const char *value); /* NULL is null */
void rung_json_put_i64(rung_json *json, const char *key, int64_t value);
void rung_json_put_u64(rung_json *json, const char *key, uint64_t value);
void rung_json_put_f64(rung_json *json, const char *key, double value);
void rung_json_put_bool(rung_json *json, const char *key, bool value);

#endif
