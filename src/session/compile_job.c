#include "session/compile_job.h"

#include "base/os.h"
#include "session/cache.h"
#include "session/execute.h"

#include <stdio.h>
#include <time.h>

enum { TICK_MS = 20, GRACE_MS = 60 }; /* between two looks; for an engine that was asked to stop */

typedef struct compile_state {
  char stage[64];
  uint64_t done, total, began, expected; /* began, expected: nanoseconds, of the stage */
} compile_state;

struct compile_job {
  rung_instance *instance;
  program_step *step;
  rung_claims claims;
  rung_compile compile;
  rung_status *status;
  pthread_t thread;
  struct compile_job *next; /* among those of the environment; under its lock */
  pthread_mutex_t lock;     /* of what follows */
  pthread_cond_t changed;
  compile_state state;
  bool stop, done;
  bool orphan; /* nobody waits: the thread frees the session */
};

static compile_job *job_of(const rung_compile *compile) { return compile->progress; }

/* From inside */

void rung__job_stage(const rung_compile *compile, const char *stage, uint64_t expected_ns) {
  compile_job *job = job_of(compile);
  if (!job) return;
  pthread_mutex_lock(&job->lock);
  job->state = (compile_state){.began = rung_os_now_ns(), .expected = expected_ns};
  snprintf(job->state.stage, sizeof job->state.stage, "%s", stage);
  pthread_mutex_unlock(&job->lock);
}

bool rung__job_stopped(const rung_compile *compile) {
  compile_job *job = job_of(compile);
  if (!job) return false;
  pthread_mutex_lock(&job->lock);
  bool stop = job->stop;
  pthread_mutex_unlock(&job->lock);
  return stop;
}

int rung__job_progress(const rung_compile *compile, const char *stage, uint64_t done, uint64_t total) {
  compile_job *job = job_of(compile);
  if (!job) return 0;
  pthread_mutex_lock(&job->lock);
  if (stage) snprintf(job->state.stage, sizeof job->state.stage, "%s", stage);
  job->state.done = done;
  job->state.total = total;
  int stop = job->stop;
  pthread_mutex_unlock(&job->lock);
  return stop;
}

/* Compiling */

static rung_status *work(program_step *step, const rung_compile *compile) {
  rung_instance *instance = compile->host->context;
  const rung_link *link = &instance->chain.links.at[step->link];
  if (instance->cache.peeks) return rung__cache_peek(step, compile);
  rung_status *status = rung__cache_compile(step, compile);
  if (!status && !step->executable) status = RUNG_ERROR(PROVIDER, "it says that it compiled, but gives no executable");
  if (!status && RUNG_HAS(link->api, describe))
    link->api->describe(step->executable, step->description, sizeof step->description);
  return status;
}

/* What came of it. Takes the status. */
static rung_status *conclude(const rung_instance *instance, const program_step *step, const rung_claims *claims,
                             rung_status *status, bool *out_refused) {
  if (claims->failed) {
    rung_status_free(status);
    return rung_status_out_of_memory();
  }
  if (status && rung_status_code(status) == RUNG_UNSUPPORTED && claims->refused) {
    rung_status_free(status);
    *out_refused = true;
    return NULL;
  }
  return rung_status_prefix(status, "provider %s", instance->chain.links.at[step->link].api->name);
}

static void *run_job(void *context) {
  compile_job *job = context;
  rung_os_set_thread_name("rung compile");
  rung_status *status = work(job->step, &job->compile);
  pthread_mutex_lock(&job->lock);
  job->status = status;
  job->done = true;
  bool orphan = job->orphan;
  pthread_cond_broadcast(&job->changed);
  pthread_mutex_unlock(&job->lock);
  if (!orphan) return NULL;
  rung_instance *instance = job->instance;
  rung_status_free(job->status);
  instance->job = NULL;
  rung__instance_free(instance); /* the environment still holds the job */
  return NULL;
}

static const rung_host *host_of(const rung_instance *instance, const program_step *step) {
  return instance->chain.links.at[step->link].host;
}

static rung_status *create_job(rung_instance *instance, program_step *step, compile_job **out_job) {
  compile_job *job = rung_alloc(instance->env->allocator, 1, sizeof *job, "compile job");
  RUNG_CHECK_ALLOC(job);
  job->instance = instance;
  job->step = step;
  job->claims = (rung_claims){.instance = instance, .link = step->link, .graph = step->island};
  job->compile = (rung_compile){
      .struct_size = sizeof job->compile, .host = host_of(instance, step), .claims = &job->claims, .progress = job};
  pthread_mutex_init(&job->lock, NULL);
  rung__condition_init(&job->changed);
  *out_job = job;
  return NULL;
}

static void free_job(const rung_allocator *allocator, compile_job *job) {
  pthread_cond_destroy(&job->changed);
  pthread_mutex_destroy(&job->lock);
  rung_free(allocator, job);
}

/* Watching */

static double percent_of(const compile_state *state, uint64_t elapsed) {
  enum { MOST = 99 }; /* an expectation is none of its end */
  if (state->total) return 100 * (double)RUNG_MIN(state->done, state->total) / (double)state->total;
  if (state->expected) return RUNG_MIN(100 * (double)elapsed / (double)state->expected, MOST);
  return -1;
}

