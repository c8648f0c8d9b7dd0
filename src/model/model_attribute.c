/* AttributeProto: a name and one value of fourteen types. */
#include "model/model_reader.h"

#include "base/printable.h"

/* One member per attribute type; the file should set only one of them. */
typedef struct members {
  float f;
  int64_t i;
  rung_str s;
  rung_value *tensor, *sparse;
  rung_model_graph *graph;
  rung_type type_proto;
  rung_wire_list floats, ints;
  rung_str *strings;
  rung_value **tensors, **sparses;
  rung_model_graph **graphs;
  rung_type *type_protos;
  size_t string_count, tensor_count, sparse_count, graph_count, type_count;
  const char *name, *reference;
  int64_t type;
} members;

/* Row i is the value of attribute type i + 1; the rows behind them are no values. */
static const rung_field fields[] = {
    RUNG_ONE(2, "f", FLOAT, members, f),
    RUNG_ONE(3, "i", INT, members, i),
    RUNG_ONE(4, "s", BYTES, members, s),
    RUNG_ONE_MESSAGE(5, "t", members, tensor, rung__read_tensor),
    RUNG_ONE_MESSAGE(6, "g", members, graph, rung__read_graph),
    RUNG_ONE(7, "floats", FLOATS, members, floats),
    RUNG_ONE(8, "ints", INTS, members, ints),
    RUNG_MANY(9, "strings", BYTES, members, strings, string_count),
    RUNG_MANY_MESSAGES(10, "tensors", members, tensors, tensor_count, rung__read_tensor),
    RUNG_MANY_MESSAGES(11, "graphs", members, graphs, graph_count, rung__read_graph),
    RUNG_ONE_MESSAGE(22, "sparse_tensor", members, sparse, rung__read_sparse),
    RUNG_MANY_MESSAGES(23, "sparse_tensors", members, sparses, sparse_count, rung__read_sparse),
    RUNG_ONE_MESSAGE(14, "tp", members, type_proto, rung__read_type),
    RUNG_MANY_MESSAGES(15, "type_protos", members, type_protos, type_count, rung__read_type),
    RUNG_ONE(1, "name", TEXT, members, name),
    RUNG_ONE(20, "type", INT, members, type),
    RUNG_ONE(21, "ref_attr_name", TEXT, members, reference),
};
enum { TYPES = RUNG_ATTRIBUTE_TYPE_PROTOS };

static uint32_t bit_of(int64_t type) { return (uint32_t)1 << (type - 1); }

/* A file may leave out a value that is zero or empty (proto3 writers do), or, in its first version, the type. */
static rung_status *check_type(members *m, uint32_t seen) {
  uint32_t values = seen & (bit_of(TYPES + 1) - 1);
  RUNG_REQUIRE(m->type >= 0 && m->type <= TYPES, INVALID_MODEL, "attribute type %lld does not exist",
               (long long)m->type);
  for (int type = 1; type <= TYPES && !m->type; type++)
    if (values == bit_of(type)) m->type = type;
  RUNG_REQUIRE(m->type || (m->reference[0] && !values), INVALID_MODEL, "it has no type, and not exactly one value");
  if (m->type) values &= ~bit_of(m->type);
  for (int type = 1; type <= TYPES; type++)
    RUNG_REQUIRE(!(values & bit_of(type)), INVALID_MODEL, "its type says %s, yet there is a value in %s",
                 fields[m->type - 1].name, fields[type - 1].name);
  return NULL;
}

static rung_status *copy_to_arena(rung_reader *reader, const void *from, size_t size, void *out_copy) {
  void *copy;
  RUNG_TRY(rung__read_alloc(reader, 1, size, &copy));
  memcpy(copy, from, size);
  memcpy(out_copy, &copy, sizeof copy);
  return NULL;
}

static rung_status *take_list(rung_reader *reader, const rung_wire_list *list, size_t size, rung_attribute *out,
                              void *out_array) {
  void *array;
  RUNG_TRY(rung__read_list(reader, list, size, &array));
  memcpy(out_array, &array, sizeof array);
  out->count = list->count;
  return NULL;
}

