/* NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss. Scores are seen as (N, C, rest); everything is computed in double
 * and rounded at the end. The mean divides by the sum of weights, those of ignored samples being 0. */
#include "op/loss.h"

#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

enum { BLOCK = 256 };

typedef struct loss_job {
  const rung_loss_params *p;
  const rung_tensor *scores, *labels, *weights;
  rung_tensor *log_prob;
  size_t samples, classes, rest; /* samples: N * rest */
  bool is_log;                   /* scores are logarithms already */
  double *losses, *factors;      /* per sample */
} loss_job;

static rung_status *make_job(const rung_kernel_call *call, bool is_log, loss_job *j) {
  const rung_tensor *scores = rung_in(call, 0), *labels = rung_in(call, 1), *weights = rung_in(call, 2);
  RUNG_RUN_REQUIRE(scores->rank >= 2, "the scores have rank %d, it must be at least 2", scores->rank);
  *j = (loss_job){.p = call->params, .scores = scores, .labels = labels, .weights = weights, .is_log = is_log};
  j->classes = (size_t)scores->dims[1];
  j->rest = (size_t)rung_tensor_span(scores, 2, scores->rank);
  j->samples = rung_tensor_count(labels);
  RUNG_RUN_REQUIRE(j->samples == (size_t)scores->dims[0] * j->rest, "%zu labels for %zu samples", j->samples,
                   (size_t)scores->dims[0] * j->rest);
  RUNG_RUN_REQUIRE(!weights || rung_tensor_count(weights) == j->classes, "%zu weights for %zu classes",
                   rung_tensor_count(weights), j->classes);
  return NULL;
}

static rung_status *prepare_loss(rung_kernel_call *call) {
  loss_job j;
  RUNG_TRY(make_job(call, true, &j));
  return rung_mul_size(j.samples, 2 * sizeof(double), &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

static int64_t label_of(const loss_job *j, size_t sample) {
  return j->labels->dtype == RUNG_I64 ? ((const int64_t *)j->labels->data)[sample]
                                      : ((const int32_t *)j->labels->data)[sample];
}

static rung_status *check_labels(const loss_job *j) {
  for (size_t i = 0; i < j->samples; i++) {
    int64_t label = label_of(j, i);
    RUNG_RUN_REQUIRE(label == j->p->ignore_index || (label >= 0 && (uint64_t)label < j->classes),
                     "label %zu is %lld, there are %zu classes", i, (long long)label, j->classes);
  }
  return NULL;
}

/* log(sum(exp(x))) over the classes of one sample, whose first score is number `at`. */
static double log_sum(const loss_job *j, size_t at) {
  double x[BLOCK], largest = -INFINITY, sum = 0;
  for (size_t c = 0; c < j->classes; c += BLOCK) {
    size_t n = RUNG_MIN(j->classes - c, (size_t)BLOCK);
    rung_load_f64(j->scores->dtype, j->scores->data, at + c * j->rest, j->rest, n, x);
    largest = fmax(largest, rung_rows_f64_c.max(n, x));
  }
  for (size_t c = 0; c < j->classes; c += BLOCK) {
    size_t n = RUNG_MIN(j->classes - c, (size_t)BLOCK);
    rung_load_f64(j->scores->dtype, j->scores->data, at + c * j->rest, j->rest, n, x);
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - largest);
  }
  return largest + log(sum);
}

static void store_logs(const loss_job *j, size_t at, double shift) {
  double x[BLOCK];
  for (size_t c = 0; c < j->classes; c += BLOCK) {
    size_t n = RUNG_MIN(j->classes - c, (size_t)BLOCK);
    rung_load_f64(j->scores->dtype, j->scores->data, at + c * j->rest, j->rest, n, x);
    for (size_t i = 0; i < n; i++) x[i] -= shift;
    rung_store_f64(j->scores->dtype, j->log_prob->data, at + c * j->rest, j->rest, n, x);
  }
}

static void lose_samples(void *context, size_t begin, size_t end) {
  const loss_job *j = context;
  for (size_t i = begin; i < end; i++) {
    size_t at = i / j->rest * j->classes * j->rest + i % j->rest;
    int64_t label = label_of(j, i);
    double shift = j->is_log ? 0 : log_sum(j, at), score, weight = 1;
    if (j->log_prob) store_logs(j, at, shift);
    j->losses[i] = j->factors[i] = 0;
    if (label == j->p->ignore_index) continue;
    rung_load_f64(j->scores->dtype, j->scores->data, at + (size_t)label * j->rest, 1, 1, &score);
    if (j->weights) rung_load_f64(j->weights->dtype, j->weights->data, (size_t)label, 1, 1, &weight);
    j->factors[i] = weight;
    j->losses[i] = (shift - score) * weight;
  }
}

static rung_status *run_loss(rung_kernel_call *call, bool is_log) {
  loss_job j;
  RUNG_TRY(make_job(call, is_log, &j));
  RUNG_TRY(check_labels(&j));
  j.losses = call->scratch;
  j.factors = j.losses + j.samples;
  j.log_prob = is_log ? NULL : rung_out(call, 1);
  rung_kernel_parallel(call, j.samples, rung_kernel_grain(20 * j.classes), lose_samples, &j);
  rung_tensor *out = rung_out(call, 0);
  if (!out) return NULL;
  if (j.p->reduction == RUNG_LOSS_NONE) {
    rung_store_f64(out->dtype, out->data, 0, 1, j.samples, j.losses);
    return NULL;
  }
  double loss = rung_rows_f64_c.sum(j.samples, j.losses);
  if (j.p->reduction == RUNG_LOSS_MEAN) loss /= rung_rows_f64_c.sum(j.samples, j.factors);
  rung_store_f64(out->dtype, out->data, 0, 1, 1, &loss);
  return NULL;
}

#define LOSS_KERNEL(symbol, is_log)                                                           \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_loss(call, is_log); } \
  const rung_kernel rung_cpu_##symbol = {                                                     \
      .types = {{'T', RUNG_SET_FLOAT}, {'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}},       \
      .prepare = prepare_loss,                                                                \
      .run = run_##symbol};
LOSS_KERNEL(NegativeLogLikelihoodLoss, true)
LOSS_KERNEL(SoftmaxCrossEntropyLoss, false)
