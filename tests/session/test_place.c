/* Who runs what: claims, groups, islands and their order, crossings, what an engine refuses. */
#include "support/fake.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static char words[512];

static void expect_islands(test_session *t, const char *expected) {
  assert_string_equal(session_islands(t, words, sizeof words), expected);
}

static void every_node_goes_to_the_first_that_claims_it(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2,2] -> y ; a@u = Add(x, x) ; r@v = Relu(u) ; m@w = Mul(v, v) ; n@y = Neg(w)",
               "fake:claim=Add+Mul,cpu");
  expect_islands(&t, "a r m n");
  assert_string_equal(session_node(&t, "a")->provider, "fake");
  assert_string_equal(session_node(&t, "r")->provider, "cpu");
  assert_string_equal(session_node(&t, "m")->provider, "fake");
  assert_string_equal(session_node(&t, "n")->provider, "cpu");
  assert_string_equal(session_refusal(&t, "r", "fake")->reason, "operator");
  assert_string_equal(session_refusal(&t, "r", "fake")->words, "Relu");
  assert_int_equal(session_node(&t, "a")->refusal_count, 0);
  const rung_plan *plan = rung_session_plan(t.session);
  assert_string_equal(plan->stage, "compiled");
  assert_int_equal(plan->providers[0].node_count, 2);
  assert_int_equal(plan->providers[1].node_count, 2);
  assert_string_equal(plan->islands[0].description, "1 node, faked");
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 3), -(8.f * 8.f), 0);
  session_end(&t);
}

static void nodes_that_nobody_takes_are_listed_with_reasons(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, "x:f32[2] i:i64[100] -> y, z ; odd@y = local::Odd(x) ; s@z = Add(i, i)", 0);
  rung_status *status = session_open(&t, "fake:claim=Add,null", NULL);
  static const char *const parts[] = {"2 nodes no provider of the chain can run",
                                      "odd (Odd)",
                                      "fake: operator: Odd",
                                      "null: operator: local.Odd",
                                      "s (Add)",
                                      "fake: type: it takes float32"};
  assert_int_equal(rung_status_code(status), RUNG_UNSUPPORTED);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (!strstr(rung_status_message(status), parts[i]))
      fail_msg("\"%s\" lacks %s", rung_status_message(status), parts[i]);
  rung_status_free(status);
  status = session_open(&t, "cpu", NULL);
  assert_error(status, UNSUPPORTED, "cpu: operator: local.Odd");
  rung_session_options options;
  rung_session_options_init(&options);
  options.inspect_only = 1;
  assert_ok(session_open(&t, "fake,cpu", &options));
  assert_null(session_node(&t, "odd")->provider);
  assert_int_equal(session_node(&t, "odd")->refusal_count, 2);
  assert_string_equal(session_node(&t, "s")->provider, "cpu");
  session_end(&t);
}

/* Nodes of one provider that are not joined run in one go, when nothing stands between them. */
static void islands_are_cut_by_rank(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  static const struct {
    const char *graph, *islands;
  } cases[] = {
      /* a diamond: both arms are the fake's, the join too */
      {"x:f32[2] -> y ; a@p = Add(x, x) ; b@q = Add(p, p) ; c@r = Add(p, x) ; d@y = Add(q, r)", "a+b+c+d"},
      /* one arm through the processor: the join waits for it, the other arm goes ahead */
      {"x:f32[2] -> y ; a@p = Add(x, x) ; b@q = Add(p, p) ; c@r = Relu(p) ; d@y = Add(q, r)", "a+b c d"},
      /* the other way round */
      {"x:f32[2] -> y ; a@p = Relu(x) ; b@q = Add(p, p) ; c@r = Relu(p) ; d@y = Relu(q)", "a+c b d"},
      /* two that cross: without ranks each would wait for the other */
      {"x:f32[2] -> u, v ; a@p = Add(x, x) ; b@q = Relu(x) ; c@u = Relu(p) ; d@v = Add(q, q)", "a b c d"},
      /* two rows side by side */
      {"x:f32[2] z:f32[2] -> u, v ; a@p = Add(x, x) ; b@q = Add(z, z) ; c@u = Relu(p) ; d@v = Relu(q)", "a+b c+d"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    session_load(&t, cases[i].graph, 0);
    assert_ok(session_open(&t, "fake:claim=Add,cpu", NULL));
    expect_islands(&t, cases[i].islands);
    session_fill(&t);
    assert_ok(session_run(&t));
  }
  session_end(&t);
}

/* Groups */

static const char row[] =
    "x:f32[2] -> y ; a@p = Add(x, x) ; b@q = Relu(p) ; c@r = Relu(q) ; d@s = Mul(r, r) ; e@y = Neg(s)";

static void groups_are_taken_whole(void **state) {
  (void)state;
  test_session t;
  session_make(&t, row, "fake:claim=nothing,groups=b+c/d+e,cpu");
  expect_islands(&t, "a b+c+d+e");
  assert_int_equal(session_refusal(&t, "a", "fake") != NULL, 1);
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 1), -16, 0);
  session_end(&t);
}

