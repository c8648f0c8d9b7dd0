/* Options, and the life of what a session makes: opened, compiled, run, freed, closed. The witness counts them, and
 * trial_end looks whether all of them ended. */
#include "contract.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Options */

/* A session with one option more; it must fail, or not, with INVALID_ARGUMENT. */
static rung_status *with_option(trial *t, const char *key, const char *value) {
  char more[400];
  rung_session *session = NULL;
  rung_session_options options;
  rung_session_options_init(&options);
  options.inspect_only = 1;
  snprintf(more, sizeof more, "%s=\"%s\"", key, value);
  rung_status *status = trial_plan(t, more, &options, &session);
  rung_session_destroy(&session);
  return status;
}

static void unknown_option(trial *t) {
  MUST(trial_error(t, with_option(t, "no_such_option", "1"), RUNG_INVALID_ARGUMENT, "no_such_option=1"));
}

/* Not a value of its type; NULL: every text is one. */
static const char *bad_value(const rung_option_spec *o) {
  switch (o->type) {
    case RUNG_OPTION_INT:
      return "many";
    case RUNG_OPTION_BOOL:
      return "perhaps";
    case RUNG_OPTION_CHOICE:
      return "no such choice";
    default:
      return NULL;
  }
}

static void bad_options(trial *t) {
  for (const rung_option_spec *o = t->watch.inner->options; o && o->key; o++)
    if (bad_value(o)) MUST(trial_error(t, with_option(t, o->key, bad_value(o)), RUNG_INVALID_ARGUMENT, o->key));
}

static void fallbacks(trial *t) {
  for (const rung_option_spec *o = t->watch.inner->options; o && o->key; o++)
    if (o->fallback) MUST(trial_ok(t, with_option(t, o->key, o->fallback)));
}

/* Sessions */

enum { SESSIONS = 3 };

static bool open_all(trial *t, rung_session *sessions[SESSIONS]) {
  for (int i = 0; i < SESSIONS; i++) {
    rung_session_options options;
    rung_session_options_init(&options);
    if (!trial_ok(t, trial_plan(t, NULL, &options, &sessions[i]))) return false;
  }
  return true;
}

static bool run_in(trial *t, rung_session *session) {
  char words[500];
  exchange x;
  bool ok = trial_ok(t, exchange_make(&x, t->env, &t->spec, EXCHANGE_NEW, 0)) &&
            trial_ok(t, exchange_run(&x, session, NULL)) &&
            (exchange_agrees(&x, &t->spec, words, sizeof words) || trial_fail(t, "%s", words));
  exchange_free(&x);
  return ok;
}

/* Each has an object of its own: when one is closed, the others go on. */
static void several_sessions(trial *t) {
  rung_session *sessions[SESSIONS] = {0};
  bool ok = open_all(t, sessions);
  long opened = atomic_load(&t->watch.opened);
  for (int i = 0; i < SESSIONS; i++) {
    int next = (i + 1) % SESSIONS; /* the first one opened goes last */
    ok = ok && run_in(t, sessions[next]);
    rung_session_destroy(&sessions[next]);
  }
  CHECK(t, opened == SESSIONS + 1, "%ld provider objects for %d sessions", opened, SESSIONS + 1);
}

static void environment_goes_first(trial *t) {
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  rung_model_destroy(&t->model);
  rung_env_destroy(&t->env);
  MUST(trial_ok(t, exchange_run(&t->x, t->session, NULL)));
}

static void plan_only(trial *t) {
  rung_session *session;
  rung_session_options options;
  rung_session_options_init(&options);
  options.plan_only = 1;
  long compiles = atomic_load(&t->watch.compiles);
  MUST(trial_ok(t, trial_plan(t, NULL, &options, &session)));
  rung_session_destroy(&session);
  CHECK(t, atomic_load(&t->watch.compiles) == compiles, "a session that only plans has compiled");
}

/* host->progress says stop; one that tells nothing goes on to its end. */
static void compiling_can_be_stopped(trial *t) {
  rung_session *session = NULL;
  rung_session_options options;
  rung_session_options_init(&options);
  atomic_store(&t->watch.told, 0);
  atomic_store(&t->watch.cancel, true);
  rung_status *status = trial_plan(t, NULL, &options, &session);
  atomic_store(&t->watch.cancel, false);
  rung_session_destroy(&session);
  if (atomic_load(&t->watch.told))
    (void)trial_error(t, status, RUNG_CANCELLED, "compiling, when host->progress says stop");
  else if (trial_ok(t, status))
    (void)trial_skip(t, "compiling tells no progress");
}

