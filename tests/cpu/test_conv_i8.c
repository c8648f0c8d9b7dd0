/* Convolutions of 8-bit integers against plain loops, exactly, with every instruction set and number of threads; bytes
 * outside of the operands are out of bounds. */
#include "provider/cpu/form/conv_i8.h"
#include "support/kernels.h"
#include "support/quantized.h"
#include "support/test.h"

#include <string.h>

typedef struct problem {
  rung_conv_shape shape;
  rung_tensor x, w;
  size_t x_plane, w_taps, y_plane, y_count; /* elements of a channel, of a kernel, of an output channel, of Y */
  rung_conv_i8_run run;
} problem;

static rung_window_axis random_axis(uint32_t *random, uint32_t most, bool deep) {
  rung_window_axis a = {.kernel = 1 + random_below(random, deep ? 17 : 5),
                        .stride = 1 + random_below(random, 5),
                        .dilation = 1 + random_below(random, 3),
                        .begin = random_below(random, 5)};
  int64_t span = (a.kernel - 1) * a.dilation + 1, end = random_below(random, 5);
  a.in = 1 + random_below(random, most);
  if (a.in + a.begin + end < span) a.in = span;
  a.out = (a.in + a.begin + end - span) / a.stride + 1;
  return a;
}

/* Groups of any size; single channels, with one or more outputs each. */
static void random_channels(uint32_t *random, rung_conv_shape *s) {
  uint32_t kind = random_below(random, 4);
  s->group = kind ? 1 + random_below(random, 3) : 1 + random_below(random, 20);
  s->in_channels = s->group * (kind > 1 ? 1 + random_below(random, 11) : 1);
  s->out_channels = s->group * (kind > 0 ? 1 + random_below(random, 40) : 1);
}

static int32_t random_zero(uint32_t *random, rung_dtype dtype) {
  return (int32_t)random_below(random, 256) - (dtype == RUNG_I8 ? 128 : 0);
}

static void random_tensor(uint32_t *random, size_t count, rung_tensor *t) {
  t->dtype = random_below(random, 2) ? RUNG_U8 : RUNG_I8;
  t->size = count;
  random_bytes(random, count, t->data = guarded(count, 1));
}

static void random_run(uint32_t *random, problem *p) {
  size_t channels = (size_t)p->shape.out_channels;
  int32_t *zeros = guarded(channels * sizeof *zeros, sizeof *zeros),
          *bias = guarded(channels * sizeof *bias, sizeof *bias);
  bool same = random_below(random, 2);
  for (size_t m = 0; m < channels; m++) {
    zeros[m] = same && m ? zeros[0] : random_zero(random, p->w.dtype);
    bias[m] = (int32_t)random_below(random, 200000) - 100000;
  }
  p->run = (rung_conv_i8_run){.x = p->x.data,
                              .x_zero = random_zero(random, p->x.dtype),
                              .w_zeros = random_below(random, 3) ? zeros : NULL,
                              .bias = random_below(random, 2) ? bias : NULL};
  double depth = (double)p->w_taps * (double)p->w.dims[1];
  random_requantize(random, channels, 1000 * (depth + 4), &p->run.requantize);
}

static void random_problem(uint32_t *random, problem *p) {
  static const uint32_t most[] = {0, 150, 34, 10};
  rung_conv_shape *s = &p->shape;
  int32_t rank = 1 + (int32_t)random_below(random, 3);
  bool deep = rank < 3 && random_below(random, 6) == 0;
  *p = (problem){.shape = {.batch = 1 + random_below(random, 2), .window.rank = rank}, .w.rank = rank + 2};
  random_channels(random, s);
  p->x_plane = p->w_taps = p->y_plane = 1;
  p->w.dims[0] = s->out_channels;
  p->w.dims[1] = s->in_channels / s->group;
  for (int32_t i = 0; i < rank; i++) {
    s->window.axes[i] = random_axis(random, most[rank], deep);
    p->w.dims[i + 2] = s->window.axes[i].kernel;
    p->x_plane *= (size_t)s->window.axes[i].in;
    p->w_taps *= (size_t)s->window.axes[i].kernel;
    p->y_plane *= (size_t)s->window.axes[i].out;
  }
  p->y_count = (size_t)(s->batch * s->out_channels) * p->y_plane;
  random_tensor(random, (size_t)(s->batch * s->in_channels) * p->x_plane, &p->x);
  random_tensor(random, (size_t)(s->out_channels * p->w.dims[1]) * p->w_taps, &p->w);
  random_run(random, p);
}

