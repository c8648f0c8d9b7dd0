/* Any bytes as a model, all the way: parsed, planned and compiled for the CPU, and run once on zeros; with little
 * memory, few trips and a short deadline, so that what a file asks for has an end. */
#include "rung.h"

#include <stdatomic.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Memory: no more than MOST bytes at once. Each block is preceded by its size. */
enum { MOST = 1 << 28, ROOM = 64 };
static _Atomic size_t used;

static void *give(void *user, size_t size, size_t align, const char *tag) {
  (void)user, (void)tag;
  if (align > ROOM || size > MOST || atomic_fetch_add(&used, size) > MOST - size) {
    if (align <= ROOM && size <= MOST) atomic_fetch_sub(&used, size);
    return NULL;
  }
  char *block = aligned_alloc(ROOM, (size + 2 * ROOM - 1) / ROOM * ROOM);
  if (!block) return NULL;
  *(size_t *)block = size;
  return block + ROOM;
}

static void take(void *user, void *block) {
  (void)user;
  char *start = (char *)block - ROOM;
  atomic_fetch_sub(&used, *(size_t *)start);
  free(start);
}

static rung_value *zeros(rung_env *env, const rung_type *type) {
  int64_t dims[RUNG_MAX_RANK];
  rung_value *value = NULL;
  if (type->kind != RUNG_TENSOR || type->rank < 0) return NULL;
  for (int32_t i = 0; i < type->rank; i++) dims[i] = type->dims[i] < 0 ? 2 : type->dims[i];
  rung_status_free(rung_value_create(env, type->dtype, type->rank, dims, &value));
  return value;
}

static void run(rung_env *env, rung_session *session) {
  enum { MOST_VALUES = 16 };
  rung_value *inputs[MOST_VALUES] = {0}, *outputs[MOST_VALUES] = {0};
  size_t in = rung_session_input_count(session), out = rung_session_output_count(session);
  if (in > MOST_VALUES || out > MOST_VALUES) return;
  for (size_t i = 0; i < in; i++) {
    rung_slot slot;
    rung_status_free(rung_session_input(session, i, &slot));
    inputs[i] = zeros(env, slot.type);
  }
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 1000000000;
  rung_status_free(rung_session_run(session, &options, inputs, in, outputs, out));
  for (size_t i = 0; i < out; i++) rung_value_release(outputs[i]);
  for (size_t i = 0; i < in; i++) rung_value_release(inputs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const rung_allocator allocator = {give, take, NULL};
  rung_env *env = NULL;
  rung_model *model = NULL;
  rung_session *session = NULL;
  rung_env_options env_options;
  rung_env_options_init(&env_options);
  env_options.allocator = &allocator;
  env_options.threads = 1;
  rung_model_config config;
  rung_model_config_init(&config);
  config.max_nodes = 200;
  config.max_depth = 30;
  config.max_tensor_bytes = 1 << 22;
  rung_session_options options;
  rung_session_options_init(&options);
  options.has_seed = 1;
  options.max_nodes = 500;
  options.max_loop_trips = 100;
  options.max_bytes = 1 << 26;
  rung_status *status = rung_env_create(&env_options, &env);
  if (!status) status = rung_model_load_memory(env, data, size, &config, &model);
  if (!status) status = rung_session_create(env, model, &options, &session);
  if (!status) run(env, session);
  rung_status_free(status);
  rung_session_destroy(&session);
  rung_model_destroy(&model);
  rung_env_destroy(&env);
  return 0;
}
