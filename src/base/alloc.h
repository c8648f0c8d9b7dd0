/* Allocation: everything goes through a rung_allocator, counts multiply through checked helpers. */
#ifndef RUNG_BASE_ALLOC_H
#define RUNG_BASE_ALLOC_H

#include "base/macros.h"
#include "rung_types.h"

#include <stdbool.h>
#include <string.h>

/* Tensor data begins on a cache line, which is also the widest SIMD register. */
#define RUNG_TENSOR_ALIGN 64

extern const rung_allocator rung_system_allocator;

/* Zeroed block of `count` elements of `size` bytes, or NULL (also when the product overflows, or is 0). */
void *rung_alloc(const rung_allocator *allocator, size_t count, size_t size, const char *tag) RUNG_MUST_CHECK;
/* Uninitialised block of `bytes`, aligned for tensors. A request of 0 bytes yields a block all the same. */
void *rung_alloc_data(const rung_allocator *allocator, size_t bytes, const char *tag) RUNG_MUST_CHECK;
void rung_free(const rung_allocator *allocator, void *block);

/* False when the result would not fit; then *out is untouched. */
static inline bool rung_mul_size(size_t a, size_t b, size_t *out) {
  if (b && a > SIZE_MAX / b) return false;
  *out = a * b;
  return true;
}

static inline bool rung_add_size(size_t a, size_t b, size_t *out) {
  if (a > SIZE_MAX - b) return false;
  *out = a + b;
  return true;
}

static inline bool rung_mul_i64(int64_t a, int64_t b, int64_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool rung_add_i64(int64_t a, int64_t b, int64_t *out) { return !__builtin_add_overflow(a, b, out); }

/* A growing array: RUNG_VEC(int) numbers = {0}; Grow with rung_vec_push, which is false when out of memory. */
#define RUNG_VEC(type) \
  struct {             \
    type *at;          \
    size_t count;      \
    size_t capacity;   \
  }

bool rung_vec_grow(const rung_allocator *allocator, void **at, size_t *capacity, size_t needed, size_t size);

#define rung_vec_reserve(allocator, vec, needed) \
  ((needed) <= (vec)->capacity ||                \
   rung_vec_grow(allocator, (void **)&(vec)->at, &(vec)->capacity, needed, sizeof *(vec)->at))

#define rung_vec_push(allocator, vec, ...) \
  (rung_vec_reserve(allocator, vec, (vec)->count + 1) && ((vec)->at[(vec)->count++] = __VA_ARGS__, true))

#define rung_vec_free(allocator, vec) (rung_free(allocator, (vec)->at), (void)memset(vec, 0, sizeof *(vec)))

#endif
