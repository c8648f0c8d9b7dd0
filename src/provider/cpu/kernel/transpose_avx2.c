/* Transposes by blocks in registers: 8 x 8 of elements up to 4 bytes wide, 4 x 4 of 8 bytes. */
#include "provider/cpu/kernel/transpose.inc"

#include <immintrin.h>

/* Pairs of rows are interleaved, then pairs of pairs, and so on, until a register holds columns. */

static inline void block_uint8_t(const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step) {
  __m128i r[8], pairs[4], quads[4];
  for (int i = 0; i < 8; i++) r[i] = _mm_loadl_epi64((const __m128i *)(from + i * from_step));
  for (int i = 0; i < 4; i++) pairs[i] = _mm_unpacklo_epi8(r[2 * i], r[2 * i + 1]);
  for (int i = 0; i < 2; i++) {
    quads[2 * i] = _mm_unpacklo_epi16(pairs[2 * i], pairs[2 * i + 1]);
    quads[2 * i + 1] = _mm_unpackhi_epi16(pairs[2 * i], pairs[2 * i + 1]);
  }
  for (int i = 0; i < 4; i++) { /* two columns each */
    __m128i both =
        i & 1 ? _mm_unpackhi_epi32(quads[i / 2], quads[2 + i / 2]) : _mm_unpacklo_epi32(quads[i / 2], quads[2 + i / 2]);
    _mm_storel_epi64((__m128i *)(to + 2 * i * to_step), both);
    _mm_storel_epi64((__m128i *)(to + (2 * i + 1) * to_step), _mm_unpackhi_epi64(both, both));
  }
}

static inline void block_uint16_t(const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step) {
  __m128i r[8], pairs[8], quads[8];
  for (int i = 0; i < 8; i++) r[i] = _mm_loadu_si128((const __m128i *)(from + i * from_step));
  for (int i = 0; i < 4; i++) { /* columns 0 to 3 in pairs[i], 4 to 7 in pairs[4 + i] */
    pairs[i] = _mm_unpacklo_epi16(r[2 * i], r[2 * i + 1]);
    pairs[4 + i] = _mm_unpackhi_epi16(r[2 * i], r[2 * i + 1]);
  }
  for (int half = 0; half < 2; half++)
    for (int i = 0; i < 2; i++) { /* quads[4 * half + 2 * i]: columns 4 * half and the next, rows 4 * i on */
      __m128i a = pairs[4 * half + 2 * i], b = pairs[4 * half + 2 * i + 1];
      quads[4 * half + 2 * i] = _mm_unpacklo_epi32(a, b);
      quads[4 * half + 2 * i + 1] = _mm_unpackhi_epi32(a, b);
    }
  for (int c = 0; c < 8; c += 2) {
    __m128i top = quads[c / 4 * 4 + c / 2 % 2], bottom = quads[c / 4 * 4 + 2 + c / 2 % 2];
    _mm_storeu_si128((__m128i *)(to + c * to_step), _mm_unpacklo_epi64(top, bottom));
    _mm_storeu_si128((__m128i *)(to + (c + 1) * to_step), _mm_unpackhi_epi64(top, bottom));
  }
}

static inline void block_uint32_t(const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step) {
  __m256 r[8], pairs[8], quads[8];
  for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps((const float *)(from + i * from_step));
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) /* quads[i + c]: columns c and 4 + c of rows i to i + 3 */
    for (int k = 0; k < 2; k++) {
      quads[i + 2 * k] = _mm256_shuffle_ps(pairs[i + k], pairs[i + 2 + k], 0x44);
      quads[i + 2 * k + 1] = _mm256_shuffle_ps(pairs[i + k], pairs[i + 2 + k], 0xee);
    }
  for (int c = 0; c < 4; c++) {
    _mm256_storeu_ps((float *)(to + c * to_step), _mm256_permute2f128_ps(quads[c], quads[4 + c], 0x20));
    _mm256_storeu_ps((float *)(to + (4 + c) * to_step), _mm256_permute2f128_ps(quads[c], quads[4 + c], 0x31));
  }
}

static inline void block_uint64_t(const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step) {
  __m256d r[4], pairs[4];
  for (int i = 0; i < 4; i++) r[i] = _mm256_loadu_pd((const double *)(from + i * from_step));
  for (int i = 0; i < 4; i += 2) {
    pairs[i] = _mm256_unpacklo_pd(r[i], r[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_pd(r[i], r[i + 1]);
  }
  for (int c = 0; c < 2; c++) {
    _mm256_storeu_pd((double *)(to + c * to_step), _mm256_permute2f128_pd(pairs[c], pairs[2 + c], 0x20));
    _mm256_storeu_pd((double *)(to + (2 + c) * to_step), _mm256_permute2f128_pd(pairs[c], pairs[2 + c], 0x31));
  }
}

#define TRANSPOSE(type, edge)                                                                                       \
  static void transpose_##type(size_t rows, size_t columns, const char *from, ptrdiff_t from_step, char *to,        \
                               ptrdiff_t to_step) {                                                                 \
    size_t full_rows = rows / edge * edge, full_columns = columns / edge * edge, size = sizeof(type);               \
    if (is_narrow_##type(rows, columns, from, from_step, to, to_step)) return;                                      \
    for (size_t j = 0; j < full_columns; j += edge)                                                                 \
      for (size_t i = 0; i < full_rows; i += edge)                                                                  \
        block_##type(from + (ptrdiff_t)i * from_step + j * size, from_step, to + (ptrdiff_t)j * to_step + i * size, \
                     to_step);                                                                                      \
    plain_##type(rows - full_rows, full_columns, from + (ptrdiff_t)full_rows * from_step, from_step,                \
                 to + full_rows * size, to_step);                                                                   \
    plain_##type(rows, columns - full_columns, from + full_columns * size, from_step,                               \
                 to + (ptrdiff_t)full_columns * to_step, to_step);                                                  \
  }
TRANSPOSE(uint8_t, 8)
TRANSPOSE(uint16_t, 8)
TRANSPOSE(uint32_t, 8)
TRANSPOSE(uint64_t, 4)

const rung_transpose rung_transpose_avx2 = {
    {[1] = transpose_uint8_t, [2] = transpose_uint16_t, [4] = transpose_uint32_t, [8] = transpose_uint64_t}};