static void a_broken_group_is_given_back(void **state) {
  (void)state;
  test_session t;
  /* the first fake takes b: the second cannot have its group b+c, but can have d */
  session_make(&t, row, "fake:device=1,claim=nothing,groups=b,fake:device=0,claim=Mul,groups=b+c,cpu");
  expect_islands(&t, "a b c d e");
  assert_string_equal(session_node(&t, "b")->provider, "fake");
  assert_string_equal(session_node(&t, "c")->provider, "cpu");
  const rung_plan_node *c = session_node(&t, "c");
  assert_string_equal(c->refusals[c->refusal_count - 1].reason, "group");
  assert_int_equal(session_node(&t, "b")->refusal_count, 0);
  session_close(&t);
  /* refused when it is compiled: its partner goes, too */
  assert_ok(session_open(&t, "fake:claim=Mul,groups=a+b,refuse_at_compile=Add,cpu", NULL));
  expect_islands(&t, "a+b+c d e");
  assert_string_equal(session_refusal(&t, "a", "fake")->reason, "compile");
  assert_string_equal(session_refusal(&t, "b", "fake")->reason, "group");
  session_end(&t);
}

/* A group runs in one go, also when one of its nodes could run earlier than the other. */
static void a_group_is_one_island(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2] -> y, z ; a@p = Add(x, x) ; b@q = Relu(x) ; c@y = Mul(p, x) ; d@z = Mul(q, q)",
               "fake:claim=nothing,groups=c+d+a,cpu");
  expect_islands(&t, "b a+c+d");
  assert_ok(session_run(&t));
  session_end(&t);
}

static void a_group_with_others_between_is_no_group(void **state) {
  (void)state;
  test_session t;
  session_make(&t, row, "fake?:claim=Mul,groups=a+c,cpu");
  expect_islands(&t, "a+b+c d e");
  assert_string_equal(session_refusal(&t, "a", "fake")->reason, "group");
  assert_non_null(strstr(session_refusal(&t, "c", "fake")->words, "nodes outside stand between"));
  session_close(&t);
  /* each is convex, but they wait for each other */
  session_load(&t, "x:f32[2] -> u, v ; a@p = Relu(x) ; b@q = Relu(x) ; c@u = Neg(q) ; d@v = Neg(p)", 0);
  assert_ok(session_open(&t, "fake:claim=nothing,groups=a+c/b+d,cpu", NULL));
  const char *first = session_node(&t, "a")->provider, *second = session_node(&t, "b")->provider;
  assert_string_equal(session_node(&t, "c")->provider, first);
  assert_string_equal(session_node(&t, "d")->provider, second);
  assert_string_not_equal(first, second);
  assert_ok(session_run(&t));
  session_close(&t);
  /* the same through a third: a+d, b+e, c+f in a ring */
  session_load(&t,
               "x:f32[2] -> u, v, w ; a@p = Relu(x) ; b@q = Relu(x) ; c@r = Relu(x) ;"
               "d@u = Neg(q) ; e@v = Neg(r) ; f@w = Neg(p)",
               0);
  assert_ok(session_open(&t, "fake:claim=nothing,groups=a+d/b+e/c+f,cpu", NULL));
  assert_int_equal(rung_session_plan(t.session)->providers[0].node_count, 4);
  session_end(&t);
}

static void groups_of_several_providers_stay_in_order(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2] -> u, v ; a@p = Relu(x) ; b@q = Relu(x) ; c@u = Neg(q) ; d@v = Neg(p)",
               "fake:device=0,claim=nothing,groups=a+c,fake?:device=1,claim=nothing,groups=b+d,cpu");
  assert_int_equal(rung_session_plan(t.session)->providers[0].node_count, 2);
  assert_int_equal(rung_session_plan(t.session)->providers[1].node_count, 0);
  assert_ok(session_run(&t));
  session_end(&t);
}

