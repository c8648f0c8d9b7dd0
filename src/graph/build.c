/* Description -> IR: names become pointers, functions are inlined (functions.c), nodes sorted (sort.c).
 *
 * A scope maps the names of one graph, or of one call of a function, to values. Bodies look outwards through their
 * parents; a function sees only its own formals. All outputs of a graph are declared before any input is resolved, so
 * nodes may stand in any order; sorting then finds cycles. */
#include "base/map.h"
#include "graph/functions.h"
#include "graph/sort.h"

#include <inttypes.h>

const rung_ir_limits rung_ir_limits_default = {.expanded_nodes = 1000000, .call_depth = 100};

typedef struct scope {
  const struct scope *parent; /* names seen through; NULL for the main graph and for functions */
  rung_map names;
  rung_graph *graph;
  const char *prefix; /* of node and value names inside a function, "" else */
  const rung_model_opset *opsets;
  size_t opset_count;
  const rung_model_node *call; /* whose attributes a function's references stand for */
  const rung_model_function *function;
  uint32_t depth; /* of calls */
} scope;

typedef struct builder {
  rung_ir *ir;
  const rung_ir_limits *limits;
  rung_functions functions;
  RUNG_VEC(rung_node *) nodes; /* of the graph being built */
} builder;

static rung_status *build_graph(builder *b, const rung_model_graph *from, const scope *outer, rung_node *parent,
                                rung_graph **out_graph);
static rung_status *add_nodes(builder *b, scope *in, const rung_model_node *nodes, size_t count);

/* Names */

static rung_value_info *find_value(const scope *in, const char *name) {
  for (; in; in = in->parent) {
    rung_value_info *info = rung_map_get(&in->names, rung_str_of(name));
    if (info) return info;
  }
  return NULL;
}

static rung_status *bind_name(scope *in, const char *name, rung_value_info *info) {
  RUNG_REQUIRE(!rung_map_get(&in->names, rung_str_of(name)), INVALID_MODEL, "value \"%s\" is defined twice", name);
  return rung_map_put(&in->names, rung_str_of(name), info) ? NULL : rung_status_out_of_memory();
}

static rung_status *declare(builder *b, scope *in, const char *name, rung_value_info **out_info) {
  const char *full = name;
  if (in->prefix[0]) {
    full = rung_arena_printf(&b->ir->arena, "%s%s", in->prefix, name);
    RUNG_CHECK_ALLOC(full);
  }
  rung_value_info *info = rung_ir_add_value(b->ir, in->graph, full);
  RUNG_CHECK_ALLOC(info);
  info->type.rank = -1;
  if (out_info) *out_info = info;
  return bind_name(in, name, info);
}

static int64_t opset_of(const scope *in, const char *domain) {
  for (size_t i = 0; i < in->opset_count; i++)
    if (strcmp(in->opsets[i].domain, domain) == 0) return in->opsets[i].version;
  /* Domains other than ONNX's are often used without being imported. */
  return strcmp(domain, "") == 0 ? 0 : 1;
}

/* Constants */

static rung_status *densify(builder *b, rung_value *value, rung_value **out_value);

/* `value` stays the model's; the IR takes a reference. */
static rung_status *set_constant(builder *b, rung_value_info *info, rung_value *value) {
  if (value->kind != RUNG_SPARSE) return rung_ir_set_constant(b->ir, info, value);
  rung_value *dense;
  RUNG_TRY(densify(b, value, &dense));
  rung_status *status = rung_ir_set_constant(b->ir, info, dense);
  rung_value_release(dense);
  return status;
}

/* The linear position of non-zero `k` of a sparse tensor; false when it lies outside. */
static bool sparse_position(const rung_value *sparse, size_t k, size_t count, size_t *out_at) {
  const rung_tensor *indices = &sparse->items[1]->tensor;
  int64_t at = 0;
  if (indices->rank == 1) {
    memcpy(&at, (const char *)indices->data + 8 * k, 8);
  } else {
    for (int32_t axis = 0; axis < sparse->tensor.rank; axis++) {
      int64_t index;
      memcpy(&index, (const char *)indices->data + 8 * (k * (size_t)sparse->tensor.rank + (size_t)axis), 8);
      if (index < 0 || index >= sparse->tensor.dims[axis]) return false;
      at = at * sparse->tensor.dims[axis] + index;
    }
  }
  *out_at = (size_t)at;
  return at >= 0 && (size_t)at < count;
}

