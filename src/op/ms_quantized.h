/* com.microsoft: operators on 8-bit integers with a scale. Each is the standard operator on the floats that they stand
 * for. */
#ifndef RUNG_OP_MS_QUANTIZED_H
#define RUNG_OP_MS_QUANTIZED_H

#include "op/normalize.h"
#include "op/pooling.h"
#include "op/reduction.h"

/* Each begins with the params of the standard operator. */
typedef struct rung_qlinear_softmax_params {
  rung_softmax_params softmax;
  int64_t opset;
} rung_qlinear_softmax_params;

typedef struct rung_qlinear_pool_params {
  rung_pool_params pool;
  int64_t channels_last;
} rung_qlinear_pool_params;

/* QLinearConcat: y_scale, y_zero_point, then for every part x, scale, zero_point */
enum { RUNG_QLINEAR_PARTS = 2 };

#endif
