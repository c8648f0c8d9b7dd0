/* Every public function: arguments are checked here, the work is done inside. */
#include "base/element.h"
#include "base/file.h"
#include "base/str.h"
#include "graph/graph_write.h"
#include "model/model_facts.h"
#include "model/writer.h"
#include "picture/picture.h"
#include "rung.h"
#include "session/background.h"
#include "session/agreement.h"
#include "session/cache.h"
#include "session/compile_job.h"
#include "session/describe.h"
#include "session/execute.h"
#include "session/figures.h"
#include "session/lock.h"
#include "session/noise.h"
#include "session/race.h"
#include "session/session.h"

#include <math.h>
#include <stdlib.h>

#define NEED(argument) RUNG_REQUIRE(argument, INVALID_ARGUMENT, "%s: argument \"%s\" is NULL", __func__, #argument)
#define NEED_SIZE(options, type)                                                                                    \
  RUNG_REQUIRE(                                                                                                     \
      (options)->struct_size == sizeof(type), INVALID_ARGUMENT,                                                     \
      "%s: struct_size of %s is %zu, not %zu: not set by its init function, or built for another version of rung?", \
      __func__, #type, (options)->struct_size, sizeof(type))

const char *rung_version(void) { return "0.1.0"; }

void rung_text_free(char *text) { free(text); }

/* Text for the caller: from malloc, so that rung_text_free needs no environment. */
static rung_text *start_text(rung_text *text) {
  rung_text_init(text, &rung_system_allocator);
  return text;
}

static rung_status *hand_out_text(rung_status *status, rung_text *text, char **out_text) {
  if (status) {
    rung_text_finish(text);
    return status;
  }
  *out_text = text->data;
  return NULL;
}

/* Element types */

rung_dtype rung_dtype_by_name(const char *name) { return name ? rung_dtype_parse(rung_str_of(name)) : RUNG_UNDEFINED; }

const char *rung_dtype_numpy(rung_dtype dtype) {
  const rung_dtype_info *info = rung_dtype_facts(dtype);
  return info ? info->numpy : "";
}

static bool has_element(const rung_tensor *tensor, size_t index) {
  return tensor && !tensor->memory && index < rung_tensor_count(tensor);
}

double rung_tensor_get(const rung_tensor *tensor, size_t index) {
  return has_element(tensor, index) ? rung_element_get(tensor->dtype, tensor->data, index) : NAN;
}

void rung_tensor_set(const rung_tensor *tensor, size_t index, double value) {
  if (has_element(tensor, index)) rung_element_set(tensor->dtype, tensor->data, index, value);
}

/* Environment */

void rung_env_options_init(rung_env_options *options) {
  *options = (rung_env_options){.struct_size = sizeof *options, .log_level = RUNG_LOG_WARNING};
}

rung_status *rung_env_create(const rung_env_options *options, rung_env **out_env) {
  NEED(out_env);
  rung_env_options defaults;
  rung_env_options_init(&defaults);
  if (options) NEED_SIZE(options, rung_env_options);
  return rung__env_create(options ? options : &defaults, out_env);
}

void rung_env_destroy(rung_env **env) {
  if (!env) return;
  rung_env_settle(*env);
  rung__env_release(*env);
  *env = NULL;
}

void rung_env_settle(rung_env *env) {
  if (env) rung__jobs_join(env);
}

rung_status *rung_env_load_provider(rung_env *env, const char *path) {
  NEED(env);
  NEED(path);
  return rung_registry_load(&env->registry, path);
}

rung_status *rung_env_add_provider(rung_env *env, const rung_provider_api *api) {
  NEED(env);
  NEED(api);
  return rung_registry_add(&env->registry, api);
}

const rung_provider_api *rung_env_provider_api(const rung_env *env, size_t index) {
  return env && index < env->registry.count ? env->registry.providers[index] : NULL;
}

size_t rung_env_provider_count(const rung_env *env) { return env ? env->registry.count : 0; }

rung_status *rung_env_provider(rung_env *env, size_t index, const rung_provider_info **out_info) {
  NEED(env);
  NEED(out_info);
  return rung__env_probe(env, index, out_info);
}

rung_status *rung_env_providers_json(rung_env *env, char **out_text) {
  NEED(env);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__providers_json(env, start_text(&text)), &text, out_text);
}

