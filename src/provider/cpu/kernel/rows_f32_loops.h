/* The kernels of rows_f32.h, for one file per instruction set: RUNG_ROWS_F32(name) defines the table `name`. Its
 * rows_add_product is that of add_product.inc, or of plain C. */
#ifndef RUNG_CPU_KERNEL_ROWS_F32_LOOPS_H
#define RUNG_CPU_KERNEL_ROWS_F32_LOOPS_H

#include "provider/cpu/form/fastmath.h"
#include "provider/cpu/kernel/rows_f32.h"

enum { RUNG_ROWS_LANES = 16, RUNG_ROWS_BLOCK = 512 };

/* The term of element i goes to lane i % 16. */
#define RUNG_ROWS_FOLD(term)                                              \
  float lanes[RUNG_ROWS_LANES] = {0};                                     \
  size_t i = 0;                                                           \
  for (; i + RUNG_ROWS_LANES <= n; i += RUNG_ROWS_LANES)                  \
    for (size_t l = 0; l < RUNG_ROWS_LANES; l++) lanes[l] += term(i + l); \
  for (size_t l = 0; i < n; i++, l++) lanes[l] += term(i);                \
  for (size_t half = RUNG_ROWS_LANES / 2; half; half /= 2)                \
    for (size_t l = 0; l < half; l++) lanes[l] += lanes[l + half];        \
  return lanes[0];

#define RUNG_ROWS_PLAIN(i) x[i]
#define RUNG_ROWS_SQUARE(i) (x[i] - shift) * (x[i] - shift)
#define RUNG_ROWS_PRODUCT(i) x[i] * y[i]

/* Where the second half begins: a multiple of the block, so that blocks are full but for the last. */
static inline size_t rung_rows_middle(size_t n) { return (n / RUNG_ROWS_BLOCK + 1) / 2 * RUNG_ROWS_BLOCK; }

static float rows_sum(size_t n, const float *x) {
  if (n > RUNG_ROWS_BLOCK) {
    size_t m = rung_rows_middle(n);
    return rows_sum(m, x) + rows_sum(n - m, x + m);
  }
  RUNG_ROWS_FOLD(RUNG_ROWS_PLAIN)
}

static float rows_squares(size_t n, const float *x, float shift) {
  if (n > RUNG_ROWS_BLOCK) {
    size_t m = rung_rows_middle(n);
    return rows_squares(m, x, shift) + rows_squares(n - m, x + m, shift);
  }
  RUNG_ROWS_FOLD(RUNG_ROWS_SQUARE)
}

static float rows_dot(size_t n, const float *x, const float *y) {
  if (n > RUNG_ROWS_BLOCK) {
    size_t m = rung_rows_middle(n);
    return rows_dot(m, x, y) + rows_dot(n - m, x + m, y + m);
  }
  RUNG_ROWS_FOLD(RUNG_ROWS_PRODUCT)
}

/* Larger, or NaN. */
#define RUNG_ROWS_LARGER(a, b) ((((b) > (a)) | ((b) != (b))) ? (b) : (a))

static float rows_max(size_t n, const float *x) {
  float lanes[RUNG_ROWS_LANES];
  size_t i = 0;
  for (size_t l = 0; l < RUNG_ROWS_LANES; l++) lanes[l] = -INFINITY;
  for (; i + RUNG_ROWS_LANES <= n; i += RUNG_ROWS_LANES)
    for (size_t l = 0; l < RUNG_ROWS_LANES; l++) lanes[l] = RUNG_ROWS_LARGER(lanes[l], x[i + l]);
  for (size_t l = 0; i < n; i++, l++) lanes[l] = RUNG_ROWS_LARGER(lanes[l], x[i]);
  for (size_t half = RUNG_ROWS_LANES / 2; half; half /= 2)
    for (size_t l = 0; l < half; l++) lanes[l] = RUNG_ROWS_LARGER(lanes[l], lanes[l + half]);
  return lanes[0];
}

static float rows_exponentials(size_t n, const float *x, float shift, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = rung_exp_f32(x[i] - shift);
  return rows_sum(n, y);
}

static void rows_divide(size_t n, float *x, float by) {
  for (size_t i = 0; i < n; i++) x[i] /= by;
}

static void rows_add_scaled(size_t n, float a, const float *x, float *y) {
  for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

#define RUNG_ROWS_F32(name)                                                               \
  const rung_rows_f32 name = {rows_sum,          rows_squares, rows_dot,        rows_max, \
                              rows_exponentials, rows_divide,  rows_add_scaled, rows_add_product}

#endif
