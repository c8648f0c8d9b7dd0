/* Exhaustive over the codes of every narrow type. Rounding is tried at each boundary between two neighbours:
 * their midpoint, and the next double on either side of it; nothing in between can differ. */
#include "base/cpu.h"
#include "base/half.h"
#include "base/macros.h"
#include "support/test.h"

#include <math.h>

typedef struct format {
  const char *name;
  rung_dtype dtype;
  int mantissa_bits, bias;
  unsigned largest, sign;
  bool infinity, one_zero;
} format;

static const format formats[] = {
    {"f16", RUNG_F16, 10, 15, 0x7bff, 0x8000, true, false},
    {"bf16", RUNG_BF16, 7, 127, 0x7f7f, 0x8000, true, false},
    {"e4m3fn", RUNG_F8E4M3FN, 3, 7, 0x7e, 0x80, false, false},
    {"e4m3fnuz", RUNG_F8E4M3FNUZ, 3, 8, 0x7f, 0x80, false, true},
    {"e5m2", RUNG_F8E5M2, 2, 15, 0x7b, 0x80, true, false},
    {"e5m2fnuz", RUNG_F8E5M2FNUZ, 2, 16, 0x7f, 0x80, false, true},
    {"e2m1", RUNG_F4E2M1, 1, 1, 0x7, 0x8, false, false},
};

/* The value of a finite code, from the definition; one past the largest gives what would follow. */
static double value_of(const format *f, unsigned code) {
  int exponent = (int)(code >> f->mantissa_bits);
  double mantissa = code & ((1u << f->mantissa_bits) - 1);
  if (exponent) mantissa += 1u << f->mantissa_bits;
  return ldexp(mantissa, (exponent ? exponent : 1) - f->bias - f->mantissa_bits);
}

static float decode(const format *f, unsigned code) {
  if (f->dtype == RUNG_F16) return rung_f16_to_f32((uint16_t)code);
  if (f->dtype == RUNG_BF16) return rung_bf16_to_f32((uint16_t)code);
  return rung_f8_to_f32(f->dtype, (uint8_t)code);
}

static unsigned encode(const format *f, double x, bool saturate) {
  if (f->dtype == RUNG_F16) return rung_f64_to_f16(x);
  if (f->dtype == RUNG_BF16) return rung_f64_to_bf16(x);
  return rung_f64_to_f8(f->dtype, x, saturate);
}

static void expect(const format *f, double x, unsigned code) {
  unsigned got = encode(f, x, true);
  if (got != code) fail_msg("%s: %a became 0x%x, not 0x%x", f->name, x, got, code);
  if ((double)(float)x != x) return;
  if (f->dtype == RUNG_F16) got = rung_f32_to_f16((float)x);
  if (f->dtype == RUNG_BF16) got = rung_f32_to_bf16((float)x);
  if (got != code) fail_msg("%s: float %a became 0x%x, not 0x%x", f->name, x, got, code);
}

static void finite_codes_mean_their_value(void **state) {
  (void)state;
  for (const format *f = formats; f < formats + RUNG_COUNT(formats); f++)
    for (unsigned code = 0; code <= f->largest; code++) {
      double value = value_of(f, code);
      assert_true(decode(f, code) == (float)value && !signbit(decode(f, code)));
      expect(f, value, code);
      if (code == 0 && f->one_zero) {
        expect(f, -0.0, 0);
        continue;
      }
      assert_true(decode(f, code | f->sign) == (float)-value && signbit(decode(f, code | f->sign)));
      expect(f, -value, code | f->sign);
    }
}

/* Around the midpoint of `code` and its upper neighbour. */
static void check_boundary(const format *f, unsigned code, unsigned above) {
  double middle = (value_of(f, code) + value_of(f, code + 1)) / 2;
  unsigned even = code & 1 ? above : code;
  expect(f, nextafter(middle, 0), code);
  expect(f, middle, even);
  expect(f, nextafter(middle, INFINITY), above);
  expect(f, nextafterf((float)middle, 0), code);
  expect(f, nextafterf((float)middle, INFINITY), above);
  if (code == 0 && f->one_zero) return;
  expect(f, -nextafter(middle, 0), code | f->sign);
  expect(f, -middle, even | f->sign);
  expect(f, -nextafter(middle, INFINITY), above | f->sign);
}

