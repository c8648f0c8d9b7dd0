/* Operators that draw random numbers. */
#ifndef RUNG_OP_RANDOM_H
#define RUNG_OP_RANDOM_H

#include "op/op.h"

/* RandomUniform: first is `low`, second `high`; RandomNormal: `mean` and `scale`. */
typedef struct rung_random_params {
  float seed;
  float first, second;
  rung_ints shape;
  int64_t dtype; /* 0: that of the input */
  int64_t sample_size;
} rung_random_params;

typedef struct rung_dropout_params {
  int64_t seed;
  float ratio;     /* opset < 12; later input 1 */
  int64_t is_test; /* opset < 7 */
} rung_dropout_params;

#endif
