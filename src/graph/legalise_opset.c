/* Raising a model to opset 13: what older versions say by attribute, newer ones say by input (axes, splits, limits). A
 * file imports one version, so it is the whole model or nothing: first every node is tried and proved, then all are
 * raised.
 *
 * Most operators only learned element types or negative axes between 7 and 13, and are raised as they are. Those that
 * mean something else now are rewritten here, or hold the model back. */
#include "graph/legalise.h"

enum { OLDEST = 7, RAISED = 13 };

static rung_status *move_ints(rung_replacement *r, rung_node *node, const char *attribute, uint32_t to) {
  const rung_attribute *a = rung_node_attribute(r->old, attribute);
  if (!a) return NULL;
  return rung__replacement_ints(r, RUNG_I64, 1, a->ints, a->count, &node->inputs[to]);
}

/* A float32 scalar; of other types no limit is written down exactly. */
static rung_status *move_float(rung_replacement *r, rung_node *node, const char *attribute, float fallback,
                               uint32_t to) {
  const rung_attribute *a = rung_node_attribute(r->old, attribute);
  float number = a ? a->f : fallback;
  rung_value *value;
  RUNG_TRY(rung_value_new_tensor(r->ir->allocator, RUNG_F32, 0, NULL, &value));
  memcpy(value->tensor.data, &number, sizeof number);
  rung_status *status = rung__replacement_constant(r, value, &node->inputs[to]);
  rung_value_release(value);
  return status;
}

/* The old node with room for `inputs`, and without the attributes that move. */
static rung_node *copy_without(rung_replacement *r, uint32_t inputs, const char *const *moved) {
  const rung_node *old = r->old;
  rung_node *node = rung__replacement_node(r, old->op_type, inputs, old->attribute_count);
  if (!node) return NULL;
  node->opset = RAISED;
  node->attribute_count = 0;
  for (uint32_t i = 0; i < old->input_count && i < inputs; i++) node->inputs[i] = old->inputs[i];
  for (uint32_t i = 0; i < old->attribute_count; i++) {
    bool moves = false;
    for (size_t k = 0; moved[k]; k++) moves |= strcmp(moved[k], old->attributes[i].name) == 0;
    if (!moves) node->attributes[node->attribute_count++] = old->attributes[i];
  }
  return node;
}

static rung_status *raise_axes(rung_replacement *r) {
  const char *name = strcmp(r->old->op_type, "Split") == 0 ? "split" : "axes";
  bool given = rung_node_attribute(r->old, name) != NULL;
  rung_node *node = copy_without(r, given ? 2 : 1, (const char *const[]){name, NULL});
  RUNG_CHECK_ALLOC(node);
  return move_ints(r, node, name, 1);
}

static rung_status *raise_clip(rung_replacement *r) {
  static const float most = 3.4028234663852886e38f;
  if (r->old->opset >= 11 || r->old->inputs[0]->type.dtype != RUNG_F32) return NULL;
  rung_node *node = copy_without(r, 3, (const char *const[]){"min", "max", NULL});
  RUNG_CHECK_ALLOC(node);
  RUNG_TRY(move_float(r, node, "min", -most, 1));
  return move_float(r, node, "max", most, 2);
}

static rung_status *raise_pad(rung_replacement *r) {
  if (r->old->opset >= 11 || r->old->inputs[0]->type.dtype != RUNG_F32) return NULL;
  rung_node *node = copy_without(r, 3, (const char *const[]){"pads", "value", NULL});
  RUNG_CHECK_ALLOC(node);
  RUNG_TRY(move_ints(r, node, "pads", 1));
  return move_float(r, node, "value", 0, 2);
}

static rung_status *raise_slice(rung_replacement *r) {
  if (r->old->opset >= 10) return NULL;
  bool axes = rung_node_attribute(r->old, "axes") != NULL;
  rung_node *node = copy_without(r, axes ? 4 : 3, (const char *const[]){"starts", "ends", "axes", NULL});
  RUNG_CHECK_ALLOC(node);
  RUNG_TRY(move_ints(r, node, "starts", 1));
  RUNG_TRY(move_ints(r, node, "ends", 2));
  return axes ? move_ints(r, node, "axes", 3) : NULL;
}

static rung_status *raise_top_k(rung_replacement *r) {
  const rung_attribute *k = rung_node_attribute(r->old, "k");
  if (r->old->opset >= 10 || !k) return NULL;
  rung_node *node = copy_without(r, 2, (const char *const[]){"k", NULL});
  RUNG_CHECK_ALLOC(node);
  return rung__replacement_ints(r, RUNG_I64, 1, &k->i, 1, &node->inputs[1]);
}

