#include "graph/ir.h"

#include "base/str.h"

#include <stdio.h>

void rung_ir_free(rung_ir **ir) {
  if (!*ir) return;
  for (size_t i = 0; i < (*ir)->constants.count; i++) rung_value_release((*ir)->constants.at[i]);
  rung_vec_free((*ir)->allocator, &(*ir)->constants);
  rung_arena_finish(&(*ir)->arena);
  rung_model_release((*ir)->model);
  rung_free((*ir)->allocator, *ir);
  *ir = NULL;
}

rung_status *rung_ir_own_value(rung_ir *ir, rung_graph *graph, rung_value_info *info) {
  /* The array of values grows by doubling in the arena; the old one stays behind unused. */
  if ((graph->value_count & (graph->value_count - 1)) == 0) {
    uint32_t capacity = graph->value_count ? graph->value_count * 2 : 1;
    rung_value_info **larger = rung_arena_alloc(&ir->arena, capacity, sizeof *larger);
    RUNG_CHECK_ALLOC(larger);
    if (graph->value_count) memcpy(larger, graph->values, graph->value_count * sizeof *larger);
    graph->values = larger;
  }
  info->graph = graph;
  info->index = graph->value_count;
  graph->values[graph->value_count++] = info;
  return NULL;
}

rung_value_info *rung_ir_add_value(rung_ir *ir, rung_graph *graph, const char *name) {
  rung_value_info *info = rung_arena_alloc(&ir->arena, 1, sizeof *info);
  if (!info) return NULL;
  info->name = name;
  rung_status *status = rung_ir_own_value(ir, graph, info);
  rung_status_free(status);
  return status ? NULL : info;
}

rung_node *rung_ir_new_node(rung_ir *ir, rung_graph *graph, const char *name, const char *op_type, int64_t opset,
                            uint32_t inputs, uint32_t attributes) {
  rung_node *node = rung_arena_alloc(&ir->arena, 1, sizeof *node);
  rung_value_info **operands = rung_arena_alloc(&ir->arena, (size_t)inputs + 1, sizeof *operands);
  rung_attribute *list = rung_arena_alloc(&ir->arena, (size_t)attributes + 1, sizeof *list);
  if (!node || !operands || !list) return NULL;
  *node = (rung_node){.name = name,
                      .domain = "",
                      .op_type = op_type,
                      .opset = opset,
                      .input_count = inputs,
                      .output_count = 1,
                      .attribute_count = attributes,
                      .inputs = operands,
                      .outputs = operands + inputs,
                      .attributes = list,
                      .graph = graph};
  return node;
}

rung_status *rung_ir_set_nodes(rung_ir *ir, rung_graph *graph, rung_node *const *nodes, size_t count) {
  rung_node **list = rung_arena_alloc(&ir->arena, count + 1, sizeof *list);
  RUNG_CHECK_ALLOC(list);
  for (size_t i = 0; i < count; i++) {
    list[i] = nodes[i];
    list[i]->index = (uint32_t)i;
  }
  graph->nodes = list;
  graph->node_count = (uint32_t)count;
  return NULL;
}

rung_status *rung_ir_add_output(rung_ir *ir, const char *name) {
  rung_graph *graph = ir->graph;
  rung_value_info *info = NULL;
  for (uint32_t i = 0; i < graph->value_count && !info; i++)
    if (graph->values[i] && strcmp(graph->values[i]->name, name) == 0) info = graph->values[i];
  RUNG_REQUIRE(info, NOT_FOUND, "the main graph has no value named \"%s\"", name);
  rung_value_info **outputs = rung_arena_alloc(&ir->arena, (size_t)graph->output_count + 1, sizeof *outputs);
  RUNG_CHECK_ALLOC(outputs);
  if (graph->output_count) memcpy(outputs, graph->outputs, graph->output_count * sizeof *outputs);
  outputs[graph->output_count++] = info;
  graph->outputs = outputs;
  info->uses++;
  return NULL;
}

