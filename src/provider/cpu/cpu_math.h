/* float32 functions without branches or tables, so that loops over them are vectorised. Within 2.5 units in the last
 * place (exp: 1); the same bits on every machine, since nothing here depends on the library or on fused multiply-add.
 */
#ifndef RUNG_CPU_MATH_H
#define RUNG_CPU_MATH_H

#include "base/half.h"

/* e^x = 2^k * e^r with |r| <= ln(2) / 2; the polynomial is a fit of least relative error. 2^k goes in two steps, so
 * that subnormal results come out. NaN stays. */
static inline float rung_exp_f32(float x) {
  const float round = 0x1.8p23f; /* adding it leaves the nearest integer in the low bits */
  float clamped = x > 89.0f ? 89.0f : x;
  clamped = clamped < -105.0f ? -105.0f : clamped;
  float shifted = clamped * 0x1.715476p+0f + round, k = shifted - round;
  float r = clamped - k * 0x1.62e4p-1f - k * 0x1.7f7d1cp-20f;
  float q = 0x1.6a234ep-10f;
  q = q * r + 0x1.123a6cp-7f;
  q = q * r + 0x1.5558f4p-5f;
  q = q * r + 0x1.555490p-3f;
  q = q * r + 0x1.fffffcp-2f;
  float e = r + r * r * q + 1.0f;
  int32_t power = (int32_t)(rung_f32_bits(shifted) - rung_f32_bits(round));
  /* Of a NaN `power` is anything: cut to what makes a number. */
  power = power < -160 ? -160 : power > 130 ? 130 : power;
  int32_t half = power >> 1;
  float first = rung_f32_from_bits((uint32_t)(half + 127) << 23);
  float second = rung_f32_from_bits((uint32_t)(power - half + 127) << 23);
  return e * first * second;
}

static inline float rung_sigmoid_f32(float x) { return 1.0f / (1.0f + rung_exp_f32(-x)); }

static inline float rung_tanh_f32(float x) {
  float magnitude = rung_f32_from_bits(rung_f32_bits(x) & 0x7fffffff), u = x * x;
  float q = -0x1.75e1a8p-8f;
  q = q * u + 0x1.522692p-6f;
  q = q * u - 0x1.b83c58p-5f;
  q = q * u + 0x1.110726p-3f;
  q = q * u - 0x1.555532p-2f;
  float small = magnitude + magnitude * u * q;
  float large = 1.0f - 2.0f / (rung_exp_f32(2.0f * magnitude) + 1.0f);
  float positive = magnitude < 0.625f ? small : large;
  return rung_f32_from_bits(rung_f32_bits(positive) | (rung_f32_bits(x) & 0x80000000));
}

#endif
