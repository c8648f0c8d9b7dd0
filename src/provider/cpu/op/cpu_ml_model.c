/* LinearClassifier, LinearRegressor, SVMClassifier, SVMRegressor. Everything is computed in double. */
#include "op/ml_model.h"

#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/ml_rows.h"
#include "provider/cpu/form/ml_transform.h"

#include <math.h>

static double dot(size_t n, const float *w, const double *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)w[i] * x[i];
  return sum;
}

static size_t index_of_largest(size_t n, const double *x) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (x[i] > x[best]) best = i;
  return best;
}

#define FEATURES {'T', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_I32)}

/* Linear models */

typedef struct linear_job {
  const rung_linear_params *p;
  rung_tensor *out;
  int64_t *labels; /* NULL: regressor */
} linear_job;

/* Of a single score: without labels it is 0 or 1, one label is all there is. */
static size_t decide(size_t labels, double score) { return labels == 1 ? 0 : score > 0; }

static size_t classify_linear(const rung_linear_params *p, double *scores) {
  size_t labels = p->classlabels_ints.count + p->classlabels_strings.count;
  size_t label = p->targets > 1 ? index_of_largest((size_t)p->targets, scores) : decide(labels, scores[0]);
  if (p->targets < p->columns)
    rung_ml_transform_pair((rung_ml_transform)p->post_transform, true, scores[0], scores);
  else if (p->columns > 1 || p->post_transform == RUNG_ML_PROBIT)
    rung_ml_transform_row((rung_ml_transform)p->post_transform, (size_t)p->columns, scores);
  return label;
}

static void linear_rows(void *context, size_t first, size_t count, const double *features, double *scores) {
  const linear_job *j = context;
  const rung_linear_params *p = j->p;
  size_t n = (size_t)p->features, columns = (size_t)p->columns;
  for (size_t row = first; row < first + count; row++, features += n) {
    for (size_t t = 0; t < (size_t)p->targets; t++)
      scores[t] =
          dot(n, p->coefficients.at + t * n, features) + (p->intercepts.count ? (double)p->intercepts.at[t] : 0);
    if (j->labels)
      j->labels[row] = (int64_t)classify_linear(p, scores);
    else if (columns > 1 || p->post_transform == RUNG_ML_PROBIT)
      rung_ml_transform_row((rung_ml_transform)p->post_transform, columns, scores);
    if (j->out) rung_store_f64(RUNG_F32, j->out->data, row * columns, 1, columns, scores);
  }
}

static rung_status *plan_linear(const rung_kernel_call *call, rung_ml_rows *plan) {
  const rung_linear_params *p = call->params;
  return rung_ml_rows_plan(call, (size_t)p->features, true, (size_t)p->columns, 0, plan);
}

static rung_status *prepare_linear(rung_kernel_call *call) {
  rung_ml_rows plan;
  RUNG_TRY(plan_linear(call, &plan));
  call->scratch_size = rung_ml_rows_scratch(&plan) + plan.rows * sizeof(int64_t);
  return NULL;
}

static rung_status *run_LinearClassifier(rung_kernel_call *call) {
  const rung_linear_params *p = call->params;
  rung_ml_rows plan;
  RUNG_TRY(plan_linear(call, &plan));
  linear_job j = {p, rung_out(call, 1), (int64_t *)((char *)call->scratch + rung_ml_rows_scratch(&plan))};
  rung_ml_rows_run(call, &plan, p->coefficients.count, linear_rows, &j);
  return rung_ml_give_labels(call, p->classlabels_ints, p->classlabels_strings, plan.rows, j.labels);
}

static rung_status *run_LinearRegressor(rung_kernel_call *call) {
  const rung_linear_params *p = call->params;
  rung_ml_rows plan;
  RUNG_TRY(plan_linear(call, &plan));
  rung_ml_rows_run(call, &plan, p->coefficients.count, linear_rows, &(linear_job){p, rung_out(call, 0), NULL});
  return NULL;
}

const rung_kernel rung_cpu_ml_LinearClassifier = {
    .types = {FEATURES}, .prepare = prepare_linear, .run = run_LinearClassifier};
const rung_kernel rung_cpu_ml_LinearRegressor = {
    .types = {FEATURES}, .prepare = prepare_linear, .run = run_LinearRegressor};

/* Support vector machines */

