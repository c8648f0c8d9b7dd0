/* rung bench, in parts: cmd_bench.c reads the command line, bench_run.c measures, bench_judge.c compares outputs and
 * recommends, bench_report.c shows. */
#ifndef RUNG_TOOL_BENCH_H
#define RUNG_TOOL_BENCH_H

#include "compare.h"
#include "input_sets.h"

typedef struct bench_args {
  int64_t warmup, runs, parallel;
  double seconds;
  const char *batches, *data, *html;
  tolerance allowed;
} bench_args;

enum { MOST_BATCHES = 32 };

/* What one chain took for one size of the batch. Times in seconds. */
typedef struct bench_result {
  int64_t batch; /* 0: not set */
  double first;
  rung_lane lane;
} bench_result;

/* One chain. All share the environment and the model. */
typedef struct bench_chain {
  const char *name;
  setup setup;
  double memory; /* bytes that its session and first runs added to the process */
  bench_result results[MOST_BATCHES];
  rung_value **outputs; /* [set][output], of its first runs */
  bool is_reference, agrees;
  difference apart; /* from the reference, the worst of all outputs */
} bench_chain;

typedef struct bench {
  const bench_args *args;
  const feed_args *feeding;
  setup *setup; /* environment and model */
  bench_chain *chains;
  size_t chain_count;
  int64_t batches[MOST_BATCHES];
  int batch_count;
  input_sets sets; /* of the batch that is measured */
  char *reference; /* what outputs are compared with, in words */
  rung_cancel *cancel;
  bool json;
  const bench_chain *best; /* NULL: none can be recommended */
  char *words;             /* why */
} bench;

/* Bytes of memory that the process holds by itself, files that it maps not counted; 0: unknown. */
double held_memory(void);
/* Measures all chains with b->sets (rung_race); into results[batch] of each. */
int bench_run(bench *b, int batch);
/* Compares what the chains' first runs gave. */
int bench_compare(bench *b);
/* Sets `best` and `words`. */
void bench_recommend(bench *b);
void bench_print(const bench *b);
int bench_json(const bench *b, const char *model);
int bench_page(const bench *b, const char *model, const char *path);

#endif
