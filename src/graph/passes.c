#include "graph/passes.h"

#include "base/str.h"
#include "graph/expand.h"
#include "graph/legalise.h"
#include "op/op_infer.h"

#include <string.h>

static const struct {
  const char *name, *help;
  bool legalises;
} descriptions[] = {
#define RUNG_PASS(name, help) {#name, help, false},
#define RUNG_LEGALISE(name, help) {#name, help, true},
#include "graph/passes.inc"
#undef RUNG_LEGALISE
#undef RUNG_PASS
};

const char *rung_pass_name(rung_pass pass) { return descriptions[pass].name; }
const char *rung_pass_help(rung_pass pass) { return descriptions[pass].help; }
bool rung_pass_is_legalising(rung_pass pass) { return descriptions[pass].legalises; }

typedef struct rewrite {
  rung_ir *ir;
  rung_passes *passes;
  uint32_t changed;
} rewrite;

/* Removes marked nodes, after a pass has gone over them. */
static rung_status *sweep(rewrite *r, rung_graph *graph,
                          rung_status *(*mark)(rewrite *r, rung_graph *graph, bool *dead)) {
  bool *dead = rung_alloc(r->ir->allocator, graph->node_count + 1, sizeof *dead, "pass");
  RUNG_CHECK_ALLOC(dead);
  rung_status *status = mark(r, graph, dead);
  for (uint32_t n = 0; n < graph->node_count; n++) r->changed += dead[n];
  if (!status) rung_ir_remove_nodes(graph, dead);
  rung_free(r->ir->allocator, dead);
  return status;
}

/* Folding */

/* Shapes that inference has worked out become constants without running anything. */
static rung_status *fold_known(rewrite *r, rung_value_info *info, bool *out_folded) {
  rung_value *value;
  RUNG_TRY(rung_known_value(r->ir->allocator, &info->type, info->known, info->known_count, &value));
  *out_folded = value != NULL;
  rung_status *status = value ? rung_ir_set_constant(r->ir, info, value) : NULL;
  rung_value_release(value);
  return status;
}

static size_t value_bytes(const rung_value *value) {
  size_t bytes = value->tensor.size;
  for (size_t i = 0; i < value->count; i++) bytes += value_bytes(value->items[i]);
  return bytes;
}

/* Does the output come from inputs that are spread over each other, such as a row and a column, none of which is as
 * large as it? Each of its elements is worth a computation then. */
static bool is_outer(const rung_node *node) {
  const rung_type *out = node->output_count == 1 && node->outputs[0] ? &node->outputs[0]->type : NULL;
  size_t spread = 0;
  if (!out || out->kind != RUNG_TENSOR || out->rank < 1) return false;
  bool reached[RUNG_MAX_RANK] = {false};
  for (uint32_t i = 0; i < node->input_count; i++) {
    const rung_value *in = node->inputs[i] ? node->inputs[i]->constant : NULL;
    if (!in || in->kind != RUNG_TENSOR || in->tensor.rank > out->rank) return false;
    int32_t missing = out->rank - in->tensor.rank, full = 0;
    for (int32_t d = 0; d < in->tensor.rank; d++) {
      bool same = in->tensor.dims[d] == out->dims[missing + d];
      if (!same && in->tensor.dims[d] != 1) return false;
      reached[missing + d] |= same;
      full += same;
    }
    if (full == out->rank) return false;
    spread += full > 0;
  }
  for (int32_t d = 0; d < out->rank; d++)
    if (!reached[d]) return false;
  return spread > 1;
}

/* Has some input as many elements as the output? Then only their size grows: weights that are kept in a short type. */
static bool is_widened(const rung_node *node) {
  size_t most = 0, count = 0;
  for (uint32_t i = 0; i < node->input_count; i++)
    if (node->inputs[i]) most = RUNG_MAX(most, rung_tensor_count(&node->inputs[i]->constant->tensor));
  const rung_type *out = node->output_count == 1 && node->outputs[0] ? &node->outputs[0]->type : NULL;
  return out && out->kind == RUNG_TENSOR && out->rank >= 0 && rung_shape_count(out->rank, out->dims, &count) &&
         count == most;
}

/* Folding never enlarges by more than a limit: weights behind DequantizeLinear, large ConstantOfShape and the like
 * stay. */
