/* Convolutions in float32: the fast form of every instruction set against plain loops, bytes outside of the operands
 * out of bounds, the same bits for any number of threads; depthwise kernels against the one in C. */
#include "provider/cpu/form/conv.h"
#include "provider/cpu/form/conv_plain.h"
#include "support/kernels.h"
#include "support/test.h"

#include <string.h>

static const rung_cpu_set masks[] = {0, RUNG_CPU_AVX2, RUNG_CPU_ALL};

typedef struct problem {
  rung_conv_shape shape;
  size_t x_count, w_count, y_count, k;
  float *x, *w, *bias, *residual, *want;
  rung_activation activation;
} problem;

static rung_window_axis random_axis(uint32_t *random, uint32_t most) {
  rung_window_axis a = {.kernel = 1 + random_below(random, 4),
                        .stride = 1 + random_below(random, 3),
                        .dilation = 1 + random_below(random, 3),
                        .begin = random_below(random, 4)};
  int64_t span = (a.kernel - 1) * a.dilation + 1, end = random_below(random, 4);
  a.in = 1 + random_below(random, most);
  if (a.in + a.begin + end < span) a.in = span;
  a.out = (a.in + a.begin + end - span) / a.stride + 1;
  return a;
}

static void random_problem(problem *p, uint32_t *random) {
  static const uint32_t most[] = {0, 90, 34, 12};
  rung_conv_shape *s = &p->shape;
  int32_t rank = 1 + (int32_t)random_below(random, 3);
  *s = (rung_conv_shape){
      .batch = 1 + random_below(random, 2), .group = 1 + random_below(random, 3), .window.rank = rank};
  s->in_channels = s->group * (1 + random_below(random, 9));
  s->out_channels = s->group * (1 + random_below(random, 40));
  if (random_below(random, 4) == 0) s->in_channels = s->out_channels = s->group = 1 + random_below(random, 20);
  p->x_count = (size_t)(s->batch * s->in_channels);
  p->y_count = (size_t)(s->batch * s->out_channels);
  p->k = (size_t)(s->in_channels / s->group);
  for (int32_t i = 0; i < rank; i++) {
    s->window.axes[i] = random_axis(random, most[rank]);
    p->x_count *= (size_t)s->window.axes[i].in;
    p->y_count *= (size_t)s->window.axes[i].out;
    p->k *= (size_t)s->window.axes[i].kernel;
  }
  p->w_count = p->k * (size_t)s->out_channels;
  p->activation = (rung_activation){random_below(random, RUNG_ACTIVATION_GELU + 1), -0.5f, 0.75f};
}

static void finish(void *context, size_t n, size_t m, void *sums) {
  const problem *p = context;
  size_t count = p->y_count / (size_t)(p->shape.batch * p->shape.out_channels),
         at = (n * (size_t)p->shape.out_channels + m) * count;
  const float *s = sums;
  for (size_t i = 0; i < count; i++) {
    p->want[at + i] = s[i] + p->bias[m];
    if (p->residual) p->want[at + i] += p->residual[at + i];
  }
  rung_epilogue_activate(rung_math_for(0), &p->activation, count, p->want + at);
}

static void run_plain(problem *p) {
  test_host h;
  test_host_start(&h, 1, 0);
  rung_conv_plain plan;
  rung_conv_plain_run run = {.x = p->x, .w = p->w, .finish = finish, .context = p};
  size_t bytes;
  rung_conv_plain_make(&plan, &p->shape, false, RUNG_F32, RUNG_F32);
  assert_true(rung_conv_plain_scratch(&plan, 1, &bytes));
  rung_conv_plain_run_all(&(rung_kernel_call){.host = &h.host}, &plan, &run, guarded(bytes, 64));
  test_host_stop(&h);
}

static void run_fast(const problem *p, uint32_t threads, uint32_t mask, float *y) {
  test_host h;
  test_host_start(&h, threads, mask);
  rung_kernel_call call = {.host = &h.host};
  float *packed = guarded(p->w_count * sizeof *packed, 64);
  rung_conv_pack(h.host.cpu_features, (size_t)p->shape.group, (size_t)(p->shape.out_channels / p->shape.group), p->k,
                 RUNG_F32, p->w, packed);
  rung_conv plan;
  size_t bytes;
  assert_true(rung_conv_plan(&call, &p->shape, NULL, RUNG_F32, &plan));
  assert_true(rung_conv_scratch(&plan, &bytes));
  rung_conv_run run = {.x = p->x,
                       .w = packed,
                       .y = y,
                       .epilogue = {.bias = p->bias,
                                    .bias_per_row = true,
                                    .residual = p->residual,
                                    .residual_scale = 1,
                                    .activation = p->activation}};
  rung_conv_run_all(&call, &plan, &run, guarded(bytes, 64));
  test_host_stop(&h);
}

