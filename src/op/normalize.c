#include "op/normalize.h"

#include "op/op_infer.h"

/* Softmax, LogSoftmax, Hardmax */

static rung_status *infer_softmax(rung_infer *infer) {
  const rung_softmax_params *p = infer->params;
  int32_t axis;
  if (rung_infer_ranked(infer, 0)) RUNG_TRY(rung_infer_axis(infer, p->axis, rung_infer_input(infer, 0)->rank, &axis));
  rung_infer_same(infer, 0, 0);
  return NULL;
}

enum { NO_AXIS = INT32_MIN }; /* the default depends on the opset */

static rung_status *check_softmax(const rung_node *node, void *params) {
  rung_softmax_params *p = params;
  p->flat = node->version < 13;
  if (p->axis == NO_AXIS) p->axis = p->flat ? 1 : -1;
  return NULL;
}

static const rung_attr softmax_attrs[] = {RUNG_ATTR_INT(rung_softmax_params, axis, NO_AXIS), {0}};

#define SOFTMAX(symbol)                                                         \
  const rung_op rung_op_##symbol = {.name = #symbol,                            \
                                    .domain = "",                               \
                                    .since = 1,                                 \
                                    .signature = "input:T -> output:T",         \
                                    .params_size = sizeof(rung_softmax_params), \
                                    .attributes = softmax_attrs,                \
                                    .check = check_softmax,                     \
                                    .infer = infer_softmax};
SOFTMAX(Softmax)
SOFTMAX(LogSoftmax)
SOFTMAX(Hardmax)

/* Statistics have one element per channel. */
static rung_status *check_channels(const rung_infer *infer, uint32_t input, int64_t channels) {
  if (!rung_infer_ranked(infer, input)) return NULL;
  const rung_type *type = rung_infer_input(infer, input);
  RUNG_MODEL_REQUIRE(type->rank != 1 || type->dims[0] < 0 || channels < 0 || type->dims[0] == channels,
                     "input %u has %lld elements for %lld channels", input, (long long)type->dims[0],
                     (long long)channels);
  return NULL;
}

/* BatchNormalization */

static rung_status *infer_BatchNormalization(rung_infer *infer) {
  const rung_batch_norm_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  if (type->rank == 0) return RUNG_ERROR(INVALID_MODEL, "the input is a scalar, it must have a batch dimension");
  if (type->rank > 1 && p->spatial)
    for (uint32_t i = 1; i < infer->input_count; i++) RUNG_TRY(check_channels(infer, i, type->dims[1]));
  rung_infer_same(infer, 0, 0);
  for (uint32_t i = 1; i < infer->output_count; i++) rung_infer_same(infer, i, 3);
  return NULL;
}

/* Before opset 14, training is what the outputs ask for; before 7, what is not named a test. */
static rung_status *check_BatchNormalization(const rung_node *node, void *params) {
  rung_batch_norm_params *p = params;
  if (node->version < 7)
    p->training_mode = !p->is_test;
  else if (node->version < 14)
    p->training_mode = node->output_count > 1;
  RUNG_MODEL_REQUIRE(p->training_mode || node->output_count <= 1, "without training_mode there is one output, not %u",
                     node->output_count);
  return NULL;
}

static const rung_attr batch_norm_attrs[] = {
    RUNG_ATTR_FLOAT(rung_batch_norm_params, epsilon, 1e-5f),
    RUNG_ATTR_FLOAT(rung_batch_norm_params, momentum, 0.9f),
    RUNG_ATTR_INT(rung_batch_norm_params, training_mode, 0),
    {"is_test", RUNG_ATTR_KIND_INT, offsetof(rung_batch_norm_params, is_test), .until = 6},
    {"spatial", RUNG_ATTR_KIND_INT, offsetof(rung_batch_norm_params, spatial), .int_default = 1, .until = 8},
    RUNG_ATTR_IGNORED("consumed_inputs"),
    {0}};

const rung_op rung_op_BatchNormalization = {
    .name = "BatchNormalization",
    .domain = "",
    .since = 1,
    .signature =
        "X:T scale:S B:S input_mean:U input_var:U -> Y:T running_mean:U running_var:U saved_mean:U saved_var:U",
    .params_size = sizeof(rung_batch_norm_params),
    .attributes = batch_norm_attrs,
    .check = check_BatchNormalization,
    .infer = infer_BatchNormalization};

/* LayerNormalization, RMSNormalization */

