/* BatchNormalization: y = (x - mean) * (scale / sqrt(variance + epsilon)) + B per channel, with given statistics or, in
 * training, those of the batch. X is seen as (N, C, rest). */
#include "op/normalize.h"

#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/moments.h"
#include "provider/cpu/form/rowwise.h"

#include <math.h>

enum { X, SCALE, BIAS, MEAN, VARIANCE };                                /* inputs */
enum { Y, RUNNING_MEAN, RUNNING_VARIANCE, SAVED_MEAN, SAVED_VARIANCE }; /* outputs; the last two before opset 14 */

typedef struct layout {
  size_t n, c, rest;
  rung_rowwise rows;
  rung_reduce reduce; /* training */
} layout;

static rung_status *make_layout(const rung_kernel_call *call, layout *l) {
  const rung_batch_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, X);
  RUNG_RUN_REQUIRE(x->rank >= 1, "the input is a scalar, it must have a batch dimension");
  l->n = (size_t)x->dims[0];
  l->c = !p->spatial ? (size_t)rung_tensor_span(x, 1, x->rank) : x->rank > 1 ? (size_t)x->dims[1] : 1;
  l->rest = p->spatial && x->rank > 2 ? (size_t)rung_tensor_span(x, 2, x->rank) : 1;
  for (uint32_t i = SCALE; i <= VARIANCE; i++)
    RUNG_RUN_REQUIRE(rung_tensor_count(rung_in(call, i)) == l->c, "input %u has %zu elements for %zu channels", i,
                     rung_tensor_count(rung_in(call, i)), l->c);
  bool by_sample = l->rest == 1; /* short rows are taken together */
  rung_rowwise_make(call, &l->rows, x->dtype, x->dtype, by_sample ? l->n : l->n * l->c, by_sample ? l->c : l->rest, 1);
  rung_tensor seen = {.dtype = x->dtype, .rank = 3, .dims = {(int64_t)l->n, (int64_t)l->c, (int64_t)l->rest}};
  rung_reduce_make(&l->reduce, &seen, (const bool[]){true, false, true});
  return NULL;
}

/* Five vectors of one element per channel lie in scratch, then what the forms need. */
typedef struct channels {
  void *factor, *bias, *mean, *variance, *spare;
} channels;

static size_t vector_bytes(const layout *l) { return RUNG_ROUND_UP(l->c * sizeof(double), RUNG_TENSOR_ALIGN); }

static rung_status *prepare_BatchNormalization(rung_kernel_call *call) {
  layout l;
  RUNG_TRY(make_layout(call, &l));
  call->scratch_size = 5 * vector_bytes(&l) + RUNG_MAX(rung_rowwise_scratch(&l.rows), rung_reduce_scratch(&l.reduce));
  return NULL;
}

static void load(const rung_kernel_call *call, uint32_t input, size_t n, void *to) {
  const rung_tensor *t = rung_in(call, input);
  if (rung_in(call, X)->dtype == RUNG_F64)
    rung_load_f64(t->dtype, t->data, 0, 1, n, to);
  else
    rung_load_f32(t->dtype, t->data, 0, 1, n, to);
}

static void store(const rung_kernel_call *call, uint32_t output, size_t n, const void *from) {
  rung_tensor *t = rung_out(call, output);
  if (!t) return;
  if (rung_in(call, X)->dtype == RUNG_F64)
    rung_store_f64(t->dtype, t->data, 0, 1, n, from);
  else
    rung_store_f32(t->dtype, t->data, 0, 1, n, from);
}

typedef struct job {
  const rung_kernel_call *call;
  const channels *v;
  size_t c;
} job;

