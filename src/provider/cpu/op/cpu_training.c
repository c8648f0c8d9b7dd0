/* Adagrad, Adam, Momentum: element by element, in double. */
#include "op/training.h"

#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

#include <math.h>

enum { BLOCK = 256, MOST_MEMORIES = 2 };

/* A tensor's elements: value, gradient, memories; changed in place. `rate` has been adjusted to the count. */
typedef struct step {
  const rung_optimizer_params *p;
  double rate;
  bool first; /* the count is 0 */
} step;
typedef void (*update)(const step *s, size_t n, double *x, const double *gradient, double *const *memories);

static void adagrad(const step *s, size_t n, double *x, const double *gradient, double *const *memories) {
  double *h = memories[0];
  for (size_t i = 0; i < n; i++) {
    double g = (double)s->p->norm_coefficient * x[i] + gradient[i];
    h[i] += g * g;
    x[i] -= s->rate * g / (sqrt(h[i]) + (double)s->p->epsilon);
  }
}

static void adam(const step *s, size_t n, double *x, const double *gradient, double *const *memories) {
  double *v = memories[0], *h = memories[1], alpha = (double)s->p->alpha, beta = (double)s->p->beta;
  for (size_t i = 0; i < n; i++) {
    double g = (double)s->p->norm_coefficient * x[i] + gradient[i];
    v[i] = alpha * v[i] + (1 - alpha) * g;
    h[i] = beta * h[i] + (1 - beta) * g * g;
    x[i] -= s->rate * v[i] / (sqrt(h[i]) + (double)s->p->epsilon);
    x[i] *= 1 - (double)s->p->norm_coefficient_post;
  }
}

static void momentum(const step *s, size_t n, double *x, const double *gradient, double *const *memories) {
  double *v = memories[0], alpha = (double)s->p->alpha, beta = s->first ? 1 : (double)s->p->beta;
  for (size_t i = 0; i < n; i++) {
    double g = (double)s->p->norm_coefficient * x[i] + gradient[i];
    v[i] = alpha * v[i] + beta * g;
    x[i] -= s->rate * (s->p->mode ? g + alpha * v[i] : v[i]);
  }
}

typedef struct training_job {
  step s;
  update fn;
  const rung_tensor *in[2 + MOST_MEMORIES];
  rung_tensor *out[1 + MOST_MEMORIES];
} training_job;

static void update_elements(void *context, size_t begin, size_t end) {
  const training_job *j = context;
  double blocks[2 + MOST_MEMORIES][BLOCK], *memories[MOST_MEMORIES] = {blocks[2], blocks[3]};
  uint32_t kinds = 2 + j->s.p->memories;
  for (size_t at = begin; at < end; at += BLOCK) {
    size_t n = RUNG_MIN(end - at, (size_t)BLOCK);
    for (uint32_t k = 0; k < kinds; k++) rung_load_f64(j->in[k]->dtype, j->in[k]->data, at, 1, n, blocks[k]);
    j->fn(&j->s, n, blocks[0], blocks[1], memories);
    for (uint32_t k = 0; k < kinds; k++) {
      rung_tensor *out = k == 1 ? NULL : j->out[k ? k - 1 : 0];
      if (out) rung_store_f64(out->dtype, out->data, at, 1, n, blocks[k]);
    }
  }
}

static rung_status *run_optimizer(rung_kernel_call *call, update fn, double rate, bool first) {
  const rung_optimizer_params *p = call->params;
  for (uint32_t i = 0; i < p->tensors; i++) {
    training_job j = {.s = {p, rate, first}, .fn = fn};
    for (uint32_t k = 0; k < 2 + p->memories; k++) {
      j.in[k] = rung_in(call, 2 + k * p->tensors + i);
      RUNG_RUN_REQUIRE(rung_tensor_same_shape(j.in[0], j.in[k]), "tensor %u and what belongs to it differ in shape", i);
    }
    for (uint32_t k = 0; k < 1 + p->memories; k++) j.out[k] = rung_out(call, k * p->tensors + i);
    rung_kernel_parallel(call, rung_tensor_count(j.in[0]), rung_kernel_grain(10), update_elements, &j);
  }
  return NULL;
}

static rung_status *read_scalars(const rung_kernel_call *call, double *rate, double *count) {
  const rung_tensor *r = rung_in(call, 0), *t = rung_in(call, 1);
  RUNG_RUN_REQUIRE(rung_tensor_count(r) == 1 && rung_tensor_count(t) == 1, "R and T must be one number each");
  rung_load_f64(r->dtype, r->data, 0, 1, 1, rate);
  rung_load_f64(t->dtype, t->data, 0, 1, 1, count);
  return NULL;
}

static rung_status *run_Adagrad(rung_kernel_call *call) {
  const rung_optimizer_params *p = call->params;
  double rate, count;
  RUNG_TRY(read_scalars(call, &rate, &count));
  return run_optimizer(call, adagrad, rate / (1 + count * (double)p->decay_factor), count == 0);
}

static rung_status *run_Adam(rung_kernel_call *call) {
  const rung_optimizer_params *p = call->params;
  double rate, count;
  RUNG_TRY(read_scalars(call, &rate, &count));
  if (count > 0) rate *= sqrt(1 - pow((double)p->beta, count)) / (1 - pow((double)p->alpha, count));
  return run_optimizer(call, adam, rate, count == 0);
}

static rung_status *run_Momentum(rung_kernel_call *call) {
  double rate, count;
  RUNG_TRY(read_scalars(call, &rate, &count));
  return run_optimizer(call, momentum, rate, !(count > 0));
}

#define OPTIMIZER_KERNEL(symbol)                                                                           \
  const rung_kernel rung_cpu_training_##symbol = {.types = {{'R', RUNG_SET_FLOAT}, {'X', RUNG_SET_FLOAT}}, \
                                                  .run = run_##symbol};
OPTIMIZER_KERNEL(Adagrad)
OPTIMIZER_KERNEL(Adam)
OPTIMIZER_KERNEL(Momentum)
