/* Operators that choose elements by what they are: largest, different, not zero, marked. And running totals. */
#ifndef RUNG_OP_SELECTION_H
#define RUNG_OP_SELECTION_H

#include "op/op.h"

#define RUNG_NO_AXIS INT64_MIN /* the tensor is taken as one row */

typedef struct rung_compress_params {
  int64_t axis; /* or RUNG_NO_AXIS */
} rung_compress_params;

typedef struct rung_unique_params {
  int64_t axis; /* or RUNG_NO_AXIS */
  int64_t sorted;
} rung_unique_params;

typedef struct rung_top_k_params {
  int64_t axis, largest, sorted;
  int64_t k; /* opset < 10; later input 1 */
} rung_top_k_params;

typedef struct rung_cumulative_params {
  int64_t exclusive, reverse;
} rung_cumulative_params;

#endif