#define BATCH_NORM(suffix, type, root)                                                                                 \
  static void make_factors_##suffix(const channels *v, size_t n, type epsilon) {                                       \
    type *factor = v->factor;                                                                                          \
    const type *variance = v->variance;                                                                                \
    for (size_t i = 0; i < n; i++) factor[i] /= root(variance[i] + epsilon);                                           \
  }                                                                                                                    \
  /* running = before * momentum + current * (1 - momentum) */                                                         \
  static void make_running_##suffix(const type *before, const type *current, size_t n, type momentum, type *running) { \
    for (size_t i = 0; i < n; i++) running[i] = before[i] * momentum + current[i] * (1 - momentum);                    \
  }                                                                                                                    \
  static void channel_row_##suffix(void *context, size_t row, size_t n, const type *x, type *y) {                      \
    const job *j = context;                                                                                            \
    size_t c = row % j->c;                                                                                             \
    type factor = ((const type *)j->v->factor)[c], bias = ((const type *)j->v->bias)[c];                               \
    type mean = ((const type *)j->v->mean)[c];                                                                         \
    RUNG_ROW_LOOP(j->call, 0, n, i, y[i] = (x[i] - mean) * factor + bias)                                              \
  }                                                                                                                    \
  static void sample_row_##suffix(void *context, size_t row, size_t n, const type *x, type *y) {                       \
    const job *j = context;                                                                                            \
    const type *factor = j->v->factor, *bias = j->v->bias, *mean = j->v->mean;                                         \
    (void)row;                                                                                                         \
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean[i]) * factor[i] + bias[i];                                      \
  }
BATCH_NORM(f32, float, sqrtf)
BATCH_NORM(f64, double, sqrt)

static void make_running(const rung_kernel_call *call, uint32_t input, const void *current, size_t n, void *spare) {
  const rung_batch_norm_params *p = call->params;
  load(call, input, n, spare);
  if (rung_in(call, X)->dtype == RUNG_F64)
    make_running_f64(spare, current, n, (double)p->momentum, spare);
  else
    make_running_f32(spare, current, n, p->momentum, spare);
  store(call, input == MEAN ? RUNNING_MEAN : RUNNING_VARIANCE, n, spare);
}

static void take_batch_statistics(const rung_kernel_call *call, const layout *l, const channels *v, void *scratch) {
  rung_moments(call, &l->reduce, rung_in(call, X), v->mean, v->variance, scratch);
  store(call, SAVED_MEAN, l->c, v->mean);
  store(call, SAVED_VARIANCE, l->c, v->variance);
  make_running(call, MEAN, v->mean, l->c, v->spare);
  make_running(call, VARIANCE, v->variance, l->c, v->spare);
}

static rung_status *run_BatchNormalization(rung_kernel_call *call) {
  const rung_batch_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, X);
  layout l;
  RUNG_TRY(make_layout(call, &l));
  char *at = call->scratch;
  size_t step = vector_bytes(&l);
  channels v = {at, at + step, at + 2 * step, at + 3 * step, at + 4 * step};
  void *scratch = at + 5 * step;
  load(call, SCALE, l.c, v.factor);
  load(call, BIAS, l.c, v.bias);
  if (p->training_mode) {
    take_batch_statistics(call, &l, &v, scratch);
  } else {
    load(call, MEAN, l.c, v.mean);
    load(call, VARIANCE, l.c, v.variance);
  }
  if (x->dtype == RUNG_F64)
    make_factors_f64(&v, l.c, (double)p->epsilon);
  else
    make_factors_f32(&v, l.c, p->epsilon);
  rung_row_functions by_channel = {channel_row_f32, channel_row_f64}, by_sample = {sample_row_f32, sample_row_f64};
  job j = {call, &v, l.c};
  if (rung_out(call, Y))
    rung_rowwise_run(call, &l.rows, 1, l.rest == 1 ? &by_sample : &by_channel, &j, x->data, rung_out(call, Y)->data,
                     scratch);
  return NULL;
}

const rung_kernel rung_cpu_BatchNormalization = {
    .types = {{'T', RUNG_SET_FLOAT}, {'S', RUNG_SET_FLOAT}, {'U', RUNG_SET_FLOAT}},
    .flags = RUNG_KERNEL_IN_PLACE,
    .prepare = prepare_BatchNormalization,
    .run = run_BatchNormalization};