/* Nothing of reduced precision is on unless the user asks for it. */
static void precision(trial *t) {
  const rung_plan *plan = rung_session_plan(t->session);
  for (size_t i = 0; i < plan->provider_count; i++)
    CHECK(t, t->kit->options[0] || !plan->providers[i].precision, "nobody asked for it, and it computes %s",
          plan->providers[i].precision);
}

/* Memory of the provider's own: what goes in comes out, whatever else is there. */

static bool round_trip(trial *t, rung_memory *memory, const char *bytes, size_t size) {
  void *blocks[2] = {0};
  char *back = get_memory(size, 1);
  rung_status *status = NULL;
  for (int i = 0; i < 2 && !status; i++) status = memory->alloc(memory, size, &blocks[i]);
  bool aligned = (uintptr_t)blocks[0] % memory->alignment == 0;
  if (!status) status = memory->copy_in(memory, blocks[0], bytes, size);
  if (!status) status = memory->copy_in(memory, blocks[1], bytes + 1, size);
  if (!status) status = memory->copy_out(memory, back, blocks[0], size);
  for (int i = 0; i < 2; i++)
    if (blocks[i]) memory->free(memory, blocks[i]);
  bool same = memcmp(back, bytes, size) == 0;
  free(back);
  if (!trial_ok(t, status)) return false;
  if (!aligned) return trial_fail(t, "a block of %zu bytes is not aligned to %zu", size, memory->alignment);
  return same || trial_fail(t, "%zu bytes come out of its memory otherwise than they went in", size);
}

static void device_memory(trial *t) {
  static const size_t sizes[] = {1, 63, 64, 4097, 1 << 20};
  enum { MOST = 1 << 20 };
  if (!t->watch.device) {
    (void)trial_skip(t, "its tensors lie in the host's memory");
    return;
  }
  char *bytes = get_memory(MOST + 1, 1);
  for (size_t i = 0; i <= MOST; i++) bytes[i] = (char)(i * 31 >> 3);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && t->verdict->what == PASSED; i++)
    round_trip(t, t->watch.device, bytes, sizes[i]);
  free(bytes);
}

/* Sessions of one environment, made in threads at once. */

typedef struct maker {
  trial *t;
  rung_session *session;
  rung_status *status;
  exchange x;
} maker;

static void *make_session(void *user) {
  maker *m = user;
  rung_session_options options;
  rung_session_options_init(&options);
  options.chain = m->t->chain;
  m->status = rung_session_create(m->t->env, m->t->model, &options, &m->session);
  if (!m->status) m->status = exchange_run(&m->x, m->session, NULL);
  rung_session_destroy(&m->session);
  return NULL;
}

static void sessions_in_threads(trial *t) {
  maker makers[SESSIONS] = {0};
  pthread_t threads[SESSIONS];
  char words[500] = "";
  trial_chain(t, NULL);
  for (int i = 0; i < SESSIONS; i++) {
    makers[i].t = t;
    if (!trial_ok(t, exchange_make(&makers[i].x, t->env, &t->spec, EXCHANGE_NEW, 0))) return;
  }
  int started = 0;
  while (started < SESSIONS && !pthread_create(&threads[started], NULL, make_session, &makers[started])) started++;
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < SESSIONS; i++) {
    if (i < started && trial_ok(t, makers[i].status) && !exchange_agrees(&makers[i].x, &t->spec, words, sizeof words))
      trial_fail(t, "%s", words);
    exchange_free(&makers[i].x);
  }
  CHECK(t, started == SESSIONS, "there are not enough threads");
}

const contract life_contracts[] = {
    {"option/unknown", "a key that the table does not have is an error", unknown_option, small_models},
    {"option/bad", "a value that does not fit its type is an error", bad_options, small_models},
    {"option/fallback", "what counts when nothing is given can be given", fallbacks, small_models},
    {"life/sessions", "each session has an object of its own, whatever becomes of the others", several_sessions,
     small_models},
    {"life/threads", "sessions can be made in several threads at once", sessions_in_threads, small_models},
    {"life/environment", "a session outlives its environment and its model", environment_goes_first, small_models},
    {"life/plan", "who only plans compiles nothing", plan_only, small_models},
    {"life/stop", "compiling ends with CANCELLED when host->progress says so", compiling_can_be_stopped, small_models},
    {"life/precision", "nothing of reduced precision is on unless it is asked for", precision, small_models},
    {"life/memory", "what goes into the provider's own memory comes out again", device_memory, small_models},
    {0}};
