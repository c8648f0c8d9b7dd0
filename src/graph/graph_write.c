#include "graph/graph_write.h"

#include "model/writer.h"

/* Field numbers of onnx.proto. */
enum {
  MODEL_IR_VERSION = 1,
  MODEL_PRODUCER_NAME = 2,
  MODEL_GRAPH = 7,
  MODEL_OPSET_IMPORT = 8,
  MODEL_METADATA = 14,
  OPSET_DOMAIN = 1,
  OPSET_VERSION = 2,
  PROPERTY_KEY = 1,
  PROPERTY_VALUE = 2,
  GRAPH_NODE = 1,
  GRAPH_NAME = 2,
  GRAPH_INITIALIZER = 5,
  GRAPH_INPUT = 11,
  GRAPH_OUTPUT = 12,
  NODE_INPUT = 1,
  NODE_OUTPUT = 2,
  NODE_NAME = 3,
  NODE_OP_TYPE = 4,
  NODE_ATTRIBUTE = 5,
  NODE_DOMAIN = 7,
  ATTRIBUTE_G = 6,
  ATTRIBUTE_GRAPHS = 11,
};

/* Protobuf readers stop at 2 GiB. */
#define MOST_BYTES ((size_t)INT32_MAX)

typedef struct graph_writer {
  rung_text out;
  rung_symbols symbols;
  RUNG_VEC(rung_model_opset) opsets;
  RUNG_VEC(rung_value_info *) constants; /* already written in the graph at hand or one around it */
  const rung_amendment *amendments;
  size_t amendment_count;
} graph_writer;

static rung_status *write_graph(graph_writer *w, uint32_t field, const rung_graph *graph, bool is_body);

/* Opsets */

static rung_status *collect_opsets(rung_graph *graph, void *context) {
  graph_writer *w = context;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    size_t i = 0;
    while (i < w->opsets.count && strcmp(w->opsets.at[i].domain, node->domain) != 0) i++;
    if (i == w->opsets.count) {
      if (!rung_vec_push(w->out.allocator, &w->opsets, (rung_model_opset){node->domain, node->opset}))
        return rung_status_out_of_memory();
    } else {
      RUNG_REQUIRE(w->opsets.at[i].version == node->opset, UNSUPPORTED,
                   "the graph mixes versions %lld and %lld of the domain \"%s\"; one file imports one",
                   (long long)w->opsets.at[i].version, (long long)node->opset, node->domain);
    }
    RUNG_TRY(rung_node_each_body(node, collect_opsets, w));
  }
  return NULL;
}

/* Constants */

static bool is_written(const graph_writer *w, const rung_value_info *info) {
  for (size_t i = 0; i < w->constants.count; i++)
    if (w->constants.at[i] == info) return true;
  return false;
}

static rung_status *write_constant(graph_writer *w, rung_value_info *info) {
  if (!info || !info->constant || is_written(w, info)) return NULL;
  RUNG_REQUIRE(info->constant->kind == RUNG_TENSOR, UNSUPPORTED,
               "constant \"%s\" is no tensor and cannot be an initializer", info->name);
  RUNG_REQUIRE(w->out.size + info->constant->tensor.size < MOST_BYTES, LIMIT,
               "the graph has more than 2 GiB of weights, which cannot lie inside an ONNX file");
  if (!rung_vec_push(w->out.allocator, &w->constants, info)) return rung_status_out_of_memory();
  rung_write_tensor(&w->out, GRAPH_INITIALIZER, info->name, &info->constant->tensor);
  return NULL;
}

/* Constants that a graph reads itself; a body's are written with the body, unless a graph around it has them. */
static rung_status *write_constants(graph_writer *w, const rung_graph *graph) {
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t i = 0; i < graph->nodes[n]->input_count; i++) RUNG_TRY(write_constant(w, graph->nodes[n]->inputs[i]));
  for (uint32_t i = 0; i < graph->output_count; i++) RUNG_TRY(write_constant(w, graph->outputs[i]));
  return NULL;
}

/* Nodes */

