/* The float32 loops for processors with AVX2. */
#include "provider/cpu/form/cpu_math_loops.h"

#include <immintrin.h>

RUNG_MATH_LOOPS(avx2)

static void f16_to_f32(size_t n, const uint16_t *from, float *to) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + i))));
  for (; i < n; i++) to[i] = _cvtsh_ss(from[i]);
}

static void f32_to_f16(size_t n, const float *from, uint16_t *to) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128((__m128i *)(to + i), _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < n; i++) to[i] = _cvtss_sh(from[i], _MM_FROUND_TO_NEAREST_INT);
}

extern const rung_math rung_math_avx2;
const rung_math rung_math_avx2 = {RUNG_MATH_TABLE(avx2), .f16_to_f32 = f16_to_f32, .f32_to_f16 = f32_to_f16,
                                  .bf16_to_f32 = bf16_to_f32, .f32_to_bf16 = f32_to_bf16};
