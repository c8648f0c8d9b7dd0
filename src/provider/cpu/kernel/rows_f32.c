/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/rows_f32.h"

#include "provider/cpu/kernel/rows_f32_loops.h"

#define FOLD(start, combine, term)                                                                       \
  float lanes[RUNG_ROWS_LANES];                                                                          \
  for (size_t l = 0; l < RUNG_ROWS_LANES; l++) lanes[l] = start;                                         \
  for (size_t i = 0; i < n; i++) lanes[i % RUNG_ROWS_LANES] = combine(lanes[i % RUNG_ROWS_LANES], term); \
  for (size_t half = RUNG_ROWS_LANES / 2; half; half /= 2)                                               \
    for (size_t l = 0; l < half; l++) lanes[l] = combine(lanes[l], lanes[l + half]);                     \
  return lanes[0];

static float sum(float a, float b) { return a + b; }
static float least(float a, float b) { return b < a ? b : a; }
static float larger(float a, float b) { return b > a || b != b ? b : a; }

static float block_sum(size_t n, const float *x) { FOLD(0, sum, x[i]) }
static float block_squares(size_t n, const float *x, float shift) { FOLD(0, sum, (x[i] - shift) * (x[i] - shift)) }
static float block_dot(size_t n, const float *x, const float *y) { FOLD(0, sum, x[i] * y[i]) }
static float rows_max(size_t n, const float *x) { FOLD(-INFINITY, larger, x[i]) }
static float rows_least(size_t n, const float *x) { FOLD(INFINITY, least, x[i]) }

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
