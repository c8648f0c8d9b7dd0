/* Fusion walks the nodes once. From each convolution or product it goes along the chain of nodes that alone read what
 * came before, as far as they fit. The fused step stands where the last of them stood, when all its operands are there.
 *
 *     Conv | MatMul | Gemm  ->  + bias (constant, one per channel)  ->  + residual  ->  activation
 *
 * A convolution between DequantizeLinear and QuantizeLinear becomes QLinearConv, on integers:
 *
 *     DequantizeLinear(x), (w constant), (b constant)  ->  Conv  ->  Relu?  ->  QuantizeLinear
 *
 * Steps that nobody reads any more (a DequantizeLinear whose readers were all fused) are dropped in the end. */
#include "provider/cpu/cpu_fuse.h"

#include "op/convolution.h"
#include "op/elementwise.h"
#include "op/product.h"
#include "op/quantize.h"
#include "provider/cpu/cpu.h"

#include <math.h>

extern const rung_kernel rung_cpu_FusedProduct;
extern const rung_op rung_op_ms_FusedConv, rung_op_QLinearConv;

enum { BIAS = 2, RESIDUAL = 3, OPERANDS = 4 }; /* inputs of the fused operators */

typedef struct fusion {
  const rung_graph *island;
  const bool *taken; /* per position: another step has the node */
  rung_node *main;
  rung_value_info *inputs[OPERANDS];
  rung_value_info *output;
  rung_activation activation;
  bool adds_bias; /* that the main node does not have */
  uint32_t last;  /* position of the last node that is taken in */
} fusion;

/* Chains */

static bool leaves(const rung_graph *island, const rung_value_info *value) {
  for (uint32_t i = 0; i < island->output_count; i++)
    if (island->outputs[i] == value) return true;
  return false;
}

/* The one node that reads `value`, at or behind `from`; NULL when there are more readers, or it leaves the island. */
static rung_node *only_reader(const rung_graph *island, const rung_value_info *value, uint32_t from,
                              uint32_t *out_position) {
  if (value->uses != 1 || leaves(island, value)) return NULL;
  for (uint32_t n = from; n < island->node_count; n++)
    for (uint32_t i = 0; i < island->nodes[n]->input_count; i++)
      if (island->nodes[n]->inputs[i] == value) {
        *out_position = n;
        return island->nodes[n];
      }
  return NULL;
}

static bool is_op(const rung_node *node, const char *name) {
  return node->op && !node->domain[0] && strcmp(node->op_type, name) == 0;
}

