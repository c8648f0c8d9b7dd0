#include "labels.h"

#include "disk.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void read_lines(const char *text, text_list *out) {
  while (*text) {
    size_t size = strcspn(text, "\n"), kept = size;
    if (kept && text[kept - 1] == '\r') kept--;
    text_list_add(out, copy_text(text, kept));
    text += size + (text[size] == '\n');
  }
}

/* JSON. Only strings and the depth matter; what lies between them is skipped. */

static unsigned hex(const char *at) {
  char digits[5] = {0};
  strncpy(digits, at, 4);
  return (unsigned)strtoul(digits, NULL, 16);
}

static char *put_utf8(unsigned code, char *to) {
  if (code < 0x80) return *to = (char)code, to + 1;
  if (code < 0x800) return to[0] = (char)(0xc0 | code >> 6), to[1] = (char)(0x80 | (code & 63)), to + 2;
  if (code < 0x10000) {
    *to++ = (char)(0xe0 | code >> 12);
  } else {
    *to++ = (char)(0xf0 | code >> 18);
    *to++ = (char)(0x80 | (code >> 12 & 63));
  }
  to[0] = (char)(0x80 | (code >> 6 & 63)), to[1] = (char)(0x80 | (code & 63));
  return to + 2;
}

/* The string that begins behind its quote, into `to` (which it never outgrows); *at moves behind its end. */
static char *read_string(const char **at, char *to) {
  static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/ \f\n\r\t";
  const char *from = *at;
  while (*from && *from != '"') {
    if (*from != '\\') {
      *to++ = *from++;
    } else if (from[1] == 'u' && strlen(from) >= 6) {
      unsigned code = hex(from + 2);
      from += 6;
      if (code >= 0xd800 && code < 0xdc00 && starts_with(from, "\\u") && strlen(from) >= 6) {
        code = 0x10000 + ((code - 0xd800) << 10 | (hex(from + 2) & 0x3ff));
        from += 6;
      }
      to = put_utf8(code, to);
    } else {
      const char *which = from[1] ? strchr(plain, from[1]) : NULL;
      *to++ = which ? meant[which - plain] : '?';
      from += from[1] ? 2 : 1;
    }
  }
  *at = from + (*from == '"');
  return to;
}

static bool is_key(const char *after) { return after[strspn(after, " \t\r\n")] == ':'; }

/* `text` stands behind the outermost bracket. */
static void read_json(const char *text, text_list *out) {
  char *label = get_memory(strlen(text) + 1, 1), *end = label;
  bool any = false; /* something stands in the element */
  for (int depth = 1; *text && depth > 0;) {
    char c = *text++;
    bool closes = c == ']' || c == '}';
    depth += (c == '[' || c == '{') - closes;
    if (c == '"') {
      char *start = end;
      if (end > label) *end++ = ' ';
      end = read_string(&text, end);
      if (is_key(text)) end = start;
    }
    if ((depth == 1 && c == ',') || (depth == 0 && any)) {
      text_list_add(out, copy_text(label, (size_t)(end - label)));
      end = label;
      any = false;
    } else if (!strchr(" \t\r\n", c)) {
      any = true;
    }
  }
  free(label);
}

void labels_of_lines(const char *text, text_list *out) {
  *out = (text_list){0};
  read_lines(text, out);
}

void labels_parse(const char *text, text_list *out) {
  *out = (text_list){0};
  const char *begin = text + strspn(text, " \t\r\n");
  if (*begin == '[' || *begin == '{')
    read_json(begin + 1, out);
  else
    read_lines(text, out);
}

int labels_read(const char *path, text_list *out) {
  bytes file;
  TRY(read_text_file(path, &file));
  labels_parse((const char *)file.data, out);
  free_bytes(&file);
  return out->count ? 0 : fail(EXIT_OF(INVALID_ARGUMENT), "%s holds no labels", clean(path));
}
