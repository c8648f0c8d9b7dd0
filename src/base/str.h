/* Strings: counted views, growing text, near-miss suggestions. */
#ifndef RUNG_BASE_STR_H
#define RUNG_BASE_STR_H

#include "base/alloc.h"

#include <stdarg.h>

rung_str rung_str_of(const char *text);
bool rung_str_equal(rung_str a, rung_str b);
bool rung_str_is(rung_str a, const char *text);
/* -1, 0, 1 in byte order. */
int rung_str_compare(rung_str a, rung_str b);
uint64_t rung_hash_bytes(const void *data, size_t size, uint64_t seed);

/* Text that grows by printf. When memory runs out `failed` is set and what follows is dropped, so only the end
 * needs a check. `data` is NUL-terminated once something was added. */
typedef struct rung_text {
  const rung_allocator *allocator;
  char *data;
  size_t size, capacity;
  bool failed;
} rung_text;

void rung_text_init(rung_text *text, const rung_allocator *allocator);
void rung_text_finish(rung_text *text);
void rung_text_append(rung_text *text, const char *data, size_t size);
void rung_text_printf(rung_text *text, const char *format, ...) RUNG_PRINTF(2, 3);
void rung_text_vprintf(rung_text *text, const char *format, va_list args);

/* The candidate with the fewest edits from `word`, or NULL when none is within a third of its length. */
const char *rung_nearest(const char *word, const char *const *candidates, size_t count);

/* Formats dims as "1x3x224x224" ("scalar" for rank 0, "?" for symbols) into buffer; returns buffer. */
enum { RUNG_SHAPE_TEXT = RUNG_MAX_RANK * 21 + 8 };
const char *rung_shape_text(int32_t rank, const int64_t *dims, char buffer[RUNG_SHAPE_TEXT]);

#endif
