/* The way from bytes to a description: rung_model_open -> read_model -> the table of ModelProto -> one function per
 * message, each in the file that model_reader.h lists. */
#include "model/model.h"

#include "base/printable.h"
#include "model/model_reader.h"

#include <inttypes.h>

enum { OLDEST_IR = 3, NEWEST_IR = 13 };

/* Reading is recursive, and takes about 1 KiB of stack per level. */
enum { DEEPEST = 1000 };

const rung_model_limits rung_model_limits_default = {
    .depth = 100,
    .nodes = 1000000,
    .functions = 10000,
    .tensor_bytes = (uint64_t)1 << 40,
    .decoded_bytes = (uint64_t)1 << 33,
};

/* ---- ModelProto and what stands directly in it ---- */

static rung_status *read_opset(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  static const rung_field fields[] = {
      RUNG_ONE(1, "domain", TEXT, rung_model_opset, domain),
      RUNG_ONE(2, "version", INT, rung_model_opset, version),
  };
  rung_model_opset *opset = out;
  rung_status *status = rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), opset, NULL);
  if (!status && opset->version < 1)
    status = RUNG_ERROR(INVALID_MODEL, "no operator set has version %" PRId64, opset->version);
  if (!status) opset->domain = rung__read_domain(opset->domain);
  return rung_status_prefix(status, "opset_import %zu", index);
}

static rung_status *read_property(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  static const rung_field fields[] = {
      RUNG_ONE(1, "key", TEXT, rung_model_property, key),
      RUNG_ONE(2, "value", TEXT, rung_model_property, value),
  };
  return rung_status_prefix(rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), out, NULL),
                            "metadata property %zu", index);
}

/* One version of each domain. Some exporters write the same one twice. */
static rung_status *check_opsets(const rung_model *model, const rung_model_opset *opsets, size_t count) {
  rung_map versions; /* domain -> opset */
  rung_map_init(&versions, model->allocator);
  rung_status *status = NULL;
  for (size_t i = 0; i < count && !status; i++) {
    rung_str domain = rung_str_of(opsets[i].domain);
    const rung_model_opset *other = rung_map_get(&versions, domain);
    if (other && other->version != opsets[i].version)
      status = RUNG_ERROR(INVALID_MODEL, "the domain \"%s\" is imported as version %" PRId64 " and as %" PRId64,
                          domain.data, other->version, opsets[i].version);
    else if (!rung_map_put(&versions, domain, (void *)&opsets[i]))
      status = rung_status_out_of_memory();
  }
  rung_map_finish(&versions);
  return status;
}

static const rung_field function_fields[] = {
    RUNG_ONE(1, "name", TEXT, rung_model_function, name),
    RUNG_MANY(4, "input", TEXT, rung_model_function, inputs, input_count),
    RUNG_MANY(5, "output", TEXT, rung_model_function, outputs, output_count),
    RUNG_MANY(6, "attribute", TEXT, rung_model_function, attributes, attribute_count),
    RUNG_MANY_LIMITED(7, "node", rung_model_function, nodes, node_count, rung__read_node, NODES),
    RUNG_MANY_MESSAGES(9, "opset_import", rung_model_function, opsets, opset_count, read_opset),
    RUNG_ONE(10, "domain", TEXT, rung_model_function, domain),
    RUNG_MANY_MESSAGES(11, "attribute_proto", rung_model_function, defaults, default_count, rung__read_attribute),
    RUNG_MANY_MESSAGES(12, "value_info", rung_model_function, values, value_count, rung__read_value_info),
    RUNG_ONE(13, "overload", TEXT, rung_model_function, overload),
};