/* Compiling */

static void what_an_engine_refuses_is_claimed_again(void **state) {
  (void)state;
  test_session t;
  session_make(&t, row, "fake:refuse_at_compile=Mul+Neg,refuse=one,cpu");
  expect_islands(&t, "a+b+c d+e");
  const rung_plan_refusal *why = session_refusal(&t, "d", "fake");
  assert_string_equal(why->reason, "compile");
  assert_string_equal(why->words, "the fake's engine does not take Mul");
  assert_string_equal(session_refusal(&t, "e", "fake")->reason, "compile");
  assert_int_equal(session_node(&t, "d")->refusal_count, 1); /* once, however many rounds */
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 0), -4, 0);
  session_end(&t);
}

static void refusing_everything_breaks_the_contract(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  assert_error(session_open(&t, "fake:refuse_at_compile=Add+Relu+Mul+Neg,cpu", NULL), CONTRACT, "can run no node");
  assert_ok(session_open(&t, "fake?:refuse_at_compile=Add+Relu+Mul+Neg,cpu", NULL));
  expect_islands(&t, "a+b+c+d+e");
  assert_error(session_open(&t, "fake:refuse_at_compile=Neg", NULL), UNSUPPORTED, "fake: compile: the fake's engine");
  session_end(&t);
}

/* An engine that says UNSUPPORTED and names no node of its island cannot be asked again: that would never end. */
static void a_refusal_without_a_node_is_an_error(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  assert_error(session_open(&t, "fake:refuse_at_compile=Mul,refuse=none,cpu", NULL), UNSUPPORTED, "provider fake");
  assert_error(session_open(&t, "fake:refuse_at_compile=Mul,refuse=stranger,cpu", NULL), UNSUPPORTED, "provider fake");
  session_end(&t);
}

static int stop_at_once(void *user, const char *stage, uint64_t done, uint64_t total) {
  (void)total;
  *(long *)user += 1;
  return strcmp(stage, "fake") == 0 && done >= 3;
}

static void compiling_can_be_watched_and_stopped(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  rung_session_options options;
  rung_session_options_init(&options);
  long calls = 0;
  options.progress = stop_at_once;
  options.progress_user = &calls;
  assert_error(session_open(&t, "fake:hang_compile=60000,cpu", &options), CANCELLED, "stopped while it compiled");
  assert_true(calls > 1);
  session_end(&t);
}

static void planning_compiles_nothing(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  rung_session_options options;
  rung_session_options_init(&options);
  options.plan_only = 1;
  long before = session_fake()->compiles;
  assert_ok(session_open(&t, "fake,cpu", &options));
  assert_int_equal(session_fake()->compiles, before);
  assert_string_equal(rung_session_plan(t.session)->stage, "claimed");
  session_fill(&t);
  assert_error(session_run(&t), INVALID_ARGUMENT, "plan only");
  session_end(&t);
}

/* Crossings */

static void expect_crossing(const test_session *t, size_t i, const char *value, const char *from, const char *to,
                            int64_t bytes, int64_t executions) {
  const rung_plan *plan = rung_session_plan(t->session);
  assert_true(i < plan->crossing_count);
  assert_string_equal(plan->crossings[i].value, value);
  assert_string_equal(plan->crossings[i].from, from);
  assert_string_equal(plan->crossings[i].to, to);
  assert_int_equal(plan->crossings[i].bytes, bytes);
  assert_int_equal(plan->crossings[i].executions, executions);
}

static void crossings_are_counted_with_their_bytes(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2,3] z:f32[N] -> y, o ; a@p = Add(x, x) ; r@q = Relu(p) ; b@y = Add(q, p) ; c@o = Add(z, z)",
               "fake:claim=Add,cpu");
  expect_islands(&t, "a+c r b");
  assert_int_equal(rung_session_plan(t.session)->crossing_count, 6);
  expect_crossing(&t, 0, "x", "host", "fake:0", 24, 1);
  expect_crossing(&t, 1, "z", "host", "fake:0", -1, 1);
  expect_crossing(&t, 2, "p", "fake:0", "host", 24, 1);
  expect_crossing(&t, 3, "q", "host", "fake:0", 24, 1);
  expect_crossing(&t, 4, "y", "fake:0", "host", 24, 1);
  expect_crossing(&t, 5, "o", "fake:0", "host", -1, 1);
  /* and a run makes just these */
  struct fake_count *fake = session_fake();
  long in = fake->copies_in, out = fake->copies_out, bytes = fake->bytes_in;
  assert_ok(session_run(&t));
  assert_int_equal(fake->copies_in - in, 3);
  assert_int_equal(fake->copies_out - out, 3);
  assert_int_equal(fake->bytes_in - bytes, 24 + 8 + 24);
  session_end(&t);
}

