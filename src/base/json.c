#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void rung_json_init(rung_json *json, rung_text *text, int indent) {
  *json = (rung_json){.text = text, .indent = indent, .first = true};
}

static void append(rung_json *json, const char *data) { rung_text_append(json->text, data, strlen(data)); }

static bool in_object(const rung_json *json) { return json->depth > 0 && (json->objects >> (json->depth - 1) & 1); }

static void new_line(rung_json *json) {
  if (json->indent) rung_text_printf(json->text, "\n%*s", json->indent * json->depth, "");
}

/* What separates the next element from the one before. */
static void next_element(rung_json *json) {
  if (!json->first) append(json, ",");
  if (json->depth) new_line(json);
  json->first = false;
}

static void begin_value(rung_json *json) {
  assert(json->after_key == in_object(json));
  if (!json->after_key) next_element(json);
  json->after_key = false;
}

static void begin_container(rung_json *json, const char *bracket, bool object) {
  begin_value(json);
  assert(json->depth < RUNG_JSON_MAX_DEPTH);
  append(json, bracket);
  uint64_t bit = UINT64_C(1) << (json->depth & 63);
  json->objects = object ? json->objects | bit : json->objects & ~bit;
  json->depth++;
  json->first = true;
}

static void end_container(rung_json *json) {
  assert(json->depth > 0 && !json->after_key);
  const char *bracket = in_object(json) ? "}" : "]";
  json->depth--;
  if (!json->first) new_line(json);
  append(json, bracket);
  json->first = false;
}

void rung_json_begin_object(rung_json *json) { begin_container(json, "{", true); }
void rung_json_begin_array(rung_json *json) { begin_container(json, "[", false); }

void rung_json_end_object(rung_json *json) {
  assert(in_object(json));
  end_container(json);
}

void rung_json_end_array(rung_json *json) {
  assert(!in_object(json));
  end_container(json);
}

/* Length of the UTF-8 sequence that begins the text; 0 when it is malformed: cut off, overlong, a surrogate, or beyond
 * U+10FFFF (RFC 3629, section 4). */
static size_t utf8_length(const unsigned char *at, size_t size) {
  if (at[0] < 0x80) return 1;
  if (at[0] < 0xc2 || at[0] > 0xf4) return 0;
  size_t length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
  if (length > size) return 0;
  unsigned char least = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char most = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < least || at[1] > most) return 0;
  for (size_t i = 2; i < length; i++)
    if (at[i] < 0x80 || at[i] > 0xbf) return 0;
  return length;
}

static void escape(rung_json *json, unsigned char c) {
  static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, its letter */
  for (const char *at = named; *at; at += 2)
    if ((unsigned char)at[0] == c) {
      rung_text_printf(json->text, "\\%c", at[1]);
      return;
    }
  rung_text_printf(json->text, "\\u%04x", c);
}

static void quoted(rung_json *json, rung_str value) {
  append(json, "\"");
  const unsigned char *at = (const unsigned char *)value.data;
  size_t begin = 0, i = 0; /* [begin, i) can be copied as it is */
  while (i < value.size) {
    size_t length = utf8_length(at + i, value.size - i);
    if (length && at[i] >= 0x20 && at[i] != '"' && at[i] != '\\') {
      i += length;
      continue;
    }
    rung_text_append(json->text, value.data + begin, i - begin);
    if (length)
      escape(json, at[i]);
    else
      append(json, "\xef\xbf\xbd");
    begin = ++i;
  }
  if (i > begin) rung_text_append(json->text, value.data + begin, i - begin);
  append(json, "\"");
}

void rung_json_key(rung_json *json, const char *key) {
  assert(in_object(json) && !json->after_key);
  next_element(json);
  quoted(json, rung_str_of(key));
  append(json, json->indent ? ": " : ":");
  json->after_key = true;
}

void rung_json_str(rung_json *json, rung_str value) {
  begin_value(json);
  quoted(json, value);
}

void rung_json_string(rung_json *json, const char *value) {
  if (value)
    rung_json_str(json, rung_str_of(value));
  else
    rung_json_null(json);
}

void rung_json_i64(rung_json *json, int64_t value) {
  begin_value(json);
  rung_text_printf(json->text, "%" PRId64, value);
}

void rung_json_u64(rung_json *json, uint64_t value) {
  begin_value(json);
  rung_text_printf(json->text, "%" PRIu64, value);
}

/* printf writes the decimal point of the program's locale, which may be several bytes: all of it becomes one '.'. */
static void append_number(rung_json *json, const char *number) {
  size_t before = strspn(number, "-0123456789");
  size_t point = strcspn(number + before, "e0123456789");
  rung_text_printf(json->text, "%.*s%s%s", (int)before, number, point ? "." : "", number + before + point);
}

void rung_json_f64(rung_json *json, double value) {
  if (!isfinite(value)) {
    rung_json_null(json);
    return;
  }
  char number[64];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(number, sizeof number, "%.*g", digits, value);
    if (strtod(number, NULL) == value) break;
  }
  begin_value(json);
  append_number(json, number);
}

void rung_json_bool(rung_json *json, bool value) {
  begin_value(json);
  append(json, value ? "true" : "false");
}

void rung_json_null(rung_json *json) {
  begin_value(json);
  append(json, "null");
}

#define PUT(suffix, type)                                                     \
  void rung_json_put_##suffix(rung_json *json, const char *key, type value) { \
    rung_json_key(json, key);                                                 \
    rung_json_##suffix(json, value);                                          \
  }
PUT(string, const char *)
PUT(i64, int64_t)
PUT(u64, uint64_t)
PUT(f64, double)
PUT(bool, bool)
