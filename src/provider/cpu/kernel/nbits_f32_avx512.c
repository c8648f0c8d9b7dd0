/* Four panels of 32 columns: 8 sums, scales and zeros in 24 of 32 registers. */
#include "provider/cpu/kernel/nbits_f32.h"
#include "provider/cpu/kernel/vector_avx512.h"

#define BYTES __m512i
#define PANELS 4
RUNG_ALWAYS_INLINE __m512i bytes(const uint8_t *p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)); }
RUNG_ALWAYS_INLINE __m512 codes_whole(__m512i b) { return _mm512_cvtepi32_ps(b); }
RUNG_ALWAYS_INLINE __m512 codes_low(__m512i b) { return codes_whole(_mm512_and_si512(b, _mm512_set1_epi32(15))); }
RUNG_ALWAYS_INLINE __m512 codes_high(__m512i b) { return codes_whole(_mm512_srli_epi32(b, 4)); }

#include "provider/cpu/kernel/nbits_f32.inc"

const rung_nbits_f32 rung_nbits_f32_avx512 = {"avx512", fill, multiply_rows};
