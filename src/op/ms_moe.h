/* com.microsoft: mixtures of experts, MoE and QMoE.
 *
 * Tokens are rows of X (tokens, hidden), or of (batch, length, hidden). A token goes to the k experts that the router
 * rates highest, and what they make of it is added, weighed by softmax of the ratings:
 *
 *     y = W2 f(W1 x + b1) + b2        or, with W3:        y = W2 (f(W1 x + b1) * (W3 x + b3)) + b2
 *
 * With swiglu fused, rows of W1 are gates and values in turn, or all gates before all values. */
#ifndef RUNG_OP_MS_MOE_H
#define RUNG_OP_MS_MOE_H

#include "op/op.h"

enum { RUNG_MOE_RELU, RUNG_MOE_GELU, RUNG_MOE_SILU, RUNG_MOE_SWIGLU, RUNG_MOE_IDENTITY }; /* activation_type */
enum { RUNG_SWIGLU_APART, RUNG_SWIGLU_IN_TURN, RUNG_SWIGLU_HALVES };                      /* swiglu_fusion */

enum { RUNG_MOE_LAYERS = 3 };

typedef struct rung_moe_params {
  int64_t k, normalize_routing_weights, use_sparse_mixer, swiglu_fusion;
  float activation_alpha, activation_beta, swiglu_limit; /* limit: infinity: none */
  int activation_type;
  /* QMoE */
  int64_t block_size; /* along K; 0: a row has one scale */
  int64_t expert_weight_bits, fc1_expert_weight_bits, fc2_expert_weight_bits, fc3_expert_weight_bits; /* 0: the first */
  int64_t accuracy_level, weights_prepacked;
  int quant_type;                /* 0: int */
  int64_t bits[RUNG_MOE_LAYERS]; /* settled */
} rung_moe_params;

/* Inputs of either, 0 where it has none: X is input 0, the router 1. */
typedef struct rung_moe_layer_inputs {
  uint32_t weights, scales, bias, zeros;
} rung_moe_layer_inputs;
extern const rung_moe_layer_inputs rung_moe_inputs[RUNG_MOE_LAYERS], rung_qmoe_inputs[RUNG_MOE_LAYERS];
enum { RUNG_QMOE_ROUTER_WEIGHTS = 14, RUNG_QMOE_OTHERS };

#endif