static rung_status *infer_layer_norm(rung_infer *infer) {
  const rung_layer_norm_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  int32_t axis;
  for (uint32_t i = 1; i < infer->output_count; i++) infer->outputs[i].dtype = (rung_dtype)p->stash_type;
  if (type->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, type->rank, &axis));
  rung_infer_same(infer, 0, 0);
  for (int32_t i = 0; i < type->rank; i++) dims[i] = i < axis ? type->dims[i] : 1;
  for (uint32_t i = 1; i < infer->output_count; i++) RUNG_TRY(rung_infer_shape(infer, i, type->rank, dims));
  return NULL;
}

static rung_status *check_stash_type(int64_t type) {
  RUNG_MODEL_REQUIRE(type == RUNG_F32 || type == RUNG_F64 || type == RUNG_F16 || type == RUNG_BF16,
                     "stash_type %lld is no floating-point type", (long long)type);
  return NULL;
}

static rung_status *check_layer_norm(const rung_node *node, void *params) {
  (void)node;
  return check_stash_type(((const rung_layer_norm_params *)params)->stash_type);
}

static const rung_attr layer_norm_attrs[] = {RUNG_ATTR_INT(rung_layer_norm_params, axis, -1),
                                             RUNG_ATTR_INT(rung_layer_norm_params, stash_type, RUNG_F32),
                                             RUNG_ATTR_FLOAT(rung_layer_norm_params, epsilon, 1e-5f),
                                             {0}};

#define LAYER_NORM(symbol, version, places)                                        \
  const rung_op rung_op_##symbol = {.name = #symbol,                               \
                                    .domain = "",                                  \
                                    .since = version,                              \
                                    .signature = places,                           \
                                    .params_size = sizeof(rung_layer_norm_params), \
                                    .attributes = layer_norm_attrs,                \
                                    .check = check_layer_norm,                     \
                                    .infer = infer_layer_norm};
LAYER_NORM(LayerNormalization, 1, "X:T Scale:S B:S? -> Y:T Mean:U InvStdDev:U")
LAYER_NORM(RMSNormalization, 23, "X:T scale:V -> Y:V")

/* InstanceNormalization, GroupNormalization */

static rung_status *infer_group_norm(rung_infer *infer) {
  const rung_group_norm_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  rung_infer_same(infer, 0, 0);
  if (type->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(type->rank >= 2, "the input has rank %d, it must be at least 2", type->rank);
  int64_t channels = type->dims[1], groups = p->num_groups ? p->num_groups : channels;
  RUNG_MODEL_REQUIRE(channels < 0 || groups < 0 || (groups && channels % groups == 0) || groups == channels,
                     "%lld channels cannot be divided into %lld groups", (long long)channels, (long long)groups);
  for (uint32_t i = 1; i < infer->input_count; i++)
    RUNG_TRY(check_channels(infer, i, p->per_group ? groups : channels));
  return NULL;
}

static rung_status *check_group_norm(const rung_node *node, void *params) {
  rung_group_norm_params *p = params;
  RUNG_MODEL_REQUIRE(p->num_groups > 0, "num_groups is %lld, it must be positive", (long long)p->num_groups);
  p->per_group = node->version < 21;
  return check_stash_type(p->stash_type);
}

static const rung_attr instance_norm_attrs[] = {
    RUNG_ATTR_FLOAT(rung_group_norm_params, epsilon, 1e-5f), RUNG_ATTR_IGNORED("consumed_inputs"), {0}};

const rung_op rung_op_InstanceNormalization = {.name = "InstanceNormalization",
                                               .domain = "",
                                               .since = 1,
                                               .signature = "input:T scale:T B:T -> output:T",
                                               .params_size = sizeof(rung_group_norm_params),
                                               .attributes = instance_norm_attrs,
                                               .infer = infer_group_norm};

static const rung_attr group_norm_attrs[] = {
    {"num_groups", RUNG_ATTR_KIND_INT, offsetof(rung_group_norm_params, num_groups), .required = true},
    RUNG_ATTR_INT(rung_group_norm_params, stash_type, RUNG_F32),
    RUNG_ATTR_FLOAT(rung_group_norm_params, epsilon, 1e-5f),
    {0}};

const rung_op rung_op_GroupNormalization = {.name = "GroupNormalization",
                                            .domain = "",
                                            .since = 18,
                                            .signature = "X:T scale:T bias:T -> Y:T",
                                            .params_size = sizeof(rung_group_norm_params),
                                            .attributes = group_norm_attrs,
                                            .check = check_group_norm,
                                            .infer = infer_group_norm};

/* com.microsoft's GroupNorm: channels last, perhaps, and silu behind */

static rung_status *check_GroupNorm(const rung_node *node, void *params) {
  const rung_group_norm_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->num_groups > 0, "groups is %lld, it must be positive", (long long)p->num_groups);
  RUNG_MODEL_REQUIRE(p->activation == 0 || p->activation == 1, "activation is %lld, it must be 0 or 1",
                     (long long)p->activation);
  return NULL;
}

