/* Pools of float32: kernels and planes against plain loops over windows, with every instruction set; bytes outside of
 * the operands are out of bounds. Sums are of small whole numbers, so that their order does not matter. */
#include "provider/cpu/form/pool_plane.h"
#include "support/kernels.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

static float *floats(size_t n) { return guarded(n * sizeof(float), sizeof(float)); }

/* Whole numbers; for maxima, now and then NaN or an infinity. */
static float *random_input(uint32_t *random, size_t n, bool is_max) {
  static const float odd[] = {NAN, INFINITY, -INFINITY, -0.0f};
  float *x = floats(n);
  bool any_odd = is_max && random_below(random, 2);
  for (size_t i = 0; i < n; i++) {
    x[i] = (float)random_below(random, 101) - 50;
    if (any_odd && random_below(random, 12) == 0) x[i] = odd[random_below(random, 4)];
  }
  return x;
}

static float combine(bool is_max, float a, float b) {
  if (!is_max) return a + b;
  return isnan(a) || isnan(b) ? NAN : fmaxf(a, b);
}

static void assert_same(size_t n, const float *want, const float *got) {
  for (size_t i = 0; i < n; i++)
    if (!(want[i] == got[i] || (isnan(want[i]) && isnan(got[i]))))
      fail_msg("number %zu: %a, not %a", i, (double)got[i], (double)want[i]);
}

static const rung_pool_f32 *table_of(size_t mask, bool is_max) {
  const rung_pool_f32_table *table = rung_pool_f32_for(rung_cpu_features() & test_masks[mask]);
  return is_max ? &table->max : &table->sum;
}

/* Kernels */

static void rows_are_combined(void **state) {
  (void)state;
  uint32_t random = 1;
  for (size_t n = 1; n < 140; n++)
    for (int round = 0; round < 4; round++) {
      bool is_max = round % 2;
      size_t rows = 1 + random_below(&random, 5), step = n + random_below(&random, 4);
      float *x = random_input(&random, (rows - 1) * step + n, is_max), *want = floats(n), *got = floats(n);
      memcpy(want, x, n * sizeof *want);
      for (size_t r = 1; r < rows; r++)
        for (size_t i = 0; i < n; i++) want[i] = combine(is_max, want[i], x[r * step + i]);
      for (size_t m = 0; m < TEST_MASKS; m++) {
        table_of(m, is_max)->rows(n, rows, step, x, got);
        assert_same(n, want, got);
      }
      guarded_free_all();
    }
}

static void columns_are_combined(void **state) {
  (void)state;
  uint32_t random = 2;
  for (size_t n = 1; n < 140; n++)
    for (int round = 0; round < 16; round++) {
      bool is_max = round % 2;
      size_t taps = 1 + random_below(&random, 4), stride = 1 + random_below(&random, 3),
             dilation = 1 + random_below(&random, 3);
      float *x = random_input(&random, (n - 1) * stride + (taps - 1) * dilation + 1, is_max), *want = floats(n),
            *got = floats(n);
      for (size_t i = 0; i < n; i++) {
        want[i] = x[i * stride];
        for (size_t t = 1; t < taps; t++) want[i] = combine(is_max, want[i], x[i * stride + t * dilation]);
      }
      for (size_t m = 0; m < TEST_MASKS; m++) {
        table_of(m, is_max)->columns(n, taps, stride, dilation, x, got);
        assert_same(n, want, got);
      }
      guarded_free_all();
    }
}

/* Planes */

/* Paddings may be larger than the window, and the window larger than the input. */
static rung_window_axis random_axis(uint32_t *random, uint32_t most) {
  rung_window_axis a = {.kernel = 1 + random_below(random, 6),
                        .stride = 1 + random_below(random, 4),
                        .dilation = 1 + random_below(random, 3),
                        .begin = random_below(random, random_below(random, 4) ? 4 : 20),
                        .end = random_below(random, random_below(random, 4) ? 4 : 20),
                        .in = 1 + random_below(random, most)};
  int64_t span = (a.kernel - 1) * a.dilation + 1;
  if (a.in + a.begin + a.end < span) a.end = span - a.in - a.begin;
  a.out = (a.in + a.begin + a.end - span) / a.stride + 1;
  return a;
}

static float window_of(const rung_window_axis *y, const rung_window_axis *x, const float *plane, bool is_max,
                       int64_t oy, int64_t ox) {
  float result = is_max ? -INFINITY : 0;
  for (int64_t ky = 0; ky < y->kernel; ky++)
    for (int64_t kx = 0; kx < x->kernel; kx++) {
      int64_t iy = oy * y->stride - y->begin + ky * y->dilation, ix = ox * x->stride - x->begin + kx * x->dilation;
      if (iy >= 0 && iy < y->in && ix >= 0 && ix < x->in) result = combine(is_max, result, plane[iy * x->in + ix]);
    }
  return result;
}

static void planes_are_pooled(void **state) {
  (void)state;
  uint32_t random = 3;
  for (int round = 0; round < 2000; round++) {
    bool is_max = round % 2, flat = random_below(&random, 3) == 0;
    rung_window window = {.rank = flat ? 1 : 2};
    for (int32_t i = 0; i < window.rank; i++) window.axes[i] = random_axis(&random, flat ? 200 : 40);
    rung_window_axis one = {1, 1, 1, 1, 1, 0, 0}, y = flat ? one : window.axes[0], x = window.axes[window.rank - 1];
    size_t out = (size_t)(y.out * x.out);
    float *in = random_input(&random, (size_t)(y.in * x.in), is_max), *want = floats(out), *got = floats(out);
    for (size_t i = 0; i < out; i++) want[i] = window_of(&y, &x, in, is_max, (int64_t)i / x.out, (int64_t)i % x.out);
    for (size_t m = 0; m < TEST_MASKS; m++) {
      rung_pool_plane plane;
      assert_true(rung_pool_plane_make(&window, is_max, rung_cpu_features() & test_masks[m], &plane));
      float *line = floats(plane.line_size);
      memset(line, 0x55, plane.line_size * sizeof *line);
      rung_pool_plane_run(&(rung_kernel_call){0}, &plane, in, got, line);
      assert_same(out, want, got);
    }
    guarded_free_all();
  }
}

/* Three dimensions, empty inputs, and dilations that make a line too long are for other forms. */
static void planes_refuse(void **state) {
  (void)state;
  const rung_window_axis plain = {8, 8, 1, 1, 1, 0, 0}, empty = {0, 0, 1, 1, 1, 0, 0},
                         far = {8, 1, 3, 1, INT64_C(1) << 30, INT64_C(1) << 31, INT64_C(1) << 31};
  rung_pool_plane plane;
  assert_true(rung_pool_plane_make(&(rung_window){2, {plain, plain}}, true, 0, &plane));
  assert_false(rung_pool_plane_make(&(rung_window){3, {plain, plain, plain}}, true, 0, &plane));
  assert_false(rung_pool_plane_make(&(rung_window){2, {empty, plain}}, true, 0, &plane));
  assert_false(rung_pool_plane_make(&(rung_window){2, {plain, empty}}, true, 0, &plane));
  assert_false(rung_pool_plane_make(&(rung_window){1, {far}}, true, 0, &plane));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_combined), cmocka_unit_test(columns_are_combined),
                                     cmocka_unit_test(planes_are_pooled), cmocka_unit_test(planes_refuse)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
