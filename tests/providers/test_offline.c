/* Plans for providers that are not here: what their tables of capabilities say. */
#include "provider/descriptor/capability.h"
#include "provider/registry.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Every table */

static void each_table(void (*check)(const rung_provider_api *api)) {
  rung_registry registry;
  size_t tables = 0;
  rung_registry_init(&registry, &rung_system_allocator);
  for (size_t i = 0; i < registry.count; i++)
    if (RUNG_HAS(registry.providers[i], offline)) check(registry.providers[i]), tables++;
  rung_registry_finish(&registry);
  assert_true(tables >= 6);
}

static void has_a_source(const rung_provider_api *api) {
  assert_true(api->offline->source[0]);
  assert_non_null(api->offline->claim);
}

static void tables_name_their_source(void **state) {
  (void)state;
  each_table(has_a_source);
}

/* Sessions */

static test_session t;

static rung_status *plan_offline(const char *chain, const char *contract) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.offline = options.plan_only = 1;
  options.contract = contract;
  return session_open(&t, chain, &options);
}

/* Who runs the node "n" of a model, and why not the first provider: "coreml", or "attribute: mode is reflect". */
static void expect(const char *text, int opset, const char *chain, const char *says) {
  char words[256];
  session_begin(&t);
  session_load(&t, text, opset);
  assert_ok(plan_offline(chain, NULL));
  const rung_plan_node *node = session_node(&t, "n");
  assert_non_null(node);
  if (node->refusal_count)
    snprintf(words, sizeof words, "%s: %s", node->refusals[0].reason, node->refusals[0].words);
  else
    snprintf(words, sizeof words, "%s", node->provider);
  assert_string_equal(words, says);
  session_end(&t);
}

static const char pad[] = "x:f32[1,2,4,4] -> y ; p:i64[8] = 0 0 1 1 0 0 1 1 ; n@y = Pad(x, p) mode='reflect'";
static const char relu[] = "x:f32[1,2,4,4] -> y ; n@y = Relu(x)";
static const char open_relu[] = "x:f32[N,2] -> y ; n@y = Relu(x)";

static void tables_say_what_does_not_fit(void **state) {
  (void)state;
  expect(relu, 17, "tensorrt?,cpu", "tensorrt");
  expect(relu, 17, "coreml?,cpu", "coreml");
  expect(relu, 17, "nnapi?,cpu", "nnapi");
  expect(relu, 17, "cuda?,cpu", "cuda");
  expect(relu, 8, "tensorrt?,cpu", "opset: opset 8, it takes 9 to 20");
  expect(open_relu, 17, "nnapi?,cpu", "dynamic-dimension: dimension 0 of X is not known");
  expect(open_relu, 17, "coreml?,cpu", "coreml");
  expect(open_relu, 17, "coreml?:RequireStaticInputShapes=1,cpu", "dynamic-dimension: dimension 0 of X is not known");
  expect(pad, 17, "coreml?,cpu", "attribute: mode is reflect");
  expect(pad, 17, "coreml?:ModelFormat=MLProgram,cpu", "operator: Pad");
  expect(pad, 17, "tensorrt?,cpu", "tensorrt");
  expect(pad, 18, "cuda?,cpu", "cuda");
  expect(pad, 19, "cuda?,cpu", "opset: opset 19, it takes 2 to 18");
  expect("x:f64[2] -> y ; n@y = Relu(x)", 17, "tensorrt?,cpu", "type: X is float64");
  expect("x:f32[1,2,2,2,2,2] -> y ; n@y = Sigmoid(x)", 17, "coreml?,cpu", "rank: X has rank 6, it takes up to 5");
  expect("x:f32[2,3] s:i64[2] -> y ; n@y = Reshape(x, s)", 17, "coreml?,cpu",
         "input: input 1 (shape) must be constant");
  expect("x:f32[2,3] i:i64[2] -> y ; n@y = Gather(x, i)", 17, "nnapi?,cpu",
         "input: input 1 (indices) must be constant, or int32");
  expect("x:f32[2,3] i:i32[2] -> y ; n@y = Gather(x, i)", 17, "nnapi?,cpu", "nnapi");
  expect("x:f32[1,1,4,4] -> y z ; n@y, z = MaxPool(x) kernel_shape=[2,2]", 17, "tensorrt?,cpu",
         "attribute: output 1 is read, it makes 1");
  expect("x:f32[1,4,2,2] -> y ; n@y = DepthToSpace(x) blocksize=2 mode='CRD'", 17, "nnapi?,cpu",
         "attribute: mode is CRD");
  expect("x:f32[1,1,4,4] -> y ; n@y = AveragePool(x) kernel_shape=[2,2] dilations=[2,1]", 19, "tensorrt?,cpu",
         "attribute: dilations are not all 1");
  expect("x:f32[4] -> y ; s:f32[] = 0.5 ; z:u8[] = 3 ; n@y = QuantizeLinear(x, s, z)", 17, "tensorrt?,cpu",
         "type: y_zero_point is uint8");
  expect("x:f32[4] -> y ; s:f32[] = 0.5 ; z:i8[] = 3 ; n@y = QuantizeLinear(x, s, z)", 17, "tensorrt?,cpu",
         "input: input 2 (y_zero_point) is not 0");
  expect("x:f32[4,4] -> y ; n@y = Det(x)", 17, "cuda?,cpu", "operator: Det");
}

/* The plan says so, and the contract binds as anywhere. */
static void an_offline_plan_is_one(void **state) {
  (void)state;
  session_begin(&t);
  session_load(&t, pad, 17);
  assert_ok(plan_offline("tensorrt,cpu", "coverage>=95%,crossings<=2"));
  const rung_plan *plan = rung_session_plan(t.session);
  assert_string_equal(plan->stage, "offline");
  assert_non_null(strstr(plan->providers[0].offline, "TensorRT 10.0"));
  assert_null(plan->providers[1].offline);
  assert_int_equal(plan->crossing_count, 2);
  assert_string_equal(plan->crossings[0].to, "cuda:0");
  char *lock;
  assert_ok(rung_session_plan_lock(t.session, &lock));
  assert_non_null(strstr(lock, "offline"));
  rung_text_free(lock);
  session_close(&t);
  assert_error(plan_offline("tensorrt,cpu", "crossings<=1"), CONTRACT, "crossings<=1");
  assert_error(plan_offline("coreml?,cpu", "coverage>=95%"), CONTRACT, "mode is reflect");
  session_end(&t);
}

static void an_offline_session_only_plans(void **state) {
  (void)state;
  rung_session_options options;
  session_begin(&t);
  session_load(&t, relu, 17);
  rung_session_options_init(&options);
  options.offline = 1;
  assert_error(session_open(&t, "tensorrt,cpu", &options), INVALID_ARGUMENT, "plan_only");
  assert_ok(plan_offline("tensorrt,cpu", NULL));
  session_fill(&t);
  assert_error(session_run(&t), INVALID_ARGUMENT, "plan only");
  session_close(&t);
  /* One without a table is what it was. */
  assert_error(plan_offline("azure,cpu", NULL), UNAVAILABLE, "azure");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_name_their_source),
      cmocka_unit_test(tables_say_what_does_not_fit),
      cmocka_unit_test(an_offline_plan_is_one),
      cmocka_unit_test(an_offline_session_only_plans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
