/* The first provider compiles in the background while the next ones serve: hand-over, failures, giving up. */
#include "support/fake.h"
#include "support/session.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char model[] = "x:f32[2,2] -> y ; a@u = Add(x, x) ; r@v = Relu(u) ; y = Mul(v, v)";

static rung_session_options in_background(void) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.background_compile = 1;
  return options;
}

static void begin(test_session *t, const char *chain) {
  rung_session_options options = in_background();
  session_begin(t);
  session_load(t, model, 0);
  assert_ok(session_open(t, chain, &options));
  session_fill(t);
}

static void expect_journal(const test_session *t, const char *expected) {
  char text[512] = "";
  for (size_t i = 0; i < rung_session_journal_count(t->session); i++) {
    rung_journal_entry entry;
    assert_ok(rung_session_journal_entry(t->session, i, &entry));
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s:%s", used ? " " : "", entry.event, entry.provider);
  }
  assert_string_equal(text, expected);
}

static void expect_json(const test_session *t, const char *words) {
  char *json;
  assert_ok(rung_session_journal_json(t->session, &json));
  if (!strstr(json, words)) fail_msg("the journal lacks %s:\n%s", words, json);
  rung_text_free(json);
}

/* (4 + 4)^2: right whoever computes it. */
static void run_well(test_session *t) {
  assert_ok(session_run(t));
  assert_float_equal(session_out(t, 0, 3), 64, 0);
}

static rung_status *await(const test_session *t) { return rung_session_await(t->session, NULL, NULL, NULL); }

static void the_next_provider_serves_until_it_is_compiled(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add+Mul,hang_compile=2000,cpu");
  assert_string_equal(session_node(&t, "a")->provider, "cpu");
  const rung_plan *plan = rung_session_plan(t.session);
  assert_false(plan->providers[0].used);
  assert_non_null(strstr(plan->providers[0].why, "compiled in the background"));
  expect_json(&t, "\"state\": \"compiling\"");
  long runs = session_fake()->runs;
  run_well(&t);
  assert_int_equal(session_fake()->runs, runs);
  assert_ok(await(&t));
  assert_string_equal(session_node(&t, "a")->provider, "fake");
  run_well(&t);
  assert_int_equal(session_fake()->runs, runs + 2);
  expect_journal(&t, "compiling:fake handed-over:fake");
  rung_journal_entry entry;
  assert_ok(rung_session_journal_entry(t.session, 1, &entry));
  assert_non_null(strstr(entry.cause, "it compiled for "));
  assert_true(entry.time_ns > UINT64_C(1500000000) * 1000000000);
  expect_json(&t, "\"state\": \"in-service\"");
  expect_json(&t, "\"compiling\": null");
  rung_counters c = {.struct_size = sizeof c};
  assert_ok(rung_session_counters(t.session, &c));
  assert_int_equal(c.stepped_runs, 1);
  assert_float_equal(plan->node_count, 3, 0); /* what was borrowed stays good */
  session_end(&t);
}

typedef struct listener {
  long calls, stop_at;
  double most;
  char stages[256];
} listener;

static int listen(void *user, const rung_compiling *state) {
  listener *l = user;
  char stage[80];
  snprintf(stage, sizeof stage, "%s:%s ", state->provider, state->stage);
  if (!strstr(l->stages, stage)) strncat(l->stages, stage, sizeof l->stages - strlen(l->stages) - 1);
  if (state->percent > l->most) l->most = state->percent;
  return ++l->calls == l->stop_at;
}

static void whoever_waits_is_told(void **state) {
  (void)state;
  test_session t;
  listener l = {0}, once = {.stop_at = 1};
  begin(&t, "fake:claim=Add,hang_compile=600,cpu");
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 1;
  assert_error(rung_session_await(t.session, &options, NULL, NULL), DEADLINE, "goes on in the background");
  options.deadline_ns = 0;
  assert_ok(rung_cancel_create(t.env, &options.cancel));
  rung_cancel_request(options.cancel);
  assert_error(rung_session_await(t.session, &options, NULL, NULL), CANCELLED, "goes on in the background");
  rung_cancel_destroy(&options.cancel);
  assert_error(rung_session_await(t.session, NULL, listen, &once), CANCELLED, "goes on in the background");
  assert_ok(rung_session_await(t.session, NULL, listen, &l));
  assert_non_null(strstr(l.stages, "fake:fake "));
  assert_true(l.most > 0);
  assert_ok(await(&t)); /* nothing is left to wait for */
  session_end(&t);
}