static double svm_kernel(const rung_svm_params *p, const float *vector, const double *x) {
  size_t n = (size_t)p->features;
  double gamma = (double)p->gamma, coef0 = (double)p->coef0, distance = 0;
  switch (p->kernel_type) {
    case RUNG_SVM_POLY:
      return pow(gamma * dot(n, vector, x) + coef0, (double)p->degree);
    case RUNG_SVM_SIGMOID:
      return tanh(gamma * dot(n, vector, x) + coef0);
    case RUNG_SVM_RBF:
      for (size_t i = 0; i < n; i++) distance += ((double)vector[i] - x[i]) * ((double)vector[i] - x[i]);
      return exp(-gamma * distance);
    default:
      return dot(n, vector, x);
  }
}

typedef struct svm_job {
  const rung_svm_params *p;
  rung_tensor *out;
  int64_t *labels;
} svm_job;

/* Per pair of classes i < j a function of the support vectors of both: its coefficients are in row j - 1 for those of i
 * and in row i for those of j. A positive value votes for i. */
static void score_pairs(const rung_svm_params *p, const double *kernels, double *votes, double *pairs) {
  size_t classes = (size_t)p->classes, vectors = (size_t)p->vectors, pair = 0, first_i = 0;
  for (size_t i = 0; i < classes; i++) votes[i] = 0;
  for (size_t i = 0; i < classes; first_i += (size_t)p->vectors_per_class.at[i++]) {
    size_t first_j = first_i + (size_t)p->vectors_per_class.at[i];
    for (size_t j = i + 1; j < classes; first_j += (size_t)p->vectors_per_class.at[j++], pair++) {
      pairs[pair] =
          (double)p->rho.at[pair] +
          dot((size_t)p->vectors_per_class.at[i], p->coefficients.at + (j - 1) * vectors + first_i, kernels + first_i) +
          dot((size_t)p->vectors_per_class.at[j], p->coefficients.at + i * vectors + first_j, kernels + first_j);
      votes[pairs[pair] > 0 ? i : j]++;
    }
  }
}

/* The probabilities p that come nearest to r[i][j] = p_i / (p_i + p_j) for all pairs: they minimise the sum of
 * (r[j][i] p_i - r[i][j] p_j)^2, that is p'Qp, by going from class to class (Wu, Lin and Weng 2004, second method). */
static void couple(size_t n, const double *r, double *q, double *qp, double *p) {
  enum { MOST_ROUNDS = 100 };
  for (size_t i = 0; i < n; i++) {
    p[i] = 1.0 / (double)n;
    q[i * n + i] = 0;
    for (size_t j = 0; j < n; j++) {
      if (i == j) continue;
      q[i * n + i] += r[j * n + i] * r[j * n + i];
      q[i * n + j] = -r[j * n + i] * r[i * n + j];
    }
  }
  for (size_t round = 0; round < RUNG_MAX((size_t)MOST_ROUNDS, n); round++) {
    double pqp = 0, error = 0;
    for (size_t i = 0; i < n; i++) {
      qp[i] = 0;
      for (size_t j = 0; j < n; j++) qp[i] += q[i * n + j] * p[j];
      pqp += p[i] * qp[i];
    }
    for (size_t i = 0; i < n; i++) error = fmax(error, fabs(qp[i] - pqp));
    if (error < 0.005 / (double)n) break;
    for (size_t i = 0; i < n; i++) {
      double step = (pqp - qp[i]) / q[i * n + i], scale = 1 / (1 + step);
      p[i] += step;
      pqp = (pqp + step * (step * q[i * n + i] + 2 * qp[i])) * scale * scale;
      for (size_t j = 0; j < n; j++) {
        qp[j] = (qp[j] + step * q[i * n + j]) * scale;
        p[j] *= scale;
      }
    }
  }
}

/* Buffers of a task, in doubles: kernels, votes, pairs, and for probabilities r, q and qp. */
static size_t svm_doubles(const rung_svm_params *p) {
  size_t classes = (size_t)p->classes, pairs = classes * (classes - 1) / 2;
  return (size_t)p->vectors + 2 * classes + pairs + (p->prob_a.count ? 2 * classes * classes : 0);
}

static void find_probabilities(const rung_svm_params *p, const double *pairs, double *buffer, double *probabilities) {
  size_t n = (size_t)p->classes, pair = 0;
  double *r = buffer, *q = r + n * n, *qp = q + n * n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++, pair++) {
      double value = rung_ml_logistic(-(pairs[pair] * (double)p->prob_a.at[pair] + (double)p->prob_b.at[pair]));
      r[i * n + j] = fmin(fmax(value, 1e-7), 1 - 1e-7);
      r[j * n + i] = 1 - r[i * n + j];
    }
  couple(n, r, q, qp, probabilities);
}

