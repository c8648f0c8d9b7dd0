/* Loops between bytes, sums and float32: halfway cases, limits, NaN and infinities, with every instruction set, for
 * every length; bytes outside of the operands are out of bounds. */
#include "base/macros.h"
#include "support/kernels.h"
#include "support/quantized.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

/* Numbers that a quantiser may get wrong, in units of the scale. */
static const float hard[] = {0.5f,      -0.5f,   1.5f,     -1.5f,    2.5f,        -2.5f,        126.5f, 127.5f,
                             -127.5f,   -128.5f, 254.5f,   255.5f,   0.49999997f, -0.49999997f, 0.0f,   -0.0f,
                             1e-45f,    255,     256,      -128,     -129,        1e9f,         -1e9f,  8388609,
                             -16777218, 3.4e38f, -3.4e38f, INFINITY, -INFINITY,   NAN,          -NAN};
static const float scales[] = {1, 0.5f, 3, 0.01f, 1e-40f, 1e30f, 0, -0.0f, -0.25f, INFINITY, NAN};
enum { MOST = 200 };

static void fill_hard(uint32_t *random, float scale, size_t n, float *x) {
  for (size_t i = 0; i < n; i++)
    x[i] = random_below(random, 3) ? hard[random_below(random, RUNG_COUNT(hard))] * scale
                                   : (float)random_below(random, 100000) / 100 * scale - 300 * scale;
}

static void quantize_rounds_and_saturates(void **state) {
  (void)state;
  uint32_t random = 1;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_quantize_table *table = rung_quantize_for(rung_cpu_features() & test_masks[m]);
    for (size_t n = 0; n < MOST; n++)
      for (size_t s = 0; s < RUNG_COUNT(scales); s++) {
        float *x = guarded(n * sizeof *x, sizeof *x);
        uint8_t *got = guarded(n, 1);
        int32_t low = n % 2 ? 0 : -128, zero = low + (int32_t)(s % 3 == 0   ? 0
                                                               : s % 3 == 1 ? 255
                                                                            : random_below(&random, 256));
        fill_hard(&random, s < 6 ? scales[s] : 1, n, x);
        table->quantize(n, x, scales[s], zero, low, got);
        for (size_t i = 0; i < n; i++)
          if (got[i] != plain_quantize(x[i], scales[s], zero, low))
            fail_msg("mask %zu: %a / %a + %d gives %d, not %d", m, (double)x[i], (double)scales[s], zero, got[i],
                     plain_quantize(x[i], scales[s], zero, low));
        guarded_free_all();
      }
  }
}

/* Ties go to the even number after the zero point is added as before: what counts is x / scale. */
static void quantize_gives_these(void **state) {
  (void)state;
  const float x[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 300, -300, NAN, INFINITY, -INFINITY};
  const uint8_t want_u8[] = {3, 5, 5, 3, 1, 255, 0, 0, 255, 0};
  const int8_t want_i8[] = {3, 5, 5, 3, 1, 127, -128, -128, 127, -128};
  uint8_t got[RUNG_COUNT(x)];
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_quantize_table *table = rung_quantize_for(rung_cpu_features() & test_masks[m]);
    table->quantize(RUNG_COUNT(x), x, 1, 3, 0, got);
    assert_memory_equal(got, want_u8, sizeof want_u8);
    table->quantize(RUNG_COUNT(x), x, 1, 3, -128, got);
    assert_memory_equal(got, want_i8, sizeof want_i8);
  }
}

static void dequantize_is_exact(void **state) {
  (void)state;
  uint32_t random = 2;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_quantize_table *table = rung_quantize_for(rung_cpu_features() & test_masks[m]);
    for (size_t n = 0; n < 600; n++) {
      uint8_t *x = guarded(n, 1);
      float *got = guarded(n * sizeof *got, sizeof *got), *want = guarded(n * sizeof *want, sizeof *want);
      int is_signed = n % 2;
      int32_t zero = (int32_t)random_below(&random, 256) - (is_signed ? 128 : 0);
      float scale = n % 7 ? (float)random_below(&random, 1000) / 997 : scales[n % RUNG_COUNT(scales)];
      random_bytes(&random, n, x);
      for (size_t i = 0; i < n; i++) want[i] = (float)(byte_of(x, is_signed, i) - zero) * scale;
      table->dequantize(n, x, is_signed, scale, zero, got);
      for (size_t i = 0; i < n; i++) assert_true(isnan(want[i]) ? isnan(got[i]) : !memcmp(want + i, got + i, 4));
      guarded_free_all();
    }
  }
}

static int32_t any_int(uint32_t *random) {
  return (int32_t)(random_below(random, 1 << 16) << 16 | random_below(random, 1 << 16));
}

