/* What is known of a graph with bodies before it runs: types that contradict each other, branches that cannot run, what
 * bodies read of the graphs around them, nodes in any order. */
#include "support/fake.h"
#include "support/session.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void types_that_contradict_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *graph, *words;
  } cases[] = {
      {"x:f32[2] c:bool[] -> y ; i@y = If(c) then_branch={ -> p ; p = Relu(x) }"
       " else_branch={ -> q ; q = Cast(x) to=7 }",
       "node \"i\" (If): output 0 \"y\" is float32 from one branch and int64 from the other"},
      {"x:f32[2] c:bool[] -> y ; i@y = If(c) then_branch={ -> p ; p = Relu(x) }"
       " else_branch={ -> q ; q = SequenceConstruct(x) }",
       "output 0 \"y\" is float32 from one branch and a sequence from the other"},
      {"x:f32[2] -> y:i64[2] ; r@y = Relu(x)", "node \"r\" (Relu): \"y\" is declared as int64, but it is float32"},
      {"x:f32[2] -> y, x:i64[2] ; y = Neg(x)", "\"x\" is declared as float32, but it is int64"},
      {"x:f32[2] c:f32[] -> y ; i@y = If(c) then_branch={ -> p ; p = Relu(x) } else_branch={ -> q ; q = Neg(x) }",
       "node \"i\" (If): input 0 \"cond\" is float32 where bool is expected"},
      {"x:f32[2] n:f32[] -> y ; l@y = Loop(n, _, x) body={ i:i64[] g:bool[] s:f32[2] -> h:bool[], t:f32[2] ;"
       " h = Identity(g) ; t = Neg(s) }",
       "node \"l\" (Loop): input 0 \"M\" is float32 where int64 is expected"},
      {"x:f32[2] -> y ; l@y = Loop(_, _, x) body={ i:i64[] g:bool[] s:i64[2] -> h:bool[], t ;"
       " h = Identity(g) ; t = Neg(s) }",
       "\"s\" is declared as int64, but it is float32"},
      {"x:f32[2] -> y ; l@y = Loop(_, _, x) body={ i:i64[] g:bool[] s -> h:bool[], t ;"
       " h = Identity(g) ; t = Cast(s) to=7 }",
       "the body takes \"s\" as float32 and gives \"t\" as int64 in its place"},
      {"x:f32[2] -> y ; l@y = Loop(_, _, x) body={ i:i64[] g:bool[] s -> h, t ; h = Identity(i) ; t = Neg(s) }",
       "the body gives \"h\" as its condition, which is int64, not bool"},
  };
  test_session t;
  session_begin(&t);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    session_load(&t, cases[i].graph, 0);
    assert_error(session_open(&t, "cpu", NULL), INVALID_MODEL, cases[i].words);
  }
  session_end(&t);
}

/* No kernel, and no inference, for a branch that cannot run: the run that takes it says why. */
static const char squeeze[] =
    "x:f32[2] c:bool[] -> y, z ; a:i64[1] = 0 ;"
    "i@y = If(c) then_branch={ -> p ; n@p = Neg(x) }"
    " else_branch={ -> q ; e@e1 = Relu(x) ; s@q = Squeeze(e1, a) } ; r@z = Add(y, y)";

static void a_branch_that_cannot_run_is_for_the_run_that_takes_it(void **state) {
  (void)state;
  static const char *const chains[] = {"cpu", "fake:claim=Add,cpu", "fake:claim=Add+If+Relu+Squeeze,cpu"};
  test_session t;
  session_begin(&t);
  session_load(&t, squeeze, 0);
  for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
    assert_ok(session_open(&t, chains[i], NULL));
    assert_true(session_said(&t, "body \"graph\" cannot run: node \"s\" (Squeeze): dimension 0 is 2, not 1"));
    assert_null(session_node(&t, "e"));
    assert_string_equal(session_node(&t, "i")->provider, "host");
    assert_string_equal(session_node(&t, "n")->provider, "cpu");
    rung_slot slot;
    assert_ok(rung_session_output(t.session, 0, &slot));
    assert_int_equal(slot.type->rank, 1);
    session_fill(&t);
    assert_ok(session_run(&t));
    assert_float_equal(session_out(&t, 0, 1), -2, 0);
    *(uint8_t *)rung_value_tensor(t.inputs[1])->data = 0;
    assert_error(session_run(&t), INVALID_MODEL,
                 "node \"i\" (If): body \"graph\": node \"s\" (Squeeze): dimension 0 is 2, not 1");
    *(uint8_t *)rung_value_tensor(t.inputs[1])->data = 1;
    assert_ok(session_run(&t));
  }
  session_end(&t);
}