static rung_status *read_function(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  rung_model_function *function = out;
  rung_map outer = reader->symbols; /* a function's names of dimensions are its own */
  rung_map_init(&reader->symbols, reader->allocator);
  rung_status *status = rung__read_fields(reader, wire, function_fields, RUNG_COUNT(function_fields), function, NULL);
  rung_map_finish(&reader->symbols);
  reader->symbols = outer;
  if (!status) {
    function->domain = rung__read_domain(function->domain);
    status = check_opsets(reader->model, function->opsets, function->opset_count);
  }
  if (!status && !function->name[0]) status = RUNG_ERROR(INVALID_MODEL, "the function has no name");
  char name[RUNG_PRINTABLE];
  return rung_status_prefix(status, "function %zu \"%s\"", index, rung_printable(rung_wire_peek(wire, 1), name));
}

static const rung_field model_fields[] = {
    RUNG_ONE(1, "ir_version", INT, rung_model, ir_version),
    RUNG_ONE(2, "producer_name", TEXT, rung_model, producer_name),
    RUNG_ONE(3, "producer_version", TEXT, rung_model, producer_version),
    RUNG_ONE(4, "domain", TEXT, rung_model, domain),
    RUNG_ONE(5, "model_version", INT, rung_model, model_version),
    RUNG_ONE(6, "doc_string", TEXT, rung_model, doc),
    RUNG_ONE_MESSAGE(7, "graph", rung_model, graph, rung__read_graph),
    RUNG_MANY_MESSAGES(8, "opset_import", rung_model, opsets, opset_count, read_opset),
    RUNG_MANY_MESSAGES(14, "metadata_props", rung_model, properties, property_count, read_property),
    RUNG_MANY_LIMITED(25, "function", rung_model, functions, function_count, read_function, FUNCTIONS),
};

/* Looked at before anything else: fields of an unknown version may mean something else. Also the place where a file
 * that is no model at all is found out. */
static rung_status *check_ir_version(rung_wire wire) {
  int64_t version = 0;
  rung_wire_field field = {0};
  do {
    RUNG_TRY(rung_status_prefix(rung_wire_next(&wire, &field), "this is no ONNX model, or a damaged one"));
    if (field.number == 1 && field.type == RUNG_WIRE_VARINT) version = (int64_t)field.scalar;
  } while (field.number);
  RUNG_REQUIRE(version != 0, INVALID_MODEL, "this is no ONNX model: it has no ir_version");
  RUNG_REQUIRE(version >= OLDEST_IR && version <= NEWEST_IR, UNSUPPORTED,
               "its IR version is %" PRId64 ", and %d to %d are known; %s", version, OLDEST_IR, NEWEST_IR,
               version < OLDEST_IR ? "export it again with a newer exporter"
                                   : "export it with an older ir_version, or use a newer rung");
  return NULL;
}

static rung_status *check_model(const rung_model *model) {
  RUNG_REQUIRE(model->graph, INVALID_MODEL, "the model has no graph");
  RUNG_REQUIRE(model->opset_count > 0, INVALID_MODEL, "the model imports no operator set (opset_import)");
  return check_opsets(model, model->opsets, model->opset_count);
}

static rung_status *keep_symbols(rung_reader *reader, rung_model *model) {
  size_t count = reader->symbol_names.count;
  const char **symbols = rung_arena_alloc(&model->arena, count, sizeof *symbols);
  RUNG_CHECK_ALLOC(symbols);
  if (count) memcpy(symbols, reader->symbol_names.at, count * sizeof *symbols);
  model->symbols = symbols;
  model->symbol_count = count;
  return NULL;
}

/* Fills the model from its bytes; on failure what was made so far stays with the model. */
static rung_status *read_model(rung_model *model, const rung_log *log, const rung_model_limits *limits,
                               const void *data, size_t size) {
  rung_reader reader = {
      .allocator = model->allocator, .log = log, .arena = &model->arena, .model = model, .limits = *limits};
  rung_map_init(&reader.symbols, model->allocator);
  rung_wire wire = rung_wire_over(data, size, limits->depth);
  rung_status *status;
  RUNG_TRY_GOTO(done, check_ir_version(wire));
  RUNG_TRY_GOTO(done, rung__read_fields(&reader, wire, model_fields, RUNG_COUNT(model_fields), model, NULL));
  RUNG_TRY_GOTO(done, check_model(model));
  RUNG_TRY_GOTO(done, keep_symbols(&reader, model));
  model->bytes = size;
done:
  rung_vec_free(model->allocator, &reader.symbol_names);
  rung_map_finish(&reader.symbols);
  return status;
}

