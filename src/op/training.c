#include "op/training.h"

#include "op/op_infer.h"

static rung_status *settle(const rung_node *node, rung_optimizer_params *p, uint32_t memories) {
  uint32_t kinds = 2 + memories, given = node->input_count - 2;
  RUNG_MODEL_REQUIRE(given && given % kinds == 0, "%u tensors are no groups of %u", given, kinds);
  p->memories = memories;
  p->tensors = given / kinds;
  RUNG_MODEL_REQUIRE(node->output_count <= p->tensors * (1 + memories), "%u outputs of %u tensors", node->output_count,
                     p->tensors);
  for (uint32_t i = 0; i < node->input_count; i++) RUNG_MODEL_REQUIRE(node->inputs[i], "input %u is left out", i);
  return NULL;
}

static rung_status *check_Adagrad(const rung_node *node, void *params) { return settle(node, params, 1); }
static rung_status *check_Adam(const rung_node *node, void *params) { return settle(node, params, 2); }
static rung_status *check_Momentum(const rung_node *node, void *params) { return settle(node, params, 1); }

/* Outputs are tensors and memories: inputs without the gradients. */
static rung_status *infer_optimizer(rung_infer *infer) {
  const rung_optimizer_params *p = infer->params;
  for (uint32_t i = 0; i < infer->output_count; i++) {
    uint32_t input = 2 + i + (i < p->tensors ? 0 : p->tensors);
    infer->outputs[i].dtype = rung_infer_input(infer, input)->dtype;
    rung_infer_same(infer, i, input);
  }
  return NULL;
}

#define FLOAT(member, value) RUNG_ATTR_FLOAT(rung_optimizer_params, member, value)
#define REQUIRED(member) \
  {.name = #member, .kind = RUNG_ATTR_KIND_FLOAT, .offset = offsetof(rung_optimizer_params, member), .required = true}

static const rung_attr adagrad_attrs[] = {
    FLOAT(decay_factor, 0), FLOAT(epsilon, 1e-6f), FLOAT(norm_coefficient, 0), {0}};
static const rung_attr adam_attrs[] = {FLOAT(alpha, 0.9f),
                                       FLOAT(beta, 0.999f),
                                       FLOAT(epsilon, 1e-6f),
                                       FLOAT(norm_coefficient, 0),
                                       FLOAT(norm_coefficient_post, 0),
                                       {0}};
static const rung_attr momentum_attrs[] = {REQUIRED(alpha),
                                           REQUIRED(beta),
                                           REQUIRED(norm_coefficient),
                                           {.name = "mode",
                                            .kind = RUNG_ATTR_KIND_CHOICE,
                                            .offset = offsetof(rung_optimizer_params, mode),
                                            .text = "standard|nesterov",
                                            .required = true},
                                           {0}};

#define OPTIMIZER(symbol, attrs)                                                                     \
  const rung_op rung_op_training_##symbol = {.name = #symbol,                                        \
                                             .domain = "ai.onnx.preview.training",                   \
                                             .since = 1,                                             \
                                             .signature = "R:R T:int64 inputs:X... -> outputs:X...", \
                                             .params_size = sizeof(rung_optimizer_params),           \
                                             .attributes = attrs,                                    \
                                             .check = check_##symbol,                                \
                                             .infer = infer_optimizer};
OPTIMIZER(Adagrad, adagrad_attrs)
OPTIMIZER(Adam, adam_attrs)
OPTIMIZER(Momentum, momentum_attrs)
