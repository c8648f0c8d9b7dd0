/* Sessions that want one entry of the cache at the same time: one compiles, in this process or another, the others wait
 * for it; unless it dies, fails, or takes too long. */
#include "support/fake.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char model[] = "x:f32[2,2] -> y ; w:f32[2,2] = 1 2 3 4 ; a@u = Add(x, w) ; y = Mul(u, u)";

static bool has_turn(void) {
  DIR *d = opendir(own_folder.path);
  bool found = false;
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));) found |= strncmp(e->d_name, "turn-", 5) == 0;
  closedir(d);
  return found;
}

static void sleep_a_while(void) { nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); }

/* Who is told that it waits. */
typedef struct watcher {
  bool waited, stops; /* stops: when it is told so */
  pid_t kills;        /* then */
} watcher;

static int watch(void *user, const rung_compiling *state) {
  watcher *w = user;
  if (strcmp(state->stage, "wait") != 0) return 0;
  if (w->kills && !w->waited) kill(w->kills, SIGKILL);
  w->waited = true;
  return w->stops;
}

/* "kept": compiled here; "hit": by another. NULL: it failed, with *out_status. */
static const char *open_watched(test_session *t, const char *chain, uint64_t wait_ns, watcher *w,
                                rung_status **out_status) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = own_folder.path;
  options.cache_wait_ns = wait_ns;
  options.compiling = w ? watch : NULL;
  options.compiling_user = w;
  *out_status = session_open(t, chain, &options);
  return *out_status ? NULL : rung_session_plan(t->session)->islands[0].cache;
}

static void expect_open(test_session *t, const char *chain, uint64_t wait_ns, watcher *w, const char *cache) {
  rung_status *status;
  const char *got = open_watched(t, chain, wait_ns, w, &status);
  assert_ok(status);
  assert_string_equal(got, cache);
  assert_ok(session_run(t));
  assert_float_equal(session_out(t, 0, 3), 64, 0);
}

static void begin(test_session *t) {
  session_begin(t);
  session_load(t, model, 0);
}

/* A child that opens the chain: exit status 0 when it found the entry, 1 when it kept it, 2 else. */
static pid_t child_opens(const char *chain) {
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child) return child;
  test_session t;
  rung_status *status;
  begin(&t);
  const char *cache = open_watched(&t, chain, 0, NULL, &status);
  _exit(!cache ? 2 : strcmp(cache, "hit") == 0 ? 0 : strcmp(cache, "kept") == 0 ? 1 : 2);
}

