/* Reads the JSON that the library hands out: a tree of values. */
#ifndef RUNG_TOOL_JSON_IN_H
#define RUNG_TOOL_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct json {
  enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT } kind;
  char *key;          /* in an object; else NULL */
  char *text;         /* of JSON_TEXT */
  double number;      /* of JSON_NUMBER; 1 for true */
  struct json *items; /* of JSON_ARRAY and JSON_OBJECT */
  size_t count;
} json;

/* False when it is not JSON; `out` needs json_free all the same. */
bool json_read(const char *text, json *out);
void json_free(json *value);

/* The member of that name; one of kind JSON_NULL when there is none. */
const json *json_get(const json *object, const char *key);
const char *json_get_text(const json *object, const char *key); /* NULL unless it is text */
double json_get_number(const json *object, const char *key);    /* 0 unless it is a number */

#endif
