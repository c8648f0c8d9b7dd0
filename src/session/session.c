#include "session/session.h"

#include "base/os.h"
#include "session/background.h"
#include "session/choose.h"
#include "session/compile_job.h"
#include "session/execute.h"
#include "session/figures.h"

/* Making */

static rung_status *check_policy(const rung_session_options *options, const rung_instance *whole) {
  RUNG_REQUIRE(options->on_failure == RUNG_ON_FAILURE_ERROR || options->on_failure == RUNG_ON_FAILURE_NEXT,
               INVALID_ARGUMENT, "on_failure %d is no policy", (int)options->on_failure);
  RUNG_REQUIRE(options->on_failure == RUNG_ON_FAILURE_ERROR || !rung_contract_forbids_demotion(&whole->contract),
               INVALID_ARGUMENT, "the contract says no-demotion, and on_failure = next demands it");
  RUNG_REQUIRE(!options->background_compile || !rung_contract_forbids_demotion(&whole->contract), INVALID_ARGUMENT,
               "the contract says no-demotion, and background_compile demands it");
  return NULL;
}

rung_status *rung__session_add_entry(rung_session *session, rung_instance *instance, uint32_t outage,
                                     session_entry **out_entry) {
  session_entry *entry = rung_alloc(session->env->allocator, 1, sizeof *entry, "instance");
  if (!entry) return rung_status_out_of_memory();
  *entry = (session_entry){.instance = instance, .outage = outage};
  instance->plan.chosen = session->chosen;
  if (!rung_vec_push(session->env->allocator, &session->entries, entry)) {
    rung_free(session->env->allocator, entry);
    return rung_status_out_of_memory();
  }
  *out_entry = entry;
  return NULL;
}

/* What the session knows of its chain. */
static void read_chain(rung_session *session, const rung_instance *whole) {
  session->listed = whole->listed;
  for (uint32_t i = 0; i < whole->listed; i++) {
    session->names[i] = whole->chain.links.at[i].api->name;
    session->usable |= (uint32_t)rung_link_claims(&whole->chain.links.at[i]) << i;
  }
}

/* The planned instance is compiled here, or in the background. Takes it on success. */
static rung_status *serve(rung_session *session, rung_instance *whole) {
  uint32_t link = RUNG_NO_LINK;
  if (session->options.background_compile && !whole->plan_only) link = rung__background_link(whole);
  if (link != RUNG_NO_LINK) return rung__background_begin(session, whole, link);
  RUNG_TRY(rung__instance_compile(whole));
  return rung__session_add_entry(session, whole, 0, &session->current);
}

/* The first instance, from the caller's options; what comes later reads the copy. */
static rung_status *begin(rung_session *session, const rung_session_options *options) {
  rung_instance *whole;
  RUNG_TRY(rung__options_copy(&session->arena, options, &session->options));
  if (!options->has_seed) { /* all instances draw the same numbers */
    session->options.has_seed = 1;
    session->options.seed = rung_os_now_ns();
  }
  if (!session->options.breaker_failures) session->options.breaker_failures = 3;
  if (!session->options.breaker_ns) session->options.breaker_ns = UINT64_C(60000000000);
  RUNG_TRY(rung__instance_plan(session->env, session->model, &session->options, NULL, &whole));
  session->options.lock = NULL; /* a plan without some provider is not the one that was locked */
  read_chain(session, whole);
  rung_status *status = check_policy(options, whole);
  if (!status) status = serve(session, whole);
  if (status) rung__instance_free(whole);
  if (status) return status;
  pthread_mutex_lock(&session->lock); /* the background may be handing over */
  session->profiled = session->current;
  pthread_mutex_unlock(&session->lock);
  session->options.progress = NULL; /* of the creation */
  session->options.compiling = NULL;
  session->options.cancel = NULL;
  return NULL;
}

rung_status *rung__session_create(rung_env *env, rung_model *model, const rung_session_options *options,
                                  rung_session **out_session) {
  bool is_auto = options->chain && strcmp(options->chain, "auto") == 0;
  return (is_auto ? rung__choose_session : rung__session_make)(env, model, options, out_session);
}