/* The input element of a channel under tap `tap`, for output `at` of a plane; false in the padding. */
static bool under_tap(const rung_window *window, size_t at, size_t tap, size_t *out) {
  size_t size = 1;
  *out = 0;
  for (int32_t i = window->rank - 1; i >= 0; i--) {
    const rung_window_axis *a = &window->axes[i];
    int64_t o = (int64_t)(at % (size_t)a->out), k = (int64_t)(tap % (size_t)a->kernel),
            in = o * a->stride - a->begin + k * a->dilation;
    at /= (size_t)a->out;
    tap /= (size_t)a->kernel;
    if (in < 0 || in >= a->in) return false;
    *out += (size_t)in * size;
    size *= (size_t)a->in;
  }
  return true;
}

/* Adds what a channel's taps see to the sums of one output plane. */
static void add_channel(const problem *p, size_t x_channel, size_t w_channel, int32_t w_zero, uint32_t *sums) {
  for (size_t at = 0; at < p->y_plane; at++)
    for (size_t tap = 0, in; tap < p->w_taps; tap++) {
      if (!under_tap(&p->shape.window, at, tap, &in)) continue;
      int32_t x = byte_of(p->x.data, p->x.dtype == RUNG_I8, x_channel * p->x_plane + in);
      int32_t w = byte_of(p->w.data, p->w.dtype == RUNG_I8, w_channel * p->w_taps + tap);
      sums[at] += (uint32_t)((x - p->run.x_zero) * (w - w_zero));
    }
}

static void convolve_plainly(const problem *p, void *y) {
  size_t outputs = (size_t)p->shape.out_channels, inputs = (size_t)p->shape.in_channels,
         channels = (size_t)p->w.dims[1];
  size_t per_group = outputs / (size_t)p->shape.group;
  uint32_t *sums = guarded(p->y_plane * sizeof *sums, sizeof *sums);
  for (size_t n = 0; n < (size_t)p->shape.batch; n++)
    for (size_t m = 0; m < outputs; m++) {
      for (size_t i = 0; i < p->y_plane; i++) sums[i] = p->run.bias ? (uint32_t)p->run.bias[m] : 0;
      for (size_t c = 0; c < channels; c++)
        add_channel(p, n * inputs + m / per_group * channels + c, m * channels + c,
                    p->run.w_zeros ? p->run.w_zeros[m] : 0, sums);
      for (size_t i = 0; i < p->y_plane; i++)
        plain_requantize(&p->run.requantize, (int32_t)sums[i], m, y, (n * outputs + m) * p->y_plane + i);
    }
}

/* Returns whether the depthwise way was taken. */
static bool run_fast(const problem *p, uint32_t threads, uint32_t mask, void *y) {
  test_host h;
  test_host_start(&h, threads, mask);
  rung_kernel_call call = {.host = &h.host};
  rung_conv_i8 plan;
  rung_conv_i8_run run = p->run;
  size_t bytes;
  assert_true(rung_conv_i8_plan(&call, &p->shape, &p->x, &p->w, &plan));
  assert_true(rung_conv_i8_scratch(&plan, &bytes));
  int32_t *packed = guarded(plan.weights.size * sizeof *packed, 64);
  rung_conv_i8_pack(&plan.weights, p->w.data, packed, guarded(plan.weights.row_bytes, 1));
  run.w = packed;
  run.y = y;
  rung_conv_i8_run_all(&call, &plan, &run, guarded(bytes, 64));
  test_host_stop(&h);
  return plan.depthwise.kernel != NULL;
}

