/* 14 rows x 32 columns of vpdpbusd, which adds four products of an unsigned and a signed byte to each int32. */
#include "provider/cpu/kernel/gemm_i8.h"

#include <immintrin.h>
#include <string.h>

#define VECTOR __m512i
#define LANES 16
#define MASK __mmask16
#define TILE rung_tile_i32
#define ELEMENT int32_t
#define ANY_ORDER

RUNG_ALWAYS_INLINE __m512i zero(void) { return _mm512_setzero_si512(); }
RUNG_ALWAYS_INLINE __m512i spread(int32_t x) { return _mm512_set1_epi32(x); }
RUNG_ALWAYS_INLINE __m512i load(const int32_t *p) { return _mm512_loadu_si512(p); }
RUNG_ALWAYS_INLINE void store(int32_t *p, __m512i v) { _mm512_storeu_si512(p, v); }
RUNG_ALWAYS_INLINE __m512i muladd(__m512i a, __m512i b, __m512i c) { return _mm512_dpbusd_epi32(c, b, a); }
RUNG_ALWAYS_INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
RUNG_ALWAYS_INLINE __m512i most(__m512i a, __m512i b) { return _mm512_max_epi32(a, b); }
RUNG_ALWAYS_INLINE __m512i least(__m512i a, __m512i b) { return _mm512_min_epi32(a, b); }
RUNG_ALWAYS_INLINE __mmask16 mask_of(size_t n) { return (__mmask16)((1u << n) - 1); }
RUNG_ALWAYS_INLINE __m512i load_part(const int32_t *p, __mmask16 mask) { return _mm512_maskz_loadu_epi32(mask, p); }
RUNG_ALWAYS_INLINE void store_part(int32_t *p, __mmask16 mask, __m512i v) { _mm512_mask_storeu_epi32(p, mask, v); }

#include "provider/cpu/kernel/tile.inc"

KERNEL(1)
KERNEL(2)
KERNEL(3)
KERNEL(4)
KERNEL(5)
KERNEL(6)
KERNEL(7)
KERNEL(8)
KERNEL(9)
KERNEL(10)
KERNEL(11)
KERNEL(12)
KERNEL(13)
KERNEL(14)

enum { BYTES = 64, GROUP = 4 };
RUNG_ALWAYS_INLINE __m512i load_bytes_at(const uint8_t *p) { return _mm512_loadu_si512(p); }
RUNG_ALWAYS_INLINE __m512i arrange(__m512i v, __m512i dwords, __m512i bytes) {
  return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(dwords, v), bytes);
}
RUNG_ALWAYS_INLINE __m512i subtract_products(__m512i s, __m512i a, __m512i b) {
  return _mm512_sub_epi32(s, _mm512_mullo_epi32(a, b));
}

#include "provider/cpu/kernel/filter_i8.inc"

/* 16 bytes, `step` apart; for step 2 the last 16 of 31 bytes are loaded from one byte before. */
RUNG_ALWAYS_INLINE __m128i load_bytes(const uint8_t *from, const size_t step) {
  if (step == 1) return _mm_loadu_si128((const __m128i *)from);
  __m128i low = _mm_loadu_si128((const __m128i *)from), high = _mm_loadu_si128((const __m128i *)(from + 15));
  return _mm_packus_epi16(_mm_and_si128(low, _mm_set1_epi16(0xff)), _mm_srli_epi16(high, 8));
}

RUNG_ALWAYS_INLINE size_t interleave_blocks(size_t n, const uint8_t *const *from, uint8_t flip, int32_t *to,
                                            const size_t step) {
  __m512i flips = _mm512_set1_epi8((char)flip);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m128i a = load_bytes(from[0] + i * step, step), b = load_bytes(from[1] + i * step, step);
    __m128i c = load_bytes(from[2] + i * step, step), d = load_bytes(from[3] + i * step, step);
    __m128i ab_low = _mm_unpacklo_epi8(a, b), ab_high = _mm_unpackhi_epi8(a, b);
    __m128i cd_low = _mm_unpacklo_epi8(c, d), cd_high = _mm_unpackhi_epi8(c, d);
    __m512i units = _mm512_castsi128_si512(_mm_unpacklo_epi16(ab_low, cd_low));
    units = _mm512_inserti32x4(units, _mm_unpackhi_epi16(ab_low, cd_low), 1);
    units = _mm512_inserti32x4(units, _mm_unpacklo_epi16(ab_high, cd_high), 2);
    units = _mm512_inserti32x4(units, _mm_unpackhi_epi16(ab_high, cd_high), 3);
    store(to + i, _mm512_xor_si512(units, flips));
  }
  return i;
}

static void interleave(size_t n, const uint8_t *const *from, size_t step, uint8_t flip, int32_t *to) {
  size_t done = step == 1   ? interleave_blocks(n, from, flip, to, 1)
                : step == 2 ? interleave_blocks(n, from, flip, to, 2)
                            : 0;
  if (done == n) return;
  const uint8_t *rest[4];
  for (int g = 0; g < 4; g++) rest[g] = from[g] + done * step;
  rung_i8_interleave_4(n - done, rest, step, flip, to + done);
}

/* Sixteen units at a time are stored where they belong; the sum is a product with ones. */
static int32_t pack_row(size_t k, const uint8_t *from, uint8_t flip, size_t step, int32_t *to) {
  __m512i flips = _mm512_set1_epi8((char)flip), ones = _mm512_set1_epi8(1), total = zero();
  size_t i = 0;
  for (; i + 64 <= k; i += 64, to += 16 * step) {
    __m512i units = _mm512_xor_si512(_mm512_loadu_si512(from + i), flips);
    int32_t each[16];
    total = _mm512_dpbusd_epi32(total, ones, units);
    store(each, units);
    for (size_t u = 0; u < 16; u++) to[u * step] = each[u];
  }
  return _mm512_reduce_add_epi32(total) + rung_i8_pack_row_4(k - i, from + i, flip, step, to);
}

const rung_gemm_i8 rung_gemm_i8_avx512vnni = {.name = "avx512vnni 14x32",
                                              .rows = 14,
                                              .lanes = LANES,
                                              .cols = 2 * LANES,
                                              .group = 4,
                                              .tile = {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7,
                                                       tile_8, tile_9, tile_10, tile_11, tile_12, tile_13, tile_14},
                                              .interleave = interleave,
                                              .pack_row = pack_row,
                                              .filter = filter};
