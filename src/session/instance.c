/* The story of an instance, in order:
 *
 *   chain    which providers the user asks for; each is probed and opened
 *   graph    the model's description becomes our IR
 *   passes   shapes are inferred, constants folded, the dead removed
 *   claims   every node goes to the first provider that takes it; pins and the contract are kept; what is not worth
 *            its crossings is given back
 *   compile  islands become executables; what an engine refuses is claimed again
 *   plan     all of it, written down
 */
#include "session/instance.h"

#include "base/os.h"
#include "session/cache.h"
#include "session/compile_job.h"
#include "session/execute.h"
#include "session/lock.h"

#include <stdio.h>
#include <stdlib.h>

/* Chain */

/* A provider that cannot be used: an error, or for an optional one a reported step down. */
static rung_status *skip_or_fail(rung_instance *instance, rung_link *link, const rung_report *report,
                                 rung_state failed) {
  const char *reached = failed > 0 ? rung_state_name((rung_state)(failed - 1)) : "unknown";
  const char *code = report->steps[failed].code, *evidence = report->steps[failed].evidence,
             *fix = report->steps[failed].fix;
  link->why =
      rung_arena_printf(&instance->arena, "it is \"%s\", and the step \"%s\" fails%s%s%s%s%s", reached,
                        rung_state_name(failed), code ? ": " : "", code ? code : "", evidence ? ": " : "",
                        evidence ? evidence : "", instance->offline ? "; and no table tells what it takes" : "");
  link->fix = fix ? rung_arena_copy(&instance->arena, fix, strlen(fix)) : NULL;
  if (!link->why || (fix && !link->fix)) return rung_status_out_of_memory();
  RUNG_REQUIRE(link->optional, UNAVAILABLE, "provider %s cannot be used: %s%s%s (or write %s? to go on without it)",
               link->api->name, link->why, link->fix ? "; to mend it: " : "", link->fix ? link->fix : "",
               link->api->name);
  rung_log_line(&instance->env->log, RUNG_LOG_WARNING, "provider %s is skipped: %s%s%s", link->api->name, link->why,
                link->fix ? "; to mend it: " : "", link->fix ? link->fix : "");
  return NULL;
}

/* It claims by its table; crossings are counted as if its memory were there. */
static rung_status *take_offline(rung_instance *instance, rung_link *link) {
  const rung_offline *offline = link->api->offline;
  link->offline = true;
  if (!offline->memory) return NULL;
  link->memory = rung_arena_alloc(&instance->arena, 1, sizeof *link->memory);
  RUNG_CHECK_ALLOC(link->memory);
  link->memory->struct_size = sizeof *link->memory;
  link->memory->kind = offline->memory;
  return NULL;
}

/* The session's host, with no more threads than an option of the provider says. */
static rung_status *give_host(rung_instance *instance, rung_link *link) {
  rung_host *host = rung_arena_alloc(&instance->arena, 1, sizeof *host);
  RUNG_CHECK_ALLOC(host);
  *host = instance->host;
  for (size_t i = 0; i < link->options.count; i++) {
    const rung_option *given = &link->options.at[i];
    const rung_option_spec *spec = rung_registry_option(link->api, given->key);
    if (spec && spec->caps_threads) host->threads = RUNG_MIN(host->threads, (uint32_t)strtoul(given->value, NULL, 10));
  }
  link->host = host;
  return NULL;
}

static rung_status *open_link(rung_instance *instance, rung_link *link) {
  rung_report report;
  RUNG_TRY(give_host(instance, link));
  RUNG_TRY(rung_registry_probe(link->api, &instance->host, link->options.at, link->options.count, &instance->arena,
                               &report));
  rung_state failed;
  if (rung_report_first_failure(&report, &failed))
    return instance->offline && RUNG_HAS(link->api, offline) ? take_offline(instance, link)
                                                             : skip_or_fail(instance, link, &report, failed);
  rung_status *status = link->api->open(link->host, link->options.at, link->options.count, &link->provider);
  if (status && link->optional && rung_status_code(status) == RUNG_UNAVAILABLE) {
    const char *words = rung_status_message(status);
    link->why = rung_arena_copy(&instance->arena, words, strlen(words));
    rung_log_line(&instance->env->log, RUNG_LOG_WARNING, "provider %s is skipped: %s", link->api->name, words);
    rung_status_free(status);
    return link->why ? NULL : rung_status_out_of_memory();
  }
  RUNG_TRY(rung_status_prefix(status, "provider %s", link->api->name));
  if (link->api->memory) link->memory = link->api->memory(link->provider);
  return NULL;
}

