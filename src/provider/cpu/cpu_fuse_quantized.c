/* Convolutions and products between DequantizeLinear and QuantizeLinear, on integers:
 *
 *     DequantizeLinear(x)  -> Conv | MatMul | Gemm  ->  + bias  ->  activation  ->  QuantizeLinear
 *     DequantizeLinear(w)  ->
 *
 * become QuantizedConv or QuantizedProduct. Scales and zero points are constant: one for x, one or one per output
 * channel (column) for w. The bias is constant, float32 or DequantizeLinear of int32; it, the activation and
 * QuantizeLinear may be missing: without the last, the step makes float32. */
#include "op/convolution.h"
#include "op/product.h"
#include "op/quantize.h"
#include "provider/cpu/cpu.h"
#include "provider/cpu/cpu_fuse.h"

extern const rung_kernel rung_cpu_QuantizedConv, rung_cpu_QuantizedProduct;

/* Inputs of the steps. Those of x and w are the inputs of their DequantizeLinear. */
enum { X = 0, W = 3, Y_SCALE = 6, Y_ZERO = 7, BIAS = 8, BIAS_SCALE = 9, OPERANDS = 10 };

typedef struct quantized_fusion {
  rung_fusion *walk;
  rung_value_info *inputs[OPERANDS];
  bool is_conv, transposed; /* w is (columns, k) */
} quantized_fusion;

static const rung_tensor *constant_of(const rung_value_info *value) {
  return value && value->constant && value->constant->kind == RUNG_TENSOR ? &value->constant->tensor : NULL;
}

static const rung_tensor *constant_input(const rung_node *node, uint32_t input) {
  return input < node->input_count ? constant_of(node->inputs[input]) : NULL;
}

static bool is_byte(const rung_value_info *value) {
  return value->type.dtype == RUNG_U8 || value->type.dtype == RUNG_I8;
}

/* Scale and zero point (which may be left out) are constant: single numbers, or one per index of `axis` (-1: none). */
static bool has_scales(const rung_node *node, int32_t axis) {
  const rung_quantize_params *p = node->params;
  const rung_tensor *scale = constant_input(node, 1), *zero = constant_input(node, 2);
  bool has_zero = node->input_count > 2 && node->inputs[2];
  if (!scale || scale->dtype != RUNG_F32 || p->block_size || (has_zero && !zero)) return false;
  if (has_zero && rung_tensor_count(zero) != rung_tensor_count(scale)) return false;
  int32_t rank = node->inputs[0]->type.rank;
  return rung_tensor_count(scale) == 1 ||
         (axis >= 0 && scale->rank == 1 && (p->axis < 0 ? p->axis + rank : p->axis) == axis);
}

/* The DequantizeLinear to float32 that makes `value`, or NULL. */
static const rung_node *dequantizer(const rung_value_info *value, int32_t axis) {
  const rung_node *node = value ? value->producer : NULL;
  bool fits = node && rung_fuse_is_op(node, "DequantizeLinear") && value->type.dtype == RUNG_F32;
  return fits && has_scales(node, axis) ? node : NULL;
}

static void take_operand(quantized_fusion *q, uint32_t at, const rung_node *dequantize) {
  for (uint32_t i = 0; i < 3 && i < dequantize->input_count; i++) q->inputs[at + i] = dequantize->inputs[i];
}

static bool is_list(const rung_tensor *t, rung_dtype dtype, int64_t length) {
  return t && t->dtype == dtype && t->rank == 1 && t->dims[0] == length;
}

/* A constant bias for the channels of `out`: float32, or int32 behind DequantizeLinear with zero point 0. */
static bool take_bias(quantized_fusion *q, rung_value_info *bias, const rung_type *out) {
  if (q->inputs[BIAS] || !bias || out->rank < 2) return false;
  int64_t channels = out->dims[q->is_conv ? 1 : out->rank - 1]; /* a symbol is no length of a tensor */
  if (is_list(constant_of(bias), RUNG_F32, channels)) {
    q->inputs[BIAS] = bias;
    return true;
  }
  const rung_node *node = dequantizer(bias, 0);
  const rung_tensor *zero = node ? constant_input(node, 2) : NULL;
  if (!node || !is_list(constant_input(node, 0), RUNG_I32, channels)) return false;
  for (size_t i = 0; zero && i < zero->size; i++)
    if (((const uint8_t *)zero->data)[i]) return false;
  q->inputs[BIAS] = node->inputs[0];
  q->inputs[BIAS_SCALE] = node->inputs[1];
  return true;
}

