/* ReduceSum and its kin. Floats narrower than 32 bits are combined in float32, integers wrap; what needs a
 * root or a logarithm is computed in double for integers, and cut off at the ends of the type. The mean of
 * integers is rounded towards zero. Nothing combined: sums are 0, a product is 1, a maximum is the least
 * value that the type has. */
#include "op/reduction.h"

#include "provider/cpu/form/fastmath.h"
#include "provider/cpu/form/reduce.h"
#include "provider/cpu/form/reduce_loops.h"

#include <math.h>

/* Combining */

#define FABS(x) (_Generic((x), float: fabsf, default: fabs)(x))
#define EXP(x) (_Generic((x), float: rung_exp_f32, default: exp)(x))
#define LOG(x) (_Generic((x), float: logf, default: log)(x))
#define SQRT(x) (_Generic((x), float: sqrtf, default: sqrt)(x))

/* Per way of combining: the value of nothing, one more element x (shift s), two partial results. */
#define SUM_IDENTITY(NAME) 0
#define SUM_STEP(a, x, s) ((a) + (x))
#define SUM_MERGE(a, b) ((a) + (b))
#define SQUARES_IDENTITY(NAME) 0
#define SQUARES_STEP(a, x, s) ((a) + (x) * (x))
#define SQUARES_MERGE(a, b) ((a) + (b))
#define PROD_IDENTITY(NAME) 1
#define PROD_STEP(a, x, s) ((a) * (x))
#define PROD_MERGE(a, b) ((a) * (b))
#define ABSOLUTE_IDENTITY(NAME) 0
#define ABSOLUTE_STEP(a, x, s) ((a) + FABS(x))
#define ABSOLUTE_MERGE(a, b) ((a) + (b))
#define MAGNITUDE_IDENTITY(NAME) 0
#define MAGNITUDE_STEP(a, x, s) ((int64_t)(x) < 0 ? (a) - (x) : (a) + (x))
#define MAGNITUDE_MERGE(a, b) ((a) + (b))
#define EXPONENTIAL_IDENTITY(NAME) 0
#define EXPONENTIAL_STEP(a, x, s) ((a) + EXP((x) - (s)))
#define EXPONENTIAL_MERGE(a, b) ((a) + (b))
/* A NaN stays: it is not equal to itself. */
#define MAX_IDENTITY(NAME) LOWEST_##NAME
#define MAX_STEP(a, x, s) ((x) > (a) || (x) != (x) ? (x) : (a))
#define MAX_MERGE(a, b) MAX_STEP(a, b, )
#define MIN_IDENTITY(NAME) HIGHEST_##NAME
#define MIN_STEP(a, x, s) ((x) < (a) || (x) != (x) ? (x) : (a))
#define MIN_MERGE(a, b) MIN_STEP(a, b, )

#define LOWEST_F32 (-INFINITY)
#define LOWEST_F64 (-(double)INFINITY)
#define LOWEST_I64 INT64_MIN
#define LOWEST_U64 0
#define HIGHEST_F32 INFINITY
#define HIGHEST_F64 (double)INFINITY
#define HIGHEST_I64 INT64_MAX
#define HIGHEST_U64 UINT64_MAX

#define EACH_WRAPPING(X, op) RUNG_REDUCE_FLOATS(X, op) RUNG_REDUCE_WRAPPING(X, op)
#define EACH_ORDERED(X, op) EACH_WRAPPING(X, op) X(op, I64, int64_t)
EACH_WRAPPING(RUNG_REDUCER, SUM)
EACH_WRAPPING(RUNG_REDUCER, SQUARES)
EACH_WRAPPING(RUNG_REDUCER, PROD)
RUNG_REDUCE_FLOATS(RUNG_REDUCER, ABSOLUTE)
RUNG_REDUCE_WRAPPING(RUNG_REDUCER, MAGNITUDE)
RUNG_REDUCE_FLOATS(RUNG_REDUCER, EXPONENTIAL)
EACH_ORDERED(RUNG_REDUCER, MAX)
EACH_ORDERED(RUNG_REDUCER, MIN)

/* Finishing */

#define ROOT(a, count, s) SQRT(a)
#define LOGARITHM(a, count, s) LOG(a)
#define SHIFTED_LOG(a, count, s) (LOG(a) + (s))
#define SHIFT(a, count, s) ((a) - (a) == 0 ? (a) : 0) /* finite */
#define MEAN(a, count, s) ((a) / (count))
#define MEAN_SIGNED(a, count, s) ((count) ? (uint64_t)((int64_t)(a) / (int64_t)(count)) : 0)
#define MEAN_UNSIGNED(a, count, s) ((count) ? (a) / (count) : 0)

RUNG_REDUCE_FLOATS(RUNG_FINISH, ROOT)
RUNG_REDUCE_FLOATS(RUNG_FINISH, LOGARITHM)
RUNG_REDUCE_FLOATS(RUNG_FINISH, SHIFTED_LOG)
RUNG_REDUCE_FLOATS(RUNG_FINISH, SHIFT)
RUNG_REDUCE_FLOATS(RUNG_FINISH, MEAN)
RUNG_REDUCE_WRAPPING(RUNG_FINISH, MEAN_SIGNED)
RUNG_REDUCE_WRAPPING(RUNG_FINISH, MEAN_UNSIGNED)

/* Kernels */

#define INTEGERS(op_signed, op_unsigned) \
  [RUNG_REDUCE_I64] = RUNG_REDUCER_ENTRY op_signed, [RUNG_REDUCE_U64] = RUNG_REDUCER_ENTRY op_unsigned
