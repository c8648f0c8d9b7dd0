/* Kernels on rows of float32 that end in one number, and what goes with them. The same bits on every instruction set:
 * sums go through 16 accumulators side by side, which are added pairwise, in blocks of 512 that are added pairwise. */
#ifndef RUNG_CPU_KERNEL_ROWS_F32_H
#define RUNG_CPU_KERNEL_ROWS_F32_H

#include "base/cpu.h"

#include <stddef.h>

typedef struct rung_rows_f32 {
  float (*sum)(size_t n, const float *x);
  float (*squares)(size_t n, const float *x, float shift); /* of (x - shift)^2 */
  float (*dot)(size_t n, const float *x, const float *y);
  float (*max)(size_t n, const float *x);   /* -infinity when n is 0; NaN when there is one */
  float (*least)(size_t n, const float *x); /* of the numbers that are no NaN, and of infinity */
  /* y = exp(x - shift), and their sum; y may be x. */
  float (*exponentials)(size_t n, const float *x, float shift, float *y);
  void (*divide)(size_t n, float *x, float by);
  void (*add_scaled)(size_t n, float a, const float *x, float *y); /* y += a * x */
  /* y[j] += the sum of x[i] * w[i][j], added to it in the order of i < k; rows of w are `step` elements apart. */
  void (*add_product)(size_t n, size_t k, const float *x, const float *w, size_t step, float *y);
} rung_rows_f32;

/* The best table for a set of features. */
const rung_rows_f32 *rung_rows_f32_for(rung_cpu_set features);

#endif
