/* Two vectors hold a panel's columns. vpmaddubsw adds two products in an int16, where those of codes of 4 bits fit and
 * those of 8 bits do not. */
#include "base/macros.h"
#include "provider/cpu/kernel/nbits_i8.h"

#include <immintrin.h>
#include <string.h>

#define INTEGERS __m256i
#define FLOATS __m256
enum { LANES = 8, ROWS = 2 };

RUNG_ALWAYS_INLINE __m256i load_codes(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
RUNG_ALWAYS_INLINE __m256i low(__m256i c) { return _mm256_and_si256(c, _mm256_set1_epi8(15)); }
RUNG_ALWAYS_INLINE __m256i high(__m256i c) { return low(_mm256_srli_epi16(c, 4)); }
RUNG_ALWAYS_INLINE __m256i add_products(__m256i s, __m256i codes, const int8_t *a) {
  int32_t four;
  memcpy(&four, a, sizeof four);
  __m256i pairs = _mm256_maddubs_epi16(codes, _mm256_set1_epi32(four));
  return _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
RUNG_ALWAYS_INLINE __m256i zero_sums(void) { return _mm256_setzero_si256(); }
RUNG_ALWAYS_INLINE __m256 zero_floats(void) { return _mm256_setzero_ps(); }
RUNG_ALWAYS_INLINE __m256i corrected(__m256i s, const uint8_t *zeros, int32_t sum) {
  __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)zeros));
  return _mm256_sub_epi32(s, _mm256_mullo_epi32(wide, _mm256_set1_epi32(sum)));
}
RUNG_ALWAYS_INLINE __m256 add_scaled(__m256 y, __m256i s, const float *scales, float scale) {
  __m256 factor = _mm256_mul_ps(_mm256_loadu_ps(scales), _mm256_set1_ps(scale));
  return _mm256_add_ps(y, _mm256_mul_ps(_mm256_cvtepi32_ps(s), factor));
}
RUNG_ALWAYS_INLINE void store(float *p, __m256 y) { _mm256_storeu_ps(p, y); }

#include "provider/cpu/kernel/nbits_i8.inc"

static void multiply(const rung_nbits_i8_panel *p, const rung_nbits_i8_rows *a, size_t rows, float *to) {
  if (rows == ROWS)
    multiply_rows(p, a, to, 4, ROWS);
  else
    multiply_rows(p, a, to, 4, 1);
}

const rung_nbits_i8 rung_nbits_i8_avx2 = {"avx2", ROWS, 4, multiply};
