/* The story of a session, in order:
 *
 *   chain    which providers the user asks for; each is probed and opened
 *   graph    the model's description becomes our IR
 *   passes   shapes are inferred, constants folded, the dead removed
 *   claims   every node goes to the first provider that takes it; pins and the contract are kept
 *   compile  islands become executables; what an engine refuses is claimed again
 *   plan     all of it, written down
 */
#include "session/session.h"

#include "base/os.h"
#include "session/lock.h"

/* Chain */

/* A provider that cannot be used: an error, or for an optional one a reported step down. */
static rung_status *skip_or_fail(rung_session *session, rung_link *link, const rung_report *report) {
  int failed = rung_report_failed(report);
  const char *code = report->steps[failed].code, *evidence = report->steps[failed].evidence,
             *fix = report->steps[failed].fix;
  link->why = rung_arena_printf(&session->arena, "it is \"%s\", and the step \"%s\" fails%s%s%s%s",
                                rung_state_name((rung_state)(failed - 1)), rung_state_name((rung_state)failed),
                                code ? ": " : "", code ? code : "", evidence ? ": " : "", evidence ? evidence : "");
  link->fix = fix ? rung_arena_copy(&session->arena, fix, strlen(fix)) : NULL;
  if (!link->why || (fix && !link->fix)) return rung_status_out_of_memory();
  RUNG_REQUIRE(link->optional, UNAVAILABLE, "provider %s cannot be used: %s%s%s (or write %s? to go on without it)",
               link->api->name, link->why, link->fix ? "; to mend it: " : "", link->fix ? link->fix : "",
               link->api->name);
  rung_log_line(&session->env->log, RUNG_LOG_WARNING, "provider %s is skipped: %s%s%s", link->api->name, link->why,
                link->fix ? "; to mend it: " : "", link->fix ? link->fix : "");
  return NULL;
}

static rung_status *open_link(rung_session *session, rung_link *link) {
  rung_report report;
  RUNG_TRY(
      rung_registry_probe(link->api, &session->host, link->options.at, link->options.count, &session->arena, &report));
  if (rung_report_failed(&report) >= 0) return skip_or_fail(session, link, &report);
  rung_status *status = link->api->open(&session->host, link->options.at, link->options.count, &link->provider);
  if (status && link->optional && rung_status_code(status) == RUNG_UNAVAILABLE) {
    const char *words = rung_status_message(status);
    link->why = rung_arena_copy(&session->arena, words, strlen(words));
    rung_log_line(&session->env->log, RUNG_LOG_WARNING, "provider %s is skipped: %s", link->api->name, words);
    rung_status_free(status);
    return link->why ? NULL : rung_status_out_of_memory();
  }
  RUNG_TRY(rung_status_prefix(status, "provider %s", link->api->name));
  if (link->api->memory) link->memory = link->api->memory(link->provider);
  return NULL;
}

/* The host computes shapes itself, through the first built-in provider that can run nodes on host values: one that is
 * in the chain, or else a link behind it. */
static rung_status *add_host_link(rung_session *session) {
  session->host_link = RUNG_NO_LINK;
  const rung_registry *registry = &session->env->registry;
  for (size_t i = 0; i < registry->count; i++) {
    const rung_provider_api *api = registry->providers[i];
    if (!RUNG_HAS(api, evaluate)) continue;
    session->host_link = (uint32_t)session->chain.links.count;
    if (!rung_vec_push(session->env->allocator, &session->chain.links, (rung_link){.api = api}))
      return rung_status_out_of_memory();
    return open_link(session, &session->chain.links.at[session->host_link]);
  }
  return NULL;
}

static rung_status *open_chain(rung_session *session, const rung_session_options *options) {
  RUNG_TRY(rung_chain_parse(&session->chain, &session->env->registry, options->chain ? options->chain : "cpu",
                            options->provider_options, options->provider_option_count));
  RUNG_TRY(rung_contract_parse(&session->contract, &session->chain, options->contract));
  session->listed = (uint32_t)session->chain.links.count;
  uint32_t usable = 0;
  for (uint32_t i = 0; i < session->listed; i++) {
    RUNG_TRY(open_link(session, &session->chain.links.at[i]));
    usable += session->chain.links.at[i].provider != NULL;
  }
  RUNG_REQUIRE(usable, UNAVAILABLE, "no provider of the chain can be used");
  return add_host_link(session);
}

/* Graph */

static rung_status *evaluate(void *user, const rung_node *node, rung_value *const *inputs, rung_value **outputs) {
  rung_session *session = user;
  return session->chain.links.at[session->host_link].api->evaluate(&session->host, node, inputs, outputs);
}

/* The first provider of the chain that knows a node without a definition says what comes out of it. */
static rung_status *infer_foreign(void *user, const rung_node *node, rung_type *outputs) {
  rung_session *session = user;
  for (uint32_t i = 0; i < session->listed; i++) {
    const rung_link *link = &session->chain.links.at[i];
    if (!link->provider || !RUNG_HAS(link->api, infer)) continue;
    rung_status *status = link->api->infer(link->provider, node, outputs);
    if (!status || rung_status_code(status) != RUNG_UNSUPPORTED) return status;
    rung_status_free(status);
  }
  return RUNG_ERROR(UNSUPPORTED, "nobody knows %s", node->op_type);
}