/* Scores of one row; returns the label's index. */
static size_t score_svm(const rung_svm_params *p, const double *x, double *buffer, double *scores) {
  size_t classes = (size_t)p->classes, n = (size_t)p->features;
  if (!p->vectors) {
    for (size_t i = 0; i < classes; i++) scores[i] = dot(n, p->coefficients.at + i * n, x) + (double)p->rho.at[0];
    return classes > 1 ? index_of_largest(classes, scores)
                       : decide(p->classlabels_ints.count + p->classlabels_strings.count, scores[0]);
  }
  double *kernels = buffer, *votes = kernels + p->vectors, *pairs = votes + classes;
  for (size_t i = 0; i < (size_t)p->vectors; i++) kernels[i] = svm_kernel(p, p->support_vectors.at + i * n, x);
  score_pairs(p, kernels, votes, pairs);
  if (p->prob_a.count)
    find_probabilities(p, pairs, pairs + p->rho.count, scores);
  else
    memcpy(scores, pairs, (size_t)p->scores * sizeof *scores);
  return index_of_largest(classes, votes);
}

static void classifier_rows(void *context, size_t first, size_t count, const double *features, double *buffer) {
  const svm_job *j = context;
  const rung_svm_params *p = j->p;
  size_t columns = (size_t)p->columns;
  double *scores = buffer;
  for (size_t row = first; row < first + count; row++, features += p->features) {
    j->labels[row] = (int64_t)score_svm(p, features, buffer + count * columns, scores);
    if (p->scores < p->columns)
      rung_ml_transform_pair((rung_ml_transform)p->post_transform, false, scores[0], scores);
    else if (columns > 1 || p->post_transform == RUNG_ML_PROBIT)
      rung_ml_transform_row((rung_ml_transform)p->post_transform, columns, scores);
    if (j->out) rung_store_f64(RUNG_F32, j->out->data, row * columns, 1, columns, scores);
  }
}

static void regressor_rows(void *context, size_t first, size_t count, const double *features, double *buffer) {
  const svm_job *j = context;
  const rung_svm_params *p = j->p;
  size_t n = (size_t)p->features;
  (void)buffer;
  for (size_t row = first; row < first + count; row++, features += n) {
    double sum = p->vectors ? 0 : dot(n, p->coefficients.at, features);
    for (size_t i = 0; i < (size_t)p->vectors; i++)
      sum += (double)p->coefficients.at[i] * svm_kernel(p, p->support_vectors.at + i * n, features);
    sum += (double)p->rho.at[0];
    if (p->one_class)
      sum = sum > 0 ? 1 : -1;
    else if (p->post_transform == RUNG_ML_PROBIT)
      sum = rung_ml_probit(sum);
    ((float *)j->out->data)[row] = (float)sum;
  }
}

static rung_status *plan_svm(const rung_kernel_call *call, rung_ml_rows *plan) {
  const rung_svm_params *p = call->params;
  return rung_ml_rows_plan(call, (size_t)p->features, true, (size_t)p->columns, svm_doubles(p), plan);
}

static rung_status *prepare_svm(rung_kernel_call *call) {
  rung_ml_rows plan;
  RUNG_TRY(plan_svm(call, &plan));
  call->scratch_size = rung_ml_rows_scratch(&plan) + plan.rows * sizeof(int64_t);
  return NULL;
}

static size_t svm_cost(const rung_svm_params *p) {
  return (size_t)(p->features * RUNG_MAX(p->vectors, p->classes)) + 100;
}

static rung_status *run_SVMClassifier(rung_kernel_call *call) {
  const rung_svm_params *p = call->params;
  rung_ml_rows plan;
  RUNG_TRY(plan_svm(call, &plan));
  svm_job j = {p, rung_out(call, 1), (int64_t *)((char *)call->scratch + rung_ml_rows_scratch(&plan))};
  rung_ml_rows_run(call, &plan, svm_cost(p), classifier_rows, &j);
  return rung_ml_give_labels(call, p->classlabels_ints, p->classlabels_strings, plan.rows, j.labels);
}

static rung_status *run_SVMRegressor(rung_kernel_call *call) {
  const rung_svm_params *p = call->params;
  rung_ml_rows plan;
  RUNG_TRY(plan_svm(call, &plan));
  rung_ml_rows_run(call, &plan, svm_cost(p), regressor_rows, &(svm_job){p, rung_out(call, 0), NULL});
  return NULL;
}

const rung_kernel rung_cpu_ml_SVMClassifier = {.types = {FEATURES}, .prepare = prepare_svm, .run = run_SVMClassifier};
const rung_kernel rung_cpu_ml_SVMRegressor = {.types = {FEATURES}, .prepare = prepare_svm, .run = run_SVMRegressor};
