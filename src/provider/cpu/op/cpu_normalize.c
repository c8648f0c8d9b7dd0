/* Normalisations of rows: each subtracts its mean (or not), divides by its size in some sense, then scales and shifts
 * by operands that are cut into channels. Statistics take two passes; narrow floats are rounded once, at the end. */
#include "op/normalize.h"

#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/norm_rows.h"
#include "provider/cpu/form/stand_in.h"
#include "provider/cpu/kernel/isa.h"

#include <math.h>

/* LayerNormalization, RMSNormalization */

typedef struct layer_plan {
  size_t rows, n;
  rung_rowwise rowwise;
  size_t operand_counts[2]; /* elements of scale and bias as the rows read them: n, or those of all of X */
  size_t statistics;        /* bytes of one of the other outputs */
  size_t scratch;
} layer_plan;

/* Broadcastable to X; the usual operand is the size of a row, others are written out for all rows. */
static rung_status *operand_count(const rung_tensor *x, const rung_tensor *operand, int32_t axis, size_t n,
                                  size_t *out) {
  *out = 0;
  if (!operand) return NULL;
  RUNG_RUN_REQUIRE(operand->rank <= x->rank, "an operand has rank %d, X only %d", operand->rank, x->rank);
  bool is_row = true;
  for (int32_t i = 1; i <= operand->rank; i++) {
    int64_t dim = operand->dims[operand->rank - i], full = x->dims[x->rank - i];
    RUNG_RUN_REQUIRE(dim == full || dim == 1, "dimension %lld of an operand cannot be broadcast to %lld",
                     (long long)dim, (long long)full);
    is_row &= dim == (x->rank - i >= axis ? full : 1);
  }
  *out = is_row && rung_tensor_count(operand) == n ? n : rung_tensor_count(x);
  return NULL;
}

static rung_status *plan_layer_norm(const rung_kernel_call *call, layer_plan *plan) {
  const rung_layer_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, x->rank, &axis));
  plan->rows = (size_t)rung_tensor_span(x, 0, axis);
  plan->n = (size_t)rung_tensor_span(x, axis, x->rank);
  const rung_tensor *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(y, "the first output is required");
  rung_rowwise_make(call, &plan->rowwise, x->dtype, y->dtype, plan->rows, plan->n, 1);
  plan->statistics = rung_norm_bytes(plan->rows, x->dtype);
  plan->scratch = rung_rowwise_scratch(&plan->rowwise) + 2 * plan->statistics;
  for (uint32_t i = 0; i < 2; i++) {
    RUNG_TRY(operand_count(x, rung_in(call, 1 + i), axis, plan->n, &plan->operand_counts[i]));
    plan->scratch += 2 * rung_norm_bytes(plan->operand_counts[i], x->dtype); /* second: before it is broadcast */
  }
  return NULL;
}

static rung_status *prepare_layer_norm(rung_kernel_call *call) {
  layer_plan plan;
  RUNG_TRY(plan_layer_norm(call, &plan));
  call->scratch_size = plan.scratch;
  return NULL;
}

/* Writes an operand out for every element of X. */
static void expand(const rung_tensor *x, const rung_tensor *operand, const char *from, size_t size, char *to) {
  size_t count = rung_tensor_count(x);
  for (size_t i = 0; i < count; i++) {
    size_t rest = i, at = 0, stride = 1;
    for (int32_t k = 1; k <= operand->rank; k++) {
      size_t dim = (size_t)operand->dims[operand->rank - k], full = (size_t)x->dims[x->rank - k];
      if (dim > 1) at += rest % full * stride;
      rest /= full;
      stride *= dim;
    }
    memcpy(to + i * size, from + at * size, size);
  }
}

static char *take_operand(const rung_kernel_call *call, uint32_t input, const layer_plan *plan, size_t count, char *at,
                          rung_row_operand *out) {
  const rung_tensor *x = rung_in(call, 0), *operand = rung_in(call, input);
  if (!operand) return at;
  size_t bytes = rung_norm_bytes(count, x->dtype);
  bool is_row = count == plan->n && rung_tensor_count(operand) == count;
  rung_norm_load(operand, x->dtype, is_row ? at : at + bytes);
  if (!is_row) expand(x, operand, at + bytes, rung_norm_size(x->dtype), at);
  *out = (rung_row_operand){at, is_row ? 1 : plan->rows, plan->n, 1};
  return at + 2 * bytes;
}

