/* Fusion walks the nodes once. From each convolution or product it goes along the chain of nodes that alone read what
 * came before, as far as they fit. The fused step stands where the last of them stood, when all its operands are there.
 *
 *     Conv | MatMul | Gemm  ->  + bias (constant, one per channel)  ->  + residual  ->  activation */
#include "provider/cpu/cpu_fuse.h"

#include "op/convolution.h"
#include "op/elementwise.h"
#include "op/product.h"
#include "provider/cpu/cpu.h"

extern const rung_kernel rung_cpu_FusedProduct;
extern const rung_op rung_op_ms_FusedConv;

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

/* The nodes that a fusion takes in lie on the way from its main node to its output. */
static void mark_taken(const fusion *f, uint32_t position, bool *taken) {
  const rung_value_info *value = f->main->outputs[0];
  taken[position] = true;
  while (value != f->output) {
    rung_node *reader = only_reader(f->island, value, position + 1, &position);
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
    if (taken[n]) continue;
    if (start(island, taken, n, &f)) {
      RUNG_TRY(make_fused(&f, arena, &steps[f.last]));
      mark_taken(&f, n, taken);
    } else {
      steps[n] = step_of(island->nodes[n]);
    }
  }
  size_t count = 0;
  for (uint32_t n = 0; n < island->node_count; n++)
    if (steps[n].kernel) steps[count++] = steps[n];
  *out_steps = steps;
  *out_count = count;
  return NULL;
}