static rung_status *write_attribute(graph_writer *w, const rung_attribute *attribute) {
  if (attribute->type != RUNG_ATTRIBUTE_GRAPH && attribute->type != RUNG_ATTRIBUTE_GRAPHS) {
    rung_write_attribute(&w->out, NODE_ATTRIBUTE, attribute, w->symbols);
    return NULL;
  }
  size_t begin = rung_put_begin(&w->out, NODE_ATTRIBUTE);
  rung_write_attribute_head(&w->out, attribute->name, attribute->type);
  if (attribute->graph) RUNG_TRY(write_graph(w, ATTRIBUTE_G, attribute->graph, true));
  for (size_t i = 0; attribute->graphs && i < attribute->count; i++)
    RUNG_TRY(write_graph(w, ATTRIBUTE_GRAPHS, attribute->graphs[i], true));
  rung_put_end(&w->out, begin);
  return NULL;
}

static const rung_attribute *amended(const graph_writer *w, const rung_node *node, const char *name) {
  for (size_t i = 0; i < w->amendment_count; i++)
    if (w->amendments[i].node == node && strcmp(w->amendments[i].attribute.name, name) == 0)
      return &w->amendments[i].attribute;
  return NULL;
}

static rung_status *write_attributes(graph_writer *w, const rung_node *node) {
  for (uint32_t i = 0; i < node->attribute_count; i++)
    if (!amended(w, node, node->attributes[i].name)) RUNG_TRY(write_attribute(w, &node->attributes[i]));
  for (size_t i = 0; i < w->amendment_count; i++)
    if (w->amendments[i].node == node) RUNG_TRY(write_attribute(w, &w->amendments[i].attribute));
  return NULL;
}

static void put_name(rung_text *out, uint32_t field, const rung_value_info *info) {
  const char *name = info ? info->name : "";
  rung_put_bytes(out, field, name, strlen(name)); /* an empty name stands for what is left out */
}

static rung_status *write_node(graph_writer *w, const rung_node *node) {
  size_t begin = rung_put_begin(&w->out, GRAPH_NODE);
  for (uint32_t i = 0; i < node->input_count; i++) put_name(&w->out, NODE_INPUT, node->inputs[i]);
  for (uint32_t i = 0; i < node->output_count; i++) put_name(&w->out, NODE_OUTPUT, node->outputs[i]);
  rung_put_text(&w->out, NODE_NAME, node->name);
  rung_put_text(&w->out, NODE_OP_TYPE, node->op_type);
  RUNG_TRY(write_attributes(w, node));
  rung_put_text(&w->out, NODE_DOMAIN, node->domain);
  rung_put_end(&w->out, begin);
  return NULL;
}

static rung_status *write_graph(graph_writer *w, uint32_t field, const rung_graph *graph, bool is_body) {
  size_t begin = rung_put_begin(&w->out, field), constants = w->constants.count;
  for (uint32_t n = 0; n < graph->node_count; n++) RUNG_TRY(write_node(w, graph->nodes[n]));
  rung_put_text(&w->out, GRAPH_NAME, graph->name[0] ? graph->name : "graph");
  RUNG_TRY(write_constants(w, graph));
  for (uint32_t i = 0; i < graph->input_count; i++)
    rung_write_value_info(&w->out, GRAPH_INPUT, graph->inputs[i]->name, &graph->inputs[i]->type, w->symbols);
  for (uint32_t i = 0; i < graph->output_count; i++)
    rung_write_value_info(&w->out, GRAPH_OUTPUT, graph->outputs[i]->name, &graph->outputs[i]->type, w->symbols);
  rung_put_end(&w->out, begin);
  if (is_body) w->constants.count = constants; /* a sibling writes its own */
  return NULL;
}

/* The model */

static rung_status *write_model(graph_writer *w, const rung_graph *graph) {
  const rung_model *model = graph->ir->model;
  RUNG_TRY(collect_opsets((rung_graph *)graph, w));
  rung_put_int(&w->out, MODEL_IR_VERSION, RUNG_CLAMP(model->ir_version, 8, 10));
  rung_put_text(&w->out, MODEL_PRODUCER_NAME, "rung");
  RUNG_TRY(write_graph(w, MODEL_GRAPH, graph, false));
  for (size_t i = 0; i < w->opsets.count; i++) {
    size_t begin = rung_put_begin(&w->out, MODEL_OPSET_IMPORT);
    rung_put_text(&w->out, OPSET_DOMAIN, w->opsets.at[i].domain);
    rung_put_int(&w->out, OPSET_VERSION, w->opsets.at[i].version);
    rung_put_end(&w->out, begin);
  }
  for (size_t i = 0; i < model->property_count; i++) {
    size_t begin = rung_put_begin(&w->out, MODEL_METADATA);
    rung_put_text(&w->out, PROPERTY_KEY, model->properties[i].key);
    rung_put_text(&w->out, PROPERTY_VALUE, model->properties[i].value);
    rung_put_end(&w->out, begin);
  }
  return w->out.failed ? rung_status_out_of_memory() : NULL;
}

