/* Functions of a model: found by name and domain, counted before they are expanded. */
#include "graph/ir.h"
#include "support/counting.h"
#include "support/onnx.h"
#include "support/test.h"

#include <stdio.h>

enum {
  FUNCTION_NAME = 1,
  FUNCTION_INPUT = 4,
  FUNCTION_OUTPUT = 5,
  FUNCTION_NODE = 7,
  FUNCTION_OPSET = 9,
  FUNCTION_DOMAIN = 10
};

static void put_call(rung_text *out, uint32_t field, const char *op_type, const char *domain, const char *input,
                     const char *output) {
  size_t node = rung_put_begin(out, field);
  rung_put_text(out, NODE_INPUT, input);
  rung_put_text(out, NODE_OUTPUT, output);
  rung_put_text(out, NODE_OP, op_type);
  rung_put_text(out, NODE_DOMAIN, domain);
  rung_put_end(out, node);
}

/* name(x) = calls(calls(x)) */
static void put_function(rung_text *out, const char *name, const char *domain, const char *calls, const char *of) {
  size_t function = rung_put_begin(out, MODEL_FUNCTION);
  rung_put_text(out, FUNCTION_NAME, name);
  rung_put_text(out, FUNCTION_INPUT, "x");
  rung_put_text(out, FUNCTION_OUTPUT, "y");
  put_call(out, FUNCTION_NODE, calls, of, "x", "t");
  put_call(out, FUNCTION_NODE, calls, of, "t", "y");
  onnx_opset(out, FUNCTION_OPSET, "", 17);
  rung_put_text(out, FUNCTION_DOMAIN, domain);
  rung_put_end(out, function);
}

static void put_main(rung_text *out, const void *context) {
  static const rung_type type = {.kind = RUNG_TENSOR, .dtype = RUNG_F32, .rank = 1, .dims = {2}};
  const char *const *called = context;
  rung_write_value_info(out, GRAPH_INPUT, "a", &type, (rung_symbols){NULL, 0});
  rung_write_value_info(out, GRAPH_OUTPUT, "b", &type, (rung_symbols){NULL, 0});
  put_call(out, GRAPH_NODE, called[0], called[1], "a", "b");
}

/* Builds and drops the model; the count of allocations in *out_made. */
static rung_status *build(rung_text bytes, rung_ir **out_ir, long *out_made) {
  rung_model *model;
  counting counts;
  counting_init(&counts, 0);
  assert_ok(onnx_parse(&bytes, NULL, &model));
  rung_ir *ir = NULL;
  rung_status *status = rung_ir_build(out_ir ? &rung_system_allocator : &counts.allocator, NULL, model, NULL, &ir);
  if (out_made) *out_made = counts.made;
  rung_model_release(model);
  if (out_ir)
    *out_ir = ir;
  else
    rung_ir_free(&ir);
  rung_text_finish(&bytes);
  return status;
}

static void functions_are_known_by_name_and_domain(void **state) {
  (void)state;
  rung_text bytes = onnx_model(put_main, (const char *const[]){"F", "two"});
  onnx_opset(&bytes, MODEL_OPSET, "one", 1);
  onnx_opset(&bytes, MODEL_OPSET, "two", 1);
  put_function(&bytes, "F", "one", "Relu", "");
  put_function(&bytes, "F", "two", "Neg", "");
  rung_ir *ir;
  assert_ok(build(bytes, &ir, NULL));
  assert_string_equal(ir->graph->nodes[0]->op_type, "Neg");
  rung_ir_free(&ir);
}

/* Calls in calls double: 40 functions would be 2^40 nodes. Nothing of them is built. */
static void expansion_is_counted_before_it_is_built(void **state) {
  (void)state;
  rung_text bytes = onnx_model(put_main, (const char *const[]){"F0", "d"});
  onnx_opset(&bytes, MODEL_OPSET, "d", 1);
  for (int i = 0; i < 40; i++) {
    char name[16], next[16];
    snprintf(name, sizeof name, "F%d", i);
    snprintf(next, sizeof next, "F%d", i + 1);
    put_function(&bytes, name, "d", i < 39 ? next : "Relu", i < 39 ? "d" : "");
  }
  long made;
  assert_error(build(bytes, NULL, &made), LIMIT, "more than 1000000 nodes after its functions are expanded");
  assert_true(made < 100);
}

static void circles_of_functions_are_named(void **state) {
  (void)state;
  rung_text bytes = onnx_model(put_main, (const char *const[]){"F", "d"});
  onnx_opset(&bytes, MODEL_OPSET, "d", 1);
  put_function(&bytes, "F", "d", "G", "d");
  put_function(&bytes, "G", "d", "F", "d");
  assert_error(build(bytes, NULL, NULL), INVALID_MODEL, "function F calls itself, directly or through others");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(functions_are_known_by_name_and_domain),
      cmocka_unit_test(expansion_is_counted_before_it_is_built),
      cmocka_unit_test(circles_of_functions_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
