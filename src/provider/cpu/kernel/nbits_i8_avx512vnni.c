/* A vector holds a panel's 16 columns; vpdpbusd adds four products of an unsigned and a signed byte to each. */
#include "base/macros.h"
#include "provider/cpu/kernel/nbits_i8.h"

#include <immintrin.h>
#include <string.h>

#define INTEGERS __m512i
#define FLOATS __m512
enum { LANES = 16, ROWS = 4 };

RUNG_ALWAYS_INLINE __m512i load_codes(const uint8_t *p) { return _mm512_loadu_si512(p); }
RUNG_ALWAYS_INLINE __m512i low(__m512i c) { return _mm512_and_si512(c, _mm512_set1_epi8(15)); }
RUNG_ALWAYS_INLINE __m512i high(__m512i c) { return low(_mm512_srli_epi16(c, 4)); }
RUNG_ALWAYS_INLINE __m512i add_products(__m512i s, __m512i codes, const int8_t *a) {
  int32_t four;
  memcpy(&four, a, sizeof four);
  return _mm512_dpbusd_epi32(s, codes, _mm512_set1_epi32(four));
}
RUNG_ALWAYS_INLINE __m512i zero_sums(void) { return _mm512_setzero_si512(); }
RUNG_ALWAYS_INLINE __m512 zero_floats(void) { return _mm512_setzero_ps(); }
RUNG_ALWAYS_INLINE __m512i corrected(__m512i s, const uint8_t *zeros, int32_t sum) {
  __m512i wide = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)zeros));
  return _mm512_sub_epi32(s, _mm512_mullo_epi32(wide, _mm512_set1_epi32(sum)));
}
RUNG_ALWAYS_INLINE __m512 add_scaled(__m512 y, __m512i s, const float *scales, float scale) {
  __m512 factor = _mm512_mul_ps(_mm512_loadu_ps(scales), _mm512_set1_ps(scale));
  return _mm512_add_ps(y, _mm512_mul_ps(_mm512_cvtepi32_ps(s), factor));
}
RUNG_ALWAYS_INLINE void store(float *p, __m512 y) { _mm512_storeu_ps(p, y); }

#include "provider/cpu/kernel/nbits_i8.inc"

RUNG_ALWAYS_INLINE void multiply_bits(const rung_nbits_i8_panel *p, const rung_nbits_i8_rows *a, size_t rows, float *to,
                                      const size_t bits) {
  switch (rows) {
    case 4:
      multiply_rows(p, a, to, bits, 4);
      break;
    case 3:
      multiply_rows(p, a, to, bits, 3);
      break;
    case 2:
      multiply_rows(p, a, to, bits, 2);
      break;
    default:
      multiply_rows(p, a, to, bits, 1);
  }
}

static void multiply(const rung_nbits_i8_panel *p, const rung_nbits_i8_rows *a, size_t rows, float *to) {
  if (p->bits == 4)
    multiply_bits(p, a, rows, to, 4);
  else
    multiply_bits(p, a, rows, to, 8);
}

const rung_nbits_i8 rung_nbits_i8_avx512vnni = {"avx512vnni", ROWS, 8, multiply};
