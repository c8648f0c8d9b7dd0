#include "provider/cpu/kernel/rows_f32.h"

#include "provider/cpu/kernel/rows_f32_loops.h"

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