/* The host computes shapes itself, through the first built-in provider that can run nodes on host values: one that is
 * in the chain, or else a link behind it. */
static rung_status *add_host_link(rung_instance *instance) {
  instance->host_link = RUNG_NO_LINK;
  const rung_registry *registry = &instance->env->registry;
  for (size_t i = 0; i < registry->count; i++) {
    const rung_provider_api *api = registry->providers[i];
    if (!RUNG_HAS(api, evaluate)) continue;
    instance->host_link = (uint32_t)instance->chain.links.count;
    if (!rung_vec_push(instance->env->allocator, &instance->chain.links, (rung_link){.api = api}))
      return rung_status_out_of_memory();
    return open_link(instance, &instance->chain.links.at[instance->host_link]);
  }
  return NULL;
}

/* What the session took out of service is not opened again. */
static rung_status *leave_out(rung_instance *instance, rung_link *link, const char *why) {
  link->why = rung_arena_copy(&instance->arena, why, strlen(why));
  return link->why ? NULL : rung_status_out_of_memory();
}

static rung_status *open_chain(rung_instance *instance, const rung_session_options *options,
                               const rung_outage *outage) {
  RUNG_TRY(rung_chain_parse(&instance->chain, &instance->env->registry, options->chain ? options->chain : "cpu",
                            options->provider_options, options->provider_option_count));
  RUNG_TRY(rung_contract_parse(&instance->contract, &instance->chain, options->contract));
  if (outage && outage->interim) instance->relaxed = rung_contract_relax(&instance->contract);
  instance->listed = (uint32_t)instance->chain.links.count;
  uint32_t usable = 0;
  for (uint32_t i = 0; i < instance->listed; i++) {
    rung_link *link = &instance->chain.links.at[i];
    bool is_out = outage && (outage->links >> i & 1);
    RUNG_TRY(is_out ? leave_out(instance, link, outage->whys[i]) : open_link(instance, link));
    usable += rung_link_claims(&instance->chain.links.at[i]);
  }
  RUNG_REQUIRE(usable, UNAVAILABLE, "no provider of the chain can be used");
  return add_host_link(instance);
}

/* Graph */

rung_status *rung__instance_go_on(void *user) {
  const rung_instance *instance = user;
  const rung_cancel *cancel = instance->watch.cancel;
  RUNG_REQUIRE(!cancel || !atomic_load(&cancel->flag), CANCELLED, "creating the session was cancelled");
  return NULL;
}

static rung_status *evaluate(void *user, const rung_node *node, rung_value *const *inputs, rung_value **outputs) {
  rung_instance *instance = user;
  return instance->chain.links.at[instance->host_link].api->evaluate(&instance->host, node, inputs, outputs);
}

/* The first provider of the chain that knows a node without a definition says what comes out of it. */
static rung_status *infer_foreign(void *user, const rung_node *node, rung_type *outputs) {
  rung_instance *instance = user;
  for (uint32_t i = 0; i < instance->listed; i++) {
    const rung_link *link = &instance->chain.links.at[i];
    if (!link->provider || !RUNG_HAS(link->api, infer)) continue;
    rung_status *status = link->api->infer(link->provider, node, outputs);
    if (!status || rung_status_code(status) != RUNG_UNSUPPORTED) return status;
    rung_status_free(status);
  }
  return RUNG_ERROR(UNSUPPORTED, "nobody knows %s", node->op_type);
}

static rung_status *unknown_pass(rung_str name) {
  char list[256] = "";
  for (int pass = 0; pass < RUNG_PASS_COUNT; pass++) {
    size_t size = strlen(list);
    snprintf(list + size, sizeof list - size, "%s%s", pass ? ", " : "", rung_pass_name((rung_pass)pass));
  }
  return RUNG_ERROR(INVALID_ARGUMENT, "no pass is called \"%.*s\"; there are: %s, and \"all\"", (int)name.size,
                    name.data, list);
}

