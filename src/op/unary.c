/* Functions of one element: elementary functions, classification, activations. The output is shaped like input 0. */
#include "op/elementwise.h"
#include "op/op_infer.h"

/* Elementary functions */

static const rung_attr no_attrs[] = {RUNG_ATTR_IGNORED("consumed_inputs"), {0}};

#define UNARY(symbol, version)                                 \
  const rung_op rung_op_##symbol = {.name = #symbol,           \
                                    .domain = "",              \
                                    .since = version,          \
                                    .signature = "X:T -> Y:T", \
                                    .attributes = no_attrs,    \
                                    .infer = rung_infer_elementwise};
UNARY(Abs, 1)
UNARY(Acos, 7)
UNARY(Acosh, 9)
UNARY(Asin, 7)
UNARY(Asinh, 9)
UNARY(Atan, 7)
UNARY(Atanh, 9)
UNARY(Ceil, 1)
UNARY(Cos, 7)
UNARY(Cosh, 9)
UNARY(Erf, 9)
UNARY(Exp, 1)
UNARY(Floor, 1)
UNARY(HardSwish, 14)
UNARY(Log, 1)
UNARY(Mish, 18)
UNARY(Neg, 1)
UNARY(Reciprocal, 1)
UNARY(Relu, 1)
UNARY(Round, 11)
UNARY(Sigmoid, 1)
UNARY(Sign, 9)
UNARY(Sin, 7)
UNARY(Sinh, 9)
UNARY(Softplus, 1)
UNARY(Softsign, 1)
UNARY(Sqrt, 1)
UNARY(Tan, 7)
UNARY(Tanh, 1)

/* Classification */

const rung_op rung_op_IsNaN = {
    .name = "IsNaN", .domain = "", .since = 9, .signature = "X:T -> Y:bool", .infer = rung_infer_elementwise};

static const rung_attr isinf_attrs[] = {
    RUNG_ATTR_INT(rung_isinf_params, detect_positive, 1), RUNG_ATTR_INT(rung_isinf_params, detect_negative, 1), {0}};

const rung_op rung_op_IsInf = {.name = "IsInf",
                               .domain = "",
                               .since = 10,
                               .signature = "X:T -> Y:bool",
                               .params_size = sizeof(rung_isinf_params),
                               .attributes = isinf_attrs,
                               .infer = rung_infer_elementwise};

/* Activations with attributes, two at most */

#define ALPHA(attribute, value) \
  {attribute, RUNG_ATTR_KIND_FLOAT, offsetof(rung_unary_params, alpha), .float_default = value}
#define BETA(attribute, value) \
  {attribute, RUNG_ATTR_KIND_FLOAT, offsetof(rung_unary_params, beta), .float_default = value}
#define ACTIVATION_OF(symbol, text, place, version, ...)                                              \
  static const rung_attr symbol##_attrs[] = {__VA_ARGS__, RUNG_ATTR_IGNORED("consumed_inputs"), {0}}; \
  const rung_op rung_op_##symbol = {.name = text,                                                     \
                                    .domain = place,                                                  \
                                    .since = version,                                                 \
                                    .signature = "X:T -> Y:T",                                        \
                                    .params_size = sizeof(rung_unary_params),                         \
                                    .attributes = symbol##_attrs,                                     \
                                    .infer = rung_infer_elementwise};
#define ACTIVATION(symbol, version, ...) ACTIVATION_OF(symbol, #symbol, "", version, __VA_ARGS__)

ACTIVATION(Celu, 12, ALPHA("alpha", 1))
ACTIVATION(Elu, 1, ALPHA("alpha", 1))
ACTIVATION(HardSigmoid, 1, ALPHA("alpha", 0.2f), BETA("beta", 0.5f))
ACTIVATION(LeakyRelu, 1, ALPHA("alpha", 0.01f))
ACTIVATION(Shrink, 9, ALPHA("lambd", 0.5f), BETA("bias", 0))
ACTIVATION(Swish, 24, ALPHA("alpha", 1))
ACTIVATION(ThresholdedRelu, 10, ALPHA("alpha", 1))
ACTIVATION_OF(ms_QuickGelu, "QuickGelu", "com.microsoft", 1, ALPHA("alpha", 1.702f))

