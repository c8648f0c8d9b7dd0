#include "provider/cpu/form/floats.h"

#include "provider/cpu/cpu_types.h"

#include <math.h>

#define EACH_SOURCE(X, op) RUNG_EACH_FLOAT(X, op) RUNG_EACH_INTEGER(X, op) X(op, BOOL, uint8_t, uint8_t, , )

#define LOAD(target, NAME, stored, computed, load, store)                                   \
  static void load_##target##_##NAME(const void *data, size_t step, size_t n, target *to) { \
    const stored *x = data;                                                                 \
    if (step == 1)                                                                          \
      for (size_t i = 0; i < n; i++) to[i] = (target)load(x[i]);                            \
    else                                                                                    \
      for (size_t i = 0; i < n; i++) to[i] = (target)load(x[i * step]);                     \
  }
EACH_SOURCE(LOAD, float)
EACH_SOURCE(LOAD, double)

typedef void (*load_float)(const void *data, size_t step, size_t n, float *to);
typedef void (*load_double)(const void *data, size_t step, size_t n, double *to);
#define LOAD_ENTRY(target, NAME, stored, computed, load, store) [RUNG_##NAME] = load_##target##_##NAME,
static const load_float float_loads[RUNG_DTYPE_NUMBERS] = {EACH_SOURCE(LOAD_ENTRY, float)};
static const load_double double_loads[RUNG_DTYPE_NUMBERS] = {EACH_SOURCE(LOAD_ENTRY, double)};

static const void *element(rung_dtype dtype, const void *data, size_t at) {
  return (const char *)data + at * rung_dtype_size(dtype);
}

void rung_load_f32(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, float *to) {
  if (n) float_loads[dtype](element(dtype, data, at), step, n, to);
}

void rung_load_f64(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, double *to) {
  if (n) double_loads[dtype](element(dtype, data, at), step, n, to);
}

void rung_store_f32(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const float *from) {
  for (size_t i = 0; i < n && dtype == RUNG_F32; i++) ((float *)data)[at + i * step] = from[i];
  for (size_t i = 0; i < n && dtype == RUNG_F64; i++) ((double *)data)[at + i * step] = (double)from[i];
  for (size_t i = 0; i < n && dtype == RUNG_F16; i++) ((uint16_t *)data)[at + i * step] = rung_f32_to_f16(from[i]);
  for (size_t i = 0; i < n && dtype == RUNG_BF16; i++) ((uint16_t *)data)[at + i * step] = rung_f32_to_bf16(from[i]);
}

void rung_store_f64(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const double *from) {
  for (size_t i = 0; i < n && dtype == RUNG_F32; i++) ((float *)data)[at + i * step] = (float)from[i];
  for (size_t i = 0; i < n && dtype == RUNG_F64; i++) ((double *)data)[at + i * step] = from[i];
  for (size_t i = 0; i < n && dtype == RUNG_F16; i++) ((uint16_t *)data)[at + i * step] = rung_f64_to_f16(from[i]);
  for (size_t i = 0; i < n && dtype == RUNG_BF16; i++) ((uint16_t *)data)[at + i * step] = rung_f64_to_bf16(from[i]);
}

enum { LANES = 16, BLOCK = 512 };

/* One block: lanes, then lanes pairwise. */
#define FOLD(name, type, params, term)                               \
  static type name##_block params {                                  \
    type lanes[LANES] = {0};                                         \
    size_t i = 0;                                                    \
    for (; i + LANES <= n; i += LANES)                               \
      for (size_t l = 0; l < LANES; l++) lanes[l] += term(i + l);    \
    for (size_t l = 0; i < n; i++, l++) lanes[l] += term(i);         \
    for (size_t half = LANES / 2; half; half /= 2)                   \
      for (size_t l = 0; l < half; l++) lanes[l] += lanes[l + half]; \
    return lanes[0];                                                 \
  }

/* Where the second half begins: a multiple of the block, so that blocks are full but for the last. */
static size_t middle(size_t n) { return (n / BLOCK + 1) / 2 * BLOCK; }

#define PLAIN(i) x[i]
#define SHIFTED(i) (x[i] - shift) * (x[i] - shift)
#define PRODUCT(i) x[i] * y[i]

#define SUMS(suffix, type)                                                                                             \
  FOLD(sum_##suffix, type, (size_t n, const type *x), PLAIN)                                                           \
  type rung_sum_##suffix(size_t n, const type *x) {                                                                    \
    if (n <= BLOCK) return sum_##suffix##_block(n, x);                                                                 \
    size_t m = middle(n);                                                                                              \
    return rung_sum_##suffix(m, x) + rung_sum_##suffix(n - m, x + m);                                                  \
  }                                                                                                                    \
  FOLD(squares_##suffix, type, (size_t n, const type *x, type shift), SHIFTED)                                         \
  type rung_squares_##suffix(size_t n, const type *x, type shift) {                                                    \
    if (n <= BLOCK) return squares_##suffix##_block(n, x, shift);                                                      \
    size_t m = middle(n);                                                                                              \
    return rung_squares_##suffix(m, x, shift) + rung_squares_##suffix(n - m, x + m, shift);                            \
  }                                                                                                                    \
  FOLD(dot_##suffix, type, (size_t n, const type *x, const type *y), PRODUCT)                                          \
  type rung_dot_##suffix(size_t n, const type *x, const type *y) {                                                     \
    if (n <= BLOCK) return dot_##suffix##_block(n, x, y);                                                              \
    size_t m = middle(n);                                                                                              \
    return rung_dot_##suffix(m, x, y) + rung_dot_##suffix(n - m, x + m, y + m);                                        \
  }                                                                                                                    \
  type rung_max_##suffix(size_t n, const type *x) {                                                                    \
    type lanes[LANES];                                                                                                 \
    size_t i = 0;                                                                                                      \
    for (size_t l = 0; l < LANES; l++) lanes[l] = (type) - INFINITY;                                                   \
    for (; i + LANES <= n; i += LANES)                                                                                 \
      for (size_t l = 0; l < LANES; l++) lanes[l] = x[i + l] > lanes[l] || x[i + l] != x[i + l] ? x[i + l] : lanes[l]; \
    for (size_t l = 0; i < n; i++, l++) lanes[l] = x[i] > lanes[l] || x[i] != x[i] ? x[i] : lanes[l];                  \
    for (size_t l = 1; l < LANES; l++) lanes[0] = lanes[l] > lanes[0] || lanes[l] != lanes[l] ? lanes[l] : lanes[0];   \
    return lanes[0];                                                                                                   \
  }
SUMS(f32, float)
SUMS(f64, double)
