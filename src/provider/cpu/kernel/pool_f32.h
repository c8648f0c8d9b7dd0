/* Kernels of pools over planes of float32: first the rows under a window become one, then its columns. Maxima are NaN
 * when one element is. The same bits on every instruction set. */
#ifndef RUNG_CPU_KERNEL_POOL_F32_H
#define RUNG_CPU_KERNEL_POOL_F32_H

#include "base/cpu.h"

#include <stddef.h>

typedef struct rung_pool_f32 {
  /* to[i] = x[i] combined with x[i + step], ..., x[i + (rows - 1) * step]; rows >= 1; steps in elements. */
  void (*rows)(size_t n, size_t rows, size_t step, const float *x, float *to);
  /* to[i] = x[i * stride] combined with x[i * stride + dilation], ..., x[i * stride + (taps - 1) * dilation] */
  void (*columns)(size_t n, size_t taps, size_t stride, size_t dilation, const float *x, float *to);
} rung_pool_f32;

typedef struct rung_pool_f32_table {
  rung_pool_f32 max, sum;
} rung_pool_f32_table;

/* The best table for a set of features. */
const rung_pool_f32_table *rung_pool_f32_for(rung_cpu_set features);

extern const rung_pool_f32_table rung_pool_f32_c;
#if defined(__x86_64__)
extern const rung_pool_f32_table rung_pool_f32_avx2, rung_pool_f32_avx512;
#endif

#endif
