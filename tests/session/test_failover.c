/* What happens when a provider fails in a run: the policy, the breaker, the journal, the counters. */
#include "support/fake.h"
#include "support/session.h"
#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static const char row[] = "x:f32[2,2] -> y ; a@u = Add(x, x) ; r@y = Relu(u)";

static rung_status *open_next(test_session *t, const char *chain, uint64_t breaker_ns, const char *contract) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.on_failure = RUNG_ON_FAILURE_NEXT;
  options.breaker_ns = breaker_ns;
  options.contract = contract;
  return session_open(t, chain, &options);
}

static void begin(test_session *t, const char *chain, uint64_t breaker_ns) {
  session_begin(t);
  session_load(t, row, 0);
  assert_ok(open_next(t, chain, breaker_ns, NULL));
  session_fill(t);
}

static void run_well(test_session *t) {
  assert_ok(session_run(t));
  assert_float_equal(session_out(t, 0, 3), 8, 0);
  session_drop_outputs(t);
}

/* "failed:fake stepped-down:fake": the journal in short. */
static void expect_journal(const test_session *t, const char *expected) {
  char text[512] = "";
  for (size_t i = 0; i < rung_session_journal_count(t->session); i++) {
    rung_journal_entry entry;
    assert_ok(rung_session_journal_entry(t->session, i, &entry));
    assert_true(entry.time_ns > UINT64_C(1500000000) * 1000000000);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s:%s", used ? " " : "", entry.event, entry.provider);
  }
  assert_string_equal(text, expected);
}

static rung_counters counters_of(const test_session *t) {
  rung_counters counters = {.struct_size = sizeof counters};
  assert_ok(rung_session_counters(t->session, &counters));
  return counters;
}

static void a_failed_run_starts_again_on_the_next_provider(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,fail_run=1,cpu", 0);
  run_well(&t);
  expect_journal(&t, "failed:fake stepped-down:fake");
  rung_journal_entry entry;
  assert_ok(rung_session_journal_entry(t.session, 0, &entry));
  assert_string_equal(entry.node, "a");
  assert_non_null(strstr(entry.cause, "the fake fails run 1"));
  long runs = session_fake()->runs;
  run_well(&t); /* one failure does not put it out of service */
  assert_int_equal(session_fake()->runs, runs + 1);
  rung_counters c = counters_of(&t);
  assert_int_equal(c.runs, 2);
  assert_int_equal(c.stepped_runs, 1);
  assert_int_equal(c.failures, 1);
  assert_int_equal(c.failed_runs, 0);
  assert_true(session_said(&t, "provider fake: failed (node a)"));
  session_end(&t);
}

static void a_lost_device_is_out_of_service(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,device_lost=2,cpu", 0);
  run_well(&t);
  assert_string_equal(session_node(&t, "a")->provider, "fake");
  run_well(&t);
  expect_journal(&t, "failed:fake out-of-service:fake stepped-down:fake");
  long runs = session_fake()->runs, opened = session_fake()->opened;
  run_well(&t);
  assert_int_equal(session_fake()->runs, runs);
  assert_int_equal(session_fake()->opened, opened);
  assert_string_equal(session_node(&t, "a")->provider, "cpu");
  const rung_plan *plan = rung_session_plan(t.session);
  assert_false(plan->providers[0].used);
  assert_non_null(strstr(plan->providers[0].why, "out of service since it failed"));
  assert_int_equal(counters_of(&t).stepped_runs, 2);
  session_end(&t);
}

static rung_status *await(const test_session *t) { return rung_session_await(t->session, NULL, NULL, NULL); }

/* Its time out of service is over at once: the next run has it compiled in the background, and a later one tries it, on
 * a provider that is opened anew. */
static void a_provider_comes_back(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,device_lost=2,cpu", 1);
  for (int i = 0; i < 3; i++) run_well(&t);
  assert_ok(await(&t));
  assert_string_equal(session_node(&t, "a")->provider, "cpu");
  run_well(&t);
  expect_journal(&t,
                 "failed:fake out-of-service:fake stepped-down:fake compiling:fake compiled:fake tried-again:fake "
                 "restored:fake");
  assert_string_equal(session_node(&t, "a")->provider, "fake");
  session_end(&t);
}

