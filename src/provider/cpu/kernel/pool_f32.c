#include "provider/cpu/kernel/pool_f32.h"

#include "provider/cpu/kernel/pool_f32_loops.h"

static RUNG_POOL_F32(plain);

#ifdef __x86_64__
extern const rung_pool_f32_table rung_pool_f32_avx2, rung_pool_f32_avx512;
#endif

const rung_pool_f32_table *rung_pool_f32_for(rung_cpu_set features) {
#ifdef __x86_64__
  if (features & RUNG_CPU_AVX512) return &rung_pool_f32_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_pool_f32_avx2;
#endif
  (void)features;
  return &plain;
}
