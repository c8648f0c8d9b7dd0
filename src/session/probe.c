/* Looking at a provider on behalf of the user, outside of any session. */
#include "session/describe.h"

#include <stdarg.h>
#include <stdio.h>

struct env_provider {
  rung_arena arena;
  rung_provider_step steps[RUNG_STATE_COUNT];
  const char *devices[RUNG_MOST_DEVICES];
  rung_provider_info info;
};

static rung_status *probe_error(rung_code code, const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  rung_status *status = rung_status_make_v(code, file, line, format, args);
  va_end(args);
  return status;
}

static void probe_log(const rung_host *host, rung_log_level level, const char *format, ...) {
  const rung_env *env = host->context;
  char line[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  rung_log_line(&env->log, level, "%s", line);
}

/* What probe may use of the host: no session is there yet. */
static rung_host probing_host(rung_env *env) {
  return (rung_host){.struct_size = sizeof(rung_host),
                     .abi = RUNG_PROVIDER_ABI,
                     .cpu_features = env->cpu_mask,
                     .threads = (uint32_t)rung_pool_threads(env->pool),
                     .allocator = env->allocator,
                     .context = env,
                     .search_paths = env->search_paths,
                     .error = probe_error,
                     .log = probe_log,
                     .step = rung_report_step,
                     .device = rung_report_device};
}

static rung_status *fill(rung_env *env, const rung_provider_api *api, struct env_provider *entry) {
  rung_host host = probing_host(env);
  rung_report report;
  RUNG_TRY(rung_registry_probe(api, &host, NULL, 0, &entry->arena, &report));
  rung_state failed = RUNG_STATE_USABLE;
  bool fails = rung_report_first_failure(&report, &failed);
  for (int i = 0; i < RUNG_STATE_COUNT; i++)
    entry->steps[i] = (rung_provider_step){rung_state_name((rung_state)i), report.steps[i].ok, report.steps[i].code,
                                           report.steps[i].evidence, report.steps[i].fix};
  memcpy(entry->devices, report.devices, sizeof report.devices);
  entry->info = (rung_provider_info){.struct_size = sizeof entry->info,
                                     .name = api->name,
                                     .ort_name = api->ort_name,
                                     .summary = api->summary,
                                     .version = api->version,
                                     .usable = !fails,
                                     .state = rung_state_name(fails && failed > 0 ? (rung_state)(failed - 1) : failed),
                                     .step_count = RUNG_STATE_COUNT,
                                     .device_count = report.device_count,
                                     .steps = entry->steps,
                                     .devices = entry->devices};
  return NULL;
}

rung_status *rung__env_probe(rung_env *env, size_t index, const rung_provider_info **out_info) {
  RUNG_REQUIRE(index < env->registry.count, INVALID_ARGUMENT, "there is no provider %zu", index);
  while (env->probed.count < env->registry.count) {
    struct env_provider *entry = rung_alloc(env->allocator, 1, sizeof *entry, "probe");
    RUNG_CHECK_ALLOC(entry);
    rung_arena_init(&entry->arena, env->allocator);
    if (!rung_vec_push(env->allocator, &env->probed, entry)) {
      rung_free(env->allocator, entry);
      return rung_status_out_of_memory();
    }
  }
  struct env_provider *entry = env->probed.at[index];
  rung_arena_finish(&entry->arena);
  RUNG_TRY(fill(env, env->registry.providers[index], entry));
  *out_info = &entry->info;
  return NULL;
}

void rung__env_forget_probes(rung_env *env) {
  for (size_t i = 0; i < env->probed.count; i++) {
    rung_arena_finish(&env->probed.at[i]->arena);
    rung_free(env->allocator, env->probed.at[i]);
  }
  rung_vec_free(env->allocator, &env->probed);
}
