/* Operators that nobody claims are written as those that make them up: FlexAttention against Attention and by hand. */
#include "session/session.h"
#include "support/session.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OPSET = 23 };
static test_session t;

static rung_status *open_with(const char *chain, const char *passes_off, int plan_only) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.passes_off = passes_off;
  options.plan_only = plan_only;
  return session_open(&t, chain, &options);
}

static size_t expanded(void) {
  const rung_plan *plan = rung_session_plan(t.session);
  for (size_t i = 0; i < plan->pass_count; i++)
    if (strcmp(plan->passes[i].name, "expand") == 0) return plan->passes[i].changed;
  return SIZE_MAX;
}

static void expect_valid(void) {
  char words[256];
  const char *broken = rung_ir_is_valid(rung__session_instance(t.session)->ir, words, sizeof words);
  if (broken) fail_msg("%s", broken);
}

/* Output 0 is output 1, with every set of passes. */
static void both_agree(const char *text, size_t count) {
  static const char *const passes[] = {"", "fold,identity,dedupe,dead"};
  session_begin(&t);
  session_load(&t, text, OPSET);
  for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
    assert_ok(open_with("cpu", passes[i], 0));
    assert_int_equal(expanded(), count);
    expect_valid();
    session_fill(&t);
    assert_ok(session_run(&t));
    const rung_tensor *a = rung_value_tensor(t.outputs[0]), *b = rung_value_tensor(t.outputs[1]);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->size, b->size);
    assert_true(a->size > 0);
    assert_memory_equal(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]);
    for (size_t k = 0; k < rung_tensor_count(a); k++) {
      double got = session_out(&t, 0, k), want = session_out(&t, 1, k);
      if (!(fabs(got - want) <= 2e-5 * (1 + fabs(want)))) fail_msg("element %zu is %.9g, not %.9g", k, got, want);
    }
    session_close(&t);
  }
  session_end(&t);
}

#define FLEX "ai.onnx.preview::FlexAttention"

static void plain_attention_is_one(void **state) {
  (void)state;
  both_agree("q:f32[2,3,4,2] k:f32[2,3,5,2] v:f32[2,3,5,3] -> y, z ; y = " FLEX
             "(q, k, v) scale=0.01 ; z = Attention(q, k, v) scale=0.01",
             1);
  both_agree(
      "q:f32[1,2,3,2] k:f32[1,2,4,2] v:f32[1,2,4,3] -> y, z ;"
      "a = Cast(q) to=11 ; b = Cast(k) to=11 ; c = Cast(v) to=11 ;"
      "d = " FLEX "(a, b, c) ; e = Attention(a, b, c) ; y = Cast(d) to=1 ; z = Cast(e) to=1",
      1);
}

static void heads_are_shared_in_groups(void **state) {
  (void)state;
  both_agree("q:f32[2,6,4,2] k:f32[2,2,5,2] v:f32[2,2,5,3] -> y, z ; y = " FLEX
             "(q, k, v) scale=0.01 ; z = Attention(q, k, v) scale=0.01",
             1);
  both_agree("q:f32[B,H,L,E] k:f32[B,G,S,E] v:f32[B,G,S,F] -> y, z ; y = " FLEX "(q, k, v) ; z = Attention(q, k, v)",
             1);
}

static void a_negative_scale_turns_scores_round(void **state) {
  (void)state;
  both_agree("q:f32[1,2,3,2] k:f32[1,2,4,2] v:f32[1,2,4,2] -> y, z ; y = " FLEX
             "(q, k, v) scale=-0.02 ; m = Neg(q) ; z = Attention(m, k, v) scale=0.02",
             1);
}

/* Two nodes with bodies of the same names; one of them reads what stands around it. */
static void bodies_stand_in_the_graph(void **state) {
  (void)state;
  both_agree(
      "q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y, z ;"
      "c:f32[1] = 0.5 ; half = Mul(q, c) ;"
      "p = " FLEX
      "(q, k, v) scale=0.01 score_mod={ s -> u ; w:f32[1] = 0.25 ; u = Mul(s, w) }"
      " prob_mod={ s -> u ; w:f32[1] = 3 ; u = Mul(s, w) } ;"
      "y = " FLEX
      "(half, k, p) scale=0.01 score_mod={ s -> u ; w:f32[1] = 2 ; t = Mul(s, w) ; u = Mul(t, c) };"
      "three:f32[1] = 3 ; a = Attention(q, k, v) scale=0.0025 ; b = Mul(a, three) ;"
      "z = Attention(q, k, b) scale=0.005",
      2);
}

static void bodies_may_hand_on_what_they_get(void **state) {
  (void)state;
  both_agree("q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y, z ; y = " FLEX
             "(q, k, v) scale=0.01 score_mod={ s -> s ; w:f32[1] = 1 } prob_mod={ s -> s ; w:f32[1] = 1 } ; z = "
             "Attention(q, k, v) scale=0.01",
             1);
}