static void fast_form_is_right(void **state) {
  (void)state;
  uint32_t random = 3;
  for (int round = 0; round < 120; round++) {
    problem p;
    random_problem(&p, &random);
    size_t bytes = p.y_count * sizeof(float);
    p.x = guarded(p.x_count * sizeof(float), sizeof(float));
    p.w = guarded(p.w_count * sizeof(float), sizeof(float));
    p.bias = guarded((size_t)p.shape.out_channels * sizeof(float), sizeof(float));
    p.residual = random_below(&random, 2) ? guarded(bytes, sizeof(float)) : NULL;
    p.want = guarded(bytes, sizeof(float));
    random_floats(random, p.x_count, p.x);
    random_floats(random + 1, p.w_count, p.w);
    random_floats(random + 2, (size_t)p.shape.out_channels, p.bias);
    if (p.residual) random_floats(random + 3, p.y_count, p.residual);
    run_plain(&p);
    for (size_t m = 0; m < 3; m++) {
      float *y = guarded(bytes, sizeof(float)), *again = guarded(bytes, sizeof(float));
      run_fast(&p, 1, masks[m], y);
      assert_near("convolution", p.y_count, p.want, y, 1e-6f * ((float)p.k + 8));
      for (uint32_t threads = 2; threads <= 4; threads++) {
        run_fast(&p, threads, masks[m], again);
        assert_memory_equal(y, again, bytes);
      }
    }
    guarded_free_all();
  }
}

/* Depthwise */

static rung_depthwise_axis depthwise_axis(uint32_t *random, ptrdiff_t kernel, ptrdiff_t stride) {
  rung_depthwise_axis a = {
      .kernel = kernel, .stride = stride, .dilation = 1 + random_below(random, 2), .begin = random_below(random, 4)};
  ptrdiff_t span = (kernel - 1) * a.dilation + 1, end = random_below(random, 4);
  a.in = 1 + random_below(random, 50);
  if (a.in + a.begin + end < span) a.in = span;
  a.out = (a.in + a.begin + end - span) / stride + 1;
  return a;
}

static void depthwise_kernels_agree(void **state) {
  (void)state;
  uint32_t random = 9;
  for (int round = 0; round < 400; round++) {
    ptrdiff_t kernel = 1 + random_below(&random, 7), stride = 1 + random_below(&random, 2);
    rung_depthwise_f32 d = {
        .y = depthwise_axis(&random, kernel, stride),
        .x = depthwise_axis(&random, kernel, stride),
        .flags = random_below(&random, 32) & (RUNG_TILE_ROW_BIAS | RUNG_TILE_RESIDUAL | RUNG_TILE_CLAMP),
        .bias = 0.5f,
        .low = -1,
        .high = 1.5f};
    size_t in = (size_t)(d.y.in * d.x.in), out = (size_t)(d.y.out * d.x.out), taps = (size_t)(kernel * kernel);
    float *from = guarded(in * sizeof *from, sizeof *from), *weights = guarded(taps * sizeof *weights, sizeof *weights);
    float *residual = guarded(out * sizeof *residual, sizeof *residual),
          *want = guarded(out * sizeof *want, sizeof *want);
    random_floats(random, in, from);
    random_floats(random + 1, taps, weights);
    random_floats(random + 2, out, residual);
    d.from = from, d.weights = weights, d.residual = residual, d.to = want;
    rung_depthwise_f32_c.channel(&d);
    for (size_t m = 1; m < 3; m++) {
      const rung_depthwise_table *table = rung_depthwise_f32_for(rung_cpu_features() & masks[m]);
      size_t floats = rung_depthwise_scratch(table, &d.y, &d.x);
      assert_true(floats > 0);
      d.scratch = guarded(floats * sizeof(float), 64);
      d.to = guarded(out * sizeof(float), sizeof(float));
      table->channel(&d);
      assert_near("depthwise", out, want, d.to, 1e-5f);
    }
    guarded_free_all();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(fast_form_is_right), cmocka_unit_test(depthwise_kernels_agree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