/* Runs of several threads while the instance is replaced. */
enum { THREADS = 4 };

typedef struct runner {
  const test_session *t;
  pthread_t thread;
  const atomic_bool *stop;
  long runs, wrong;
} runner;

static void *run_on(void *context) {
  runner *r = context;
  while (!atomic_load(r->stop)) {
    rung_value *output = NULL;
    rung_status *status = rung_session_run(r->t->session, NULL, r->t->inputs, 1, &output, 1);
    const rung_tensor *tensor = output ? rung_value_tensor(output) : NULL;
    r->wrong += status || !tensor || rung_tensor_get(tensor, 3) != 64;
    r->runs++;
    rung_status_free(status);
    rung_value_release(output);
    (void)rung_session_plan(r->t->session)->node_count;
  }
  return NULL;
}

static void no_run_notices_the_hand_over(void **state) {
  (void)state;
  for (int next = 0; next < 2; next++) {
    test_session t;
    rung_session_options options = in_background();
    options.on_failure = next ? RUNG_ON_FAILURE_NEXT : RUNG_ON_FAILURE_ERROR;
    session_begin(&t);
    session_load(&t, model, 0);
    assert_ok(session_open(&t, "fake:claim=Add+Mul,hang_compile=200,cpu", &options));
    session_fill(&t);
    atomic_bool stop = false;
    runner runners[THREADS];
    for (int i = 0; i < THREADS; i++) {
      runners[i] = (runner){.t = &t, .stop = &stop};
      assert_int_equal(pthread_create(&runners[i].thread, NULL, run_on, &runners[i]), 0);
    }
    assert_ok(await(&t));
    long before = session_fake()->runs;
    while (session_fake()->runs < before + 40) continue; /* they go to it */
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
      pthread_join(runners[i].thread, NULL);
      assert_int_equal(runners[i].wrong, 0);
      assert_true(runners[i].runs > 0);
    }
    expect_journal(&t, "compiling:fake handed-over:fake");
    session_end(&t);
  }
}

static void a_failed_compile_ends_runs(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,fail_compile=yes,cpu");
  assert_error(await(&t), PROVIDER, "the fake's engine fails in compiling");
  assert_error(session_run(&t), PROVIDER, "compiling in the background failed: provider fake");
  expect_journal(&t, "compiling:fake compile-failed:fake");
  expect_json(&t, "\"state\": \"compile-failed\"");
  expect_json(&t, "\"failed_runs\": 1");
  session_end(&t);
}

static void or_the_next_provider_serves_on(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = in_background();
  options.on_failure = RUNG_ON_FAILURE_NEXT;
  options.breaker_ns = 1; /* nobody tries to compile it again in a run */
  session_begin(&t);
  session_load(&t, model, 0);
  long compiles = session_fake()->compiles;
  assert_ok(session_open(&t, "fake:claim=Add,fail_compile=yes,cpu", &options));
  assert_error(await(&t), PROVIDER, "the fake's engine fails in compiling");
  for (int i = 0; i < 3; i++) run_well(&t);
  assert_int_equal(session_fake()->compiles, compiles + 1);
  expect_journal(&t, "compiling:fake compile-failed:fake");
  assert_true(session_said(&t, "the next providers of the chain serve on"));
  session_end(&t);
}

/* What the engine refuses only when it compiles breaks the contract then: nobody serves on beside it. */
static void the_contract_is_asked_of_what_compiles(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = in_background();
  options.on_failure = RUNG_ON_FAILURE_NEXT;
  options.contract = "coverage>=60%,islands<=3";
  session_begin(&t);
  session_load(&t, model, 0);
  assert_ok(session_open(&t, "fake:claim=Add+Mul,hang_compile=1500,refuse_at_compile=Mul,cpu", &options));
  run_well(&t); /* the interim plan has no share to keep */
  assert_error(await(&t), CONTRACT, "coverage>=60%");
  assert_error(session_run(&t), CONTRACT, "coverage>=60%");
  assert_ok(session_open(&t, "fake:claim=Add+Mul,hang_compile=100,cpu", &options));
  run_well(&t);
  assert_ok(await(&t));
  run_well(&t);
  assert_string_equal(session_node(&t, "a")->provider, "fake");
  session_end(&t);
}

