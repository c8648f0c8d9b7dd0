#include "base/alloc.h"

#include <stdlib.h>

static void *system_alloc(void *user, size_t size, size_t align, const char *tag) {
  (void)user, (void)tag;
  if (align <= _Alignof(max_align_t)) return malloc(size);
  size_t rounded;
  if (!rung_add_size(size, align - 1, &rounded)) return NULL;
  return aligned_alloc(align, rounded / align * align);
}

static void system_free(void *user, void *block) {
  (void)user;
  free(block);
}

const rung_allocator rung_system_allocator = {system_alloc, system_free, NULL};

void *rung_alloc(const rung_allocator *allocator, size_t count, size_t size, const char *tag) {
  size_t bytes;
  if (!rung_mul_size(count, size, &bytes) || bytes == 0) return NULL;
  void *block = allocator->alloc(allocator->user, bytes, _Alignof(max_align_t), tag);
  if (block) memset(block, 0, bytes);
  return block;
}

void *rung_alloc_data(const rung_allocator *allocator, size_t bytes, const char *tag) {
  return allocator->alloc(allocator->user, bytes ? bytes : 1, RUNG_TENSOR_ALIGN, tag);
}

void rung_free(const rung_allocator *allocator, void *block) {
  if (block) allocator->free(allocator->user, block);
}

bool rung_vec_grow(const rung_allocator *allocator, void **at, size_t *capacity, size_t needed, size_t size) {
  size_t larger = RUNG_MAX(needed, *capacity * 2);
  if (larger < 8) larger = 8;
  void *block = rung_alloc(allocator, larger, size, "vector");
  if (!block) return false;
  if (*at) memcpy(block, *at, *capacity * size);
  rung_free(allocator, *at);
  *at = block;
  *capacity = larger;
  return true;
}
