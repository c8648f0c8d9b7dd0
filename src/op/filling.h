/* Operators that make tensors from little: constants, ranges, diagonals, one-hot rows. */
#ifndef RUNG_OP_FILLING_H
#define RUNG_OP_FILLING_H

#include "op/op.h"

typedef struct rung_constant_of_shape_params {
  const rung_value *value; /* one element; NULL: float 0 */
} rung_constant_of_shape_params;

typedef struct rung_range_params {
  int64_t stash_type; /* narrow floats are always computed in float32 */
} rung_range_params;

typedef struct rung_eye_like_params {
  int64_t dtype, k; /* dtype 0: that of the input */
} rung_eye_like_params;

typedef struct rung_trilu_params {
  int64_t upper;
} rung_trilu_params;

typedef struct rung_one_hot_params {
  int64_t axis;
} rung_one_hot_params;

/* Element `index` of a tensor of any number type. */
double rung_element_float(const rung_tensor *tensor, size_t index);
/* The same as an integer, floats towards zero; false for what does not fit, NaN among it. */
bool rung_element_int(const rung_tensor *tensor, size_t index, int64_t *out);

/* How many elements a Range has; each of the three is a tensor of one element. */
rung_status *rung_range_count(const rung_tensor *start, const rung_tensor *limit, const rung_tensor *delta,
                              int64_t *out_count) RUNG_MUST_CHECK;

#endif