static rung_status *densify(builder *b, rung_value *value, rung_value **out_value) {
  const rung_tensor *shape = &value->tensor, *values = &value->items[0]->tensor, *indices = &value->items[1]->tensor;
  RUNG_REQUIRE(!rung_dtype_is_packed(shape->dtype) && shape->dtype != RUNG_STRING, UNSUPPORTED, "sparse tensor of %s",
               rung_dtype_name(shape->dtype));
  RUNG_REQUIRE(indices->dtype == RUNG_I64 && values->rank == 1 &&
                   (indices->rank == 1 || (indices->rank == 2 && indices->dims[1] == shape->rank)) &&
                   indices->dims[0] == values->dims[0],
               INVALID_MODEL, "the indices of a sparse tensor do not fit its values");
  rung_value *dense;
  RUNG_TRY(rung_value_new_tensor(b->ir->allocator, shape->dtype, shape->rank, shape->dims, &dense));
  memset(dense->tensor.data, 0, dense->tensor.size);
  size_t size = rung_dtype_size(shape->dtype), count = rung_tensor_count(&dense->tensor);
  for (size_t k = 0; k < rung_tensor_count(values); k++) {
    size_t at;
    if (!sparse_position(value, k, count, &at)) {
      rung_value_release(dense);
      return RUNG_ERROR(INVALID_MODEL, "index %zu of a sparse tensor is outside its shape", k);
    }
    memcpy((char *)dense->tensor.data + at * size, (const char *)values->data + k * size, size);
  }
  *out_value = dense;
  return NULL;
}

/* Constant's value in one of its many attributes. */
static rung_status *constant_value(builder *b, const rung_attribute *a, rung_value **out_value) {
  const rung_allocator *allocator = b->ir->allocator;
  int64_t length = (int64_t)a->count;
  rung_tensor view = {.rank = 1, .dims = {length}, .size = SIZE_MAX};
  if (strcmp(a->name, "value") == 0 || strcmp(a->name, "sparse_value") == 0) {
    RUNG_REQUIRE(a->tensor, INVALID_MODEL, "attribute \"%s\" holds no tensor", a->name);
    *out_value = rung_value_retain(a->tensor);
    return NULL;
  }
  if (strcmp(a->name, "value_float") == 0)
    view = (rung_tensor){.dtype = RUNG_F32, .data = (void *)&a->f, .size = 4};
  else if (strcmp(a->name, "value_int") == 0)
    view = (rung_tensor){.dtype = RUNG_I64, .data = (void *)&a->i, .size = 8};
  else if (strcmp(a->name, "value_string") == 0)
    return rung_value_new_strings(allocator, 0, NULL, &a->s, out_value);
  else if (strcmp(a->name, "value_strings") == 0)
    return rung_value_new_strings(allocator, 1, &length, a->strings, out_value);
  else if (strcmp(a->name, "value_floats") == 0)
    view.dtype = RUNG_F32, view.data = (void *)a->floats, view.size = 4 * a->count;
  else if (strcmp(a->name, "value_ints") == 0)
    view.dtype = RUNG_I64, view.data = (void *)a->ints, view.size = 8 * a->count;
  else
    return RUNG_ERROR(INVALID_MODEL, "Constant has no attribute \"%s\"", a->name);
  return rung_value_copy_tensor(allocator, &view, out_value);
}

/* Attributes */

static const rung_model_attribute *find_model_attribute(const rung_model_attribute *list, size_t count,
                                                        const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(list[i].value.name, name) == 0) return &list[i];
  return NULL;
}

/* What an attribute stands for: itself, or in a function what the call gives, or the default, or NULL (left out). */
static const rung_model_attribute *resolve_attribute(const scope *in, const rung_model_attribute *attribute) {
  if (!attribute->reference) return attribute;
  for (; in && !in->function; in = in->parent) continue;
  if (!in) return NULL;
  const rung_model_attribute *given =
      find_model_attribute(in->call->attributes, in->call->attribute_count, attribute->reference);
  if (given) return given;
  return find_model_attribute(in->function->defaults, in->function->default_count, attribute->reference);
}

