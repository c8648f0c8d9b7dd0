#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

rung_str rung_str_of(const char *text) { return (rung_str){text, text ? strlen(text) : 0}; }

bool rung_str_equal(rung_str a, rung_str b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool rung_str_is(rung_str a, const char *text) { return rung_str_equal(a, rung_str_of(text)); }

int rung_str_compare(rung_str a, rung_str b) {
  size_t shared = RUNG_MIN(a.size, b.size);
  int order = shared ? memcmp(a.data, b.data, shared) : 0;
  if (order) return order < 0 ? -1 : 1;
  return a.size < b.size ? -1 : a.size > b.size;
}

/* FNV-1a over 64-bit words with a final mix: keys here are short names and shapes. */
uint64_t rung_hash_bytes(const void *data, size_t size, uint64_t seed) {
  const unsigned char *bytes = data;
  uint64_t hash = seed ^ 0xcbf29ce484222325u;
  for (; size >= 8; bytes += 8, size -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  for (; size; bytes++, size--) hash = (hash ^ *bytes) * 0x100000001b3u;
  hash ^= hash >> 29;
  hash *= 0xbf58476d1ce4e5b9u;
  return hash ^ (hash >> 32);
}

void rung_text_init(rung_text *text, const rung_allocator *allocator) { *text = (rung_text){.allocator = allocator}; }

void rung_text_finish(rung_text *text) {
  rung_free(text->allocator, text->data);
  rung_text_init(text, text->allocator);
}

static bool reserve(rung_text *text, size_t more) {
  size_t needed;
  if (text->failed) return false;
  if (!rung_add_size(text->size, more, &needed) || !rung_add_size(needed, 1, &needed)) return !(text->failed = true);
  if (needed <= text->capacity) return true;
  if (!rung_vec_grow(text->allocator, (void **)&text->data, &text->capacity, needed, 1)) text->failed = true;
  return !text->failed;
}

void rung_text_append(rung_text *text, const char *data, size_t size) {
  if (!reserve(text, size)) return;
  if (size) memcpy(text->data + text->size, data, size);
  text->size += size;
  text->data[text->size] = 0;
}

void rung_text_vprintf(rung_text *text, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  if (length >= 0 && reserve(text, (size_t)length)) {
    vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
    text->size += (size_t)length;
  }
  va_end(again);
}

void rung_text_printf(rung_text *text, const char *format, ...) {
  va_list args;
  va_start(args, format);
  rung_text_vprintf(text, format, args);
  va_end(args);
}

static bool same_letter(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

/* Levenshtein distance without regard to case, two neighbours that changed places being one edit; words longer than a
 * row never match. */
static size_t edits(const char *a, const char *b) {
  enum { LONGEST = 63 };
  size_t rows[3][LONGEST + 1], n = strlen(b), *row = rows[0], *last = rows[1], *older = rows[2];
  if (n > LONGEST) return SIZE_MAX;
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 0; a[i]; i++) {
    size_t *free_row = older;
    older = last;
    last = row;
    row = free_row;
    row[0] = i + 1;
    for (size_t j = 1; j <= n; j++) {
      size_t change = last[j - 1] + !same_letter(a[i], b[j - 1]);
      row[j] = RUNG_MIN(change, RUNG_MIN(last[j], row[j - 1]) + 1);
      bool swapped = i > 0 && j > 1 && same_letter(a[i], b[j - 2]) && same_letter(a[i - 1], b[j - 1]);
      if (swapped) row[j] = RUNG_MIN(row[j], older[j - 2] + 1);
    }
  }
  return row[n];
}

const char *rung_nearest(const char *word, const char *const *candidates, size_t count) {
  const char *best = NULL;
  size_t fewest = RUNG_MAX(strlen(word) / 3, 1) + 1;
  for (size_t i = 0; i < count; i++) {
    size_t distance = edits(word, candidates[i]);
    if (distance < fewest) fewest = distance, best = candidates[i];
  }
  return best;
}

const char *rung_shape_text(int32_t rank, const int64_t *dims, char buffer[RUNG_SHAPE_TEXT]) {
  if (rank <= 0) return strcpy(buffer, rank ? "unknown rank" : "scalar");
  char *at = buffer, *end = buffer + RUNG_SHAPE_TEXT;
  for (int32_t i = 0; i < rank && i < RUNG_MAX_RANK; i++) {
    if (i) *at++ = 'x';
    if (dims[i] >= 0)
      at += snprintf(at, (size_t)(end - at), "%" PRId64, dims[i]);
    else
      *at++ = '?', *at = 0;
  }
  return buffer;
}