/* Older ones flatten the tensor at their axis: over the last one alone that is the same. */
static rung_status *raise_softmax(rung_replacement *r) {
  const rung_attribute *a = rung_node_attribute(r->old, "axis");
  int32_t rank = r->old->inputs[0]->type.rank;
  int64_t axis = a ? a->i : 1;
  if (rank < 1 || (axis != -1 && axis != rank - 1)) return NULL;
  rung_node *node = copy_without(r, 1, (const char *const[]){"axis", NULL});
  RUNG_CHECK_ALLOC(node);
  rung_attribute *list = rung_arena_alloc(&r->ir->arena, 1, sizeof *list);
  RUNG_CHECK_ALLOC(list);
  *list = (rung_attribute){.name = "axis", .type = RUNG_ATTRIBUTE_INT, .i = rank - 1};
  node->attributes = list;
  node->attribute_count = 1;
  return NULL;
}

/* Those that mean something else since version `since`; without a function they hold a model back. */
static const struct {
  const char *op_type;
  int32_t since;
  rung_status *(*raise)(rung_replacement *r);
} changed_ops[] = {
    {"BatchNormalization", 9, NULL},
    {"Clip", 11, raise_clip},
    {"Dropout", 12, NULL},
    {"Hardmax", 13, raise_softmax},
    {"LogSoftmax", 13, raise_softmax},
    {"Pad", 11, raise_pad},
    {"ReduceSum", 13, raise_axes},
    {"Resize", 11, NULL},
    {"Scan", 9, NULL},
    {"Scatter", 11, NULL},
    {"Slice", 10, raise_slice},
    {"Softmax", 13, raise_softmax},
    {"Split", 13, raise_axes},
    {"Squeeze", 13, raise_axes},
    {"TopK", 10, raise_top_k},
    {"Unsqueeze", 13, raise_axes},
    {"Upsample", 10, NULL},
};

static bool is_old(const rung_node *node) { return !node->domain[0] && node->opset < RAISED; }

/* *out_kept: it means the same in 13. Else it has a replacement, or none can be made. */
static rung_status *raise(rung_replacement *r, bool *out_kept) {
  *out_kept = true;
  for (size_t i = 0; i < RUNG_COUNT(changed_ops); i++) {
    if (strcmp(changed_ops[i].op_type, r->old->op_type) != 0 || r->old->opset >= changed_ops[i].since) continue;
    *out_kept = false;
    return changed_ops[i].raise ? changed_ops[i].raise(r) : NULL;
  }
  return NULL;
}

rung_status *rung__legalise_opset(rung_replacement *r) {
  bool kept;
  if (!is_old(r->old)) return NULL;
  RUNG_TRY(raise(r, &kept));
  if (!kept) return NULL;
  ((rung_node *)r->old)->opset = RAISED; /* that it can be was tried */
  return rung_op_bind((rung_node *)r->old, &r->ir->arena);
}

/* Trying */

typedef struct attempt {
  rung_ir *ir;
  const rung_passes *passes;
  bool any, fails;
} attempt;

static bool binds(const rung_node *node, rung_ir *ir) {
  rung_node copy = *node;
  copy.opset = RAISED;
  rung_status *status = rung_op_bind(&copy, &ir->arena);
  bool bound = !status && copy.op;
  rung_status_free(status);
  return bound;
}

static rung_status *try_node(attempt *a, rung_node *node) {
  rung_replacement r = {.ir = a->ir, .graph = node->graph, .old = node, .pass = "opset"};
  bool kept, equal = false;
  if (!node->op || node->opset < OLDEST) {
    a->fails = true;
    return NULL;
  }
  RUNG_TRY(raise(&r, &kept));
  if (kept)
    equal = binds(node, a->ir);
  else if (r.count)
    RUNG_TRY(rung__replacement_prove(&r, a->passes->evaluator, &equal));
  a->any = true;
  a->fails |= !equal;
  return NULL;
}

static rung_status *try_graph(rung_graph *graph, void *context) {
  attempt *a = context;
  for (uint32_t n = 0; n < graph->node_count && !a->fails; n++) {
    if (is_old(graph->nodes[n])) RUNG_TRY(try_node(a, graph->nodes[n]));
    RUNG_TRY(rung_node_each_body(graph->nodes[n], try_graph, a));
  }
  return NULL;
}

rung_status *rung_legalise_can_raise(rung_ir *ir, const rung_passes *passes, bool *out_can) {
  attempt a = {.ir = ir, .passes = passes};
  *out_can = false;
  if (!passes->evaluator) return NULL;
  RUNG_TRY(try_graph(ir->graph, &a));
  *out_can = a.any && !a.fails;
  return NULL;
}
