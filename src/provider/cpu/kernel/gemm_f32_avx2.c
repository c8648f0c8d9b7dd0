/* 6 rows x 16 columns: 12 sums, two vectors of B and one element of A in 15 of 16 registers. */
#include "provider/cpu/kernel/gemm_f32.h"

#include "base/macros.h"

#include <immintrin.h>

#define VECTOR __m256
#define LANES 8
#define MASK __m256i

RUNG_ALWAYS_INLINE __m256 zero(void) { return _mm256_setzero_ps(); }
RUNG_ALWAYS_INLINE __m256 spread(float x) { return _mm256_set1_ps(x); }
RUNG_ALWAYS_INLINE __m256 load(const float *p) { return _mm256_loadu_ps(p); }
RUNG_ALWAYS_INLINE void store(float *p, __m256 v) { _mm256_storeu_ps(p, v); }
RUNG_ALWAYS_INLINE __m256 muladd(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
RUNG_ALWAYS_INLINE __m256 add(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
RUNG_ALWAYS_INLINE __m256 most(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
RUNG_ALWAYS_INLINE __m256 least(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
RUNG_ALWAYS_INLINE __m256i mask_of(size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
RUNG_ALWAYS_INLINE __m256 load_part(const float *p, __m256i mask) { return _mm256_maskload_ps(p, mask); }
RUNG_ALWAYS_INLINE void store_part(float *p, __m256i mask, __m256 v) { _mm256_maskstore_ps(p, mask, v); }

#include "provider/cpu/kernel/gemm_f32.inc"

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

const rung_gemm_f32 rung_gemm_f32_avx2 = {
    "avx2 6x16", 6, LANES, 2 * LANES, {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6}};
