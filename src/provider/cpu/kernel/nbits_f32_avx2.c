/* Two panels of 16 columns: 4 sums in registers; scales and zeros come from memory. */
#include "provider/cpu/kernel/nbits_f32.h"
#include "provider/cpu/kernel/vector_avx2.h"

#define BYTES __m256i
#define PANELS 2
RUNG_ALWAYS_INLINE __m256i bytes(const uint8_t *p) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)); }
RUNG_ALWAYS_INLINE __m256 codes_whole(__m256i b) { return _mm256_cvtepi32_ps(b); }
RUNG_ALWAYS_INLINE __m256 codes_low(__m256i b) { return codes_whole(_mm256_and_si256(b, _mm256_set1_epi32(15))); }
RUNG_ALWAYS_INLINE __m256 codes_high(__m256i b) { return codes_whole(_mm256_srli_epi32(b, 4)); }

#include "provider/cpu/kernel/nbits_f32.inc"

const rung_nbits_f32 rung_nbits_f32_avx2 = {"avx2", fill, multiply_rows};
