/* Vectors of float32 for kernels that are written once: see gemm_f32.inc. */
#ifndef RUNG_CPU_KERNEL_VECTOR_AVX512_H
#define RUNG_CPU_KERNEL_VECTOR_AVX512_H

#include "base/macros.h"

#include <immintrin.h>
#include <stddef.h>

#define VECTOR __m512
#define LANES 16
#define MASK __mmask16

RUNG_ALWAYS_INLINE __m512 zero(void) { return _mm512_setzero_ps(); }
RUNG_ALWAYS_INLINE __m512 spread(float x) { return _mm512_set1_ps(x); }
RUNG_ALWAYS_INLINE __m512 load(const float *p) { return _mm512_loadu_ps(p); }
RUNG_ALWAYS_INLINE void store(float *p, __m512 v) { _mm512_storeu_ps(p, v); }
RUNG_ALWAYS_INLINE __m512 muladd(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
RUNG_ALWAYS_INLINE __m512 add(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
RUNG_ALWAYS_INLINE __m512 subtract(__m512 a, __m512 b) { return _mm512_sub_ps(a, b); }
RUNG_ALWAYS_INLINE __m512 multiply(__m512 a, __m512 b) { return _mm512_mul_ps(a, b); }
RUNG_ALWAYS_INLINE __m512 most(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
RUNG_ALWAYS_INLINE __m512 least(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
/* b > a or b is NaN: b, else a. */
RUNG_ALWAYS_INLINE __m512 larger(__m512 a, __m512 b) {
  return _mm512_mask_max_ps(b, _mm512_cmp_ps_mask(b, b, _CMP_ORD_Q), b, a);
}
RUNG_ALWAYS_INLINE __mmask16 mask_of(size_t n) { return (__mmask16)((1u << n) - 1); }
RUNG_ALWAYS_INLINE __m512 load_part(const float *p, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, p); }
RUNG_ALWAYS_INLINE void store_part(float *p, __mmask16 mask, __m512 v) { _mm512_mask_storeu_ps(p, mask, v); }

/* b where the mask says so, else a. */
RUNG_ALWAYS_INLINE __m512 choose(__mmask16 mask, __m512 a, __m512 b) { return _mm512_mask_blend_ps(mask, a, b); }
RUNG_ALWAYS_INLINE float first(__m512 v) { return _mm512_cvtss_f32(v); }
/* Lane l + by comes to lane l. */
RUNG_ALWAYS_INLINE __m512 rotate(__m512 v, int by) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_permutexvar_ps(_mm512_add_epi32(lane, _mm512_set1_epi32(by)), v);
}

RUNG_ALWAYS_INLINE __mmask16 lanes_between(ptrdiff_t from, ptrdiff_t to) {
  from = RUNG_CLAMP(from, 0, LANES);
  to = RUNG_CLAMP(to, from, LANES);
  return (__mmask16)((1u << to) - (1u << from));
}
/* Elements p[0], p[2], ... from two masked loads at p and p + LANES. */
RUNG_ALWAYS_INLINE __m512 load_even(const float *p, __mmask16 low, __mmask16 high) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return _mm512_permutex2var_ps(load_part(p, low), even, load_part(p + LANES, high));
}

#endif