static void contracts_against_it_are_refused(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = in_background();
  session_begin(&t);
  session_load(&t, model, 0);
  options.contract = "no-demotion";
  assert_error(session_open(&t, "fake,cpu", &options), INVALID_ARGUMENT, "background_compile demands it");
  options.contract = "strict";
  assert_error(session_open(&t, "fake,cpu", &options), CONTRACT, "nobody can serve while provider fake compiles");
  options.contract = "coverage>=99%";
  assert_error(session_open(&t, "fake:claim=Add,cpu", &options), CONTRACT,
               "coverage>=99%"); /* by its claims, at once */
  options.contract = NULL;
  options.lock = "rung plan lock 1\n";
  assert_ok(session_open(&t, "fake,cpu", &options));
  assert_error(await(&t), CONTRACT, "not the one that was locked");
  session_end(&t);
}

static void without_a_next_provider_creation_waits(void **state) {
  (void)state;
  static const char *const chains[] = {"fake:hang_compile=50", "fake:unusable=driver,hang_compile=50", "cpu"};
  for (size_t i = 0; i < 3; i++) {
    test_session t;
    rung_session_options options = in_background();
    session_begin(&t);
    session_load(&t, model, 0);
    rung_status *status = session_open(&t, chains[i], &options);
    if (i == 1) {
      assert_error(status, UNAVAILABLE, "provider fake cannot be used");
    } else {
      assert_ok(status);
      assert_string_equal(session_node(&t, "a")->provider, i ? "cpu" : "fake");
      run_well(&t);
      expect_journal(&t, "");
    }
    session_end(&t);
  }
}

/* Nobody else takes the nodes. */
static void what_only_it_can_run_needs_it(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = in_background();
  session_begin(&t);
  session_load(&t, model, 0);
  assert_error(session_open(&t, "fake,fake:device=1,claim=Add", &options), UNSUPPORTED,
               "nobody can serve while provider fake compiles");
  session_end(&t);
}

/* Of an engine that looks whether it should stop, and of one that does not: neither hangs, and nothing stays alive. */
static void a_session_that_goes_gives_it_up(void **state) {
  (void)state;
  static const char *const chains[] = {"fake:claim=Add,hang_compile=60000,cpu", "fake:claim=Add,compile_ms=1500,cpu"};
  for (size_t i = 0; i < 2; i++)
    for (int runs = 0; runs < 2; runs++) {
      test_session t;
      begin(&t, chains[i]);
      if (runs) run_well(&t);
      session_close(&t);
      session_end(&t);
      assert_int_equal(session_fake()->compiling, 0);
    }
}

/* The interim provider fails meanwhile: the rest of the chain steps in, and is left behind after the hand-over. */
static void a_step_down_meanwhile_goes_further_down(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = in_background();
  options.on_failure = RUNG_ON_FAILURE_NEXT;
  options.contract = "coverage>=30%";
  session_begin(&t);
  session_load(&t, model, 0);
  assert_ok(session_open(&t, "fake:claim=Add,hang_compile=1500,fake:device=1,claim=Mul,fail_run=1,cpu", &options));
  run_well(&t);
  assert_string_equal(session_node(&t, "a")->provider, "cpu");
  assert_ok(await(&t));
  expect_journal(&t, "compiling:fake failed:fake stepped-down:fake handed-over:fake");
  assert_string_equal(session_node(&t, "a")->provider, "fake");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_next_provider_serves_until_it_is_compiled),
      cmocka_unit_test(whoever_waits_is_told),
      cmocka_unit_test(no_run_notices_the_hand_over),
      cmocka_unit_test(a_failed_compile_ends_runs),
      cmocka_unit_test(or_the_next_provider_serves_on),
      cmocka_unit_test(the_contract_is_asked_of_what_compiles),
      cmocka_unit_test(contracts_against_it_are_refused),
      cmocka_unit_test(without_a_next_provider_creation_waits),
      cmocka_unit_test(what_only_it_can_run_needs_it),
      cmocka_unit_test(a_session_that_goes_gives_it_up),
      cmocka_unit_test(a_step_down_meanwhile_goes_further_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
