#include "graph/functions.h"

#include <inttypes.h>

/* Finding */

rung_status *rung_functions_init(rung_functions *f, const rung_allocator *allocator, const rung_model *model,
                                 const rung_ir_limits *limits) {
  *f = (rung_functions){.model = model, .limits = limits};
  rung_map_init(&f->first, allocator);
  f->next = rung_alloc(allocator, model->function_count + 1, sizeof *f->next, "functions");
  f->sizes = rung_alloc(allocator, model->function_count + 1, sizeof *f->sizes, "functions");
  if (!f->next || !f->sizes) return rung_status_out_of_memory();
  for (size_t i = model->function_count; i-- > 0;) { /* backwards: the first of a name ends up first */
    rung_str name = rung_str_of(model->functions[i].name);
    f->next[i] = (uint32_t)(uintptr_t)rung_map_get(&f->first, name);
    if (!rung_map_put(&f->first, name, (void *)(uintptr_t)(i + 1))) return rung_status_out_of_memory();
  }
  return NULL;
}

void rung_functions_finish(rung_functions *f) {
  rung_free(f->first.allocator, f->sizes);
  rung_free(f->first.allocator, f->next);
  rung_map_finish(&f->first);
}

const rung_model_function *rung_functions_find(const rung_functions *f, const rung_model_node *node) {
  size_t i = (uintptr_t)rung_map_get(&f->first, rung_str_of(node->op_type));
  for (; i; i = f->next[i - 1]) {
    const rung_model_function *function = &f->model->functions[i - 1];
    if (strcmp(function->domain, node->domain) == 0 && strcmp(function->overload, node->overload) == 0) return function;
  }
  return NULL;
}

/* Counting */

rung_status *rung_functions_check_limit(const rung_functions *f, uint64_t nodes) {
  RUNG_REQUIRE(nodes <= f->limits->expanded_nodes, LIMIT,
               "the model has more than %" PRIu64 " nodes after its functions are expanded", f->limits->expanded_nodes);
  return NULL;
}

#define COUNTING UINT64_MAX /* in sizes, while the function is being counted */

static uint64_t add(uint64_t a, uint64_t b) { return a > COUNTING - 1 - b ? COUNTING - 1 : a + b; }

static uint64_t count_nodes(rung_functions *f, const rung_model_node *nodes, size_t count, uint32_t depth);

static uint64_t count_node(rung_functions *f, const rung_model_node *node, uint32_t depth) {
  const rung_model_function *called = rung_functions_find(f, node);
  if (called) {
    uint64_t *size = &f->sizes[called - f->model->functions];
    if (*size == COUNTING) f->circle = called->name;
    if (!*size && depth < f->limits->call_depth) { /* deeper is an error when it is expanded */
      *size = COUNTING;
      *size = add(count_nodes(f, called->nodes, called->node_count, depth + 1), 1);
    }
    return *size && *size != COUNTING ? *size - 1 : 0;
  }
  uint64_t sum = strcmp(node->op_type, "Constant") != 0;
  for (size_t i = 0; i < node->attribute_count; i++) {
    const rung_model_attribute *attribute = &node->attributes[i];
    size_t bodies = attribute->reference                             ? 0
                    : attribute->value.type == RUNG_ATTRIBUTE_GRAPH  ? 1
                    : attribute->value.type == RUNG_ATTRIBUTE_GRAPHS ? attribute->value.count
                                                                     : 0;
    for (size_t k = 0; k < bodies; k++)
      sum = add(sum, count_nodes(f, attribute->graphs[k]->nodes, attribute->graphs[k]->node_count, depth));
  }
  return sum;
}

static uint64_t count_nodes(rung_functions *f, const rung_model_node *nodes, size_t count, uint32_t depth) {
  uint64_t sum = 0;
  for (size_t n = 0; n < count; n++) sum = add(sum, count_node(f, &nodes[n], depth));
  return sum;
}

rung_status *rung_functions_check_size(rung_functions *f) {
  uint64_t nodes = count_nodes(f, f->model->graph->nodes, f->model->graph->node_count, 0);
  RUNG_REQUIRE(!f->circle, INVALID_MODEL, "function %s calls itself, directly or through others", f->circle);
  return rung_functions_check_limit(f, nodes);
}
