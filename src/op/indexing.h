/* Operators that read or write elements where an index tensor says. */
#ifndef RUNG_OP_INDEXING_H
#define RUNG_OP_INDEXING_H

#include "op/op.h"

typedef struct rung_gather_params { /* also GatherElements */
  int64_t axis;
} rung_gather_params;

typedef struct rung_gather_nd_params {
  int64_t batch_dims;
} rung_gather_nd_params;

enum {
  RUNG_SCATTER_NONE,
  RUNG_SCATTER_ADD,
  RUNG_SCATTER_MUL,
  RUNG_SCATTER_MAX,
  RUNG_SCATTER_MIN,
  RUNG_SCATTER_REDUCTIONS
};

typedef struct rung_scatter_params { /* ScatterND has no axis */
  int64_t axis;
  int reduction; /* what happens to the element that is there */
} rung_scatter_params;

typedef struct rung_tensor_scatter_params {
  int64_t axis;
  int mode;
} rung_tensor_scatter_params;
enum { RUNG_TENSOR_SCATTER_LINEAR, RUNG_TENSOR_SCATTER_CIRCULAR };

#endif
