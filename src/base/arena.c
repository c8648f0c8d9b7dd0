#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct rung_arena_block {
  struct rung_arena_block *next;
  max_align_t data[];
} block;

/* In single mode every allocation is a block of its own: then each can fail by itself
 * (tests/session/test_alloc_fail.c), and a sanitizer sees where it ends. */
#ifdef RUNG_ARENA_SINGLE
enum { FIRST_BLOCK = 1, LARGEST_BLOCK = 1 };
#else
enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };
#endif
enum { ALIGN = _Alignof(max_align_t) };

void rung_arena_init(rung_arena *arena, const rung_allocator *allocator) {
  *arena = (rung_arena){.allocator = allocator};
}

void rung_arena_finish(rung_arena *arena) {
  for (block *b = arena->blocks, *next; b; b = next) {
    next = b->next;
    rung_free(arena->allocator, b);
  }
  arena->blocks = NULL;
  arena->used = arena->size = 0;
}

void *rung_arena_alloc(rung_arena *arena, size_t count, size_t size) {
  size_t bytes;
  if (!rung_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
  bytes = RUNG_ROUND_UP(RUNG_MAX(bytes, 1), (size_t)ALIGN);
  if (bytes > arena->size - arena->used) {
    size_t next = RUNG_CLAMP(arena->size * 2, (size_t)FIRST_BLOCK, (size_t)LARGEST_BLOCK);
    next = RUNG_MAX(next, bytes);
    block *b = rung_alloc(arena->allocator, 1, sizeof(block) + next, "arena");
    if (!b) return NULL;
    b->next = arena->blocks;
    arena->blocks = b;
    arena->used = 0;
    arena->size = next;
  }
  void *result = (char *)arena->blocks->data + arena->used;
  arena->used += bytes;
  return result;
}

char *rung_arena_copy(rung_arena *arena, const char *data, size_t size) {
  char *copy = size == SIZE_MAX ? NULL : rung_arena_alloc(arena, size + 1, 1);
  if (copy && size) memcpy(copy, data, size);
  return copy;
}

char *rung_arena_printf(rung_arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  char *text = length < 0 ? NULL : rung_arena_alloc(arena, (size_t)length + 1, 1);
  if (text) vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  va_end(args);
  return text;
}
