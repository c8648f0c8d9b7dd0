/* What a plan is held to: the terms of a contract, pins, locks. */
#include "support/session.h"
#include "support/test.h"

#include <string.h>

/* a and m on the fake, r and n on cpu; u, v and w cross. 4 float32 each. */
static const char row[] = "x:f32[2,2] -> y ; a@u = Add(x, x) ; r@v = Relu(u) ; m@w = Mul(v, v) ; n@y = Neg(w)";
static const char open_row[] = "x:f32[N] -> y ; a@u = Add(x, x) ; r@y = Relu(u)";
static const char shared[] = "fake:claim=Add+Mul,cpu";

static rung_status *open_with(test_session *t, const char *chain, const char *contract) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.contract = contract;
  return session_open(t, chain, &options);
}

static void terms_hold_or_break(void **state) {
  (void)state;
  static const struct {
    const char *terms, *broken; /* what the error says; NULL: it holds */
  } cases[] = {
      {"coverage>=50%", NULL},
      {"coverage>=50", NULL},
      {"coverage>=51%", "\"coverage>=51%\": it is 50 % of the nodes, 1 too little"},
      {"coverage(cpu)>=50%", NULL},
      {"coverage(fake+cpu)>=100%", NULL},
      {"coverage(CPUExecutionProvider)>=60%", "10 too little"},
      {"coverage>=75%", "r (Relu) on cpu; fake: operator: Relu"},
      {"flops>=100%", "too little"},
      {"strict", "\"strict\": it is 50 % of the nodes, 50 too little"},
      {"only=cpu", "a (Add) on fake"},
      {"only=fake+cpu", NULL},
      {"no-demotion", NULL},
      {"islands<=4", NULL},
      {"islands<=3", "there are 4, 1 too many"},
      {"crossings<=5", NULL},
      {"crossings<=1", "too many"},
      {"bytes<=1kB", NULL},
      {"bytes<=1KiB, islands<=4 ,coverage>=1%", NULL},
      {"bytes<=63", "too many"},
      {"islands<=4,islands<=3,strict", "\"islands<=3\""},
      {"", NULL},
  };
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rung_status *status = open_with(&t, shared, cases[i].terms);
    if (cases[i].broken)
      assert_error(status, CONTRACT, cases[i].broken);
    else
      assert_ok(status);
  }
  session_end(&t);
}

static void terms_that_are_none_are_errors(void **state) {
  (void)state;
  static const struct {
    const char *terms, *says;
  } cases[] = {
      {"covrage>=5%", "did you mean \"coverage\"?"},
      {"coverage<=5%", "coverage>=95%"},
      {"coverage>=101%", "asks for more than all"},
      {"coverage>=x", "has no number"},
      {"coverage>=5MB", "a unit that is not known"},
      {"islands>=3", "islands<=3"},
      {"bytes<=5lb", "a unit that is not known"},
      {"only=cuda", "which is not in the chain"},
      {"only", "names no provider"},
      {"strict=1", "goes on where it should end"},
      {"coverage(fake>=5%", "which is not in the chain"},
      {"coverage(fake", "no closing parenthesis"},
      {",", "is none of"},
      {"crossings<=-1", "has no number"},
      {"crossings<=nan", "has no number"},
      {"crossings<=4.5", "has a number that is not whole"},
      {"islands<=0.5", "has a number that is not whole"},
      {"coverage>=0.95", "asks for 0.95 percent; for that write \"0.95%\", or did you mean \"95%\"?"},
      {"flops(cpu)>=1", "did you mean \"100%\"?"},
  };
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_error(open_with(&t, shared, cases[i].terms), INVALID_ARGUMENT, cases[i].says);
  session_end(&t);
}

static void a_skipped_provider_is_a_demotion(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  assert_ok(open_with(&t, "fake?:unusable=driver,cpu", NULL));
  assert_error(open_with(&t, "fake?:unusable=driver,cpu", "no-demotion"), CONTRACT, "fake is skipped: ");
  assert_error(open_with(&t, "fake?:unusable=driver,cpu", "strict"), CONTRACT, "it is 0 % of the nodes");
  session_end(&t);
}

/* What an engine refuses when it compiles counts, too. */
static void the_contract_is_held_against_what_compiled(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  const char *chain = "fake:claim=Add+Mul,refuse_at_compile=Mul,cpu";
  assert_error(open_with(&t, chain, "coverage>=50%"), CONTRACT, "the plan (compiled) breaks the contract");
  rung_session_options options;
  rung_session_options_init(&options);
  options.contract = "coverage>=50%";
  options.plan_only = 1;
  assert_ok(session_open(&t, chain, &options));
  session_end(&t);
}

