#include "session/choose.h"

#include "base/os.h"
#include "session/agreement.h"
#include "session/noise.h"
#include "session/race.h"

#include <stdio.h>

static const char reference[] = "cpu";  /* whose outputs are right */
static const double race_seconds = 0.5; /* of each candidate */
static const rung_tolerance allowed = {.rtol = 1e-3, .atol = 1e-5, .values = 1};

/* The model and what it is fed */

static rung_status *look_at_model(chooser *c) {
  rung_session_options options = *c->options;
  options.chain = reference;
  options.provider_options = NULL;
  options.provider_option_count = options.pin_count = 0;
  options.contract = options.lock = options.figures = options.cache_folder = NULL;
  options.inspect_only = 1;
  return rung__instance_plan(c->env, c->model, &options, NULL, &c->look);
}

static rung_status *draw_input(chooser *c, const rung_value_info *info, rung_value **out_value) {
  int64_t dims[RUNG_MAX_RANK];
  const rung_type *type = &info->type;
  RUNG_REQUIRE(type->kind == RUNG_TENSOR && type->rank >= 0, INVALID_ARGUMENT,
               "chain auto: input \"%s\" is no tensor of a known rank, and cannot be drawn; give auto_inputs",
               info->name);
  for (int32_t d = 0; d < type->rank; d++) dims[d] = RUNG_IS_SYMBOL(type->dims[d]) ? 1 : type->dims[d];
  RUNG_TRY(rung_value_new_tensor(c->env->allocator, type->dtype, type->rank, dims, out_value));
  const rung_tensor *tensor = &(*out_value)->tensor;
  if (type->dtype != RUNG_STRING && tensor->size) memset(tensor->data, 0, tensor->size);
  rung__tensor_randomize(tensor, info->name, c->options->has_seed ? c->options->seed : 0);
  return NULL;
}

static rung_status *get_inputs(chooser *c) {
  const rung_graph *graph = c->look->ir->graph;
  const rung_session_options *o = c->options;
  RUNG_REQUIRE(!o->auto_inputs || o->auto_input_count == graph->input_count, INVALID_ARGUMENT,
               "chain auto: there are %zu auto_inputs, and the model has %u", o->auto_input_count,
               (unsigned)graph->input_count);
  c->output_count = graph->output_count;
  c->inputs = rung_alloc(c->env->allocator, RUNG_MAX(graph->input_count, 1), sizeof *c->inputs, "inputs");
  RUNG_CHECK_ALLOC(c->inputs);
  for (uint32_t i = 0; i < graph->input_count; i++) {
    if (o->auto_inputs)
      c->inputs[i] = rung_value_retain(o->auto_inputs[i]);
    else
      RUNG_TRY(draw_input(c, graph->inputs[i], &c->inputs[i]));
    RUNG_REQUIRE(c->inputs[i], INVALID_ARGUMENT, "chain auto: auto_inputs lack a value for \"%s\"",
                 graph->inputs[i]->name);
  }
  return NULL;
}

/* Candidates */

rung_status *rung__choose_options(chooser *c, const rung_provider_api *api, rung_option **out_list, size_t *out_count) {
  const rung_session_options *o = c->options;
  rung_option *list = rung_arena_alloc(&c->arena, o->provider_option_count, sizeof *list);
  RUNG_CHECK_ALLOC(list);
  *out_list = list;
  *out_count = 0;
  for (size_t i = 0; i < o->provider_option_count; i++) {
    const rung_provider_api *whose;
    RUNG_TRY(rung_registry_find(&c->env->registry, rung_str_of(o->provider_options[i].provider), &whose));
    if (whose == api) list[(*out_count)++] = (rung_option){o->provider_options[i].key, o->provider_options[i].value};
  }
  return NULL;
}

/* What cannot be put down to a candidate. */
static bool is_final(const rung_status *status) {
  rung_code code = rung_status_code(status);
  return code == RUNG_CANCELLED || code == RUNG_OUT_OF_MEMORY;
}