/* In the branch of an If, with a control-flow node and another FlexAttention inside. */
static void it_unfolds_wherever_it_stands(void **state) {
  (void)state;
  both_agree(
      "c:bool[] q:f32[1,1,2,2] k:f32[1,1,2,2] v:f32[1,1,2,2] -> y, z ;"
      "y = If(c) then_branch={ -> o ; o = " FLEX
      "(q, k, v) scale=0.01 score_mod={ s -> u ;"
      "  f = " FLEX
      "(s, s, s) scale=0.01 ; n:f32[1] = 0.5 ;"
      "  u = If(c) then_branch={ -> g ; g = Mul(f, n) } else_branch={ -> h ; h = Neg(s) } } } "
      "else_branch={ -> e ; e = Neg(q) } ;"
      "id:f32[2,2] = 1 0 0 1 ; tenth:f32[1] = 0.01 ; half:f32[1] = 0.5 ; kt = Transpose(k) perm=[0,1,3,2] ;"
      "qk = MatMul(q, kt) ; s = Mul(qk, tenth) ; a = Attention(s, s, s) scale=0.01 ; b = Mul(a, half) ;"
      "p = Softmax(b) axis=3 ; z = MatMul(p, v)",
      2);
}

static const char model[] =
    "q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; flex@y = " FLEX "(q, k, v) score_mod={ s -> u ; u = Neg(s) }";

static void who_knows_the_operator_gets_it_whole(void **state) {
  (void)state;
  session_begin(&t);
  session_load(&t, model, OPSET);
  assert_ok(open_with("fake:groups=flex,cpu", "", 1));
  assert_int_equal(expanded(), 0);
  assert_string_equal(session_node(&t, "flex")->provider, "fake");
  session_close(&t);
  assert_ok(open_with("fake:claim=MatMul+Neg,cpu", "", 1)); /* the parts are claimed like others */
  assert_int_equal(expanded(), 1);
  assert_null(session_node(&t, "flex"));
  bool negates = false;
  const rung_plan *plan = rung_session_plan(t.session);
  for (size_t i = 0; i < plan->node_count; i++)
    negates |= strcmp(plan->nodes[i].op_type, "Neg") == 0 && strcmp(plan->nodes[i].provider, "fake") == 0;
  assert_true(negates);
  session_end(&t);
}

static void pins_go_over_to_the_parts(void **state) {
  (void)state;
  static const rung_pin pins[] = {{"node:flex", "cpu"}};
  rung_session_options options;
  rung_session_options_init(&options);
  options.passes_off = "";
  options.plan_only = 1;
  options.pins = pins;
  options.pin_count = 1;
  session_begin(&t);
  session_load(&t, model, OPSET);
  assert_ok(session_open(&t, "fake?,cpu", &options));
  const rung_plan *plan = rung_session_plan(t.session);
  assert_true(plan->node_count > 3);
  for (size_t i = 0; i < plan->node_count; i++) assert_string_equal(plan->nodes[i].provider, "cpu");
  session_end(&t);
}

static void without_the_pass_it_is_refused(void **state) {
  (void)state;
  session_begin(&t);
  session_load(&t, model, OPSET);
  assert_error(open_with("cpu", "expand", 0), UNSUPPORTED,
               "cpu: operator: ai.onnx.preview.FlexAttention runs as what it is made of, by the pass expand");
  session_end(&t);
}

static void what_is_wrong_is_named(void **state) {
  (void)state;
  static const struct {
    const char *text, *words;
  } cases[] = {
      {"q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX
       "(q, k, v) score_mod={ s r -> u ; u = Add(s, r) }",
       "score_mod must take one value and give one"},
      {"q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX "(q, k, v) softmax_precision=7",
       "softmax_precision 7 is no floating-point type"},
      {"q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX
       "(q, k, v) prob_mod={ s -> u ; u = Cast(s) to=11 }",
       "prob_mod: the body gives float64 back, not float32"},
      {"q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX
       "(q, k, v) score_mod={ s:f16[] -> u ; u = Neg(s) }",
       "score_mod: the body is given float32, not float16"},
      {"q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX "(q, k, v) prob_mod={ s -> u ; u = Shape(s) }",
       "prob_mod: the body gives int64 back"},
      {"q:f32[1,2,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX
       "(q, k, v) prob_mod={ s -> u ; u = ReduceSum(s) }",
       "prob_mod: the body gives 1 back as dimension"},
      {"q:f32[1,3,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX "(q, k, v)", "cannot share 2"},
      {"q:f32[3,3,2] k:f32[1,2,3,2] v:f32[1,2,3,2] -> y ; y = " FLEX "(q, k, v)", "input 0 has rank 3, it must be 4"},
      {"q:i32[1,2,3,2] k:i32[1,2,3,2] v:i32[1,2,3,2] -> y ; y = " FLEX "(q, k, v)", "input 0 is int32, no float"},
  };
  session_begin(&t);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    session_load(&t, cases[i].text, OPSET);
    assert_error(open_with("cpu", "", 0), INVALID_MODEL, cases[i].words);
  }
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_attention_is_one),
      cmocka_unit_test(heads_are_shared_in_groups),
      cmocka_unit_test(a_negative_scale_turns_scores_round),
      cmocka_unit_test(bodies_stand_in_the_graph),
      cmocka_unit_test(bodies_may_hand_on_what_they_get),
      cmocka_unit_test(it_unfolds_wherever_it_stands),
      cmocka_unit_test(who_knows_the_operator_gets_it_whole),
      cmocka_unit_test(pins_go_over_to_the_parts),
      cmocka_unit_test(without_the_pass_it_is_refused),
      cmocka_unit_test(what_is_wrong_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