/* Every step of scale and bias; sums are rounded to float32 before they are scaled. */
static void scale_sums_has_these_steps(void **state) {
  (void)state;
  uint32_t random = 4;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_quantize_table *table = rung_quantize_for(rung_cpu_features() & test_masks[m]);
    for (size_t n = 1; n < MOST; n++)
      for (size_t kind = 0; kind < 4; kind++) {
        size_t scale_step = kind & 1, bias_step = kind >> 1, scale_count = scale_step ? n : 1,
               bias_count = bias_step ? n : 1;
        int32_t *sums = guarded(n * sizeof *sums, sizeof *sums);
        float *want = guarded(n * sizeof *want, sizeof *want), *got = n % 2 ? want : (float *)sums;
        float *scale = guarded(scale_count * sizeof *scale, sizeof *scale);
        float *bias = guarded(bias_count * sizeof *bias, sizeof *bias);
        if (n % 2) got = guarded(n * sizeof *got, sizeof *got);
        random_floats(random, scale_count, scale);
        random_floats(random + 1, bias_count, bias);
        for (size_t i = 0; i < n; i++) {
          sums[i] = any_int(&random);
          float product = (float)sums[i] * scale[i * scale_step];
          want[i] = product + bias[i * bias_step];
        }
        table->scale_sums(n, sums, scale, scale_step, bias, bias_step, got);
        assert_memory_equal(want, got, n * sizeof *want);
        guarded_free_all();
      }
  }
}

static void add_sums_wraps_and_adds(void **state) {
  (void)state;
  uint32_t random = 6;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_quantize_table *table = rung_quantize_for(rung_cpu_features() & test_masks[m]);
    for (size_t n = 0; n < MOST; n++) {
      int32_t *ints[3], a_zero = (int32_t)random_below(&random, 256) - 128, a_sum = any_int(&random);
      float *scale = guarded(n * sizeof *scale, sizeof *scale), *want = guarded(n * sizeof *want, sizeof *want),
            *got = guarded(n * sizeof *got, sizeof *got);
      for (size_t k = 0; k < 3; k++) ints[k] = guarded(n * sizeof(int32_t), sizeof(int32_t));
      random_floats(random, n, scale);
      random_floats(random + 1, n, want);
      memcpy(got, want, n * sizeof *got);
      for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < 3; k++) ints[k][i] = any_int(&random);
        uint32_t sum = (uint32_t)ints[0][i] + (uint32_t)a_zero * (uint32_t)ints[1][i];
        float product = (float)(int32_t)(sum - (uint32_t)a_sum * (uint32_t)ints[2][i]) * (0.37f * scale[i]);
        want[i] = want[i] + product;
      }
      table->add_sums(n, ints[0], a_zero, ints[1], a_sum, ints[2], 0.37f, scale, got);
      assert_memory_equal(want, got, n * sizeof *want);
      guarded_free_all();
    }
  }
}

/* The whole of it, along channels and within one. */
static void requantize_is_as_written(void **state) {
  (void)state;
  enum { CHANNELS = 150 };
  uint32_t random = 5;
  for (int round = 0; round < 600; round++) {
    rung_requantize r;
    size_t index = random_below(&random, CHANNELS), n = random_below(&random, CHANNELS - (uint32_t)index + 1);
    bool along = round % 2;
    random_requantize(&random, CHANNELS, 1e6, &r);
    size_t size = rung_dtype_size(r.dtype), channel = index;
    void *want = guarded(n * size, size);
    int32_t kept[CHANNELS];
    for (size_t i = 0; i < n; i++) {
      kept[i] = any_int(&random) / (round % 3 ? 1000 : 1);
      plain_requantize(&r, kept[i], channel + (along ? i : 0), want, i);
    }
    for (size_t m = 0; m < TEST_MASKS; m++) {
      rung_cpu_set features = rung_cpu_features() & test_masks[m];
      int32_t *sums = guarded(n * sizeof *sums, sizeof *sums);
      uint8_t *to = guarded(n, 1);
      memcpy(sums, kept, n * sizeof *sums);
      rung_requantize_run(&r, rung_math_for(features), rung_quantize_for(features), n, sums, index, along, to);
      assert_memory_equal(want, size == 1 ? (void *)to : sums, n * size);
    }
    guarded_free_all();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quantize_rounds_and_saturates), cmocka_unit_test(quantize_gives_these),
      cmocka_unit_test(dequantize_is_exact),           cmocka_unit_test(scale_sums_has_these_steps),
      cmocka_unit_test(add_sums_wraps_and_adds),       cmocka_unit_test(requantize_is_as_written)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
