/* Legalising passes: what they rewrite, that they are proved, and that nothing changes by a bit. */
#include "graph/legalise.h"
#include "session/session.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static test_session t;

static rung_status *open_with(const char *chain, int legalise, const char *passes_off) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.legalise = legalise;
  options.passes_off = passes_off;
  return session_open(&t, chain, &options);
}

/* The operators of the graph in order: "Slice Concat". */
static const char *operators(void) {
  static char words[512];
  const rung_graph *graph = rung_session_graph(t.session);
  words[0] = 0;
  for (uint32_t n = 0; n < graph->node_count; n++)
    snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", n ? " " : "", graph->nodes[n]->op_type);
  return words;
}

static size_t changed(const char *pass) {
  const rung_plan *plan = rung_session_plan(t.session);
  for (size_t i = 0; i < plan->pass_count; i++)
    if (strcmp(plan->passes[i].name, pass) == 0) return plan->passes[i].changed;
  return SIZE_MAX;
}

static void keep_outputs(rung_value **out) {
  for (size_t i = 0; i < SESSION_MOST; i++) {
    out[i] = t.outputs[i];
    t.outputs[i] = NULL;
  }
}

static void same_outputs(rung_value *const *want) {
  for (size_t i = 0; i < rung_session_output_count(t.session); i++) {
    const rung_tensor *a = rung_value_tensor(want[i]), *b = rung_value_tensor(t.outputs[i]);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->rank, b->rank);
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]);
    assert_memory_equal(a->data, b->data, a->size);
  }
}

/* `pass` turns the model's operators into `becomes`, and the results stay. */
static void rewrites(const char *text, int opset, const char *pass, size_t count, const char *becomes) {
  rung_value *want[SESSION_MOST];
  char reason[256];
  session_begin(&t);
  session_load(&t, text, opset);
  assert_ok(open_with("fake?:claim=nothing,cpu", 0, ""));
  assert_int_equal(changed(pass), SIZE_MAX); /* nobody allowed it: it is not even named */
  session_fill(&t);
  assert_ok(session_run(&t));
  keep_outputs(want);
  assert_ok(open_with("fake?:claim=nothing,cpu", 1, ""));
  assert_int_equal(changed(pass), count);
  assert_string_equal(operators(), becomes);
  const rung_instance *instance = rung__session_instance(t.session);
  const char *broken = rung_ir_is_valid(instance->ir, reason, sizeof reason);
  if (broken) fail_msg("%s", broken);
  session_fill(&t);
  assert_ok(session_run(&t));
  same_outputs(want);
  for (size_t i = 0; i < SESSION_MOST; i++) rung_value_release(want[i]);
  session_end(&t);
}

static void pads_become_slices(void **state) {
  (void)state;
  static const char reflect[] = "x:f32[2,4,5] -> y ; p:i64[6] = 0 1 2 0 0 4 ; y = Pad(x, p) mode='reflect'";
  static const char edge[] = "x:i64[N,2] -> y ; p:i64[4] = 0 3 0 1 ; y = Pad(x, p) mode='edge'";
  static const char wrap[] = "x:f32[3,4] -> y ; p:i64[2] = 2 4 ; a:i64[1] = -1 ; y = Pad(x, p, _, a) mode='wrap'";
  rewrites(reflect, 17, "pads", 1, "Slice Concat Slice Slice Concat");
  rewrites(edge, 17, "pads", 1, "Slice Slice Concat");
  rewrites(wrap, 19, "pads", 1, "Slice Slice Concat");
  rewrites("x:f32[2,4] -> y ; y = Pad(x) mode='reflect' pads=[0,3,0,0]", 10, "pads", 1, "Slice Concat");
}

static void pads_that_are_none_of_it_stay(void **state) {
  (void)state;
  rewrites("x:f32[2,4] -> y ; p:i64[4] = 0 1 0 1 ; y = Pad(x, p)", 17, "pads", 0, "Pad");
  /* The margin is that of a dimension that is not known. */
  rewrites("x:f32[N,4] -> y ; p:i64[4] = 1 0 0 0 ; y = Pad(x, p) mode='reflect'", 17, "pads", 0, "Pad");
  rewrites("x:f32[2,4] p:i64[4] -> y ; q:i64[4] = 0 0 0 0 ; r = Mul(p, q) ; y = Pad(x, r) mode='reflect'", 17, "pads",
           0, "Mul Pad");
}

static void doubles_become_single(void **state) {
  (void)state;
  static const char scaled[] =
      "x:f32[N,3] -> y ; c:f64[] = 0.25 ; a = Cast(x) to=11 ; b = Mul(a, c) ; y = Cast(b) to=1";
  static const char rough[] = "x:f32[N,3] -> y ; c:f64[] = 0.1 ; a = Cast(x) to=11 ; b = Mul(a, c) ; y = Cast(b) to=1";
  static const char compared[] = "x:f32[3] -> y ; c:f64[] = 2 ; a = Cast(x) to=11 ; y = Less(a, c)";
  static const char twice[] =
      "x:f32[3] -> y ; c:f64[] = 0.75 ; a = Cast(x) to=11 ; b = Mul(a, c) ; d = Add(b, c) ; y = Cast(d) to=1";
  rewrites(scaled, 17, "doubles", 1, "Mul");
  rewrites(rough, 17, "doubles", 0, "Cast Mul Cast");
  rewrites(compared, 17, "doubles", 1, "Less");
  rewrites(twice, 17, "doubles", 0, "Cast Mul Add Cast"); /* two roundings are not one */
  rewrites("x:f32[3] -> y ; c:f64[] = 2 ; y = Pow(x, c)", 17, "doubles", 1, "Pow");
}

