/* The reference in C, and the choice of a table. */
#define TABLE rung_quantize_c
#include "provider/cpu/kernel/quantize_i8.inc"

#if defined(__x86_64__)
extern const rung_quantize_table rung_quantize_avx2, rung_quantize_avx512;
#endif

const rung_quantize_table *rung_quantize_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX512) return &rung_quantize_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_quantize_avx2;
#endif
  (void)features;
  return &rung_quantize_c;
}