/* The plan shows how the terms stand; where nothing is demanded, broken ones too. */
static void the_plan_shows_its_terms(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  rung_session_options options;
  rung_session_options_init(&options);
  options.contract = "coverage>=75%,islands<=9";
  options.inspect_only = 1;
  assert_ok(session_open(&t, shared, &options));
  const rung_plan *plan = rung_session_plan(t.session);
  assert_int_equal(plan->term_count, 2);
  assert_string_equal(plan->terms[0].text, "coverage>=75%");
  assert_float_equal(plan->terms[0].value, 50, 0);
  assert_int_equal(plan->terms[0].holds, 0);
  assert_int_equal(plan->terms[1].holds, 1);
  session_end(&t);
}

/* What nobody can know yet neither holds nor breaks: unless all that is open is on one side. */
static void flops_of_open_shapes_are_open(void **state) {
  (void)state;
  static const struct {
    const char *graph, *term;
    int holds;
  } cases[] = {
      {"x:f32[N] -> y ; a@u = Add(x, x) ; r@y = Relu(u)", "flops>=50%", -1},
      {"x:f32[N] -> y ; a@u = Add(x, x) ; r@y = Relu(u)", "flops(fake+cpu)>=50%", 1},
      {"x:f32[N] z:f32[4] -> y, w ; r@y = Relu(x) ; a@w = Add(z, z)", "flops>=50%", -1},
      {"x:f32[N] z:f32[4] -> y, w ; r@y = Add(x, x) ; a@w = Relu(z)", "flops>=50%", -1},
      {"x:f32[N] z:f32[4] -> y, w ; r@y = Relu(x) ; a@w = Relu(z)", "flops>=50%", 0},
      {"x:f32[N] z:f32[4] -> y, w ; r@y = Add(x, x) ; a@w = Add(z, z)", "flops>=100%", 1},
      {"x:f32[4] z:f32[N] -> y, w ; a@y = Add(x, x) ; s@w = Shape(z)", "flops>=100%", 1},
  };
  test_session t;
  session_begin(&t);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rung_session_options options;
    rung_session_options_init(&options);
    options.contract = cases[i].term;
    options.inspect_only = 1;
    session_load(&t, cases[i].graph, 0);
    assert_ok(session_open(&t, "fake:claim=Add,cpu", &options));
    int holds = rung_session_plan(t.session)->terms[0].holds;
    if (holds != cases[i].holds) fail_msg("%s, %s: %d", cases[i].graph, cases[i].term, holds);
  }
  session_end(&t);
}

/* Bytes that depend on the run's shapes are counted in the run. */
static void open_terms_are_held_in_every_run(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, open_row, 0);
  assert_ok(open_with(&t, shared, "bytes<=40"));
  assert_int_equal(rung_session_plan(t.session)->terms[0].holds, -1);
  for (int64_t n = 5; n <= 6; n++) {
    rung_value *x, *y = NULL;
    assert_ok(rung_value_create(t.env, RUNG_F32, 1, &n, &x));
    rung_status *status = rung_session_run(t.session, NULL, &x, 1, &y, 1);
    if (n == 5)
      assert_ok(status);
    else
      assert_error(status, CONTRACT, "48 bytes between memories so far, the contract allows 40");
    rung_value_release(x);
    rung_value_release(y);
  }
  session_end(&t);
}

/* Elements at an odd address are copied before a provider sees them: within one memory, which is no crossing. */
static void copies_within_a_memory_are_no_crossings(void **state) {
  (void)state;
  test_session t;
  _Alignas(16) char bytes[sizeof(float) * 4 + 1] = {0};
  rung_tensor odd = {.dtype = RUNG_F32, .rank = 2, .dims = {2, 2}, .data = bytes + 1, .size = sizeof(float) * 4};
  rung_value *x, *y = NULL;
  session_begin(&t);
  session_load(&t, row, 0);
  assert_ok(open_with(&t, "cpu", "crossings<=0,bytes<=0"));
  assert_ok(rung_value_create_view(t.env, &odd, NULL, NULL, &x));
  assert_ok(rung_session_run(t.session, NULL, &x, 1, &y, 1));
  rung_counters counters = {.struct_size = sizeof counters};
  assert_ok(rung_session_counters(t.session, &counters));
  assert_int_equal(counters.crossings, 0);
  rung_value_release(x);
  rung_value_release(y);
  session_end(&t);
}

/* Pins */

static rung_status *open_pinned(test_session *t, const char *chain, const rung_pin *pins, size_t count) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.pins = pins;
  options.pin_count = count;
  return session_open(t, chain, &options);
}

static void expect_pinned(test_session *t, const char *nodes, const char *islands) {
  char words[256];
  assert_ok(open_pinned(t, "fake?,cpu", &(rung_pin){nodes, "cpu"}, 1));
  assert_string_equal(session_islands(t, words, sizeof words), islands);
  session_fill(t);
  assert_ok(session_run(t));
}

