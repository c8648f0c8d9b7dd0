#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Memory */

static void *checked(void *memory) {
  if (memory) return memory;
  fputs("rung: no memory left\n", stderr);
  exit(EXIT_OF(OUT_OF_MEMORY));
}

void *get_memory(size_t count, size_t size) { return checked(calloc(count ? count : 1, size ? size : 1)); }

void *grow_memory(void *old, size_t count, size_t size) {
  if (count & (count - 1)) return old; /* room doubles at powers of two */
  size_t room = count ? 2 * count : 1;
  return checked(room > SIZE_MAX / size ? NULL : realloc(old, room * size));
}

char *copy_text(const char *text, size_t size) {
  char *copy = get_memory(size + 1, 1);
  if (size) memcpy(copy, text, size);
  return copy;
}

char *format_text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = get_memory((size_t)size + 1, 1);
  va_start(arguments, format);
  vsnprintf(text, (size_t)size + 1, format, arguments);
  va_end(arguments);
  return text;
}

void text_list_add(text_list *list, const char *text) {
  list->at = grow_memory(list->at, list->count, sizeof *list->at);
  list->at[list->count++] = text;
}

void text_list_free(text_list *list) {
  for (size_t i = 0; i < list->count; i++) free((char *)list->at[i]);
  free(list->at);
  *list = (text_list){0};
}

/* Words */

bool starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

bool ends_with(const char *text, const char *end) {
  size_t size = strlen(text), tail = strlen(end);
  return size >= tail && strcmp(text + size - tail, end) == 0;
}

/* Levenshtein's distance, one row at a time; long words are not compared. */
static size_t distance(const char *a, const char *b) {
  enum { LONGEST = 63 };
  size_t row[LONGEST + 1], m = strlen(a), n = strlen(b);
  if (m > LONGEST || n > LONGEST) return LONGEST;
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 1; i <= m; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      row[j] = changed < other ? changed : other;
    }
  }
  return row[n];
}

const char *nearest(const char *word, const char *const *candidates, size_t count) {
  const char *best = NULL;
  size_t least = strlen(word) / 3 + 2;
  for (size_t i = 0; i < count; i++) {
    size_t far = distance(word, candidates[i]);
    if (far < least) least = far, best = candidates[i];
  }
  return best;
}

enum { SLOTS = 8, SLOT_SIZE = 512 };

/* Buffers in turn, so that one printf can name several. */
static char *slot(void) {
  static char slots[SLOTS][SLOT_SIZE];
  static unsigned next;
  return slots[next++ % SLOTS];
}

static const char *format_slot(const char *format, ...) PRINTF(1, 2);
static const char *format_slot(const char *format, ...) {
  char *text = slot();
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, SLOT_SIZE, format, arguments);
  va_end(arguments);
  return text;
}