/* Is it an item of a chain without options? */
static bool lists(const char *chain, const char *name) {
  size_t size = strlen(name);
  for (const char *at = chain; at; at = strchr(at, ','), at += at != NULL)
    if (strncmp(at, name, size) == 0 && (!at[size] || at[size] == ',')) return true;
  return false;
}

/* The user's options for a session on this chain, as far as they speak of its providers. */
static rung_status *fit_options(chooser *c, const char *chain, rung_session_options *options) {
  rung_provider_option *kept = rung_arena_alloc(&c->arena, options->provider_option_count, sizeof *kept);
  size_t count = 0;
  RUNG_CHECK_ALLOC(kept);
  for (size_t i = 0; i < options->provider_option_count; i++) {
    const rung_provider_api *whose;
    RUNG_TRY(rung_registry_find(&c->env->registry, rung_str_of(options->provider_options[i].provider), &whose));
    if (lists(chain, whose->name)) kept[count++] = options->provider_options[i];
  }
  options->chain = chain;
  options->provider_options = kept;
  options->provider_option_count = count;
  options->auto_inputs = NULL;
  return NULL;
}

static rung_status *make_session(chooser *c, const char *chain, rung_session_options options, rung_session **out) {
  RUNG_TRY(fit_options(c, chain, &options));
  return rung__session_make(c->env, c->model, &options, out);
}

/* To be measured. */
static rung_status *make_candidate(chooser *c, const char *chain, rung_session **out) {
  rung_session_options options = *c->options;
  options.background_compile = options.plan_only = 0;
  return make_session(c, chain, options, out);
}

static rung_status *add_candidate(chooser *c, const char *chain, rung_session *session, rung_status *status) {
  candidate one = {.chain = chain, .session = session};
  if (is_final(status)) return status;
  if (status) {
    const char *words = rung_status_message(status);
    one.words = rung_arena_copy(&c->arena, words, strlen(words));
    rung_status_free(status);
    RUNG_CHECK_ALLOC(one.words);
  }
  if (rung_vec_push(c->env->allocator, &c->candidates, one)) return NULL;
  rung__session_free(session);
  return rung_status_out_of_memory();
}

/* Does a provider claim anything of the model? */
static rung_status *claims_some(chooser *c, const char *name, bool *out_some) {
  rung_session_options options = *c->options;
  rung_instance *instance;
  RUNG_TRY(fit_options(c, name, &options));
  options.contract = options.lock = options.figures = options.cache_folder = NULL;
  options.pin_count = 0;
  options.inspect_only = 1;
  RUNG_TRY(rung__instance_plan(c->env, c->model, &options, NULL, &instance));
  *out_some = instance->chain.links.at[0].placed > 0;
  rung__instance_free(instance);
  return NULL;
}

/* Alone, or where that leaves nodes without a provider, before cpu. Who can run no node is no candidate. */
static rung_status *add_provider(chooser *c, const rung_provider_api *api) {
  rung_option *list;
  size_t count;
  rung_report report;
  rung_state failed;
  rung_session *session = NULL;
  if (strcmp(api->name, reference) == 0) return NULL;
  RUNG_TRY(rung__choose_options(c, api, &list, &count));
  RUNG_TRY(rung_registry_probe(api, &c->look->host, list, count, &c->arena, &report));
  if (rung_report_first_failure(&report, &failed)) return NULL;
  const char *chain = api->name;
  rung_status *status = make_candidate(c, chain, &session);
  if (rung_status_code(status) == RUNG_UNSUPPORTED) {
    bool some;
    rung_status_free(status);
    RUNG_TRY(claims_some(c, api->name, &some));
    if (!some) return NULL;
    chain = rung_arena_printf(&c->arena, "%s,%s", api->name, reference);
    RUNG_CHECK_ALLOC(chain);
    status = make_candidate(c, chain, &session);
  }
  return add_candidate(c, chain, session, status);
}

