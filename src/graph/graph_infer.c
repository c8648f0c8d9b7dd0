/* Types and shapes through the whole graph.
 *
 * One walk in topological order asks each definition. Bodies are walked when their node is reached: the types that
 * enter a body follow from the node's inputs, those of the node from the body's outputs. A Loop's carried values may
 * change their shape from trip to trip: what the body gives back is merged into what it was given until both agree. */
#include "graph/ir.h"

#include "base/str.h"
#include "op/attention.h"
#include "op/op_infer.h"

#include <string.h>

static rung_status *infer_graph(rung_ir *ir, rung_graph *graph);

/* Merging */

/* What holds for both: equal dimensions stay, others become symbols. */
static void generalize(rung_ir *ir, rung_type *type, const rung_type *other) {
  if (type->kind == RUNG_NONE) *type = *other;
  if (other->kind == RUNG_NONE || type->kind != RUNG_TENSOR) return;
  type->is_claimed |= other->is_claimed;
  if (type->rank != other->rank) {
    type->rank = -1;
    return;
  }
  for (int32_t i = 0; i < type->rank; i++)
    if (type->dims[i] != other->dims[i] && !RUNG_IS_SYMBOL(type->dims[i])) type->dims[i] = ir->next_symbol++;
}

static bool same_type(const rung_type *a, const rung_type *b) {
  if (a->kind != b->kind || a->dtype != b->dtype || a->rank != b->rank) return false;
  return a->rank <= 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

/* Takes what inference found; where it found nothing, what was known before stays. `fresh` is the first symbol that
 * this inference made: such a one says less than an older symbol. */
static void narrow(rung_type *known, const rung_type *found, int64_t fresh) {
  if (found->kind == RUNG_NONE) return;
  if (found->kind != RUNG_TENSOR) {
    if (found->element || known->kind != found->kind) *known = *found;
    return;
  }
  rung_type before = *known;
  *known = *found;
  if (!known->dtype) known->dtype = before.dtype;
  if (before.kind != RUNG_TENSOR || before.rank < 0) return;
  if (known->rank < 0) {
    known->rank = before.rank;
    known->is_claimed = before.is_claimed;
    memcpy(known->dims, before.dims, sizeof before.dims);
    return;
  }
  for (int32_t i = 0; i < known->rank && known->rank == before.rank; i++) {
    if (!RUNG_IS_SYMBOL(known->dims[i]) || known->dims[i] < fresh) continue;
    known->dims[i] = before.dims[i];
    known->is_claimed |= before.is_claimed && !RUNG_IS_SYMBOL(before.dims[i]);
  }
}

static void assign(rung_value_info *info, const rung_type *type) {
  if (info && type && type->kind != RUNG_NONE) narrow(&info->type, type, INT64_MAX);
}

/* Bodies */

static rung_graph *body_of(const rung_node *node, const char *name) {
  const rung_attribute *attribute = rung_node_attribute(node, name);
  return attribute ? attribute->graph : NULL;
}

static rung_status *infer_if(rung_ir *ir, rung_node *node) {
  rung_graph *yes = body_of(node, "then_branch"), *no = body_of(node, "else_branch");
  RUNG_MODEL_REQUIRE(yes && no, "If needs two branches");
  RUNG_TRY(infer_graph(ir, yes));
  RUNG_TRY(infer_graph(ir, no));
  RUNG_MODEL_REQUIRE(yes->output_count >= node->output_count && no->output_count >= node->output_count,
                     "a branch has fewer outputs than the node");
  for (uint32_t i = 0; i < node->output_count; i++) {
    if (!node->outputs[i]) continue;
    rung_type type = yes->outputs[i]->type;
    generalize(ir, &type, &no->outputs[i]->type);
    node->outputs[i]->type = type;
  }
  return NULL;
}

static const rung_type iteration_type = {.kind = RUNG_TENSOR, .dtype = RUNG_I64};
static const rung_type condition_type = {.kind = RUNG_TENSOR, .dtype = RUNG_BOOL};

/* A value with one more dimension in front, or without its first. */
static rung_type stacked(const rung_type *type, int64_t length, int32_t axis) {
  rung_type result = *type;
  if (type->kind != RUNG_TENSOR || type->rank < 0 || type->rank >= RUNG_MAX_RANK) {
    result.rank = -1;
    return result;
  }
  if (axis < 0) axis += type->rank + 1;
  axis = RUNG_CLAMP(axis, 0, type->rank);
  result.rank = type->rank + 1;
  memmove(result.dims + axis + 1, type->dims + axis, (size_t)(type->rank - axis) * sizeof result.dims[0]);
  result.dims[axis] = length;
  return result;
}

static rung_type sliced(const rung_type *type, int32_t axis) {
  rung_type result = *type;
  if (type->kind != RUNG_TENSOR || type->rank < 1) {
    result.rank = -1;
    return result;
  }
  if (axis < 0) axis += type->rank;
  axis = RUNG_CLAMP(axis, 0, type->rank - 1);
  result.rank = type->rank - 1;
  memmove(result.dims + axis, type->dims + axis + 1, (size_t)(type->rank - axis - 1) * sizeof result.dims[0]);
  return result;
}

/* What was known of a body before its first walk: a walk for other types must not build on what the last one found. */
typedef struct memory {
  const rung_allocator *allocator;
  RUNG_VEC(rung_value_info *) infos;
  RUNG_VEC(rung_value_info) before;
} memory;

static rung_status *remember(rung_graph *graph, void *context) {
  memory *m = context;
  for (uint32_t i = 0; i < graph->value_count; i++) {
    rung_value_info *info = graph->values[i];
    if (!info || !info->producer) continue;
    if (!rung_vec_push(m->allocator, &m->infos, info) || !rung_vec_push(m->allocator, &m->before, *info))
      return rung_status_out_of_memory();
  }
  for (uint32_t n = 0; n < graph->node_count; n++) RUNG_TRY(rung_node_each_body(graph->nodes[n], remember, context));
  return NULL;
}

static void go_back(const memory *m) {
  for (size_t i = 0; i < m->infos.count; i++) {
    const rung_value_info *before = &m->before.at[i];
    m->infos.at[i]->type = before->type;
    m->infos.at[i]->known = before->known;
    m->infos.at[i]->known_count = before->known_count;
  }
}

/* Walks the body until what it is given holds for what it gives back, too. */
static rung_status *settle_carried(rung_ir *ir, rung_graph *body, uint32_t carried, const memory *m) {
  for (;;) {
    bool stable = true;
    RUNG_TRY(infer_graph(ir, body));
    for (uint32_t i = 0; i < carried; i++) {
      rung_type before = body->inputs[i + 2]->type;
      generalize(ir, &body->inputs[i + 2]->type, &body->outputs[i + 1]->type);
      stable &= same_type(&before, &body->inputs[i + 2]->type);
    }
    if (stable) return NULL;
    go_back(m);
  }
}

static rung_status *infer_loop(rung_ir *ir, rung_node *node) {
  rung_graph *body = body_of(node, "body");
  uint32_t carried = node->input_count > 2 ? node->input_count - 2 : 0;
  RUNG_MODEL_REQUIRE(body && body->input_count == carried + 2 && body->output_count >= carried + 1,
                     "the body of Loop must take 2 + %u and give at least 1 + %u values", carried, carried);
  assign(body->inputs[0], &iteration_type);
  assign(body->inputs[1], &condition_type);
  for (uint32_t i = 0; i < carried; i++)
    if (node->inputs[i + 2]) body->inputs[i + 2]->type = node->inputs[i + 2]->type;
  memory m = {.allocator = ir->allocator};
  rung_status *status = remember(body, &m);
  if (!status) status = settle_carried(ir, body, carried, &m);
  rung_vec_free(m.allocator, &m.before);
  rung_vec_free(m.allocator, &m.infos);
  RUNG_TRY(status);
  for (uint32_t i = 0; i < node->output_count && i + 1 < body->output_count; i++) {
    if (!node->outputs[i]) continue;
    rung_type type = body->outputs[i + 1]->type;
    if (i < carried) generalize(ir, &type, &body->inputs[i + 2]->type);
    node->outputs[i]->type = i < carried ? type : stacked(&type, ir->next_symbol++, 0);
  }
  return NULL;
}

static int32_t axis_at(const rung_node *node, const char *name, uint32_t index) {
  const rung_attribute *axes = rung_node_attribute(node, name);
  return axes && index < axes->count && axes->ints
             ? (int32_t)RUNG_CLAMP(axes->ints[index], -RUNG_MAX_RANK, RUNG_MAX_RANK)
             : 0;
}

/* The size of one axis of a tensor; a new symbol where it is not known. */
static int64_t size_at(rung_ir *ir, const rung_value_info *info, int32_t axis) {
  const rung_type *type = info ? &info->type : NULL;
  bool ranked = type && type->kind == RUNG_TENSOR && type->rank > 0;
  if (ranked && axis < 0) axis += type->rank;
  return ranked && axis >= 0 && axis < type->rank ? type->dims[axis] : ir->next_symbol++;
}

static rung_status *infer_scan(rung_ir *ir, rung_node *node) {
  rung_graph *body = body_of(node, "body");
  const rung_attribute *count = rung_node_attribute(node, "num_scan_inputs");
  uint32_t lead = node->opset < 9; /* Scan-8: an optional sequence_lens comes first, and a batch axis */
  uint32_t inputs = node->input_count - RUNG_MIN(lead, node->input_count);
  RUNG_MODEL_REQUIRE(body && count && count->i >= 1 && count->i <= inputs && body->input_count == inputs,
                     "num_scan_inputs does not fit the inputs of Scan and its body");
  uint32_t states = inputs - (uint32_t)count->i;
  RUNG_MODEL_REQUIRE(body->output_count >= states, "the body of Scan gives back fewer values than it carries");
  for (uint32_t i = 0; i < inputs; i++) {
    const rung_value_info *given = node->inputs[i + lead];
    if (!given) continue;
    rung_type type = i < states ? given->type : sliced(&given->type, axis_at(node, "scan_input_axes", i - states));
    if (lead) type = sliced(&type, 0);
    body->inputs[i]->type = type;
  }
  RUNG_TRY(infer_graph(ir, body));
  const rung_value_info *scanned = node->inputs[states + lead];
  int32_t axis = lead ? 1 : axis_at(node, "scan_input_axes", 0);
  int64_t trips = size_at(ir, scanned, axis), batch = size_at(ir, scanned, 0);
  for (uint32_t i = 0; i < node->output_count && i < body->output_count; i++) {
    if (!node->outputs[i]) continue;
    const rung_type *type = &body->outputs[i]->type;
    rung_type result = i < states ? *type : stacked(type, trips, axis_at(node, "scan_output_axes", i - states));
    if (lead) result = stacked(&result, batch, 0);
    node->outputs[i]->type = result;
  }
  return NULL;
}

static rung_status *infer_sequence_map(rung_ir *ir, rung_node *node) {
  rung_graph *body = body_of(node, "body");
  RUNG_MODEL_REQUIRE(body && body->input_count == node->input_count && body->output_count >= node->output_count,
                     "the body of SequenceMap does not fit its inputs and outputs");
  for (uint32_t i = 0; i < node->input_count; i++) {
    const rung_type *type = &node->inputs[i]->type;
    if (type->kind == RUNG_SEQUENCE && type->element)
      body->inputs[i]->type = *type->element;
    else if (type->kind == RUNG_TENSOR)
      body->inputs[i]->type = *type;
  }
  RUNG_TRY(infer_graph(ir, body));
  for (uint32_t i = 0; i < node->output_count; i++)
    if (node->outputs[i])
      node->outputs[i]->type = (rung_type){.kind = RUNG_SEQUENCE, .rank = -1, .element = &body->outputs[i]->type};
  return NULL;
}

/* Nodes */

static rung_status *infer_with_definition(rung_ir *ir, rung_node *node) {
  rung_operand *operands = rung_alloc(ir->allocator, node->input_count + 1, sizeof *operands, "infer");
  rung_type *types = rung_alloc(ir->allocator, node->output_count + 1, sizeof *types, "infer");
  rung_known *known = rung_alloc(ir->allocator, node->output_count + 1, sizeof *known, "infer");
  rung_status *status = operands && types && known ? NULL : rung_status_out_of_memory();
  int64_t fresh = ir->next_symbol;
  for (uint32_t i = 0; !status && i < node->input_count; i++) {
    const rung_value_info *info = node->inputs[i];
    if (info) operands[i] = (rung_operand){&info->type, info->constant, info->known, info->known_count};
  }
  rung_infer infer = {node,  node->params, node->input_count, node->output_count, operands,
                      types, known,        &ir->arena,        &ir->next_symbol};
  if (!status) status = rung_op_infer(node->op, &infer);
  bool is_claimed = false;
  for (uint32_t i = 0; i < node->input_count; i++) is_claimed |= node->inputs[i] && node->inputs[i]->type.is_claimed;
  for (uint32_t i = 0; !status && i < node->output_count; i++) {
    if (!node->outputs[i]) continue;
    types[i].is_claimed = is_claimed;
    narrow(&node->outputs[i]->type, &types[i], fresh);
    if (known[i].at) node->outputs[i]->known = known[i].at, node->outputs[i]->known_count = known[i].count;
  }
  rung_free(ir->allocator, known);
  rung_free(ir->allocator, types);
  rung_free(ir->allocator, operands);
  return status;
}

/* A body that hands on a tensor of the same type and shape. */
static rung_status *infer_modifier(rung_ir *ir, rung_graph *body, const rung_type *type) {
  if (!body) return NULL;
  rung_type *given = &body->inputs[0]->type, *made = &body->outputs[0]->type;
  RUNG_MODEL_REQUIRE(!given->dtype || !type->dtype || given->dtype == type->dtype, "the body is given %s, not %s",
                     rung_dtype_name(type->dtype), rung_dtype_name(given->dtype));
  assign(body->inputs[0], type);
  RUNG_TRY(infer_graph(ir, body));
  RUNG_MODEL_REQUIRE(!made->dtype || !type->dtype || made->dtype == type->dtype, "the body gives %s back, not %s",
                     rung_dtype_name(made->dtype), rung_dtype_name(type->dtype));
  RUNG_MODEL_REQUIRE(made->rank < 0 || made->rank == type->rank, "the body gives %d dimensions back, not %d",
                     made->rank, type->rank);
  for (int32_t i = 0; i < made->rank; i++)
    RUNG_MODEL_REQUIRE(made->dims[i] < 0 || type->dims[i] < 0 || made->dims[i] == type->dims[i],
                       "the body gives %lld back as dimension %d, not %lld", (long long)made->dims[i], i,
                       (long long)type->dims[i]);
  return NULL;
}

static rung_status *infer_flex_attention(rung_ir *ir, rung_node *node) {
  const rung_flex_attention_params *p = node->params;
  const rung_type *q = &node->inputs[0]->type, *k = &node->inputs[1]->type;
  RUNG_TRY(infer_with_definition(ir, node));
  rung_type scores = {.kind = RUNG_TENSOR, .rank = 4};
  if (q->dtype) scores.dtype = rung_flex_attention_precision(p, q->dtype);
  for (int32_t i = 0; i < 3; i++) scores.dims[i] = q->rank == 4 ? q->dims[i] : ir->next_symbol++;
  scores.dims[3] = k->rank == 4 ? k->dims[2] : ir->next_symbol++;
  RUNG_TRY(rung_status_prefix(infer_modifier(ir, p->score_mod, &scores), "score_mod"));
  return rung_status_prefix(infer_modifier(ir, p->prob_mod, &scores), "prob_mod");
}

static const struct {
  const char *name;
  rung_status *(*infer)(rung_ir *ir, rung_node *node);
} with_bodies[] = {{"If", infer_if},
                   {"Loop", infer_loop},
                   {"Scan", infer_scan},
                   {"SequenceMap", infer_sequence_map},
                   {"FlexAttention", infer_flex_attention}};

/* A node that only a provider may know. */
static rung_status *infer_foreign(rung_ir *ir, rung_node *node) {
  if (!ir->infer_foreign || !node->output_count) return NULL;
  rung_type *types = rung_arena_alloc(&ir->arena, node->output_count, sizeof *types);
  RUNG_CHECK_ALLOC(types);
  for (uint32_t i = 0; i < node->output_count; i++) types[i].rank = -1;
  rung_status *status = ir->infer_foreign(ir->infer_user, node, types);
  if (status && rung_status_code(status) == RUNG_UNSUPPORTED) {
    rung_status_free(status);
    return NULL;
  }
  for (uint32_t i = 0; i < node->output_count && !status; i++) assign(node->outputs[i], &types[i]);
  return status;
}

static rung_status *infer_bodies(rung_graph *body, void *context) { return infer_graph(context, body); }

static rung_status *infer_node(rung_ir *ir, rung_node *node) {
  if (!node->op) {
    RUNG_TRY(rung_node_each_body(node, infer_bodies, ir));
    return infer_foreign(ir, node);
  }
  if (node->op->flags & (RUNG_OP_CONTROL | RUNG_OP_EXPANDS))
    for (size_t i = 0; i < RUNG_COUNT(with_bodies); i++)
      if (strcmp(with_bodies[i].name, node->op_type) == 0) return with_bodies[i].infer(ir, node);
  return infer_with_definition(ir, node);
}

static rung_status *infer_graph(rung_ir *ir, rung_graph *graph) {
  for (uint32_t n = 0; n < graph->node_count; n++)
    RUNG_TRY(rung_status_prefix(infer_node(ir, graph->nodes[n]), "node \"%s\" (%s)", graph->nodes[n]->name,
                                graph->nodes[n]->op_type));
  return NULL;
}

rung_status *rung_ir_infer(rung_ir *ir) { return infer_graph(ir, ir->graph); }

/* Overrides */

typedef struct substitution {
  int64_t from, to;
} substitution;

static rung_status *substitute(rung_graph *graph, void *context) {
  const substitution *s = context;
  for (uint32_t i = 0; i < graph->value_count; i++) {
    rung_type *type = &graph->values[i]->type;
    for (int32_t k = 0; k < type->rank; k++)
      if (type->dims[k] == s->from) type->dims[k] = s->to;
  }
  for (uint32_t n = 0; n < graph->node_count; n++) RUNG_TRY(rung_node_each_body(graph->nodes[n], substitute, context));
  return NULL;
}

rung_status *rung_ir_override_dimensions(rung_ir *ir, const rung_ir_dimension *dimensions, size_t count) {
  const rung_model *model = ir->model;
  for (size_t i = 0; i < count; i++) {
    RUNG_REQUIRE(dimensions[i].size >= 0, INVALID_ARGUMENT, "dimension \"%s\" cannot be %lld", dimensions[i].name,
                 (long long)dimensions[i].size);
    size_t k = 0;
    while (k < model->symbol_count && (!model->symbols[k] || strcmp(model->symbols[k], dimensions[i].name) != 0)) k++;
    RUNG_REQUIRE(k < model->symbol_count, NOT_FOUND, "the model has no dimension named \"%s\"", dimensions[i].name);
    RUNG_TRY(substitute(ir->graph, &(substitution){RUNG_SYMBOL(k), dimensions[i].size}));
  }
  return NULL;
}

rung_status *rung_ir_override_shape(rung_ir *ir, const char *input, int32_t rank, const int64_t *dims) {
  rung_graph *graph = ir->graph;
  rung_value_info *info = NULL;
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (strcmp(graph->inputs[i]->name, input) == 0) info = graph->inputs[i];
  RUNG_REQUIRE(info, NOT_FOUND, "the model has no input named \"%s\"", input);
  RUNG_REQUIRE(rank >= 0 && rank <= RUNG_MAX_RANK && (info->type.rank < 0 || info->type.rank == rank), INVALID_ARGUMENT,
               "input \"%s\" has %d dimensions, %d are given", input, info->type.rank, rank);
  for (int32_t i = 0; i < rank; i++) {
    if (info->type.rank < 0) info->type.dims[i] = ir->next_symbol++;
    int64_t dim = info->type.dims[i];
    RUNG_REQUIRE(dims[i] >= 0 && (RUNG_IS_SYMBOL(dim) || dim == dims[i]), INVALID_ARGUMENT,
                 "dimension %d of input \"%s\" is %lld in the model, %lld is given", i, input, (long long)dim,
                 (long long)dims[i]);
  }
  info->type.rank = rank;
  for (int32_t i = 0; i < rank; i++)
    if (RUNG_IS_SYMBOL(info->type.dims[i])) RUNG_TRY(substitute(graph, &(substitution){info->type.dims[i], dims[i]}));
  return NULL;
}
