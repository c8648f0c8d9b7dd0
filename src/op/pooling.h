/* Pools: a window slides over each channel and leaves one number per position; or one number per channel. */
#ifndef RUNG_OP_POOLING_H
#define RUNG_OP_POOLING_H

#include "op/window.h"

typedef struct rung_pool_params { /* MaxPool, AveragePool, LpPool, MaxUnpool */
  rung_window_params window;
  int64_t count_include_pad, storage_order;
  int64_t p;
  float p_float; /* opset 1 */
} rung_pool_params;

/* MaxUnpool without the input `output_shape`: sizes of one dimension. */
rung_status *rung_unpool_axis_make(const rung_window_params *params, int32_t rank, int32_t axis, int64_t in,
                                   int64_t *out) RUNG_MUST_CHECK;

#endif