static rung_status *list_candidates(chooser *c) {
  rung_session *session = NULL;
  rung_status *status = make_candidate(c, reference, &session);
  RUNG_TRY(add_candidate(c, reference, session, status));
  for (size_t i = 0; i < c->env->registry.count; i++) RUNG_TRY(add_provider(c, c->env->registry.providers[i]));
  return NULL;
}

/* The guard */

static rung_status *put_out(chooser *c, candidate *one, const char *words) {
  one->words = rung_arena_copy(&c->arena, words, strlen(words));
  return one->words ? NULL : rung_status_out_of_memory();
}

static rung_status *run_first(chooser *c, candidate *one) {
  rung_run_options options;
  rung_run_options_init(&options);
  options.cancel = c->options->cancel;
  one->outputs = rung_alloc(c->env->allocator, RUNG_MAX(c->output_count, 1), sizeof *one->outputs, "outputs");
  RUNG_CHECK_ALLOC(one->outputs);
  rung_status *status = rung__session_run(one->session, &options, c->inputs, c->look->ir->graph->input_count,
                                          one->outputs, c->output_count);
  if (!status || is_final(status)) return status;
  status = rung_status_prefix(status, "its run failed");
  rung_status *out = put_out(c, one, rung_status_message(status));
  rung_status_free(status);
  return out;
}

static rung_status *hold_against(chooser *c, candidate *one, const candidate *right) {
  for (size_t i = 0; i < c->output_count; i++) {
    rung_difference d = {.cosine = 1};
    const rung_value *got = one->outputs[i], *want = right->outputs[i];
    if ((!got && !want) || (got && want && rung__value_agrees(got, want, &allowed, &d))) continue;
    const char *words =
        rung_arena_printf(&c->arena, "output \"%s\" differs from that of %s: %s", c->look->ir->graph->outputs[i]->name,
                          right->chain, d.words[0] ? d.words : "it is missing");
    return words ? put_out(c, one, words) : rung_status_out_of_memory();
  }
  return NULL;
}

/* What is right by cpu, also where the user's demands put it out. */
static rung_status *make_judge(chooser *c, candidate *judge) {
  rung_session_options options = *c->options;
  options.contract = options.lock = options.figures = NULL;
  options.pin_count = 0;
  options.background_compile = options.plan_only = 0;
  rung_status *status = make_session(c, reference, options, &judge->session);
  if (status && !is_final(status)) {
    rung_status_free(status);
    return put_out(c, judge, "it cannot be made");
  }
  return status ? status : run_first(c, judge);
}

/* Where cpu cannot run the model at all, outputs are held against the first candidate that can. */
static rung_status *guard(chooser *c) {
  const candidate *right = NULL;
  if (c->candidates.at[0].words) RUNG_TRY(make_judge(c, &c->judge));
  if (c->judge.session && !c->judge.words) right = &c->judge;
  for (size_t i = 0; i < c->candidates.count; i++) {
    candidate *one = &c->candidates.at[i];
    if (one->words) continue;
    RUNG_TRY(run_first(c, one));
    if (!one->words && right) RUNG_TRY(hold_against(c, one, right));
    if (!one->words && !right) right = one;
  }
  return NULL;
}

/* The race */

static int tell(void *user, const char *stage, uint64_t done, uint64_t total) {
  const chooser *c = user;
  rung_compiling now = {.struct_size = sizeof now,
                        .provider = "auto",
                        .stage = stage,
                        .island_count = 1,
                        .done = done,
                        .total = total,
                        .percent = 100 * (double)done / (double)total,
                        .elapsed_ns = rung_os_now_ns() - c->began};
  int stop = c->options->progress && c->options->progress(c->options->progress_user, stage, done, total);
  if (c->options->compiling && c->options->compiling(c->options->compiling_user, &now)) stop = 1;
  return stop;
}