void rung_type_of_value(const rung_value *value, rung_type *out_type) {
  *out_type = (rung_type){.kind = value->kind, .dtype = value->tensor.dtype, .rank = -1};
  if (value->kind == RUNG_TENSOR || value->kind == RUNG_SPARSE) {
    out_type->rank = value->tensor.rank;
    memcpy(out_type->dims, value->tensor.dims, sizeof out_type->dims);
  }
}

rung_status *rung_ir_set_constant(rung_ir *ir, rung_value_info *info, rung_value *value) {
  if (!rung_vec_push(ir->allocator, &ir->constants, value)) return rung_status_out_of_memory();
  info->constant = rung_value_retain(value);
  info->producer = NULL;
  rung_type_of_value(value, &info->type);
  return NULL;
}

const rung_attribute *rung_node_attribute(const rung_node *node, const char *name) {
  for (uint32_t i = 0; i < node->attribute_count; i++)
    if (strcmp(node->attributes[i].name, name) == 0) return &node->attributes[i];
  return NULL;
}

rung_status *rung_node_each_body(const rung_node *node, rung_status *(*fn)(rung_graph *, void *), void *context) {
  for (uint32_t i = 0; i < node->attribute_count; i++) {
    const rung_attribute *attribute = &node->attributes[i];
    if (attribute->graph) RUNG_TRY(fn(attribute->graph, context));
    for (size_t k = 0; attribute->graphs && k < attribute->count; k++) RUNG_TRY(fn(attribute->graphs[k], context));
  }
  return NULL;
}

/* Replacing: a value points to the one to read instead; chains are followed, and shortened on the way. */

void rung_ir_forward(rung_value_info *from, rung_value_info *to) { from->forward = to; }

static rung_value_info *resolve(rung_value_info *info) {
  rung_value_info *end = info;
  while (end && end->forward) end = end->forward;
  while (info && info->forward) {
    rung_value_info *next = info->forward;
    info->forward = end;
    info = next == end ? NULL : next;
  }
  return end;
}

void rung_ir_resolve_inputs(rung_node *node) {
  for (uint32_t i = 0; i < node->input_count; i++) node->inputs[i] = resolve(node->inputs[i]);
}

static rung_status *resolve_in(rung_graph *graph, void *context) {
  for (uint32_t n = 0; n < graph->node_count; n++) {
    rung_ir_resolve_inputs(graph->nodes[n]);
    RUNG_TRY(rung_node_each_body(graph->nodes[n], resolve_in, context));
  }
  for (uint32_t i = 0; i < graph->output_count; i++) graph->outputs[i] = resolve(graph->outputs[i]);
  return NULL;
}

rung_status *rung_ir_resolve(rung_ir *ir) { return resolve_in(ir->graph, NULL); }

void rung_ir_remove_nodes(rung_graph *graph, const bool *dead) {
  uint32_t kept = 0;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    if (dead[n]) continue;
    graph->nodes[kept] = graph->nodes[n];
    graph->nodes[kept]->index = kept;
    kept++;
  }
  graph->node_count = kept;
}

/* Counting */

static rung_status *clear_counts(rung_graph *graph, void *context) {
  for (uint32_t i = 0; i < graph->value_count; i++) graph->values[i]->uses = 0;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    graph->nodes[n]->capture_count = 0;
    RUNG_TRY(rung_node_each_body(graph->nodes[n], clear_counts, context));
  }
  return NULL;
}

static rung_status *add_capture(rung_ir *ir, rung_node *node, rung_value_info *info) {
  for (uint32_t i = 0; i < node->capture_count; i++)
    if (node->captures[i] == info) return NULL;
  if ((node->capture_count & (node->capture_count - 1)) == 0) {
    uint32_t capacity = node->capture_count ? node->capture_count * 2 : 1;
    rung_value_info **larger = rung_arena_alloc(&ir->arena, capacity, sizeof *larger);
    RUNG_CHECK_ALLOC(larger);
    if (node->capture_count) memcpy(larger, node->captures, node->capture_count * sizeof *larger);
    node->captures = larger;
  }
  node->captures[node->capture_count++] = info;
  info->uses++;
  return NULL;
}

