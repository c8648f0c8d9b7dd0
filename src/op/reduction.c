#include "op/reduction.h"

#include "op/op_infer.h"

rung_status *rung_reduce_axes(const rung_reduce_params *params, const int64_t *axes, size_t count, int32_t rank,
                              bool reduced[RUNG_MAX_RANK]) {
  for (int32_t i = 0; i < rank; i++) reduced[i] = count == 0 && !params->noop_with_empty_axes;
  for (size_t i = 0; i < count; i++) {
    RUNG_MODEL_REQUIRE(axes[i] >= -rank && axes[i] < rank, "axis %lld is outside [%d, %d)", (long long)axes[i], -rank,
                       rank);
    reduced[axes[i] < 0 ? axes[i] + rank : axes[i]] = true;
  }
  return NULL;
}

static rung_status *shape_reduced(rung_infer *infer, const bool *reduced, bool keep) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank = 0;
  for (int32_t i = 0; i < type->rank; i++) {
    if (!reduced[i])
      dims[rank++] = type->dims[i];
    else if (keep)
      dims[rank++] = 1;
  }
  return rung_infer_shape(infer, 0, rank, dims);
}

static rung_status *infer_reduce(rung_infer *infer) {
  const rung_reduce_params *p = infer->params;
  int64_t axes[RUNG_MAX_RANK];
  uint32_t count;
  bool reduced[RUNG_MAX_RANK];
  if (!rung_infer_ranked(infer, 0)) return NULL;
  int32_t rank = rung_infer_input(infer, 0)->rank;
  if (!rung_infer_axes(infer, p->axes, 1, axes, &count)) return p->keepdims ? rung_infer_rank(infer, 0, rank) : NULL;
  RUNG_TRY(rung_reduce_axes(p, axes, count, rank, reduced));
  return shape_reduced(infer, reduced, p->keepdims);
}

/* Shape arithmetic: the number of elements as the product of dimensions, and the like. */
static rung_status *infer_with_known(rung_infer *infer, int64_t (*combine)(rung_infer *, int64_t, int64_t),
                                     int64_t identity) {
  enum { MOST = 32 };
  int64_t elements[MOST], result = identity;
  uint32_t count;
  RUNG_TRY(infer_reduce(infer));
  if (!rung_type_is_concrete(&infer->outputs[0]) || !rung_infer_elements(infer, 0, elements, MOST, &count)) return NULL;
  for (int32_t i = 0; i < infer->outputs[0].rank; i++)
    if (infer->outputs[0].dims[i] != 1) return NULL;
  for (uint32_t i = 0; i < count; i++) {
    if (elements[i] < 0 && !RUNG_IS_SYMBOL(elements[i])) return NULL;
    result = combine(infer, result, elements[i]);
  }
  rung_infer_known(infer, 0, &result, 1);
  return NULL;
}

static rung_status *infer_sum(rung_infer *infer) { return infer_with_known(infer, rung_infer_add, 0); }
static rung_status *infer_prod(rung_infer *infer) { return infer_with_known(infer, rung_infer_mul, 1); }

static rung_status *check_reduce(const rung_node *node, void *params) {
  (void)node;
  const rung_reduce_params *p = params;
  RUNG_REQUIRE(p->axes.count <= RUNG_MAX_RANK, INVALID_MODEL, "%zu axes are named, a tensor has at most %d",
               p->axes.count, RUNG_MAX_RANK);
  return NULL;
}

static const rung_attr reduce_attrs[] = {RUNG_ATTR_INTS_UNTIL(rung_reduce_params, axes, 17),
                                         RUNG_ATTR_INT(rung_reduce_params, keepdims, 1),
                                         RUNG_ATTR_INT(rung_reduce_params, noop_with_empty_axes, 0),
                                         {0}};

#define REDUCE(symbol, infer_function)                                              \
  const rung_op rung_op_##symbol = {.name = #symbol,                                \
                                    .domain = "",                                   \
                                    .since = 1,                                     \
                                    .signature = "data:T axes:int64? -> reduced:T", \
                                    .params_size = sizeof(rung_reduce_params),      \
                                    .attributes = reduce_attrs,                     \
                                    .check = check_reduce,                          \
                                    .infer = infer_function};
REDUCE(ReduceL1, infer_reduce)
REDUCE(ReduceL2, infer_reduce)
REDUCE(ReduceLogSum, infer_reduce)
REDUCE(ReduceLogSumExp, infer_reduce)
REDUCE(ReduceMax, infer_reduce)
REDUCE(ReduceMean, infer_reduce)
REDUCE(ReduceMin, infer_reduce)
REDUCE(ReduceProd, infer_prod)
REDUCE(ReduceSum, infer_sum)
REDUCE(ReduceSumSquare, infer_reduce)

/* ArgMax, ArgMin */

static rung_status *infer_arg_reduce(rung_infer *infer) {
  const rung_arg_reduce_params *p = infer->params;
  if (!rung_infer_ranked(infer, 0)) return NULL;
  bool reduced[RUNG_MAX_RANK] = {false};
  int32_t axis;
  RUNG_TRY(rung_infer_axis(infer, p->axis, rung_infer_input(infer, 0)->rank, &axis));
  reduced[axis] = true;
  return shape_reduced(infer, reduced, p->keepdims);
}

static const rung_attr arg_reduce_attrs[] = {RUNG_ATTR_INT(rung_arg_reduce_params, axis, 0),
                                             RUNG_ATTR_INT(rung_arg_reduce_params, keepdims, 1),
                                             RUNG_ATTR_INT(rung_arg_reduce_params, select_last_index, 0),
                                             {0}};

#define ARG_REDUCE(symbol)                                                         \
  const rung_op rung_op_##symbol = {.name = #symbol,                               \
                                    .domain = "",                                  \
                                    .since = 1,                                    \
                                    .signature = "data:T -> reduced:int64",        \
                                    .params_size = sizeof(rung_arg_reduce_params), \
                                    .attributes = arg_reduce_attrs,                \
                                    .infer = infer_arg_reduce};
ARG_REDUCE(ArgMax)
ARG_REDUCE(ArgMin)