rung_status *rung_env_ops_json(rung_env *env, char **out_text) {
  NEED(env);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__ops_json(env, start_text(&text)), &text, out_text);
}

size_t rung_env_op_count(const rung_env *env) {
  size_t count = 0;
  if (env) rung_op_all(&count);
  return count;
}

rung_status *rung_env_op(const rung_env *env, size_t index, rung_op_info *out_info) {
  NEED(env);
  NEED(out_info);
  NEED_SIZE(out_info, rung_op_info);
  size_t count;
  const rung_op *const *ops = rung_op_all(&count);
  RUNG_REQUIRE(index < count, INVALID_ARGUMENT, "there is no operator %zu", index);
  *out_info = (rung_op_info){.struct_size = sizeof *out_info,
                             .domain = ops[index]->domain,
                             .name = ops[index]->name,
                             .since = ops[index]->since,
                             .newest = rung_op_newest(ops[index]->domain),
                             .driven = (rung_op_meaning(ops[index])->flags & RUNG_OP_CONTROL) != 0,
                             .expanded = (rung_op_meaning(ops[index])->flags & RUNG_OP_EXPANDS) != 0};
  return NULL;
}

int rung_env_op_support(const rung_env *env, size_t index, size_t provider, char *types, size_t size) {
  size_t count;
  const rung_op *const *ops = rung_op_all(&count);
  if (!env || index >= count || provider >= env->registry.count) return 0;
  return rung__op_support(env->registry.providers[provider], ops[index], types, size);
}

/* Models */

void rung_model_config_init(rung_model_config *config) { *config = (rung_model_config){.struct_size = sizeof *config}; }

static rung_model_options model_options(const rung_model_config *config) {
  rung_model_options options = {.limits = rung_model_limits_default};
  if (!config) return options;
  options.read_files = config->read_files != 0;
  options.external_folder = config->external_folder;
  if (config->max_nodes) options.limits.nodes = config->max_nodes;
  if (config->max_depth) options.limits.depth = config->max_depth;
  if (config->max_tensor_bytes) options.limits.tensor_bytes = config->max_tensor_bytes;
  return options;
}

rung_status *rung_model_load(rung_env *env, const char *path, const rung_model_config *config, rung_model **out_model) {
  NEED(env);
  NEED(path);
  NEED(out_model);
  if (config) NEED_SIZE(config, rung_model_config);
  RUNG_TRY(rung__env_check(env));
  rung_model_options options = model_options(config);
  return rung_model_open(env->allocator, &env->log, path, &options, out_model);
}

rung_status *rung_model_load_memory(rung_env *env, const void *data, size_t size, const rung_model_config *config,
                                    rung_model **out_model) {
  NEED(env);
  NEED(data);
  NEED(out_model);
  if (config) NEED_SIZE(config, rung_model_config);
  RUNG_TRY(rung__env_check(env));
  rung_model_options options = model_options(config);
  return rung_model_parse(env->allocator, &env->log, data, size, &options, out_model);
}

rung_status *rung_model_load_reader(rung_env *env, const rung_reader *reader, const rung_model_config *config,
                                    rung_model **out_model) {
  NEED(env);
  NEED(reader);
  NEED(out_model);
  NEED_SIZE(reader, rung_reader);
  NEED(reader->read);
  if (config) NEED_SIZE(config, rung_model_config);
  RUNG_TRY(rung__env_check(env));
  RUNG_REQUIRE(reader->size <= INT64_MAX, INVALID_ARGUMENT, "a model cannot have that many bytes");
  void *data = rung_alloc_data(env->allocator, (size_t)reader->size, "model");
  RUNG_CHECK_ALLOC(data);
  if (reader->size && reader->read(reader->user, 0, data, (size_t)reader->size)) {
    rung_free(env->allocator, data);
    return RUNG_ERROR(IO, "the reader could not give the model's bytes");
  }
  rung_model_options options = model_options(config);
  return rung_model_parse_owned(env->allocator, &env->log, data, (size_t)reader->size, &options, out_model);
}

void rung_model_destroy(rung_model **model) {
  if (!model) return;
  rung_model_release(*model);
  *model = NULL;
}

