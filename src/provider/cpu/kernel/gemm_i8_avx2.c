/* 4 rows x 16 columns of vpmaddwd: units are pairs of int16, since products of bytes do not fit where vpmaddubsw adds
 * them. With more rows there are not enough registers for the products. */
#include "provider/cpu/kernel/gemm_i8.h"

#include <immintrin.h>

#define VECTOR __m256i
#define LANES 8
#define MASK __m256i
#define TILE rung_tile_i32
#define ELEMENT int32_t
#define ANY_ORDER

RUNG_ALWAYS_INLINE __m256i zero(void) { return _mm256_setzero_si256(); }
RUNG_ALWAYS_INLINE __m256i spread(int32_t x) { return _mm256_set1_epi32(x); }
RUNG_ALWAYS_INLINE __m256i load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
RUNG_ALWAYS_INLINE void store(int32_t *p, __m256i v) { _mm256_storeu_si256((__m256i *)p, v); }
RUNG_ALWAYS_INLINE __m256i muladd(__m256i a, __m256i b, __m256i c) {
  return _mm256_add_epi32(c, _mm256_madd_epi16(a, b));
}
RUNG_ALWAYS_INLINE __m256i add(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
RUNG_ALWAYS_INLINE __m256i most(__m256i a, __m256i b) { return _mm256_max_epi32(a, b); }
RUNG_ALWAYS_INLINE __m256i least(__m256i a, __m256i b) { return _mm256_min_epi32(a, b); }
RUNG_ALWAYS_INLINE __m256i mask_of(size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
RUNG_ALWAYS_INLINE __m256i load_part(const int32_t *p, __m256i mask) { return _mm256_maskload_epi32(p, mask); }
RUNG_ALWAYS_INLINE void store_part(int32_t *p, __m256i mask, __m256i v) { _mm256_maskstore_epi32(p, mask, v); }

#include "provider/cpu/kernel/tile.inc"

KERNEL(1)
KERNEL(2)
KERNEL(3)
KERNEL(4)

enum { BYTES = 32, GROUP = 2 };
RUNG_ALWAYS_INLINE __m256i load_bytes_at(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
RUNG_ALWAYS_INLINE __m256i arrange(__m256i v, __m256i dwords, __m256i bytes) {
  return _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(v, dwords), bytes);
}
RUNG_ALWAYS_INLINE __m256i subtract_products(__m256i s, __m256i a, __m256i b) {
  return _mm256_sub_epi32(s, _mm256_mullo_epi32(a, b));
}

#include "provider/cpu/kernel/filter_i8.inc"

/* Loops as in C; here the compiler has the instructions to vectorise the common step. */
static void interleave(size_t n, const uint8_t *const *from, size_t step, uint8_t flip, int32_t *to) {
  const uint8_t *a = from[0], *b = from[1];
  uint32_t flips = flip * 0x00010001u;
  if (step == 1)
    for (size_t i = 0; i < n; i++) to[i] = (int32_t)((a[i] | (uint32_t)b[i] << 16) ^ flips);
  else
    rung_i8_interleave_2(n, from, step, flip, to);
}

const rung_gemm_i8 rung_gemm_i8_avx2 = {.name = "avx2 4x16",
                                        .rows = 4,
                                        .lanes = LANES,
                                        .cols = 2 * LANES,
                                        .group = 2,
                                        .tile = {NULL, tile_1, tile_2, tile_3, tile_4},
                                        .interleave = interleave,
                                        .pack_row = rung_i8_pack_row_2,
                                        .filter = filter};