/* Why the best is the best; `lanes` are of the candidates that ran, in order. */
static rung_status *explain(chooser *c, const candidate *best, const rung_lane *lane_of_best, const rung_lane *lanes) {
  rung_text text;
  rung_text_init(&text, c->env->allocator);
  rung_text_printf(&text, "median %.3g ms a run", best->ns / 1e6);
  for (size_t i = 0, lane = 0; i < c->candidates.count; i++) {
    const candidate *one = &c->candidates.at[i];
    const rung_lane *its = one->words ? NULL : &lanes[lane++];
    double ratio;
    if (one == best) continue;
    if (!its) {
      rung_text_printf(&text, "; %s is out: %s", one->chain, one->words);
      continue;
    }
    bool faster = rung__lane_is_faster(lane_of_best, its, NULL, NULL);
    rung__lane_is_faster(its, lane_of_best, &ratio, NULL);
    rung_text_printf(&text, "; %s takes %.2f of its time%s", one->chain, ratio,
                     faster ? "" : ", which is no reason to change");
  }
  c->words = text.failed ? NULL : rung_arena_copy(&c->arena, text.data, text.size);
  rung_text_finish(&text);
  return c->words ? NULL : rung_status_out_of_memory();
}

static rung_status *nobody(chooser *c) {
  rung_text text;
  rung_text_init(&text, c->env->allocator);
  for (size_t i = 0; i < c->candidates.count; i++)
    rung_text_printf(&text, "%s%s: %s", i ? "; " : "", c->candidates.at[i].chain, c->candidates.at[i].words);
  rung_status *status = text.failed ? rung_status_out_of_memory()
                                    : RUNG_ERROR(UNAVAILABLE, "chain auto: no provider runs the model: %s", text.data);
  rung_text_finish(&text);
  return status;
}

/* Of those that are not out. */
static rung_status *run_race(chooser *c, rung_lane *lanes, size_t count, candidate **in) {
  rung_value *const *sets[] = {c->inputs};
  rung_race_options options = {.struct_size = sizeof options};
  options.inputs = sets;
  options.set_count = 1;
  options.input_count = c->look->ir->graph->input_count;
  options.seconds = race_seconds;
  options.cancel = c->options->cancel;
  options.progress = tell;
  options.progress_user = c;
  RUNG_TRY(rung__race(&options, lanes, count));
  for (size_t i = 0; i < count; i++) in[i]->ns = lanes[i].median * 1e9;
  size_t best = rung__race_best(lanes, count);
  c->chain = in[best]->chain;
  return explain(c, in[best], &lanes[best], lanes);
}

static rung_status *measure(chooser *c) {
  size_t count = 0, most = c->candidates.count;
  rung_lane *lanes = rung_arena_alloc(&c->arena, most, sizeof *lanes);
  candidate **in = rung_arena_alloc(&c->arena, most, sizeof *in);
  RUNG_CHECK_ALLOC(lanes);
  RUNG_CHECK_ALLOC(in);
  for (size_t i = 0; i < most; i++)
    if (!c->candidates.at[i].words) {
      lanes[count].session = c->candidates.at[i].session;
      in[count++] = &c->candidates.at[i];
    }
  return count ? run_race(c, lanes, count, in) : nobody(c);
}

static rung_status *choose(chooser *c) {
  RUNG_TRY(list_candidates(c));
  RUNG_TRY(guard(c));
  RUNG_TRY(measure(c));
  return rung__record_write(c);
}

/* The session */

static const char *keep(rung_session *session, const char *text) {
  return text ? rung_arena_copy(&session->arena, text, strlen(text)) : NULL;
}

