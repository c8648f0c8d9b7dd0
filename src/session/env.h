/* The environment: what all models and sessions share. Counted, so that it outlives whatever needs it. */
#ifndef RUNG_SESSION_ENV_H
#define RUNG_SESSION_ENV_H

#include "base/cpu.h"
#include "base/log.h"
#include "base/pool.h"
#include "provider/registry.h"
#include "rung.h"

#include <pthread.h>

struct rung_env {
  atomic_int references;
  const rung_allocator *allocator; /* the user's, which outlives everything */
  rung_log log;
  pthread_mutex_t log_lock;
  rung_log_fn log_fn; /* the user's; log.write locks and calls it */
  void *log_user;
  rung_pool *pool;
  rung_cpu_set cpu_mask;
  rung_registry registry;
  const char **search_paths;
  rung_arena arena;                       /* of search_paths */
  RUNG_VEC(struct env_provider *) probed; /* per provider, see probe.c; one thread at a time, as rung.h says */
  pthread_mutex_t jobs_lock;
  struct compile_job *jobs; /* engines that were left to themselves, see compile_job.h; under jobs_lock */
  int pid;
};

rung_status *rung__env_create(const rung_env_options *options, rung_env **out_env) RUNG_MUST_CHECK;
rung_env *rung__env_retain(rung_env *env);
void rung__env_release(rung_env *env);
/* probe.c */
void rung__env_forget_probes(rung_env *env);
/* WRONG_PROCESS in a forked child. */
rung_status *rung__env_check(const rung_env *env) RUNG_MUST_CHECK;

#endif