static void nobody_waits_while_it_compiles_again(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,device_lost=2,hang_compile=400,cpu", 1);
  for (int i = 0; i < 2; i++) run_well(&t);
  long compiles = session_fake()->compiles;
  for (int i = 0; i < 5; i++) run_well(&t);
  expect_journal(&t, "failed:fake out-of-service:fake stepped-down:fake compiling:fake");
  char *json;
  assert_ok(rung_session_journal_json(t.session, &json));
  assert_non_null(strstr(json, "\"state\": \"compiling\""));
  rung_text_free(json);
  assert_ok(await(&t));
  assert_int_equal(session_fake()->compiles, compiles + 1);
  session_end(&t);
}

static void a_trial_that_fails_again_steps_down_again(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,device_lost=1,cpu", 1);
  for (int i = 0; i < 2; i++) run_well(&t);
  assert_ok(await(&t));
  run_well(&t);
  expect_journal(&t,
                 "failed:fake out-of-service:fake stepped-down:fake compiling:fake compiled:fake tried-again:fake "
                 "failed:fake out-of-service:fake stepped-down:fake");
  session_end(&t);
}

/* Where nobody else can serve, the run that tries it waits for it. */
static void the_last_provider_is_compiled_by_a_run(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add+Relu,device_lost=2", 1);
  run_well(&t);
  assert_error(session_run(&t), DEVICE_LOST, "the chain cannot go on without it");
  run_well(&t);
  session_end(&t);
}

/* The second fake gets its node, and compiles, only when the first one is lost. */
static const char slow_next[] = "fake:claim=Add,device_lost=1,fake?:device=1,claim=Add,hang_compile=60000,cpu";

static void who_runs_waits_no_longer_than_it_said(void **state) {
  (void)state;
  test_session t;
  begin(&t, slow_next, 0);
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 50000000;
  rung_value *output = NULL;
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, &output, 1), DEADLINE, "its chain was compiled anew");
  assert_null(output);
  session_end(&t);
}

typedef struct waiter {
  const test_session *t;
  rung_run_options options;
  rung_status *status;
} waiter;

static void *run_and_wait(void *context) {
  waiter *w = context;
  rung_value *output = NULL;
  w->status = rung_session_run(w->t->session, &w->options, w->t->inputs, 1, &output, 1);
  rung_value_release(output);
  return NULL;
}

/* One run makes the instance; a second one that needs it, too, has a deadline of its own. */
static void nor_does_who_waits_for_another_run(void **state) {
  (void)state;
  test_session t;
  pthread_t thread;
  begin(&t, slow_next, 0);
  waiter first = {.t = &t}, second = {.t = &t};
  rung_run_options_init(&first.options);
  rung_run_options_init(&second.options);
  assert_ok(rung_cancel_create(t.env, &first.options.cancel));
  long compiles = session_fake()->compiles;
  assert_int_equal(pthread_create(&thread, NULL, run_and_wait, &first), 0);
  while (session_fake()->compiles == compiles) sched_yield();
  second.options.deadline_ns = 50000000;
  run_and_wait(&second);
  rung_cancel_request(first.options.cancel);
  pthread_join(thread, NULL);
  assert_error(second.status, DEADLINE, "its chain was compiled anew");
  assert_error(first.status, CANCELLED, "its chain was compiled anew");
  rung_cancel_destroy(&first.options.cancel);
  session_end(&t);
}

static void failures_in_a_row_open_the_breaker(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,wrong=shape,cpu", 0);
  long runs = session_fake()->runs;
  for (int i = 0; i < 5; i++) run_well(&t);
  assert_int_equal(session_fake()->runs, runs + 3);
  expect_journal(&t,
                 "failed:fake stepped-down:fake failed:fake stepped-down:fake failed:fake out-of-service:fake "
                 "stepped-down:fake");
  session_end(&t);
}

/* The user's own chain, with each provider's own options. */
static void the_chain_is_followed(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,device_lost=1,fake:device=1,claim=Relu+Add,precision=third,cpu", 0);
  run_well(&t);
  assert_string_equal(session_node(&t, "a")->provider, "fake");
  const rung_plan *plan = rung_session_plan(t.session);
  assert_false(plan->providers[0].used);
  assert_true(plan->providers[1].used);
  assert_string_equal(plan->providers[1].precision, "third");
  session_end(&t);
  begin(&t, "fake:claim=Add,device_lost=1,fake:device=1,claim=Add+Relu,device_lost=1,cpu?", 0);
  run_well(&t);
  assert_string_equal(session_node(&t, "a")->provider, "cpu");
  session_end(&t);
}

