#include "json_out.h"

#include "text.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };
typedef struct json_writer {
  FILE *to; /* in memory */
  char *text;
  size_t size;
  char close[DEEPEST];
  bool filled[DEEPEST]; /* something stands in it */
  int depth;
} json_writer;
static json_writer out, kept; /* what is written now; and, while that is aside, the other */

static void put_byte(char byte) { fputc(byte, out.to); }

static void put_quoted(const char *data, size_t size) {
  put_byte('"');
  for (size_t i = 0; i < size;) {
    size_t length = utf8_size(data + i, size - i);
    unsigned char byte = (unsigned char)data[i];
    if (!length)
      fputs("\\ufffd", out.to);
    else if (byte == '"' || byte == '\\')
      fprintf(out.to, "\\%c", byte);
    else if (byte < 0x20 || byte == 0x7f)
      fprintf(out.to, "\\u%04x", byte);
    else
      fwrite(data + i, 1, length, out.to);
    i += length ? length : 1;
  }
  put_byte('"');
}

static void indent(void) { fprintf(out.to, "\n%*s", 2 * out.depth, ""); }

static void begin_value(const char *key) {
  if (!out.to) out.to = open_memstream(&out.text, &out.size);
  if (!out.to) get_memory(SIZE_MAX, 1); /* which says so, and ends */
  if (out.depth > 0) {
    assert((key != NULL) == (out.close[out.depth - 1] == '}'));
    if (out.filled[out.depth - 1]) put_byte(',');
    out.filled[out.depth - 1] = true;
    indent();
  }
  if (!key) return;
  put_quoted(key, strlen(key));
  fputs(": ", out.to);
}

static void end_value(void) {
  if (out.depth == 0) put_byte('\n');
}

static void open_container(const char *key, char open, char close) {
  begin_value(key);
  assert(out.depth < DEEPEST);
  put_byte(open);
  out.close[out.depth] = close;
  out.filled[out.depth++] = false;
}

void json_object(const char *key) { open_container(key, '{', '}'); }
void json_array(const char *key) { open_container(key, '[', ']'); }

void json_end(void) {
  assert(out.depth > 0);
  out.depth--;
  if (out.filled[out.depth]) indent();
  put_byte(out.close[out.depth]);
  end_value();
}

void json_bytes(const char *key, const char *data, size_t size) {
  begin_value(key);
  put_quoted(data, size);
  end_value();
}

void json_text(const char *key, const char *value) {
  if (value)
    json_bytes(key, value, strlen(value));
  else
    json_null(key);
}

void json_raw(const char *key, const char *json) {
  begin_value(key);
  size_t size = strlen(json);
  while (size && json[size - 1] == '\n') size--;
  for (size_t i = 0; i < size; i++) { /* its lines move in; within strings JSON has no newline */
    put_byte(json[i]);
    if (json[i] == '\n') fprintf(out.to, "%*s", 2 * out.depth, "");
  }
  end_value();
}

void json_count(const char *key, int64_t value) {
  begin_value(key);
  fprintf(out.to, "%" PRId64, value);
  end_value();
}

/* The fewest digits that read back as the same number. */
void json_number(const char *key, double value) {
  if (!isfinite(value)) {
    json_text(key, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    return;
  }
  char text[40];
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  json_raw(key, text);
}

void json_bool(const char *key, bool value) { json_raw(key, value ? "true" : "false"); }
void json_null(const char *key) { json_raw(key, "null"); }

void json_aside(void) {
  assert(!kept.to);
  kept = out;
  memset(&out, 0, sizeof out);
}

char *json_aside_end(void) {
  assert(out.to && out.depth == 0);
  if (fclose(out.to) != 0) get_memory(SIZE_MAX, 1); /* which says so, and ends */
  char *text = out.text;
  out = kept;
  memset(&kept, 0, sizeof kept);
  return text;
}

void json_drop(void) {
  if (!out.to) return;
  fclose(out.to);
  free(out.text);
  memset(&out, 0, sizeof out);
}

void json_print(void) {
  if (!out.to) return;
  fflush(out.to);
  fwrite(out.text, 1, out.size, stdout);
  json_drop();
}
