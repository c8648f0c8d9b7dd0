/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/gemm_f32.h"

#include "base/macros.h"

enum { ROWS = 4, LANES = 8 };

/* Sums of up to ROWS x LANES elements at column `at`. */
static void sum_block(const rung_tile_f32 *t, size_t rows, size_t at, float sums[ROWS][LANES]) {
  const float *b = t->b + at / LANES * t->b_step;
  for (size_t r = 0; r < ROWS; r++)
    for (size_t j = 0; j < LANES; j++) sums[r][j] = 0;
  for (size_t k = 0; k < t->k; k++) {
    const float *row = b + t->offsets[k];
    for (size_t r = 0; r < rows; r++)
      for (size_t j = 0; j < LANES; j++) sums[r][j] += t->a[k * rows + r] * row[j];
  }
}

static void finish_row(const rung_tile_f32 *t, size_t r, size_t at, size_t n, const float *sums) {
  float *c = t->c + r * t->c_step + at;
  for (size_t j = 0; j < n; j++) {
    float s = sums[j];
    if (t->flags & RUNG_TILE_ACCUMULATE) s += c[j];
    if (t->flags & RUNG_TILE_ROW_BIAS) s += t->bias[r];
    if (t->flags & RUNG_TILE_COLUMN_BIAS) s += t->bias[at + j];
    if (t->flags & RUNG_TILE_RESIDUAL) s += t->residual[r * t->residual_step + at + j];
    if (t->flags & RUNG_TILE_CLAMP) {
      s = s < t->low ? t->low : s;
      s = s > t->high ? t->high : s;
    }
    c[j] = s;
  }
}

static void run_tile(const rung_tile_f32 *t, size_t rows) {
  float sums[ROWS][LANES];
  for (size_t at = 0; at < t->cols; at += LANES) {
    sum_block(t, rows, at, sums);
    for (size_t r = 0; r < rows; r++) finish_row(t, r, at, RUNG_MIN(LANES, t->cols - at), sums[r]);
  }
}

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
