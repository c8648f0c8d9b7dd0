/* ReduceSum and its kin. Floats narrower than 32 bits are combined in float32, integers wrap; what needs a
 * root or a logarithm is computed in double for integers, and cut off at the ends of the type. The mean of
 * integers is rounded towards zero. Nothing combined: sums are 0, a product is 1, a maximum is the least
 * value that the type has. */
#include "op/reduction.h"

#include "provider/cpu/form/fastmath.h"
#include "provider/cpu/cpu_types.h"
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

/* Integers as double have the operations of double. */
#define REAL_SUM_IDENTITY(NAME) 0
#define REAL_SUM_STEP SUM_STEP
#define REAL_SUM_MERGE SUM_MERGE
#define REAL_SQUARES_IDENTITY(NAME) 0
#define REAL_SQUARES_STEP SQUARES_STEP
#define REAL_SQUARES_MERGE SQUARES_MERGE
#define REAL_MAX_IDENTITY(NAME) LOWEST_F64
#define REAL_MAX_STEP MAX_STEP
#define REAL_MAX_MERGE MAX_MERGE

#define LOWEST_F32 (-INFINITY)
#define LOWEST_F64 (-(double)INFINITY)
#define LOWEST_F16 (-INFINITY)
#define LOWEST_BF16 (-INFINITY)
#define LOWEST_I8 INT8_MIN
#define LOWEST_I32 INT32_MIN
#define LOWEST_I64 INT64_MIN
#define LOWEST_U8 0
#define LOWEST_U32 0
#define LOWEST_U64 0
#define LOWEST_BOOL 0
#define HIGHEST_F32 INFINITY
#define HIGHEST_F64 (double)INFINITY
#define HIGHEST_F16 INFINITY
#define HIGHEST_BF16 INFINITY
#define HIGHEST_I8 INT8_MAX
#define HIGHEST_I32 INT32_MAX
#define HIGHEST_I64 INT64_MAX
#define HIGHEST_U8 UINT8_MAX
#define HIGHEST_U32 UINT32_MAX
#define HIGHEST_U64 UINT64_MAX
#define HIGHEST_BOOL 1

/* The integers that sums are made of: wrapping, and as double where the result is not one. */
#define EACH_WRAPPING_SIGNED(X, op)                    \
  X(op, I32, int32_t, uint64_t, (uint64_t), (int32_t)) \
  X(op, I64, int64_t, uint64_t, (uint64_t), (int64_t))
#define EACH_WRAPPING_UNSIGNED(X, op)          \
  X(op, U32, uint32_t, uint64_t, , (uint32_t)) \
  X(op, U64, uint64_t, uint64_t, , (uint64_t))
#define EACH_WRAPPING(X, op) EACH_WRAPPING_SIGNED(X, op) EACH_WRAPPING_UNSIGNED(X, op)
#define EACH_AS_DOUBLE(X, op)                  \
  X(op, I32, int32_t, double, , saturate_i32)  \
  X(op, I64, int64_t, double, , saturate_i64)  \
  X(op, U32, uint32_t, double, , saturate_u32) \
  X(op, U64, uint64_t, double, , saturate_u64)
#define EACH_REAL(X, op) RUNG_EACH_FLOAT(X, op) EACH_AS_DOUBLE(X, op)
#define EACH_ORDERED(X, op)          \
  RUNG_EACH_FLOAT(X, op)             \
  X(op, I8, int8_t, int8_t, , )      \
  X(op, I32, int32_t, int32_t, , )   \
  X(op, I64, int64_t, int64_t, , )   \
  X(op, U8, uint8_t, uint8_t, , )    \
  X(op, U32, uint32_t, uint32_t, , ) \
  X(op, U64, uint64_t, uint64_t, , ) \
  X(op, BOOL, uint8_t, uint8_t, , )
#define SUMMED (RUNG_SET_FLOAT | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64))
#define ORDERED (SUMMED | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_BOOL))

