/* Vectors of float32 for kernels that are written once: see gemm_f32.inc. */
#ifndef RUNG_CPU_KERNEL_VECTOR_AVX2_H
#define RUNG_CPU_KERNEL_VECTOR_AVX2_H

#include "base/macros.h"

#include <immintrin.h>
#include <stddef.h>

#define VECTOR __m256
#define LANES 8
#define MASK __m256i

RUNG_ALWAYS_INLINE __m256 zero(void) { return _mm256_setzero_ps(); }
RUNG_ALWAYS_INLINE __m256 spread(float x) { return _mm256_set1_ps(x); }
RUNG_ALWAYS_INLINE __m256 load(const float *p) { return _mm256_loadu_ps(p); }
RUNG_ALWAYS_INLINE void store(float *p, __m256 v) { _mm256_storeu_ps(p, v); }
RUNG_ALWAYS_INLINE __m256 muladd(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
RUNG_ALWAYS_INLINE __m256 add(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
RUNG_ALWAYS_INLINE __m256 subtract(__m256 a, __m256 b) { return _mm256_sub_ps(a, b); }
RUNG_ALWAYS_INLINE __m256 multiply(__m256 a, __m256 b) { return _mm256_mul_ps(a, b); }
RUNG_ALWAYS_INLINE __m256 most(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
RUNG_ALWAYS_INLINE __m256 least(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
/* b > a or b is NaN: b, else a. */
RUNG_ALWAYS_INLINE __m256 larger(__m256 a, __m256 b) {
  return _mm256_blendv_ps(_mm256_max_ps(b, a), b, _mm256_cmp_ps(b, b, _CMP_UNORD_Q));
}
RUNG_ALWAYS_INLINE __m256i mask_of(size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
RUNG_ALWAYS_INLINE __m256 load_part(const float *p, __m256i mask) { return _mm256_maskload_ps(p, mask); }
RUNG_ALWAYS_INLINE void store_part(float *p, __m256i mask, __m256 v) { _mm256_maskstore_ps(p, mask, v); }

/* b where the mask says so, else a. */
RUNG_ALWAYS_INLINE __m256 choose(__m256i mask, __m256 a, __m256 b) {
  return _mm256_blendv_ps(a, b, _mm256_castsi256_ps(mask));
}
RUNG_ALWAYS_INLINE float first(__m256 v) { return _mm256_cvtss_f32(v); }
/* Lane l + by comes to lane l. */
RUNG_ALWAYS_INLINE __m256 rotate(__m256 v, int by) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_permutevar8x32_ps(v, _mm256_add_epi32(lane, _mm256_set1_epi32(by)));
}

RUNG_ALWAYS_INLINE __m256i lanes_between(ptrdiff_t from, ptrdiff_t to) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256i least = _mm256_set1_epi32((int)RUNG_CLAMP(from, 0, LANES) - 1),
          end = _mm256_set1_epi32((int)RUNG_CLAMP(to, 0, LANES));
  return _mm256_and_si256(_mm256_cmpgt_epi32(lane, least), _mm256_cmpgt_epi32(end, lane));
}
/* Elements p[0], p[2], ... from two masked loads at p and p + LANES. */
RUNG_ALWAYS_INLINE __m256 load_even(const float *p, __m256i low, __m256i high) {
  __m256 mixed = _mm256_shuffle_ps(load_part(p, low), load_part(p + LANES, high), 0x88);
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8));
}

#endif