void rung__session_announce(rung_session *session, const rung_plan_chosen *chosen) {
  pthread_mutex_lock(&session->lock);
  session->chosen = chosen;
  for (size_t i = 0; i < session->entries.count; i++) session->entries.at[i]->instance->plan.chosen = chosen;
  pthread_mutex_unlock(&session->lock);
  rung__journal_note(&session->journal, "chosen", chosen->chain, chosen->words);
}

rung_status *rung__session_make(rung_env *env, rung_model *model, const rung_session_options *options,
                                rung_session **out_session) {
  rung_session *session = rung_alloc(env->allocator, 1, sizeof *session, "session");
  RUNG_CHECK_ALLOC(session);
  session->env = rung__env_retain(env);
  session->model = rung_model_retain(model);
  rung_arena_init(&session->arena, env->allocator);
  rung__journal_init(&session->journal, env->allocator, &env->log);
  pthread_mutex_init(&session->lock, NULL);
  rung__condition_init(&session->settled);
  rung_status *status = begin(session, options);
  if (status)
    rung__session_free(session);
  else
    *out_session = session;
  return status;
}

void rung__session_free(rung_session *session) {
  if (!session) return;
  rung__background_end(session);
  rung_env *env = session->env;
  for (size_t i = 0; i < session->entries.count; i++) {
    rung__instance_free(session->entries.at[i]->instance);
    rung_free(env->allocator, session->entries.at[i]);
  }
  rung_vec_free(env->allocator, &session->entries);
  pthread_cond_destroy(&session->settled);
  pthread_mutex_destroy(&session->lock);
  rung__journal_finish(&session->journal);
  rung_arena_finish(&session->arena);
  rung_model_release(session->model);
  rung_free(env->allocator, session);
  rung__env_release(env);
}

static session_entry *locked_read(const rung_session *session, session_entry *const *place) {
  pthread_mutex_lock((pthread_mutex_t *)&session->lock);
  session_entry *entry = *place;
  pthread_mutex_unlock((pthread_mutex_t *)&session->lock);
  return entry;
}

const rung_instance *rung__session_instance(const rung_session *session) {
  return locked_read(session, &session->current)->instance;
}

rung_instance *rung__session_profiled(const rung_session *session) {
  return locked_read(session, &session->profiled)->instance;
}

/* Choosing an instance */

static session_entry *find_entry(rung_session *session, uint32_t outage) {
  for (size_t i = 0; i < session->entries.count; i++)
    if (session->entries.at[i]->outage == outage && !session->entries.at[i]->retired) return session->entries.at[i];
  return NULL;
}

/* An optional provider that was there when the session was made and is not any more would be skipped: here that is no
 * answer. */
static rung_status *check_in_service(const rung_session *session, const rung_instance *instance, uint32_t outage) {
  for (uint32_t i = 0; i < session->listed; i++) {
    const rung_link *link = &instance->chain.links.at[i];
    RUNG_REQUIRE(link->provider || (outage >> i & 1) || !(session->usable >> i & 1), UNAVAILABLE,
                 "provider %s cannot be used any more: %s", session->names[i],
                 link->why ? link->why : "no reason given");
  }
  return NULL;
}

rung_status *rung__session_make_entry(rung_session *session, const rung_session_options *options, uint32_t links,
                                      session_entry **out_entry) {
  rung_outage outage = {.links = links, .interim = (links & session->absent) != 0};
  rung_instance *instance;
  pthread_mutex_lock(&session->lock);
  for (uint32_t i = 0; i < RUNG_MOST_LINKS; i++)
    outage.whys[i] = session->absent >> i & 1     ? rung__background_why
                     : session->breakers[i].cause ? session->breakers[i].cause
                                                  : "out of service";
  pthread_mutex_unlock(&session->lock);
  RUNG_TRY(rung__instance_create(session->env, session->model, options, &outage, &instance));
  instance->watch = (compile_watch){0}; /* who made it does not watch it any longer */
  rung_status *status = check_in_service(session, instance, links);
  pthread_mutex_lock(&session->lock);
  if (!status) status = rung__session_add_entry(session, instance, links, out_entry);
  pthread_mutex_unlock(&session->lock);
  if (status) rung__instance_free(instance);
  return status;
}

