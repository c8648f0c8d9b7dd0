#include "graph/expand.h"

#include "base/str.h"
#include "op/attention.h"

#include <math.h>
#include <stdio.h>

typedef struct expansion {
  rung_ir *ir;
  rung_graph *graph;
  const rung_node *old;
  int64_t opset; /* of the standard domain, for the new nodes */
  uint32_t count;
  RUNG_VEC(rung_node *) nodes; /* of the whole graph, the new ones among them */
} expansion;

/* Building */

static rung_status *push(expansion *x, rung_node *node) {
  return rung_vec_push(x->ir->allocator, &x->nodes, node) ? NULL : rung_status_out_of_memory();
}

/* The name of what the expanded node is made of. */
static const char *name_inside(expansion *x, const char *what) {
  return rung_arena_printf(&x->ir->arena, "%s/%s", x->old->name, what);
}

typedef struct operands {
  rung_value_info *at[5];
  uint32_t count;
} operands;

#define OPERANDS(...) \
  (operands) { {__VA_ARGS__}, sizeof((rung_value_info *[]){__VA_ARGS__}) / sizeof(rung_value_info *) }

static rung_status *new_value(expansion *x, const char *name, rung_value_info **out_info) {
  *out_info = rung_ir_add_value(x->ir, x->graph, name);
  RUNG_CHECK_ALLOC(*out_info);
  (*out_info)->type.rank = -1;
  return NULL;
}

/* A node with at most one attribute. Its output is *out_info where that is set, else a new value. */
static rung_status *apply(expansion *x, const char *op_type, operands inputs, const rung_attribute *attribute,
                          rung_value_info **out_info) {
  const char *name = rung_arena_printf(&x->ir->arena, "%s/%s_%u", x->old->name, op_type, x->count++);
  RUNG_CHECK_ALLOC(name);
  rung_node *node = rung_ir_new_node(x->ir, x->graph, name, op_type, x->opset, inputs.count, attribute != NULL);
  RUNG_CHECK_ALLOC(node);
  if (!*out_info) RUNG_TRY(new_value(x, name, out_info));
  memcpy(node->inputs, inputs.at, inputs.count * sizeof inputs.at[0]);
  if (attribute) node->attributes[0] = *attribute;
  node->outputs[0] = *out_info;
  node->pinned_to = x->old->pinned_to;
  (*out_info)->producer = node;
  RUNG_TRY(rung_op_bind(node, &x->ir->arena));
  return push(x, node);
}

static rung_status *constant(expansion *x, rung_dtype dtype, int32_t rank, const void *data,
                             rung_value_info **out_info) {
  const int64_t dims[1] = {1};
  char text[32];
  snprintf(text, sizeof text, "constant_%u", x->count++);
  const char *name = name_inside(x, text);
  RUNG_CHECK_ALLOC(name);
  RUNG_TRY(new_value(x, name, out_info));
  rung_value *value;
  RUNG_TRY(rung_value_new_tensor(x->ir->allocator, dtype, rank, dims, &value));
  memcpy(value->tensor.data, data, rung_dtype_size(dtype));
  rung_status *status = rung_ir_set_constant(x->ir, *out_info, value);
  rung_value_release(value);
  return status;
}

static rung_status *cast(expansion *x, rung_value_info *from, rung_dtype to, rung_value_info **out_info) {
  return apply(x, "Cast", OPERANDS(from), &(rung_attribute){.name = "to", .type = RUNG_ATTRIBUTE_INT, .i = to},
               out_info);
}

/* One size of a tensor, as a tensor of one element. */
static rung_status *size_of(expansion *x, rung_value_info *tensor, int64_t axis, rung_value_info **out_size) {
  rung_value_info *shape = NULL, *index;
  RUNG_TRY(apply(x, "Shape", OPERANDS(tensor), NULL, &shape));
  RUNG_TRY(constant(x, RUNG_I64, 1, &axis, &index));
  return apply(x, "Gather", OPERANDS(shape, index), NULL, out_size);
}

static rung_status *reshape(expansion *x, rung_value_info *tensor, operands sizes, rung_value_info **out_info) {
  const rung_attribute axis = {.name = "axis", .type = RUNG_ATTRIBUTE_INT};
  rung_value_info *shape = NULL;
  RUNG_TRY(apply(x, "Concat", sizes, &axis, &shape));
  return apply(x, "Reshape", OPERANDS(tensor, shape), NULL, out_info);
}