static void pinned_nodes_run_where_the_user_says(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  expect_pinned(&t, "op:Relu", "a r m+n");
  assert_string_equal(session_refusal(&t, "r", "fake")->reason, "pinned");
  assert_string_equal(session_refusal(&t, "r", "fake")->words, "the user pinned it to cpu");
  expect_pinned(&t, "op:ai.onnx.Relu", "a r m+n");
  expect_pinned(&t, "node:[rm]", "a r+m n");
  expect_pinned(&t, "node:*", "a+r+m+n");
  expect_pinned(&t, "between:u..w", "a r+m n");
  expect_pinned(&t, "between:x..y", "a+r+m+n");
  const rung_pin two[] = {{"node:*", "cpu"}, {"op:Mul", "fake"}}; /* the last one counts */
  char words[256];
  assert_ok(open_pinned(&t, "fake,cpu", two, 2));
  assert_string_equal(session_islands(&t, words, sizeof words), "a+r m n");
  session_end(&t);
}

static void pins_that_cannot_be_kept_are_errors(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  static const struct {
    rung_pin pin;
    rung_code code;
    const char *says;
  } cases[] = {
      {{"op:Conv", "cpu"}, RUNG_NOT_FOUND, "no node of the graph"},
      {{"between:w..u", "cpu"}, RUNG_NOT_FOUND, "no node of the graph"},
      {{"between:u", "cpu"}, RUNG_INVALID_ARGUMENT, "between:A..B is needed"},
      {{"Relu", "cpu"}, RUNG_INVALID_ARGUMENT, "op:TYPE, node:PATTERN or between:A..B"},
      {{"op:Relu", "null"}, RUNG_INVALID_ARGUMENT, "null is not in the chain"},
      {{"op:Relu", "cpuu"}, RUNG_NOT_FOUND, "cpu"},
      {{"node:n", "fake"}, RUNG_UNSUPPORTED, "cpu: pinned: the user pinned it to fake"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rung_status *status = open_pinned(&t, "fake:claim=Add,cpu", &cases[i].pin, 1);
    assert_int_equal(rung_status_code(status), cases[i].code);
    if (!strstr(rung_status_message(status), cases[i].says))
      fail_msg("\"%s\" lacks \"%s\"", rung_status_message(status), cases[i].says);
    rung_status_free(status);
  }
  session_end(&t);
}

static void pins_reach_into_bodies(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(
      &t,
      "c:bool[] x:f32[2] -> y ; y = If(c) then_branch={ -> p ; p1@p = Relu(x) } else_branch={ -> q ; q1@q = Neg(x) }",
      0);
  assert_ok(open_pinned(&t, "fake,cpu", &(rung_pin){"op:Neg", "cpu"}, 1));
  assert_string_equal(session_node(&t, "p1")->provider, "fake");
  assert_string_equal(session_node(&t, "q1")->provider, "cpu");
  session_end(&t);
}

/* Locks */

static void a_locked_plan_is_the_same_or_an_error(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  assert_ok(session_open(&t, shared, NULL));
  char *lock;
  assert_ok(rung_session_plan_lock(t.session, &lock));
  assert_non_null(strstr(lock, "node m (Mul) on fake\n"));
  rung_session_options options;
  rung_session_options_init(&options);
  options.lock = lock;
  assert_ok(session_open(&t, shared, &options));
  assert_error(session_open(&t, "fake:claim=Add,cpu", &options), CONTRACT, "locked: node m (Mul) on fake");
  assert_error(session_open(&t, "fake:claim=Add,cpu", &options), CONTRACT, "now:    node m (Mul) on cpu");
  options.lock_warns = 1;
  assert_ok(session_open(&t, "fake:claim=Add,cpu", &options));
  assert_true(session_said(&t, "now:    node m (Mul) on cpu"));
  options.lock = "something else\n";
  assert_error(session_open(&t, shared, &options), INVALID_ARGUMENT, "rung plan lock 1");
  rung_text_free(lock);
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(terms_hold_or_break),
      cmocka_unit_test(terms_that_are_none_are_errors),
      cmocka_unit_test(a_skipped_provider_is_a_demotion),
      cmocka_unit_test(the_contract_is_held_against_what_compiled),
      cmocka_unit_test(the_plan_shows_its_terms),
      cmocka_unit_test(flops_of_open_shapes_are_open),
      cmocka_unit_test(open_terms_are_held_in_every_run),
      cmocka_unit_test(copies_within_a_memory_are_no_crossings),
      cmocka_unit_test(pinned_nodes_run_where_the_user_says),
      cmocka_unit_test(pins_that_cannot_be_kept_are_errors),
      cmocka_unit_test(pins_reach_into_bodies),
      cmocka_unit_test(a_locked_plan_is_the_same_or_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
