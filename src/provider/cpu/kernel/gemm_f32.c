/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/gemm_f32.h"

enum { ROWS = 4, LANES = 8 };

#define MULTIPLY(a, b) ((a) * (b))
RUNG_TILE_REFERENCE(rung_tile_f32, float, float, MULTIPLY, ROWS, LANES)

static void tile_1(const rung_tile_f32 *t) { run_tile(t, 1); }
static void tile_2(const rung_tile_f32 *t) { run_tile(t, 2); }
static void tile_3(const rung_tile_f32 *t) { run_tile(t, 3); }
static void tile_4(const rung_tile_f32 *t) { run_tile(t, 4); }

const rung_gemm_f32 rung_gemm_f32_c = {"c 4x8", ROWS, LANES, LANES, {NULL, tile_1, tile_2, tile_3, tile_4}};

const rung_gemm_f32 *rung_gemm_f32_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX512) return &rung_gemm_f32_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_gemm_f32_avx2;
#endif
  (void)features;
  return &rung_gemm_f32_c;
}
