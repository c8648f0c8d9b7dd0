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

/* float64: pairwise down to blocks that are summed in 8 accumulators. */
enum { LANES = 8, BLOCK = 256 };

static size_t middle(size_t n) { return (n / BLOCK + 1) / 2 * BLOCK; }

#define FOLD(term)                                                 \
  double lanes[LANES] = {0};                                       \
  size_t i = 0;                                                    \
  for (; i + LANES <= n; i += LANES)                               \
    for (size_t l = 0; l < LANES; l++) lanes[l] += term(i + l);    \
  for (size_t l = 0; i < n; i++, l++) lanes[l] += term(i);         \
  for (size_t half = LANES / 2; half; half /= 2)                   \
    for (size_t l = 0; l < half; l++) lanes[l] += lanes[l + half]; \
  return lanes[0];
#define PLAIN(i) x[i]
#define SQUARE(i) (x[i] - shift) * (x[i] - shift)
#define PRODUCT(i) x[i] * y[i]

static double sum(size_t n, const double *x) {
  size_t m = middle(n);
  if (n > BLOCK) return sum(m, x) + sum(n - m, x + m);
  FOLD(PLAIN)
}

static double squares(size_t n, const double *x, double shift) {
  size_t m = middle(n);
  if (n > BLOCK) return squares(m, x, shift) + squares(n - m, x + m, shift);
  FOLD(SQUARE)
}

static double dot(size_t n, const double *x, const double *y) {
  size_t m = middle(n);
  if (n > BLOCK) return dot(m, x, y) + dot(n - m, x + m, y + m);
  FOLD(PRODUCT)
}

static double max(size_t n, const double *x) {
  double largest = -(double)INFINITY;
  for (size_t i = 0; i < n; i++) largest = ((x[i] > largest) | (x[i] != x[i])) ? x[i] : largest;
  return largest;
}

static double exponentials(size_t n, const double *x, double shift, double *y) {
  for (size_t i = 0; i < n; i++) y[i] = exp(x[i] - shift);
  return sum(n, y);
}

static void divide(size_t n, double *x, double by) {
  for (size_t i = 0; i < n; i++) x[i] /= by;
}

static void add_scaled(size_t n, double a, const double *x, double *y) {
  for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

const rung_rows_f64 rung_rows_f64_c = {sum, squares, dot, max, exponentials, divide, add_scaled};
