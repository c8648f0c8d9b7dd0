#include "model/model.h"
#include "support/counting.h"
#include "support/onnx.h"
#include "support/test.h"

#include <stdio.h>

/* ---- a model with everything in it ---- */

static void write_io(rung_text *out) {
  static const char *const names[] = {"batch"};
  rung_symbols symbols = {names, 1};
  rung_type type = {RUNG_TENSOR, RUNG_F32, 3, {RUNG_SYMBOL(0), 5, RUNG_SYMBOL(7)}, NULL};
  rung_write_value_info(out, GRAPH_INPUT, "x", &type, symbols);
  type.rank = -1;
  rung_type sequence = {.kind = RUNG_SEQUENCE, .element = &type};
  rung_type map = {.kind = RUNG_MAP, .dtype = RUNG_I64, .element = &sequence};
  rung_type optional = {.kind = RUNG_OPTIONAL, .element = &map};
  rung_write_value_info(out, GRAPH_OUTPUT, "y", &optional, symbols);
  type = (rung_type){RUNG_TENSOR, RUNG_I64, 2, {RUNG_SYMBOL(0), RUNG_SYMBOL(9)}, NULL};
  rung_write_value_info(out, GRAPH_VALUE, "t", &type, symbols);
  type.kind = RUNG_NONE;
  rung_write_value_info(out, GRAPH_VALUE, "u", &type, symbols);
}

static const float weights[] = {1.5f, -2, 3, 4};
static const rung_tensor weight = {RUNG_F32, 2, {2, 2}, (void *)weights, sizeof weights, NULL};

static void write_attributes(rung_text *out) {
  rung_value *tensor = NULL;
  assert_ok(rung_value_wrap(&rung_system_allocator, &weight, NULL, NULL, &tensor));
  rung_value *tensors[] = {tensor, tensor};
  rung_type type = {RUNG_TENSOR, RUNG_U8, 0, {0}, NULL};
  const rung_attribute list[] = {
      {.name = "f", .type = RUNG_ATTRIBUTE_FLOAT, .f = 0.5f},
      {.name = "i", .type = RUNG_ATTRIBUTE_INT, .i = INT64_MIN},
      {.name = "s", .type = RUNG_ATTRIBUTE_STRING, .s = {"a\0b", 3}},
      {.name = "t", .type = RUNG_ATTRIBUTE_TENSOR, .tensor = tensor},
      {.name = "fs", .type = RUNG_ATTRIBUTE_FLOATS, .count = 4, .floats = weights},
      {.name = "is", .type = RUNG_ATTRIBUTE_INTS, .count = 3, .ints = (int64_t[]){-1, 0, INT64_MAX}},
      {.name = "ss", .type = RUNG_ATTRIBUTE_STRINGS, .count = 2, .strings = (rung_str[]){{"", 0}, {"two", 3}}},
      {.name = "ts", .type = RUNG_ATTRIBUTE_TENSORS, .count = 2, .tensors = tensors},
      {.name = "tp", .type = RUNG_ATTRIBUTE_TYPE_PROTO, .type_proto = &type},
      {.name = "none", .type = RUNG_ATTRIBUTE_INTS},
  };
  for (size_t i = 0; i < RUNG_COUNT(list); i++)
    rung_write_attribute(out, NODE_ATTRIBUTE, &list[i], (rung_symbols){NULL, 0});
  rung_value_release(tensor);
}

static void write_body(rung_text *out) {
  size_t attribute = rung_put_begin(out, NODE_ATTRIBUTE);
  rung_write_attribute_head(out, "body", RUNG_ATTRIBUTE_GRAPH);
  size_t graph = rung_put_begin(out, ATTRIBUTE_GRAPH);
  rung_put_text(out, GRAPH_NAME, "inner");
  onnx_node(out, "deep", "Neg", "x", "z");
  rung_put_end(out, graph);
  rung_put_end(out, attribute);
}

