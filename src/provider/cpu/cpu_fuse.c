/* Fusion walks the nodes once. From each convolution or product it goes along the chain of nodes that alone read what
 * came before, as far as they fit. The fused step stands where the last of them stood, when all its operands are there.
 *
 *     Conv | MatMul | Gemm  ->  + bias (constant, one per channel)  ->  + residual  ->  activation
 *
 * Steps that nobody reads any more (a DequantizeLinear whose readers were all fused) are dropped in the end. */
#include "provider/cpu/cpu_fuse.h"

#include "op/convolution.h"
#include "op/elementwise.h"
#include "op/product.h"
#include "provider/cpu/cpu.h"

extern const rung_kernel rung_cpu_FusedProduct;
extern const rung_op rung_op_ms_FusedConv;

enum { BIAS = 2, RESIDUAL = 3, OPERANDS = 4 }; /* inputs of the fused operators */

/* Chains */

static bool leaves(const rung_graph *island, const rung_value_info *value) {
  for (uint32_t i = 0; i < island->output_count; i++)
    if (island->outputs[i] == value) return true;
  return false;
}

/* The one node that reads `value`, behind `position`; NULL when there are more readers, or it leaves the island. */
static rung_node *only_reader(const rung_graph *island, const rung_value_info *value, uint32_t *position) {
  if (value->uses != 1 || leaves(island, value)) return NULL;
  for (uint32_t n = *position + 1; n < island->node_count; n++)
    for (uint32_t i = 0; i < island->nodes[n]->input_count; i++)
      if (island->nodes[n]->inputs[i] == value) {
        *position = n;
        return island->nodes[n];
      }
  return NULL;
}

rung_node *rung_fuse_next(const rung_fusion *f, uint32_t *out_position) {
  uint32_t position = f->last;
  rung_node *next = only_reader(f->island, f->output, &position);
  if (!next || f->taken[position] || next->output_count != 1) return NULL;
  *out_position = position;
  return next;
}

void rung_fuse_take(rung_fusion *f, const rung_node *node, uint32_t position) {
  f->output = node->outputs[0];
  f->last = position;
}

bool rung_fuse_is_op(const rung_node *node, const char *name) {
  return node->op && !node->op->domain[0] && strcmp(node->op->name, name) == 0;
}

/* Parts */

/* A constant with one number per column of a value of type `out`. */
static bool is_row(const rung_value_info *value, const rung_type *out) {
  if (!value || !value->constant || value->constant->kind != RUNG_TENSOR || out->rank < 1) return false;
  const rung_tensor *t = &value->constant->tensor;
  return t->dtype == out->dtype && t->rank == 1 && t->dims[0] == out->dims[out->rank - 1];
}

