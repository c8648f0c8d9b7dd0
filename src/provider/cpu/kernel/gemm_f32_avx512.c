/* 14 rows x 32 columns: 28 sums, two vectors of B and one element of A in 31 of 32 registers. */
#include "provider/cpu/kernel/gemm_f32.h"

#include "base/macros.h"

#include <immintrin.h>

#define VECTOR __m512
#define LANES 16
#define MASK __mmask16

RUNG_ALWAYS_INLINE __m512 zero(void) { return _mm512_setzero_ps(); }
RUNG_ALWAYS_INLINE __m512 spread(float x) { return _mm512_set1_ps(x); }
RUNG_ALWAYS_INLINE __m512 load(const float *p) { return _mm512_loadu_ps(p); }
RUNG_ALWAYS_INLINE void store(float *p, __m512 v) { _mm512_storeu_ps(p, v); }
RUNG_ALWAYS_INLINE __m512 muladd(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
RUNG_ALWAYS_INLINE __m512 add(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
RUNG_ALWAYS_INLINE __m512 most(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
RUNG_ALWAYS_INLINE __m512 least(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
RUNG_ALWAYS_INLINE __mmask16 mask_of(size_t n) { return (__mmask16)((1u << n) - 1); }
RUNG_ALWAYS_INLINE __m512 load_part(const float *p, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, p); }
RUNG_ALWAYS_INLINE void store_part(float *p, __mmask16 mask, __m512 v) { _mm512_mask_storeu_ps(p, mask, v); }

#include "provider/cpu/kernel/gemm_f32.inc"

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
TILE(13)
TILE(14)

const rung_gemm_f32 rung_gemm_f32_avx512 = {"avx512 14x32",
                                            14,
                                            LANES,
                                            2 * LANES,
                                            {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8,
                                             tile_9, tile_10, tile_11, tile_12, tile_13, tile_14}};
