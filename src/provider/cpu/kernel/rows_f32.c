#include "provider/cpu/kernel/rows_f32.h"

#include "provider/cpu/kernel/rows_f32_loops.h"

static void rows_add_product(size_t n, size_t k, const float *x, const float *w, size_t step, float *y) {
  for (size_t i = 0; i < k; i++) rows_add_scaled(n, x[i], w + i * step, y);
}

static RUNG_ROWS_F32(plain);

#ifdef __x86_64__
extern const rung_rows_f32 rung_rows_f32_avx2, rung_rows_f32_avx512;
#endif

const rung_rows_f32 *rung_rows_f32_for(rung_cpu_set features) {
#ifdef __x86_64__
  if (features & RUNG_CPU_AVX512) return &rung_rows_f32_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_rows_f32_avx2;
#endif
  (void)features;
  return &plain;
}