static rung_status *copy_attribute(builder *b, const scope *in, rung_node *node, const rung_model_attribute *from,
                                   const char *name, rung_attribute *to) {
  *to = from->value;
  to->name = name;
  if (to->type == RUNG_ATTRIBUTE_GRAPH) return build_graph(b, from->graphs[0], in, node, &to->graph);
  if (to->type != RUNG_ATTRIBUTE_GRAPHS) return NULL;
  to->graphs = rung_arena_alloc(&b->ir->arena, to->count, sizeof *to->graphs);
  RUNG_CHECK_ALLOC(to->graphs);
  for (size_t i = 0; i < to->count; i++) RUNG_TRY(build_graph(b, from->graphs[i], in, node, &to->graphs[i]));
  return NULL;
}

static rung_status *copy_attributes(builder *b, const scope *in, rung_node *node, const rung_model_node *from) {
  node->attributes = rung_arena_alloc(&b->ir->arena, from->attribute_count, sizeof *node->attributes);
  RUNG_CHECK_ALLOC(node->attributes);
  for (size_t i = 0; i < from->attribute_count; i++) {
    const rung_model_attribute *source = resolve_attribute(in, &from->attributes[i]);
    if (!source) continue;
    rung_attribute *to = &node->attributes[node->attribute_count++];
    RUNG_TRY(rung_status_prefix(copy_attribute(b, in, node, source, from->attributes[i].value.name, to),
                                "attribute \"%s\"", from->attributes[i].value.name));
  }
  return NULL;
}

/* Functions */

static rung_status *new_node(builder *b, const scope *in, const char *name, rung_node **out_node) {
  RUNG_TRY(rung_functions_check_limit(&b->functions, ++b->ir->node_count));
  rung_node *node = rung_arena_alloc(&b->ir->arena, 1, sizeof *node);
  RUNG_CHECK_ALLOC(node);
  node->name = rung_arena_printf(&b->ir->arena, "%s%s", in->prefix, name);
  RUNG_CHECK_ALLOC(node->name);
  node->graph = in->graph;
  *out_node = node;
  return NULL;
}

/* A formal output that is a formal input, or made twice, needs a node of its own. */
static rung_status *add_identity(builder *b, scope *in, rung_value_info *from, rung_value_info *to) {
  rung_node *node;
  RUNG_TRY(new_node(b, in, to->name, &node));
  node->domain = "";
  node->op_type = "Identity";
  node->opset = 13;
  node->input_count = node->output_count = 1;
  node->inputs = rung_arena_alloc(&b->ir->arena, 2, sizeof *node->inputs);
  RUNG_CHECK_ALLOC(node->inputs);
  node->outputs = node->inputs + 1;
  node->inputs[0] = from;
  node->outputs[0] = to;
  to->producer = node;
  RUNG_TRY(rung_op_bind(node, &b->ir->arena));
  return rung_vec_push(b->ir->allocator, &b->nodes, node) ? NULL : rung_status_out_of_memory();
}

static rung_status *bind_formals(const rung_model_function *f, const rung_model_node *call, scope *outer,
                                 scope *inner) {
  RUNG_REQUIRE(call->input_count <= f->input_count && call->output_count <= f->output_count, INVALID_MODEL,
               "function %s has %zu inputs and %zu outputs, the call gives %zu and %zu", f->name, f->input_count,
               f->output_count, call->input_count, call->output_count);
  for (size_t i = 0; i < call->input_count; i++) {
    if (!call->inputs[i][0]) continue;
    rung_value_info *actual = find_value(outer, call->inputs[i]);
    RUNG_REQUIRE(actual, INVALID_MODEL, "input %zu \"%s\" is made by nobody", i, call->inputs[i]);
    RUNG_TRY(bind_name(inner, f->inputs[i], actual));
  }
  return NULL;
}

