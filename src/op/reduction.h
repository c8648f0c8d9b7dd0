/* Reductions along axes: ReduceSum and its kin, ArgMax, ArgMin. */
#ifndef RUNG_OP_REDUCTION_H
#define RUNG_OP_REDUCTION_H

#include "op/op.h"

typedef struct rung_reduce_params {
  rung_ints axes; /* opset < 18 (ReduceSum: < 13); later input 1 */
  int64_t keepdims, noop_with_empty_axes;
} rung_reduce_params;

typedef struct rung_arg_reduce_params {
  int64_t axis, keepdims, select_last_index;
} rung_arg_reduce_params;

/* Which of `rank` dimensions go: those named, each in [-rank, rank); none named means all, or none when the
 * attribute noop_with_empty_axes says so. */
rung_status *rung_reduce_axes(const rung_reduce_params *params, const int64_t *axes, size_t count, int32_t rank,
                              bool reduced[RUNG_MAX_RANK]) RUNG_MUST_CHECK;

#endif