static bool may_fold(const rewrite *r, const rung_node *node) {
  if (!node->op || (node->op->flags & (RUNG_OP_RANDOM | RUNG_OP_CONTROL | RUNG_OP_STAYS)) || !node->output_count)
    return false;
  size_t given = 0, made = 0;
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (!node->inputs[i]) continue;
    if (!node->inputs[i]->constant) return false;
    given += value_bytes(node->inputs[i]->constant);
  }
  for (uint32_t i = 0; i < node->output_count; i++) {
    const rung_type *type = node->outputs[i] ? &node->outputs[i]->type : NULL;
    size_t count, bytes;
    if (!type) continue;
    if (type->kind == RUNG_TENSOR && type->rank >= 0 && type->dtype &&
        rung_shape_count(type->rank, type->dims, &count) && rung_dtype_bytes(type->dtype, count, &bytes))
      made += bytes;
    else if (given > r->passes->fold_limit)
      return false;
  }
  size_t limit = is_widened(node) ? r->passes->widened_limit
                 : is_outer(node) ? r->passes->outer_limit
                                  : r->passes->fold_limit;
  return made <= RUNG_MAX(given, limit);
}

static rung_status *set_results(rewrite *r, rung_node *node, rung_value **results) {
  for (uint32_t i = 0; i < node->output_count; i++)
    if (node->outputs[i]) RUNG_TRY(rung_ir_set_constant(r->ir, node->outputs[i], results[i]));
  return NULL;
}

static rung_status *evaluate(rewrite *r, rung_node *node, bool *out_folded) {
  rung_value **inputs = rung_alloc(r->ir->allocator, node->input_count + 1, sizeof *inputs, "fold");
  rung_value **outputs = rung_alloc(r->ir->allocator, node->output_count + 1, sizeof *outputs, "fold");
  rung_status *status = inputs && outputs ? NULL : rung_status_out_of_memory();
  for (uint32_t i = 0; !status && i < node->input_count; i++)
    inputs[i] = node->inputs[i] ? node->inputs[i]->constant : NULL;
  const rung_evaluator *evaluator = r->passes->evaluator;
  if (!status) status = evaluator->run(evaluator->user, node, inputs, outputs);
  if (!status) {
    status = set_results(r, node, outputs);
    *out_folded = !status;
  } else if (rung_status_code(status) != RUNG_OUT_OF_MEMORY && rung_status_code(status) != RUNG_CANCELLED) {
    /* What cannot be folded is left for the run, where its error has a place. */
    rung_status_free(status);
    status = NULL;
  }
  for (uint32_t i = 0; outputs && i < node->output_count; i++) rung_value_release(outputs[i]);
  rung_free(r->ir->allocator, outputs);
  rung_free(r->ir->allocator, inputs);
  return status;
}

static rung_status *mark_folded(rewrite *r, rung_graph *graph, bool *dead) {
  for (uint32_t n = 0; n < graph->node_count; n++) {
    rung_node *node = graph->nodes[n];
    bool all = node->output_count > 0 && node->op && !(node->op->flags & RUNG_OP_CONTROL);
    for (uint32_t i = 0; all && i < node->output_count; i++) {
      bool folded = false;
      if (node->outputs[i]) RUNG_TRY(fold_known(r, node->outputs[i], &folded));
      all = !node->outputs[i] || folded;
    }
    if (!all && r->passes->evaluator && may_fold(r, node)) RUNG_TRY(evaluate(r, node, &all));
    dead[n] = all;
    for (uint32_t i = 0; i < node->output_count; i++) /* a node with one folded output keeps making the others */
      if (!all && node->outputs[i] && node->outputs[i]->constant) node->outputs[i] = NULL;
  }
  return NULL;
}

static rung_status *pass_fold(rewrite *r, rung_graph *graph) { return sweep(r, graph, mark_folded); }

/* Identities */

/* Further outputs (the mask of Dropout) count only when somebody reads them. */
static bool makes_one(const rung_node *node) {
  for (uint32_t i = 1; i < node->output_count; i++)
    if (node->outputs[i] && node->outputs[i]->uses) return false;
  return node->output_count > 0 && node->outputs[0];
}

static bool hands_on(const rung_node *node) {
  if (!node->op || node->domain[0] || !makes_one(node) || !node->inputs[0]) return false;
  if (strcmp(node->op_type, "Identity") == 0) return true;
  if (strcmp(node->op_type, "Cast") == 0)
    return node->inputs[0]->type.kind == RUNG_TENSOR && node->inputs[0]->type.dtype &&
           node->inputs[0]->type.dtype == node->outputs[0]->type.dtype;
  /* Inference mode, unless the third input says otherwise. */
  if (strcmp(node->op_type, "Dropout") == 0) return node->opset >= 7 && (node->input_count < 3 || !node->inputs[2]);
  return false;
}

