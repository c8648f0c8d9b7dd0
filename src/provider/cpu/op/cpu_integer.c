/* Products and convolutions of 8-bit integers: MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv. Sums are int32
 * and wrap. */
#include "op/convolution.h"
#include "op/product.h"

#include "base/pool.h"
#include "provider/cpu/form/conv_plain.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/requantize.h"

#define BYTES (RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8))

/* Scales and zero points: one number, one per row or column of every matrix, or one per row or column of each. */
typedef struct spread {
  size_t step, matrix_step; /* in elements, per row or column, and per matrix of the operand's stack */
} spread;

static rung_status *spread_of(const rung_tensor *t, const char *name, size_t length, size_t matrices, spread *out) {
  size_t count = t ? rung_tensor_count(t) : 1;
  *out = (spread){count == 1 ? 0 : 1, count == 1 || count == length ? 0 : length};
  RUNG_RUN_REQUIRE(count == 1 || count == length || (matrices && count / matrices == length && count % matrices == 0),
                   "%s has %zu elements for %zu rows or columns", name, count, length);
  return NULL;
}

static int32_t zero_at(const rung_tensor *t, spread s, size_t index, size_t matrix) {
  return t ? (int32_t)rung_element_f64(t->dtype, t->data, index * s.step + matrix * s.matrix_step) : 0;
}

static float scale_at(const rung_tensor *t, spread s, size_t index, size_t matrix) {
  return (float)rung_element_f64(t->dtype, t->data, index * s.step + matrix * s.matrix_step);
}

/* Matrices */

typedef struct matmul_job {
  rung_matmul_shape shape;
  const rung_tensor *a, *b, *a_zero, *b_zero;
  spread a_zeros, b_zeros;
  rung_tensor *y;
  const rung_tensor *a_scale, *b_scale; /* QLinearMatMul */
  spread a_scales, b_scales;
  float y_scale;
  int32_t y_zero;
  char *space;
} matmul_job;

/* A row of sums, and room for a row of scales. */
static size_t row_space(const rung_matmul_shape *shape) { return RUNG_ROUND_UP((size_t)shape->n, 16) * 8; }

static rung_status *prepare_matmul(rung_kernel_call *call, uint32_t b_input) {
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, b_input);
  rung_matmul_shape shape;
  RUNG_TRY(rung_matmul_shape_make(a->rank, a->dims, false, b->rank, b->dims, false, &shape));
  RUNG_REQUIRE(rung_mul_size(row_space(&shape), RUNG_MAX(call->host->threads, 1), &call->scratch_size), LIMIT,
               "the product is too large");
  return NULL;
}

static int32_t byte_at(const rung_tensor *t, size_t at) {
  return t->dtype == RUNG_U8 ? ((const uint8_t *)t->data)[at] : ((const int8_t *)t->data)[at];
}

static void sum_row(const matmul_job *j, size_t a_at, size_t b_at, size_t i, size_t a_matrix, size_t b_matrix,
                    uint32_t *sums) {
  size_t n = (size_t)j->shape.n, depth = (size_t)j->shape.k;
  int32_t a_zero = zero_at(j->a_zero, j->a_zeros, i, a_matrix);
  uint32_t total = 0;
  memset(sums, 0, n * sizeof *sums);
  for (size_t k = 0; k < depth; k++) {
    uint32_t x = (uint32_t)(byte_at(j->a, a_at + i * depth + k) - a_zero);
    size_t row = b_at + k * n;
    total += x;
    if (j->b->dtype == RUNG_U8)
      for (size_t c = 0; c < n; c++) sums[c] += x * ((const uint8_t *)j->b->data)[row + c];
    else
      for (size_t c = 0; c < n; c++) sums[c] += x * (uint32_t)((const int8_t *)j->b->data)[row + c];
  }
  if (j->b_zero)
    for (size_t c = 0; c < n; c++) sums[c] -= total * (uint32_t)zero_at(j->b_zero, j->b_zeros, c, b_matrix);
}