#define SATURATE(name, type, low, high)          \
  static type saturate_##name(double x) {        \
    if (x != x) return 0;                        \
    if (x <= (double)(low)) return low;          \
    return x >= (double)(high) ? high : (type)x; \
  }
SATURATE(i32, int32_t, INT32_MIN, INT32_MAX)
SATURATE(i64, int64_t, INT64_MIN, INT64_MAX)
SATURATE(u32, uint32_t, 0, UINT32_MAX)
SATURATE(u64, uint64_t, 0, UINT64_MAX)

RUNG_EACH_FLOAT(RUNG_REDUCER, SUM)
EACH_WRAPPING(RUNG_REDUCER, SUM)
EACH_AS_DOUBLE(RUNG_REDUCER, REAL_SUM)
RUNG_EACH_FLOAT(RUNG_REDUCER, SQUARES)
EACH_WRAPPING(RUNG_REDUCER, SQUARES)
EACH_AS_DOUBLE(RUNG_REDUCER, REAL_SQUARES)
RUNG_EACH_FLOAT(RUNG_REDUCER, PROD)
EACH_WRAPPING(RUNG_REDUCER, PROD)
RUNG_EACH_FLOAT(RUNG_REDUCER, ABSOLUTE)
EACH_WRAPPING_SIGNED(RUNG_REDUCER, MAGNITUDE)
EACH_REAL(RUNG_REDUCER, EXPONENTIAL)
EACH_AS_DOUBLE(RUNG_REDUCER, REAL_MAX)
EACH_ORDERED(RUNG_REDUCER, MAX)
EACH_ORDERED(RUNG_REDUCER, MIN)

/* Finishing */

#define PLAIN(a, count, s) (a)
#define FOUND(a, count, s) (a)
#define ROOT(a, count, s) SQRT(a)
#define LOGARITHM(a, count, s) LOG(a)
#define SHIFTED_LOG(a, count, s) (LOG(a) + (s))
#define MEAN(a, count, s) ((a) / (count))
#define MEAN_SIGNED(a, count, s) ((count) ? (uint64_t)((int64_t)(a) / (int64_t)(count)) : 0)
#define MEAN_UNSIGNED(a, count, s) ((count) ? (a) / (count) : 0)

RUNG_EACH_FLOAT(RUNG_FINISH, PLAIN)
EACH_WRAPPING(RUNG_FINISH, PLAIN)
EACH_ORDERED(RUNG_FINISH, FOUND)
RUNG_EACH_FLOAT(RUNG_FINISH, MEAN)
EACH_WRAPPING_SIGNED(RUNG_FINISH, MEAN_SIGNED)
EACH_WRAPPING_UNSIGNED(RUNG_FINISH, MEAN_UNSIGNED)
EACH_REAL(RUNG_FINISH, ROOT)
EACH_REAL(RUNG_FINISH, LOGARITHM)
EACH_REAL(RUNG_FINISH, SHIFTED_LOG)

/* Kernels */

#define REDUCERS(name, ...) static const rung_reducer name[RUNG_DTYPE_NUMBERS] = {__VA_ARGS__};
REDUCERS(sum, RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, SUM) EACH_WRAPPING(RUNG_REDUCER_ENTRY, SUM))
REDUCERS(real_sum, RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, SUM) EACH_AS_DOUBLE(RUNG_REDUCER_ENTRY, REAL_SUM))
REDUCERS(squares, RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, SQUARES) EACH_WRAPPING(RUNG_REDUCER_ENTRY, SQUARES))
REDUCERS(real_squares, RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, SQUARES) EACH_AS_DOUBLE(RUNG_REDUCER_ENTRY, REAL_SQUARES))
REDUCERS(prod, RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, PROD) EACH_WRAPPING(RUNG_REDUCER_ENTRY, PROD))
REDUCERS(magnitudes, RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, ABSOLUTE) EACH_WRAPPING_SIGNED(RUNG_REDUCER_ENTRY, MAGNITUDE)
                         EACH_WRAPPING_UNSIGNED(RUNG_REDUCER_ENTRY, SUM))
