/* Operators that make elements comparable with their neighbours: softmax and normalisations. */
#ifndef RUNG_OP_NORMALIZE_H
#define RUNG_OP_NORMALIZE_H

#include "op/op.h"

typedef struct rung_softmax_params {
  int64_t axis;
  bool flat; /* opset < 13: one row is everything from the axis on */
} rung_softmax_params;

typedef struct rung_batch_norm_params {
  float epsilon, momentum;
  int64_t training_mode;
  int64_t is_test; /* opset < 7 */
  int64_t spatial; /* opset < 9; 0: statistics for every element of a sample, not for every channel */
} rung_batch_norm_params;

typedef struct rung_layer_norm_params { /* LayerNormalization, RMSNormalization */
  int64_t axis, stash_type;
  float epsilon;
} rung_layer_norm_params;

typedef struct rung_group_norm_params { /* InstanceNormalization: as many groups as channels */
  int64_t num_groups, stash_type;
  float epsilon;
  bool per_group; /* scale and bias are, opset < 21 */
  /* com.microsoft's GroupNorm */
  int64_t activation; /* 1: silu */
  int64_t channels_last;
} rung_group_norm_params;

typedef struct rung_lp_norm_params {
  int64_t axis, p;
} rung_lp_norm_params;

typedef struct rung_mean_variance_params {
  rung_ints axes; /* none: 0, 2, 3 */
} rung_mean_variance_params;

typedef struct rung_lrn_params {
  float alpha, beta, bias;
  int64_t size;
} rung_lrn_params;

#endif
