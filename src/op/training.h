/* ai.onnx.preview.training: one step of an optimizer. Inputs are the rate R, the count T, then n tensors, their n
 * gradients and n tensors of each kind of memory; outputs the new tensors and memories. */
#ifndef RUNG_OP_TRAINING_H
#define RUNG_OP_TRAINING_H

#include "op/op.h"

typedef struct rung_optimizer_params { /* of all three: what one does not know is 0 */
  float alpha, beta, decay_factor, epsilon, norm_coefficient, norm_coefficient_post;
  int mode; /* Momentum: 0 standard, 1 Nesterov */
  /* settled: */
  uint32_t tensors, memories; /* n; kinds of memory */
} rung_optimizer_params;

#endif
