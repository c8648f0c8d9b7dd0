/* Elementary functions of float32 without branches and calls, so that loops over them are vectorised.
 *
 * They use +, -, *, / and integer arithmetic only, and the compiler is told not to contract: every instruction set
 * gives the same bits. Rounding must be to nearest. Largest errors, found by trying all floats against double
 * precision, in units in the last place of the result (subnormal results included):
 *
 *     exp 1.01   expm1 1.65   log 0.92   tanh 1.42   sigmoid 1.97   erf 1.32
 *
 * and, rounded from double (the wide functions below): gelu 0.82, with tanh 0.73, swish 0.74, mish 0.74, softplus 0.95
 *
 * The polynomials are minimax fits by Remez exchange for the relative error of the whole function, with coefficients
 * rounded to float; the argument reductions are the textbook ones (Cody and Waite for exp, sqrt(1/2) <= m < sqrt(2) for
 * log). NaN gives NaN; tanh and erf keep the sign of 0. */
#ifndef RUNG_CPU_FORM_FASTMATH_H
#define RUNG_CPU_FORM_FASTMATH_H

#include "base/half.h"
#include "base/macros.h"

#include <math.h>

/* The powers of r = x - n ln 2 from the second on, divided by r^2: e^r = 1 + r + r^2 q. */
RUNG_ALWAYS_INLINE float rung_exp_tail(float r) {
  float q = 0x1.6acab8p-10f;
  q = q * r + 0x1.122bf6p-7f;
  q = q * r + 0x1.555798p-5f;
  q = q * r + 0x1.5554aap-3f;
  return q * r + 0x1.fffffep-2f;
}

/* 2^n for n in [-126, 127]. */
RUNG_ALWAYS_INLINE float rung_pow2(int32_t n) { return rung_f32_from_bits((uint32_t)(n + 127) << 23); }

/* p with e^x = 2^n (1 + p), |p| < 0.42, for |x| < 2^21. n is the integer nearest to x / ln 2: adding 1.5 * 2^23 leaves
 * it in the low bits. ln 2 comes in two parts, of which the first times n is exact. */
RUNG_ALWAYS_INLINE float rung_exp_reduced(float x, int32_t *n) {
  float shifted = x * 0x1.715476p+0f + 0x1.8p+23f, whole = shifted - 0x1.8p+23f;
  float r = (x - whole * 0x1.63p-1f) - whole * -0x1.bd0106p-13f;
  *n = (int32_t)(rung_f32_bits(shifted) - 0x4b400000u);
  return r + r * r * rung_exp_tail(r);
}

/* In two steps, so that 2^n neither overflows nor becomes 0 too early. */
RUNG_ALWAYS_INLINE float rung_exp_f32(float x) {
  int32_t n;
  x = x > 89 ? 89 : x;
  x = x < -104 ? -104 : x;
  float y = 1 + rung_exp_reduced(x, &n);
  uint32_t lifted = (uint32_t)n + 512, half = lifted >> 1;
  return y * rung_f32_from_bits((half - 129) << 23) * rung_f32_from_bits((lifted - half - 129) << 23);
}

/* e^x - 1, accurate around 0. */
RUNG_ALWAYS_INLINE float rung_expm1_f32(float x) {
  int32_t n;
  x = x > 89 ? 89 : x;
  x = x < -26 ? -26 : x;
  float p = rung_exp_reduced(x, &n);
  float half = rung_f32_from_bits(((uint32_t)n + 126) << 23); /* 2^(n - 1), which does not overflow */
  return ((half - 0.5f) + half * p) * 2;
}

/* log(1 + f) for sqrt(1/2) - 1 <= f < sqrt(2) - 1, less f. */
RUNG_ALWAYS_INLINE float rung_log_reduced(float f) {
  float q = -0x1.38b646p-4f;
  q = q * f + 0x1.055ba2p-3f;
  q = q * f + -0x1.0d8568p-3f;
  q = q * f + 0x1.22da14p-3f;
  q = q * f + -0x1.547246p-3f;
  q = q * f + 0x1.99a008p-3f;
  q = q * f + -0x1.000226p-2f;
  q = q * f + 0x1.555554p-2f;
  float square = f * f;
  return square * (f * q) - 0.5f * square;
}

RUNG_ALWAYS_INLINE float rung_log_f32(float x) {
  bool small = x < 0x1p-126f;
  uint32_t bits = rung_f32_bits(small ? x * 0x1p+23f : x) - 0x3f3504f3u; /* sqrt(1/2) */
  float e = (float)((int32_t)bits >> 23) - (small ? 23.0f : 0.0f);
  float f = rung_f32_from_bits((bits & 0x7fffffu) + 0x3f3504f3u) - 1;
  float y = (rung_log_reduced(f) - e * 0x1.bd0106p-13f) + f + e * 0x1.63p-1f;
  y = x > 0 ? y : x == 0 ? -INFINITY : NAN;
  return x < INFINITY ? y : x; /* infinity, NaN; what is negative is NaN by now */
}

/* log(1 + x) for x in [0, 1]: what 1 + x rounds away is put back. */
RUNG_ALWAYS_INLINE float rung_log1p_f32(float x) {
  float u = 1 + x;
  return rung_log_f32(u) + (x - (u - 1)) / u;
}

