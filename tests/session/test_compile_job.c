/* Compiling is watched and given up: progress, expected times, engines that stop and engines that do not. */
#include "support/fake.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char model[] = "x:f32[2,2] -> y ; a@u = Add(x, x) ; r@v = Relu(u) ; y = Mul(v, v)";

static void begin(test_session *t) {
  session_begin(t);
  session_load(t, model, 0);
}

/* What a watcher has seen; it stops when `stop_at` calls were made, or an engine has been at work. */
typedef struct watcher {
  long calls, stop_at;
  bool stop_at_work;
  long left;           /* engines that were at work before */
  rung_cancel *cancel; /* requested instead of an answer */
  bool expected;       /* a stage had an expected time */
  double most_percent;
  size_t most_island;
  char stages[512]; /* each new one */
} watcher;

static int watch(void *user, const rung_compiling *state) {
  watcher *w = user;
  char stage[80];
  assert_true(state->struct_size >= sizeof *state);
  snprintf(stage, sizeof stage, "%s:%s ", state->provider, state->stage);
  if (!strstr(w->stages, stage)) strncat(w->stages, stage, sizeof w->stages - strlen(w->stages) - 1);
  assert_true(state->island < state->island_count);
  if (state->island > w->most_island) w->most_island = state->island;
  if (state->percent > w->most_percent) w->most_percent = state->percent;
  if (state->expected_ns) {
    w->expected = true;
    assert_true(state->percent >= 0 && state->percent <= 100);
  }
  bool stop = ++w->calls == w->stop_at || (w->stop_at_work && session_fake()->compiling > w->left);
  if (stop && w->cancel) rung_cancel_request(w->cancel);
  return stop && !w->cancel;
}

static rung_session_options watched_by(watcher *w) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.compiling = watch;
  options.compiling_user = w;
  options.cancel = w->cancel;
  return options;
}

static void every_island_is_told(void **state) {
  (void)state;
  test_session t;
  watcher w = {0};
  begin(&t);
  rung_session_options options = watched_by(&w);
  assert_ok(session_open(&t, "fake:claim=Add+Mul,cpu", &options));
  assert_non_null(strstr(w.stages, "fake:start "));
  assert_non_null(strstr(w.stages, "cpu:start "));
  assert_int_equal(w.most_island, 2);
  assert_ok(session_run(&t));
  session_end(&t);
}

static void engines_tell_how_far_they_are(void **state) {
  (void)state;
  test_session t;
  watcher w = {0};
  begin(&t);
  rung_session_options options = watched_by(&w);
  assert_ok(session_open(&t, "fake:claim=Add,hang_compile=100,cpu", &options));
  assert_non_null(strstr(w.stages, "fake:fake "));
  assert_true(w.most_percent > 0);
  session_end(&t);
}

/* An engine that looks whether it should stop. */
static void engines_stop_when_they_are_asked(void **state) {
  (void)state;
  for (int by_cancel = 0; by_cancel < 2; by_cancel++) {
    test_session t;
    begin(&t);
    watcher w = {.stop_at = 3};
    if (by_cancel) assert_ok(rung_cancel_create(t.env, &w.cancel));
    rung_session_options options = watched_by(&w);
    assert_error(session_open(&t, "fake:hang_compile=60000,cpu", &options), CANCELLED, "stopped while it compiled");
    rung_cancel_destroy(&w.cancel);
    session_end(&t);
  }
}

static void what_was_cancelled_before_does_not_begin(void **state) {
  (void)state;
  test_session t;
  watcher w = {0};
  begin(&t);
  assert_ok(rung_cancel_create(t.env, &w.cancel));
  rung_cancel_request(w.cancel);
  rung_session_options options = watched_by(&w);
  long compiles = session_fake()->compiles;
  assert_error(session_open(&t, "fake,cpu", &options), CANCELLED, "creating the session was cancelled");
  assert_int_equal(session_fake()->compiles, compiles);
  rung_cancel_reset(w.cancel);
  assert_ok(session_open(&t, "fake,cpu", &options));
  rung_cancel_destroy(&w.cancel);
  session_end(&t);
}

/* An engine that nothing stops: the caller goes on while it works; then all that it held is given back. */
static void callers_leave_engines_that_do_not_stop(void **state) {
  (void)state;
  for (int wait = 0; wait < 2; wait++) {
    test_session t;
    begin(&t);
    fake_count *fake = session_fake();
    watcher w = {.stop_at_work = true};
    if (wait) assert_ok(rung_cancel_create(t.env, &w.cancel));
    rung_session_options options = watched_by(&w);
    assert_error(session_open(&t, "fake:compile_ms=1500,cpu", &options), CANCELLED, "is left to finish alone");
    assert_int_equal(fake->compiling, 1); /* still */
    rung_cancel_destroy(&w.cancel);
    long calls = w.calls;
    assert_ok(session_open(&t, "fake,cpu", NULL)); /* another session of the model meanwhile */
    assert_ok(session_run(&t));
    if (wait) { /* else session_end destroys the environment, which waits */
      rung_env_settle(t.env);
      assert_int_equal(fake->compiling, 0);
    }
    session_end(&t);
    assert_int_equal(fake->compiling, 0);
    assert_int_equal(w.calls, calls); /* nobody was told after it returned */
  }
}

static void several_engines_may_be_left(void **state) {
  (void)state;
  test_session t;
  begin(&t);
  for (int i = 0; i < 3; i++) {
    watcher w = {.stop_at_work = true, .left = session_fake()->compiling};
    rung_session_options options = watched_by(&w);
    assert_error(session_open(&t, "fake:compile_ms=800,refuse_at_compile=Mul,cpu", &options), CANCELLED, "left");
  }
  session_end(&t);
}

/* What was left is not kept; what comes to its end is, and teaches how long it takes. */
static void times_are_learned(void **state) {
  (void)state;
  test_session t;
  temp_folder folder;
  folder_make(&folder);
  chmod(folder.path, 0700);
  begin(&t);
  static const struct {
    const char *chain;
    bool stops, expected;
  } steps[] = {
      {"fake:compile_ms=400,driver=1,cpu", true, false},
      {"fake:compile_ms=400,driver=1,cpu", false, false},
      {"fake:compile_ms=400,driver=2,cpu", false, true},  /* the same graph */
      {"fake:claim=Add,compile_ms=400,cpu", false, true}, /* by the number of nodes */
  };
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    watcher w = {.stop_at_work = steps[i].stops};
    rung_session_options options = watched_by(&w);
    options.cache_folder = folder.path;
    rung_status *status = session_open(&t, steps[i].chain, &options);
    if (steps[i].stops) {
      assert_error(status, CANCELLED, "left");
      rung_env_settle(t.env);
      continue;
    }
    assert_ok(status);
    assert_string_equal(rung_session_plan(t.session)->islands[0].cache, "kept");
    assert_int_equal(w.expected, steps[i].expected);
    assert_non_null(strstr(w.stages, "fake:compile "));
  }
  session_end(&t);
  folder_remove(&folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_island_is_told),
      cmocka_unit_test(engines_tell_how_far_they_are),
      cmocka_unit_test(engines_stop_when_they_are_asked),
      cmocka_unit_test(what_was_cancelled_before_does_not_begin),
      cmocka_unit_test(callers_leave_engines_that_do_not_stop),
      cmocka_unit_test(several_engines_may_be_left),
      cmocka_unit_test(times_are_learned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