static void write_main(rung_text *out, const void *context) {
  (void)context;
  write_io(out);
  rung_write_tensor(out, GRAPH_INITIALIZER, "w", &weight);
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_INPUT, "x");
  rung_put_bytes(out, NODE_INPUT, "", 0);
  rung_put_text(out, NODE_INPUT, "w");
  rung_put_text(out, NODE_OUTPUT, "y");
  rung_put_text(out, NODE_NAME, "first");
  rung_put_text(out, NODE_OP, "Thing");
  rung_put_text(out, NODE_DOMAIN, "ai.onnx");
  write_attributes(out);
  write_body(out);
  rung_put_end(out, node);
}

static rung_text full_model(void) {
  rung_text out = onnx_model(write_main, NULL);
  onnx_opset(&out, MODEL_OPSET, "com.example", 3);
  size_t property = rung_put_begin(&out, MODEL_PROPERTY);
  rung_put_text(&out, 1, "key");
  rung_put_text(&out, 2, "value");
  rung_put_end(&out, property);
  size_t function = rung_put_begin(&out, MODEL_FUNCTION);
  rung_put_text(&out, 1, "Twice");
  rung_put_text(&out, 4, "a");
  rung_put_text(&out, 5, "b");
  rung_put_text(&out, 6, "k");
  size_t node = rung_put_begin(&out, 7);
  rung_put_text(&out, NODE_OP, "Add");
  size_t attribute = rung_put_begin(&out, NODE_ATTRIBUTE);
  rung_put_text(&out, ATTRIBUTE_NAME, "inner_k");
  rung_put_text(&out, ATTRIBUTE_REFERENCE, "k");
  rung_put_int(&out, ATTRIBUTE_TYPE, RUNG_ATTRIBUTE_INT);
  rung_put_end(&out, attribute);
  rung_put_end(&out, node);
  onnx_opset(&out, 9, "", 17);
  rung_put_text(&out, 10, "com.example");
  rung_write_attribute(&out, 11, &(rung_attribute){.name = "d", .type = RUNG_ATTRIBUTE_INT, .i = 4},
                       (rung_symbols){NULL, 0});
  rung_type type = {RUNG_TENSOR, RUNG_F32, 1, {RUNG_SYMBOL(0)}, NULL};
  rung_write_value_info(&out, 12, "b", &type, (rung_symbols){(const char *[]){"batch"}, 1});
  rung_put_end(&out, function);
  return out;
}

static rung_model *full;
static rung_text full_bytes;

static int parse_full(void **state) {
  (void)state;
  full_bytes = full_model();
  assert_ok(onnx_parse(&full_bytes, NULL, &full));
  return 0;
}

static int free_full(void **state) {
  (void)state;
  rung_model_release(full);
  rung_text_finish(&full_bytes);
  return 0;
}

static void the_model_says_what_it_is(void **state) {
  (void)state;
  assert_int_equal(full->ir_version, 8);
  assert_null(full->path);
  assert_string_equal(full->doc, "");
  assert_int_equal(full->opset_count, 2);
  assert_string_equal(full->opsets[0].domain, "");
  assert_int_equal(full->opsets[0].version, 17);
  assert_string_equal(full->opsets[1].domain, "com.example");
  assert_int_equal(full->property_count, 1);
  assert_string_equal(full->properties[0].key, "key");
  assert_string_equal(full->properties[0].value, "value");
  assert_int_equal(full->bytes, full_bytes.size);
  assert_string_equal(full->graph->name, "main");
}

static void types_have_symbols(void **state) {
  (void)state;
  const rung_type *x = &full->graph->inputs[0].type;
  assert_int_equal(x->kind, RUNG_TENSOR);
  assert_int_equal(x->rank, 3);
  assert_true(x->dims[0] == RUNG_SYMBOL(0) && x->dims[1] == 5 && x->dims[2] == RUNG_SYMBOL(1));
  assert_string_equal(full->symbols[0], "batch");
  assert_null(full->symbols[1]);
  const rung_type *t = &full->graph->values[0].type; /* the same name is the same symbol; no name is a new one */
  assert_true(t->dims[0] == x->dims[0] && t->dims[1] == RUNG_SYMBOL(2));
  const rung_type *y = &full->graph->outputs[0].type;
  assert_int_equal(y->kind, RUNG_OPTIONAL);
  assert_int_equal(y->element->kind, RUNG_MAP);
  assert_int_equal(y->element->dtype, RUNG_I64);
  assert_int_equal(y->element->element->kind, RUNG_SEQUENCE);
  assert_int_equal(y->element->element->element->rank, -1);
  assert_int_equal(full->graph->values[1].type.kind, RUNG_NONE);
}

