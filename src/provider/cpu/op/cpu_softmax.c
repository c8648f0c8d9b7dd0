/* Softmax, LogSoftmax, Hardmax. A row that is all -infinity has no maximum to be relative to: NaN, as the formula says.
 */
#include "op/normalize.h"

#include "provider/cpu/form/fastmath.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/rowwise.h"
#include "provider/cpu/kernel/isa.h"

#include <math.h>

typedef struct softmax_job {
  const rung_kernel_call *call;
  rung_rows rows;
} softmax_job;

/* Rows go by pieces, between which the job looks whether the run was cancelled. */
enum { PIECE = 1 << 18 };
#define EACH_PIECE(j, n, at, m) \
  for (size_t at = 0, m;        \
       at < (n) && (m = RUNG_MIN((n) - at, (size_t)PIECE), !at || !rung_kernel_is_cancelled((j)->call)); at += m)

#define LARGEST(suffix, type)                                                   \
  static type largest_##suffix(const softmax_job *j, size_t n, const type *x) { \
    type largest = -INFINITY;                                                   \
    EACH_PIECE(j, n, at, m) {                                                   \
      type value = j->rows.suffix->max(m, x + at);                              \
      if (value > largest || value != value) largest = value;                   \
      if (largest != largest) break;                                            \
    }                                                                           \
    return largest;                                                             \
  }
LARGEST(f32, float)
LARGEST(f64, double)

#define SOFTMAX_ROW(suffix, type)                                                                     \
  static void softmax_##suffix(void *context, size_t row, size_t n, const type *x, type *y) {         \
    const softmax_job *j = context;                                                                   \
    (void)row;                                                                                        \
    if (n <= PIECE) { /* nearly always */                                                             \
      j->rows.suffix->divide(n, y, j->rows.suffix->exponentials(n, x, j->rows.suffix->max(n, x), y)); \
      return;                                                                                         \
    }                                                                                                 \
    type largest = largest_##suffix(j, n, x), sum = 0;                                                \
    EACH_PIECE(j, n, at, m) sum += j->rows.suffix->exponentials(m, x + at, largest, y + at);          \
    EACH_PIECE(j, n, at, m) j->rows.suffix->divide(m, y + at, sum);                                   \
  }
SOFTMAX_ROW(f32, float)
SOFTMAX_ROW(f64, double)

/* The exponentials are only summed up: a block at a time. */
#define LOG_SOFTMAX_ROW(suffix, type, logarithm)                                                    \
  static void log_softmax_##suffix(void *context, size_t row, size_t n, const type *x, type *y) {   \
    enum { BLOCK = 256 };                                                                           \
    const softmax_job *j = context;                                                                 \
    type largest = largest_##suffix(j, n, x), sum = 0, block[BLOCK];                                \
    (void)row;                                                                                      \
    EACH_PIECE(j, n, first, m)                                                                      \
    for (size_t at = first; at < first + m; at += BLOCK)                                            \
      sum += j->rows.suffix->exponentials(RUNG_MIN(n - at, (size_t)BLOCK), x + at, largest, block); \
    type rest = logarithm(sum);                                                                     \
    EACH_PIECE(j, n, at, m)                                                                         \
    for (size_t i = at; i < at + m; i++) y[i] = x[i] - largest - rest;                              \
  }
LOG_SOFTMAX_ROW(f32, float, rung_log_f32)
LOG_SOFTMAX_ROW(f64, double, log)

#define HARDMAX_ROW(suffix, type)                                                             \
  static void hardmax_##suffix(void *context, size_t row, size_t n, const type *x, type *y) { \
    const softmax_job *j = context;                                                           \
    (void)row;                                                                                \
    size_t best = 0;                                                                          \
    EACH_PIECE(j, n, at, m)                                                                   \
    for (size_t i = at; i < at + m; i++)                                                      \
      if (x[i] > x[best]) best = i;                                                           \
    EACH_PIECE(j, n, at, m)                                                                   \
    for (size_t i = at; i < at + m; i++) y[i] = i == best;                                    \
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