/* A run, from the caller's arguments to what its last attempt came to. */
typedef struct call {
  rung_session *session;
  const rung_run_options *options;
  rung_value *const *inputs;
  rung_value **outputs;
  size_t input_count, output_count;
  rung_attempt attempt;
  uint32_t outage;  /* links that it does without */
  uint32_t tried;   /* the link that it tries again, or RUNG_NO_LINK */
  uint32_t returns; /* the link that is to compile again, or RUNG_NO_LINK */
} call;

/* Does its caller still wait for it, where it waits for an instance? */
static rung_status *check_wanted(const call *c) {
  bool cancelled = c->options->cancel && atomic_load_explicit(&c->options->cancel->flag, memory_order_relaxed);
  RUNG_REQUIRE(!cancelled, CANCELLED, "the run was cancelled while its chain was compiled anew");
  RUNG_REQUIRE(!c->attempt.deadline || rung_os_now_ns() < c->attempt.deadline, DEADLINE,
               "the run did not finish before its deadline: its chain was compiled anew");
  return NULL;
}

static int is_unwanted(void *user, const rung_compiling *state) {
  (void)state;
  rung_status *status = check_wanted(user);
  bool stop = status != NULL;
  rung_status_free(status);
  return stop;
}

static rung_status *make_for_run(call *c, uint32_t outage, session_entry **out_entry) {
  rung_session_options options = c->session->options;
  if (c->options->cancel || c->attempt.deadline) {
    options.compiling = is_unwanted;
    options.compiling_user = c;
  }
  rung_status *status = rung__session_make_entry(c->session, &options, outage, out_entry);
  rung_status *why = rung_status_code(status) == RUNG_CANCELLED ? check_wanted(c) : NULL;
  if (!why) return status;
  rung_status_free(status);
  return why;
}

/* The instance without these links, made when there is none; a run is counted in it until `leave`. */
static rung_status *enter(call *c, uint32_t outage, session_entry **out_entry) {
  enum { LOOK_MS = 10 };
  rung_session *session = c->session;
  rung_status *status = NULL;
  pthread_mutex_lock(&session->lock);
  while (!(*out_entry = find_entry(session, outage)) && session->making && !status) {
    rung__condition_wait(&session->settled, &session->lock, LOOK_MS);
    status = check_wanted(c);
  }
  bool makes = !*out_entry && !status;
  if (makes) {
    session->making = true;
    pthread_mutex_unlock(&session->lock);
    status = make_for_run(c, outage, out_entry);
    pthread_mutex_lock(&session->lock);
    session->making = false;
    pthread_cond_broadcast(&session->settled);
  }
  if (!status) (*out_entry)->runs++;
  pthread_mutex_unlock(&session->lock);
  return status;
}

static void leave(rung_session *session, session_entry *entry) {
  pthread_mutex_lock(&session->lock);
  bool last = --entry->runs == 0 && entry->retired;
  pthread_mutex_unlock(&session->lock);
  if (last) rung__instance_retire(entry->instance);
}

rung_status *rung__session_figures(rung_session *session, rung_text *text) {
  pthread_mutex_lock(&session->lock);
  session_entry *entry = session->profiled;
  entry->runs++;
  pthread_mutex_unlock(&session->lock);
  rung_status *status = rung__figures_write(entry->instance, text);
  leave(session, entry);
  return status;
}

/* What became of a run */

static void note_success(rung_session *session, session_entry *entry, uint32_t tried, bool profiled) {
  pthread_mutex_lock(&session->lock);
  session->current = entry;
  if (profiled) session->profiled = entry;
  for (uint32_t i = 0; i < session->listed; i++)
    if (!(entry->outage >> i & 1)) session->breakers[i].failures = 0;
  bool restored = tried != RUNG_NO_LINK && !(entry->outage >> tried & 1);
  if (tried != RUNG_NO_LINK) session->breakers[tried].tried = false;
  if (restored) session->breakers[tried].open = false;
  pthread_mutex_unlock(&session->lock);
  if (restored)
    rung__journal_add(&session->journal, "restored", session->names[tried], NULL, "a run succeeded with it again");
}

/* A trial that did not come to its end, or failed for another reason than the provider tried: the time begins anew. */
static void end_trial(rung_session *session, uint32_t tried) {
  if (tried == RUNG_NO_LINK) return;
  pthread_mutex_lock(&session->lock);
  session->breakers[tried].tried = false;
  session->breakers[tried].opened_at = rung_os_now_ns();
  pthread_mutex_unlock(&session->lock);
}