static void nodes_keep_their_order_and_gaps(void **state) {
  (void)state;
  const rung_model_node *node = &full->graph->nodes[0];
  assert_int_equal(full->graph->node_count, 1);
  assert_string_equal(node->name, "first");
  assert_string_equal(node->op_type, "Thing");
  assert_string_equal(node->domain, "");
  assert_string_equal(node->overload, "");
  assert_int_equal(node->input_count, 3);
  assert_string_equal(node->inputs[1], "");
  assert_string_equal(node->inputs[2], "w");
}

static void attributes_of_all_types_arrive(void **state) {
  (void)state;
  const rung_model_attribute *a = full->graph->nodes[0].attributes;
  assert_int_equal(full->graph->nodes[0].attribute_count, 11);
  assert_true(a[0].value.f == 0.5f && a[1].value.i == INT64_MIN);
  assert_int_equal(a[2].value.s.size, 3);
  assert_memory_equal(a[2].value.s.data, "a\0b", 3);
  assert_memory_equal(a[3].value.tensor->tensor.data, weights, sizeof weights);
  assert_int_equal(a[4].value.count, 4);
  assert_memory_equal(a[4].value.floats, weights, sizeof weights);
  assert_true(a[5].value.ints[0] == -1 && a[5].value.ints[2] == INT64_MAX);
  assert_int_equal(a[6].value.strings[1].size, 3);
  assert_int_equal(a[7].value.tensors[1]->tensor.rank, 2);
  assert_int_equal(a[8].value.type_proto->dtype, RUNG_U8);
  assert_int_equal(a[9].value.count, 0);
  assert_int_equal(a[10].value.type, RUNG_ATTRIBUTE_GRAPH);
  assert_string_equal(a[10].graphs[0]->name, "inner");
  assert_string_equal(a[10].graphs[0]->nodes[0].op_type, "Neg");
}

static void weights_stay_where_they_are(void **state) {
  (void)state;
  const rung_tensor *tensor = &full->graph->initializers[0].value->tensor;
  assert_string_equal(full->graph->initializers[0].name, "w");
  assert_true((char *)tensor->data > full_bytes.data && (char *)tensor->data < full_bytes.data + full_bytes.size);
  assert_memory_equal(tensor->data, weights, sizeof weights);
}

static void functions_have_their_own_symbols(void **state) {
  (void)state;
  const rung_model_function *f = &full->functions[0];
  assert_string_equal(f->name, "Twice");
  assert_string_equal(f->domain, "com.example");
  assert_string_equal(f->inputs[0], "a");
  assert_string_equal(f->outputs[0], "b");
  assert_string_equal(f->attributes[0], "k");
  assert_string_equal(f->nodes[0].attributes[0].reference, "k");
  assert_int_equal(f->defaults[0].value.i, 4);
  assert_int_equal(f->opsets[0].version, 17);
  assert_true(f->values[0].type.dims[0] != full->graph->inputs[0].type.dims[0]);
  assert_string_equal(full->symbols[f->values[0].type.dims[0] - RUNG_SYMBOL(0)], "batch");
}

/* ---- what is refused, and how it is said ---- */

static rung_text with_header(int64_t ir, int64_t opset) {
  rung_text out = onnx_bytes();
  if (ir) rung_put_int(&out, MODEL_IR, ir);
  if (opset) onnx_opset(&out, MODEL_OPSET, "", opset);
  rung_put_end(&out, rung_put_begin(&out, MODEL_GRAPH));
  return out;
}