static void clips_of_integers_become_limits(void **state) {
  (void)state;
  rewrites("x:i64[4] -> y ; a:i64[] = 2 ; b:i64[] = 3 ; y = Clip(x, a, b)", 17, "clips", 1, "Max Min");
  rewrites("x:i64[4] -> y ; b:i64[] = 3 ; y = Clip(x, _, b)", 17, "clips", 1, "Min");
  rewrites("x:f32[4] -> y ; a:f32[] = 2 ; y = Clip(x, a)", 17, "clips", 0, "Clip");
}

static void indices_become_narrow(void **state) {
  (void)state;
  rewrites("x:f32[2,3] -> y ; i:i64[3] = 2 0 -1 ; y = Gather(x, i) axis=1", 17, "indices", 1, "Gather");
  rewrites("x:f32[4] -> y ; s:i64[1] = 1 ; e:i64[1] = 9223372036854775807 ; y = Slice(x, s, e)", 17, "indices", 1,
           "Slice");
  rewrites("x:f32[2,3] i:i64[1] -> y ; z:i64[1] = 0 ; k = Mul(i, z) ; y = Gather(x, k)", 17, "indices", 0,
           "Mul Gather");
  session_begin(&t);
  session_load(&t, "x:f32[2,3] -> y ; i:i64[2] = 0 1 ; y = Gather(x, i)", 17);
  assert_ok(open_with("fake?:claim=nothing,cpu", 1, ""));
  assert_int_equal(rung_session_graph(t.session)->nodes[0]->inputs[1]->type.dtype, RUNG_I32);
  session_end(&t);
}

static void an_opset_is_raised_whole(void **state) {
  (void)state;
  static const char axes[] =
      "x:f32[N,3] -> y ; a = Unsqueeze(x) axes=[1] ; b = ReduceSum(a) axes=[2] ; c = Squeeze(b) axes=[1] ; "
      "s = Softmax(x) axis=1 ; p, q = Split(s) axis=1 split=[1,2] ; y = Concat(c, q, p) axis=1";
  static const char limits[] =
      "x:f32[N,4] -> y ; a = Clip(x) min=2.0 max=5.5 ; b = Pad(a) pads=[0,1,0,2] value=7.0 ; "
      "c = Slice(b) starts=[1] ends=[6] axes=[1] ; y, i = TopK(c) k=2";
  rewrites(axes, 11, "opset", 5, "Unsqueeze ReduceSum Squeeze Softmax Split Concat");
  rewrites(limits, 9, "opset", 4, "Clip Pad Slice TopK");
  /* In a body, too. */
  rewrites(
      "x:f32[2,1] c:bool[] -> y ; y = If(c) then_branch={ -> p ; p = Squeeze(x) axes=[1] } "
      "else_branch={ -> q ; q = Squeeze(x) axes=[1] }",
      11, "opset", 2, "If");
  /* One that means something else holds the model back. */
  rewrites("x:f32[N,3,2] -> y ; a = Unsqueeze(x) axes=[1] ; b = Squeeze(a) axes=[1] ; y = Softmax(b) axis=1", 11,
           "opset", 0, "Unsqueeze Squeeze Softmax");
}

static void passes_can_be_switched_off(void **state) {
  (void)state;
  session_begin(&t);
  session_load(&t, "x:f32[2,4] -> y ; p:i64[4] = 0 1 0 1 ; y = Pad(x, p) mode='reflect'", 17);
  assert_ok(open_with("fake?:claim=nothing,cpu", 1, "pads"));
  assert_string_equal(operators(), "Pad");
  assert_ok(open_with("cpu", 1, "")); /* which wants nothing */
  assert_string_equal(operators(), "Pad");
  session_end(&t);
}

/* The proof: an evaluator that computes something else for Concat. */

static const rung_instance *judge;

static rung_status *lie(void *user, const rung_node *node, rung_value *const *inputs, rung_value **outputs) {
  const rung_link *link = &judge->chain.links.at[judge->host_link];
  (void)user;
  RUNG_TRY(link->api->evaluate(&judge->host, node, inputs, outputs));
  if (strcmp(node->op_type, "Concat") == 0) ((unsigned char *)outputs[0]->tensor.data)[0] ^= 1;
  return NULL;
}

static void what_differs_by_a_bit_is_not_rewritten(void **state) {
  (void)state;
  rung_evaluator liar = {lie, NULL};
  rung_passes passes = {.evaluator = &liar};
  uint32_t count = 0;
  session_begin(&t);
  session_load(&t, "x:f32[2,4] -> y ; p:i64[4] = 0 1 0 1 ; y = Pad(x, p) mode='reflect'", 17);
  assert_ok(open_with("cpu", 0, ""));
  judge = rung__session_instance(t.session);
  assert_ok(rung_legalise(judge->ir, &passes, RUNG_PASS_pads, judge->ir->graph, &count));
  assert_int_equal(count, 0);
  assert_string_equal(operators(), "Pad");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pads_become_slices),         cmocka_unit_test(pads_that_are_none_of_it_stay),
      cmocka_unit_test(doubles_become_single),      cmocka_unit_test(clips_of_integers_become_limits),
      cmocka_unit_test(indices_become_narrow),      cmocka_unit_test(an_opset_is_raised_whole),
      cmocka_unit_test(passes_can_be_switched_off), cmocka_unit_test(what_differs_by_a_bit_is_not_rewritten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
