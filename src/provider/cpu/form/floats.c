#include "provider/cpu/form/floats.h"

#include "provider/cpu/form/convert.h"

#include <math.h>
#include <string.h>

enum { LANES = 8, BLOCK = 256 };

/* n elements of `size` bytes, from every `from_step`-th to every `to_step`-th. */
#define SPREAD(size) \
  for (size_t i = 0; i < n; i++) memcpy(to + i * to_step * (size), from + i * from_step * (size), size);
static void spread_out(size_t size, size_t n, const char *from, size_t from_step, char *to, size_t to_step) {
  if (size == 4)
    SPREAD(4)
  else if (size == 2)
    SPREAD(2)
  else if (size == 8)
    SPREAD(8)
  else
    SPREAD(1)
}

static void load(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, rung_dtype to_type, void *to) {
  size_t size = rung_dtype_size(dtype), to_size = rung_dtype_size(to_type);
  const char *from = (const char *)data + at * size;
  char block[BLOCK * 8];
  if (step == 1)
    rung_convert(&rung_convert_defaults, n, dtype, from, to_type, to);
  else if (dtype == to_type)
    spread_out(size, n, from, step, to, 1);
  else
    for (size_t i = 0, m; i < n; i += m) {
      m = RUNG_MIN(n - i, BLOCK);
      spread_out(size, m, from + i * step * size, step, block, 1);
      rung_convert(&rung_convert_defaults, m, dtype, block, to_type, (char *)to + i * to_size);
    }
}

static void store(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, rung_dtype from_type,
                  const void *from) {
  size_t size = rung_dtype_size(dtype), from_size = rung_dtype_size(from_type);
  char *to = (char *)data + at * size, block[BLOCK * 8];
  if (step == 1)
    rung_convert(&rung_convert_defaults, n, from_type, from, dtype, to);
  else
    for (size_t i = 0, m; i < n; i += m) {
      m = RUNG_MIN(n - i, BLOCK);
      rung_convert(&rung_convert_defaults, m, from_type, (const char *)from + i * from_size, dtype, block);
      spread_out(size, m, block, 1, to + i * step * size, step);
    }
}

/* Few float32 at a time are what most callers want. */
void rung_load_f32(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, float *to) {
  const float *from = data;
  if (dtype != RUNG_F32)
    load(dtype, data, at, step, n, RUNG_F32, to);
  else if (step == 1 && n)
    memcpy(to, from + at, n * sizeof *to);
  else
    for (size_t i = 0; i < n; i++) to[i] = from[at + i * step];
}

void rung_load_f64(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, double *to) {
  load(dtype, data, at, step, n, RUNG_F64, to);
}

void rung_store_f32(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const float *from) {
  float *to = data;
  if (dtype != RUNG_F32)
    store(dtype, data, at, step, n, RUNG_F32, from);
  else if (step == 1 && n)
    memcpy(to + at, from, n * sizeof *to);
  else
    for (size_t i = 0; i < n; i++) to[at + i * step] = from[i];
}

void rung_store_f64(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const double *from) {
  store(dtype, data, at, step, n, RUNG_F64, from);
}

/* float64: pairwise down to blocks that are summed in 8 accumulators. */
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