/* The nodes of a body with one input and one output, in the place of the old node. */
static rung_status *inline_body(expansion *x, rung_graph *body, rung_value_info *given, rung_value_info **out_info) {
  *out_info = given;
  if (!body) return NULL;
  for (uint32_t i = 0; i < body->value_count; i++) {
    rung_value_info *info = body->values[i];
    if (!info || info == body->inputs[0]) continue;
    info->name = name_inside(x, info->name);
    RUNG_CHECK_ALLOC(info->name);
    RUNG_TRY(rung_ir_own_value(x->ir, x->graph, info));
  }
  for (uint32_t n = 0; n < body->node_count; n++) {
    rung_node *node = body->nodes[n];
    node->name = name_inside(x, node->name);
    RUNG_CHECK_ALLOC(node->name);
    node->graph = x->graph;
    node->pinned_to = x->old->pinned_to;
    RUNG_TRY(push(x, node));
  }
  rung_ir_forward(body->inputs[0], given);
  if (body->outputs[0] != body->inputs[0]) *out_info = body->outputs[0];
  return NULL;
}

/* FlexAttention: the products, the softmax and the two bodies between them.
 *
 * Q and K are each multiplied by the square root of the scale before they meet, as in ONNX's function. Where heads of K
 * are shared, Q's heads of one group follow each other: (batch, kv heads, group * length, head) meets K without copies
 * of it, and scores are seen as (batch, heads, length of Q, length of K) by the bodies. */

typedef struct flex {
  const rung_flex_attention_params *params;
  rung_value_info *q, *k, *v;
  rung_dtype type, precision;
  bool shared;                                                           /* heads of K and V by several of Q's */
  rung_value_info *batch, *heads, *length, *kv_heads, *kv_length, *rows; /* sizes, when shared; rows: group * length */
} flex;

static bool shares_heads(const rung_type *q, const rung_type *k) {
  return q->rank != 4 || k->rank != 4 || q->dims[1] != k->dims[1];
}

static rung_status *find_sizes(expansion *x, flex *f) {
  rung_value_info *group = NULL;
  RUNG_TRY(size_of(x, f->q, 0, &f->batch));
  RUNG_TRY(size_of(x, f->q, 1, &f->heads));
  RUNG_TRY(size_of(x, f->q, 2, &f->length));
  RUNG_TRY(size_of(x, f->k, 1, &f->kv_heads));
  RUNG_TRY(size_of(x, f->k, 2, &f->kv_length));
  RUNG_TRY(apply(x, "Div", OPERANDS(f->heads, f->kv_heads), NULL, &group));
  return apply(x, "Mul", OPERANDS(group, f->length), NULL, &f->rows);
}

/* The square root of the scale, worked out in float64, in the operands' type. A negative scale gives its sign to Q's.
 */
static rung_status *find_factor(expansion *x, const flex *f, bool is_q, rung_value_info **out_factor) {
  const rung_type *q = &f->q->type;
  bool given = rung_node_attribute(x->old, "scale") != NULL;
  rung_value_info *root = NULL, *size = NULL, *wide = NULL, *inner = NULL, *one, *scale = NULL;
  if (given || (q->rank == 4 && q->dims[3] >= 0)) {
    double number = given ? (double)f->params->scale : 1 / sqrt((double)q->dims[3]);
    number = is_q ? copysign(sqrt(fabs(number)), number) : sqrt(fabs(number));
    RUNG_TRY(constant(x, RUNG_F64, 0, &number, &root));
  } else {
    const double number = 1;
    RUNG_TRY(constant(x, RUNG_F64, 0, &number, &one));
    RUNG_TRY(size_of(x, f->q, 3, &size));
    RUNG_TRY(cast(x, size, RUNG_F64, &wide));
    RUNG_TRY(apply(x, "Sqrt", OPERANDS(wide), NULL, &inner));
    RUNG_TRY(apply(x, "Div", OPERANDS(one, inner), NULL, &scale));
    RUNG_TRY(apply(x, "Sqrt", OPERANDS(scale), NULL, &root));
  }
  return cast(x, root, f->type, out_factor);
}