/* Parts */

static uint32_t operand_count(const rung_node *node) { return node->input_count + node->capture_count; }

static rung_value_info *operand(const rung_node *node, uint32_t i) {
  return i < node->input_count ? node->inputs[i] : node->captures[i - node->input_count];
}

/* Counts in the marks how often the nodes read each value; a value that is read more often is read elsewhere, too. */
static void count_readers(rung_node *const *nodes, uint32_t count) {
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t n = 0; n < count; n++) {
      for (uint32_t i = 0; i < operand_count(nodes[n]); i++) {
        rung_value_info *info = operand(nodes[n], i);
        if (info) info->mark = pass ? info->mark + 1 : 0;
      }
      for (uint32_t i = 0; i < nodes[n]->output_count && !pass; i++)
        if (nodes[n]->outputs[i]) nodes[n]->outputs[i]->mark = 0;
    }
}

/* Sets inputs and outputs of `part`, whose nodes are set; `infos` has room for every operand and output. */
static void cut_part(rung_graph *part, rung_value_info **infos) {
  enum { INSIDE = UINT32_MAX };
  count_readers(part->nodes, part->node_count);
  part->outputs = infos;
  for (uint32_t n = 0; n < part->node_count; n++)
    for (uint32_t i = 0; i < part->nodes[n]->output_count; i++) {
      rung_value_info *info = part->nodes[n]->outputs[i];
      if (!info) continue;
      if (info->uses > info->mark) part->outputs[part->output_count++] = info;
      info->mark = INSIDE;
    }
  part->inputs = part->outputs + part->output_count;
  for (uint32_t n = 0; n < part->node_count; n++)
    for (uint32_t i = 0; i < operand_count(part->nodes[n]); i++) {
      rung_value_info *info = operand(part->nodes[n], i);
      if (!info || info->constant || info->mark == INSIDE) continue;
      part->inputs[part->input_count++] = info;
      info->mark = INSIDE;
    }
}

static rung_status *write_part(graph_writer *w, const rung_graph *graph, rung_node *const *nodes, uint32_t count) {
  size_t room = 1;
  for (uint32_t n = 0; n < count; n++) room += operand_count(nodes[n]) + nodes[n]->output_count;
  rung_value_info **infos = rung_alloc(w->out.allocator, room, sizeof *infos, "part of a graph");
  RUNG_CHECK_ALLOC(infos);
  rung_graph part = {.name = graph->name, .parent = graph->parent, .ir = graph->ir, .node_count = count};
  part.nodes = (rung_node **)nodes;
  cut_part(&part, infos);
  rung_status *status = write_model(w, &part);
  rung_free(w->out.allocator, infos);
  return status;
}

/* Weights go inline, whatever is asked for: that serves every reader; references pay once one maps files itself. */
rung_status *rung_graph_write(const rung_graph *graph, const rung_writing *writing, const rung_sink *sink) {
  graph_writer w = {.symbols = {graph->ir->model->symbols, graph->ir->model->symbol_count}};
  if (writing) w.amendments = writing->amendments;
  if (writing) w.amendment_count = writing->amendment_count;
  rung_text_init(&w.out, graph->ir->allocator);
  rung_status *status =
      writing && writing->nodes ? write_part(&w, graph, writing->nodes, writing->node_count) : write_model(&w, graph);
  if (!status) status = sink->write(sink->user, w.out.data, w.out.size);
  rung_vec_free(w.out.allocator, &w.constants);
  rung_vec_free(w.out.allocator, &w.opsets);
  rung_text_finish(&w.out);
  return status;
}
