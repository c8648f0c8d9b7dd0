#include "provider/openvino/openvino_json.h"

#include <stdio.h>

enum { MOST_BYTES = 1 << 16 };

typedef struct reader {
  const char *text, *at;
  rung_arena *arena;
  openvino_property_fn *fn;
  void *context;
} reader;

static rung_status *wrong(const reader *r, const char *what) {
  return RUNG_ERROR(INVALID_ARGUMENT, "load_config: byte %zu: %s", (size_t)(r->at - r->text), what);
}

static void skip_space(reader *r) { r->at += strspn(r->at, " \t\r\n"); }

static bool take(reader *r, char c) {
  skip_space(r);
  if (*r->at != c) return false;
  r->at++;
  return true;
}

/* \uXXXX as UTF-8; surrogates are refused, no property needs them. */
static rung_status *read_unicode(reader *r, char **out) {
  unsigned code;
  int size = 0;
  if (sscanf(r->at, "u%4x%n", &code, &size) != 1 || size != 5 || code == 0 || (code >= 0xd800 && code < 0xe000))
    return wrong(r, "\\u is followed by four hexadecimal digits of a character");
  r->at += size;
  if (code < 0x80) {
    *(*out)++ = (char)code;
  } else {
    if (code >= 0x800) *(*out)++ = (char)(0xe0 | code >> 12);
    *(*out)++ = (char)(code >= 0x800 ? 0x80 | (code >> 6 & 63) : 0xc0 | code >> 6);
    *(*out)++ = (char)(0x80 | (code & 63));
  }
  return NULL;
}

static rung_status *read_escape(reader *r, char **out) {
  static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  const char *escape = *r->at ? strchr(escapes, *r->at) : NULL;
  if (!escape) return read_unicode(r, out);
  *(*out)++ = meant[escape - escapes];
  r->at++;
  return NULL;
}

static rung_status *read_string(reader *r, const char **out_text) {
  if (!take(r, '"')) return wrong(r, "a string in double quotes is expected");
  size_t size = 0; /* unescaped text is never longer */
  while (r->at[size] && r->at[size] != '"') size += r->at[size] == '\\' && r->at[size + 1] ? 2 : 1;
  char *text = rung_arena_alloc(r->arena, size + 1, 1), *end = text;
  RUNG_CHECK_ALLOC(text);
  while (*r->at != '"') {
    if ((unsigned char)*r->at < ' ') return wrong(r, "the string has no end, or holds a control character");
    if (*r->at != '\\') {
      *end++ = *r->at++;
      continue;
    }
    r->at++;
    RUNG_TRY(read_escape(r, &end));
  }
  r->at++;
  *end = 0;
  *out_text = text;
  return NULL;
}

static rung_status *read_value(reader *r, const char **out_text) {
  static const struct {
    const char *word, *meaning;
  } words[] = {{"true", "YES"}, {"false", "NO"}};
  skip_space(r);
  if (*r->at == '"') return read_string(r, out_text);
  for (size_t i = 0; i < RUNG_COUNT(words); i++)
    if (strncmp(r->at, words[i].word, strlen(words[i].word)) == 0) {
      r->at += strlen(words[i].word);
      *out_text = words[i].meaning;
      return NULL;
    }
  size_t size = strspn(r->at, "+-.0123456789eE");
  if (size == 0 || !strpbrk(r->at, "0123456789")) return wrong(r, "a string, a number, true or false is expected");
  *out_text = rung_arena_copy(r->arena, r->at, size);
  r->at += size;
  return *out_text ? NULL : rung_status_out_of_memory();
}

static rung_status *read_object(reader *r, const char *device) {
  if (!take(r, '{')) return wrong(r, "an object is expected");
  if (take(r, '}')) return NULL;
  do {
    const char *key, *value;
    RUNG_TRY(read_string(r, &key));
    if (!take(r, ':')) return wrong(r, "':' is expected");
    skip_space(r);
    if (*r->at == '{' && device) return wrong(r, "objects stand in the outermost one only, one per device");
    if (*r->at == '{') {
      RUNG_TRY(read_object(r, key));
    } else {
      RUNG_TRY(read_value(r, &value));
      RUNG_TRY(r->fn(r->context, device, key, value));
    }
  } while (take(r, ','));
  return take(r, '}') ? NULL : wrong(r, "',' or '}' is expected");
}

rung_status *rung__openvino_read_json(const char *text, rung_arena *arena, openvino_property_fn *fn, void *context) {
  reader r = {text, text, arena, fn, context};
  RUNG_REQUIRE(strlen(text) <= MOST_BYTES, INVALID_ARGUMENT, "load_config is longer than %d bytes", MOST_BYTES);
  RUNG_TRY(read_object(&r, NULL));
  skip_space(&r);
  return *r.at ? wrong(&r, "nothing is expected behind the object") : NULL;
}