static void no_branch_or_the_only_one_cannot_run(void **state) {
  (void)state;
  static const char both[] =
      "x:f32[2] c:bool[] -> y ; a:i64[1] = 0 ; i@y = If(c) then_branch={ -> p ; n@p = Squeeze(x, a) }"
      " else_branch={ -> q ; s@q = Squeeze(x, a) }";
  static const char only[] =
      "x:f32[2] -> y ; c:bool[] = 0 ; a:i64[1] = 0 ; i@y = If(c) then_branch={ -> p ; n@p = Neg(x) }"
      " else_branch={ -> q ; s@q = Squeeze(x, a) }";
  static const char other[] =
      "x:f32[2] -> y ; c:bool[] = 1 ; a:i64[1] = 0 ; i@y = If(c) then_branch={ -> p ; n@p = Neg(x) }"
      " else_branch={ -> q ; s@q = Squeeze(x, a) }";
  test_session t;
  session_begin(&t);
  session_load(&t, both, 0);
  assert_error(session_open(&t, "cpu", NULL), INVALID_MODEL, "node \"i\" (If): body \"graph\": node \"n\" (Squeeze)");
  session_load(&t, only, 0);
  assert_error(session_open(&t, "cpu", NULL), INVALID_MODEL, "node \"i\" (If): body \"graph\": node \"s\" (Squeeze)");
  session_load(&t, other, 0);
  assert_ok(session_open(&t, "cpu", NULL));
  assert_ok(session_run(&t));
  session_end(&t);
}

/* The first walk of a loop knows more than holds in the end: a branch that it finds broken may be whole. */
static void a_loop_looks_again_at_its_branches(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[2] -> y ; n:i64[] = 2 ; two:i64[1] = 2 ; zero:i64[] = 0 ; a:i64[1] = 0 ;"
               "l@y = Loop(n, _, x) body={ i:i64[] g:bool[] s -> h, t ; h = Identity(g) ; f = Equal(i, zero) ;"
               "  b@t = If(f) then_branch={ -> p ; m = ReduceSum(s, a) keepdims=1 ; p = Identity(m) }"
               "         else_branch={ -> q ; v = Squeeze(s, a) ; w = Unsqueeze(v, a) ; q = Neg(w) } }",
               "cpu");
  session_fill(&t);
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 0), -3, 0);
  session_end(&t);
}

/* Shapes that do not fit: the model's fault where they are in it, of the run's inputs where they come with these. */
static void misfits_are_blamed_on_whom_they_come_from(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, "x:f32[4] -> y ; s:i64[2] = 2 3 ; r@y = Reshape(x, s)", 0);
  assert_error(session_open(&t, "cpu", NULL), INVALID_MODEL, "4 elements (4) cannot have the shape 2x3");
  static const struct {
    const char *graph, *words;
  } cases[] = {
      {"x:f32[N] -> y ; s:i64[2] = 2 3 ; r@y = Reshape(x, s)", "2 elements (2) cannot have the shape 2x3"},
      {"x:f32[4] s:i64[2] -> y ; r@y = Reshape(x, s)", "4 elements (4) cannot have the shape 2x3"},
      {"x:f32[N] z:f32[3] -> y ; r@y = Add(x, z)", "dimensions 2 and 3 cannot be broadcast"},
      {"x:f32[1,1,N] -> y ; w:f32[1,1,3] = 1 1 1 ; c@y = Conv(x, w)", "a window of 3 elements does not fit"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    session_load(&t, cases[i].graph, 0);
    assert_ok(session_open(&t, "cpu", NULL));
    session_fill(&t);
    assert_error(session_run(&t), INVALID_ARGUMENT, cases[i].words);
  }
  session_end(&t);
}

/* Bodies in bodies read what stands around them: once each, whoever reads it how often. */
static void bodies_read_what_is_around_them(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[2] c:bool[] -> y ; a@u = Neg(x) ; b@v = Relu(x) ;"
               "i@y = If(c) then_branch={ -> p ; k@w = Add(u, v) ;"
               "    j@p = If(c) then_branch={ -> r ; r1 = Add(u, w) ; r2 = Add(u, r1) ; r = Add(v, r2) }"
               "            else_branch={ -> o ; o = Sub(u, x) } }"
               "  else_branch={ -> q ; q = Identity(u) }",
               "fake:claim=Add,cpu");
  session_fill(&t);
  assert_ok(session_run(&t)); /* u + v = 0; u + 0 + u + v = -x */
  assert_float_equal(session_out(&t, 0, 1), -2, 0);
  session_end(&t);
}

