#include "op/ms_quantized.h"

#include "op/elementwise.h"
#include "op/movement.h"
#include "op/op_infer.h"

extern const rung_op rung_op_Add, rung_op_AveragePool, rung_op_Concat, rung_op_GlobalAveragePool, rung_op_ReduceMean,
    rung_op_Softmax, rung_op_Where;

#define QLINEAR(symbol, places, size, attrs, checks)              \
  const rung_op rung_op_ms_##symbol = {.name = #symbol,           \
                                       .domain = "com.microsoft", \
                                       .since = 1,                \
                                       .signature = places,       \
                                       .params_size = size,       \
                                       .attributes = attrs,       \
                                       .check = checks,           \
                                       .infer = infer_##symbol};

/* Two operands */

static rung_status *infer_two(rung_infer *infer) {
  return rung_infer_as(infer, &rung_op_Add, (const uint32_t[]){0, 3}, 2, false);
}
#define infer_QLinearAdd infer_two
#define infer_QLinearMul infer_two
#define TWO                                                                                                  \
  "A:T A_scale:float32 A_zero_point:T? B:T B_scale:float32 B_zero_point:T? C_scale:float32 C_zero_point:T? " \
  "-> C:T"
QLINEAR(QLinearAdd, TWO, sizeof(rung_binary_params), NULL, NULL)
QLINEAR(QLinearMul, TWO, sizeof(rung_binary_params), NULL, NULL)

static rung_status *infer_QLinearWhere(rung_infer *infer) {
  return rung_infer_as(infer, &rung_op_Where, (const uint32_t[]){0, 1, 4}, 3, false);
}
QLINEAR(QLinearWhere,
        "condition:bool X:T x_scale:float32 x_zero_point:T Y:T y_scale:float32 y_zero_point:T z_scale:float32 "
        "z_zero_point:T -> Z:T",
        0, NULL, NULL)

/* One operand */

#define ONE "X:T X_scale:float32 X_zero_point:T? Y_scale:float32 Y_zero_point:T? -> Y:T"

static const rung_attr leaky_attrs[] = {RUNG_ATTR_FLOAT(rung_unary_params, alpha, 0.01f), {0}};
#define infer_QLinearSigmoid rung_infer_elementwise
#define infer_QLinearLeakyRelu rung_infer_elementwise
QLINEAR(QLinearSigmoid, ONE, sizeof(rung_unary_params), NULL, NULL)
QLINEAR(QLinearLeakyRelu, ONE, sizeof(rung_unary_params), leaky_attrs, NULL)

static rung_status *check_QLinearSoftmax(const rung_node *node, void *params) {
  (void)node;
  rung_qlinear_softmax_params *p = params;
  p->softmax.flat = p->opset < 13;
  return NULL;
}

static rung_status *infer_QLinearSoftmax(rung_infer *infer) {
  return rung_infer_as(infer, &rung_op_Softmax, (const uint32_t[]){0}, 1, false);
}

static const rung_attr softmax_attrs[] = {
    {"axis", RUNG_ATTR_KIND_INT, offsetof(rung_qlinear_softmax_params, softmax.axis), .int_default = -1},
    {"opset", RUNG_ATTR_KIND_INT, offsetof(rung_qlinear_softmax_params, opset), .required = true},
    {0}};
QLINEAR(QLinearSoftmax, ONE, sizeof(rung_qlinear_softmax_params), softmax_attrs, check_QLinearSoftmax)

static rung_status *infer_pool(rung_infer *infer, const rung_op *pool) {
  const rung_qlinear_pool_params *p = infer->params;
  return rung_infer_as(infer, pool, (const uint32_t[]){0}, 1, p->channels_last);
}
static rung_status *infer_QLinearAveragePool(rung_infer *infer) { return infer_pool(infer, &rung_op_AveragePool); }
static rung_status *infer_QLinearGlobalAveragePool(rung_infer *infer) {
  return infer_pool(infer, &rung_op_GlobalAveragePool);
}

static rung_status *check_pool(const rung_node *node, void *params) { return rung_op_AveragePool.check(node, params); }

static const rung_attr pool_attrs[] = {
    RUNG_WINDOW_ATTRS,
    {"ceil_mode", RUNG_ATTR_KIND_INT, offsetof(rung_window_params, ceil_mode)},
    {"count_include_pad", RUNG_ATTR_KIND_INT, offsetof(rung_qlinear_pool_params, pool.count_include_pad)},
    RUNG_ATTR_INT(rung_qlinear_pool_params, channels_last, 0),
    {0}};
static const rung_attr global_attrs[] = {RUNG_ATTR_INT(rung_qlinear_pool_params, channels_last, 0), {0}};
QLINEAR(QLinearAveragePool, ONE, sizeof(rung_qlinear_pool_params), pool_attrs, check_pool)
QLINEAR(QLinearGlobalAveragePool, ONE, sizeof(rung_qlinear_pool_params), global_attrs, NULL)

static rung_status *check_reduce(const rung_node *node, void *params) { return rung_op_ReduceMean.check(node, params); }

static rung_status *infer_QLinearReduceMean(rung_infer *infer) {
  return rung_infer_as(infer, &rung_op_ReduceMean, (const uint32_t[]){0}, 1, false);
}

static const rung_attr reduce_attrs[] = {
    {.name = "axes", .kind = RUNG_ATTR_KIND_INTS, .offset = offsetof(rung_reduce_params, axes), .required = true},
    {"keepdims", RUNG_ATTR_KIND_INT, offsetof(rung_reduce_params, keepdims), .int_default = 1, .required = true},
    {0}};
QLINEAR(QLinearReduceMean, ONE, sizeof(rung_reduce_params), reduce_attrs, check_reduce)

/* Many operands */

static rung_status *check_QLinearConcat(const rung_node *node, void *params) {
  (void)params;
  RUNG_MODEL_REQUIRE(node->input_count > RUNG_QLINEAR_PARTS && (node->input_count - RUNG_QLINEAR_PARTS) % 3 == 0,
                     "%u inputs are not a scale, a zero point, and three for every part", node->input_count);
  return NULL;
}

static rung_status *infer_QLinearConcat(rung_infer *infer) {
  uint32_t count = (infer->input_count - RUNG_QLINEAR_PARTS) / 3;
  uint32_t *parts = rung_arena_alloc(infer->arena, count, sizeof *parts);
  RUNG_CHECK_ALLOC(parts);
  for (uint32_t i = 0; i < count; i++) {
    parts[i] = RUNG_QLINEAR_PARTS + 3 * i;
    const rung_type *type = rung_infer_has(infer, parts[i]) ? rung_infer_input(infer, parts[i]) : NULL;
    RUNG_MODEL_REQUIRE(!type || !type->dtype || !infer->outputs[0].dtype || type->dtype == infer->outputs[0].dtype,
                       "input %u is %s, the zero point of the result %s", parts[i], rung_dtype_name(type->dtype),
                       rung_dtype_name(infer->outputs[0].dtype));
  }
  return rung_infer_as(infer, &rung_op_Concat, parts, count, false);
}

static const rung_attr concat_attrs[] = {
    {"axis", RUNG_ATTR_KIND_INT, offsetof(rung_concat_params, axis), .required = true}, {0}};
QLINEAR(QLinearConcat, "Y_scale:float32 Y_zero_point:T inputs:any?... -> Y:T", sizeof(rung_concat_params), concat_attrs,
        check_QLinearConcat)
