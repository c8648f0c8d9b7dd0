/* Measuring. A machine changes while it is measured (clock rates, neighbours), so chains are not measured one after the
 * other: rounds of some runs each take turns, every round begins with another chain, and what is compared are the
 * medians of one round. */
#include "bench.h"
#include "term.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROUNDS = 3 };

/* One thread that runs. `times` and `count` are its own until it is joined. */
typedef struct runner {
  const bench *bench;
  rung_session *session;
  pthread_t thread;
  size_t most;  /* runs; 0: until `until` */
  double until; /* read by all runners */
  double *times;
  size_t count;
  rung_status *status;
} runner;

/* The measurements of one chain. */
typedef struct series {
  double *times;
  size_t count;
  double seconds; /* that its rounds took */
  bench_result *out;
} series;

double held_memory(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[128];
  double kilobytes = 0;
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, "RssAnon:", 8) == 0) kilobytes = strtod(line + 8, NULL);
  if (file) fclose(file);
  return kilobytes * 1024;
}

static bool is_done(const runner *r) { return r->most ? r->count >= r->most : r->count > 0 && now() >= r->until; }

static void *run_until_done(void *context) {
  runner *r = context;
  while (!r->status && !is_done(r)) {
    r->times = grow_memory(r->times, r->count, sizeof *r->times);
    r->status = input_sets_run(&r->bench->sets, r->count % r->bench->sets.count, r->session, r->bench->cancel, NULL,
                               &r->times[r->count]);
    if (!r->status) r->count++;
  }
  return NULL;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* The least value that at least the share `p` of all are not above. */
static double percentile(const double *sorted, size_t count, double p) {
  size_t rank = (size_t)(p * (double)count);
  if ((double)rank < p * (double)count) rank++;
  return sorted[rank ? rank - 1 : 0];
}

void bench_ratios(const bench_result *of, const bench_result *by, double *out) {
  for (size_t i = 0; i < of->rounds; i++) out[i] = of->medians[i] / by->medians[i];
  qsort(out, of->rounds, sizeof *out, by_size);
}

static void add_times(series *s, const runner *r) {
  for (size_t i = 0; i < r->count; i++) {
    s->times = grow_memory(s->times, s->count, sizeof *s->times);
    s->times[s->count++] = r->times[i];
  }
}

/* One round of one chain, in as many threads as --parallel says. */
static int run_round(const bench *b, rung_session *session, size_t runs, double seconds, series *s) {
  size_t count = b->args->parallel > 0 ? (size_t)b->args->parallel : 1, started = 0, before = s->count;
  runner *runners = get_memory(count, sizeof *runners);
  double began = now();
  int code = 0;
  for (; started < count; started++) {
    runner *r = &runners[started];
    *r = (runner){.bench = b, .session = session, .most = runs, .until = began + seconds};
    if (pthread_create(&r->thread, NULL, run_until_done, r) == 0) continue;
    rung_cancel_request(b->cancel);
    code = fail(EXIT_OF(OUT_OF_MEMORY), "thread %zu of %zu cannot be started", started + 1, count);
    break;
  }
  for (size_t i = 0; i < started; i++) {
    pthread_join(runners[i].thread, NULL);
    if (code)
      rung_status_free(runners[i].status);
    else
      code = fail_status(runners[i].status);
    add_times(s, &runners[i]);
    free(runners[i].times);
  }
  s->seconds += now() - began;
  free(runners);
  if (code) return code;
  size_t fresh = s->count - before;
  double *sorted = get_memory(fresh, sizeof *sorted);
  memcpy(sorted, s->times + before, fresh * sizeof *sorted);
  qsort(sorted, fresh, sizeof *sorted, by_size);
  s->out->medians[s->out->rounds++] = percentile(sorted, fresh, 0.5);
  free(sorted);
  return 0;
}

static void summarize(const series *s, const bench_result *first, bench_result *out) {
  double ratios[MOST_ROUNDS];
  qsort(s->times, s->count, sizeof *s->times, by_size);
  out->runs = s->count;
  out->min = s->times[0];
  out->median = percentile(s->times, s->count, 0.5);
  out->p90 = percentile(s->times, s->count, 0.9);
  out->p99 = percentile(s->times, s->count, 0.99);
  out->per_second = (double)s->count / s->seconds;
  bench_ratios(out, first, ratios);
  out->ratio = percentile(ratios, out->rounds, 0.5);
  out->ratio_low = percentile(ratios, out->rounds, 0.25);
  out->ratio_high = percentile(ratios, out->rounds, 0.75);
}

/* With --runs as many rounds as runs, at most MOST_ROUNDS; else until the time is up. */
static int run_rounds(const bench *b, series *all) {
  size_t runs = (size_t)b->args->runs, most = runs && runs < MOST_ROUNDS ? runs : MOST_ROUNDS;
  size_t least = b->chain_count > 1 ? LEAST_ROUNDS : 1;
  double slice = b->args->seconds / MOST_ROUNDS, began = now();
  for (size_t r = 0; r < most; r++) {
    if (!runs && r >= least && now() - began > b->args->seconds * (double)b->chain_count) break;
    size_t mine = runs ? runs * (r + 1) / most - runs * r / most : 0;
    for (size_t k = 0; k < b->chain_count; k++) {
      size_t i = (r + k) % b->chain_count;
      TRY(run_round(b, b->chains[i].setup.session, mine, slice, &all[i]));
    }
    progress_tell(r + 1, most);
  }
  return 0;
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

int bench_run(bench *b, int batch) {
  TRY(warm_up(b, batch));
  series *all = get_memory(b->chain_count, sizeof *all);
  for (size_t i = 0; i < b->chain_count; i++) all[i].out = &b->chains[i].results[batch];
  progress_begin("measuring");
  int code = run_rounds(b, all);
  progress_end();
  for (size_t i = 0; i < b->chain_count && !code; i++) summarize(&all[i], all[0].out, all[i].out);
  for (size_t i = 0; i < b->chain_count; i++) free(all[i].times);
  free(all);
  return code;
}