static rung_status *find_scores(expansion *x, flex *f, rung_value_info **out_scores) {
  static const int64_t swapped[] = {0, 1, 3, 2};
  const rung_attribute perm = {.name = "perm", .type = RUNG_ATTRIBUTE_INTS, .ints = swapped, .count = 4};
  rung_value_info *factor = NULL, *k_factor = NULL, *q = NULL, *k = NULL, *turned = NULL, *product = NULL, *head = NULL;
  RUNG_TRY(find_factor(x, f, true, &factor));
  RUNG_TRY(find_factor(x, f, false, &k_factor));
  RUNG_TRY(apply(x, "Mul", OPERANDS(f->q, factor), NULL, &q));
  RUNG_TRY(apply(x, "Mul", OPERANDS(f->k, k_factor), NULL, &k));
  RUNG_TRY(apply(x, "Transpose", OPERANDS(k), &perm, &turned));
  if (f->shared) {
    rung_value_info *grouped = NULL;
    RUNG_TRY(size_of(x, f->q, 3, &head));
    RUNG_TRY(reshape(x, q, OPERANDS(f->batch, f->kv_heads, f->rows, head), &grouped));
    q = grouped;
  }
  RUNG_TRY(apply(x, "MatMul", OPERANDS(q, turned), NULL, &product));
  if (f->shared) {
    rung_value_info *apart = NULL;
    RUNG_TRY(reshape(x, product, OPERANDS(f->batch, f->heads, f->length, f->kv_length), &apart));
    product = apart;
  }
  return cast(x, product, f->precision, out_scores);
}

/* Probabilities times V, in the precision of the softmax. */
static rung_status *find_output(expansion *x, flex *f, rung_value_info *probabilities) {
  rung_value_info *v = NULL, *product = NULL, *head = NULL, *y = x->old->outputs[0];
  RUNG_TRY(cast(x, f->v, f->precision, &v));
  if (f->shared) {
    rung_value_info *grouped = NULL;
    RUNG_TRY(reshape(x, probabilities, OPERANDS(f->batch, f->kv_heads, f->rows, f->kv_length), &grouped));
    probabilities = grouped;
  }
  RUNG_TRY(apply(x, "MatMul", OPERANDS(probabilities, v), NULL, &product));
  if (f->shared) {
    rung_value_info *apart = NULL;
    RUNG_TRY(size_of(x, f->v, 3, &head));
    RUNG_TRY(reshape(x, product, OPERANDS(f->batch, f->heads, f->length, head), &apart));
    product = apart;
  }
  return cast(x, product, f->type, &y);
}

static rung_status *expand_flex_attention(expansion *x) {
  const rung_node *old = x->old;
  flex f = {.params = old->params, .q = old->inputs[0], .k = old->inputs[1], .v = old->inputs[2]};
  f.type = f.q->type.dtype;
  f.precision = rung_flex_attention_precision(f.params, f.type);
  f.shared = shares_heads(&f.q->type, &f.k->type);
  const rung_attribute axis = {.name = "axis", .type = RUNG_ATTRIBUTE_INT, .i = -1};
  rung_value_info *scores = NULL, *probabilities = NULL;
  if (f.shared) RUNG_TRY(find_sizes(x, &f));
  RUNG_TRY(find_scores(x, &f, &scores));
  RUNG_TRY(inline_body(x, f.params->score_mod, scores, &scores));
  RUNG_TRY(apply(x, "Softmax", OPERANDS(scores), &axis, &probabilities));
  RUNG_TRY(inline_body(x, f.params->prob_mod, probabilities, &probabilities));
  return find_output(x, &f, probabilities);
}

/* The walk */

bool rung_can_expand(const rung_node *node) {
  return node->op && (node->op->flags & RUNG_OP_EXPANDS) && node->inputs[0]->type.dtype;
}

/* The version that the model speaks, where the nodes mean there what they mean here: since 13. */
static int64_t standard_opset(const rung_ir *ir) {
  int64_t version = 13;
  for (size_t i = 0; i < ir->model->opset_count; i++)
    if (!ir->model->opsets[i].domain[0]) version = RUNG_MAX(version, ir->model->opsets[i].version);
  return RUNG_MIN(version, rung_op_newest(""));
}

rung_status *rung_expand(rung_ir *ir, rung_graph *graph, uint32_t *changed) {
  expansion x = {.ir = ir, .graph = graph, .opset = standard_opset(ir)};
  uint32_t count = 0;
  rung_status *status = NULL;
  for (uint32_t n = 0; n < graph->node_count && !status; n++) {
    x.old = graph->nodes[n];
    x.count = 0;
    count += x.old->expands;
    status = x.old->expands ? expand_flex_attention(&x) : push(&x, graph->nodes[n]);
  }
  if (!status && count) status = rung_ir_set_nodes(ir, graph, x.nodes.at, x.nodes.count);
  rung_vec_free(ir->allocator, &x.nodes);
  *changed += count;
  return status;
}