/* The name of a graph output is the user's: when an identity makes it, its input's producer makes it instead. */
static bool bypass(rung_graph *graph, rung_node *node) {
  rung_value_info *from = node->inputs[0], *to = node->outputs[0];
  if (!to->mark) {
    rung_ir_forward(to, from);
  } else {
    rung_node *producer = from->producer;
    if (!producer || producer->graph != graph || from->mark || from->constant) return false;
    for (uint32_t i = 0; i < producer->output_count; i++)
      if (producer->outputs[i] == from) producer->outputs[i] = to;
    if (to->type.kind == RUNG_NONE || from->type.rank >= 0) to->type = from->type;
    to->producer = producer;
    to->known = from->known;
    to->known_count = from->known_count;
    rung_ir_forward(from, to);
  }
  return true;
}

static rung_status *mark_identities(rewrite *r, rung_graph *graph, bool *dead) {
  (void)r;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    rung_ir_resolve_inputs(graph->nodes[n]);
    dead[n] = hands_on(graph->nodes[n]) && bypass(graph, graph->nodes[n]);
  }
  return NULL;
}

static rung_status *pass_identity(rewrite *r, rung_graph *graph) { return sweep(r, graph, mark_identities); }

/* Duplicates */

static bool same_attribute(const rung_attribute *a, const rung_attribute *b) {
  if (a->type != b->type || a->count != b->count || strcmp(a->name, b->name) != 0) return false;
  switch (a->type) {
    case RUNG_ATTRIBUTE_FLOAT:
      return memcmp(&a->f, &b->f, sizeof a->f) == 0;
    case RUNG_ATTRIBUTE_INT:
      return a->i == b->i;
    case RUNG_ATTRIBUTE_STRING:
      return rung_str_equal(a->s, b->s);
    case RUNG_ATTRIBUTE_TENSOR:
      return a->tensor == b->tensor;
    case RUNG_ATTRIBUTE_FLOATS:
      return memcmp(a->floats, b->floats, a->count * sizeof *a->floats) == 0;
    case RUNG_ATTRIBUTE_INTS:
      return memcmp(a->ints, b->ints, a->count * sizeof *a->ints) == 0;
    default:
      return false;
  }
}

static bool computes_same(const rung_node *a, const rung_node *b) {
  if (a->op != b->op || a->opset != b->opset || a->input_count != b->input_count ||
      a->output_count != b->output_count || a->attribute_count != b->attribute_count)
    return false;
  if (a->input_count && memcmp(a->inputs, b->inputs, a->input_count * sizeof *a->inputs) != 0) return false;
  for (uint32_t i = 0; i < a->output_count; i++)
    if (!a->outputs[i] != !b->outputs[i]) return false;
  for (uint32_t i = 0; i < a->attribute_count; i++)
    if (!same_attribute(&a->attributes[i], &b->attributes[i])) return false;
  return true;
}

/* What same_attribute compares. */
static uint64_t attribute_hash(const rung_attribute *a, uint64_t hash) {
  switch (a->type) {
    case RUNG_ATTRIBUTE_FLOAT:
      return rung_hash_bytes(&a->f, sizeof a->f, hash);
    case RUNG_ATTRIBUTE_INT:
      return rung_hash_bytes(&a->i, sizeof a->i, hash);
    case RUNG_ATTRIBUTE_STRING:
      return a->s.size ? rung_hash_bytes(a->s.data, a->s.size, hash) : hash;
    case RUNG_ATTRIBUTE_TENSOR:
      return rung_hash_bytes(&a->tensor, sizeof a->tensor, hash);
    case RUNG_ATTRIBUTE_FLOATS:
      return a->count ? rung_hash_bytes(a->floats, a->count * sizeof *a->floats, hash) : hash;
    case RUNG_ATTRIBUTE_INTS:
      return a->count ? rung_hash_bytes(a->ints, a->count * sizeof *a->ints, hash) : hash;
    default:
      return hash;
  }
}

static uint64_t node_hash(const rung_node *node) {
  uint64_t hash = rung_hash_bytes(&node->op, sizeof node->op, node->output_count);
  if (node->input_count) hash = rung_hash_bytes(node->inputs, node->input_count * sizeof *node->inputs, hash);
  for (uint32_t i = 0; i < node->attribute_count; i++) hash = attribute_hash(&node->attributes[i], hash);
  return hash;
}

/* Attributes that same_attribute knows nothing of are never the same: such nodes would only fill the table. */
static bool may_merge(const rung_node *node) {
  if (!node->op || (node->op->flags & (RUNG_OP_RANDOM | RUNG_OP_CONTROL))) return false;
  for (uint32_t i = 0; i < node->attribute_count; i++)
    if (!same_attribute(&node->attributes[i], &node->attributes[i])) return false;
  for (uint32_t i = 0; i < node->output_count; i++)
    if (node->outputs[i] && node->outputs[i]->mark) return false;
  return true;
}

