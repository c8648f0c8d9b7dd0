/* Measuring: first runs, whose outputs are kept, then a race. */
#include "bench.h"
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double held_memory(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[128];
  double kilobytes = 0;
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, "RssAnon:", 8) == 0) kilobytes = strtod(line + 8, NULL);
  if (file) fclose(file);
  return kilobytes * 1024;
}

static int warm_up(bench *b, int batch) {
  for (size_t i = 0; i < b->chain_count; i++) {
    bench_chain *c = &b->chains[i];
    double before = held_memory();
    c->results[batch].batch = b->batches[batch];
    rung_value **outputs = batch == 0 ? get_memory(b->sets.count * b->sets.output_count, sizeof *outputs) : NULL;
    c->outputs = outputs ? outputs : c->outputs;
    for (size_t k = 0; k < b->sets.count; k++)
      TRY_STATUS(input_sets_run(&b->sets, k, c->setup.session, b->cancel,
                                outputs ? outputs + k * b->sets.output_count : NULL,
                                k ? NULL : &c->results[batch].first));
    for (int64_t k = 0; k < b->args->warmup; k++)
      TRY_STATUS(input_sets_run(&b->sets, (size_t)k % b->sets.count, c->setup.session, b->cancel, NULL, NULL));
    double grown = held_memory() - before;
    if (batch == 0 && grown > 0) c->memory += grown;
  }
  return 0;
}

static int tell(void *user, const char *stage, uint64_t done, uint64_t total) {
  (void)user, (void)stage;
  progress_tell(done, total);
  return 0;
}

int bench_run(bench *b, int batch) {
  TRY(warm_up(b, batch));
  rung_lane *lanes = get_memory(b->chain_count, sizeof *lanes);
  for (size_t i = 0; i < b->chain_count; i++) lanes[i].session = b->chains[i].setup.session;
  rung_race_options options;
  rung_race_options_init(&options);
  options.inputs = (rung_value *const *const *)b->sets.values;
  options.set_count = b->sets.count;
  options.input_count = b->sets.input_count;
  options.runs = (uint64_t)b->args->runs;
  options.seconds = b->args->seconds;
  options.parallel = (uint32_t)b->args->parallel;
  options.cancel = b->cancel;
  options.progress = tell;
  progress_begin("measuring");
  int code = fail_status(rung_race(&options, lanes, b->chain_count));
  progress_end();
  for (size_t i = 0; i < b->chain_count && !code; i++) b->chains[i].results[batch].lane = lanes[i];
  free(lanes);
  return code;
}