static void run_rows(void *context, size_t begin, size_t end) {
  const matmul_job *j = context;
  const rung_matmul_shape *s = &j->shape;
  uint32_t *sums = (uint32_t *)(j->space + rung_pool_slot() * row_space(s));
  float *scales = (float *)sums + RUNG_ROUND_UP((size_t)s->n, 16);
  for (size_t row = begin; row < end; row++) {
    size_t matrix = row / (size_t)s->m, i = row % (size_t)s->m, rest = matrix, a = 0, b = 0, n = (size_t)s->n;
    for (int32_t d = s->batch_rank - 1; d >= 0; d--) {
      size_t index = rest % (size_t)s->batch[d];
      rest /= (size_t)s->batch[d];
      a += index * (size_t)s->a_step[d];
      b += index * (size_t)s->b_step[d];
    }
    sum_row(j, a * (size_t)(s->m * s->k), b * (size_t)(s->k * s->n), i, a, b, sums);
    if (!j->a_scale) {
      memcpy((int32_t *)j->y->data + row * n, sums, n * sizeof *sums);
      continue;
    }
    float a_scale = scale_at(j->a_scale, j->a_scales, i, a);
    for (size_t c = 0; c < n; c++) scales[c] = a_scale * scale_at(j->b_scale, j->b_scales, c, b) / j->y_scale;
    rung_requantize(n, (const int32_t *)sums, scales, 1, j->y_zero, j->y->dtype, (char *)j->y->data + row * n);
  }
}

static size_t matrices_of(const rung_tensor *t) {
  return t->rank > 2 ? (size_t)rung_tensor_span(t, 0, t->rank - 2) : 1;
}

static rung_status *run_matmul(rung_kernel_call *call, matmul_job *j) {
  RUNG_TRY(rung_matmul_shape_make(j->a->rank, j->a->dims, false, j->b->rank, j->b->dims, false, &j->shape));
  RUNG_TRY(spread_of(j->a_zero, "a_zero_point", (size_t)j->shape.m, matrices_of(j->a), &j->a_zeros));
  RUNG_TRY(spread_of(j->b_zero, "b_zero_point", (size_t)j->shape.n, matrices_of(j->b), &j->b_zeros));
  RUNG_TRY(spread_of(j->a_scale, "a_scale", (size_t)j->shape.m, matrices_of(j->a), &j->a_scales));
  RUNG_TRY(spread_of(j->b_scale, "b_scale", (size_t)j->shape.n, matrices_of(j->b), &j->b_scales));
  j->y = rung_out(call, 0);
  j->space = call->scratch;
  size_t n = (size_t)j->shape.n, rows = n ? rung_tensor_count(j->y) / n : 0;
  rung_kernel_parallel(call, rows, rung_kernel_grain((size_t)j->shape.k * n / 4), run_rows, j);
  return NULL;
}

static rung_status *prepare_MatMulInteger(rung_kernel_call *call) { return prepare_matmul(call, 1); }

static rung_status *run_MatMulInteger(rung_kernel_call *call) {
  matmul_job job = {
      .a = rung_in(call, 0), .b = rung_in(call, 1), .a_zero = rung_in(call, 2), .b_zero = rung_in(call, 3)};
  return run_matmul(call, &job);
}

const rung_kernel rung_cpu_MatMulInteger = {
    .types = {{'A', BYTES}, {'B', BYTES}}, .prepare = prepare_MatMulInteger, .run = run_MatMulInteger};

static rung_status *prepare_QLinearMatMul(rung_kernel_call *call) { return prepare_matmul(call, 3); }

static rung_status *run_QLinearMatMul(rung_kernel_call *call) {
  const rung_tensor *scale = rung_in(call, 6), *zero = rung_in(call, 7);
  matmul_job job = {.a = rung_in(call, 0),
                    .a_scale = rung_in(call, 1),
                    .a_zero = rung_in(call, 2),
                    .b = rung_in(call, 3),
                    .b_scale = rung_in(call, 4),
                    .b_zero = rung_in(call, 5)};
  RUNG_RUN_REQUIRE(rung_tensor_count(scale) == 1 && rung_tensor_count(zero) == 1,
                   "y_scale and y_zero_point must be one number");
  job.y_scale = scale_at(scale, (spread){0}, 0, 0);
  job.y_zero = zero_at(zero, (spread){0}, 0, 0);
  return run_matmul(call, &job);
}

const rung_kernel rung_cpu_QLinearMatMul = {
    .types = {{'A', BYTES},
              {'B', BYTES},
              {'Y', BYTES},
              {'S', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16)}},
    .prepare = prepare_QLinearMatMul,
    .run = run_QLinearMatMul};

/* Convolutions */

typedef struct conv_state {
  rung_conv_plain plain;
} conv_state;

static rung_status *prepare_conv(rung_kernel_call *call, uint32_t w_input) {
  conv_state *state = call->state;
  const rung_tensor *x = rung_in(call, 0), *w = rung_in(call, w_input);
  rung_conv_shape shape;
  RUNG_TRY(rung_conv_shape_make(call->params, x, w, &shape));
  rung_conv_plain_make(&state->plain, &shape, false, x->dtype, w->dtype);
  RUNG_REQUIRE(rung_conv_plain_scratch(&state->plain, call->host->threads, &call->scratch_size), LIMIT,
               "the convolution is too large");
  return NULL;
}