/* Tells the user; true when they want to stop. No lock is held. */
static bool tell(const rung_instance *instance, const program_step *step, const compile_state *state) {
  const compile_watch *watch = &instance->watch;
  uint64_t elapsed = state->began ? rung_os_now_ns() - state->began : 0;
  rung_compiling now = {.struct_size = sizeof now,
                        .provider = instance->chain.links.at[step->link].api->name,
                        .stage = state->stage,
                        .island = watch->island,
                        .island_count = watch->island_count,
                        .done = state->done,
                        .total = state->total,
                        .percent = percent_of(state, elapsed),
                        .elapsed_ns = elapsed,
                        .expected_ns = state->expected};
  bool stop = watch->cancel && atomic_load_explicit(&watch->cancel->flag, memory_order_relaxed);
  if (instance->progress && instance->progress(instance->progress_user, state->stage, state->done, state->total))
    stop = true;
  if (watch->compiling && watch->compiling(watch->compiling_user, &now)) stop = true;
  return stop;
}

void rung__condition_init(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

void rung__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, unsigned ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += (long)ms * 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_cond_timedwait(condition, lock, &until);
}

/* Under the job's lock: sleeps for at most `ms`, or until it is done. */
static void wait_a_while(compile_job *job, unsigned ms) {
  if (!job->done) rung__condition_wait(&job->changed, &job->lock, ms);
}

/* Until the engine is done, or the user wants to stop and it does not come back soon. False: it still works. */
static bool watch_job(compile_job *job, bool *out_stop) {
  pthread_mutex_lock(&job->lock);
  while (!job->done && !*out_stop) {
    wait_a_while(job, TICK_MS);
    if (job->done) break;
    compile_state state = job->state;
    pthread_mutex_unlock(&job->lock);
    *out_stop = tell(job->instance, job->step, &state);
    pthread_mutex_lock(&job->lock);
  }
  job->stop = *out_stop;
  for (int ms = 0; !job->done && ms < GRACE_MS; ms += TICK_MS) wait_a_while(job, TICK_MS);
  bool done = job->done;
  pthread_mutex_unlock(&job->lock);
  return done;
}

static rung_status *cancelled(void) { return RUNG_ERROR(CANCELLED, "compiling was cancelled"); }

static rung_status *run_watched(rung_instance *instance, program_step *step, bool *out_refused) {
  const rung_allocator *allocator = instance->env->allocator;
  compile_state start = {.stage = "start"};
  compile_job *job;
  bool stop = false;
  if (tell(instance, step, &start)) return cancelled();
  RUNG_TRY(create_job(instance, step, &job));
  if (pthread_create(&job->thread, NULL, run_job, job) != 0) {
    free_job(allocator, job);
    return RUNG_ERROR(OUT_OF_MEMORY, "no thread to compile in");
  }
  if (!watch_job(job, &stop)) {
    instance->job = job;
    rung__cache_abandon(instance, step);
    return RUNG_ERROR(CANCELLED, "compiling was cancelled; provider %s does not stop, and is left to finish alone",
                      instance->chain.links.at[step->link].api->name);
  }
  pthread_join(job->thread, NULL);
  rung_status *status = conclude(instance, step, &job->claims, job->status, out_refused);
  free_job(allocator, job);
  return stop && !status ? cancelled() : status;
}

static rung_status *run_here(rung_instance *instance, program_step *step, bool *out_refused) {
  rung_claims claims = {.instance = instance, .link = step->link, .graph = step->island};
  rung_compile compile = {.struct_size = sizeof compile, .host = host_of(instance, step), .claims = &claims};
  return conclude(instance, step, &claims, work(step, &compile), out_refused);
}

rung_status *rung__compile_step(rung_instance *instance, program_step *step, bool *out_refused) {
  const compile_watch *watch = &instance->watch;
  bool watched = !instance->cache.peeks && (instance->progress || watch->compiling || watch->cancel);
  rung_status *status = watched ? run_watched(instance, step, out_refused) : run_here(instance, step, out_refused);
  instance->watch.island++;
  return status;
}

/* Engines that were left */

bool rung__job_reclaim(rung_instance *instance) {
  compile_job *job = instance->job;
  if (!job) return true;
  rung_env *env = instance->env;
  pthread_mutex_lock(&env->jobs_lock);
  pthread_mutex_lock(&job->lock);
  bool done = job->done;
  job->orphan = !done;
  if (!done) {
    job->next = env->jobs;
    env->jobs = job;
  }
  pthread_mutex_unlock(&job->lock);
  pthread_mutex_unlock(&env->jobs_lock);
  if (!done) return false;
  pthread_join(job->thread, NULL);
  rung_status_free(job->status);
  instance->job = NULL;
  free_job(env->allocator, job);
  return true;
}

void rung__jobs_join(rung_env *env) {
  for (;;) {
    pthread_mutex_lock(&env->jobs_lock);
    compile_job *job = env->jobs;
    if (job) env->jobs = job->next;
    pthread_mutex_unlock(&env->jobs_lock);
    if (!job) return;
    pthread_join(job->thread, NULL);
    free_job(env->allocator, job);
  }
}
