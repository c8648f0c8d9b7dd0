/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/pool_f32.h"

#include <string.h>

#define LARGER(a, b) ((((b) > (a)) | ((b) != (b))) ? (b) : (a))
#define SUM(a, b) ((a) + (b))

#define POOL_KERNELS(name, combine)                                                                              \
  static void name##_rows(size_t n, size_t rows, size_t step, const float *x, float *to) {                       \
    memcpy(to, x, n * sizeof *to);                                                                               \
    for (size_t r = 1; r < rows; r++)                                                                            \
      for (size_t i = 0; i < n; i++) to[i] = combine(to[i], x[r * step + i]);                                    \
  }                                                                                                              \
  static void name##_columns(size_t n, size_t taps, size_t stride, size_t dilation, const float *x, float *to) { \
    for (size_t i = 0; i < n; i++) {                                                                             \
      to[i] = x[i * stride];                                                                                     \
      for (size_t t = 1; t < taps; t++) to[i] = combine(to[i], x[i * stride + t * dilation]);                    \
    }                                                                                                            \
  }
POOL_KERNELS(max, LARGER)
POOL_KERNELS(sum, SUM)

const rung_pool_f32_table rung_pool_f32_c = {{max_rows, max_columns}, {sum_rows, sum_columns}};

const rung_pool_f32_table *rung_pool_f32_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX512) return &rung_pool_f32_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_pool_f32_avx2;
#endif
  (void)features;
  return &rung_pool_f32_c;
}