/* The first version rounded the constants. */
static rung_status *check_Selu(const rung_node *node, void *params) {
  rung_unary_params *p = params;
  bool alpha = false, gamma = false;
  for (uint32_t i = 0; i < node->attribute_count; i++) {
    alpha |= strcmp(node->attributes[i].name, "alpha") == 0;
    gamma |= strcmp(node->attributes[i].name, "gamma") == 0;
  }
  if (node->version < 6 && !alpha) p->alpha = 1.6732f;
  if (node->version < 6 && !gamma) p->beta = 1.0507f;
  return NULL;
}

static const rung_attr Selu_attrs[] = {ALPHA("alpha", 1.67326319217681884765625f),
                                       BETA("gamma", 1.05070102214813232421875f),
                                       RUNG_ATTR_IGNORED("consumed_inputs"),
                                       {0}};

const rung_op rung_op_Selu = {.name = "Selu",
                              .domain = "",
                              .since = 1,
                              .signature = "X:T -> Y:T",
                              .params_size = sizeof(rung_unary_params),
                              .attributes = Selu_attrs,
                              .check = check_Selu,
                              .infer = rung_infer_elementwise};

static const rung_attr swiglu_attrs[] = {ALPHA("alpha", 1), {0}};

const rung_op rung_op_SwiGLU = {.name = "SwiGLU",
                                .domain = "",
                                .since = 28,
                                .signature = "A:T B:T -> Y:T",
                                .params_size = sizeof(rung_unary_params),
                                .attributes = swiglu_attrs,
                                .infer = rung_infer_broadcast_all};

/* Gelu and its relatives, which add a bias of the length of the last dimension first */

static const rung_attr gelu_attrs[] = {RUNG_ATTR_CHOICE(rung_gelu_params, approximate, "none|tanh"), {0}};

const rung_op rung_op_Gelu = {.name = "Gelu",
                              .domain = "",
                              .since = 20,
                              .signature = "X:T -> Y:T",
                              .params_size = sizeof(rung_gelu_params),
                              .attributes = gelu_attrs,
                              .infer = rung_infer_elementwise};

static rung_status *infer_bias(rung_infer *infer) {
  if (rung_infer_ranked(infer, 0) && rung_infer_ranked(infer, 1)) {
    const rung_type *x = rung_infer_input(infer, 0), *bias = rung_infer_input(infer, 1);
    RUNG_MODEL_REQUIRE(bias->rank == 1 && x->rank >= 1, "the bias has rank %d", bias->rank);
    int64_t length = x->dims[x->rank - 1];
    RUNG_MODEL_REQUIRE(RUNG_IS_SYMBOL(length) || RUNG_IS_SYMBOL(bias->dims[0]) || length == bias->dims[0],
                       "%lld biases for a last dimension of %lld", (long long)bias->dims[0], (long long)length);
  }
  return rung_infer_elementwise(infer);
}

const rung_op rung_op_ms_BiasGelu = {
    .name = "BiasGelu", .domain = "com.microsoft", .since = 1, .signature = "A:T B:T -> C:T", .infer = infer_bias};
const rung_op rung_op_ms_FastGelu = {
    .name = "FastGelu", .domain = "com.microsoft", .since = 1, .signature = "X:T bias:T? -> Y:T", .infer = infer_bias};

static rung_status *infer_BiasSplitGelu(rung_infer *infer) {
  RUNG_TRY(infer_bias(infer));
  const rung_type *x = rung_infer_input(infer, 0);
  if (x->rank < 0 || !rung_infer_wants(infer, 0)) return NULL;
  int64_t *last = &infer->outputs[0].dims[x->rank - 1];
  RUNG_MODEL_REQUIRE(x->rank >= 1 && (*last < 0 || *last % 2 == 0), "the last dimension, %lld, has no halves",
                     x->rank ? (long long)*last : 0);
  *last = *last < 0 ? rung_infer_symbol(infer) : *last / 2;
  return NULL;
}

const rung_op rung_op_ms_BiasSplitGelu = {.name = "BiasSplitGelu",
                                          .domain = "com.microsoft",
                                          .since = 1,
                                          .signature = "X:T bias:T -> Y:T",
                                          .infer = infer_BiasSplitGelu};
const rung_op rung_op_ms_BiasAdd = {.name = "BiasAdd",
                                    .domain = "com.microsoft",
                                    .since = 1,
                                    .signature = "X:T bias:T skip:T -> Y:T",
                                    .infer = infer_bias};