size_t utf8_size(const char *data, size_t size) {
  const unsigned char *text = (const unsigned char *)data;
  unsigned first = text[0];
  if (first < 0x80) return 1;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > size) return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xc0) != 0x80) return 0;
  unsigned second = text[1];
  bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
               (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

/* Neither a control character (of which U+0080 to U+009F have two bytes) nor broken. */
static size_t printable_length(const char *data, size_t size) {
  size_t length = utf8_size(data, size);
  unsigned char first = (unsigned char)data[0];
  bool is_control = first < 0x20 || first == 0x7f || (first == 0xc2 && length == 2 && (unsigned char)data[1] < 0xa0);
  return is_control ? 0 : length;
}

const char *clean_bytes(const char *data, size_t size) {
  char *text = slot(), *to = text;
  for (size_t i = 0; i < size;) {
    if (to - text > SLOT_SIZE - 12) {
      strcpy(to, "...");
      return text;
    }
    size_t length = printable_length(data + i, size - i);
    if (length) memcpy(to, data + i, length);
    to += length ? length : (size_t)sprintf(to, "\\x%02x", (unsigned char)data[i]);
    i += length ? length : 1;
  }
  *to = 0;
  return text;
}

const char *clean(const char *text) { return clean_bytes(text, strlen(text)); }

const char *choices_text(const char *word, const char *const *candidates, size_t count) {
  const char *near = nearest(word, candidates, count);
  if (near) return format_slot("; did you mean %s?", clean(near));
  char *text = slot();
  size_t at = 0;
  text[0] = 0;
  for (size_t i = 0; i < count; i++) {
    const char *name = clean(candidates[i]), *before = i ? ", " : "; there are: ";
    if (at + strlen(before) + strlen(name) + 6 > SLOT_SIZE) return strcpy(text + at, ", ..."), text;
    at += (size_t)sprintf(text + at, "%s%s", before, name);
  }
  return text;
}

char *clean_lines(const char *text, const char *indent) {
  size_t left = strlen(text);
  char *lines = get_memory(left + 1, 4 + strlen(indent)), *to = lines;
  while (left) {
    size_t length = *text == '\t' ? 1 : printable_length(text, left);
    if (length)
      memcpy(to, text, length), to += length;
    else if (*text == '\n')
      to += sprintf(to, "\n%s", indent);
    else
      to += sprintf(to, "\\x%02x", (unsigned char)*text);
    text += length ? length : 1;
    left -= length ? length : 1;
  }
  return lines;
}

const char *plural(size_t count, const char *one, const char *many) { return count == 1 ? one : many; }

/* Numbers */

/* Three digits that count, and the unit that keeps them before the point. */
static const char *scaled(double value, double step, const char *const *units, int count) {
  int unit = 0;
  while (unit < count - 1 && fabs(value) >= 999.5) value /= step, unit++;
  int decimals = fabs(value) >= 99.95 || value == floor(value) ? 0 : fabs(value) >= 9.995 ? 1 : 2;
  return format_slot("%.*f%s%s", decimals, value, units[unit][0] ? " " : "", units[unit]);
}

const char *bytes_text(double bytes) {
  static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
  return scaled(bytes, 1000, units, 5);
}

const char *seconds_text(double seconds) {
  static const char *const units[] = {"ns", "us", "ms", "s"};
  return scaled(seconds * 1e9, 1000, units, 4);
}

const char *count_text(double count) {
  static const char *const units[] = {"", "K", "M", "G", "T", "P"};
  return scaled(count, 1000, units, 6);
}

const char *flops_text(double count) {
  static const char *const units[] = {"FLOP", "KFLOP", "MFLOP", "GFLOP", "TFLOP"};
  return scaled(count, 1000, units, 5);
}

const char *dims_text(const rung_session *session, int32_t rank, const int64_t *dims) {
  char *text = slot();
  size_t at = 0;
  text[0] = 0;
  for (int32_t i = 0; i < rank && at < SLOT_SIZE - 40; i++) {
    const char *name = session ? rung_session_dimension_name(session, dims[i]) : NULL;
    if (!RUNG_IS_SYMBOL(dims[i]))
      at += (size_t)sprintf(text + at, "%s%lld", i ? "," : "", (long long)dims[i]);
    else
      at += (size_t)snprintf(text + at, 36, "%s%s", i ? "," : "", name ? clean(name) : "?");
    at = strlen(text);
  }
  return text;
}

const char *type_text(const rung_session *session, const rung_type *type) {
  if (!type) return "?";
  const char *element = type->dtype ? rung_dtype_name(type->dtype) : "?";
  switch (type->kind) {
    case RUNG_TENSOR:
    case RUNG_SPARSE:
      return format_slot("%s%s[%s]", type->kind == RUNG_SPARSE ? "sparse " : "", element,
                         type->rank < 0 ? "..." : dims_text(session, type->rank, type->dims));
    case RUNG_SEQUENCE:
      return format_slot("sequence(%s)", type_text(session, type->element));
    case RUNG_OPTIONAL:
      return format_slot("optional(%s)", type_text(session, type->element));
    case RUNG_MAP:
      return format_slot("map(%s, %s)", element, type_text(session, type->element));
    default:
      return "?";
  }
}

/* Parsing */

bool parse_number(const char *text, size_t size, double *out) {
  char copy[64], *end;
  if (!size || size >= sizeof copy || text[0] == ' ') return false;
  memcpy(copy, text, size);
  copy[size] = 0;
  *out = strtod(copy, &end);
  return !*end;
}

bool parse_count(const char *text, size_t size, int64_t *out) {
  int64_t value = 0;
  if (!size || size > 18) return false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  *out = value;
  return true;
}

int parse_counts(const char *text, size_t size, char separator, int64_t *out, int most) {
  int count = 0;
  const char *end = text + size;
  for (const char *at = text; at <= end; count++) {
    const char *stop = memchr(at, separator, (size_t)(end - at));
    if (!stop) stop = end;
    if (count == most || !parse_count(at, (size_t)(stop - at), &out[count])) return -1;
    at = stop + 1;
  }
  return count;
}

uint64_t nanoseconds(double seconds) { return (uint64_t)ceil(seconds * 1e9); }

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}