rung_status *rung_model_get_facts(const rung_model *model, rung_model_facts *out_facts) {
  NEED(model);
  NEED(out_facts);
  NEED_SIZE(out_facts, rung_model_facts);
  *out_facts = rung_model_count_facts(model);
  return NULL;
}

const char *rung_model_get_opset(const rung_model *model, size_t index, int64_t *out_version) {
  if (!model || index >= model->opset_count) return NULL;
  if (out_version) *out_version = model->opsets[index].version;
  return model->opsets[index].domain;
}

const char *rung_model_get_property(const rung_model *model, size_t index, const char **out_value) {
  if (!model || index >= model->property_count) return NULL;
  if (out_value) *out_value = model->properties[index].value;
  return model->properties[index].key;
}

/* Sessions */

/* A list of `count` elements, none of which lacks its member. */
#define NEED_LIST(options, list, count, member)                                                                  \
  do {                                                                                                           \
    RUNG_REQUIRE((options)->list || !(options)->count, INVALID_ARGUMENT, "%s is NULL, %s is %zu", #list, #count, \
                 (options)->count);                                                                              \
    for (size_t need_ = 0; need_ < (options)->count; need_++)                                                    \
      RUNG_REQUIRE((options)->list[need_] member, INVALID_ARGUMENT, "%s[%zu]%s is NULL", #list, need_, #member); \
  } while (0)

static rung_status *check_lists(const rung_session_options *options) {
  NEED_LIST(options, provider_options, provider_option_count, .provider);
  NEED_LIST(options, provider_options, provider_option_count, .key);
  NEED_LIST(options, provider_options, provider_option_count, .value);
  NEED_LIST(options, dimensions, dimension_count, .name);
  NEED_LIST(options, shapes, shape_count, .input);
  for (size_t i = 0; i < options->shape_count; i++)
    RUNG_REQUIRE(options->shapes[i].dims || options->shapes[i].rank == 0, INVALID_ARGUMENT, "shapes[%zu].dims is NULL",
                 i);
  NEED_LIST(options, pins, pin_count, .nodes);
  NEED_LIST(options, pins, pin_count, .provider);
  NEED_LIST(options, extra_outputs, extra_output_count, );
  NEED_LIST(options, auto_inputs, auto_input_count, );
  return NULL;
}

void rung_session_options_init(rung_session_options *options) {
  *options = (rung_session_options){.struct_size = sizeof *options};
}

rung_status *rung_session_create(rung_env *env, rung_model *model, const rung_session_options *options,
                                 rung_session **out_session) {
  NEED(env);
  NEED(model);
  NEED(out_session);
  RUNG_TRY(rung__env_check(env));
  rung_session_options defaults;
  rung_session_options_init(&defaults);
  if (options) {
    NEED_SIZE(options, rung_session_options);
    RUNG_TRY(check_lists(options));
  }
  return rung__session_create(env, model, options ? options : &defaults, out_session);
}

void rung_session_destroy(rung_session **session) {
  if (!session) return;
  rung__session_free(*session);
  *session = NULL;
}

/* The graph that tells about inputs and outputs, the same for all instances. */
static const rung_graph *graph_of(const rung_session *session) { return rung__session_instance(session)->ir->graph; }

size_t rung_session_input_count(const rung_session *session) { return session ? graph_of(session)->input_count : 0; }
size_t rung_session_output_count(const rung_session *session) { return session ? graph_of(session)->output_count : 0; }

static rung_status *fill_slot(const rung_session *session, const rung_value_info *info, rung_slot *out_slot) {
  *out_slot = (rung_slot){.name = info->name, .type = &info->type};
  for (int32_t i = 0; i < info->type.rank; i++)
    out_slot->dimension_names[i] = rung__dimension_name(rung__session_instance(session), info->type.dims[i]);
  return NULL;
}

rung_status *rung_session_input(const rung_session *session, size_t index, rung_slot *out_slot) {
  NEED(session);
  NEED(out_slot);
  RUNG_REQUIRE(index < graph_of(session)->input_count, INVALID_ARGUMENT, "there is no input %zu", index);
  return fill_slot(session, graph_of(session)->inputs[index], out_slot);
}

rung_status *rung_session_output(const rung_session *session, size_t index, rung_slot *out_slot) {
  NEED(session);
  NEED(out_slot);
  RUNG_REQUIRE(index < graph_of(session)->output_count, INVALID_ARGUMENT, "there is no output %zu", index);
  return fill_slot(session, graph_of(session)->outputs[index], out_slot);
}

const rung_plan *rung_session_plan(const rung_session *session) {
  return session ? &rung__session_instance(session)->plan : NULL;
}

rung_status *rung_session_plan_json(const rung_session *session, char **out_text) {
  NEED(session);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__plan_json(rung__session_instance(session), start_text(&text)), &text, out_text);
}

