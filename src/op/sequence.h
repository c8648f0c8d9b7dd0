/* Sequences and optionals. */
#ifndef RUNG_OP_SEQUENCE_H
#define RUNG_OP_SEQUENCE_H

#include "op/op.h"

typedef struct rung_sequence_empty_params {
  int64_t dtype;
} rung_sequence_empty_params;

typedef struct rung_concat_sequence_params {
  int64_t axis, new_axis;
} rung_concat_sequence_params;

typedef struct rung_split_sequence_params {
  int64_t axis, keepdims;
} rung_split_sequence_params;

typedef struct rung_optional_params {
  const rung_type *type; /* of the element that is not there */
} rung_optional_params;

#endif