static void versions_are_checked(void **state) {
  (void)state;
  assert_ok(onnx_try(with_header(3, 7)));
  assert_ok(onnx_try(with_header(13, 26)));
  assert_error(onnx_try(with_header(2, 7)), UNSUPPORTED, "3 to 13 are known; export it again");
  assert_error(onnx_try(with_header(14, 7)), UNSUPPORTED, "use a newer rung");
  assert_error(onnx_try(with_header(INT64_MIN, 7)), UNSUPPORTED, "IR version");
  assert_error(onnx_try(with_header(0, 7)), INVALID_MODEL, "no ONNX model");
  assert_error(onnx_try(with_header(8, 0)), INVALID_MODEL, "no operator set");
  assert_error(onnx_try(with_header(8, -1)), INVALID_MODEL, "opset_import 0: no operator set has version -1");
  assert_error(onnx_try(onnx_bytes()), INVALID_MODEL, "no ONNX model");
  rung_text text = onnx_bytes();
  rung_text_printf(&text, "%s", "version https://git-lfs.github.com/spec/v1\n");
  assert_error(onnx_try(text), INVALID_MODEL, "no ONNX model");
  rung_text bare = onnx_bytes();
  onnx_header(&bare);
  assert_error(onnx_try(bare), INVALID_MODEL, "no graph");
  rung_text twice = onnx_model(NULL, NULL);
  rung_put_end(&twice, rung_put_begin(&twice, MODEL_GRAPH));
  assert_error(onnx_try(twice), INVALID_MODEL, "second graph");
}

static void one_version_of_each_domain(void **state) {
  (void)state;
  rung_text same = onnx_model(NULL, NULL), other = onnx_model(NULL, NULL);
  onnx_opset(&same, MODEL_OPSET, "ai.onnx", 17);
  assert_ok(onnx_try(same));
  onnx_opset(&other, MODEL_OPSET, "ai.onnx", 18);
  assert_error(onnx_try(other), INVALID_MODEL, "version 17 and as 18");
}

static void write_bad_pads(rung_text *out, const void *context) {
  (void)context;
  onnx_node(out, "ok", "Relu", "x", "y");
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_OP, "Conv");
  rung_put_text(out, NODE_NAME, "conv\n1");
  size_t attribute = rung_put_begin(out, NODE_ATTRIBUTE);
  rung_put_text(out, ATTRIBUTE_NAME, "pads");
  rung_put_int(out, ATTRIBUTE_TYPE, RUNG_ATTRIBUTE_INTS);
  rung_put_int(out, ATTRIBUTE_INT, 3);
  rung_put_end(out, attribute);
  rung_put_end(out, node);
}

static void errors_name_the_place(void **state) {
  (void)state;
  assert_error(onnx_try(onnx_model(write_bad_pads, NULL)), INVALID_MODEL,
               "graph \"main\": node 1 \"conv\\x0a1\" (Conv): attribute \"pads\": its type says ints, yet there is a "
               "value in i");
}

typedef struct attribute_case {
  int64_t type;
  uint32_t value; /* a field that is set to 1, or an empty message; 0: none */
  rung_code code;
} attribute_case;

static void write_attribute_case(rung_text *out, const void *context) {
  const attribute_case *c = context;
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_OP, "Op");
  size_t attribute = rung_put_begin(out, NODE_ATTRIBUTE);
  rung_put_text(out, ATTRIBUTE_NAME, "a");
  if (c->type) rung_put_int(out, ATTRIBUTE_TYPE, c->type);
  if (c->value == ATTRIBUTE_INT || c->value == ATTRIBUTE_INTS) rung_put_int(out, c->value, 1);
  if (c->value == ATTRIBUTE_GRAPH) rung_put_end(out, rung_put_begin(out, c->value));
  rung_put_end(out, attribute);
  rung_put_end(out, node);
}