/* One number, or one per output channel. */
static rung_status *check_channels(const rung_tensor *t, const char *name, size_t channels) {
  size_t count = t ? rung_tensor_count(t) : 1;
  RUNG_RUN_REQUIRE(count == 1 || count == channels, "%s has %zu elements for %zu channels", name, count, channels);
  return NULL;
}

typedef struct conv_job {
  const conv_state *state;
  rung_tensor *y;
  const rung_tensor *w_scale, *bias; /* QLinearConv */
  float x_scale, y_scale;
  int32_t y_zero;
} conv_job;

static void finish_conv(void *context, size_t n, size_t m, void *sums) {
  const conv_job *j = context;
  size_t count = j->state->plain.out_count, at = (n * (size_t)j->state->plain.shape.out_channels + m) * count;
  if (!j->w_scale) {
    memcpy((int32_t *)j->y->data + at, sums, count * sizeof(int32_t));
    return;
  }
  if (j->bias)
    for (size_t i = 0; i < count; i++) ((uint32_t *)sums)[i] += ((const uint32_t *)j->bias->data)[m];
  float w_scale = ((const float *)j->w_scale->data)[rung_tensor_count(j->w_scale) == 1 ? 0 : m];
  float scale = j->x_scale * w_scale / j->y_scale;
  rung_requantize(count, sums, &scale, 0, j->y_zero, j->y->dtype, (char *)j->y->data + at);
}

static rung_status *run_conv(rung_kernel_call *call, uint32_t w_input, const rung_tensor *x_zero,
                             const rung_tensor *w_zero, conv_job *job) {
  const conv_state *state = call->state;
  size_t channels = (size_t)state->plain.shape.out_channels;
  RUNG_RUN_REQUIRE(!x_zero || rung_tensor_count(x_zero) == 1, "the zero point of x must be one number");
  RUNG_TRY(check_channels(w_zero, "the zero point of w", channels));
  job->state = state;
  job->y = rung_out(call, 0);
  rung_conv_plain_run run = {.x = rung_in(call, 0)->data,
                             .w = rung_in(call, w_input)->data,
                             .x_zero = x_zero ? zero_at(x_zero, (spread){0}, 0, 0) : 0,
                             .w_zeros = w_zero ? w_zero->data : NULL,
                             .w_zero_step = w_zero && rung_tensor_count(w_zero) > 1,
                             .finish = finish_conv,
                             .context = job};
  rung_conv_plain_run_all(call, &state->plain, &run, call->scratch);
  return NULL;
}

static rung_status *prepare_ConvInteger(rung_kernel_call *call) { return prepare_conv(call, 1); }

static rung_status *run_ConvInteger(rung_kernel_call *call) {
  conv_job job = {0};
  return run_conv(call, 1, rung_in(call, 2), rung_in(call, 3), &job);
}

const rung_kernel rung_cpu_ConvInteger = {.types = {{'A', BYTES}, {'B', BYTES}},
                                          .state_size = sizeof(conv_state),
                                          .prepare = prepare_ConvInteger,
                                          .run = run_ConvInteger};

static rung_status *prepare_QLinearConv(rung_kernel_call *call) { return prepare_conv(call, 3); }

static rung_status *run_QLinearConv(rung_kernel_call *call) {
  const rung_tensor *x_scale = rung_in(call, 1), *y_scale = rung_in(call, 6), *y_zero = rung_in(call, 7);
  conv_job job = {.w_scale = rung_in(call, 4), .bias = rung_in(call, 8)};
  size_t channels = (size_t)((const conv_state *)call->state)->plain.shape.out_channels;
  RUNG_RUN_REQUIRE(rung_tensor_count(x_scale) == 1 && rung_tensor_count(y_scale) == 1 && rung_tensor_count(y_zero) == 1,
                   "scales of x and y, and y_zero_point, must be one number");
  RUNG_RUN_REQUIRE(!job.bias || rung_tensor_count(job.bias) == channels, "the bias is for other channels");
  RUNG_TRY(check_channels(job.w_scale, "w_scale", channels));
  job.x_scale = *(const float *)x_scale->data;
  job.y_scale = *(const float *)y_scale->data;
  job.y_zero = zero_at(y_zero, (spread){0}, 0, 0);
  return run_conv(call, 3, rung_in(call, 2), rung_in(call, 5), &job);
}

const rung_kernel rung_cpu_QLinearConv = {.types = {{'A', BYTES}, {'B', BYTES}, {'C', BYTES}},
                                          .state_size = sizeof(conv_state),
                                          .prepare = prepare_QLinearConv,
                                          .run = run_QLinearConv};
