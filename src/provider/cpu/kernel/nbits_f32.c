/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/nbits_f32.h"

static float element(const rung_nbits_rows *r, size_t k, size_t column) {
  size_t row_bytes = r->width * r->bits / 8;
  unsigned code = r->codes[k * row_bytes + column % row_bytes] >> column / row_bytes * r->bits;
  return ((float)(code & ((1u << r->bits) - 1)) - r->zeros[column]) * r->scales[column];
}

static void fill(const rung_nbits_rows *r, float *to) {
  for (size_t k = 0; k < r->depth; k++)
    for (size_t j = 0; j < r->width; j++) to[k * r->width + j] = element(r, k, j);
}

static void multiply(const rung_nbits_rows *rows, size_t panels, size_t step, const float *a, float *sums) {
  for (size_t p = 0; p < panels; p++, sums += rows->width) {
    rung_nbits_rows r = *rows;
    r.codes += p * step;
    r.scales += p * step / sizeof(float);
    r.zeros += p * step / sizeof(float);
    for (size_t k = 0; k < r.depth; k++)
      for (size_t j = 0; j < r.width; j++) sums[j] += a[k] * element(&r, k, j);
  }
}

const rung_nbits_f32 rung_nbits_f32_c = {"c", fill, multiply};

const rung_nbits_f32 *rung_nbits_f32_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX512) return &rung_nbits_f32_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_nbits_f32_avx2;
#endif
  (void)features;
  return &rung_nbits_f32_c;
}
