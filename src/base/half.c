/* One rounding routine, on the bits of a double, serves all targets: a float is a double exactly, so the only rounding
 * is the one into the target. The common conversions from float are inline in half.h. */
#include "base/half.h"

#include "base/macros.h"

#include <assert.h>

/* A format by its codes without the sign bit. */
typedef struct format {
  unsigned mantissa_bits;
  int bias;
  uint32_t largest;  /* code of the largest finite value */
  uint32_t infinity; /* what overflow becomes when it does not saturate; may be a NaN */
  uint32_t nan;
  uint32_t sign; /* the sign bit */
  bool one_zero; /* the code of -0 is NaN, which therefore has no sign */
} format;

static const format f16 = {10, 15, 0x7bff, 0x7c00, 0x7e00, 0x8000, false};
static const format bf16 = {7, 127, 0x7f7f, 0x7f80, 0x7fc0, 0x8000, false};

static const format *format_of(rung_dtype dtype) {
  static const format formats[] = {
      [RUNG_F8E4M3FN] = {3, 7, 0x7e, 0x7f, 0x7f, 0x80, false},
      [RUNG_F8E4M3FNUZ] = {3, 8, 0x7f, 0x80, 0x80, 0x80, true},
      [RUNG_F8E5M2] = {2, 15, 0x7b, 0x7c, 0x7e, 0x80, false},
      [RUNG_F8E5M2FNUZ] = {2, 16, 0x7f, 0x80, 0x80, 0x80, true},
      [RUNG_F4E2M1] = {1, 1, 0x7, 0x7, 0x7, 0x8, false},
  };
  assert((size_t)dtype < RUNG_COUNT(formats) && formats[dtype].sign);
  return &formats[dtype];
}

enum { DOUBLE_MANTISSA = 52, DOUBLE_BIAS = 1023 };
static const uint64_t double_infinity = UINT64_C(0x7ff) << DOUBLE_MANTISSA;
static const uint64_t double_mantissa = (UINT64_C(1) << DOUBLE_MANTISSA) - 1;

static uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* Code of the finite |x| rounded to the format's precision, as if its exponent had no upper bound. */
static uint64_t round_magnitude(const format *f, uint64_t magnitude) {
  int exponent = (int)(magnitude >> DOUBLE_MANTISSA) - DOUBLE_BIAS + f->bias;
  unsigned shift = DOUBLE_MANTISSA - f->mantissa_bits;
  uint64_t mantissa = magnitude & double_mantissa;
  if (exponent >= 1) {
    mantissa |= (uint64_t)exponent << DOUBLE_MANTISSA; /* so that rounding carries into it */
  } else {
    if (exponent < -(int)f->mantissa_bits) return 0; /* below half of the least subnormal */
    mantissa |= UINT64_C(1) << DOUBLE_MANTISSA;
    shift += (unsigned)(1 - exponent);
  }
  uint64_t odd = mantissa >> shift & 1, half = UINT64_C(1) << (shift - 1);
  return (mantissa + half - 1 + odd) >> shift;
}

static uint32_t encode(const format *f, double x, bool saturate) {
  uint64_t bits = bits_of(x), magnitude = bits & ~(UINT64_C(1) << 63);
  uint32_t sign = bits == magnitude ? 0 : f->sign;
  if (magnitude > double_infinity) return f->nan | sign;
  uint64_t code = magnitude == double_infinity ? UINT64_MAX : round_magnitude(f, magnitude);
  if (code > f->largest) code = saturate ? f->largest : f->infinity;
  return code == 0 && f->one_zero ? 0 : (uint32_t)code | sign;
}

uint16_t rung_f64_to_f16(double x) { return (uint16_t)encode(&f16, x, false); }
uint16_t rung_f64_to_bf16(double x) { return (uint16_t)encode(&bf16, x, false); }

uint8_t rung_f64_to_f8(rung_dtype dtype, double x, bool saturate) {
  if (dtype == RUNG_F4E2M1 && x != x) return 0x8;
  return (uint8_t)encode(format_of(dtype), x, saturate);
}

/* 2^exponent, for exponents of normal floats. */
static float power_of_two(int exponent) { return rung_f32_from_bits((uint32_t)(exponent + 127) << 23); }

float rung_f8_to_f32(rung_dtype dtype, uint8_t bits) {
  const format *f = format_of(dtype);
  uint32_t code = bits & (f->sign - 1), sign = bits & f->sign ? 0x80000000 : 0;
  if (f->one_zero && bits == f->nan) return rung_f32_from_bits(0x7fc00000);
  if (code > f->largest)
    return rung_f32_from_bits(sign | (code == f->infinity && code != f->nan ? 0x7f800000 : 0x7fc00000));
  int exponent = (int)(code >> f->mantissa_bits);
  uint32_t mantissa = code & ((1u << f->mantissa_bits) - 1);
  if (exponent) mantissa |= 1u << f->mantissa_bits;
  float magnitude = (float)mantissa * power_of_two(RUNG_MAX(exponent, 1) - f->bias - (int)f->mantissa_bits);
  return rung_f32_from_bits(sign | rung_f32_bits(magnitude));
}

uint8_t rung_f64_to_e8m0(double x, rung_e8m0_round round, bool saturate) {
  enum { LARGEST = 254, NAN_CODE = 255 };
  uint64_t magnitude = bits_of(x) & ~(UINT64_C(1) << 63), mantissa = magnitude & double_mantissa;
  if (magnitude > double_infinity) return NAN_CODE;
  int code = (int)(magnitude >> DOUBLE_MANTISSA) - DOUBLE_BIAS + 127;
  if (round == RUNG_E8M0_UP) code += mantissa != 0;
  if (round == RUNG_E8M0_NEAREST) code += (int)(mantissa >> (DOUBLE_MANTISSA - 1));
  if (code < 0) return saturate ? 0 : NAN_CODE;
  if (code > LARGEST) return saturate ? LARGEST : NAN_CODE;
  return (uint8_t)code;
}

float rung_e8m0_to_f32(uint8_t bits) {
  if (bits == 0xff) return rung_f32_from_bits(0x7fc00000);
  return rung_f32_from_bits(bits ? (uint32_t)bits << 23 : 0x400000);
}

void rung_f16_to_f32_n(size_t n, const uint16_t *from, float *to) {
  for (size_t i = 0; i < n; i++) to[i] = rung_f16_to_f32(from[i]);
}

void rung_f32_to_f16_n(size_t n, const float *from, uint16_t *to) {
  for (size_t i = 0; i < n; i++) to[i] = rung_f32_to_f16(from[i]);
}

void rung_bf16_to_f32_n(size_t n, const uint16_t *from, float *to) {
  for (size_t i = 0; i < n; i++) to[i] = rung_bf16_to_f32(from[i]);
}

void rung_f32_to_bf16_n(size_t n, const float *from, uint16_t *to) {
  for (size_t i = 0; i < n; i++) to[i] = rung_f32_to_bf16(from[i]);
}