/* One more reader of `info` in `graph`: every node between the two captures it. */
static rung_status *count_use(rung_ir *ir, rung_graph *graph, rung_value_info *info) {
  if (!info) return NULL;
  info->uses++;
  if (info->constant) return NULL;
  for (; graph != info->graph && graph->parent; graph = graph->parent->graph)
    RUNG_TRY(add_capture(ir, graph->parent, info));
  return NULL;
}

static rung_status *count_in(rung_graph *graph, void *context) {
  rung_ir *ir = context;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    rung_node *node = graph->nodes[n];
    for (uint32_t i = 0; i < node->input_count; i++) RUNG_TRY(count_use(ir, graph, node->inputs[i]));
    RUNG_TRY(rung_node_each_body(node, count_in, context));
  }
  for (uint32_t i = 0; i < graph->output_count; i++) RUNG_TRY(count_use(ir, graph, graph->outputs[i]));
  return NULL;
}

rung_status *rung_ir_recount(rung_ir *ir) {
  RUNG_TRY(clear_counts(ir->graph, NULL));
  return count_in(ir->graph, ir);
}

/* Validity */

static bool is_graph_input(const rung_graph *graph, const rung_value_info *info) {
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (graph->inputs[i] == info) return true;
  return false;
}

static bool is_captured(const rung_node *node, const rung_value_info *info) {
  for (uint32_t i = 0; i < node->capture_count; i++)
    if (node->captures[i] == info) return true;
  return false;
}

/* May node `index` of `graph` (or its output list, index == node_count) read `info`? */
static bool is_visible(const rung_graph *graph, uint32_t index, const rung_value_info *info) {
  if (info->constant) return true;
  while (info->graph != graph) {
    if (!graph->parent || !is_captured(graph->parent, info)) return false;
    index = graph->parent->index;
    graph = graph->parent->graph;
  }
  return info->producer ? info->producer->graph == graph && info->producer->index < index : is_graph_input(graph, info);
}

typedef struct complaint {
  char *buffer;
  size_t size;
  bool broken;
} complaint;

static rung_status *check_graph(rung_graph *graph, void *context) {
  complaint *found = context;
#define EXPECT(condition, ...)                           \
  do {                                                   \
    if (!found->broken && !(condition)) {                \
      found->broken = true;                              \
      snprintf(found->buffer, found->size, __VA_ARGS__); \
    }                                                    \
  } while (0)
  for (uint32_t n = 0; n < graph->node_count && !found->broken; n++) {
    const rung_node *node = graph->nodes[n];
    EXPECT(node->index == n && node->graph == graph, "node %s has a wrong index or graph", node->name);
    for (uint32_t i = 0; i < node->input_count; i++)
      EXPECT(!node->inputs[i] || is_visible(graph, n, node->inputs[i]), "node %s reads %s too early", node->name,
             node->inputs[i]->name);
    for (uint32_t i = 0; i < node->output_count; i++)
      EXPECT(!node->outputs[i] || (node->outputs[i]->producer == node && !node->outputs[i]->constant),
             "output %u of node %s has another producer", i, node->name);
    RUNG_TRY(rung_node_each_body(node, check_graph, context));
  }
  for (uint32_t i = 0; i < graph->output_count; i++)
    EXPECT(is_visible(graph, graph->node_count, graph->outputs[i]), "output %s of graph %s is made by nobody",
           graph->outputs[i]->name, graph->name);
#undef EXPECT
  return NULL;
}

const char *rung_ir_is_valid(const rung_ir *ir, char *buffer, size_t size) {
  complaint found = {buffer, size, false};
  rung_status_free(check_graph(ir->graph, &found));
  return found.broken ? buffer : NULL;
}
