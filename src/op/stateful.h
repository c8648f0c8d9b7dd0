/* Layers that carry a state from call to call: LinearAttention, CausalConvWithState. */
#ifndef RUNG_OP_STATEFUL_H
#define RUNG_OP_STATEFUL_H

#include "op/op.h"

typedef enum rung_update_rule {
  RUNG_UPDATE_LINEAR,
  RUNG_UPDATE_GATED,
  RUNG_UPDATE_DELTA,
  RUNG_UPDATE_GATED_DELTA
} rung_update_rule;

typedef struct rung_linear_attention_params {
  int64_t q_num_heads, kv_num_heads, chunk_size;
  int64_t state_window; /* com.microsoft's: states after so many of the last tokens; 0: after the last, without a
                         * dimension that counts them */
  float scale;          /* 0: 1 / sqrt(size of a key) */
  int update_rule;
} rung_linear_attention_params;

enum {
  RUNG_LINEAR_Q,
  RUNG_LINEAR_K,
  RUNG_LINEAR_V,
  RUNG_LINEAR_PAST,
  RUNG_LINEAR_DECAY,
  RUNG_LINEAR_BETA,
  RUNG_LINEAR_INPUTS
};

/* Negative: unknown. */
typedef struct rung_linear_attention_sizes {
  int64_t batch, length, key, value; /* key, value: of one head */
  bool decay_per_key, beta_per_head;
} rung_linear_attention_sizes;

/* `types`: those of the inputs, NULL for what is left out. There may be more heads of the query than of keys, or the
 * other way round: one number divides the other. */
rung_status *rung_linear_attention_check(const rung_linear_attention_params *params,
                                         const rung_type *const types[RUNG_LINEAR_INPUTS],
                                         rung_linear_attention_sizes *out_sizes) RUNG_MUST_CHECK;

typedef struct rung_causal_conv_params {
  int activation;                                      /* 0: none, else x * sigmoid(x) */
  int64_t state_window, channels_last, dilation, ndim; /* com.microsoft's; dilation 0 is 1 */
} rung_causal_conv_params;

#endif
