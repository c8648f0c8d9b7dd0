/* What a file says of the types of values, where the values say otherwise. */
#include "graph/ir.h"
#include "support/onnx.h"
#include "support/test.h"

static void put_initializer(rung_text *out) {
  static const char one[4] = {0, 0, (char)0x80, 0x3f};
  size_t tensor = rung_put_begin(out, GRAPH_INITIALIZER);
  rung_put_int(out, TENSOR_DIM, 1);
  rung_put_int(out, TENSOR_DTYPE, RUNG_F32);
  rung_put_text(out, TENSOR_NAME, "w");
  rung_put_bytes(out, TENSOR_RAW, one, sizeof one);
  rung_put_end(out, tensor);
}

/* y = Neg(w), and the value `context` is declared as float16. */
static void put_graph(rung_text *out, const void *context) {
  static const rung_type half = {.kind = RUNG_TENSOR, .dtype = RUNG_F16, .rank = 1, .dims = {1}};
  static const rung_type single = {.kind = RUNG_TENSOR, .dtype = RUNG_F32, .rank = 1, .dims = {1}};
  put_initializer(out);
  onnx_node(out, "n", "Neg", "w", "y");
  rung_write_value_info(out, GRAPH_OUTPUT, "y", &single, (rung_symbols){NULL, 0});
  rung_write_value_info(out, GRAPH_VALUE, context, &half, (rung_symbols){NULL, 0});
}

static rung_status *build(const char *declared, rung_dtype *out_found) {
  rung_text bytes = onnx_model(put_graph, declared);
  rung_model *model;
  rung_ir *ir = NULL;
  assert_ok(onnx_parse(&bytes, NULL, &model));
  rung_status *status = rung_ir_build(&rung_system_allocator, NULL, model, NULL, &ir);
  if (!status) *out_found = ir->graph->nodes[0]->inputs[0]->type.dtype;
  rung_model_release(model);
  rung_ir_free(&ir);
  rung_text_finish(&bytes);
  return status;
}

/* A tool that turned a model into float16, but for some weights, leaves such words behind. */
static void a_constant_has_the_type_of_its_tensor(void **state) {
  (void)state;
  rung_dtype found = 0;
  assert_ok(build("w", &found));
  assert_int_equal(found, RUNG_F32);
}

static void declarations_do_not_contradict_each_other(void **state) {
  (void)state;
  rung_dtype found;
  assert_error(build("y", &found), INVALID_MODEL, "\"y\" is declared as float32, but it is float16");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_constant_has_the_type_of_its_tensor),
      cmocka_unit_test(declarations_do_not_contradict_each_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