static int end_of(pid_t child) {
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A child that holds the turn until it is killed. */
static pid_t child_holds(void) {
  pid_t child = child_opens("fake:hang_compile=60000,cpu");
  while (!has_turn()) sleep_a_while();
  return child;
}

static void of_many_processes_one_compiles(void **state) {
  (void)state;
  enum { PROCESSES = 8 };
  pid_t children[PROCESSES];
  int kept = 0;
  for (int i = 0; i < PROCESSES; i++) children[i] = child_opens("fake:compile_ms=300,cpu");
  for (int i = 0; i < PROCESSES; i++) {
    int end = end_of(children[i]);
    assert_in_range(end, 0, 1);
    kept += end;
  }
  assert_int_equal(kept, 1);
  assert_false(has_turn());
}

typedef struct opener {
  test_session t;
  pthread_t thread;
  const char *chain, *cache;
  rung_status *status;
} opener;

static void *open_in_thread(void *context) {
  opener *o = context;
  o->cache = open_watched(&o->t, o->chain, 0, NULL, &o->status);
  return NULL;
}

/* What is compiled cannot be kept: then nobody waits for a turn after turn. */
static void of_two_sessions_one_compiles(void **state) {
  (void)state;
  for (int keeps = 1; keeps >= 0; keeps--) {
    opener openers[2];
    for (int i = 0; i < 2; i++) {
      openers[i].chain = keeps ? "fake:compile_ms=300,cpu" : "fake:compile_ms=300,tuning=no,keep=never,cpu";
      begin(&openers[i].t);
    }
    long compiles = session_fake()->compiles;
    for (int i = 0; i < 2; i++) pthread_create(&openers[i].thread, NULL, open_in_thread, &openers[i]);
    int hits = 0;
    for (int i = 0; i < 2; i++) {
      pthread_join(openers[i].thread, NULL);
      assert_ok(openers[i].status);
      hits += strcmp(openers[i].cache, "hit") == 0;
    }
    assert_int_equal(session_fake()->compiles - compiles, keeps ? 1 : 2);
    assert_int_equal(hits, keeps);
    assert_false(has_turn());
    for (int i = 1; i >= 0; i--) { /* what is alive on the fake is checked by who began first */
      memcpy(openers[i].t.before, openers[0].t.before, sizeof openers[0].t.before);
      session_close(&openers[i].t);
    }
    for (int i = 1; i >= 0; i--) session_end(&openers[i].t);
  }
}

static void the_next_one_compiles_when_a_process_dies(void **state) {
  (void)state;
  test_session t;
  watcher w = {.kills = child_holds()};
  begin(&t);
  expect_open(&t, "fake,cpu", 0, &w, "kept");
  assert_true(w.waited);
  assert_int_equal(end_of(w.kills), -1);
  assert_false(has_turn());
  session_end(&t);
}

static void what_a_dead_process_left_is_taken(void **state) {
  (void)state;
  test_session t;
  pid_t child = child_holds();
  kill(child, SIGKILL);
  assert_int_equal(end_of(child), -1);
  assert_true(has_turn());
  begin(&t);
  watcher w = {0};
  expect_open(&t, "fake:tuning=other,cpu", 0, &w, "kept"); /* sweeps it up */
  assert_false(has_turn());
  expect_open(&t, "fake,cpu", 0, &w, "kept");
  assert_false(w.waited);
  session_end(&t);
}

static void who_waits_can_be_cancelled(void **state) {
  (void)state;
  test_session t;
  rung_status *status;
  watcher w = {.stops = true};
  pid_t child = child_holds();
  begin(&t);
  assert_null(open_watched(&t, "fake,cpu", 0, &w, &status));
  assert_error(status, CANCELLED, "stopped while another session compiled the island");
  assert_true(has_turn());
  kill(child, SIGKILL);
  end_of(child);
  session_end(&t);
}

static void waiting_has_an_end(void **state) {
  (void)state;
  test_session t;
  watcher w = {0};
  pid_t child = child_holds();
  begin(&t);
  expect_open(&t, "fake,cpu", 50000000, &w, "kept");
  assert_true(w.waited);
  assert_true(session_said(&t, "it is compiled here, too"));
  assert_true(has_turn()); /* still the child's */
  expect_open(&t, "fake,cpu", 0, &w, "hit");
  kill(child, SIGKILL);
  end_of(child);
  session_end(&t);
}

/* An engine that was left does not keep the others waiting. */
static int leave(void *user, const rung_compiling *state) {
  (void)user;
  (void)state;
  return session_fake()->compiling > 0;
}

static void an_engine_that_was_left_gives_its_turn_away(void **state) {
  (void)state;
  test_session t;
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = own_folder.path;
  options.compiling = leave;
  begin(&t);
  assert_error(session_open(&t, "fake:compile_ms=1500,cpu", &options), CANCELLED, "is left to finish alone");
  assert_false(has_turn());
  watcher w = {0};
  expect_open(&t, "fake,cpu", 0, &w, "kept");
  assert_false(w.waited);
  assert_int_equal(session_fake()->compiling, 1);
  session_end(&t);
}

/* One turn may take long; what another one was refused holds for all. */
static void refusals_are_waited_for_too(void **state) {
  (void)state;
  pid_t child = child_opens("fake:compile_ms=1000,refuse_at_compile=Mul,cpu");
  test_session t;
  while (!has_turn()) sleep_a_while();
  begin(&t);
  long compiles = session_fake()->compiles;
  expect_open(&t, "fake:refuse_at_compile=Mul,cpu", 0, NULL, "hit");
  assert_int_equal(session_fake()->compiles, compiles);
  assert_int_equal(end_of(child), 1);
  session_end(&t);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, own_folder_set_up, own_folder_tear_down)
  const struct CMUnitTest tests[] = {
      TEST(of_many_processes_one_compiles),
      TEST(of_two_sessions_one_compiles),
      TEST(the_next_one_compiles_when_a_process_dies),
      TEST(what_a_dead_process_left_is_taken),
      TEST(who_waits_can_be_cancelled),
      TEST(waiting_has_an_end),
      TEST(an_engine_that_was_left_gives_its_turn_away),
      TEST(refusals_are_waited_for_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