static rung_status *run_rows(rung_kernel_call *call, const rung_row_functions *functions) {
  const rung_tensor *x = rung_in(call, 0);
  softmax_job job = {call, rung_rows_for(rung_isa(call->host))};
  rung_rowwise plan;
  RUNG_TRY(make_plan(call, &plan));
  rung_rowwise_run(call, &plan, 2, functions, &job, x->data, rung_out(call, 0)->data, call->scratch);
  return NULL;
}

/* Softmax of float32 along an axis that is not the last: neighbouring rows side by side, where they lie. */

enum { STRIP = 64 };

typedef struct strip_job {
  const rung_kernel_call *call;
  const rung_rows_f32 *kernels;
  const rung_rowwise *plan;
  const float *x;
  float *y;
} strip_job;

static void softmax_strip(const strip_job *j, size_t columns, const float *x, float *y) {
  const rung_rowwise *plan = j->plan;
  float largest[STRIP], sum[STRIP] = {0};
  for (size_t c = 0; c < columns; c++) largest[c] = -INFINITY;
  for (size_t i = 0; i < plan->n && !rung_kernel_stops_at(j->call, i * STRIP); i++)
    for (size_t c = 0; c < columns; c++) {
      float value = x[i * plan->inner + c];
      largest[c] = ((value > largest[c]) | (value != value)) ? value : largest[c];
    }
  for (size_t i = 0; i < plan->n && !rung_kernel_stops_at(j->call, i * STRIP); i++) {
    float *row = y + i * plan->inner;
    for (size_t c = 0; c < columns; c++) row[c] = x[i * plan->inner + c] - largest[c];
    j->kernels->exponentials(columns, row, 0, row);
    for (size_t c = 0; c < columns; c++) sum[c] += row[c];
  }
  for (size_t i = 0; i < plan->n && !rung_kernel_stops_at(j->call, i * STRIP); i++)
    for (size_t c = 0; c < columns; c++) y[i * plan->inner + c] /= sum[c];
}

static void softmax_strips(void *context, size_t begin, size_t end) {
  const strip_job *j = context;
  size_t strips = RUNG_DIV_UP(j->plan->inner, (size_t)STRIP);
  for (size_t i = begin; i < end; i++) {
    size_t first = i % strips * STRIP, at = i / strips * j->plan->n * j->plan->inner + first;
    softmax_strip(j, RUNG_MIN(j->plan->inner - first, (size_t)STRIP), j->x + at, j->y + at);
  }
}

static rung_status *run_Softmax(rung_kernel_call *call) {
  static const rung_row_functions functions = {softmax_f32, softmax_f64};
  const rung_tensor *x = rung_in(call, 0);
  rung_rowwise plan;
  RUNG_TRY(make_plan(call, &plan));
  if (plan.inner < 8 || x->dtype != RUNG_F32 || !plan.tasks) return run_rows(call, &functions);
  strip_job j = {call, rung_rows_f32_for(rung_isa(call->host)), &plan, x->data, rung_out(call, 0)->data};
  rung_kernel_parallel(call, plan.outer * RUNG_DIV_UP(plan.inner, (size_t)STRIP), rung_kernel_grain(plan.n * STRIP),
                       softmax_strips, &j);
  return NULL;
}

static rung_status *run_LogSoftmax(rung_kernel_call *call) {
  return run_rows(call, &(const rung_row_functions){log_softmax_f32, log_softmax_f64});
}

static rung_status *run_Hardmax(rung_kernel_call *call) {
  return run_rows(call, &(const rung_row_functions){hardmax_f32, hardmax_f64});
}

#define SOFTMAX_KERNEL(symbol)                                             \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', RUNG_SET_FLOAT}}, \
                                         .flags = RUNG_KERNEL_IN_PLACE,    \
                                         .prepare = prepare_softmax,       \
                                         .run = run_##symbol};
SOFTMAX_KERNEL(Softmax)
SOFTMAX_KERNEL(LogSoftmax)
SOFTMAX_KERNEL(Hardmax)