static bool same_shape(const rung_type *a, const rung_type *b) {
  return a->kind == RUNG_TENSOR && b->kind == RUNG_TENSOR && a->dtype == b->dtype && a->rank >= 0 &&
         a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

static bool scalar_of(const rung_node *node, uint32_t input, float *out) {
  const rung_value_info *info = input < node->input_count ? node->inputs[input] : NULL;
  if (!info) return true;
  if (!info->constant || info->constant->tensor.dtype != RUNG_F32 || rung_tensor_count(&info->constant->tensor) != 1)
    return false;
  memcpy(out, info->constant->tensor.data, sizeof *out);
  return true;
}

static bool is_clip(const rung_node *clip, rung_activation *out) {
  const rung_clip_params *p = clip->params;
  float low = p->min, high = p->max;
  if (!scalar_of(clip, 1, &low) || !scalar_of(clip, 2, &high) || !(low <= high)) return false;
  *out = (rung_activation){RUNG_ACTIVATION_CLIP, low, high};
  return true;
}

bool rung_fuse_activation(const rung_node *node, rung_activation *out) {
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
  rung_dtype dtype = node->outputs[0] ? node->outputs[0]->type.dtype : RUNG_UNDEFINED;
  if (dtype == RUNG_F32 && rung_fuse_is_op(node, "Clip")) return is_clip(node, out);
  for (size_t i = 0; i < RUNG_COUNT(simple); i++) {
    if (!rung_fuse_is_op(node, simple[i].name) || (dtype != RUNG_F32 && simple[i].kind != RUNG_ACTIVATION_RELU))
      continue;
    *out = (rung_activation){.kind = simple[i].kind};
    if (simple[i].has_params) {
      out->alpha = ((const rung_unary_params *)node->params)->alpha;
      out->beta = ((const rung_unary_params *)node->params)->beta;
    }
    return true;
  }
  return false;
}

/* Steps on floats */

typedef struct float_fusion {
  rung_fusion *walk;
  rung_value_info *inputs[OPERANDS];
} float_fusion;

/* A product adds a residual to what has one number, row or column; C that is a whole matrix takes its place. */
static bool is_whole(const rung_value_info *c) {
  return c && !(c->type.rank == 0 || c->type.rank == 1 ||
                (c->type.rank == 2 && (c->type.dims[0] == 1 || c->type.dims[1] == 1)));
}

static bool take_add(float_fusion *f, const rung_node *add) {
  rung_value_info *sum = f->walk->output, *other = add->inputs[0] == sum ? add->inputs[1] : add->inputs[0];
  bool is_conv = rung_fuse_is_op(f->walk->main, "Conv");
  const rung_type *out = &sum->type;
  if (!rung_fuse_is_op(add, "Add") || add->version < 7 || f->inputs[RESIDUAL] || out->dtype != RUNG_F32) return false;
  if (!same_shape(out, &add->outputs[0]->type)) return false;
  /* Where B is a vector, the last dimension of the output is one of rows. */
  if (!f->inputs[BIAS] && !is_conv && f->inputs[1]->type.rank >= 2 && is_row(other, out)) {
    f->inputs[BIAS] = other;
    f->walk->adds_bias = true;
    return true;
  }
  if (!other || other == sum || !same_shape(out, &other->type)) return false;
  if (!is_conv && is_whole(f->inputs[BIAS])) return false;
  f->inputs[RESIDUAL] = other;
  return true;
}

/* Follows the chain; false when nothing was taken in. */
static bool extend(float_fusion *f) {
  bool extended = false;
  rung_fusion *walk = f->walk;
  uint32_t position;
  for (rung_node *next; (next = rung_fuse_next(walk, &position)); extended = true) {
    if (!take_add(f, next) && !rung_fuse_activation(next, &walk->activation)) break;
    rung_fuse_take(walk, next, position);
    if (walk->activation.kind != RUNG_ACTIVATION_NONE) return true;
  }
  return extended;
}

rung_status *rung_fuse_step(const rung_fusion *f, const rung_kernel *kernel, const rung_op *op,
                            rung_value_info *const *inputs, uint32_t count, rung_arena *arena, rung_step *out) {
  bool is_conv = rung_fuse_is_op(f->main, "Conv");
  size_t size = is_conv ? sizeof(rung_conv_params) : sizeof(rung_product_params);
  void *params = rung_arena_alloc(arena, 1, size);
  rung_value_info **operands = rung_arena_alloc(arena, (size_t)count + 1, sizeof *operands);
  RUNG_CHECK_ALLOC(params);
  RUNG_CHECK_ALLOC(operands);
  memcpy(params, f->main->params, size);
  if (is_conv) {
    ((rung_conv_params *)params)->activation = f->activation;
  } else {
    ((rung_product_params *)params)->activation = f->activation;
    if (f->adds_bias) ((rung_product_params *)params)->beta = 1;
  }
  memcpy(operands, inputs, count * sizeof *operands);
  operands[count] = f->output;
  *out = (rung_step){.kernel = kernel,
                     .node = f->main,
                     .op = op,
                     .params = params,
                     .input_count = count,
                     .output_count = 1,
                     .inputs = operands,
                     .outputs = operands + count};
  return NULL;
}

static rung_status *fuse_floats(rung_fusion *walk, rung_arena *arena, rung_step *out) {
  const rung_node *node = walk->main;
  rung_dtype dtype = node->inputs[0]->type.dtype;
  if (dtype != RUNG_F32 && dtype != RUNG_F16 && dtype != RUNG_BF16) return NULL;
  float_fusion f = {.walk = walk};
  for (uint32_t i = 0; i < node->input_count && i < OPERANDS; i++) f.inputs[i] = node->inputs[i];
  if (!extend(&f)) return NULL;
  if (rung_fuse_is_op(node, "Conv"))
    return rung_fuse_step(walk, rung_cpu_kernel(&rung_op_ms_FusedConv), &rung_op_ms_FusedConv, f.inputs, OPERANDS,
                          arena, out);
  return rung_fuse_step(walk, &rung_cpu_FusedProduct, &rung_op_FusedProduct, f.inputs, OPERANDS, arena, out);
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
    value = only_reader(island, value, &position)->outputs[0];
    taken[position] = true;
  }
}

/* The step of the node at `position`, at the position of the last node that it takes in. */
static rung_status *make_step(const rung_graph *island, uint32_t position, bool *taken, rung_arena *arena,
                              rung_step *steps) {
  rung_node *node = island->nodes[position];
  rung_step step = {0};
  rung_fusion start = {.island = island, .taken = taken, .main = node, .output = node->outputs[0], .last = position};
  rung_fusion fusion = start;
  if (rung_fuse_is_op(node, "Conv") || rung_fuse_is_op(node, "MatMul") || rung_fuse_is_op(node, "Gemm")) {
    RUNG_TRY(rung_fuse_quantized(&fusion, arena, &step));
    if (!step.kernel) {
      fusion = start;
      RUNG_TRY(fuse_floats(&fusion, arena, &step));
    }
  }
  if (!step.kernel) {
    steps[position] = step_of(node);
    return NULL;
  }
  steps[fusion.last] = step;
  mark_taken(island, position, fusion.output, taken);
  return NULL;
}

rung_status *rung_cpu_make_steps(const rung_graph *island, rung_arena *arena, rung_step **out_steps,
                                 size_t *out_count) {
  rung_step *steps = rung_arena_alloc(arena, island->node_count, sizeof *steps); /* by position; kernel NULL: none */
  bool *taken = rung_arena_alloc(arena, island->node_count, sizeof *taken);
  RUNG_CHECK_ALLOC(steps);
  RUNG_CHECK_ALLOC(taken);
  for (uint32_t n = 0; n < island->node_count; n++)
    if (!taken[n]) RUNG_TRY(make_step(island, n, taken, arena, steps));
  RUNG_TRY(drop_unread(island, arena, steps, island->node_count));
  size_t count = 0;
  for (uint32_t n = 0; n < island->node_count; n++)
    if (steps[n].kernel) steps[count++] = steps[n];
  *out_steps = steps;
  *out_count = count;
  return NULL;
}