REDUCERS(exponentials, EACH_REAL(RUNG_REDUCER_ENTRY, EXPONENTIAL))
REDUCERS(real_max, RUNG_EACH_FLOAT(RUNG_REDUCER_ENTRY, MAX) EACH_AS_DOUBLE(RUNG_REDUCER_ENTRY, REAL_MAX))
REDUCERS(max, EACH_ORDERED(RUNG_REDUCER_ENTRY, MAX))
REDUCERS(min, EACH_ORDERED(RUNG_REDUCER_ENTRY, MIN))

#define FINISHES(name, ...) static const rung_reduce_finish name[RUNG_DTYPE_NUMBERS] = {__VA_ARGS__};
FINISHES(plain, RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, PLAIN) EACH_WRAPPING(RUNG_TABLE_ENTRY, PLAIN))
FINISHES(found, EACH_ORDERED(RUNG_TABLE_ENTRY, FOUND))
FINISHES(mean, RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, MEAN) EACH_WRAPPING_SIGNED(RUNG_TABLE_ENTRY, MEAN_SIGNED)
                   EACH_WRAPPING_UNSIGNED(RUNG_TABLE_ENTRY, MEAN_UNSIGNED))
FINISHES(root, EACH_REAL(RUNG_TABLE_ENTRY, ROOT))
FINISHES(logarithm, EACH_REAL(RUNG_TABLE_ENTRY, LOGARITHM))
FINISHES(shifted_log, EACH_REAL(RUNG_TABLE_ENTRY, SHIFTED_LOG))

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

static rung_status *run_reduce(rung_kernel_call *call, const rung_reducer *reducers,
                               const rung_reduce_finish *finishes) {
  const rung_tensor *x = rung_in(call, 0);
  size_t size = rung_dtype_size(x->dtype);
  rung_reduce plan;
  RUNG_TRY(make_plan(call, &plan));
  rung_reduce_run(call, &plan, &reducers[x->dtype], finishes[x->dtype], x->data, size, NULL, rung_out(call, 0)->data,
                  size, call->scratch);
  return NULL;
}

#define KERNEL(symbol, set, reducers, finishes)                                                             \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_reduce(call, reducers, finishes); } \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', set}}, .prepare = prepare_reduce, .run = run_##symbol};
KERNEL(ReduceL1, SUMMED, magnitudes, plain)
KERNEL(ReduceL2, SUMMED, real_squares, root)
KERNEL(ReduceLogSum, SUMMED, real_sum, logarithm)
KERNEL(ReduceMax, ORDERED, max, found)
KERNEL(ReduceMean, SUMMED, sum, mean)
KERNEL(ReduceMin, ORDERED, min, found)
KERNEL(ReduceProd, SUMMED, prod, plain)
KERNEL(ReduceSum, SUMMED, sum, plain)
KERNEL(ReduceSumSquare, SUMMED, squares, plain)

/* ReduceLogSumExp: the maxima first, so that no exponential overflows. They lie in scratch as accumulators.
 */

#define SHIFT(a, count, s) ((a) - (a) == 0 ? (a) : 0) /* finite */
EACH_REAL(RUNG_FINISH_WIDE, SHIFT)
FINISHES(shifts, EACH_REAL(RUNG_TABLE_ENTRY, SHIFT))

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
  size_t size = rung_dtype_size(x->dtype);
  rung_reduce plan;
  RUNG_TRY(make_plan(call, &plan));
  char *partials = call->scratch, *shift = partials + rung_reduce_scratch(&plan);
  const rung_reducer *r = &exponentials[x->dtype];
  rung_reduce_run(call, &plan, &real_max[x->dtype], shifts[x->dtype], x->data, size, NULL, shift, r->size, partials);
  rung_reduce_run(call, &plan, r, shifted_log[x->dtype], x->data, size, shift, rung_out(call, 0)->data, size, partials);
  return NULL;
}

const rung_kernel rung_cpu_ReduceLogSumExp = {
    .types = {{'T', SUMMED}}, .prepare = prepare_ReduceLogSumExp, .run = run_ReduceLogSumExp};