rung_status *rung_session_plan_lock(const rung_session *session, char **out_text) {
  NEED(session);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__lock_write(rung__session_instance(session), start_text(&text)), &text, out_text);
}

rung_status *rung_session_figures(const rung_session *session, char **out_text) {
  NEED(session);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__session_figures((rung_session *)session, start_text(&text)), &text, out_text);
}

const struct rung_graph *rung_session_graph(const rung_session *session) { return session ? graph_of(session) : NULL; }

const char *rung_session_dimension_name(const rung_session *session, int64_t dimension) {
  return session ? rung__dimension_name(rung__session_instance(session), dimension) : NULL;
}

rung_status *rung_session_graph_json(const rung_session *session, char **out_text) {
  NEED(session);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__graph_json(rung__session_instance(session), start_text(&text)), &text, out_text);
}

static rung_status *write_to_file(void *user, const void *data, size_t size) {
  return rung_file_write(user, &(rung_str){data, size}, 1, 0666);
}

rung_status *rung_session_save_model(const rung_session *session, const char *path) {
  NEED(session);
  NEED(path);
  rung_sink sink = {write_to_file, (void *)path};
  return rung_graph_write(graph_of(session), NULL, &sink);
}

/* Engine cache */

rung_status *rung_session_cache_json(const rung_session *session, char **out_text) {
  NEED(session);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__cache_session_json(rung__session_instance(session), start_text(&text)), &text, out_text);
}

rung_status *rung_cache_json(rung_env *env, const char *folder, int verify, char **out_text) {
  NEED(env);
  NEED(folder);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__cache_folder_json(env, folder, verify != 0, start_text(&text)), &text, out_text);
}

rung_status *rung_cache_clear(rung_env *env, const char *folder, const char *entry, uint64_t *out_count) {
  NEED(env);
  NEED(folder);
  uint64_t count = 0;
  RUNG_TRY(rung__cache_clear(env, folder, entry, &count));
  if (out_count) *out_count = count;
  return NULL;
}

/* Running */

void rung_run_options_init(rung_run_options *options) { *options = (rung_run_options){.struct_size = sizeof *options}; }

rung_status *rung_session_run(rung_session *session, const rung_run_options *options, rung_value *const *inputs,
                              size_t input_count, rung_value **outputs, size_t output_count) {
  NEED(session);
  RUNG_REQUIRE(inputs || !input_count, INVALID_ARGUMENT, "inputs are NULL");
  RUNG_REQUIRE(outputs || !output_count, INVALID_ARGUMENT, "outputs are NULL");
  RUNG_TRY(rung__env_check(session->env));
  rung_run_options defaults;
  rung_run_options_init(&defaults);
  if (options) NEED_SIZE(options, rung_run_options);
  return rung__session_run(session, options ? options : &defaults, inputs, input_count, outputs, output_count);
}

rung_status *rung_session_await(rung_session *session, const rung_run_options *options, rung_compiling_fn compiling,
                                void *user) {
  NEED(session);
  rung_run_options defaults;
  rung_run_options_init(&defaults);
  if (options) NEED_SIZE(options, rung_run_options);
  RUNG_TRY(rung__env_check(session->env));
  return rung__background_await(session, options ? options : &defaults, compiling, user);
}

void rung_race_options_init(rung_race_options *options) {
  *options = (rung_race_options){.struct_size = sizeof *options};
}

rung_status *rung_race(const rung_race_options *options, rung_lane *lanes, size_t count) {
  NEED(options);
  NEED_SIZE(options, rung_race_options);
  NEED(lanes || !count);
  for (size_t i = 0; i < count; i++) NEED(lanes[i].session);
  return rung__race(options, lanes, count);
}

