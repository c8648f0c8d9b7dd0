/* The same as terse.c, step by step, with what a real program adds: a chain with an optional provider, the plan, a log,
 * memory of its own for the output, a deadline.
 *
 * usage: explained MODEL [CHAIN]        CHAIN: "openvino?,cpu" when left out */
#include "rung.h"

#include <stdio.h>
#include <stdlib.h>

/* Log lines come one at a time, without newline, from any thread. A provider that is skipped is a warning here. */
static void print_line(void *user, rung_log_level level, const char *line) {
  static const char *const names[] = {"debug", "info", "warning", "error"};
  (void)user;
  fprintf(stderr, "[%s] %s\n", names[level], line);
}

/* A status says what, where and the remedy; its code says what a program could do next. */
static void stop_on(rung_status *status) {
  if (!status) return;
  fprintf(stderr, "%s: %s\nnext: %s\n", rung_code_name(rung_status_code(status)), rung_status_message(status),
          rung_code_advice(rung_status_code(status)));
  rung_status_free(status);
  exit(1);
}

/* 1. The environment holds what everything shares: threads, memory, providers. One per process is usual. */
static rung_env *make_environment(void) {
  rung_env_options options;
  rung_env_options_init(&options);
  options.log = print_line;
  rung_env *env;
  stop_on(rung_env_create(&options, &env));
  return env;
}

/* 3. A session is a model and a chain. What the chain promises is kept or refused here, before anything runs:
 * a listed provider that cannot be used is an error unless it is marked with '?'. */
static rung_session *make_session(rung_env *env, rung_model *model, const char *chain) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.chain = chain;
  rung_session *session;
  stop_on(rung_session_create(env, model, &options, &session));
  return session;
}

/* 4. The plan says who runs what, and why not the others. */
static void print_plan(const rung_session *session) {
  const rung_plan *plan = rung_session_plan(session);
  for (size_t i = 0; i < plan->provider_count; i++) {
    const rung_plan_provider *p = &plan->providers[i];
    if (p->used)
      printf("%s runs %zu of %zu nodes\n", p->name, p->node_count, plan->node_count);
    else
      printf("%s is not used: %s\n", p->name, p->why);
  }
}

/* 5. Inputs: their names, types and shapes come from the session. Dimensions below 0 are open, we take 1. */
static rung_value *make_input(rung_env *env, const rung_session *session) {
  rung_slot slot;
  stop_on(rung_session_input(session, 0, &slot));
  int64_t dims[RUNG_MAX_RANK];
  for (int i = 0; i < slot.type->rank; i++) dims[i] = slot.type->dims[i] < 0 ? 1 : slot.type->dims[i];
  rung_value *input;
  stop_on(rung_value_create(env, slot.type->dtype, slot.type->rank, dims, &input));
  printf("input %s: %s of rank %d\n", slot.name, rung_dtype_name(slot.type->dtype), slot.type->rank);
  return input;
}

/* 6. A run. Outputs that are NULL become new values; values that are given (rung_value_create_view over memory of your
 * own, say) are filled. One session may run in many threads at once. */
static void run(rung_session *session, rung_value *input) {
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 10000000000u; /* ten seconds */
  size_t count = rung_session_output_count(session);
  rung_value **outputs = calloc(count, sizeof *outputs);
  if (!outputs) exit(1);
  stop_on(rung_session_run(session, &options, &input, 1, outputs, count));
  for (size_t i = 0; i < count; i++) {
    rung_slot slot;
    stop_on(rung_session_output(session, i, &slot));
    const rung_tensor *tensor = rung_value_tensor(outputs[i]);
    if (tensor)
      printf("output %s: %zu elements, the first is %g\n", slot.name, rung_tensor_count(tensor),
             rung_tensor_get(tensor, 0));
    rung_value_release(outputs[i]);
  }
  free(outputs);
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: explained MODEL [CHAIN]\n"), 2;
  rung_env *env = make_environment();
  rung_model *model; /* 2. A model is immutable; sessions share it, and its weights stay in the file's mapping. */
  stop_on(rung_model_load(env, argv[1], NULL, &model));
  rung_session *session = make_session(env, model, argc > 2 ? argv[2] : "openvino?,cpu");
  print_plan(session);
  rung_value *input = make_input(env, session);
  run(session, input);
  rung_value_release(input); /* 7. In any order: objects keep alive what they need. */
  rung_session_destroy(&session);
  rung_model_destroy(&model);
  rung_env_destroy(&env);
  return 0;
}