static rung_status *switch_passes_off(rung_session *session, const char *names) {
  for (const char *at = names; at && *at;) {
    size_t size = strcspn(at, ",");
    rung_str name = {at, size};
    bool found = rung_str_is(name, "all");
    if (found) session->passes.off = ~0u;
    for (int pass = 0; pass < RUNG_PASS_COUNT; pass++) {
      if (!rung_str_is(name, rung_pass_name((rung_pass)pass))) continue;
      session->passes.off |= 1u << pass;
      found = true;
    }
    RUNG_REQUIRE(found, INVALID_ARGUMENT, "no pass is called \"%.*s\"", (int)size, at);
    at += size + (at[size] == ',');
  }
  return NULL;
}

static rung_status *build_graph(rung_session *session, const rung_session_options *options) {
  rung_ir_limits limits = rung_ir_limits_default;
  if (options->max_nodes) limits.expanded_nodes = options->max_nodes;
  RUNG_TRY(rung_ir_build(session->env->allocator, &session->env->log, session->model, &limits, &session->ir));
  session->ir->infer_foreign = infer_foreign;
  session->ir->infer_user = session;
  for (size_t i = 0; i < options->dimension_count; i++) {
    rung_ir_dimension dimension = {options->dimensions[i].name, options->dimensions[i].size};
    RUNG_TRY(rung_ir_override_dimensions(session->ir, &dimension, 1));
  }
  for (size_t i = 0; i < options->shape_count; i++)
    RUNG_TRY(rung_ir_override_shape(session->ir, options->shapes[i].input, options->shapes[i].rank,
                                    options->shapes[i].dims));
  rung_evaluator evaluator = {evaluate, session};
  session->passes =
      (rung_passes){.evaluator = session->host_link == RUNG_NO_LINK ? NULL : &evaluator, .fold_limit = 65536};
  RUNG_TRY(switch_passes_off(session, options->passes_off));
  rung_status *status = rung_ir_optimize(session->ir, &session->passes);
  session->passes.evaluator = NULL;
  return status;
}

/* The whole */

static rung_status *check_contract(const rung_session *session) {
  if (session->inspect_only) return NULL;
  return rung_contract_check(&session->contract, &session->chain, &session->plan, session->env->allocator);
}

static rung_status *check_lock(rung_session *session, const rung_session_options *options) {
  if (!options->lock || session->inspect_only) return NULL;
  rung_status *status = rung__lock_compare(session, options->lock);
  if (!status || !options->lock_warns || rung_status_code(status) != RUNG_CONTRACT) return status;
  const char *words = rung_status_message(status);
  rung_log_line(&session->env->log, RUNG_LOG_WARNING, "%s", words);
  session->plan.lock_difference = rung_arena_copy(&session->arena, words, strlen(words));
  rung_status_free(status);
  return session->plan.lock_difference ? NULL : rung_status_out_of_memory();
}

/* The contract is held against claims, before a weight is touched, and again against what compiled. */
static rung_status *make(rung_session *session, const rung_session_options *options) {
  RUNG_TRY(open_chain(session, options));
  RUNG_TRY(build_graph(session, options));
  RUNG_TRY(rung__pin_nodes(session, options->pins, options->pin_count));
  RUNG_TRY(rung__place(session));
  RUNG_TRY(rung__cut_islands(session));
  RUNG_TRY(rung__plan_make(session));
  RUNG_TRY(check_contract(session));
  if (options->plan_only || options->inspect_only) return check_lock(session, options);
  RUNG_TRY(rung__compile(session));
  session->compiled = true;
  RUNG_TRY(rung__plan_make(session));
  RUNG_TRY(check_contract(session));
  return check_lock(session, options);
}

rung_status *rung__session_create(rung_env *env, rung_model *model, const rung_session_options *options,
                                  rung_session **out_session) {
  rung_session *session = rung_alloc(env->allocator, 1, sizeof *session, "session");
  RUNG_CHECK_ALLOC(session);
  session->env = rung__env_retain(env);
  session->model = rung_model_retain(model);
  session->max_loop_trips = options->max_loop_trips ? options->max_loop_trips : 100000000;
  session->max_bytes = options->max_bytes;
  session->inspect_only = options->inspect_only != 0;
  session->progress = options->progress;
  session->progress_user = options->progress_user;
  pthread_mutex_init(&session->gate_lock, NULL);
  pthread_cond_init(&session->gate, NULL);
  rung__profile_init(&session->profile, env->allocator);
  rung_arena_init(&session->arena, env->allocator);
  rung_chain_init(&session->chain, env->allocator);
  rung__host_init(session, options);
  if (!options->has_seed) session->host.seed = rung_os_now_ns();
  rung_status *status = make(session, options);
  if (status)
    rung__session_free(session);
  else
    *out_session = session;
  return status;
}

void rung__session_free(rung_session *session) {
  if (!session) return;
  rung__free_programs(session);
  for (size_t i = 0; i < session->chain.links.count; i++)
    if (session->chain.links.at[i].provider) session->chain.links.at[i].api->close(session->chain.links.at[i].provider);
  rung_ir_free(&session->ir);
  rung_env *env = session->env;
  rung_vec_free(env->allocator, &session->refusals);
  rung_contract_finish(&session->contract, env->allocator);
  rung_chain_finish(&session->chain);
  rung_arena_finish(&session->arena);
  rung__profile_finish(&session->profile);
  pthread_cond_destroy(&session->gate);
  pthread_mutex_destroy(&session->gate_lock);
  rung_model_release(session->model);
  rung_free(env->allocator, session);
  rung__env_release(env);
}
