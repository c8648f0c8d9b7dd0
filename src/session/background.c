#include "session/background.h"

#include "base/os.h"
#include "session/compile_job.h"
#include "session/execute.h"

#include <stdarg.h>
#include <stdio.h>

enum { LOOK_MS = 20 }; /* between two looks of who waits */

const char rung__background_why[] = "it is compiled in the background; the journal says how that went";

/* Beginning */

uint32_t rung__background_link(const rung_instance *wanted) {
  uint32_t first = 0;
  while (first < wanted->listed && !wanted->chain.links.at[first].placed) first++;
  for (uint32_t i = first + 1; i < wanted->listed; i++)
    if (wanted->chain.links.at[i].provider) return first;
  return RUNG_NO_LINK;
}

RUNG_PRINTF(3, 4) static void tell(rung_session *session, const char *event, const char *format, ...) {
  char cause[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(cause, sizeof cause, format, arguments);
  va_end(arguments);
  rung__journal_add(&session->journal, event, session->names[session->background.link], NULL, cause);
}

/* The compile job's watcher: remembers for those who ask. */
static int hear(void *user, const rung_compiling *state) {
  rung_session *session = user;
  session_background *b = &session->background;
  pthread_mutex_lock(&session->lock);
  b->now = *state;
  snprintf(b->stage, sizeof b->stage, "%s", state->stage);
  bool stop = b->stop;
  pthread_mutex_unlock(&session->lock);
  return stop;
}

static double seconds_since(uint64_t began) { return (double)(rung_os_now_ns() - began) / 1e9; }

/* Compiling fails, unless the session only goes. */
static void tell_failure(rung_session *session, double seconds, const char *outcome, const rung_status *status) {
  pthread_mutex_lock(&session->lock);
  bool stopped = session->background.stop;
  pthread_mutex_unlock(&session->lock);
  if (!stopped)
    tell(session, "compile-failed", "after %.3g s in the background; %s: %s", seconds, outcome,
         rung_status_message(status));
}

/* The whole */

/* The interim instance serves on only where it may take the wanted one's place for good. */
static bool serves_on(const rung_session *session, const session_entry *interim) {
  return session->options.on_failure == RUNG_ON_FAILURE_NEXT && !interim->instance->relaxed;
}

/* One of those that no run enters any more and none is in; it is left out from then on. */
static rung_instance *take_idle(rung_session *session, uint32_t link) {
  rung_instance *instance = NULL;
  pthread_mutex_lock(&session->lock);
  for (size_t i = 0; i < session->entries.count && !instance; i++) {
    session_entry *entry = session->entries.at[i];
    if (!(entry->outage >> link & 1) || entry->retired || serves_on(session, entry)) continue;
    entry->retired = true;
    if (!entry->runs) instance = entry->instance;
  }
  pthread_mutex_unlock(&session->lock);
  return instance;
}

/* Between one run's entering and the next one's. */
static rung_status *hand_over(rung_session *session, double seconds) {
  session_background *b = &session->background;
  session_entry *entry;
  pthread_mutex_lock(&session->lock);
  rung_status *status = rung__session_add_entry(session, b->wanted, 0, &entry); /* not found while its link is absent */
  pthread_mutex_unlock(&session->lock);
  if (status) return status;
  tell(session, "handed-over", "it compiled for %.3g s in the background, and runs from now on", seconds);
  pthread_mutex_lock(&session->lock);
  session->absent = 0;
  session->current = entry;
  b->wanted = NULL;
  b->state = BACKGROUND_DONE;
  pthread_cond_broadcast(&session->settled);
  pthread_mutex_unlock(&session->lock);
  for (rung_instance *idle; (idle = take_idle(session, b->link));) rung__instance_retire(idle);
  return NULL;
}

static void give_up(rung_session *session, double seconds, rung_status *status) {
  session_background *b = &session->background;
  rung__instance_free(b->wanted);
  pthread_mutex_lock(&session->lock);
  bool on = serves_on(session, session->entries.at[0]);
  pthread_mutex_unlock(&session->lock);
  tell_failure(session, seconds, on ? "the next providers of the chain serve on" : "runs fail from now on", status);
  pthread_mutex_lock(&session->lock);
  b->wanted = NULL;
  b->failure = status;
  b->ends_runs = !on;
  b->state = BACKGROUND_FAILED;
  pthread_cond_broadcast(&session->settled);
  pthread_mutex_unlock(&session->lock);
}

static void *compile_whole(void *context) {
  rung_session *session = context;
  uint64_t began = rung_os_now_ns();
  rung_os_set_thread_name("rung background");
  rung_status *status = rung__instance_compile(session->background.wanted);
  double seconds = seconds_since(began);
  if (!status) status = hand_over(session, seconds);
  if (status) give_up(session, seconds, status);
  return NULL;
}

/* Sets `started`. */
static void start(rung_session *session, void *(*fn)(void *context)) {
  session_background *b = &session->background;
  if (b->started) pthread_join(b->thread, NULL); /* it is done */
  b->started = pthread_create(&b->thread, NULL, fn, session) == 0;
}

rung_status *rung__background_begin(rung_session *session, rung_instance *wanted, uint32_t link) {
  session_background *b = &session->background;
  rung_outage outage = {.links = 1u << link, .interim = true};
  rung_instance *interim;
  outage.whys[link] = rung__background_why;
  RUNG_TRY(rung_status_prefix(rung__instance_create(session->env, session->model, &session->options, &outage, &interim),
                              "nobody can serve while provider %s compiles in the background", session->names[link]));
  rung_status *status = rung__session_add_entry(session, interim, outage.links, &session->current);
  if (status) rung__instance_free(interim);
  if (status) return status;
  wanted->progress = NULL; /* the user's are good for the creation only */
  wanted->watch = (compile_watch){.compiling = hear, .compiling_user = session};
  session->absent = outage.links;
  b->wanted = wanted;
  b->link = link;
  tell(session, "compiling", "in the background; the next providers of the chain serve until then");
  b->state = BACKGROUND_COMPILING;
  start(session, compile_whole);
  return b->started ? NULL : RUNG_ERROR(OUT_OF_MEMORY, "no thread to compile in");
}

/* A provider returns */

bool rung__background_claim(rung_session *session, uint32_t link, uint32_t outage) {
  session_background *b = &session->background;
  if (b->state == BACKGROUND_COMPILING || b->returning || b->stop) return false;
  b->returning = true;
  b->link = link;
  b->outage = outage;
  b->now = (rung_compiling){0};
  return true;
}

/* The next run tries it; or its time out of service begins anew. */
static void end_return(rung_session *session, bool compiled) {
  session_background *b = &session->background;
  pthread_mutex_lock(&session->lock);
  if (!compiled) session->breakers[b->link].opened_at = rung_os_now_ns();
  b->returning = false;
  pthread_cond_broadcast(&session->settled);
  pthread_mutex_unlock(&session->lock);
}

static void *compile_returning(void *context) {
  rung_session *session = context;
  uint64_t began = rung_os_now_ns();
  rung_session_options options = session->options;
  session_entry *entry;
  rung_os_set_thread_name("rung background");
  options.compiling = hear;
  options.compiling_user = session;
  rung_status *status = rung__session_make_entry(session, &options, session->background.outage, &entry);
  double seconds = seconds_since(began);
  if (status)
    tell_failure(session, seconds, "it stays out of service", status);
  else
    tell(session, "compiled", "for %.3g s in the background; the next run tries it again", seconds);
  end_return(session, !status);
  rung_status_free(status);
  return NULL;
}

void rung__background_return(rung_session *session) {
  tell(session, "compiling", "in the background, to be tried again: its time out of service is over");
  start(session, compile_returning);
  if (!session->background.started) end_return(session, false);
}

/* Ending and asking */

void rung__background_end(rung_session *session) {
  session_background *b = &session->background;
  if (!b->started) return;
  pthread_mutex_lock(&session->lock);
  b->stop = true;
  pthread_mutex_unlock(&session->lock);
  pthread_join(b->thread, NULL);
  rung_status_free(b->failure);
}

/* Under the session's lock. */
static rung_status *copy_failure(const rung_session *session) {
  const rung_status *failure = session->background.failure;
  return rung_status_make(rung_status_code(failure), __FILE__, __LINE__, "compiling in the background failed: %s",
                          rung_status_message(failure));
}

rung_status *rung__background_check(rung_session *session) {
  pthread_mutex_lock(&session->lock);
  rung_status *status = session->background.ends_runs ? copy_failure(session) : NULL;
  pthread_mutex_unlock(&session->lock);
  return status;
}

static bool is_busy(const session_background *b) { return b->state == BACKGROUND_COMPILING || b->returning; }

/* Does it compile, after a look of at most `ms` milliseconds? How far it is; the stage in `stage`. */
static bool look(rung_session *session, unsigned ms, rung_compiling *out, char stage[64], rung_status **out_status) {
  session_background *b = &session->background;
  pthread_mutex_lock(&session->lock);
  if (ms && is_busy(b)) rung__condition_wait(&session->settled, &session->lock, ms);
  bool busy = is_busy(b);
  *out = b->now;
  memcpy(stage, b->stage, sizeof b->stage);
  *out_status = b->failure ? copy_failure(session) : NULL;
  pthread_mutex_unlock(&session->lock);
  out->stage = stage;
  return busy;
}

rung_status *rung__background_await(rung_session *session, const rung_run_options *options, rung_compiling_fn compiling,
                                    void *user) {
  uint64_t began = rung_os_now_ns();
  for (unsigned ms = 0;; ms = LOOK_MS) {
    rung_compiling now;
    char stage[64];
    rung_status *status;
    if (!look(session, ms, &now, stage, &status)) return status;
    rung_status_free(status); /* of an earlier time */
    bool stop = options->cancel && atomic_load_explicit(&options->cancel->flag, memory_order_relaxed);
    if (now.struct_size && compiling && compiling(user, &now)) stop = true;
    RUNG_REQUIRE(!stop, CANCELLED, "waiting was cancelled; compiling goes on in the background");
    RUNG_REQUIRE(!options->deadline_ns || rung_os_now_ns() - began < options->deadline_ns, DEADLINE,
                 "compiling goes on in the background beyond the deadline");
  }
}

void rung__background_json(rung_session *session, rung_json *json) {
  rung_compiling now;
  char stage[64];
  rung_status *status;
  bool busy = look(session, 0, &now, stage, &status);
  rung_status_free(status);
  rung_json_key(json, "compiling");
  if (!busy || !now.struct_size) {
    rung_json_null(json);
    return;
  }
  rung_json_begin_object(json);
  rung_json_put_string(json, "provider", now.provider);
  rung_json_put_string(json, "stage", now.stage);
  rung_json_put_u64(json, "island", now.island);
  rung_json_put_u64(json, "islands", now.island_count);
  rung_json_put_f64(json, "percent", now.percent);
  rung_json_put_u64(json, "elapsed_ns", now.elapsed_ns);
  rung_json_put_u64(json, "expected_ns", now.expected_ns);
  rung_json_end_object(json);
}
