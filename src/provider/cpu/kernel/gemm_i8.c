/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/gemm_i8.h"

#include <string.h>

enum { ROWS = 4, LANES = 8 };

static uint32_t product(int32_t a, int32_t b) {
  uint32_t sum = 0;
  for (int g = 0; g < 4; g++) {
    int8_t x = (int8_t)((uint32_t)a >> 8 * g);
    sum += (uint32_t)(x * (int32_t)((uint32_t)b >> 8 * g & 0xff));
  }
  return sum;
}

RUNG_TILE_REFERENCE(rung_tile_i32, int32_t, uint32_t, product, ROWS, LANES)

static void tile_1(const rung_tile_i32 *t) { run_tile(t, 1); }
static void tile_2(const rung_tile_i32 *t) { run_tile(t, 2); }
static void tile_3(const rung_tile_i32 *t) { run_tile(t, 3); }
static void tile_4(const rung_tile_i32 *t) { run_tile(t, 4); }

void rung_i8_interleave_4(size_t n, const uint8_t *const *from, size_t step, uint8_t flip, int32_t *to) {
  const uint8_t *a = from[0], *b = from[1], *c = from[2], *d = from[3];
  uint32_t flips = flip * 0x01010101u;
  for (size_t i = 0; i < n; i++) {
    size_t at = i * step;
    to[i] = (int32_t)((a[at] | (uint32_t)b[at] << 8 | (uint32_t)c[at] << 16 | (uint32_t)d[at] << 24) ^ flips);
  }
}

void rung_i8_interleave_2(size_t n, const uint8_t *const *from, size_t step, uint8_t flip, int32_t *to) {
  const uint8_t *a = from[0], *b = from[1];
  uint32_t flips = flip * 0x00010001u;
  for (size_t i = 0; i < n; i++) to[i] = (int32_t)((a[i * step] | (uint32_t)b[i * step] << 16) ^ flips);
}

int32_t rung_i8_pack_row_4(size_t k, const uint8_t *from, uint8_t flip, size_t step, int32_t *to) {
  uint32_t flips = flip * 0x01010101u, unit;
  int32_t sum = 0;
  size_t i = 0;
  for (; i + 4 <= k; i += 4, to += step) {
    memcpy(&unit, from + i, sizeof unit);
    unit ^= flips;
    *to = (int32_t)unit;
    sum += (int8_t)unit + (int8_t)(unit >> 8) + (int8_t)(unit >> 16) + (int8_t)(unit >> 24);
  }
  if (i == k) return sum;
  unit = 0;
  for (size_t g = 0; i + g < k; g++) {
    uint8_t x = from[i + g] ^ flip;
    unit |= (uint32_t)x << 8 * g;
    sum += (int8_t)x;
  }
  *to = (int32_t)unit;
  return sum;
}

int32_t rung_i8_pack_row_2(size_t k, const uint8_t *from, uint8_t flip, size_t step, int32_t *to) {
  int32_t sum = 0;
  for (size_t i = 0; i < k; i += 2, to += step) {
    int8_t low = (int8_t)(from[i] ^ flip), high = i + 1 < k ? (int8_t)(from[i + 1] ^ flip) : 0;
    *to = (int32_t)((uint32_t)(uint16_t)low | (uint32_t)(uint16_t)high << 16);
    sum += low + high;
  }
  return sum;
}

static int32_t filter_at(const rung_filter_i8 *f, const uint8_t *from) {
  uint32_t sum = (uint32_t)f->start, ones = 0;
  for (size_t u = 0, at = 0; u < f->units; u++)
    for (size_t ky = 0; ky < f->taps_y; ky++, at++) {
      const uint8_t *b = from + ky * f->tap_row + u * 4, *const numbers[] = {b, b + 1, b + 2, b + 3};
      int32_t unit;
      rung_i8_interleave_4(1, numbers, 1, 0, &unit);
      sum += product(f->weights[at], unit);
      if (f->w_zero) ones += product(f->ones[at], unit);
    }
  return (int32_t)(sum - (uint32_t)f->w_zero * ones);
}

static void filter(const rung_filter_i8 *f) {
  for (size_t y = 0; y < f->rows; y++)
    for (size_t x = 0; x < f->columns; x++)
      f->to[y * f->columns + x] = filter_at(f, f->from + y * f->row + x * f->step);
}

const rung_gemm_i8 rung_gemm_i8_c = {.name = "c 4x8",
                                     .rows = ROWS,
                                     .lanes = LANES,
                                     .cols = LANES,
                                     .group = 4,
                                     .tile = {NULL, tile_1, tile_2, tile_3, tile_4},
                                     .interleave = rung_i8_interleave_4,
                                     .pack_row = rung_i8_pack_row_4,
                                     .filter = filter};

const rung_gemm_i8 *rung_gemm_i8_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX512_VNNI) return &rung_gemm_i8_avx512vnni;
  if (features & RUNG_CPU_AVX2) return &rung_gemm_i8_avx2;
#endif
  (void)features;
  return &rung_gemm_i8_c;
}