/* After the body stands: what the caller calls the outputs. The outer names were declared before. */
static rung_status *connect_outputs(builder *b, const rung_model_function *f, const rung_model_node *call, scope *outer,
                                    scope *inner) {
  for (size_t i = 0; i < call->output_count; i++) {
    if (!call->outputs[i][0]) continue;
    rung_value_info *made = find_value(inner, f->outputs[i]), *wanted = find_value(outer, call->outputs[i]);
    RUNG_REQUIRE(made, INVALID_MODEL, "output \"%s\" of function %s is made by nobody", f->outputs[i], f->name);
    RUNG_TRY(add_identity(b, outer, made, wanted));
  }
  return NULL;
}

static rung_status *inline_call(builder *b, scope *outer, const rung_model_function *f, const rung_model_node *call,
                                const char *name) {
  RUNG_REQUIRE(outer->depth < b->limits->call_depth, LIMIT, "functions call each other more than %u deep",
               b->limits->call_depth);
  scope inner = {.graph = outer->graph,
                 .opsets = f->opsets,
                 .opset_count = f->opset_count,
                 .call = call,
                 .function = f,
                 .depth = outer->depth + 1};
  rung_model_node resolved = *call; /* attributes of a call inside a function may be references themselves */
  rung_model_attribute *attributes = rung_arena_alloc(&b->ir->arena, call->attribute_count, sizeof *attributes);
  RUNG_CHECK_ALLOC(attributes);
  resolved.attribute_count = 0;
  for (size_t i = 0; i < call->attribute_count; i++) {
    const rung_model_attribute *source = resolve_attribute(outer, &call->attributes[i]);
    if (!source) continue;
    attributes[resolved.attribute_count] = *source;
    attributes[resolved.attribute_count++].value.name = call->attributes[i].value.name;
  }
  resolved.attributes = attributes;
  inner.call = &resolved;
  inner.prefix = rung_arena_printf(&b->ir->arena, "%s%s/", outer->prefix, name);
  RUNG_CHECK_ALLOC(inner.prefix);
  rung_map_init(&inner.names, b->ir->allocator);
  rung_status *status = bind_formals(f, call, outer, &inner);
  if (!status) status = add_nodes(b, &inner, f->nodes, f->node_count);
  if (!status) status = connect_outputs(b, f, call, outer, &inner);
  rung_map_finish(&inner.names);
  return rung_status_prefix(status, "function %s", f->name);
}

/* Nodes */

static rung_status *resolve_inputs(builder *b, const scope *in, const rung_model_node *from, rung_node *node) {
  node->inputs = rung_arena_alloc(&b->ir->arena, from->input_count, sizeof *node->inputs);
  RUNG_CHECK_ALLOC(node->inputs);
  node->input_count = (uint32_t)from->input_count;
  for (size_t i = 0; i < from->input_count; i++) {
    if (!from->inputs[i][0]) continue;
    node->inputs[i] = find_value(in, from->inputs[i]);
    /* A function's formal that the call leaves out is bound to nothing. */
    bool formal = false;
    for (size_t k = 0; in->function && k < in->function->input_count; k++)
      formal |= strcmp(in->function->inputs[k], from->inputs[i]) == 0;
    RUNG_REQUIRE(node->inputs[i] || formal, INVALID_MODEL, "input %zu \"%s\" is made by nobody", i, from->inputs[i]);
  }
  while (node->input_count && !node->inputs[node->input_count - 1]) node->input_count--;
  return NULL;
}

static rung_status *resolve_outputs(builder *b, const scope *in, const rung_model_node *from, rung_node *node) {
  node->outputs = rung_arena_alloc(&b->ir->arena, from->output_count, sizeof *node->outputs);
  RUNG_CHECK_ALLOC(node->outputs);
  node->output_count = (uint32_t)from->output_count;
  for (size_t i = 0; i < from->output_count; i++) {
    if (!from->outputs[i][0]) continue;
    node->outputs[i] = rung_map_get(&in->names, rung_str_of(from->outputs[i]));
    node->outputs[i]->producer = node;
  }
  while (node->output_count && !node->outputs[node->output_count - 1]) node->output_count--;
  return NULL;
}