/* Gemm as Y = A B or A B' + a bias. */
static bool is_plain_gemm(const rung_node *gemm) {
  const rung_product_params *p = gemm->params;
  bool has_c = gemm->input_count > 2 && gemm->inputs[2];
  return p->transA == 0 && p->alpha == 1 && (!has_c || p->beta == 1);
}

/* Are all zero points the same? They are bytes. */
static bool is_uniform(const rung_tensor *zero) {
  const uint8_t *bytes = zero ? zero->data : NULL;
  for (size_t i = 1; zero && i < zero->size; i++)
    if (bytes[i] != bytes[0]) return false;
  return true;
}

static bool start(quantized_fusion *q) {
  const rung_node *node = q->walk->main;
  bool is_gemm = rung_fuse_is_op(node, "Gemm");
  q->is_conv = rung_fuse_is_op(node, "Conv");
  if (is_gemm && !is_plain_gemm(node)) return false;
  q->transposed = is_gemm && ((const rung_product_params *)node->params)->transB;
  int32_t rank = node->inputs[1]->type.rank, axis = q->is_conv || q->transposed ? 0 : rank - 1;
  if (!q->is_conv && (rank < 2 || node->inputs[0]->type.rank < 2)) return false;
  const rung_node *x = dequantizer(node->inputs[0], -1), *w = dequantizer(node->inputs[1], axis);
  if (!x || !w || !is_byte(x->inputs[0]) || !is_byte(w->inputs[0])) return false;
  /* Lists of zero points are for weights that are packed, and of one matrix. */
  bool listed = rung_tensor_count(constant_input(w, 1)) > 1;
  if (!constant_input(w, 0) && (q->is_conv || q->transposed || listed)) return false;
  if (listed && !q->is_conv && rank > 2) return false;
  /* The loops for several zero points read w as it lies. */
  if (q->transposed && !is_uniform(constant_input(w, 2))) return false;
  take_operand(q, X, x);
  take_operand(q, W, w);
  rung_value_info *bias = node->input_count > 2 ? node->inputs[2] : NULL;
  return !bias || take_bias(q, bias, &node->outputs[0]->type);
}

static bool take_add(quantized_fusion *q, const rung_node *add) {
  rung_value_info *sum = q->walk->output, *other = add->inputs[0] == sum ? add->inputs[1] : add->inputs[0];
  return rung_fuse_is_op(add, "Add") && add->version >= 7 && !q->is_conv &&
         take_bias(q, other, &q->walk->main->outputs[0]->type);
}

static bool take_quantizer(quantized_fusion *q, const rung_node *node) {
  if (!rung_fuse_is_op(node, "QuantizeLinear") || !is_byte(node->outputs[0]) || !has_scales(node, -1)) return false;
  const rung_quantize_params *p = node->params;
  rung_value_info *zero = node->input_count > 2 ? node->inputs[2] : NULL;
  if ((p->precision && p->precision != RUNG_F32) || (!zero && node->outputs[0]->type.dtype != RUNG_U8)) return false;
  q->inputs[Y_SCALE] = node->inputs[1];
  q->inputs[Y_ZERO] = zero;
  return true;
}

static void extend(quantized_fusion *q) {
  rung_fusion *walk = q->walk;
  uint32_t position;
  for (rung_node *next; !q->inputs[Y_SCALE] && (next = rung_fuse_next(walk, &position));) {
    bool active = walk->activation.kind != RUNG_ACTIVATION_NONE;
    bool fits =
        take_quantizer(q, next) || (!active && (take_add(q, next) || rung_fuse_activation(next, &walk->activation)));
    if (!fits) return;
    rung_fuse_take(walk, next, position);
  }
}

rung_status *rung_fuse_quantized(rung_fusion *walk, rung_arena *arena, rung_step *out) {
  quantized_fusion q = {.walk = walk};
  if (!start(&q)) return NULL;
  extend(&q);
  if (q.is_conv)
    return rung_fuse_step(walk, &rung_cpu_QuantizedConv, &rung_op_QuantizedConv, q.inputs, OPERANDS, arena, out);
  return rung_fuse_step(walk, &rung_cpu_QuantizedProduct, &rung_op_QuantizedProduct, q.inputs, OPERANDS, arena, out);
}
