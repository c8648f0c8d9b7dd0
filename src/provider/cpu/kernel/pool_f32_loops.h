/* The kernels of pool_f32.h, for one file per instruction set: RUNG_POOL_F32(name) defines the table `name`. */
#ifndef RUNG_CPU_KERNEL_POOL_F32_LOOPS_H
#define RUNG_CPU_KERNEL_POOL_F32_LOOPS_H

#include "provider/cpu/kernel/pool_f32.h"

#include <string.h>

#define RUNG_POOL_LARGER(a, b) ((((b) > (a)) | ((b) != (b))) ? (b) : (a))
#define RUNG_POOL_SUM(a, b) ((a) + (b))

/* Strides of 1 and 2 are what the compiler has good loads for. */
#define RUNG_POOL_LOOPS(name, combine)                                                                              \
  static void pool_##name##_rows(size_t n, size_t rows, size_t step, const float *x, float *to) {                   \
    memcpy(to, x, n * sizeof *to);                                                                                  \
    for (size_t r = 1; r < rows; r++) {                                                                             \
      const float *restrict row = x + r * step;                                                                     \
      for (size_t i = 0; i < n; i++) to[i] = combine(to[i], row[i]);                                                \
    }                                                                                                               \
  }                                                                                                                 \
  static void pool_##name##_tap(size_t n, size_t stride, const float *restrict x, float *restrict to) {             \
    if (stride == 1)                                                                                                \
      for (size_t i = 0; i < n; i++) to[i] = combine(to[i], x[i]);                                                  \
    else if (stride == 2)                                                                                           \
      for (size_t i = 0; i < n; i++) to[i] = combine(to[i], x[2 * i]);                                              \
    else                                                                                                            \
      for (size_t i = 0; i < n; i++) to[i] = combine(to[i], x[i * stride]);                                         \
  }                                                                                                                 \
  static void pool_##name##_columns(size_t n, size_t taps, size_t stride, size_t dilation, const float *restrict x, \
                                    float *restrict to) {                                                           \
    if (taps == 2 && stride == 2 && dilation == 1) {                                                                \
      for (size_t i = 0; i < n; i++) to[i] = combine(x[2 * i], x[2 * i + 1]);                                       \
      return;                                                                                                       \
    }                                                                                                               \
    for (size_t i = 0; i < n; i++) to[i] = x[i * stride];                                                           \
    for (size_t t = 1; t < taps; t++) pool_##name##_tap(n, stride, x + t * dilation, to);                           \
  }
RUNG_POOL_LOOPS(max, RUNG_POOL_LARGER)
RUNG_POOL_LOOPS(sum, RUNG_POOL_SUM)

#define RUNG_POOL_F32(name) \
  const rung_pool_f32_table name = {{pool_max_rows, pool_max_columns}, {pool_sum_rows, pool_sum_columns}}

#endif