static rung_status *add_constant(builder *b, scope *in, const rung_model_node *from) {
  RUNG_REQUIRE(from->output_count == 1 && from->attribute_count >= 1, INVALID_MODEL,
               "Constant needs one output and one attribute");
  const rung_model_attribute *source = resolve_attribute(in, &from->attributes[0]);
  RUNG_REQUIRE(source, INVALID_MODEL, "the attribute that Constant refers to is not given");
  rung_attribute renamed = source->value;
  renamed.name = from->attributes[0].value.name;
  rung_value *value;
  RUNG_TRY(constant_value(b, &renamed, &value));
  rung_status *status = set_constant(b, rung_map_get(&in->names, rung_str_of(from->outputs[0])), value);
  rung_value_release(value);
  return status;
}

static rung_status *add_node(builder *b, scope *in, const rung_model_node *from, const char *name) {
  const rung_model_function *function = rung_functions_find(&b->functions, from);
  if (function) return inline_call(b, in, function, from, name);
  if (strcmp(from->op_type, "Constant") == 0 && !from->domain[0]) return add_constant(b, in, from);
  rung_node *node;
  RUNG_TRY(new_node(b, in, name, &node));
  node->domain = from->domain;
  node->op_type = from->op_type;
  node->opset = opset_of(in, from->domain);
  RUNG_REQUIRE(node->opset > 0, INVALID_MODEL, "the model imports no version of the domain \"%s\"", from->domain);
  RUNG_TRY(resolve_inputs(b, in, from, node));
  RUNG_TRY(resolve_outputs(b, in, from, node));
  RUNG_TRY(copy_attributes(b, in, node, from));
  RUNG_TRY(rung_op_bind(node, &b->ir->arena));
  return rung_vec_push(b->ir->allocator, &b->nodes, node) ? NULL : rung_status_out_of_memory();
}

static rung_status *add_nodes(builder *b, scope *in, const rung_model_node *nodes, size_t count) {
  for (size_t n = 0; n < count; n++)
    for (size_t i = 0; i < nodes[n].output_count; i++)
      if (nodes[n].outputs[i][0])
        RUNG_TRY(rung_status_prefix(declare(b, in, nodes[n].outputs[i], NULL), "node %zu \"%s\" (%s)", n, nodes[n].name,
                                    nodes[n].op_type));
  for (size_t n = 0; n < count; n++) {
    const char *name =
        nodes[n].name[0] ? nodes[n].name : rung_arena_printf(&b->ir->arena, "%s_%zu", nodes[n].op_type, n);
    RUNG_CHECK_ALLOC(name);
    RUNG_TRY(rung_status_prefix(add_node(b, in, &nodes[n], name), "node %zu \"%s\" (%s)", n, name, nodes[n].op_type));
  }
  return NULL;
}

/* Graphs */

static rung_status *add_initializers(builder *b, scope *in, const rung_model_graph *from) {
  for (size_t i = 0; i < from->initializer_count; i++) {
    rung_value_info *info;
    RUNG_TRY(declare(b, in, from->initializers[i].name, &info));
    RUNG_TRY(rung_status_prefix(set_constant(b, info, from->initializers[i].value), "initializer \"%s\"", info->name));
  }
  return NULL;
}

/* Inputs that have an initializer are constants (IR 3 lists every initializer as an input). */
static rung_status *add_inputs(builder *b, scope *in, const rung_model_graph *from) {
  rung_graph *graph = in->graph;
  graph->inputs = rung_arena_alloc(&b->ir->arena, from->input_count, sizeof *graph->inputs);
  RUNG_CHECK_ALLOC(graph->inputs);
  for (size_t i = 0; i < from->input_count; i++) {
    const rung_model_value *input = &from->inputs[i];
    rung_value_info *info = rung_map_get(&in->names, rung_str_of(input->name));
    if (info && info->constant) continue;
    RUNG_TRY(declare(b, in, input->name, &info));
    if (input->type.kind != RUNG_NONE) info->type = input->type;
    graph->inputs[graph->input_count++] = info;
  }
  return NULL;
}

/* What the file says of a value that a node makes: a help where inference finds nothing. Inputs and constants have the
 * type that they have. */