static rung_status *infer_GroupNorm(rung_infer *infer) {
  const rung_group_norm_params *p = infer->params;
  return rung_infer_as(infer, &rung_op_GroupNormalization, (const uint32_t[]){0, 1, 2}, 3, p->channels_last);
}

static const rung_attr ms_group_norm_attrs[] = {
    {"groups", RUNG_ATTR_KIND_INT, offsetof(rung_group_norm_params, num_groups), .required = true},
    {"activation", RUNG_ATTR_KIND_INT, offsetof(rung_group_norm_params, activation), .required = true},
    RUNG_ATTR_INT(rung_group_norm_params, channels_last, 1),
    RUNG_ATTR_FLOAT(rung_group_norm_params, epsilon, 1e-5f),
    {0}};

const rung_op rung_op_ms_GroupNorm = {.name = "GroupNorm",
                                      .domain = "com.microsoft",
                                      .since = 1,
                                      .signature = "X:T gamma:M beta:M -> Y:T",
                                      .params_size = sizeof(rung_group_norm_params),
                                      .attributes = ms_group_norm_attrs,
                                      .check = check_GroupNorm,
                                      .infer = infer_GroupNorm};

/* LpNormalization */

static rung_status *infer_LpNormalization(rung_infer *infer) {
  const rung_lp_norm_params *p = infer->params;
  int32_t axis;
  if (rung_infer_ranked(infer, 0)) RUNG_TRY(rung_infer_axis(infer, p->axis, rung_infer_input(infer, 0)->rank, &axis));
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static rung_status *check_LpNormalization(const rung_node *node, void *params) {
  (void)node;
  int64_t p = ((const rung_lp_norm_params *)params)->p;
  RUNG_MODEL_REQUIRE(p == 1 || p == 2, "p is %lld, it must be 1 or 2", (long long)p);
  return NULL;
}

static const rung_attr lp_norm_attrs[] = {
    RUNG_ATTR_INT(rung_lp_norm_params, axis, -1), RUNG_ATTR_INT(rung_lp_norm_params, p, 2), {0}};

const rung_op rung_op_LpNormalization = {.name = "LpNormalization",
                                         .domain = "",
                                         .since = 1,
                                         .signature = "input:T -> output:T",
                                         .params_size = sizeof(rung_lp_norm_params),
                                         .attributes = lp_norm_attrs,
                                         .check = check_LpNormalization,
                                         .infer = infer_LpNormalization};

/* MeanVarianceNormalization */

static rung_status *infer_MeanVarianceNormalization(rung_infer *infer) {
  const rung_mean_variance_params *p = infer->params;
  for (size_t i = 0; i < p->axes.count && rung_infer_ranked(infer, 0); i++) {
    int32_t axis;
    RUNG_TRY(rung_infer_axis(infer, p->axes.at[i], rung_infer_input(infer, 0)->rank, &axis));
  }
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr mean_variance_attrs[] = {RUNG_ATTR_INTS(rung_mean_variance_params, axes), {0}};

const rung_op rung_op_MeanVarianceNormalization = {.name = "MeanVarianceNormalization",
                                                   .domain = "",
                                                   .since = 9,
                                                   .signature = "X:T -> Y:T",
                                                   .params_size = sizeof(rung_mean_variance_params),
                                                   .attributes = mean_variance_attrs,
                                                   .infer = infer_MeanVarianceNormalization};

/* LRN */

static rung_status *check_LRN(const rung_node *node, void *params) {
  (void)node;
  const rung_lrn_params *p = params;
  RUNG_MODEL_REQUIRE(p->size > 0, "size is %lld, it must be positive", (long long)p->size);
  return NULL;
}

static const rung_attr lrn_attrs[] = {RUNG_ATTR_FLOAT(rung_lrn_params, alpha, 1e-4f),
                                      RUNG_ATTR_FLOAT(rung_lrn_params, beta, 0.75f),
                                      RUNG_ATTR_FLOAT(rung_lrn_params, bias, 1.0f),
                                      {"size", RUNG_ATTR_KIND_INT, offsetof(rung_lrn_params, size), .required = true},
                                      {0}};

const rung_op rung_op_LRN = {.name = "LRN",
                             .domain = "",
                             .since = 1,
                             .signature = "X:T -> Y:T",
                             .params_size = sizeof(rung_lrn_params),
                             .attributes = lrn_attrs,
                             .check = check_LRN,
                             .infer = rung_infer_elementwise};
