#include "op/ms_moe.h"

#include "op/op_infer.h"

#include <math.h>

const rung_moe_layer_inputs rung_moe_inputs[RUNG_MOE_LAYERS] = {{2, 0, 3, 0}, {4, 0, 5, 0}, {6, 0, 7, 0}};
const rung_moe_layer_inputs rung_qmoe_inputs[RUNG_MOE_LAYERS] = {{2, 3, 4, 11}, {5, 6, 7, 12}, {8, 9, 10, 13}};

static rung_status *infer_moe(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0), *router = rung_infer_input(infer, 1);
  RUNG_MODEL_REQUIRE(x->rank < 0 || x->rank == 2 || x->rank == 3, "the input has rank %d, it must be 2 or 3", x->rank);
  RUNG_MODEL_REQUIRE(router->rank < 0 || router->rank == 2, "router_probs has rank %d, it must be 2", router->rank);
  return rung_infer_elementwise(infer);
}

static rung_status *check_moe(const rung_node *node, void *params) {
  const rung_moe_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->k >= 1 && p->k <= INT32_MAX, "k is %lld", (long long)p->k);
  RUNG_MODEL_REQUIRE(p->swiglu_fusion >= RUNG_SWIGLU_APART && p->swiglu_fusion <= RUNG_SWIGLU_HALVES,
                     "swiglu_fusion is %lld, it must be 0, 1 or 2", (long long)p->swiglu_fusion);
  return NULL;
}

static rung_status *check_qmoe(const rung_node *node, void *params) {
  rung_moe_params *p = params;
  RUNG_TRY(check_moe(node, params));
  const int64_t own[RUNG_MOE_LAYERS] = {p->fc1_expert_weight_bits, p->fc2_expert_weight_bits,
                                        p->fc3_expert_weight_bits};
  for (int i = 0; i < RUNG_MOE_LAYERS; i++) {
    p->bits[i] = own[i] ? own[i] : p->expert_weight_bits;
    RUNG_MODEL_REQUIRE(p->bits[i] == 2 || p->bits[i] == 4 || p->bits[i] == 8,
                       "weights of fc%d have %lld bits, they must have 2, 4 or 8", i + 1, (long long)p->bits[i]);
  }
  RUNG_MODEL_REQUIRE(p->block_size == 0 || (p->block_size >= 16 && p->block_size <= INT32_MAX &&
                                            (p->block_size & (p->block_size - 1)) == 0),
                     "block_size is %lld, it must be a power of two, 16 or more", (long long)p->block_size);
  return NULL;
}

#define MOE_ATTRS                                                                                                  \
  RUNG_ATTR_INT(rung_moe_params, k, 1), RUNG_ATTR_INT(rung_moe_params, normalize_routing_weights, 0),              \
      RUNG_ATTR_INT(rung_moe_params, use_sparse_mixer, 0), RUNG_ATTR_INT(rung_moe_params, swiglu_fusion, 0),       \
      RUNG_ATTR_FLOAT(rung_moe_params, activation_alpha, 1), RUNG_ATTR_FLOAT(rung_moe_params, activation_beta, 0), \
      RUNG_ATTR_FLOAT(rung_moe_params, swiglu_limit, INFINITY),                                                    \
      RUNG_ATTR_CHOICE(rung_moe_params, activation_type, "relu|gelu|silu|swiglu|identity")
static const rung_attr moe_attrs[] = {MOE_ATTRS, {0}};
static const rung_attr qmoe_attrs[] = {MOE_ATTRS,
                                       RUNG_ATTR_INT(rung_moe_params, block_size, 0),
                                       RUNG_ATTR_INT(rung_moe_params, expert_weight_bits, 4),
                                       RUNG_ATTR_INT(rung_moe_params, fc1_expert_weight_bits, 0),
                                       RUNG_ATTR_INT(rung_moe_params, fc2_expert_weight_bits, 0),
                                       RUNG_ATTR_INT(rung_moe_params, fc3_expert_weight_bits, 0),
                                       RUNG_ATTR_INT(rung_moe_params, accuracy_level, 0),
                                       RUNG_ATTR_INT(rung_moe_params, weights_prepacked, -1),
                                       RUNG_ATTR_CHOICE(rung_moe_params, quant_type, "int|fp4|nvfp4|fp8|wfp4afp8"),
                                       {0}};

const rung_op rung_op_ms_MoE = {
    .name = "MoE",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "input:T router_probs:T fc1_experts_weights:T fc1_experts_bias:T? fc2_experts_weights:T "
        "fc2_experts_bias:T? fc3_experts_weights:T? fc3_experts_bias:T? -> output:T",
    .params_size = sizeof(rung_moe_params),
    .attributes = moe_attrs,
    .check = check_moe,
    .infer = infer_moe};
const rung_op rung_op_ms_QMoE = {
    .name = "QMoE",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "input:T router_probs:T fc1_experts_weights:Q fc1_scales:S? fc1_experts_bias:T? fc2_experts_weights:Q "
        "fc2_scales:S? fc2_experts_bias:T? fc3_experts_weights:Q? fc3_scales:S? fc3_experts_bias:T? fc1_zero_points:Q? "
        "fc2_zero_points:Q? fc3_zero_points:Q? router_weights:T? fc1_global_scale:float32? fc2_global_scale:float32? "
        "fc1_act_scale:float32? fc2_act_scale:float32? fc1_act_block_scale:S? fc2_act_block_scale:S? -> output:T",
    .params_size = sizeof(rung_moe_params),
    .attributes = qmoe_attrs,
    .check = check_qmoe,
    .infer = infer_moe};
