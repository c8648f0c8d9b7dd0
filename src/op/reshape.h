/* Operators that change a tensor's dimensions and not its bytes, or speak of its shape. */
#ifndef RUNG_OP_RESHAPE_H
#define RUNG_OP_RESHAPE_H

#include "op/op.h"

typedef struct rung_reshape_params {
  int64_t allowzero;
  rung_ints shape; /* opset < 5 */
} rung_reshape_params;

typedef struct rung_flatten_params {
  int64_t axis;
} rung_flatten_params;

typedef struct rung_axes_params { /* Squeeze, Unsqueeze */
  rung_ints axes;                 /* opset < 13; later input 1 */
} rung_axes_params;

typedef struct rung_shape_params {
  int64_t start, end; /* opset >= 15 */
} rung_shape_params;

#endif