static rung_status *claim_type(rung_value_info *info, const rung_type *type) {
  if (type->kind == RUNG_NONE) return NULL;
  if (info->type.kind != RUNG_NONE || info->constant) return rung_type_check_declared(info, type);
  info->type = *type;
  info->type.is_claimed = info->producer;
  return NULL;
}

static rung_status *add_outputs(builder *b, scope *in, const rung_model_graph *from) {
  rung_graph *graph = in->graph;
  graph->outputs = rung_arena_alloc(&b->ir->arena, from->output_count, sizeof *graph->outputs);
  RUNG_CHECK_ALLOC(graph->outputs);
  for (size_t i = 0; i < from->output_count; i++) {
    rung_value_info *info = find_value(in, from->outputs[i].name);
    RUNG_REQUIRE(info, INVALID_MODEL, "output \"%s\" is made by nobody", from->outputs[i].name);
    RUNG_TRY(claim_type(info, &from->outputs[i].type));
    graph->outputs[graph->output_count++] = info;
  }
  return NULL;
}

/* Constants have the type of their tensors, whatever else is said: tools that change types leave such words behind. */
static rung_status *add_declared_types(scope *in, const rung_model_graph *from) {
  for (size_t i = 0; i < from->value_count; i++) {
    rung_value_info *info = rung_map_get(&in->names, rung_str_of(from->values[i].name));
    if (info && !info->constant) RUNG_TRY(claim_type(info, &from->values[i].type));
  }
  return NULL;
}

static rung_status *fill_graph(builder *b, scope *in, const rung_model_graph *from) {
  size_t first = b->nodes.count;
  RUNG_TRY(add_initializers(b, in, from));
  RUNG_TRY(add_inputs(b, in, from));
  RUNG_TRY(add_nodes(b, in, from->nodes, from->node_count));
  RUNG_TRY(rung_ir_sort(b->ir, in->graph, b->nodes.count ? b->nodes.at + first : NULL, b->nodes.count - first));
  b->nodes.count = first;
  RUNG_TRY(add_outputs(b, in, from));
  return add_declared_types(in, from);
}

static rung_status *build_graph(builder *b, const rung_model_graph *from, const scope *outer, rung_node *parent,
                                rung_graph **out_graph) {
  rung_graph *graph = rung_arena_alloc(&b->ir->arena, 1, sizeof *graph);
  RUNG_CHECK_ALLOC(graph);
  graph->name = from->name;
  graph->parent = parent;
  graph->ir = b->ir;
  scope in = {.parent = outer,
              .graph = graph,
              .prefix = outer ? outer->prefix : "",
              .depth = outer ? outer->depth : 0,
              .opsets = outer ? outer->opsets : b->ir->model->opsets,
              .opset_count = outer ? outer->opset_count : b->ir->model->opset_count};
  rung_map_init(&in.names, b->ir->allocator);
  *out_graph = graph;
  rung_status *status = fill_graph(b, &in, from);
  rung_map_finish(&in.names);
  return rung_status_prefix(status, "graph \"%s\"", from->name);
}

rung_status *rung_ir_build(const rung_allocator *allocator, const rung_log *log, rung_model *model,
                           const rung_ir_limits *limits, rung_ir **out_ir) {
  rung_ir *ir = rung_alloc(allocator, 1, sizeof *ir, "graph");
  RUNG_CHECK_ALLOC(ir);
  ir->allocator = allocator;
  ir->log = log;
  ir->model = rung_model_retain(model);
  ir->next_symbol = RUNG_SYMBOL(model->symbol_count);
  rung_arena_init(&ir->arena, allocator);
  builder b = {.ir = ir, .limits = limits ? limits : &rung_ir_limits_default};
  rung_status *status = rung_functions_init(&b.functions, allocator, model, b.limits);
  if (!status) status = rung_functions_check_size(&b.functions);
  if (!status) status = build_graph(&b, model->graph, NULL, NULL, &ir->graph);
  rung_functions_finish(&b.functions);
  rung_vec_free(allocator, &b.nodes);
  if (!status) status = rung_ir_recount(ir);
  if (status) rung_ir_free(&ir);
  *out_ir = ir;
  return status;
}