/* Two islands read it there: it crosses once. */
static void a_value_crosses_once(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2] -> y ; a@p = Add(x, x) ; r@q = Relu(p) ; b@y = Add(q, x)", "fake:claim=Add,cpu");
  assert_int_equal(rung_session_plan(t.session)->crossing_count, 4); /* x p q y */
  long in = session_fake()->copies_in;
  assert_ok(session_run(&t));
  assert_int_equal(session_fake()->copies_in - in, 2);
  session_end(&t);
}

static void visible_memory_is_not_copied(void **state) {
  (void)state;
  test_session t;
  session_make(&t, row, "fake:claim=Mul,memory=visible,cpu");
  assert_int_equal(rung_session_plan(t.session)->crossing_count, 0);
  struct fake_count *fake = session_fake();
  long copies = fake->copies_in + fake->copies_out;
  assert_ok(session_run(&t));
  assert_int_equal(fake->copies_in + fake->copies_out, copies);
  assert_float_equal(session_out(&t, 0, 1), -16, 0);
  session_close(&t);
  assert_ok(session_open(&t, "fake:memory=host", NULL));
  assert_int_equal(rung_session_plan(t.session)->crossing_count, 0);
  assert_ok(session_run(&t));
  session_end(&t);
}

/* What lies on one device goes to another by way of the host, and is not fetched twice. */
static void devices_exchange_through_the_host(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2] -> y ; a@p = Add(x, x) ; m@q = Mul(p, p) ; r@y = Add(q, p)",
               "fake:device=0,claim=Add,fake:device=1,claim=Mul");
  const rung_plan *plan = rung_session_plan(t.session);
  assert_int_equal(plan->crossing_count, 4);
  expect_crossing(&t, 1, "p", "fake:0", "fake:1", 8, 1);
  expect_crossing(&t, 2, "q", "fake:1", "fake:0", 8, 1);
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 1), 16 + 4, 0);
  session_end(&t);
}

/* Shapes */

static void arithmetic_on_shapes_is_the_hosts(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[N,3] -> y ; one:i64[1] = 1 ; a@p = Add(x, x) ; s@d = Shape(p) ; g@e = Add(d, one) ; y = "
               "Identity(e)",
               "fake:claim=Add");
  assert_string_equal(session_node(&t, "s")->provider, "host");
  assert_string_equal(session_node(&t, "g")->provider, "host");
  assert_string_equal(session_refusal(&t, "g", "fake")->reason, "type"); /* the reason stays on record */
  /* the shape is read where the tensor lies: only x crosses */
  assert_int_equal(rung_session_plan(t.session)->crossing_count, 1);
  long out = session_fake()->copies_out;
  assert_ok(session_run(&t));
  assert_int_equal(session_fake()->copies_out, out);
  assert_float_equal(session_out(&t, 0, 0), 3, 0);
  assert_float_equal(session_out(&t, 0, 1), 4, 0);
  session_end(&t);
}

static void the_host_takes_nothing_else(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, "i:i64[N] -> y ; a@y = Add(i, i)", 0); /* no shape: its length is open */
  assert_error(session_open(&t, "fake?,null?", NULL), UNSUPPORTED, "a (Add)");
  session_load(&t, "i:i64[3] -> y ; a@y = Add(i, i)", 0);
  assert_ok(session_open(&t, "fake?", NULL));
  assert_string_equal(session_node(&t, "a")->provider, "host");
  session_end(&t);
}

/* Bodies */

static const char branches[] =
    "x:f32[2] c:bool[] -> y ; a@p = Add(x, x) ;"
    "if@q = If(c) then_branch={ -> t ; m@t = Mul(p, p) } else_branch={ -> e ; n@k = Neg(p) ; o@e = Relu(k) } ;"
    "z@y = Add(q, p)";