static void rounding_is_to_nearest_even_in_one_step(void **state) {
  (void)state;
  for (const format *f = formats; f < formats + RUNG_COUNT(formats); f++) {
    for (unsigned code = 0; code < f->largest; code++) check_boundary(f, code, code + 1);
    bool saturates = f->dtype != RUNG_F16 && f->dtype != RUNG_BF16;
    check_boundary(f, f->largest, saturates ? f->largest : f->largest + 1);
  }
}

/* ONNX, Cast: the tables of the float 8 types. Of the last, the node cases: their NaN is not that of technical/float4.
 */
static void special_values(void **state) {
  (void)state;
  static const struct {
    rung_dtype dtype;
    unsigned saturated, overflow, minus_overflow, infinite, nan, minus_nan;
  } rows[] = {
      {RUNG_F8E4M3FN, 0x7e, 0x7f, 0xff, 0x7f, 0x7f, 0xff}, {RUNG_F8E4M3FNUZ, 0x7f, 0x80, 0x80, 0x80, 0x80, 0x80},
      {RUNG_F8E5M2, 0x7b, 0x7c, 0xfc, 0x7c, 0x7e, 0xfe},   {RUNG_F8E5M2FNUZ, 0x7f, 0x80, 0x80, 0x80, 0x80, 0x80},
      {RUNG_F4E2M1, 0x7, 0x7, 0xf, 0x7, 0x8, 0x8},
  };
  for (size_t i = 0; i < RUNG_COUNT(rows); i++) {
    rung_dtype d = rows[i].dtype;
    unsigned sign = d == RUNG_F4E2M1 ? 0x8 : 0x80;
    assert_int_equal(rung_f64_to_f8(d, INFINITY, true), rows[i].saturated);
    assert_int_equal(rung_f64_to_f8(d, -INFINITY, true), rows[i].saturated | sign);
    assert_int_equal(rung_f64_to_f8(d, 1e300, true), rows[i].saturated);
    assert_int_equal(rung_f64_to_f8(d, 1e300, false), rows[i].overflow);
    assert_int_equal(rung_f64_to_f8(d, -1e300, false), rows[i].minus_overflow);
    assert_int_equal(rung_f64_to_f8(d, INFINITY, false), rows[i].infinite);
    for (int saturate = 0; saturate < 2; saturate++) {
      assert_int_equal(rung_f64_to_f8(d, NAN, saturate), rows[i].nan);
      assert_int_equal(rung_f64_to_f8(d, -NAN, saturate), rows[i].minus_nan);
      assert_int_equal(rung_f64_to_f8(d, 5e-324, saturate), 0);
    }
  }
}

static void codes_that_are_not_finite(void **state) {
  (void)state;
  for (const format *f = formats; f < formats + RUNG_COUNT(formats); f++) {
    if (f->one_zero) assert_true(isnan(decode(f, f->sign)));
    for (unsigned code = f->largest + 1; code < f->sign; code++) {
      bool infinite = f->infinity && code == f->largest + 1;
      float x = decode(f, code), minus = decode(f, code | f->sign);
      assert_true(infinite ? x == INFINITY && minus == -INFINITY : isnan(x) && isnan(minus));
      assert_int_equal(!!signbit(minus), 1);
      if (!infinite) assert_true(rung_f32_bits(x) & 0x400000); /* quiet */
    }
  }
}

static void nan_stays_nan(void **state) {
  (void)state;
  for (uint32_t payload = 1; payload < 0x800000; payload = payload * 2 + (payload == 1)) {
    float x = rung_f32_from_bits(0xff800000 | payload);
    assert_int_equal(rung_f32_to_f16(x) & 0xfe00, 0xfe00);
    assert_int_equal(rung_f32_to_bf16(x) & 0xffc0, 0xffc0);
  }
  assert_int_equal(rung_f64_to_f16(-NAN), 0xfe00);
  assert_int_equal(rung_f64_to_bf16(NAN), 0x7fc0);
  assert_int_equal(rung_f64_to_f16(1e5), 0x7c00);
  assert_int_equal(rung_f64_to_f16(-INFINITY), 0xfc00);
  assert_int_equal(rung_f64_to_bf16(1e300), 0x7f80);
}

static void no_double_rounding(void **state) {
  (void)state;
  double x = 1 + 0x1p-11 + 0x1p-40;
  assert_int_equal(rung_f64_to_f16(x), 0x3c01);
  assert_int_equal(rung_f32_to_f16((float)x), 0x3c00); /* what a detour by float would give */
}

