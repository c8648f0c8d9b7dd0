/* The float32 loops for processors with AVX-512. */
#include "provider/cpu/form/cpu_math_loops.h"

#include <immintrin.h>

RUNG_MATH_LOOPS(avx512)

static void f16_to_f32(size_t n, const uint16_t *from, float *to) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + i))));
  if (i == n) return;
  __mmask16 rest = (__mmask16)((1u << (n - i)) - 1);
  _mm512_mask_storeu_ps(to + i, rest, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(rest, from + i)));
}

static void f32_to_f16(size_t n, const float *from, uint16_t *to) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256((__m256i *)(to + i), _mm512_cvtps_ph(_mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  if (i == n) return;
  __mmask16 rest = (__mmask16)((1u << (n - i)) - 1);
  _mm256_mask_storeu_epi16(to + i, rest,
                           _mm512_cvtps_ph(_mm512_maskz_loadu_ps(rest, from + i), _MM_FROUND_TO_NEAREST_INT));
}

extern const rung_math rung_math_avx512;
const rung_math rung_math_avx512 = {RUNG_MATH_TABLE(avx512), .f16_to_f32 = f16_to_f32, .f32_to_f16 = f32_to_f16,
                                    .bf16_to_f32 = bf16_to_f32, .f32_to_bf16 = f32_to_bf16};
