/* Softmax, LogSoftmax, Hardmax. A row that is all -infinity has no maximum to be relative to: NaN, as the formula says.
 */
#include "op/normalize.h"

#include "provider/cpu/form/fastmath.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/rowwise.h"

#include <math.h>

/* exp(x - largest) to y, and their sum. */
static float exponentials_f32(size_t n, const float *x, float *y) {
  float largest = rung_max_f32(n, x);
  for (size_t i = 0; i < n; i++) y[i] = rung_exp_f32(x[i] - largest);
  return rung_sum_f32(n, y);
}

static double exponentials_f64(size_t n, const double *x, double *y) {
  double largest = rung_max_f64(n, x);
  for (size_t i = 0; i < n; i++) y[i] = exp(x[i] - largest);
  return rung_sum_f64(n, y);
}

#define SOFTMAX_ROW(suffix, type)                                                             \
  static void softmax_##suffix(void *context, size_t row, size_t n, const type *x, type *y) { \
    (void)context, (void)row;                                                                 \
    type sum = exponentials_##suffix(n, x, y);                                                \
    for (size_t i = 0; i < n; i++) y[i] /= sum;                                               \
  }
SOFTMAX_ROW(f32, float)
SOFTMAX_ROW(f64, double)

/* The exponentials are only summed up: a block at a time. */
#define LOG_SOFTMAX_ROW(suffix, type, exponential, logarithm)                                     \
  static void log_softmax_##suffix(void *context, size_t row, size_t n, const type *x, type *y) { \
    enum { BLOCK = 256 };                                                                         \
    (void)context, (void)row;                                                                     \
    type largest = rung_max_##suffix(n, x), sum = 0, block[BLOCK];                                \
    for (size_t at = 0; at < n; at += BLOCK) {                                                    \
      size_t count = RUNG_MIN(n - at, (size_t)BLOCK);                                             \
      for (size_t i = 0; i < count; i++) block[i] = exponential(x[at + i] - largest);             \
      sum += rung_sum_##suffix(count, block);                                                     \
    }                                                                                             \
    type rest = logarithm(sum);                                                                   \
    for (size_t i = 0; i < n; i++) y[i] = x[i] - largest - rest;                                  \
  }
LOG_SOFTMAX_ROW(f32, float, rung_exp_f32, rung_log_f32)
LOG_SOFTMAX_ROW(f64, double, exp, log)

#define HARDMAX_ROW(suffix, type)                                                             \
  static void hardmax_##suffix(void *context, size_t row, size_t n, const type *x, type *y) { \
    (void)context, (void)row;                                                                 \
    size_t best = 0;                                                                          \
    for (size_t i = 1; i < n; i++)                                                            \
      if (x[i] > x[best]) best = i;                                                           \
    for (size_t i = 0; i < n; i++) y[i] = i == best;                                          \
  }
HARDMAX_ROW(f32, float)
HARDMAX_ROW(f64, double)

static rung_status *make_plan(const rung_kernel_call *call, rung_rowwise *plan) {
  const rung_softmax_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, x->rank, &axis));
  int32_t end = p->flat ? x->rank : axis + 1;
  rung_rowwise_make(call, plan, x->dtype, x->dtype, (size_t)rung_tensor_span(x, 0, axis),
                    (size_t)rung_tensor_span(x, axis, end), (size_t)rung_tensor_span(x, end, x->rank));
  return NULL;
}

static rung_status *prepare_softmax(rung_kernel_call *call) {
  rung_rowwise plan;
  RUNG_TRY(make_plan(call, &plan));
  call->scratch_size = rung_rowwise_scratch(&plan);
  return NULL;
}

static rung_status *run_softmax(rung_kernel_call *call, const rung_row_functions *functions) {
  const rung_tensor *x = rung_in(call, 0);
  rung_rowwise plan;
  RUNG_TRY(make_plan(call, &plan));
  rung_rowwise_run(call, &plan, 2, functions, NULL, x->data, rung_out(call, 0)->data, call->scratch);
  return NULL;
}

#define SOFTMAX_KERNEL(symbol, name)                                               \
  static rung_status *run_##symbol(rung_kernel_call *call) {                       \
    return run_softmax(call, &(const rung_row_functions){name##_f32, name##_f64}); \
  }                                                                                \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', RUNG_SET_FLOAT}},         \
                                         .flags = RUNG_KERNEL_IN_PLACE,            \
                                         .prepare = prepare_softmax,               \
                                         .run = run_##symbol};
SOFTMAX_KERNEL(Softmax, softmax)
SOFTMAX_KERNEL(LogSoftmax, log_softmax)
SOFTMAX_KERNEL(Hardmax, hardmax)