static rung_status *run_layer_norm(rung_kernel_call *call, bool centred) {
  const rung_layer_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  layer_plan plan;
  RUNG_TRY(plan_layer_norm(call, &plan));
  char *at = call->scratch;
  rung_norm j = {
      .call = call, .kernels = rung_rows_for(rung_isa(call->host)), .centred = centred, .epsilon = p->epsilon};
  at = take_operand(call, 1, &plan, plan.operand_counts[0], at, &j.scale);
  at = take_operand(call, 2, &plan, plan.operand_counts[1], at, &j.bias);
  j.means = at;
  j.inverses = at + plan.statistics;
  rung_tensor *y = rung_out(call, 0), *means = rung_out(call, 1), *inverses = rung_out(call, 2);
  if (plan.n == 0) memset(at, 0, 2 * plan.statistics);
  rung_rowwise_run(call, &plan.rowwise, 2, &rung_norm_rows, &j, x->data, y->data, at + 2 * plan.statistics);
  if (means) rung_norm_store(means, x->dtype, j.means);
  if (inverses) rung_norm_store(inverses, x->dtype, j.inverses);
  return NULL;
}

static rung_status *run_LayerNormalization(rung_kernel_call *call) { return run_layer_norm(call, true); }
static rung_status *run_RMSNormalization(rung_kernel_call *call) { return run_layer_norm(call, false); }

const rung_kernel rung_cpu_LayerNormalization = {.types = {{'T', RUNG_SET_FLOAT}},
                                                 .flags = RUNG_KERNEL_IN_PLACE,
                                                 .prepare = prepare_layer_norm,
                                                 .run = run_LayerNormalization};
const rung_kernel rung_cpu_RMSNormalization = {.types = {{'T', RUNG_SET_FLOAT}, {'V', RUNG_SET_FLOAT}},
                                               .prepare = prepare_layer_norm,
                                               .run = run_RMSNormalization};

/* InstanceNormalization, GroupNormalization */

typedef struct group_plan {
  size_t groups, channels, inner, operands; /* elements of scale and of bias */
  rung_rowwise rowwise;
} group_plan;

static rung_status *plan_group_norm(const rung_kernel_call *call, group_plan *plan) {
  const rung_group_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  RUNG_RUN_REQUIRE(x->rank >= 2, "the input has rank %d, it must be at least 2", x->rank);
  plan->channels = (size_t)x->dims[1];
  plan->groups = p->num_groups ? (size_t)p->num_groups : plan->channels;
  RUNG_RUN_REQUIRE(plan->groups == plan->channels || plan->channels % plan->groups == 0,
                   "%zu channels cannot be divided into %zu groups", plan->channels, plan->groups);
  plan->inner = (size_t)rung_tensor_span(x, 2, x->rank);
  plan->operands = p->per_group ? plan->groups : plan->channels;
  for (uint32_t i = 1; i < 3; i++)
    RUNG_RUN_REQUIRE(rung_tensor_count(rung_in(call, i)) == plan->operands, "input %u has %zu elements, not %zu", i,
                     rung_tensor_count(rung_in(call, i)), plan->operands);
  size_t per_group = plan->groups ? plan->channels / plan->groups : 0;
  rung_rowwise_make(call, &plan->rowwise, x->dtype, x->dtype, (size_t)x->dims[0] * plan->groups,
                    per_group * plan->inner, 1);
  return NULL;
}

static rung_status *prepare_group_norm(rung_kernel_call *call) {
  group_plan plan;
  RUNG_TRY(plan_group_norm(call, &plan));
  call->scratch_size =
      rung_rowwise_scratch(&plan.rowwise) + 2 * rung_norm_bytes(plan.operands, rung_in(call, 0)->dtype);
  return NULL;
}

/* The norm comes first: a context of these rows is one of rung_norm_rows, too. */
typedef struct silu_job {
  rung_norm norm;
  const rung_math *math;
} silu_job;

static const float no_factor[2] = {1, 0}; /* swish with alpha 1 */

static void silu_row_f32(void *context, size_t row, size_t n, const float *x, float *y) {
  rung_norm_row_f32(context, row, n, x, y);
  ((const silu_job *)context)->math->unary[RUNG_MATH_swish](n, y, y, no_factor);
}

static void silu_row_f64(void *context, size_t row, size_t n, const double *x, double *y) {
  rung_norm_row_f64(context, row, n, x, y);
  rung_math_f64.unary[RUNG_MATH_swish](n, y, y, no_factor);
}