static void nobody_left_is_an_error_with_both_reasons(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake,null", 0);
  session_close(&t);
  assert_ok(open_next(&t, "fake:device_lost=1", 0, NULL));
  rung_status *status = session_run(&t);
  assert_int_equal(rung_status_code(status), RUNG_DEVICE_LOST);
  assert_non_null(strstr(rung_status_message(status), "the fake device is gone"));
  assert_non_null(strstr(rung_status_message(status), "the chain cannot go on without it"));
  rung_status_free(status);
  assert_int_equal(counters_of(&t).failed_runs, 1);
  session_end(&t);
}

static void the_contract_binds_there_too(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  assert_error(open_next(&t, "fake:claim=Add,cpu", 0, "no-demotion"), INVALID_ARGUMENT, "no-demotion");
  assert_ok(open_next(&t, "fake:claim=Add,device_lost=1,cpu", 0, "coverage>=50%"));
  session_fill(&t);
  assert_error(session_run(&t), DEVICE_LOST, "coverage>=50%");
  session_end(&t);
}

/* Errors of the user's, and runs that were stopped, are nobody's fault. */
static void only_faults_step_down(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,hang_run=5000,cpu", 0);
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 1000000;
  rung_value *y = NULL;
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, &y, 1), DEADLINE, "deadline");
  expect_journal(&t, "");
  assert_int_equal(counters_of(&t).failed_runs, 1);
  session_end(&t);
}

static void the_journal_speaks_json(void **state) {
  (void)state;
  test_session t;
  begin(&t, "fake:claim=Add,device_lost=1,cpu", 0);
  run_well(&t);
  char *text;
  assert_ok(rung_session_journal_json(t.session, &text));
  static const char *const parts[] = {"\"on_failure\": \"next\"", "\"state\": \"out-of-service\"",
                                      "\"stepped_runs\": 1", "\"event\": \"stepped-down\""};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (!strstr(text, parts[i])) fail_msg("no %s in %s", parts[i], text);
  rung_text_free(text);
  session_end(&t);
}

/* Many threads, a provider that fails again and again and comes back: every run is right. */
static void *run_often(void *user) {
  test_session *t = user;
  for (int i = 0; i < 40; i++) {
    rung_value *y = NULL;
    rung_status *status = rung_session_run(t->session, NULL, t->inputs, 1, &y, 1);
    if (status) {
      print_error("%s\n", rung_status_message(status));
      rung_status_free(status);
      return t;
    }
    bool right = rung_tensor_get(rung_value_tensor(y), 3) == 8;
    rung_value_release(y);
    if (!right) return t;
  }
  return NULL;
}

static void runs_at_once_all_end_well(void **state) {
  (void)state;
  enum { THREADS = 4 };
  test_session t;
  begin(&t, "fake:claim=Add,device_lost=5,cpu", 1000);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_often, &t), 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong;
    pthread_join(threads[i], &wrong);
    assert_null(wrong);
  }
  assert_int_equal(counters_of(&t).runs, THREADS * 40);
  assert_true(counters_of(&t).failures > 0);
  session_end(&t);
}

/* Outputs that no tensor can be are the provider's fault, not the user's. */
static void impossible_outputs_step_down(void **state) {
  (void)state;
  static const char *const wrongs[] = {"negative", "huge", "rank", "dtype"};
  for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
    test_session t;
    char chain[64];
    snprintf(chain, sizeof chain, "fake:claim=Add,wrong=%s,cpu", wrongs[i]);
    begin(&t, chain, 0);
    run_well(&t);
    expect_journal(&t, "failed:fake stepped-down:fake");
    session_end(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(impossible_outputs_step_down),
      cmocka_unit_test(a_failed_run_starts_again_on_the_next_provider),
      cmocka_unit_test(a_lost_device_is_out_of_service),
      cmocka_unit_test(a_provider_comes_back),
      cmocka_unit_test(nobody_waits_while_it_compiles_again),
      cmocka_unit_test(the_last_provider_is_compiled_by_a_run),
      cmocka_unit_test(who_runs_waits_no_longer_than_it_said),
      cmocka_unit_test(nor_does_who_waits_for_another_run),
      cmocka_unit_test(a_trial_that_fails_again_steps_down_again),
      cmocka_unit_test(failures_in_a_row_open_the_breaker),
      cmocka_unit_test(the_chain_is_followed),
      cmocka_unit_test(nobody_left_is_an_error_with_both_reasons),
      cmocka_unit_test(the_contract_binds_there_too),
      cmocka_unit_test(only_faults_step_down),
      cmocka_unit_test(the_journal_speaks_json),
      cmocka_unit_test(runs_at_once_all_end_well),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
