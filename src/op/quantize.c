#include "op/quantize.h"

/* Can `number` be the element type of an output? */
static rung_status *check_dtype(const char *name, int64_t number, rung_dtypes allowed) {
  RUNG_MODEL_REQUIRE(number == 0 || (number > 0 && number < 32 && (allowed & RUNG_SET(number))),
                     "attribute \"%s\" is %lld (%s)", name, (long long)number,
                     rung_dtype_name((rung_dtype)RUNG_CLAMP(number, 0, 1000)));
  return NULL;
}

static rung_status *check_block(const rung_quantize_params *p) {
  RUNG_MODEL_REQUIRE(p->block_size >= 0, "attribute \"block_size\" is %lld", (long long)p->block_size);
  return NULL;
}

static rung_status *check_QuantizeLinear(const rung_node *node, void *params) {
  const rung_quantize_params *p = params;
  (void)node;
  RUNG_TRY(check_dtype("output_dtype", p->output_dtype,
                       RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I16) | RUNG_SET(RUNG_U16) |
                           (RUNG_SET_FLOAT8 & ~RUNG_SET(RUNG_F8E8M0)) | RUNG_SET_PACKED));
  RUNG_TRY(check_dtype("precision", p->precision, RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16)));
  return check_block(p);
}

static rung_status *check_DequantizeLinear(const rung_node *node, void *params) {
  const rung_quantize_params *p = params;
  (void)node;
  RUNG_TRY(check_dtype("output_dtype", p->output_dtype, RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16)));
  return check_block(p);
}

static rung_status *infer_QuantizeLinear(rung_infer *infer) {
  const rung_quantize_params *p = infer->params;
  rung_dtype *dtype = &infer->outputs[0].dtype;
  if (rung_infer_has(infer, 2))
    RUNG_MODEL_REQUIRE(!p->output_dtype || !*dtype || p->output_dtype == (int64_t)*dtype,
                       "attribute \"output_dtype\" is %s, the zero point %s",
                       rung_dtype_name((rung_dtype)p->output_dtype), rung_dtype_name(*dtype));
  else
    *dtype = p->output_dtype ? (rung_dtype)p->output_dtype : RUNG_U8;
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static rung_status *infer_DequantizeLinear(rung_infer *infer) {
  const rung_quantize_params *p = infer->params;
  rung_dtype *dtype = &infer->outputs[0].dtype;
  if (p->output_dtype) *dtype = (rung_dtype)p->output_dtype;
  RUNG_MODEL_REQUIRE(*dtype != RUNG_F8E8M0, "a scale of type float8e8m0 needs attribute \"output_dtype\"");
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr quantize_attrs[] = {
    RUNG_ATTR_INT(rung_quantize_params, axis, 1),       RUNG_ATTR_INT(rung_quantize_params, saturate, 1),
    RUNG_ATTR_INT(rung_quantize_params, block_size, 0), RUNG_ATTR_INT(rung_quantize_params, output_dtype, 0),
    RUNG_ATTR_INT(rung_quantize_params, precision, 0),  {0}};

#define QUANTIZE_OP(symbol, what, places)                                        \
  const rung_op rung_op_##symbol = {.name = #symbol,                             \
                                    .domain = "",                                \
                                    .since = 10,                                 \
                                    .flags = what,                               \
                                    .signature = places,                         \
                                    .params_size = sizeof(rung_quantize_params), \
                                    .attributes = quantize_attrs,                \
                                    .check = check_##symbol,                     \
                                    .infer = infer_##symbol};
QUANTIZE_OP(QuantizeLinear, 0, "x:X y_scale:S y_zero_point:Z? -> y:Z")
QUANTIZE_OP(DequantizeLinear, RUNG_OP_STAYS, "x:X x_scale:S x_zero_point:X? -> y:S")

rung_status *rung_quantize_layout_make(const rung_quantize_params *p, const rung_tensor *x, const rung_tensor *scale,
                                       rung_quantize_layout *out) {
  size_t scales = rung_tensor_count(scale);
  *out = (rung_quantize_layout){.outer = 1, .length = (int64_t)rung_tensor_count(x), .inner = 1};
  out->block = RUNG_MAX(out->length, 1);
  if (scales == 1 && p->block_size == 0) return NULL; /* one scale for all; a list of one counts as well */
  RUNG_MODEL_REQUIRE(p->axis >= -x->rank && p->axis < x->rank, "axis %lld is outside [%d, %d)", (long long)p->axis,
                     -x->rank, x->rank);
  int32_t axis = (int32_t)(p->axis < 0 ? p->axis + x->rank : p->axis);
  out->outer = rung_tensor_span(x, 0, axis);
  out->length = x->dims[axis];
  out->inner = rung_tensor_span(x, axis + 1, x->rank);
  if (p->block_size == 0) {
    RUNG_MODEL_REQUIRE(scale->rank == 1 && scale->dims[0] == out->length, "%zu scales for %lld slices along axis %d",
                       scales, (long long)out->length, axis);
    out->block = out->block_step = 1;
    return NULL;
  }
  out->block = p->block_size;
  int64_t blocks = out->length / out->block + (out->length % out->block != 0);
  RUNG_MODEL_REQUIRE(scale->rank == x->rank, "scale of rank %d for blocks of a tensor of rank %d", scale->rank,
                     x->rank);
  for (int32_t i = 0; i < x->rank; i++)
    RUNG_MODEL_REQUIRE(scale->dims[i] == (i == axis ? blocks : x->dims[i]), "dimension %d of the scale is %lld", i,
                       (long long)scale->dims[i]);
  out->inner_step = 1;
  out->block_step = out->inner;
  out->outer_step = out->inner * blocks;
  return NULL;
}

/* DynamicQuantizeLinear */

static rung_status *infer_DynamicQuantizeLinear(rung_infer *infer) {
  rung_infer_same(infer, 0, 0);
  RUNG_TRY(rung_infer_shape(infer, 1, 0, NULL));
  return rung_infer_shape(infer, 2, 0, NULL);
}

const rung_op rung_op_DynamicQuantizeLinear = {.name = "DynamicQuantizeLinear",
                                               .domain = "",
                                               .since = 11,
                                               .signature = "x:float32 -> y:uint8 y_scale:float32 y_zero_point:uint8",
                                               .infer = infer_DynamicQuantizeLinear};
