/* MeanVarianceNormalization along any axes, and LRN across neighbouring channels. */
#include "op/normalize.h"

#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/moments.h"

#include <math.h>

/* MeanVarianceNormalization: (x - mean) / (deviation + 1e-9), as ONNX's function body has it */

typedef struct mvn_plan {
  rung_reduce reduce;
  rung_tensor statistics; /* shape of mean and variance: reduced dimensions are 1 */
  size_t bytes;           /* of each */
} mvn_plan;

static rung_status *plan_mvn(const rung_kernel_call *call, mvn_plan *plan) {
  static const int64_t usual[] = {0, 2, 3};
  const rung_mean_variance_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  rung_ints axes = p->axes.at ? p->axes : (rung_ints){usual, RUNG_COUNT(usual)};
  bool reduced[RUNG_MAX_RANK] = {false};
  plan->statistics = *x;
  for (size_t i = 0; i < axes.count; i++) {
    int32_t axis;
    RUNG_TRY(rung_kernel_axis(axes.at[i], x->rank, &axis));
    reduced[axis] = true;
    plan->statistics.dims[axis] = 1;
  }
  rung_reduce_make(&plan->reduce, x, reduced);
  plan->bytes = RUNG_ROUND_UP(plan->reduce.outputs * sizeof(double), RUNG_TENSOR_ALIGN);
  return NULL;
}

static rung_status *prepare_MeanVarianceNormalization(rung_kernel_call *call) {
  mvn_plan plan;
  RUNG_TRY(plan_mvn(call, &plan));
  call->scratch_size = 2 * plan.bytes + rung_reduce_scratch(&plan.reduce);
  return NULL;
}

typedef struct mvn_job {
  const rung_tensor *x;
  void *y;
  const void *mean, *variance;
} mvn_job;

/* Operands: x, and the statistics. */
static void mvn_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const mvn_job *j = context;
  enum { BLOCK = 256 };
  double x[BLOCK];
  for (size_t done = 0; done < n; done += BLOCK) {
    size_t count = RUNG_MIN(n - done, (size_t)BLOCK);
    rung_load_f64(j->x->dtype, j->x->data, from[0] + done, 1, count, x);
    for (size_t i = 0; i < count; i++) {
      size_t s = from[1] + (size_t)step[1] * (done + i);
      bool is_double = j->x->dtype == RUNG_F64;
      double mean = is_double ? ((const double *)j->mean)[s] : (double)((const float *)j->mean)[s];
      double variance = is_double ? ((const double *)j->variance)[s] : (double)((const float *)j->variance)[s];
      x[i] = (x[i] - mean) / (sqrt(variance) + 1e-9);
    }
    rung_store_f64(j->x->dtype, j->y, at + done, 1, count, x);
  }
}

static rung_status *run_MeanVarianceNormalization(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  mvn_plan plan;
  rung_broadcast walk;
  RUNG_TRY(plan_mvn(call, &plan));
  char *mean = call->scratch, *variance = mean + plan.bytes;
  rung_moments(call, &plan.reduce, x, mean, variance, variance + plan.bytes);
  rung_broadcast_make(&walk, rung_out(call, 0), (const rung_tensor *[]){x, &plan.statistics}, 2);
  rung_broadcast_run(call, &walk, 4, mvn_row, &(mvn_job){x, rung_out(call, 0)->data, mean, variance});
  return NULL;
}

const rung_kernel rung_cpu_MeanVarianceNormalization = {.types = {{'T', RUNG_SET_FLOAT}},
                                                        .prepare = prepare_MeanVarianceNormalization,
                                                        .run = run_MeanVarianceNormalization};

/* LRN: y = x / (bias + alpha / size * (sum of squares over `size` channels))^beta. X is seen as (N, C, rest). */

enum { STRIP = 64 };

typedef struct lrn_job {
  const rung_lrn_params *p;
  const rung_tensor *x;
  void *y;
  size_t c, rest, before, after; /* channels before and after the one in question */
} lrn_job;

static void lrn_strip(const lrn_job *j, size_t n, size_t c, size_t first) {
  size_t count = RUNG_MIN(j->rest - first, (size_t)STRIP), last = RUNG_MIN(c + j->after, j->c - 1);
  double sums[STRIP] = {0}, x[STRIP];
  for (size_t k = c > j->before ? c - j->before : 0; k <= last; k++) {
    rung_load_f64(j->x->dtype, j->x->data, (n * j->c + k) * j->rest + first, 1, count, x);
    for (size_t i = 0; i < count; i++) sums[i] += x[i] * x[i];
  }
  size_t at = (n * j->c + c) * j->rest + first;
  rung_load_f64(j->x->dtype, j->x->data, at, 1, count, x);
  double factor = (double)j->p->alpha / (double)j->p->size;
  for (size_t i = 0; i < count; i++) x[i] /= pow((double)j->p->bias + factor * sums[i], (double)j->p->beta);
  rung_store_f64(j->x->dtype, j->y, at, 1, count, x);
}

static void lrn_strips(void *context, size_t begin, size_t end) {
  const lrn_job *j = context;
  size_t strips = RUNG_DIV_UP(j->rest, (size_t)STRIP);
  for (size_t i = begin; i < end; i++) lrn_strip(j, i / strips / j->c, i / strips % j->c, i % strips * STRIP);
}

static rung_status *run_LRN(rung_kernel_call *call) {
  const rung_lrn_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  RUNG_RUN_REQUIRE(x->rank >= 2, "the input has rank %d, it must be at least 2", x->rank);
  size_t c = (size_t)x->dims[1], rest = (size_t)rung_tensor_span(x, 2, x->rank);
  size_t around = RUNG_MIN((size_t)p->size - 1, 2 * c);
  lrn_job j = {p, x, rung_out(call, 0)->data, c, rest, around / 2, around - around / 2};
  if (rung_tensor_count(x) == 0) return NULL;
  rung_kernel_parallel(call, (size_t)x->dims[0] * c * RUNG_DIV_UP(rest, (size_t)STRIP), rung_kernel_grain(STRIP * 30),
                       lrn_strips, &j);
  return NULL;
}

const rung_kernel rung_cpu_LRN = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_LRN};
