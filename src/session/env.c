#include "session/env.h"

#include "base/str.h"

#include <unistd.h>

static void write_line(void *user, rung_log_level level, const char *line) {
  rung_env *env = user;
  pthread_mutex_lock(&env->log_lock);
  env->log_fn(env->log_user, level, line);
  pthread_mutex_unlock(&env->log_lock);
}

static rung_status *copy_paths(rung_env *env, const char *const *paths) {
  size_t count = 0;
  while (paths && paths[count]) count++;
  env->search_paths = rung_arena_alloc(&env->arena, count + 1, sizeof *env->search_paths);
  RUNG_CHECK_ALLOC(env->search_paths);
  for (size_t i = 0; i < count; i++) {
    env->search_paths[i] = rung_arena_copy(&env->arena, paths[i], strlen(paths[i]));
    RUNG_CHECK_ALLOC(env->search_paths[i]);
  }
  return NULL;
}

rung_status *rung__env_create(const rung_env_options *options, rung_env **out_env) {
  const rung_allocator *allocator = options->allocator ? options->allocator : &rung_system_allocator;
  rung_cpu_set mask = RUNG_CPU_ALL;
  if (options->cpu_features) RUNG_TRY(rung_cpu_mask_parse(rung_str_of(options->cpu_features), &mask));
  rung_env *env = rung_alloc(allocator, 1, sizeof *env, "environment");
  RUNG_CHECK_ALLOC(env);
  atomic_init(&env->references, 1);
  env->allocator = allocator;
  env->cpu_mask = rung_cpu_features() & mask;
  env->pid = (int)getpid();
  pthread_mutex_init(&env->log_lock, NULL);
  pthread_mutex_init(&env->jobs_lock, NULL);
  env->log_fn = options->log;
  env->log_user = options->log_user;
  env->log = (rung_log){options->log ? write_line : NULL, env, options->log_level};
  rung_arena_init(&env->arena, env->allocator);
  rung_registry_init(&env->registry, env->allocator);
  rung_status *status = copy_paths(env, options->search_paths);
  if (!status) status = rung_pool_create(env->allocator, options->threads, &env->pool);
  if (status) {
    rung__env_release(env);
    return status;
  }
  *out_env = env;
  return NULL;
}

rung_env *rung__env_retain(rung_env *env) {
  atomic_fetch_add_explicit(&env->references, 1, memory_order_relaxed);
  return env;
}

void rung__env_release(rung_env *env) {
  if (!env || atomic_fetch_sub_explicit(&env->references, 1, memory_order_acq_rel) > 1) return;
  rung_pool_destroy(&env->pool);
  rung__env_forget_probes(env);
  rung_registry_finish(&env->registry);
  rung_arena_finish(&env->arena);
  pthread_mutex_destroy(&env->jobs_lock);
  pthread_mutex_destroy(&env->log_lock);
  rung_free(env->allocator, env);
}

rung_status *rung__env_check(const rung_env *env) {
  RUNG_REQUIRE(env->pid == (int)getpid(), WRONG_PROCESS,
               "the environment was created in process %d, this is a forked child; create one here", env->pid);
  return NULL;
}