static rung_status *switch_passes_off(rung_instance *instance, const char *names) {
  for (const char *at = names; at && *at;) {
    size_t size = strcspn(at, ",");
    rung_str name = {at, size};
    bool found = rung_str_is(name, "all");
    if (found) instance->passes.off = ~0u;
    for (int pass = 0; pass < RUNG_PASS_COUNT; pass++) {
      if (!rung_str_is(name, rung_pass_name((rung_pass)pass))) continue;
      instance->passes.off |= 1u << pass;
      found = true;
    }
    if (!found) return unknown_pass(name);
    at += size + (at[size] == ',');
  }
  return NULL;
}

/* Is `name` among words that commas separate? */
static bool lists_word(const char *words, const char *name) {
  for (const char *at = words; at && *at;) {
    size_t size = strcspn(at, ",");
    if (rung_str_is((rung_str){at, size}, name)) return true;
    at += size + (at[size] == ',');
  }
  return false;
}

/* Legalising passes run where the user allows them and a provider that claims nodes wants them. */
static void switch_legalising_off(rung_instance *instance, bool allowed) {
  for (int pass = 0; pass < RUNG_PASS_COUNT; pass++) {
    bool wanted = !rung_pass_is_legalising((rung_pass)pass);
    for (uint32_t i = 0; i < instance->listed && allowed; i++) {
      const rung_link *link = &instance->chain.links.at[i];
      wanted |= rung_link_claims(link) && RUNG_HAS(link->api, wants) &&
                lists_word(link->api->wants, rung_pass_name((rung_pass)pass));
    }
    if (!wanted) instance->passes.off |= 1u << pass;
  }
}

rung_status *rung__optimize(rung_instance *instance) {
  rung_evaluator evaluator = {evaluate, instance};
  instance->passes.evaluator = instance->host_link == RUNG_NO_LINK ? NULL : &evaluator;
  rung_status *status = rung_ir_optimize(instance->ir, &instance->passes);
  instance->passes.evaluator = NULL;
  return status;
}

static rung_status *build_graph(rung_instance *instance, const rung_session_options *options) {
  rung_ir_limits limits = rung_ir_limits_default;
  if (options->max_nodes) limits.expanded_nodes = options->max_nodes;
  RUNG_TRY(rung_ir_build(instance->env->allocator, &instance->env->log, instance->model, &limits, &instance->ir));
  instance->ir->infer_foreign = infer_foreign;
  instance->ir->go_on = rung__instance_go_on;
  instance->ir->infer_user = instance;
  for (size_t i = 0; i < options->extra_output_count; i++)
    RUNG_TRY(rung_ir_add_output(instance->ir, options->extra_outputs[i]));
  for (size_t i = 0; i < options->dimension_count; i++) {
    rung_ir_dimension dimension = {options->dimensions[i].name, options->dimensions[i].size};
    RUNG_TRY(rung_ir_override_dimensions(instance->ir, &dimension, 1));
  }
  for (size_t i = 0; i < options->shape_count; i++)
    RUNG_TRY(rung_ir_override_shape(instance->ir, options->shapes[i].input, options->shapes[i].rank,
                                    options->shapes[i].dims));
  instance->passes = (rung_passes){.fold_limit = 65536, .outer_limit = 4 << 20, .widened_limit = 64 << 20};
  switch_legalising_off(instance, options->legalise != 0);
  RUNG_TRY(switch_passes_off(instance, options->passes_off));
  return rung__optimize(instance);
}

/* The whole */

static rung_status *check_contract(const rung_instance *instance) {
  if (instance->inspect_only) return NULL;
  return rung_contract_check(&instance->contract, &instance->chain, &instance->plan, instance->env->allocator);
}

static rung_status *check_lock(rung_instance *instance) {
  if (!instance->lock || instance->inspect_only) return NULL;
  rung_status *status = rung__lock_compare(instance, instance->lock);
  if (!status || !instance->lock_warns || rung_status_code(status) != RUNG_CONTRACT) return status;
  const char *words = rung_status_message(status);
  rung_log_line(&instance->env->log, RUNG_LOG_WARNING, "%s", words);
  instance->plan.lock_difference = rung_arena_copy(&instance->arena, words, strlen(words));
  rung_status_free(status);
  return instance->plan.lock_difference ? NULL : rung_status_out_of_memory();
}

/* The contract is held against claims, before a weight is touched, and again against what compiled. The two halves may
 * run in different threads, one after the other: background.c. */
