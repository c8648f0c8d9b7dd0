/* Narrow floating-point types to and from float and double, with the meaning of ONNX's Cast.
 *
 * Rounding is to nearest, ties to even, in one step from the source type; narrow types are passed as their bits.
 * NaN becomes a quiet NaN of the same sign where the target has signed NaNs.
 *
 *   type     sign exponent mantissa bias   infinity  NaN            largest
 *   f16      1    5        10       15     yes       many           65504
 *   bf16     1    8        7        127    yes       many           3.39e38
 *   e4m3fn   1    4        3        7      no        0x7f, 0xff     448
 *   e4m3fnuz 1    4        3        8      no        0x80 (no -0)   240
 *   e5m2     1    5        2        15     yes       many           57344
 *   e5m2fnuz 1    5        2        16     no        0x80 (no -0)   57344
 *   e8m0     0    8        0        127    no        0xff (no 0)    2^127
 *   e2m1     1    2        1        1      no        no             6 */
#ifndef RUNG_BASE_HALF_H
#define RUNG_BASE_HALF_H

#include "rung_types.h"

#include <stdbool.h>
#include <string.h>

static inline uint32_t rung_f32_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float rung_f32_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint64_t rung_f64_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline double rung_f64_from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline float rung_bf16_to_f32(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  if ((wide & 0x7fffffff) > 0x7f800000) wide |= 0x400000;
  return rung_f32_from_bits(wide);
}

static inline uint16_t rung_f32_to_bf16(float x) {
  uint32_t bits = rung_f32_bits(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The multiplication, for subnormals, is exact and has neither subnormal operands nor result: flush modes are no
 * matter. */
static inline float rung_f16_to_f32(uint16_t bits) {
  uint32_t sign = (uint32_t)(bits & 0x8000) << 16, magnitude = (uint32_t)(bits & 0x7fff) << 13;
  if (magnitude >= 0x0f800000) /* infinity and NaN, which is made quiet */
    return rung_f32_from_bits(sign | magnitude | 0x70000000 | (magnitude > 0x0f800000 ? 0x400000 : 0));
  if (magnitude >= 0x00800000) return rung_f32_from_bits(sign | (magnitude + 0x38000000));
  float small = (float)(bits & 0x3ff) * 0x1p-24f;
  return rung_f32_from_bits(sign | rung_f32_bits(small));
}

static inline uint16_t rung_f32_to_f16(float x) {
  uint32_t bits = rung_f32_bits(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
  if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and more */
  if (magnitude >= 0x38800000) /* normal: rounding may carry into the exponent, as it should */
    return (uint16_t)(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
  if (magnitude < 0x33000000) return (uint16_t)sign; /* below 2^-25, half of the least */
  uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000, shift = 126 - (magnitude >> 23);
  uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
  return (uint16_t)(sign | (kept + (rest > half || (rest == half && (kept & 1)))));
}

/* From double in one rounding: by way of float 1 + 2^-11 + 2^-40 would lose its last bit, and then tie down. */
uint16_t rung_f64_to_f16(double x);
uint16_t rung_f64_to_bf16(double x);

/* Float 8 by its element type (F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ) and F4E2M1. Out of range: the largest finite
 * value when `saturate`, infinity included; else infinity, or NaN where there is none. F4E2M1 always saturates, NaN
 * becomes -0. Other types are a bug in the caller. */
float rung_f8_to_f32(rung_dtype dtype, uint8_t bits);
uint8_t rung_f64_to_f8(rung_dtype dtype, double x, bool saturate);

/* How F8E8M0, which holds powers of two, rounds what lies between two of them. */
typedef enum rung_e8m0_round {
  RUNG_E8M0_UP,      /* away from zero; ONNX's default */
  RUNG_E8M0_DOWN,    /* towards zero */
  RUNG_E8M0_NEAREST, /* ties up */
} rung_e8m0_round;

/* The sign is dropped. Outside of [2^-127, 2^127], when `saturate`: the nearest end, infinity included; else NaN. */
uint8_t rung_f64_to_e8m0(double x, rung_e8m0_round round, bool saturate);
float rung_e8m0_to_f32(uint8_t bits);

/* Arrays of n elements; they do not overlap. */
void rung_f16_to_f32_n(size_t n, const uint16_t *from, float *to);
void rung_f32_to_f16_n(size_t n, const float *from, uint16_t *to);
void rung_bf16_to_f32_n(size_t n, const uint16_t *from, float *to);
void rung_f32_to_bf16_n(size_t n, const float *from, uint16_t *to);

#endif