/* Says in the session's plans and journal what was chosen. */
static rung_status *announce(chooser *c, rung_session *session) {
  rung_plan_chosen *chosen = rung_arena_alloc(&session->arena, 1, sizeof *chosen);
  rung_plan_candidate *list = rung_arena_alloc(&session->arena, c->candidates.count, sizeof *list);
  RUNG_CHECK_ALLOC(chosen);
  RUNG_CHECK_ALLOC(list);
  for (size_t i = 0; i < c->candidates.count; i++) {
    const candidate *one = &c->candidates.at[i];
    list[i] = (rung_plan_candidate){keep(session, one->chain), one->ns, keep(session, one->words)};
    if (!list[i].chain || (one->words && !list[i].words)) return rung_status_out_of_memory();
  }
  *chosen = (rung_plan_chosen){keep(session, c->chain),  keep(session, c->words), c->remembered,
                               keep(session, c->unkept), c->candidates.count,     list};
  if (!chosen->chain || !chosen->words) return rung_status_out_of_memory();
  rung__session_announce(session, chosen);
  return NULL;
}

static void drop_candidate(chooser *c, candidate *one) {
  for (size_t k = 0; one->outputs && k < c->output_count; k++) rung_value_release(one->outputs[k]);
  rung_free(c->env->allocator, one->outputs);
  rung__session_free(one->session);
  *one = (candidate){.chain = one->chain};
}

static void drop_candidates(chooser *c) {
  for (size_t i = 0; i < c->candidates.count; i++) drop_candidate(c, &c->candidates.at[i]);
  drop_candidate(c, &c->judge);
  c->candidates.count = 0;
}

/* The winner's own session, or where it is only to plan, one like it. */
static rung_status *take_session(chooser *c, rung_session **out) {
  for (size_t i = 0; i < c->candidates.count && !c->options->plan_only; i++) {
    candidate *one = &c->candidates.at[i];
    if (!one->session || one->words || strcmp(one->chain, c->chain) != 0) continue;
    *out = one->session;
    one->session = NULL;
    return NULL;
  }
  return make_session(c, c->chain, *c->options, out);
}

/* What is remembered, while it still holds. */
static rung_status *recall(chooser *c, rung_session **out) {
  RUNG_TRY(rung__record_read(c));
  rung_status *status = c->remembered ? make_session(c, c->chain, *c->options, out) : NULL;
  if (!status || is_final(status)) return status;
  rung_log_line(&c->env->log, RUNG_LOG_WARNING, "chain auto: %s, which was chosen before, cannot be used: %s", c->chain,
                rung_status_message(status));
  rung_status_free(status);
  drop_candidates(c);
  c->remembered = false;
  return NULL;
}

static rung_status *make(chooser *c, rung_session **out) {
  RUNG_REQUIRE(!c->options->inspect_only && !c->options->offline, INVALID_ARGUMENT,
               "chain auto is chosen by running it here, which an offline or inspecting session does not");
  RUNG_TRY(look_at_model(c));
  RUNG_TRY(get_inputs(c));
  RUNG_TRY(rung__record_open(c));
  RUNG_TRY(recall(c, out));
  if (!*out) RUNG_TRY(choose(c));
  if (!*out) RUNG_TRY(take_session(c, out));
  return announce(c, *out);
}

rung_status *rung__choose_session(rung_env *env, rung_model *model, const rung_session_options *options,
                                  rung_session **out_session) {
  chooser c = {.env = env, .model = model, .options = options, .began = rung_os_now_ns()};
  rung_session *session = NULL;
  rung_arena_init(&c.arena, env->allocator);
  rung__fields_init(&c.fields, env->allocator);
  rung__store_open_none(&c.store, env->allocator);
  rung_status *status = make(&c, &session);
  drop_candidates(&c);
  rung_vec_free(env->allocator, &c.candidates);
  rung__record_close(&c);
  for (size_t i = 0; c.inputs && i < c.look->ir->graph->input_count; i++) rung_value_release(c.inputs[i]);
  rung_free(env->allocator, c.inputs);
  rung__instance_free(c.look);
  rung_arena_finish(&c.arena);
  if (status)
    rung__session_free(session);
  else
    *out_session = session;
  return status;
}
