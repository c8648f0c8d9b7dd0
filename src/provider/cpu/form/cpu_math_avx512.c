/* The float32 loops for processors with AVX-512. */
#include "provider/cpu/form/cpu_math_loops.h"

#include <immintrin.h>

RUNG_MATH_LOOPS(avx512, float)

static void f16_to_f32(size_t n, const uint16_t *from, float *to) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + i))));
  for (; i < n; i++) to[i] = rung_f16_to_f32(from[i]);
}

static void f32_to_f16(size_t n, const float *from, uint16_t *to) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256((__m256i *)(to + i), _mm512_cvtps_ph(_mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < n; i++) to[i] = rung_f32_to_f16(from[i]);
}

extern const rung_math rung_math_avx512;
const rung_math rung_math_avx512 = {RUNG_MATH_TABLE(avx512), .f16_to_f32 = f16_to_f32, .f32_to_f16 = f32_to_f16,
                                    .bf16_to_f32 = bf16_to_f32, .f32_to_bf16 = f32_to_bf16};
