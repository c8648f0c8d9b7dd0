/* What the tables of rows_f32.h have in common: RUNG_ROWS_F32(name) defines the table `name`. The including file has
 * rows_max, rows_least, rows_add_product and the functions declared here. */
#ifndef RUNG_CPU_KERNEL_ROWS_F32_LOOPS_H
#define RUNG_CPU_KERNEL_ROWS_F32_LOOPS_H

#include "provider/cpu/form/fastmath.h"
#include "provider/cpu/kernel/rows_f32.h"

enum { RUNG_ROWS_LANES = 16, RUNG_ROWS_BLOCK = 512 };

/* Of at most a block; the term of element i goes to lane i % 16. */
static float block_sum(size_t n, const float *x);
static float block_squares(size_t n, const float *x, float shift);
static float block_dot(size_t n, const float *x, const float *y);

/* Where the second half begins: a multiple of the block, so that blocks are full but for the last. */
static inline size_t rung_rows_middle(size_t n) { return (n / RUNG_ROWS_BLOCK + 1) / 2 * RUNG_ROWS_BLOCK; }

static float rows_sum(size_t n, const float *x) {
  if (n > RUNG_ROWS_BLOCK) {
    size_t m = rung_rows_middle(n);
    return rows_sum(m, x) + rows_sum(n - m, x + m);
  }
  return block_sum(n, x);
}

static float rows_squares(size_t n, const float *x, float shift) {
  if (n > RUNG_ROWS_BLOCK) {
    size_t m = rung_rows_middle(n);
    return rows_squares(m, x, shift) + rows_squares(n - m, x + m, shift);
  }
  return block_squares(n, x, shift);
}

static float rows_dot(size_t n, const float *x, const float *y) {
  if (n > RUNG_ROWS_BLOCK) {
    size_t m = rung_rows_middle(n);
    return rows_dot(m, x, y) + rows_dot(n - m, x + m, y + m);
  }
  return block_dot(n, x, y);
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

#define RUNG_ROWS_F32(name)                                                                                  \
  const rung_rows_f32 name = {rows_sum,          rows_squares, rows_dot,        rows_max,        rows_least, \
                              rows_exponentials, rows_divide,  rows_add_scaled, rows_add_product}

#endif