static void types_of_attributes_are_checked(void **state) {
  (void)state;
  static const attribute_case cases[] = {
      {0, ATTRIBUTE_INT, RUNG_OK}, /* the first versions did not write the type */
      {0, ATTRIBUTE_INTS, RUNG_OK},
      {0, 0, RUNG_INVALID_MODEL},
      {RUNG_ATTRIBUTE_INT, 0, RUNG_OK}, /* zero, left out */
      {RUNG_ATTRIBUTE_STRING, 0, RUNG_OK},
      {RUNG_ATTRIBUTE_GRAPH, 0, RUNG_INVALID_MODEL},
      {RUNG_ATTRIBUTE_TENSOR, 0, RUNG_INVALID_MODEL},
      {RUNG_ATTRIBUTE_SPARSE_TENSOR, 0, RUNG_INVALID_MODEL},
      {RUNG_ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPH, RUNG_OK},
      {RUNG_ATTRIBUTE_INT, ATTRIBUTE_INTS, RUNG_INVALID_MODEL},
      {15, ATTRIBUTE_INT, RUNG_INVALID_MODEL},
      {-1, ATTRIBUTE_INT, RUNG_INVALID_MODEL},
      {INT64_MAX, ATTRIBUTE_INT, RUNG_INVALID_MODEL},
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    rung_status *status = onnx_try(onnx_model(write_attribute_case, &cases[i]));
    if (rung_status_code(status) != cases[i].code) fail_msg("case %zu: %s", i, rung_status_message(status));
    rung_status_free(status);
  }
}

static void write_nul_name(rung_text *out, const void *context) {
  (void)context;
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_OP, "Relu");
  rung_put_bytes(out, NODE_INPUT, "a\0b", 3);
  rung_put_end(out, node);
}

static void write_wrong_wire_type(rung_text *out, const void *context) {
  (void)context;
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_int(out, NODE_OP, 5);
  rung_put_end(out, node);
}

static void write_no_op(rung_text *out, const void *context) {
  (void)context;
  onnx_node(out, "n", "", "x", "y");
}

static void write_twins(rung_text *out, const void *context) {
  (void)context;
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_OP, "Op");
  for (int i = 0; i < 2; i++)
    rung_write_attribute(out, NODE_ATTRIBUTE, &(rung_attribute){.name = "axis", .type = RUNG_ATTRIBUTE_INT, .i = i},
                         (rung_symbols){NULL, 0});
  rung_put_end(out, node);
}

static void write_nameless_input(rung_text *out, const void *context) {
  (void)context;
  rung_write_value_info(out, GRAPH_INPUT, "", &(rung_type){0}, (rung_symbols){NULL, 0});
}

static void names_and_fields_are_checked(void **state) {
  (void)state;
  assert_error(onnx_try(onnx_model(write_nul_name, NULL)), INVALID_MODEL, "the input before byte");
  assert_error(onnx_try(onnx_model(write_wrong_wire_type, NULL)), INVALID_MODEL, "varint instead of length-delimited");
  assert_error(onnx_try(onnx_model(write_no_op, NULL)), INVALID_MODEL, "node 0 \"n\" (): it has no operator type");
  assert_error(onnx_try(onnx_model(write_twins, NULL)), INVALID_MODEL, "(Op): there are two attributes \"axis\"");
  assert_error(onnx_try(onnx_model(write_nameless_input, NULL)), INVALID_MODEL, "it has no name");
}

static void write_type_case(rung_text *out, const void *context) {
  const rung_str *bytes = context;
  size_t info = rung_put_begin(out, GRAPH_INPUT);
  rung_put_text(out, 1, "x");
  rung_put_bytes(out, 2, bytes->data, bytes->size);
  rung_put_end(out, info);
}

