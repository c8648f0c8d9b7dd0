#include "json_in.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };

static const char *skip(const char *at) { return at + strspn(at, " \t\r\n"); }

static const char *read_value(const char *at, json *out, int depth);

static char *put_utf8(char *to, unsigned code) {
  if (code < 0x80) {
    *to++ = (char)code;
  } else if (code < 0x800) {
    *to++ = (char)(0xc0 | code >> 6);
    *to++ = (char)(0x80 | (code & 63));
  } else {
    *to++ = (char)(0xe0 | code >> 12);
    *to++ = (char)(0x80 | (code >> 6 & 63));
    *to++ = (char)(0x80 | (code & 63));
  }
  return to;
}

/* `at` is behind the backslash; NULL when it is no escape. Halves of pairs stay halves: the library writes none. */
static const char *read_escape(const char *at, char **to) {
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  const char *plain = *at ? strchr(from, *at) : NULL;
  if (plain) {
    *(*to)++ = into[plain - from];
    return at + 1;
  }
  char digits[5] = {0}, *end;
  if (*at != 'u') return NULL;
  for (int i = 0; i < 4 && at[1 + i]; i++) digits[i] = at[1 + i];
  unsigned long code = strtoul(digits, &end, 16);
  if (end != digits + 4) return NULL;
  *to = put_utf8(*to, (unsigned)code);
  return at + 5;
}

/* `at` is the quote; an escape is never shorter than what it stands for. */
static const char *read_text(const char *at, char **out_text) {
  char *text = get_memory(strlen(at) + 1, 1), *to = text;
  for (at++; at && *at && *at != '"';) {
    if (*at == '\\')
      at = read_escape(at + 1, &to);
    else
      *to++ = *at++;
  }
  if (!at || *at != '"') {
    free(text);
    return NULL;
  }
  *to = 0;
  *out_text = text;
  return at + 1;
}

static const char *read_member(const char *at, json *parent, bool with_key, int depth) {
  parent->items = grow_memory(parent->items, parent->count, sizeof *parent->items);
  json *item = &parent->items[parent->count++];
  memset(item, 0, sizeof *item);
  if (with_key) {
    if (*at != '"') return NULL;
    at = read_text(at, &item->key);
    if (!at) return NULL;
    at = skip(at);
    if (*at++ != ':') return NULL;
  }
  return read_value(skip(at), item, depth + 1);
}

static const char *read_container(const char *at, json *out, int depth) {
  bool object = *at == '{';
  char close = object ? '}' : ']';
  out->kind = object ? JSON_OBJECT : JSON_ARRAY;
  at = skip(at + 1);
  while (*at != close) {
    at = read_member(at, out, object, depth);
    if (!at) return NULL;
    at = skip(at);
    if (*at == ',')
      at = skip(at + 1);
    else if (*at != close)
      return NULL;
  }
  return at + 1;
}

static const char *read_value(const char *at, json *out, int depth) {
  static const char *const words[] = {"null", "false", "true"};
  if (depth > DEEPEST) return NULL;
  if (*at == '{' || *at == '[') return read_container(at, out, depth);
  if (*at == '"') {
    out->kind = JSON_TEXT;
    return read_text(at, &out->text);
  }
  for (int i = 0; i < 3; i++)
    if (starts_with(at, words[i])) {
      out->kind = i ? JSON_BOOL : JSON_NULL;
      out->number = i == 2;
      return at + strlen(words[i]);
    }
  char *end;
  out->kind = JSON_NUMBER;
  out->number = strtod(at, &end);
  return end == at ? NULL : end;
}

bool json_read(const char *text, json *out) {
  memset(out, 0, sizeof *out);
  const char *end = read_value(skip(text), out, 0);
  return end && !*skip(end);
}

void json_free(json *value) {
  for (size_t i = 0; i < value->count; i++) json_free(&value->items[i]);
  free(value->items);
  free(value->key);
  free(value->text);
  memset(value, 0, sizeof *value);
}

const json *json_get(const json *object, const char *key) {
  static const json none;
  for (size_t i = 0; i < object->count; i++)
    if (object->items[i].key && strcmp(object->items[i].key, key) == 0) return &object->items[i];
  return &none;
}

const char *json_get_text(const json *object, const char *key) { return json_get(object, key)->text; }
double json_get_number(const json *object, const char *key) { return json_get(object, key)->number; }