static rung_status *take_graphs(rung_model_graph **graphs, size_t count, rung_model_attribute *out) {
  out->graphs = graphs;
  out->value.count = count;
  return NULL;
}

static rung_status *take_tensors(rung_value **tensors, size_t count, rung_attribute *out) {
  out->tensors = tensors;
  out->count = count;
  return NULL;
}

static rung_status *take_message(rung_value *tensor, rung_attribute *out) {
  RUNG_REQUIRE(tensor, INVALID_MODEL, "it has no tensor");
  out->tensor = tensor;
  return NULL;
}

static rung_status *take_graph(rung_reader *reader, const members *m, rung_model_attribute *out) {
  RUNG_REQUIRE(m->graph, INVALID_MODEL, "it has no graph");
  out->value.count = 1;
  return copy_to_arena(reader, &m->graph, sizeof m->graph, &out->graphs);
}

static rung_status *take_value(rung_reader *reader, const members *m, rung_model_attribute *attribute) {
  rung_attribute *out = &attribute->value;
  switch (out->type) {
    case RUNG_ATTRIBUTE_FLOAT:
      out->f = m->f;
      return NULL;
    case RUNG_ATTRIBUTE_INT:
      out->i = m->i;
      return NULL;
    case RUNG_ATTRIBUTE_STRING:
      out->s = m->s.data ? m->s : (rung_str){"", 0};
      return NULL;
    case RUNG_ATTRIBUTE_TENSOR:
      return take_message(m->tensor, out);
    case RUNG_ATTRIBUTE_SPARSE_TENSOR:
      return take_message(m->sparse, out);
    case RUNG_ATTRIBUTE_GRAPH:
      return take_graph(reader, m, attribute);
    case RUNG_ATTRIBUTE_TYPE_PROTO:
      return copy_to_arena(reader, &m->type_proto, sizeof m->type_proto, &out->type_proto);
    case RUNG_ATTRIBUTE_FLOATS:
      return take_list(reader, &m->floats, sizeof(float), out, &out->floats);
    case RUNG_ATTRIBUTE_INTS:
      return take_list(reader, &m->ints, sizeof(int64_t), out, &out->ints);
    case RUNG_ATTRIBUTE_STRINGS:
      out->strings = m->strings, out->count = m->string_count;
      return NULL;
    case RUNG_ATTRIBUTE_TENSORS:
      return take_tensors(m->tensors, m->tensor_count, out);
    case RUNG_ATTRIBUTE_SPARSE_TENSORS:
      return take_tensors(m->sparses, m->sparse_count, out);
    case RUNG_ATTRIBUTE_GRAPHS:
      return take_graphs(m->graphs, m->graph_count, attribute);
    case RUNG_ATTRIBUTE_TYPE_PROTOS:
      out->type_proto = m->type_protos, out->count = m->type_count;
      return NULL;
  }
  return NULL;
}

static rung_status *read_attribute(rung_reader *reader, rung_wire wire, rung_model_attribute *out) {
  members m = {0};
  uint32_t seen;
  RUNG_TRY(rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), &m, &seen));
  RUNG_REQUIRE(m.name[0], INVALID_MODEL, "it has no name");
  RUNG_TRY(check_type(&m, seen));
  out->value.name = m.name;
  out->value.type = (rung_attribute_type)m.type;
  out->reference = m.reference[0] ? m.reference : NULL;
  return out->reference ? NULL : take_value(reader, &m, out);
}

rung_status *rung__read_attribute(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  rung_status *status = read_attribute(reader, wire, out);
  if (!status) return NULL;
  char name[RUNG_PRINTABLE];
  rung_str given = rung_wire_peek(wire, 1);
  if (given.size == 0) return rung_status_prefix(status, "attribute %zu", index);
  return rung_status_prefix(status, "attribute \"%s\"", rung_printable(given, name));
}
