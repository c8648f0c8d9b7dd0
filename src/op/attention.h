/* Attention and what goes with it. */
#ifndef RUNG_OP_ATTENTION_H
#define RUNG_OP_ATTENTION_H

#include "op/op.h"

typedef enum rung_attention_stage { /* what output 3 shows */
                                    RUNG_ATTENTION_PRODUCT,
                                    RUNG_ATTENTION_CAPPED,
                                    RUNG_ATTENTION_MASKED,
                                    RUNG_ATTENTION_SOFTMAX,
} rung_attention_stage;

typedef struct rung_attention_params {
  int64_t is_causal, q_num_heads, kv_num_heads, qk_matmul_output_mode, softmax_precision;
  float scale; /* 0: 1 / sqrt(head size) */
  float softcap;
} rung_attention_params;

enum {
  RUNG_ATTENTION_Q,
  RUNG_ATTENTION_K,
  RUNG_ATTENTION_V,
  RUNG_ATTENTION_MASK,
  RUNG_ATTENTION_PAST_K,
  RUNG_ATTENTION_PAST_V,
  RUNG_ATTENTION_LENGTHS, /* opset 24 */
  RUNG_ATTENTION_INPUTS,
};

/* The sizes that operands agree upon; negative: unknown. Q, K and V are (batch, heads, length, head) or, with the
 * numbers of heads as attributes, (batch, length, heads * head). */
typedef struct rung_attention_sizes {
  int64_t batch, q_heads, kv_heads, q_length, kv_length, past, total; /* total: past + kv_length */
  int64_t head, v_head;
  bool flat; /* three dimensions */
} rung_attention_sizes;

/* `types`: those of the inputs, NULL for what is left out. */
rung_status *rung_attention_check(const rung_attention_params *params,
                                  const rung_type *const types[RUNG_ATTENTION_INPUTS],
                                  rung_attention_sizes *out_sizes) RUNG_MUST_CHECK;

/* FlexAttention: ai.onnx.preview's, with what it does to scores and probabilities as bodies. */
typedef struct rung_flex_attention_params {
  float scale;                      /* 1 / sqrt(head size) where the node has no such attribute */
  int64_t softmax_precision;        /* 0: float32, or float64 for operands of float64 */
  rung_graph *score_mod, *prob_mod; /* may be NULL; (batch, heads, length of Q, length of K) in and out */
} rung_flex_attention_params;

/* The element type of scores and probabilities for operands of `type`. */
rung_dtype rung_flex_attention_precision(const rung_flex_attention_params *params, rung_dtype type);

typedef struct rung_rotary_params {
  int64_t interleaved, num_heads, rotary_embedding_dim;
} rung_rotary_params;

#endif