int rung_lane_is_faster(const rung_lane *lane, const rung_lane *than, double *out_ratio, int *out_certain) {
  return lane && than && rung__lane_is_faster(lane, than, out_ratio, out_certain);
}

size_t rung_race_best(const rung_lane *lanes, size_t count) { return lanes ? rung__race_best(lanes, count) : count; }

size_t rung_session_journal_count(const rung_session *session) {
  return session ? rung__journal_count(&session->journal) : 0;
}

rung_status *rung_session_journal_entry(const rung_session *session, size_t index, rung_journal_entry *out_entry) {
  NEED(session);
  NEED(out_entry);
  RUNG_REQUIRE(rung__journal_entry(&session->journal, index, out_entry), INVALID_ARGUMENT,
               "there is no journal entry %zu", index);
  return NULL;
}

rung_status *rung_session_counters(const rung_session *session, rung_counters *out_counters) {
  NEED(session);
  NEED(out_counters);
  NEED_SIZE(out_counters, rung_counters);
  *out_counters = rung__journal_counters(&session->journal);
  return NULL;
}

rung_status *rung_session_journal_json(const rung_session *session, char **out_text) {
  NEED(session);
  NEED(out_text);
  rung_text text;
  return hand_out_text(rung__session_journal_json((rung_session *)session, start_text(&text)), &text, out_text);
}

size_t rung_session_profile_count(const rung_session *session) {
  return session ? rung__profile_count(&rung__session_profiled(session)->profile) : 0;
}

rung_status *rung_session_profile_event(const rung_session *session, size_t index, rung_profile_event *out_event) {
  NEED(session);
  NEED(out_event);
  NEED_SIZE(out_event, rung_profile_event);
  RUNG_REQUIRE(rung__profile_event(&rung__session_profiled(session)->profile, index, out_event), INVALID_ARGUMENT,
               "there is no event %zu in the profile", index);
  return NULL;
}

rung_status *rung_session_profile_json(const rung_session *session, char **out_text) {
  NEED(session);
  NEED(out_text);
  rung_text text;
  rung_text_init(&text, &rung_system_allocator);
  rung__profile_json(&rung__session_profiled(session)->profile, &text);
  return hand_out_text(text.failed ? rung_status_out_of_memory() : NULL, &text, out_text);
}

rung_status *rung_cancel_create(rung_env *env, rung_cancel **out_cancel) {
  NEED(env);
  NEED(out_cancel);
  rung_cancel *cancel = rung_alloc(env->allocator, 1, sizeof *cancel, "cancel");
  RUNG_CHECK_ALLOC(cancel);
  cancel->env = rung__env_retain(env);
  atomic_init(&cancel->flag, 0);
  *out_cancel = cancel;
  return NULL;
}

void rung_cancel_request(rung_cancel *cancel) {
  if (cancel) atomic_store_explicit(&cancel->flag, 1, memory_order_relaxed);
}

void rung_cancel_reset(rung_cancel *cancel) {
  if (cancel) atomic_store_explicit(&cancel->flag, 0, memory_order_relaxed);
}

void rung_cancel_destroy(rung_cancel **cancel) {
  if (!cancel || !*cancel) return;
  rung_env *env = (*cancel)->env;
  rung_free(env->allocator, *cancel);
  rung__env_release(env);
  *cancel = NULL;
}

/* Values */

rung_status *rung_value_create(rung_env *env, rung_dtype dtype, int32_t rank, const int64_t *dims,
                               rung_value **out_value) {
  NEED(env);
  NEED(out_value);
  RUNG_REQUIRE(dims || rank == 0, INVALID_ARGUMENT, "dims are NULL");
  RUNG_TRY(rung_value_new_tensor(env->allocator, dtype, rank, dims, out_value));
  if ((*out_value)->tensor.size) memset((*out_value)->tensor.data, 0, (*out_value)->tensor.size);
  return NULL;
}

rung_status *rung_value_create_view(rung_env *env, const rung_tensor *tensor, void (*release)(void *user, void *data),
                                    void *user, rung_value **out_value) {
  NEED(env);
  NEED(tensor);
  NEED(out_value);
  return rung_value_wrap(env->allocator, tensor, release, user, out_value);
}