/* ---- life ---- */

static rung_model_limits effective_limits(const rung_model_options *options) {
  rung_model_limits limits = rung_model_limits_default;
  if (!options) return limits;
  const rung_model_limits *given = &options->limits;
  if (given->depth) limits.depth = RUNG_MIN(given->depth, (uint32_t)DEEPEST);
  if (given->nodes) limits.nodes = given->nodes;
  if (given->functions) limits.functions = given->functions;
  if (given->tensor_bytes) limits.tensor_bytes = given->tensor_bytes;
  if (given->decoded_bytes) limits.decoded_bytes = given->decoded_bytes;
  return limits;
}

static void destroy(rung_model *model) {
  for (size_t i = 0; i < model->tensors.count; i++) rung_value_release(model->tensors.at[i]);
  rung_vec_free(model->allocator, &model->tensors);
  rung__files_close(model);
  rung__model_shared_finish(model);
  rung_free(model->allocator, model->owned);
  rung_arena_finish(&model->arena);
  rung_free(model->allocator, model);
}

static rung_model *make_model(const rung_allocator *allocator) {
  rung_model *model = rung_alloc(allocator, 1, sizeof *model, "model");
  if (!model) return NULL;
  atomic_init(&model->references, 1);
  model->allocator = allocator;
  rung_arena_init(&model->arena, allocator);
  rung_status *status = rung__model_shared_init(model);
  if (!status) return model;
  rung_status_free(status); /* the caller reports what is the only reason: out of memory */
  rung_free(allocator, model);
  return NULL;
}

static rung_status *open_and_read(rung_model *model, const rung_log *log, const char *path,
                                  const rung_model_options *options) {
  model->path = rung_arena_copy(&model->arena, path, strlen(path));
  RUNG_CHECK_ALLOC(model->path);
  rung_str bytes;
  RUNG_TRY(rung__files_open(model, options, &bytes));
  rung_model_limits limits = effective_limits(options);
  return read_model(model, log, &limits, bytes.data, bytes.size);
}

rung_status *rung_model_open(const rung_allocator *allocator, const rung_log *log, const char *path,
                             const rung_model_options *options, rung_model **out_model) {
  rung_model *model = make_model(allocator);
  RUNG_CHECK_ALLOC(model);
  rung_status *status = open_and_read(model, log, path, options);
  if (status) {
    destroy(model);
    return rung_status_prefix(status, "%s", path);
  }
  *out_model = model;
  return NULL;
}

static rung_status *attach_and_read(rung_model *model, const rung_log *log, const void *data, size_t size,
                                    const rung_model_options *options) {
  RUNG_TRY(rung__files_attach(model, options));
  rung_model_limits limits = effective_limits(options);
  return read_model(model, log, &limits, data, size);
}

rung_status *rung_model_parse(const rung_allocator *allocator, const rung_log *log, const void *data, size_t size,
                              const rung_model_options *options, rung_model **out_model) {
  rung_model *model = make_model(allocator);
  RUNG_CHECK_ALLOC(model);
  rung_status *status = attach_and_read(model, log, data, size, options);
  if (status) {
    destroy(model);
    return status;
  }
  *out_model = model;
  return NULL;
}

rung_status *rung_model_parse_owned(const rung_allocator *allocator, const rung_log *log, void *data, size_t size,
                                    const rung_model_options *options, rung_model **out_model) {
  rung_model *model;
  rung_status *status = rung_model_parse(allocator, log, data, size, options, &model);
  if (status) {
    rung_free(allocator, data);
    return status;
  }
  model->owned = data;
  *out_model = model;
  return NULL;
}

rung_model *rung_model_retain(rung_model *model) {
  if (model) atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
  return model;
}

void rung_model_release(rung_model *model) {
  if (model && atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) == 1) destroy(model);
}