static void powers_of_two(void **state) {
  (void)state;
  for (unsigned code = 0; code < 255; code++) {
    double power = ldexp(1, (int)code - 127);
    assert_true(rung_e8m0_to_f32((uint8_t)code) == (float)power);
    for (int round = RUNG_E8M0_UP; round <= RUNG_E8M0_NEAREST; round++)
      assert_int_equal(rung_f64_to_e8m0(power, (rung_e8m0_round)round, false), code);
    if (code == 254) break;
    assert_int_equal(rung_f64_to_e8m0(nextafter(power, INFINITY), RUNG_E8M0_UP, true), code + 1);
    assert_int_equal(rung_f64_to_e8m0(nextafter(power * 2, 0), RUNG_E8M0_DOWN, true), code);
    assert_int_equal(rung_f64_to_e8m0(nextafter(power * 1.5, 0), RUNG_E8M0_NEAREST, true), code);
    assert_int_equal(rung_f64_to_e8m0(power * 1.5, RUNG_E8M0_NEAREST, true), code + 1);
  }
  assert_true(isnan(rung_e8m0_to_f32(255)));
}

/* ONNX, Cast: the table of FLOAT8E8M0. */
static void powers_of_two_at_the_ends(void **state) {
  (void)state;
  static const double large[] = {0x1p128, 0x1.8p127, INFINITY}, small[] = {0, -0.0, 0x1p-140, 5e-324};
  for (size_t i = 0; i < RUNG_COUNT(large); i++) {
    assert_int_equal(rung_f64_to_e8m0(large[i], RUNG_E8M0_UP, true), 254);
    assert_int_equal(rung_f64_to_e8m0(large[i], RUNG_E8M0_NEAREST, false), 255);
  }
  for (size_t i = 0; i < RUNG_COUNT(small); i++) {
    assert_int_equal(rung_f64_to_e8m0(small[i], RUNG_E8M0_UP, true), 0);
    assert_int_equal(rung_f64_to_e8m0(small[i], RUNG_E8M0_NEAREST, false), 255);
  }
  assert_int_equal(rung_f64_to_e8m0(NAN, RUNG_E8M0_UP, true), 255);
  assert_int_equal(rung_f64_to_e8m0(NAN, RUNG_E8M0_DOWN, false), 255);
}

enum { CODES = 65536 };
static uint16_t codes[CODES + 1], again[CODES + 1];
static float floats[CODES + 1];

static void arrays_convert_as_single_numbers_do(void **state) {
  (void)state;
  for (unsigned i = 0; i < CODES; i++) codes[i] = (uint16_t)i;
  for (int bf = 0; bf < 2; bf++) {
    floats[CODES] = 42, again[CODES] = 42;
    (bf ? rung_bf16_to_f32_n : rung_f16_to_f32_n)(CODES, codes, floats);
    (bf ? rung_f32_to_bf16_n : rung_f32_to_f16_n)(CODES, floats, again);
    for (unsigned i = 0; i < CODES; i++) {
      float single = bf ? rung_bf16_to_f32((uint16_t)i) : rung_f16_to_f32((uint16_t)i);
      assert_int_equal(rung_f32_bits(floats[i]), rung_f32_bits(single));
      assert_int_equal(again[i], isnan(single) ? (i | (bf ? 0x40u : 0x200u)) : i);
    }
    assert_true(floats[CODES] == 42 && again[CODES] == 42);
  }
}

static void flush_to_zero_changes_nothing(void **state) {
  (void)state;
#if defined(__x86_64__)
  rung_fp_state before = rung_fp_state_get();
  rung_fp_state_set(before | 0x8040);
#endif
  uint32_t least = rung_f32_bits(rung_f16_to_f32(1));
  uint16_t bf_least = rung_f32_to_bf16(rung_f32_from_bits(0x10000)), e_least = rung_f64_to_f16(0x1p-24);
#if defined(__x86_64__)
  rung_fp_state_set(before);
#endif
  assert_int_equal(least, 0x33800000);
  assert_int_equal(bf_least, 1);
  assert_int_equal(e_least, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finite_codes_mean_their_value),
      cmocka_unit_test(rounding_is_to_nearest_even_in_one_step),
      cmocka_unit_test(special_values),
      cmocka_unit_test(codes_that_are_not_finite),
      cmocka_unit_test(nan_stays_nan),
      cmocka_unit_test(no_double_rounding),
      cmocka_unit_test(powers_of_two),
      cmocka_unit_test(powers_of_two_at_the_ends),
      cmocka_unit_test(arrays_convert_as_single_numbers_do),
      cmocka_unit_test(flush_to_zero_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