/* A chain of `count` nodes, the last one first. */
static void nodes_may_stand_in_any_order(void **state) {
  (void)state;
  enum { NODES = 5000, LINE = 32 };
  char *text = malloc(NODES * LINE), *at = text;
  assert_non_null(text);
  at += sprintf(at, "x:f32[2] -> v%d", NODES);
  for (int n = NODES; n > 0; n--) at += sprintf(at, n > 1 ? " ; v%d = Neg(v%d)" : " ; v%d = Neg(x)", n, n - 1);
  test_session t;
  session_make(&t, text, "cpu");
  session_fill(&t);
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 0), 1, 0);
  session_load(&t, "x:f32[2] -> y ; a@u = Add(x, w) ; b@w = Neg(v) ; c@v = Relu(u) ; d@y = Relu(x)", 0);
  assert_error(session_open(&t, "cpu", NULL), INVALID_MODEL, "is part of a cycle");
  session_load(
      &t,
      "x:f32[2] c:bool[] -> y ; i@y = If(c) then_branch={ -> p ; p = Relu(w) } else_branch={ -> q ; q = Neg(x) }"
      " ; b@w = Neg(y)",
      0);
  assert_error(session_open(&t, "cpu", NULL), INVALID_MODEL, "is part of a cycle");
  session_end(&t);
  free(text);
}

/* Equal nodes become one, others do not, though they differ in an attribute only. */
static void attributes_tell_nodes_apart(void **state) {
  (void)state;
  enum { NODES = 3000, LINE = 64 };
  char *text = malloc(NODES * LINE), *at = text;
  assert_non_null(text);
  at += sprintf(at, "x:f32[2] -> y");
  for (int n = 0; n < NODES; n++) at += sprintf(at, " ; v%d = LeakyRelu(x) alpha=0.%05d", n, n / 2);
  at += sprintf(at, " ; y = Sum(");
  for (int n = 0; n < NODES; n++) at += sprintf(at, "%sv%d", n ? ", " : "", n);
  sprintf(at, ")");
  test_session t;
  session_begin(&t);
  session_load(&t, text, 0);
  rung_session_options options;
  rung_session_options_init(&options);
  options.passes_off = "fold";
  assert_ok(session_open(&t, "cpu", &options));
  assert_int_equal(rung_session_plan(t.session)->node_count, NODES / 2 + 1);
  session_end(&t);
  free(text);
}

static void creating_a_session_can_be_cancelled(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, squeeze, 0);
  rung_session_options options;
  rung_session_options_init(&options);
  options.plan_only = 1;
  assert_ok(rung_cancel_create(t.env, &options.cancel));
  rung_cancel_request(options.cancel);
  assert_error(session_open(&t, "cpu", &options), CANCELLED, "creating the session was cancelled");
  rung_cancel_destroy(&options.cancel);
  session_end(&t);
}

/* Its body has no step that could look at the time. */
static void a_loop_with_nothing_in_it_ends_with_the_deadline(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[1] -> y ; n:i64[] = 90000000 ; c:bool[] = 1 ;"
               "y = Loop(n, c, x) body={ i:i64[], d:bool[], q:f32[1] -> d, q ; }",
               "cpu");
  session_fill(&t);
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 30000000;
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, t.outputs, 1), DEADLINE, "deadline");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types_that_contradict_are_refused),
      cmocka_unit_test(a_branch_that_cannot_run_is_for_the_run_that_takes_it),
      cmocka_unit_test(no_branch_or_the_only_one_cannot_run),
      cmocka_unit_test(a_loop_looks_again_at_its_branches),
      cmocka_unit_test(misfits_are_blamed_on_whom_they_come_from),
      cmocka_unit_test(bodies_read_what_is_around_them),
      cmocka_unit_test(nodes_may_stand_in_any_order),
      cmocka_unit_test(attributes_tell_nodes_apart),
      cmocka_unit_test(creating_a_session_can_be_cancelled),
      cmocka_unit_test(a_loop_with_nothing_in_it_ends_with_the_deadline),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