static void note_failure(rung_session *session, session_entry *entry, uint32_t link, const char *node,
                         const rung_status *status) {
  bool lost = rung_status_code(status) == RUNG_DEVICE_LOST;
  const char *words = rung_status_message(status);
  rung__journal_add(&session->journal, "failed", session->names[link], node, words);
  pthread_mutex_lock(&session->journal.lock);
  const char *cause = rung_arena_printf(&session->journal.arena, "out of service since it failed: %s", words);
  session->journal.counters.failures++;
  pthread_mutex_unlock(&session->journal.lock);
  pthread_mutex_lock(&session->lock);
  session_breaker *breaker = &session->breakers[link];
  breaker->failures++;
  breaker->cause = cause;
  bool opens = session->options.on_failure == RUNG_ON_FAILURE_NEXT &&
               (lost || breaker->tried || breaker->failures >= session->options.breaker_failures);
  bool was_open = breaker->open && !breaker->tried;
  if (opens) {
    breaker->open = true;
    breaker->tried = false;
    breaker->opened_at = rung_os_now_ns();
  }
  if (lost) entry->retired = true;
  pthread_mutex_unlock(&session->lock);
  if (opens && !was_open)
    rung__journal_add(&session->journal, "out-of-service", session->names[link], NULL,
                      lost ? "its device is lost" : "it failed too often in a row");
}

static void count_run(rung_session *session, const rung_attempt *attempt, bool failed, bool stepped) {
  pthread_mutex_lock(&session->journal.lock);
  rung_counters *c = &session->journal.counters;
  c->runs++;
  c->failed_runs += failed;
  c->stepped_runs += stepped && !failed;
  c->crossings += attempt->crossings;
  c->crossed += attempt->crossed;
  pthread_mutex_unlock(&session->journal.lock);
}

/* Running */

/* Links that the run does without: those out of service, but for one whose time has come to be tried again. That one
 * may have to compile first: in the background, where others can serve. */
static void choose_links(call *c) {
  rung_session *session = c->session;
  uint64_t now = rung_os_now_ns();
  pthread_mutex_lock(&session->lock);
  c->outage = session->absent;
  c->tried = c->returns = RUNG_NO_LINK;
  for (uint32_t i = 0; i < session->listed; i++) {
    const session_breaker *breaker = &session->breakers[i];
    bool due = breaker->open && !breaker->tried && now - breaker->opened_at >= session->options.breaker_ns;
    if (due && c->tried == RUNG_NO_LINK)
      c->tried = i;
    else if (breaker->open)
      c->outage |= 1u << i;
  }
  uint32_t without = c->tried == RUNG_NO_LINK ? 0 : c->outage | 1u << c->tried;
  if (without && !find_entry(session, c->outage) && find_entry(session, without)) {
    if (rung__background_claim(session, c->tried, c->outage)) c->returns = c->tried;
    c->tried = RUNG_NO_LINK;
    c->outage = without;
  }
  if (c->tried != RUNG_NO_LINK) session->breakers[c->tried].tried = true;
  pthread_mutex_unlock(&session->lock);
}

/* One attempt, without the links of `outage`. *out_failed: the link that is to blame, or RUNG_NO_LINK. */
static rung_status *attempt(call *c, uint32_t outage, uint32_t *out_failed) {
  rung_session *session = c->session;
  session_entry *entry;
  *out_failed = RUNG_NO_LINK;
  RUNG_TRY(enter(c, outage, &entry));
  rung_status *status = rung__instance_run(entry->instance, c->options, c->inputs, c->input_count, c->outputs,
                                           c->output_count, &c->attempt);
  if (!status)
    note_success(session, entry, c->tried, c->options->profile != 0);
  else if (c->attempt.failed_link != RUNG_NO_LINK)
    note_failure(session, entry, *out_failed = c->attempt.failed_link, c->attempt.failed_node, status);
  leave(session, entry);
  return status;
}

/* The rest of the chain could not be used either: why the run failed stays what it was. */
static rung_status *nobody_left(call *c, rung_status *failure, rung_status *why) {
  rung_status *both =
      rung_status_make(rung_status_code(failure), __FILE__, __LINE__, "%s; and the chain cannot go on without it: %s",
                       rung_status_message(failure), rung_status_message(why));
  rung__journal_add(&c->session->journal, "refused", "chain", NULL, rung_status_message(why));
  rung_status_free(failure);
  rung_status_free(why);
  return both;
}

