/* Arena: load-time data that dies together. Blocks double up to 1 MiB; nothing is freed singly. Single-threaded. */
#ifndef RUNG_BASE_ARENA_H
#define RUNG_BASE_ARENA_H

#include "base/alloc.h"

typedef struct rung_arena {
  const rung_allocator *allocator;
  struct rung_arena_block *blocks; /* newest first */
  size_t used, size;               /* of the newest block */
} rung_arena;

void rung_arena_init(rung_arena *arena, const rung_allocator *allocator);
void rung_arena_finish(rung_arena *arena);

/* Zeroed; NULL when out of memory or when count * size overflows. A count of 0 yields a valid pointer. */
void *rung_arena_alloc(rung_arena *arena, size_t count, size_t size) RUNG_MUST_CHECK;
/* NUL-terminated copy. */
char *rung_arena_copy(rung_arena *arena, const char *data, size_t size) RUNG_MUST_CHECK;
char *rung_arena_printf(rung_arena *arena, const char *format, ...) RUNG_PRINTF(2, 3) RUNG_MUST_CHECK;

#endif