static void bodies_are_placed_by_the_same_chain(void **state) {
  (void)state;
  test_session t;
  session_make(&t, branches, "fake:claim=Add+Mul,cpu");
  assert_string_equal(session_node(&t, "if")->provider, "host");
  assert_int_equal(session_node(&t, "if")->island, -1);
  assert_string_equal(session_node(&t, "m")->provider, "fake");
  assert_string_equal(session_node(&t, "n")->provider, "cpu");
  assert_string_equal(session_node(&t, "m")->graph, "if/graph");
  assert_string_equal(session_refusal(&t, "n", "fake")->reason, "operator");
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 1), 4 * 4 + 4, 0);
  *(uint8_t *)rung_value_tensor(t.inputs[1])->data = 0;
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 1), 0 + 4, 0);
  session_end(&t);
}

static void an_unclaimed_node_in_a_body_is_named(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, branches, 0);
  assert_error(session_open(&t, "fake:claim=Add+Mul", NULL), UNSUPPORTED, "in a body");
  session_end(&t);
}

static void a_provider_used_in_bodies_alone_is_used(void **state) {
  (void)state;
  test_session t;
  session_make(&t, branches, "fake:claim=Mul,cpu");
  assert_int_equal(rung_session_plan(t.session)->providers[0].node_count, 1);
  session_end(&t);
}

/* What a loop captures crosses outside of it, once. */
static void captures_cross_once(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[2] -> y ; trips:i64[] = 5 ; go:bool[] = 1 ; zero:f32[2] = 0 0 ; r@p = Relu(x) ;"
               "loop@y = Loop(trips, go, zero) body={ i:i64[] g:bool[] s:f32[2] -> h:bool[], n:f32[2] ;"
               "  h = Identity(g) ; a@n = Add(s, p) }",
               "fake:claim=Add,cpu");
  const rung_plan *plan = rung_session_plan(t.session);
  assert_int_equal(plan->crossing_count, 3);
  expect_crossing(&t, 0, "s", "host", "fake:0", 8, -1);
  expect_crossing(&t, 1, "p", "host", "fake:0", 8, 1);
  expect_crossing(&t, 2, "n", "fake:0", "host", 8, -1);
  long in = session_fake()->copies_in;
  assert_ok(session_run(&t));
  assert_int_equal(session_fake()->copies_in - in, 5 + 1);
  assert_float_equal(session_out(&t, 0, 0), 5, 0);
  assert_float_equal(session_out(&t, 0, 1), 10, 0);
  session_end(&t);
}

static void paths_of_bodies_are_readable(void **state) {
  (void)state;
  test_session t;
  session_make(
      &t,
      "x:f32[2] c:bool[] -> y ; o@y = If(c)"
      " then_branch={ -> t ; i@t = If(c) then_branch={ -> u ; deep@u = Neg(x) } else_branch={ -> w ; w = Relu(x) } }"
      " else_branch={ -> v ; v = Relu(x) }",
      "cpu");
  assert_string_equal(session_node(&t, "deep")->graph, "o/graph/i/graph");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_node_goes_to_the_first_that_claims_it),
      cmocka_unit_test(nodes_that_nobody_takes_are_listed_with_reasons),
      cmocka_unit_test(islands_are_cut_by_rank),
      cmocka_unit_test(groups_are_taken_whole),
      cmocka_unit_test(a_broken_group_is_given_back),
      cmocka_unit_test(a_group_is_one_island),
      cmocka_unit_test(a_group_with_others_between_is_no_group),
      cmocka_unit_test(groups_of_several_providers_stay_in_order),
      cmocka_unit_test(what_an_engine_refuses_is_claimed_again),
      cmocka_unit_test(refusing_everything_breaks_the_contract),
      cmocka_unit_test(a_refusal_without_a_node_is_an_error),
      cmocka_unit_test(compiling_can_be_watched_and_stopped),
      cmocka_unit_test(planning_compiles_nothing),
      cmocka_unit_test(crossings_are_counted_with_their_bytes),
      cmocka_unit_test(a_value_crosses_once),
      cmocka_unit_test(visible_memory_is_not_copied),
      cmocka_unit_test(devices_exchange_through_the_host),
      cmocka_unit_test(arithmetic_on_shapes_is_the_hosts),
      cmocka_unit_test(the_host_takes_nothing_else),
      cmocka_unit_test(bodies_are_placed_by_the_same_chain),
      cmocka_unit_test(an_unclaimed_node_in_a_body_is_named),
      cmocka_unit_test(a_provider_used_in_bodies_alone_is_used),
      cmocka_unit_test(captures_cross_once),
      cmocka_unit_test(paths_of_bodies_are_readable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