/* Goes on without the links that failed, until a run succeeds or nobody is left. */
static rung_status *step_down(call *c, uint32_t outage, uint32_t failed, rung_status *failure) {
  rung_session *session = c->session;
  for (;;) {
    outage |= 1u << failed;
    uint32_t next;
    rung_status *status = attempt(c, outage, &next);
    if (!status) {
      rung__journal_add(&session->journal, "stepped-down", session->names[failed], NULL,
                        "the next providers of the chain finished the run");
      rung_status_free(failure);
      return NULL;
    }
    if (next == RUNG_NO_LINK) {
      rung_code code = rung_status_code(status);
      if (code != RUNG_CANCELLED && code != RUNG_DEADLINE) return nobody_left(c, failure, status);
      rung_status_free(failure);
      return status;
    }
    rung_status_free(failure);
    failure = status;
    failed = next;
  }
}

/* On the links that are in service, and where that fails and the user said so, on the next ones. */
static rung_status *run_chain(call *c, bool *out_stepped) {
  rung_session *session = c->session;
  uint32_t failed;
  choose_links(c);
  if (c->returns != RUNG_NO_LINK) rung__background_return(session);
  if (c->tried != RUNG_NO_LINK)
    rung__journal_add(&session->journal, "tried-again", session->names[c->tried], NULL,
                      "its time out of service is over");
  rung_status *status = attempt(c, c->outage, &failed);
  *out_stepped = c->outage != 0;
  if (status && c->tried != RUNG_NO_LINK && failed == RUNG_NO_LINK && rung_status_code(status) == RUNG_UNAVAILABLE)
    failed = c->tried; /* it cannot even be opened again */
  if (status && failed != RUNG_NO_LINK && session->options.on_failure == RUNG_ON_FAILURE_NEXT) {
    *out_stepped = true;
    status = step_down(c, c->outage, failed, status);
  }
  end_trial(session, c->tried);
  return status;
}

rung_status *rung__session_run(rung_session *session, const rung_run_options *options, rung_value *const *inputs,
                               size_t input_count, rung_value **outputs, size_t output_count) {
  call c = {session, options, inputs, outputs, input_count, output_count};
  uint64_t now = options->deadline_ns ? rung_os_now_ns() : 0;
  bool stepped = false;
  if (now) c.attempt.deadline = now + RUNG_MIN(options->deadline_ns, UINT64_MAX - now);
  rung_status *status = rung__background_check(session);
  if (!status) status = run_chain(&c, &stepped);
  count_run(session, &c.attempt, status != NULL, stepped);
  return status;
}

/* Telling */

/* Of a provider, under the lock. */
static const char *state_of(const rung_session *session, uint32_t link) {
  const session_breaker *breaker = &session->breakers[link];
  if (session->absent >> link & 1)
    return session->background.state == BACKGROUND_COMPILING ? "compiling" : "compile-failed";
  if (session->background.returning && session->background.link == link) return "compiling";
  return !breaker->open ? "in-service" : breaker->tried ? "tried-again" : "out-of-service";
}

rung_status *rung__session_journal_json(rung_session *session, rung_text *text) {
  rung_json json;
  rung_json_init(&json, text, 2);
  rung_json_begin_object(&json);
  rung_json_put_string(&json, "on_failure", session->options.on_failure == RUNG_ON_FAILURE_NEXT ? "next" : "error");
  rung_json_key(&json, "providers");
  rung_json_begin_array(&json);
  pthread_mutex_lock(&session->lock);
  for (uint32_t i = 0; i < session->listed; i++) {
    const session_breaker *breaker = &session->breakers[i];
    rung_json_begin_object(&json);
    rung_json_put_string(&json, "name", session->names[i]);
    rung_json_put_string(&json, "state", state_of(session, i));
    rung_json_put_i64(&json, "failures_in_a_row", breaker->failures);
    rung_json_end_object(&json);
  }
  pthread_mutex_unlock(&session->lock);
  rung_json_end_array(&json);
  rung__background_json(session, &json);
  rung__journal_json(&session->journal, &json);
  rung_json_end_object(&json);
  return text->failed ? rung_status_out_of_memory() : NULL;
}
