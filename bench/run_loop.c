/* Runs a model over and over, on command: for measuring beside a peer, in turns.
 *
 * usage: run_loop MODEL DATA_FOLDER THREADS [CHAIN]
 * Reads the inputs of DATA_FOLDER (input_<i>.pb), then for each line of standard input, a number of runs, prints the
 * shortest of them in nanoseconds. The first line printed is "load NS first NS". */
#include "rung.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void stop_on(rung_status *status) {
  if (!status) return;
  fprintf(stderr, "run_loop: %s\n", rung_status_message(status));
  exit(1);
}

static rung_value *read_input(rung_env *env, const char *folder, size_t index, const rung_type *type) {
  char path[1024];
  snprintf(path, sizeof path, "%s/input_%zu.pb", folder, index);
  FILE *file = fopen(path, "rb");
  if (!file) {
    fprintf(stderr, "run_loop: %s cannot be read\n", path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  char *data = malloc(size + 1);
  size = data ? fread(data, 1, size, file) : 0;
  fclose(file);
  rung_value *value;
  stop_on(rung_value_parse(env, data, size, type, &value));
  free(data);
  return value;
}

static double run_once(rung_session *session, rung_value **inputs, size_t in, rung_value **outputs, size_t out) {
  double began = now();
  stop_on(rung_session_run(session, NULL, inputs, in, outputs, out));
  double took = now() - began;
  for (size_t i = 0; i < out; i++) {
    rung_value_release(outputs[i]);
    outputs[i] = NULL;
  }
  return took;
}

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: run_loop MODEL DATA_FOLDER THREADS [CHAIN]\n"), 2;
  rung_env *env;
  rung_model *model;
  rung_session *session;
  rung_env_options env_options;
  rung_env_options_init(&env_options);
  env_options.threads = (uint32_t)atoi(argv[3]);
  rung_session_options options;
  rung_session_options_init(&options);
  options.chain = argc > 4 ? argv[4] : "cpu";
  double began = now();
  stop_on(rung_env_create(&env_options, &env));
  stop_on(rung_model_load(env, argv[1], NULL, &model));
  stop_on(rung_session_create(env, model, &options, &session));
  double load = now() - began;
  size_t in = rung_session_input_count(session), out = rung_session_output_count(session);
  rung_value **inputs = calloc(in + 1, sizeof *inputs), **outputs = calloc(out + 1, sizeof *outputs);
  for (size_t i = 0; i < in; i++) {
    rung_slot slot;
    stop_on(rung_session_input(session, i, &slot));
    inputs[i] = read_input(env, argv[2], i, slot.type);
  }
  printf("load %.0f first %.0f\n", load, run_once(session, inputs, in, outputs, out));
  fflush(stdout);
  int runs;
  while (scanf("%d", &runs) == 1) {
    double best = 1e300;
    for (int i = 0; i < runs; i++) {
      double took = run_once(session, inputs, in, outputs, out);
      if (took < best) best = took;
    }
    printf("%.0f\n", best);
    fflush(stdout);
  }
  return 0;
}