static void merge_into(const rung_node *first, const rung_node *again) {
  for (uint32_t i = 0; i < first->output_count; i++)
    if (first->outputs[i]) rung_ir_forward(again->outputs[i], first->outputs[i]);
}

/* Open addressing by hash of operator, inputs and attributes; nodes come in topological order, so inputs are merged
 * before. */
static rung_status *mark_duplicates(rewrite *r, rung_graph *graph, bool *dead) {
  size_t capacity = 16;
  while (capacity < 2 * (size_t)graph->node_count) capacity *= 2;
  rung_node **table = rung_alloc(r->ir->allocator, capacity, sizeof *table, "dedupe");
  RUNG_CHECK_ALLOC(table);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    rung_node *node = graph->nodes[n];
    rung_ir_resolve_inputs(node);
    if (!may_merge(node)) continue;
    size_t at = node_hash(node) & (capacity - 1);
    while (table[at] && !computes_same(table[at], node)) at = (at + 1) & (capacity - 1);
    dead[n] = table[at] != NULL;
    if (dead[n])
      merge_into(table[at], node);
    else
      table[at] = node;
  }
  rung_free(r->ir->allocator, table);
  return NULL;
}

static rung_status *pass_dedupe(rewrite *r, rung_graph *graph) { return sweep(r, graph, mark_duplicates); }

/* Dead code */

static void count_down(rung_value_info **infos, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (infos[i] && infos[i]->uses) infos[i]->uses--;
}

/* Backwards, so that a node dies before those that only it kept alive. */
static rung_status *mark_dead(rewrite *r, rung_graph *graph, bool *dead) {
  (void)r;
  for (uint32_t n = graph->node_count; n-- > 0;) {
    rung_node *node = graph->nodes[n];
    dead[n] = true;
    for (uint32_t i = 0; i < node->output_count; i++) dead[n] &= !node->outputs[i] || node->outputs[i]->uses == 0;
    if (!dead[n]) continue;
    count_down(node->inputs, node->input_count);
    count_down(node->captures, node->capture_count);
  }
  return NULL;
}

static rung_status *pass_dead(rewrite *r, rung_graph *graph) { return sweep(r, graph, mark_dead); }

/* Expansion */

static rung_status *pass_expand(rewrite *r, rung_graph *graph) { return rung_expand(r->ir, graph, &r->changed); }

/* All of them */

static rung_status *(*const functions[])(rewrite *r, rung_graph *graph) = {
#define RUNG_PASS(name, help) [RUNG_PASS_##name] = pass_##name,
#define RUNG_LEGALISE(name, help)
#include "graph/passes.inc"
#undef RUNG_LEGALISE
#undef RUNG_PASS
};

typedef struct walk {
  rewrite *r;
  rung_pass pass;
} walk;

/* The outputs of a graph are the user's: their values are marked. */
static rung_status *run_pass(rung_graph *graph, void *context) {
  walk *w = context;
  for (uint32_t i = 0; i < graph->value_count; i++) graph->values[i]->mark = 0;
  for (uint32_t i = 0; i < graph->output_count; i++) graph->outputs[i]->mark = 1;
  rewrite *r = w->r;
  RUNG_TRY(rung_pass_is_legalising(w->pass) ? rung_legalise(r->ir, r->passes, w->pass, graph, &r->changed)
                                            : functions[w->pass](r, graph));
  for (uint32_t n = 0; n < graph->node_count; n++) RUNG_TRY(rung_node_each_body(graph->nodes[n], run_pass, context));
  return NULL;
}

rung_status *rung_ir_optimize(rung_ir *ir, rung_passes *passes) {
  bool changing = true;
  for (int round = 0; changing && round < 8; round++) {
    RUNG_TRY(rung_ir_infer(ir));
    changing = false;
    for (int pass = 0; pass < RUNG_PASS_COUNT; pass++) {
      if (passes->off & (1u << pass)) continue;
      rewrite r = {ir, passes, 0};
      bool can = true;
      RUNG_TRY(rung_ir_go_on(ir));
      RUNG_TRY(rung_ir_recount(ir));
      if (pass == RUNG_PASS_opset) RUNG_TRY(rung_legalise_can_raise(ir, passes, &can));
      if (!can) continue;
      RUNG_TRY(run_pass(ir->graph, &(walk){&r, (rung_pass)pass}));
      RUNG_TRY(rung_ir_resolve(ir));
      bool adds = rung_pass_is_legalising((rung_pass)pass) || pass == RUNG_PASS_expand;
      if (r.changed && adds) RUNG_TRY(rung_ir_infer(ir)); /* of the new nodes */
      passes->changed[pass] += r.changed;
      changing |= r.changed > 0;
    }
  }
  return rung_ir_recount(ir);
}