static void bad_types_are_refused(void **state) {
  (void)state;
  static const struct {
    rung_str bytes;
    rung_code code;
  } cases[] = {
      {{"\x0a\x02\x08\x01", 4}, RUNG_OK},
      {{"\x0a\x02\x08\x00", 4}, RUNG_OK},                                                 /* element type not said */
      {{"\x0a\x02\x08\x1b", 4}, RUNG_INVALID_MODEL},                                      /* element type 27 */
      {{"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13}, RUNG_INVALID_MODEL}, /* -1 */
      {{"\x0a\x02\x08\x01\x22\x00", 6}, RUNG_INVALID_MODEL},                              /* tensor and sequence */
      {{"\x22\x00", 2}, RUNG_OK},                                                         /* a sequence of who knows */
      {{"\x3a\x00", 2}, RUNG_UNSUPPORTED},                                                /* opaque */
  };
  for (size_t i = 0; i < RUNG_COUNT(cases); i++) {
    rung_status *status = onnx_try(onnx_model(write_type_case, &cases[i].bytes));
    if (rung_status_code(status) != cases[i].code) fail_msg("case %zu: %s", i, rung_status_message(status));
    rung_status_free(status);
  }
}

static void write_ranked_input(rung_text *out, const void *context) {
  size_t info = rung_put_begin(out, GRAPH_INPUT), type, tensor, shape;
  rung_put_text(out, 1, "x");
  type = rung_put_begin(out, 2), tensor = rung_put_begin(out, 1), shape = rung_put_begin(out, 2);
  for (int i = 0; i < *(const int *)context; i++) {
    size_t dim = rung_put_begin(out, 1);
    rung_put_int(out, 1, -1);
    rung_put_end(out, dim);
  }
  rung_put_end(out, shape), rung_put_end(out, tensor), rung_put_end(out, type), rung_put_end(out, info);
}

static void ranks_are_limited(void **state) {
  (void)state;
  rung_text bytes = onnx_model(write_ranked_input, &(int){RUNG_MAX_RANK});
  rung_model *model;
  assert_ok(onnx_parse(&bytes, NULL, &model));
  assert_true(RUNG_IS_SYMBOL(model->graph->inputs[0].type.dims[3])); /* -1 is how some say that they do not know */
  rung_model_release(model);
  rung_text_finish(&bytes);
  assert_error(onnx_try(onnx_model(write_ranked_input, &(int){RUNG_MAX_RANK + 1})), LIMIT, "rank 17");
}

/* ---- limits ---- */

static void write_many(rung_text *out, const void *context) {
  for (int i = 0; i < *(const int *)context; i++) onnx_node(out, "", "Relu", "x", "y");
}

static void nodes_are_limited(void **state) {
  (void)state;
  const rung_model_options options = {.limits = {.nodes = 5}};
  for (int n = 4; n <= 6; n++) {
    rung_text bytes = onnx_model(write_many, &n);
    rung_status *status = onnx_parse(&bytes, &options, NULL);
    if (n <= 5)
      assert_ok(status);
    else
      assert_error(status, LIMIT, "more than 5 nodes (limit nodes)");
    rung_text_finish(&bytes);
  }
}

static void functions_are_limited(void **state) {
  (void)state;
  const rung_model_options options = {.limits = {.functions = 2}};
  for (int n = 1; n <= 3; n++) {
    rung_text bytes = onnx_model(NULL, NULL);
    for (int i = 0; i < n; i++) {
      size_t function = rung_put_begin(&bytes, MODEL_FUNCTION);
      rung_put_text(&bytes, 1, "F");
      rung_put_end(&bytes, function);
    }
    rung_status *status = onnx_parse(&bytes, &options, NULL);
    if (n <= 2)
      assert_ok(status);
    else
      assert_error(status, LIMIT, "limit functions");
    rung_text_finish(&bytes);
  }
}

/* Body in body: each level of bodies is three of messages. */
static void write_nested(rung_text *out, const void *context) {
  int left = *(const int *)context - 1;
  if (left < 0) return;
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_OP, "If");
  size_t attribute = rung_put_begin(out, NODE_ATTRIBUTE);
  rung_write_attribute_head(out, "then_branch", RUNG_ATTRIBUTE_GRAPH);
  size_t graph = rung_put_begin(out, ATTRIBUTE_GRAPH);
  write_nested(out, &left);
  rung_put_end(out, graph);
  rung_put_end(out, attribute);
  rung_put_end(out, node);
}

static void depth_is_limited(void **state) {
  (void)state;
  assert_ok(onnx_try(onnx_model(write_nested, &(int){33})));
  assert_error(onnx_try(onnx_model(write_nested, &(int){34})), LIMIT, "limit `depth`");
  assert_error(onnx_try(onnx_model(write_nested, &(int){3000})), LIMIT, "limit `depth`");
  const rung_model_options options = {.limits = {.depth = 7}};
  const rung_model_options endless = {.limits = {.depth = UINT32_MAX}}; /* the stack sets a limit of its own */
  rung_text deep = onnx_model(write_nested, &(int){400});
  assert_error(onnx_parse(&deep, &endless, NULL), LIMIT, "limit `depth`");
  rung_text_finish(&deep);
  for (int bodies = 1; bodies <= 3; bodies++) {
    rung_text bytes = onnx_model(write_nested, &bodies);
    rung_status *status = onnx_parse(&bytes, &options, NULL);
    if (bodies <= 2)
      assert_ok(status);
    else
      assert_error(status, LIMIT, "limit `depth`");
    rung_text_finish(&bytes);
  }
}

static void decoded_bytes_are_limited(void **state) {
  (void)state;
  rung_text bytes = onnx_model(write_many, &(int){1000});
  rung_model_options options = {.limits = {.decoded_bytes = 1000000}};
  assert_ok(onnx_parse(&bytes, &options, NULL));
  options.limits.decoded_bytes = 50000;
  assert_error(onnx_parse(&bytes, &options, NULL), LIMIT, "limit decoded_bytes");
  rung_text_finish(&bytes);
}

/* ---- memory ---- */

static bool parse_with(const rung_allocator *allocator, void *context) {
  const rung_text *bytes = context;
  rung_model *model = NULL;
  rung_status *status = rung_model_parse(allocator, NULL, bytes->data, bytes->size, NULL, &model);
  bool done = !status;
  if (status) assert_int_equal(rung_status_code(status), RUNG_OUT_OF_MEMORY);
  rung_status_free(status);
  rung_model_release(rung_model_retain(model));
  rung_model_release(model);
  return done;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  assert_true(counting_fail_each(parse_with, &full_bytes) > 5);
}

static void files_are_opened_by_name(void **state) {
  (void)state;
  rung_model *model = NULL;
  assert_error(rung_model_open(&rung_system_allocator, NULL, "/nowhere/at/all.onnx", NULL, &model), NOT_FOUND,
               "/nowhere/at/all.onnx: it cannot be opened");
  assert_error(rung_model_open(&rung_system_allocator, NULL, "/", NULL, &model), IO, "it is a folder");
  assert_error(rung_model_open(&rung_system_allocator, NULL, "/dev/null", NULL, &model), IO, "/dev/null");
  assert_null(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_model_says_what_it_is),
      cmocka_unit_test(types_have_symbols),
      cmocka_unit_test(nodes_keep_their_order_and_gaps),
      cmocka_unit_test(attributes_of_all_types_arrive),
      cmocka_unit_test(weights_stay_where_they_are),
      cmocka_unit_test(functions_have_their_own_symbols),
      cmocka_unit_test(versions_are_checked),
      cmocka_unit_test(one_version_of_each_domain),
      cmocka_unit_test(errors_name_the_place),
      cmocka_unit_test(types_of_attributes_are_checked),
      cmocka_unit_test(names_and_fields_are_checked),
      cmocka_unit_test(bad_types_are_refused),
      cmocka_unit_test(ranks_are_limited),
      cmocka_unit_test(nodes_are_limited),
      cmocka_unit_test(functions_are_limited),
      cmocka_unit_test(depth_is_limited),
      cmocka_unit_test(decoded_bytes_are_limited),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(files_are_opened_by_name),
  };
  return cmocka_run_group_tests(tests, parse_full, free_full);
}
