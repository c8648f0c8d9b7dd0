/* The reference in C, and the choice of a table. */
#include "provider/cpu/kernel/nbits_i8.h"

enum { WIDTH = RUNG_NBITS_I8_WIDTH, UNIT = RUNG_NBITS_I8_UNIT };

/* sums[c] += the products of a unit. */
static void add_unit(const uint8_t *codes, const int8_t *a, unsigned shift, unsigned mask, int32_t *sums) {
  for (size_t c = 0; c < WIDTH; c++)
    for (size_t i = 0; i < 4; i++) sums[c] += (int32_t)(codes[4 * c + i] >> shift & mask) * a[i];
}

static void multiply(const rung_nbits_i8_panel *p, const rung_nbits_i8_rows *rows, size_t count, float *to) {
  size_t units = p->block * p->bits / 32, each = 32 / p->bits;
  unsigned mask = (1u << p->bits) - 1;
  for (size_t r = 0; r < count; r++, to += WIDTH) {
    for (size_t c = 0; c < WIDTH; c++) to[c] = 0;
    for (size_t b = 0; b < p->blocks; b++) {
      size_t at = r * p->blocks + b;
      int32_t sums[WIDTH] = {0};
      for (size_t u = 0; u < units; u++)
        for (size_t half = 0; half < each / 4; half++)
          add_unit(p->codes + (b * units + u) * UNIT, rows->a + at * p->block + u * each + 4 * half,
                   (unsigned)(half * p->bits), mask, sums);
      for (size_t c = 0; c < WIDTH; c++) {
        int32_t sum = sums[c] - p->zeros[b * WIDTH + c] * rows->sums[at];
        to[c] += (float)sum * (p->scales[b * WIDTH + c] * rows->scales[at]);
      }
    }
  }
}

const rung_nbits_i8 rung_nbits_i8_c = {"c", 1, 8, multiply};

const rung_nbits_i8 *rung_nbits_i8_for(rung_cpu_set features) {
#if defined(__x86_64__)
  if (features & RUNG_CPU_AVX512_VNNI) return &rung_nbits_i8_avx512vnni;
  if (features & RUNG_CPU_AVX2) return &rung_nbits_i8_avx2;
#endif
  (void)features;
  return &rung_nbits_i8_c;
}