static rung_status *run_group_norm(rung_kernel_call *call) {
  const rung_group_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  group_plan plan;
  RUNG_TRY(plan_group_norm(call, &plan));
  size_t bytes = rung_norm_bytes(plan.operands, x->dtype), n = plan.rowwise.n;
  char *scale = call->scratch, *bias = scale + bytes;
  rung_norm_load(rung_in(call, 1), x->dtype, scale);
  rung_norm_load(rung_in(call, 2), x->dtype, bias);
  bool per_group = plan.operands == plan.groups;
  rung_row_operand shape = {scale, plan.groups, per_group ? 1 : plan.channels / RUNG_MAX(plan.groups, 1),
                            per_group ? n : plan.inner};
  static const rung_row_functions silu_rows = {silu_row_f32, silu_row_f64};
  rung_cpu_set features = rung_isa(call->host);
  silu_job j = {{.call = call,
                 .kernels = rung_rows_for(features),
                 .scale = shape,
                 .bias = shape,
                 .centred = true,
                 .epsilon = p->epsilon},
                rung_math_for(features)};
  j.norm.bias.at = bias;
  rung_rowwise_run(call, &plan.rowwise, 2, p->activation ? &silu_rows : &rung_norm_rows, &j, x->data,
                   rung_out(call, 0)->data, bias + bytes);
  return NULL;
}

#define GROUP_KERNEL(symbol)                                               \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', RUNG_SET_FLOAT}}, \
                                         .flags = RUNG_KERNEL_IN_PLACE,    \
                                         .prepare = prepare_group_norm,    \
                                         .run = run_group_norm};
GROUP_KERNEL(InstanceNormalization)
GROUP_KERNEL(GroupNormalization)

#define GROUP_NORM(last)                                         \
  {.kernel = &rung_cpu_GroupNormalization,                       \
   .input_count = 3,                                             \
   .inputs = {{.turned = last}, {.operand = 1}, {.operand = 2}}, \
   .output.turned = last}
static const rung_stand_in group_norm[2] = {GROUP_NORM(false), GROUP_NORM(true)};
RUNG_STAND_IN_KERNEL(ms_GroupNorm, &group_norm[((const rung_group_norm_params *)call->params)->channels_last != 0], 0,
                     {'T', RUNG_SET_FLOAT}, {'M', RUNG_SET_FLOAT})

/* LpNormalization: rows of zeros stay zeros. */

typedef struct lp_job {
  const rung_kernel_call *call;
  rung_rows kernels;
  int64_t p;
} lp_job;

#define LP_ROW(suffix, type, magnitude, root)                                                \
  static void lp_row_##suffix(void *context, size_t row, size_t n, const type *x, type *y) { \
    const lp_job *j = context;                                                               \
    type norm = 0;                                                                           \
    (void)row;                                                                               \
    if (j->p == 2)                                                                           \
      norm = root(j->kernels.suffix->squares(n, x, 0));                                      \
    else                                                                                     \
      RUNG_ROW_LOOP(j->call, 0, n, i, norm += magnitude(x[i]))                               \
    RUNG_ROW_LOOP(j->call, 0, n, i, y[i] = norm == 0 ? 0 : x[i] / norm)                      \
  }
LP_ROW(f32, float, fabsf, sqrtf)
LP_ROW(f64, double, fabs, sqrt)

static rung_status *plan_lp_norm(const rung_kernel_call *call, rung_rowwise *plan) {
  const rung_lp_norm_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, x->rank, &axis));
  rung_rowwise_make(call, plan, x->dtype, x->dtype, (size_t)rung_tensor_span(x, 0, axis), (size_t)x->dims[axis],
                    (size_t)rung_tensor_span(x, axis + 1, x->rank));
  return NULL;
}

static rung_status *prepare_LpNormalization(rung_kernel_call *call) {
  rung_rowwise plan;
  RUNG_TRY(plan_lp_norm(call, &plan));
  call->scratch_size = rung_rowwise_scratch(&plan);
  return NULL;
}

static rung_status *run_LpNormalization(rung_kernel_call *call) {
  const rung_lp_norm_params *p = call->params;
  lp_job job = {call, rung_rows_for(rung_isa(call->host)), p->p};
  rung_rowwise plan;
  RUNG_TRY(plan_lp_norm(call, &plan));
  rung_rowwise_run(call, &plan, 1, &(const rung_row_functions){lp_row_f32, lp_row_f64}, &job, rung_in(call, 0)->data,
                   rung_out(call, 0)->data, call->scratch);
  return NULL;
}

const rung_kernel rung_cpu_LpNormalization = {.types = {{'T', RUNG_SET_FLOAT}},
                                              .flags = RUNG_KERNEL_IN_PLACE,
                                              .prepare = prepare_LpNormalization,
                                              .run = run_LpNormalization};