static bool same_shape(const rung_type *a, const rung_type *b) {
  return a->kind == RUNG_TENSOR && b->kind == RUNG_TENSOR && a->dtype == b->dtype && a->rank >= 0 &&
         a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

/* Parts */

/* A constant with one element per channel (axis 1 of a convolution's output, the last of a product's). */
static bool is_channel_bias(const rung_value_info *value, const rung_type *out, int32_t axis) {
  if (!value || !value->constant || value->constant->kind != RUNG_TENSOR || out->rank < 1) return false;
  const rung_tensor *t = &value->constant->tensor;
  if (t->dtype != out->dtype || t->rank > out->rank || RUNG_IS_SYMBOL(out->dims[axis])) return false;
  for (int32_t i = 0; i < t->rank; i++) {
    int32_t at = i + out->rank - t->rank;
    if (t->dims[i] != (at == axis ? out->dims[axis] : 1)) return false;
  }
  return rung_tensor_count(t) == (size_t)out->dims[axis];
}

static bool take_add(fusion *f, const rung_node *add) {
  rung_value_info *other = add->inputs[0] == f->output ? add->inputs[1] : add->inputs[0];
  bool is_conv = is_op(f->main, "Conv");
  const rung_type *out = &f->output->type;
  if (!is_op(add, "Add") || add->opset < 7 || f->inputs[RESIDUAL] || out->dtype != RUNG_F32) return false;
  if (!same_shape(out, &add->outputs[0]->type)) return false;
  /* Conv reads its bias as a vector; a product broadcasts it, so any constant row serves. */
  bool as_vector = other && other->constant && other->constant->tensor.rank == 1;
  if (!f->inputs[BIAS] && !f->inputs[RESIDUAL] && !is_conv && as_vector && is_channel_bias(other, out, out->rank - 1)) {
    f->inputs[BIAS] = other;
    f->adds_bias = true;
    return true;
  }
  if (!other || other == f->output || !same_shape(out, &other->type)) return false;
  f->inputs[RESIDUAL] = other;
  return true;
}

static bool scalar_of(const rung_node *node, uint32_t input, float *out) {
  const rung_value_info *info = input < node->input_count ? node->inputs[input] : NULL;
  if (!info) return true;
  if (!info->constant || info->constant->tensor.dtype != RUNG_F32 || rung_tensor_count(&info->constant->tensor) != 1)
    return false;
  memcpy(out, info->constant->tensor.data, sizeof *out);
  return true;
}

static bool take_clip(fusion *f, const rung_node *clip) {
  const rung_clip_params *p = clip->params;
  float low = p->min, high = p->max;
  if (!scalar_of(clip, 1, &low) || !scalar_of(clip, 2, &high) || !(low <= high)) return false;
  f->activation = (rung_activation){RUNG_ACTIVATION_CLIP, low, high};
  return true;
}

static bool take_activation(fusion *f, const rung_node *node) {
  static const struct {
    const char *name;
    rung_activation_kind kind;
    bool has_params;
  } simple[] = {{"Relu", RUNG_ACTIVATION_RELU, false},
                {"LeakyRelu", RUNG_ACTIVATION_LEAKY_RELU, true},
                {"HardSigmoid", RUNG_ACTIVATION_HARD_SIGMOID, true},
                {"HardSwish", RUNG_ACTIVATION_HARD_SWISH, false},
                {"Sigmoid", RUNG_ACTIVATION_SIGMOID, false},
                {"Tanh", RUNG_ACTIVATION_TANH, false}};
  rung_dtype dtype = f->output->type.dtype;
  if (dtype == RUNG_F32 && is_op(node, "Clip")) return take_clip(f, node);
  for (size_t i = 0; i < RUNG_COUNT(simple); i++) {
    if (!is_op(node, simple[i].name) || (dtype != RUNG_F32 && simple[i].kind != RUNG_ACTIVATION_RELU)) continue;
    f->activation.kind = simple[i].kind;
    if (simple[i].has_params) {
      f->activation.alpha = ((const rung_unary_params *)node->params)->alpha;
      f->activation.beta = ((const rung_unary_params *)node->params)->beta;
    }
    return true;
  }
  return false;
}

/* Follows the chain; false when nothing was taken in. */
static bool extend(fusion *f) {
  bool extended = false;
  uint32_t position = f->last;
  for (rung_node *next; (next = only_reader(f->island, f->output, position + 1, &position)); extended = true) {
    if (f->taken[position] || next->output_count != 1 || !(take_add(f, next) || take_activation(f, next))) break;
    f->output = next->outputs[0];
    f->last = position;
    if (f->activation.kind != RUNG_ACTIVATION_NONE) return true;
  }
  return extended;
}

/* Steps */

static bool start(const rung_graph *island, const bool *taken, uint32_t position, fusion *f) {
  rung_node *node = island->nodes[position];
  if (!is_op(node, "Conv") && !is_op(node, "MatMul") && !is_op(node, "Gemm")) return false;
  rung_dtype dtype = node->inputs[0]->type.dtype;
  if (dtype != RUNG_F32 && dtype != RUNG_F16 && dtype != RUNG_BF16) return false;
  *f = (fusion){.island = island, .taken = taken, .main = node, .output = node->outputs[0], .last = position};
  for (uint32_t i = 0; i < node->input_count && i < OPERANDS; i++) f->inputs[i] = node->inputs[i];
  return extend(f);
}

static rung_status *make_fused(const fusion *f, rung_arena *arena, rung_step *out) {
  bool is_conv = is_op(f->main, "Conv");
  size_t size = is_conv ? sizeof(rung_conv_params) : sizeof(rung_product_params);
  void *params = rung_arena_alloc(arena, 1, size);
  rung_value_info **operands = rung_arena_alloc(arena, OPERANDS + 1, sizeof *operands);
  RUNG_CHECK_ALLOC(params);
  RUNG_CHECK_ALLOC(operands);
  memcpy(params, f->main->params, size);
  if (is_conv) {
    ((rung_conv_params *)params)->activation = f->activation;
  } else {
    ((rung_product_params *)params)->activation = f->activation;
    if (f->adds_bias) ((rung_product_params *)params)->beta = 1;
  }
  memcpy(operands, f->inputs, sizeof f->inputs);
  operands[OPERANDS] = f->output;
  *out = (rung_step){.kernel = is_conv ? rung_cpu_kernel(&rung_op_ms_FusedConv) : &rung_cpu_FusedProduct,
                     .node = f->main,
                     .op = is_conv ? &rung_op_ms_FusedConv : &rung_op_FusedProduct,
                     .params = params,
                     .input_count = OPERANDS,
                     .output_count = 1,
                     .inputs = operands,
                     .outputs = operands + OPERANDS};
  return NULL;
}

static rung_step step_of(rung_node *node) {
  return (rung_step){.kernel = rung_cpu_kernel(node->op),
                     .node = node,
                     .op = node->op,
                     .params = node->params,
                     .input_count = node->input_count,
                     .output_count = node->output_count,
                     .inputs = node->inputs,
                     .outputs = node->outputs};
}

/* Convolutions on integers */

enum { QCONV_INPUTS = 9 }; /* x, its scale and zero point, w, ..., y's scale and zero point, bias */

typedef struct qconv {
  rung_value_info *inputs[QCONV_INPUTS];
  rung_value_info *output;
  uint32_t last;
} qconv;

static bool is_scalar(const rung_value_info *value) {
  return value && value->constant && value->constant->kind == RUNG_TENSOR &&
         rung_tensor_count(&value->constant->tensor) == 1;
}

static float float_at(const rung_value_info *value, size_t index) {
  float x;
  memcpy(&x, (const char *)value->constant->tensor.data + index * sizeof x, sizeof x);
  return x;
}

/* The DequantizeLinear that makes `value`, when it has constant float scales along `axis` at most. */
static const rung_node *dequantizer(const rung_value_info *value, int64_t axis) {
  const rung_node *node = value ? value->producer : NULL;
  if (!node || !is_op(node, "DequantizeLinear") || node->input_count < 3) return NULL;
  const rung_value_info *scale = node->inputs[1], *zero = node->inputs[2];
  if (!scale->constant || !zero || !zero->constant || scale->constant->tensor.dtype != RUNG_F32) return NULL;
  if (is_scalar(scale) && is_scalar(zero)) return node;
  const rung_quantize_params *p = node->params;
  return scale->constant->tensor.rank == 1 && axis == p->axis ? node : NULL;
}

static bool is_byte(const rung_value_info *value) {
  return value->type.dtype == RUNG_U8 || value->type.dtype == RUNG_I8;
}

/* QLinearConv's bias counts in units of x_scale * w_scale, with zero point 0. */
static bool bias_fits(const rung_node *bias, const rung_value_info *x_scale, const rung_value_info *w_scale) {
  const rung_tensor *scales = &bias->inputs[1]->constant->tensor, *zeros = &bias->inputs[2]->constant->tensor;
  size_t count = rung_tensor_count(scales), channels = rung_tensor_count(&w_scale->constant->tensor);
  if (!bias->inputs[0]->constant || bias->inputs[0]->type.dtype != RUNG_I32 || (count != channels && count != 1))
    return false;
  for (size_t i = 0; i < zeros->size; i++)
    if (((const uint8_t *)zeros->data)[i]) return false;
  for (size_t i = 0; i < channels; i++) {
    float unit = float_at(x_scale, 0) * float_at(w_scale, i), given = float_at(bias->inputs[1], count == 1 ? 0 : i);
    if (fabsf(given - unit) > 1e-5f * fabsf(unit)) return false;
  }
  return true;
}

/* A Relu before QuantizeLinear is done by its saturation, when the least integer stands for 0. */
static bool least_is_zero(const rung_value_info *zero_point) {
  const rung_tensor *zero = &zero_point->constant->tensor;
  return *(const uint8_t *)zero->data == (zero->dtype == RUNG_I8 ? 0x80 : 0);
}

static bool take_quantizer(const rung_graph *island, const bool *taken, const rung_node *conv, uint32_t position,
                           qconv *out) {
  rung_node *next = only_reader(island, conv->outputs[0], position + 1, &position);
  bool relu = next && is_op(next, "Relu");
  if (relu && !taken[position]) next = only_reader(island, next->outputs[0], position + 1, &position);
  if (!next || taken[position] || !is_op(next, "QuantizeLinear") || next->input_count < 3) return false;
  if (!is_scalar(next->inputs[1]) || !is_scalar(next->inputs[2]) || !is_byte(next->outputs[0])) return false;
  if (next->inputs[1]->constant->tensor.dtype != RUNG_F32 || (relu && !least_is_zero(next->inputs[2]))) return false;
  out->inputs[6] = next->inputs[1];
  out->inputs[7] = next->inputs[2];
  out->output = next->outputs[0];
  out->last = position;
  return true;
}

static bool start_integer(const rung_graph *island, const bool *taken, uint32_t position, qconv *out) {
  const rung_node *conv = island->nodes[position];
  /* Integers pay where their kernel lays out weights; the plain one is slower than floats. */
  if (!is_op(conv, "Conv") || !rung_cpu_kernel(&rung_op_QLinearConv)->pack) return false;
  const rung_node *x = dequantizer(conv->inputs[0], -1), *w = dequantizer(conv->inputs[1], 0);
  const rung_value_info *b = conv->input_count > 2 ? conv->inputs[2] : NULL;
  const rung_node *bias = b ? dequantizer(b, 0) : NULL;
  *out = (qconv){0};
  if (!x || !w || !is_scalar(x->inputs[1]) || !is_byte(x->inputs[0]) || !is_byte(w->inputs[0])) return false;
  if (!w->inputs[0]->constant || (b && (!bias || !bias_fits(bias, x->inputs[1], w->inputs[1])))) return false;
  memcpy(out->inputs, x->inputs, 3 * sizeof *out->inputs);
  memcpy(out->inputs + 3, w->inputs, 3 * sizeof *out->inputs);
  out->inputs[8] = bias ? bias->inputs[0] : NULL;
  return take_quantizer(island, taken, conv, position, out);
}

static rung_status *make_integer(const qconv *q, const rung_node *conv, rung_arena *arena, rung_step *out) {
  rung_value_info **operands = rung_arena_alloc(arena, QCONV_INPUTS + 1, sizeof *operands);
  RUNG_CHECK_ALLOC(operands);
  memcpy(operands, q->inputs, sizeof q->inputs);
  operands[QCONV_INPUTS] = q->output;
  *out = (rung_step){.kernel = rung_cpu_kernel(&rung_op_QLinearConv),
                     .node = conv,
                     .op = &rung_op_QLinearConv,
                     .params = conv->params,
                     .input_count = QCONV_INPUTS,
                     .output_count = 1,
                     .inputs = operands,
                     .outputs = operands + QCONV_INPUTS};
  return NULL;
}

/* All of them */

/* From the end: a step whose outputs nobody reads goes, and then perhaps those that only it kept. */
static rung_status *drop_unread(const rung_graph *island, rung_arena *arena, rung_step *steps, uint32_t count) {
  const rung_graph *graph = island->nodes[0]->graph;
  bool *read = rung_arena_alloc(arena, graph->value_count, sizeof *read);
  RUNG_CHECK_ALLOC(read);
  for (uint32_t i = 0; i < island->output_count; i++) read[island->outputs[i]->index] = true;
  for (uint32_t n = count; n-- > 0;) {
    bool needed = false;
    for (uint32_t i = 0; i < steps[n].output_count; i++)
      needed |= steps[n].outputs[i] && read[steps[n].outputs[i]->index];
    if (!needed) steps[n].kernel = NULL;
    for (uint32_t i = 0; i < steps[n].input_count && needed; i++)
      if (steps[n].inputs[i] && steps[n].inputs[i]->graph == graph) read[steps[n].inputs[i]->index] = true;
  }
  return NULL;
}

/* The nodes that a step takes in lie on the way from its main node to its output. */
static void mark_taken(const rung_graph *island, uint32_t position, const rung_value_info *output, bool *taken) {
  const rung_value_info *value = island->nodes[position]->outputs[0];
  taken[position] = true;
  while (value != output) {
    rung_node *reader = only_reader(island, value, position + 1, &position);
    taken[position] = true;
    value = reader->outputs[0];
  }
}

rung_status *rung_cpu_make_steps(const rung_graph *island, rung_arena *arena, rung_step **out_steps,
                                 size_t *out_count) {
  rung_step *steps = rung_arena_alloc(arena, island->node_count, sizeof *steps); /* by position; kernel NULL: none */
  bool *taken = rung_arena_alloc(arena, island->node_count, sizeof *taken);
  RUNG_CHECK_ALLOC(steps);
  RUNG_CHECK_ALLOC(taken);
  for (uint32_t n = 0; n < island->node_count; n++) {
    fusion f;
    qconv q;
    if (taken[n]) continue;
    if (start_integer(island, taken, n, &q)) {
      RUNG_TRY(make_integer(&q, island->nodes[n], arena, &steps[q.last]));
      mark_taken(island, n, q.output, taken);
    } else if (start(island, taken, n, &f)) {
      RUNG_TRY(make_fused(&f, arena, &steps[f.last]));
      mark_taken(island, n, f.output, taken);
    } else {
      steps[n] = step_of(island->nodes[n]);
    }
  }
  RUNG_TRY(drop_unread(island, arena, steps, island->node_count));
  size_t count = 0;
  for (uint32_t n = 0; n < island->node_count; n++)
    if (steps[n].kernel) steps[count++] = steps[n];
  *out_steps = steps;
  *out_count = count;
  return NULL;
}