rung_status *rung_value_create_strings(rung_env *env, int32_t rank, const int64_t *dims, const rung_str *strings,
                                       rung_value **out_value) {
  NEED(env);
  NEED(out_value);
  RUNG_REQUIRE(dims || rank == 0, INVALID_ARGUMENT, "dims are NULL");
  return rung_value_new_strings(env->allocator, rank, dims, strings, out_value);
}

rung_status *rung_value_create_compound(rung_env *env, rung_kind kind, rung_dtype dtype, rung_value *const *items,
                                        size_t count, rung_value **out_value) {
  NEED(env);
  NEED(out_value);
  bool fits = kind == RUNG_SEQUENCE || (kind == RUNG_OPTIONAL && count <= 1) || (kind == RUNG_MAP && count == 2);
  RUNG_REQUIRE(fits && (items || !count), INVALID_ARGUMENT, "%zu items do not make a value of kind %d", count,
               (int)kind);
  for (size_t i = 0; i < count; i++) NEED(items[i]);
  return rung_value_new_compound(env->allocator, kind, dtype, items, count, out_value);
}

rung_kind rung_value_kind(const rung_value *value) { return value ? value->kind : RUNG_NONE; }

const rung_tensor *rung_value_tensor(const rung_value *value) {
  return value && value->kind == RUNG_TENSOR ? &value->tensor : NULL;
}

size_t rung_value_item_count(const rung_value *value) { return value ? value->count : 0; }

rung_value *rung_value_item(const rung_value *value, size_t index) {
  return value && index < value->count ? value->items[index] : NULL;
}

int rung_value_agrees(const rung_value *got, const rung_value *want, const rung_tolerance *allowed,
                      rung_difference *out_difference) {
  static const rung_value nothing;
  return rung__value_agrees(got ? got : &nothing, want ? want : &nothing, allowed, out_difference);
}

void rung_tensor_randomize(const rung_tensor *tensor, const char *name, uint64_t seed) {
  if (tensor && !tensor->memory) rung__tensor_randomize(tensor, name, seed);
}

rung_status *rung_value_parse(rung_env *env, const void *data, size_t size, const rung_type *type,
                              rung_value **out_value) {
  NEED(env);
  NEED(out_value);
  RUNG_REQUIRE(data || !size, INVALID_ARGUMENT, "data is NULL");
  static const rung_type any_tensor = {.kind = RUNG_TENSOR, .rank = -1};
  return rung_model_read_value(env->allocator, data, size, type ? type : &any_tensor, out_value);
}

rung_status *rung_value_serialize(const rung_value *value, const char *name, char **out_data, size_t *out_size) {
  NEED(value);
  NEED(out_data);
  NEED(out_size);
  rung_text text;
  rung_status *status = rung_model_write_value(value, name, NULL, start_text(&text));
  if (!status && text.failed) status = rung_status_out_of_memory();
  if (!status) *out_size = text.size;
  return hand_out_text(status, &text, out_data);
}

/* Pictures */

const char *rung_picture_format(size_t index, const char **out_lacking) {
  return rung_picture_format_name(index, out_lacking);
}

const char *rung_picture_guess(const void *data, size_t size) {
  return data ? rung_picture_recognise(data, size) : NULL;
}

typedef struct picture_value {
  const rung_allocator *allocator;
  rung_value *value;
} picture_value;

static rung_status *begin_picture(void *context, size_t width, size_t height, uint8_t **out_pixels) {
  picture_value *p = context;
  const int64_t dims[3] = {(int64_t)height, (int64_t)width, 4};
  RUNG_TRY(rung_value_new_tensor(p->allocator, RUNG_U8, 3, dims, &p->value));
  *out_pixels = p->value->tensor.data;
  return NULL;
}

rung_status *rung_picture_decode(rung_env *env, const void *data, size_t size, rung_value **out_picture) {
  NEED(env);
  NEED(data);
  NEED(out_picture);
  picture_value picture = {env->allocator, NULL};
  const rung_picture_sink sink = {RUNG_PICTURE_RGBA, begin_picture, NULL, &picture};
  rung_status *status = rung_picture_read(env->allocator, data, size, &sink);
  if (status)
    rung_value_release(picture.value);
  else
    *out_picture = picture.value;
  return status;
}