static rung_status *plan(rung_instance *instance, const rung_session_options *options, const rung_outage *outage) {
  RUNG_REQUIRE(!options->offline || options->plan_only || options->inspect_only, INVALID_ARGUMENT,
               "an offline session can only plan: set plan_only or inspect_only, too");
  RUNG_TRY(open_chain(instance, options, outage));
  RUNG_TRY(rung__cache_open(instance, options));
  RUNG_TRY(build_graph(instance, options));
  RUNG_TRY(rung__pin_nodes(instance, options->pins, options->pin_count));
  RUNG_TRY(rung__place(instance));
  RUNG_TRY(rung__cut_islands(instance));
  RUNG_TRY(rung__plan_make(instance));
  if (options->figures && !options->inspect_only) RUNG_TRY(rung__weigh_costs(instance, options->figures));
  return check_contract(instance);
}

rung_status *rung__instance_compile(rung_instance *instance) {
  instance->compiled = !instance->plan_only;
  if (instance->compiled || instance->cache.peeks) {
    RUNG_TRY(rung__compile(instance)); /* or look what is kept */
    RUNG_TRY(rung__plan_make(instance));
    RUNG_TRY(check_contract(instance));
  }
  return check_lock(instance);
}

rung_status *rung__instance_create(rung_env *env, rung_model *model, const rung_session_options *options,
                                   const rung_outage *outage, rung_instance **out_instance) {
  rung_instance *instance;
  RUNG_TRY(rung__instance_plan(env, model, options, outage, &instance));
  rung_status *status = rung__instance_compile(instance);
  if (status)
    rung__instance_free(instance);
  else
    *out_instance = instance;
  return status;
}

rung_status *rung__instance_plan(rung_env *env, rung_model *model, const rung_session_options *options,
                                 const rung_outage *outage, rung_instance **out_instance) {
  rung_instance *instance = rung_alloc(env->allocator, 1, sizeof *instance, "instance");
  RUNG_CHECK_ALLOC(instance);
  instance->env = rung__env_retain(env);
  instance->model = rung_model_retain(model);
  instance->max_loop_trips = options->max_loop_trips ? options->max_loop_trips : 100000000;
  instance->max_bytes = options->max_bytes ? options->max_bytes : rung_os_memory() / 4 * 3;
  instance->inspect_only = options->inspect_only != 0;
  instance->plan_only = options->plan_only || options->inspect_only;
  instance->lock = options->lock;
  instance->lock_warns = options->lock_warns != 0;
  instance->offline = options->offline != 0;
  instance->progress = options->progress;
  instance->progress_user = options->progress_user;
  instance->watch = (compile_watch){options->cancel, options->compiling, options->compiling_user, 0, 0};
  pthread_mutex_init(&instance->gate_lock, NULL);
  pthread_cond_init(&instance->gate, NULL);
  rung__profile_init(&instance->profile, env->allocator);
  rung_arena_init(&instance->arena, env->allocator);
  rung_chain_init(&instance->chain, env->allocator);
  rung__host_init(instance, options);
  if (!options->has_seed) instance->host.seed = rung_os_now_ns();
  rung_status *status = plan(instance, options, outage);
  if (status)
    rung__instance_free(instance);
  else
    *out_instance = instance;
  return status;
}

void rung__instance_retire(rung_instance *instance) {
  rung__free_programs(instance);
  for (size_t i = 0; i < instance->chain.links.count; i++) {
    rung_link *link = &instance->chain.links.at[i];
    if (link->provider) link->api->close(link->provider);
    link->provider = NULL;
  }
}

void rung__instance_free(rung_instance *instance) {
  if (!instance || !rung__job_reclaim(instance)) return;
  rung__instance_retire(instance);
  rung_ir_free(&instance->ir);
  rung__cache_close(instance);
  rung_env *env = instance->env;
  rung_vec_free(env->allocator, &instance->refusals);
  rung_contract_finish(&instance->contract, env->allocator);
  rung_chain_finish(&instance->chain);
  rung_arena_finish(&instance->arena);
  rung__profile_finish(&instance->profile);
  pthread_cond_destroy(&instance->gate);
  pthread_mutex_destroy(&instance->gate_lock);
  rung_model_release(instance->model);
  rung_free(env->allocator, instance);
  rung__env_release(env);
}
