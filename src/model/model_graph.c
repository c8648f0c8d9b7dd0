/* GraphProto, NodeProto and ValueInfoProto. */
#include "model/model_reader.h"

#include "base/printable.h"

/* ---- values ---- */

rung_status *rung__read_value_info(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  static const rung_field fields[] = {
      RUNG_ONE(1, "name", TEXT, rung_model_value, name),
      RUNG_ONE_MESSAGE(2, "type", rung_model_value, type, rung__read_type),
  };
  rung_model_value *value = out;
  rung_status *status = rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), value, NULL);
  if (!status && !value->name[0]) status = RUNG_ERROR(INVALID_MODEL, "it has no name");
  if (!status) return NULL;
  char name[RUNG_PRINTABLE];
  return rung_status_prefix(status, "value %zu \"%s\"", index, rung_printable(rung_wire_peek(wire, 1), name));
}

/* An initializer's name is that of its tensor, or of a sparse tensor's values. */
static rung_status *read_initializer_as(rung_reader *reader, rung_wire wire, size_t index, bool sparse,
                                        rung_model_initializer *out) {
  rung_str name = {"", 0};
  rung_value *value = NULL;
  rung_status *status =
      sparse ? rung__sparse_value(reader, wire, &name, &value) : rung__tensor_value(reader, wire, &name, &value);
  if (!status) status = rung__read_keep(reader, value);
  out->value = status ? NULL : value;
  if (!status && name.size == 0) status = RUNG_ERROR(INVALID_MODEL, "it has no name");
  if (!status) status = rung__read_text(reader, name, &out->name);
  if (!status) return NULL;
  char text[RUNG_PRINTABLE];
  return rung_status_prefix(status, "initializer %zu \"%s\"", index, rung_printable(name, text));
}

static rung_status *read_initializer(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  return read_initializer_as(reader, wire, index, false, out);
}

static rung_status *read_sparse_initializer(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  return read_initializer_as(reader, wire, index, true, out);
}

/* ---- nodes ---- */

static const rung_field node_fields[] = {
    RUNG_MANY(1, "input", TEXT, rung_model_node, inputs, input_count),
    RUNG_MANY(2, "output", TEXT, rung_model_node, outputs, output_count),
    RUNG_ONE(3, "name", TEXT, rung_model_node, name),
    RUNG_ONE(4, "op_type", TEXT, rung_model_node, op_type),
    RUNG_MANY_MESSAGES(5, "attribute", rung_model_node, attributes, attribute_count, rung__read_attribute),
    RUNG_ONE(7, "domain", TEXT, rung_model_node, domain),
    RUNG_ONE(8, "overload", TEXT, rung_model_node, overload),
};

static rung_status *check_attributes(const rung_reader *reader, const rung_model_node *node) {
  rung_map names;
  rung_map_init(&names, reader->allocator);
  rung_status *status = NULL;
  for (size_t i = 0; i < node->attribute_count && node->attribute_count > 1 && !status; i++) {
    const rung_attribute *attribute = &node->attributes[i].value;
    rung_str name = rung_str_of(attribute->name);
    if (rung_map_get(&names, name))
      status = RUNG_ERROR(INVALID_MODEL, "there are two attributes \"%s\"", attribute->name);
    else if (!rung_map_put(&names, name, (void *)attribute))
      status = rung_status_out_of_memory();
  }
  rung_map_finish(&names);
  return status;
}

static rung_status *check_node(const rung_reader *reader, rung_model_node *node) {
  node->domain = rung__read_domain(node->domain);
  RUNG_REQUIRE(node->op_type[0], INVALID_MODEL, "it has no operator type");
  return check_attributes(reader, node);
}

rung_status *rung__read_node(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  rung_status *status = rung__read_fields(reader, wire, node_fields, RUNG_COUNT(node_fields), out, NULL);
  if (!status) status = check_node(reader, out);
  if (!status) return NULL;
  char name[RUNG_PRINTABLE], op_type[RUNG_PRINTABLE];
  return rung_status_prefix(status, "node %zu \"%s\" (%s)", index, rung_printable(rung_wire_peek(wire, 3), name),
                            rung_printable(rung_wire_peek(wire, 4), op_type));
}

/* ---- graphs ---- */

static const rung_field graph_fields[] = {
    RUNG_MANY_LIMITED(1, "node", rung_model_graph, nodes, node_count, rung__read_node, NODES),
    RUNG_ONE(2, "name", TEXT, rung_model_graph, name),
    RUNG_MANY_MESSAGES(5, "initializer", rung_model_graph, initializers, initializer_count, read_initializer),
    RUNG_MANY_MESSAGES(11, "input", rung_model_graph, inputs, input_count, rung__read_value_info),
    RUNG_MANY_MESSAGES(12, "output", rung_model_graph, outputs, output_count, rung__read_value_info),
    RUNG_MANY_MESSAGES(13, "value_info", rung_model_graph, values, value_count, rung__read_value_info),
    RUNG_MANY_MESSAGES(15, "sparse_initializer", rung_model_graph, initializers, initializer_count,
                       read_sparse_initializer),
};

rung_status *rung__read_graph(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  void *graph;
  RUNG_TRY(rung__read_alloc(reader, 1, sizeof(rung_model_graph), &graph));
  rung_status *status = rung__read_fields(reader, wire, graph_fields, RUNG_COUNT(graph_fields), graph, NULL);
  *(rung_model_graph **)out = graph;
  if (!status) return NULL;
  char name[RUNG_PRINTABLE];
  return rung_status_prefix(status, "graph \"%s\"", rung_printable(rung_wire_peek(wire, 2), name));
}