static void convolutions_are_exact(void **state) {
  (void)state;
  uint32_t random = 3;
  size_t depthwise = 0, boxes = 0;
  for (int round = 0; round < 240; round++) {
    problem p;
    random_problem(&random, &p);
    size_t size = rung_dtype_size(p.run.requantize.dtype), bytes = p.y_count * size;
    void *want = guarded(bytes, size), *got = guarded(bytes, size);
    convolve_plainly(&p, want);
    for (size_t m = 0; m < TEST_MASKS; m++)
      for (uint32_t threads = 1; threads <= 3; threads++) {
        memset(got, 0x55, bytes);
        *(run_fast(&p, threads, test_masks[m], got) ? &depthwise : &boxes) += 1;
        assert_memory_equal(want, got, bytes);
      }
    guarded_free_all();
  }
  assert_true(depthwise > 100 && boxes > 100);
}

/* The largest sums, all of one sign. */
static void largest_sums_are_exact(uint32_t kernel) {
  enum { SIDE = 20, PLANE = SIDE * SIDE };
  const rung_window_axis axis = {.in = SIDE, .out = SIDE, .kernel = kernel, .stride = 1, .dilation = 1, .begin = 8};
  problem p = {.shape = {1, 1, 1, 1, {2, {axis, axis}}},
               .x_plane = PLANE,
               .y_plane = PLANE,
               .y_count = PLANE,
               .w_taps = (size_t)kernel * kernel,
               .x.dtype = RUNG_U8,
               .w = {.rank = 4, .dims = {1, 1, kernel, kernel}, .dtype = RUNG_U8}};
  int32_t bias = INT32_MAX, want[PLANE], got[PLANE];
  memset(p.x.data = guarded(PLANE, 1), 0xff, PLANE);
  memset(p.w.data = guarded(p.w_taps, 1), 0xff, p.w_taps);
  ((uint8_t *)p.x.data)[150] = 254; /* odd sums, too */
  p.run = (rung_conv_i8_run){.x = p.x.data, .bias = &bias, .requantize = {.dtype = RUNG_I32}};
  convolve_plainly(&p, want);
  for (size_t m = 0; m < TEST_MASKS; m++) {
    assert_true(run_fast(&p, 1, test_masks[m], got));
    assert_memory_equal(want, got, sizeof want);
  }
  guarded_free_all();
}

static void depthwise_sums_stay_exact(void **state) {
  (void)state;
  largest_sums_are_exact(16);
  largest_sums_are_exact(17);
}

/* Channels of more than one strip, the last of which is shorter. */
static void strips_meet(void **state) {
  (void)state;
  uint32_t random = 7;
  for (uint32_t stride = 1; stride <= 2; stride++) {
    problem p = {.shape = {.batch = 1, .in_channels = 2, .out_channels = 2, .group = 2, .window.rank = 2},
                 .w = {.rank = 4, .dims = {2, 1, 3, 3}},
                 .w_taps = 9};
    p.shape.window.axes[0] = (rung_window_axis){.kernel = 3, .stride = stride, .dilation = 2, .in = 150, .begin = 1};
    p.shape.window.axes[1] = (rung_window_axis){.kernel = 3, .stride = stride, .dilation = 1, .in = 190, .begin = 2};
    p.shape.window.axes[0].out = 147 / stride;
    p.shape.window.axes[1].out = 189 / stride;
    p.x_plane = 150 * 190;
    p.y_plane = (size_t)(p.shape.window.axes[0].out * p.shape.window.axes[1].out);
    p.y_count = 2 * p.y_plane;
    random_tensor(&random, 2 * p.x_plane, &p.x);
    random_tensor(&random, 18, &p.w);
    random_run(&random, &p);
    size_t size = rung_dtype_size(p.run.requantize.dtype);
    void *want = guarded(p.y_count * size, size), *got = guarded(p.y_count * size, size);
    convolve_plainly(&p, want);
    for (size_t m = 0; m < TEST_MASKS; m++) {
      assert_true(run_fast(&p, 2, test_masks[m], got));
      assert_memory_equal(want, got, p.y_count * size);
    }
    guarded_free_all();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions_are_exact),
                                     cmocka_unit_test(depthwise_sums_stay_exact), cmocka_unit_test(strips_meet)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