/* Below 9/16: x + x^3 Q(x^2). Above: 1 - 2 / (e^2|x| + 1), which is 1 from 9.02 on. */
RUNG_ALWAYS_INLINE float rung_tanh_f32(float x) {
  int32_t n;
  float z = fabsf(x), s = z * z;
  float near = -0x1.945f42p-8f;
  near = near * s + 0x1.5812aap-6f;
  near = near * s + -0x1.b905c4p-5f;
  near = near * s + 0x1.110c5ep-3f;
  near = near * s + -0x1.555548p-2f;
  near = z + z * (near * s);
  float p = rung_exp_reduced(2 * (z > 10 ? 10 : z), &n), scale = rung_pow2(n);
  float far = 1 - 2 / (scale + scale * p + 1);
  return copysignf(z < 0.5625f ? near : far, x);
}

/* With e = e^(-|x|): 1 / (1 + e), or e / (1 + e) for negative x. What 1 + e loses by rounding is taken from the
 * quotient again, times 1 - e / 2, which is about 1 / (1 + e). */
RUNG_ALWAYS_INLINE float rung_sigmoid_f32(float x) {
  float e = rung_exp_f32(-fabsf(x)), sum = 1 + e, lost = e - (sum - 1), y = (x < 0 ? e : 1) / sum;
  return y - y * (lost * (1 - 0.5f * e));
}

/* Below 1: x + x Q(x^2). Above: 1 - e^-q, where q is a fit of -log(erfc(|x|)); from 3.93 on the result is 1. */
RUNG_ALWAYS_INLINE float rung_erf_f32(float x) {
  int32_t n;
  float z = fabsf(x), s = z * z;
  float near = 0x1.4771fep-14f;
  near = near * s + -0x1.a3515ep-11f;
  near = near * s + 0x1.53f224p-8f;
  near = near * s + -0x1.b7f71ap-6f;
  near = near * s + 0x1.ce2ce6p-4f;
  near = near * s + -0x1.81273ep-2f;
  near = near * s + 0x1.06eba8p-3f;
  near = z + z * near;
  float w = z > 3.93f ? 3.93f : z;
  float q = -0x1.86dcf4p-13f;
  q = q * w + 0x1.825a76p-9f;
  q = q * w + -0x1.65cb2ap-6f;
  q = q * w + 0x1.a6531cp-4f;
  q = q * w + 0x1.46baf0p-1f;
  q = q * w + 0x1.2088eap+0f;
  q = q * w + 0x1.661d1cp-12f;
  float p = rung_exp_reduced(-q, &n), scale = rung_pow2(n);
  float far = (1 - scale) - scale * p;
  return copysignf(z < 1 ? near : far, x);
}

/* Factors of x, and sums, that a function of float32 rounds only once: arguments and results are double, the
 * polynomials are not, so that a result is off by 2^-26 of itself, or less. A product with them has all its digits
 * however small it is, which 1 + erf(x) and the like have lost far below 0. */

/* e^x for x <= 0; 0 from -708.7 on. */
RUNG_ALWAYS_INLINE double rung_exp_wide(double x) {
  x = x < -709 ? -709 : x;
  double shifted = x * 0x1.71547652b82fep+0 + 0x1.8p+52, r = x - (shifted - 0x1.8p+52) * 0x1.62e42fefa39efp-1;
  float f = (float)r;
  double y = 1 + (r + (double)(f * f * rung_exp_tail(f)));
  return y * rung_f64_from_bits((rung_f64_bits(shifted) + 1023) << 52);
}

/* log(1 + x) for x in [0, 1]. */
RUNG_ALWAYS_INLINE double rung_log1p_wide(double x) {
  bool is_large = x > 0.41421356237309504880; /* 1 + x > sqrt(2): halved */
  double f = is_large ? 0.5 * x - 0.5 : x;
  return f + (double)rung_log_reduced((float)f) + (is_large ? 0.69314718055994530942 : 0);
}

RUNG_ALWAYS_INLINE double rung_sigmoid_wide(double x) {
  double e = rung_exp_wide(-fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/* The normal distribution's share below x. That of its tail, erfc(|x| / sqrt(2)) / 2, is e^(-x^2 / 2) times a quotient
 * of polynomials, a fit over [0, 14.5]; e^... is 0 before 40. */
RUNG_ALWAYS_INLINE double rung_normal_wide(double x) {
  double z = fabs(x) > 40 ? 40 : fabs(x);
  double p = 0x1.0dc49438a911cp-8, q = 0x1.5219987554ba6p-7;
  p = p * z + 0x1.4cde69cf16efap-5;
  q = q * z + 0x1.a137305c43106p-4;
  p = p * z + 0x1.77444212f356fp-3;
  q = q * z + 0x1.e0bd44a439f8ap-2;
  p = p * z + 0x1.c0d094d2d67ebp-2;
  q = q * z + 0x1.33d763f58d46cp+0;
  p = p * z + 0x1.00000019242bcp-1;
  q = q * z + 0x1.acaa7b1006b4ep+0;
  double tail = rung_exp_wide(-0.5 * x * x) * p / (q * z + 1);
  return x < 0 ? tail : 1 - tail;
}

#endif