#define WRAPPING(op) {RUNG_REDUCER_FLOATS(op), INTEGERS((op, U64), (op, U64))}
#define ORDER(op) {RUNG_REDUCER_FLOATS(op), INTEGERS((op, I64), (op, U64))}

static const rung_reduction
    magnitudes = {{RUNG_REDUCER_FLOATS(ABSOLUTE), INTEGERS((MAGNITUDE, U64), (SUM, U64))}, {0}},
    norms = {{RUNG_REDUCER_FLOATS(SQUARES)}, {RUNG_FINISH_FLOATS(ROOT)}, .as_real = true, .saturates = true},
    log_sums = {{RUNG_REDUCER_FLOATS(SUM)}, {RUNG_FINISH_FLOATS(LOGARITHM)}, .as_real = true, .saturates = true},
    maxima = {ORDER(MAX), {0}, .saturates = true}, minima = {ORDER(MIN), {0}, .saturates = true},
    means = {WRAPPING(SUM),
             {RUNG_FINISH_FLOATS(MEAN), [RUNG_REDUCE_I64] = MEAN_SIGNED_U64, [RUNG_REDUCE_U64] = MEAN_UNSIGNED_U64}},
    products = {WRAPPING(PROD), {0}}, sums = {WRAPPING(SUM), {0}}, squares = {WRAPPING(SQUARES), {0}},
    shifts = {{RUNG_REDUCER_FLOATS(MAX)}, {RUNG_FINISH_FLOATS(SHIFT)}, .as_real = true},
    log_sums_of_exponentials = {
        {RUNG_REDUCER_FLOATS(EXPONENTIAL)}, {RUNG_FINISH_FLOATS(SHIFTED_LOG)}, .as_real = true, .saturates = true};

/* Axes are known when the shape of the output is. */
static rung_status *make_plan(const rung_kernel_call *call, rung_reduce *plan) {
  const rung_reduce_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *axes = rung_in(call, 1);
  int64_t list[RUNG_MAX_RANK];
  size_t count = p->axes.count;
  bool reduced[RUNG_MAX_RANK];
  RUNG_RUN_REQUIRE(rung_out(call, 0), "the axes must be a vector of at most %d elements", RUNG_MAX_RANK);
  if (count) memcpy(list, p->axes.at, count * sizeof list[0]);
  if (axes) RUNG_TRY(rung_kernel_ints(axes, list, RUNG_MAX_RANK, &count));
  RUNG_TRY(rung_reduce_axes(p, list, count, x->rank, reduced));
  rung_reduce_make(plan, x, reduced);
  return NULL;
}

static rung_status *prepare_reduce(rung_kernel_call *call) {
  rung_reduce plan;
  RUNG_TRY(make_plan(call, &plan));
  call->scratch_size = rung_reduce_scratch(&plan);
  return NULL;
}

static rung_status *run_reduce(rung_kernel_call *call, const rung_reduction *how) {
  rung_reduce plan;
  RUNG_TRY(make_plan(call, &plan));
  rung_reduce_run(call, &plan, how, rung_in(call, 0), NULL, rung_out(call, 0)->data, rung_in(call, 0)->dtype,
                  call->scratch);
  return NULL;
}

#define SUMMED (RUNG_SET_FLOAT | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64))
#define ORDERED (SUMMED | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_BOOL))

#define KERNEL(symbol, set, how)                                                              \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_reduce(call, &how); } \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', set}}, .prepare = prepare_reduce, .run = run_##symbol};
KERNEL(ReduceL1, SUMMED, magnitudes)
KERNEL(ReduceL2, SUMMED, norms)
KERNEL(ReduceLogSum, SUMMED, log_sums)
KERNEL(ReduceMax, ORDERED, maxima)
KERNEL(ReduceMean, SUMMED, means)
KERNEL(ReduceMin, ORDERED, minima)
KERNEL(ReduceProd, SUMMED, products)
KERNEL(ReduceSum, SUMMED, sums)
KERNEL(ReduceSumSquare, SUMMED, squares)

/* ReduceLogSumExp: the maxima first, so that no exponential overflows. They lie in scratch as accumulators. */

static rung_status *prepare_ReduceLogSumExp(rung_kernel_call *call) {
  rung_reduce plan;
  RUNG_TRY(make_plan(call, &plan));
  size_t shift_bytes;
  if (!rung_mul_size(plan.outputs, RUNG_REDUCE_ACCUMULATOR, &shift_bytes)) return rung_status_out_of_memory();
  call->scratch_size = rung_reduce_scratch(&plan) + RUNG_ROUND_UP(shift_bytes, RUNG_TENSOR_ALIGN);
  return NULL;
}

static rung_status *run_ReduceLogSumExp(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  rung_reduce plan;
  RUNG_TRY(make_plan(call, &plan));
  char *partials = call->scratch, *shift = partials + rung_reduce_scratch(&plan);
  rung_reduce_run(call, &plan, &shifts, x, NULL, shift, rung_reduce_dtype(&shifts, x->dtype), partials);
  rung_reduce_run(call, &plan, &log_sums_of_exponentials, x, shift, rung_out(call, 0)->data, x->dtype, partials);
  return NULL;
}

const rung_kernel rung_cpu_ReduceLogSumExp = {
    .types = {{'T', SUMMED}}, .prepare = prepare_ReduceLogSumExp, .run = run_ReduceLogSumExp};
