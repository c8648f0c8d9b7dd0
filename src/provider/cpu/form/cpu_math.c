#include "provider/cpu/form/cpu_math.h"

#include "provider/cpu/form/cpu_math_loops.h"

RUNG_MATH_LOOPS(F32, float)
RUNG_MATH_LOOPS(F64, double)

const rung_math rung_math_f64 = {RUNG_MATH_TABLE(F64)};

static const rung_math plain = {RUNG_MATH_TABLE(F32), .f16_to_f32 = rung_f16_to_f32_n, .f32_to_f16 = rung_f32_to_f16_n,
                                .bf16_to_f32 = bf16_to_f32, .f32_to_bf16 = f32_to_bf16};

#ifdef __x86_64__
extern const rung_math rung_math_avx2, rung_math_avx512;
#endif

const rung_math *rung_math_for(rung_cpu_set features) {
#ifdef __x86_64__
  if (features & RUNG_CPU_AVX512) return &rung_math_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_math_avx2;
#endif
  (void)features;
  return &plain;
}
