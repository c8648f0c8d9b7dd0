/* rung bench: how long runs take. The first run is told apart, some warm up, the rest are measured one by one; with
 * --parallel several threads run the same session at once, and every run of each counts. */
#include "commands.h"
#include "feed.h"
#include "interrupt.h"
#include "json_out.h"
#include "plan_text.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct bench_args {
  int64_t warmup, runs, parallel;
  double seconds;
  const char *batches;
} bench_args;

static const option bench_options[] = {
    {"warmup", 0, "N", "runs before measuring; default: 3", set_count, offsetof(bench_args, warmup)},
    {"runs", 'n', "N", "measure so many runs, instead of a time", set_count, offsetof(bench_args, runs)},
    {"seconds", 0, "TIME", "measure for so long; default: 2s", set_seconds, offsetof(bench_args, seconds)},
    {"parallel", 0, "N", "N threads run the session at once; default: 1", set_count, offsetof(bench_args, parallel)},
    {"batch", 0, "A,B,...", "sizes of the first dimension, where it is open", set_text, offsetof(bench_args, batches)},
    {0}};

static const char story[] =
    "Measures runs: minimum, median, 90th and 99th percentile, throughput; also loading, compiling, the first run and\n"
    "the most memory that the process held. Inputs that are not given are random.\n"
    "\n"
    "  rung bench model.onnx -p cpu --threads 1\n"
    "  rung bench model.onnx --batch 1,4,16 --seconds 5s\n"
    "  rung bench model.onnx --parallel 4 --threads 4";

/* One thread that runs. `times` and `count` are its own until it is joined. */
typedef struct runner {
  struct bench *bench;
  pthread_t thread;
  double *times;
  size_t count;
  rung_status *status;
} runner;

/* One row of the table. */
typedef struct bench {
  const bench_args *args;
  setup *setup;
  rung_value **inputs;
  size_t input_count, output_count;
  rung_cancel *cancel;
  bool json;
  double until; /* when measuring ends; read by all runners */
} bench;

typedef struct result {
  int64_t batch; /* 0: not set */
  size_t runs;
  double first, min, median, p90, p99, per_second;
} result;

/* Running */

static rung_status *run_once(const bench *b, double *out_seconds) {
  rung_value **outputs = get_memory(b->output_count, sizeof *outputs);
  rung_run_options options;
  rung_run_options_init(&options);
  options.cancel = b->cancel;
  double began = now();
  rung_status *status =
      rung_session_run(b->setup->session, &options, b->inputs, b->input_count, outputs, b->output_count);
  *out_seconds = now() - began;
  for (size_t i = 0; i < b->output_count; i++) rung_value_release(outputs[i]);
  free(outputs);
  return status;
}

static bool is_done(const runner *r) {
  const bench *b = r->bench;
  return b->args->runs > 0 ? r->count >= (size_t)b->args->runs : r->count > 0 && now() >= b->until;
}

static void *run_until_done(void *context) {
  runner *r = context;
  while (!r->status && !is_done(r)) {
    r->times = grow_memory(r->times, r->count, sizeof *r->times);
    r->status = run_once(r->bench, &r->times[r->count]);
    if (!r->status) r->count++;
  }
  return NULL;
}

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* The least value that at least the share `p` of all are not above. */
static double percentile(const double *sorted, size_t count, double p) {
  size_t rank = (size_t)(p * (double)count);
  if ((double)rank < p * (double)count) rank++;
  return sorted[rank ? rank - 1 : 0];
}

static void summarize(runner *runners, size_t count, double seconds, result *out) {
  for (size_t i = 0; i < count; i++) out->runs += runners[i].count;
  double *all = get_memory(out->runs, sizeof *all), *to = all;
  for (size_t i = 0; i < count; i++) {
    memcpy(to, runners[i].times, runners[i].count * sizeof *to);
    to += runners[i].count;
  }
  qsort(all, out->runs, sizeof *all, by_time);
  out->min = all[0];
  out->median = percentile(all, out->runs, 0.5);
  out->p90 = percentile(all, out->runs, 0.9);
  out->p99 = percentile(all, out->runs, 0.99);
  out->per_second = (double)out->runs / seconds;
  free(all);
}

static int measure(bench *b, result *out) {
  size_t count = b->args->parallel > 0 ? (size_t)b->args->parallel : 1, started = 0;
  runner *runners = get_memory(count, sizeof *runners);
  double began = now();
  b->until = began + b->args->seconds;
  int code = 0;
  for (; started < count; started++) {
    runners[started] = (runner){.bench = b};
    if (pthread_create(&runners[started].thread, NULL, run_until_done, &runners[started]) != 0) {
      rung_cancel_request(b->cancel);
      code = fail(EXIT_OF(OUT_OF_MEMORY), "thread %zu of %zu cannot be started", started + 1, count);
      break;
    }
  }
  for (size_t i = 0; i < started; i++) {
    pthread_join(runners[i].thread, NULL);
    if (code)
      rung_status_free(runners[i].status);
    else
      code = fail_status(runners[i].status);
  }
  if (!code) summarize(runners, count, now() - began, out);
  for (size_t i = 0; i < started; i++) free(runners[i].times);
  free(runners);
  return code;
}

static int run_batch(bench *b, result *out) {
  double ignored;
  TRY_STATUS(run_once(b, &out->first));
  for (int64_t i = 0; i < b->args->warmup; i++) TRY_STATUS(run_once(b, &ignored));
  progress_begin("measuring");
  int code = measure(b, out);
  progress_end();
  return code;
}

/* What the shapes are, where the model leaves dimensions open, decides the times. */
static void print_shapes(const bench *b) {
  for (size_t i = 0; i < b->input_count; i++) {
    rung_slot slot;
    rung_status *status = rung_session_input(b->setup->session, i, &slot);
    const rung_tensor *t = status ? NULL : rung_value_tensor(b->inputs[i]);
    rung_status_free(status);
    if (t) printf("%s  %s[%s]\n", clean(slot.name), rung_dtype_name(t->dtype), dims_text(NULL, t->rank, t->dims));
  }
}

/* Batches */

static int check_batch(const setup *s, int64_t batch) {
  for (size_t i = 0; i < rung_session_input_count(s->session); i++) {
    rung_slot slot;
    TRY_STATUS(rung_session_input(s->session, i, &slot));
    if (slot.type->rank > 0 && slot.type->dims[0] < 0) return 0;
  }
  return fail(EXIT_USAGE, "--batch %lld: the first dimension of no input is open", (long long)batch);
}

static int bench_batch(bench *b, const feed_args *given, result *out) {
  feed_args feeding = *given;
  feeding.batch = out->batch;
  if (!feeding.fill) feeding.fill = "random";
  if (out->batch) TRY(check_batch(b->setup, out->batch));
  fed *inputs = get_memory(b->input_count, sizeof *inputs);
  int code = feed(&feeding, b->setup, NULL, inputs);
  if (!code) {
    for (size_t i = 0; i < b->input_count; i++) b->inputs[i] = inputs[i].value;
    if (!b->json) print_shapes(b);
    code = run_batch(b, out);
    free_fed(inputs, b->input_count);
  }
  free(inputs);
  return code;
}

enum { MOST_BATCHES = 32 };

static int bench_all(bench *b, const feed_args *feeding, result *results, int *out_count) {
  int64_t batches[MOST_BATCHES] = {0};
  *out_count = 1;
  if (b->args->batches) {
    *out_count = parse_counts(b->args->batches, strlen(b->args->batches), ',', batches, MOST_BATCHES);
    for (int i = 0; i < *out_count; i++)
      if (batches[i] < 1) *out_count = -1;
    if (*out_count < 1)
      return fail(EXIT_USAGE, "--batch %s: sizes are needed, such as 1,4,16", clean(b->args->batches));
  }
  for (int i = 0; i < *out_count; i++) {
    results[i].batch = batches[i];
    TRY(bench_batch(b, feeding, &results[i]));
  }
  return 0;
}

/* The report */

static double peak_memory(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss * 1024 : 0;
}

static void print_results(const bench *b, const result *results, int count) {
  table t = {.titles = {">batch", ">runs", ">first", ">min", ">median", ">p90", ">p99", ">runs/s", ">items/s"},
             .columns = 9};
  for (int i = 0; i < count; i++) {
    const result *r = &results[i];
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)(r->batch ? r->batch : 1));
    table_add(&t, r->batch ? number : "-");
    snprintf(number, sizeof number, "%zu", r->runs);
    table_add(&t, number);
    const double times[] = {r->first, r->min, r->median, r->p90, r->p99};
    for (int k = 0; k < 5; k++) table_add(&t, seconds_text(times[k]));
    table_add(&t, count_text(r->per_second));
    table_add(&t, count_text(r->per_second * (double)(r->batch ? r->batch : 1)));
  }
  table_print(&t);
  if (b->args->parallel > 1) printf("%lld runs at once\n", (long long)b->args->parallel);
  printf("load %s, compile %s, most memory %s\n", seconds_text(b->setup->load_seconds),
         seconds_text(b->setup->session_seconds), bytes_text(peak_memory()));
}

static int print_json(const bench *b, const char *path, const result *results, int count) {
  char *plan;
  json_object(NULL);
  json_text("model", path);
  json_count("parallel", b->args->parallel > 0 ? b->args->parallel : 1);
  json_number("load_seconds", b->setup->load_seconds);
  json_number("compile_seconds", b->setup->session_seconds);
  json_number("peak_memory_bytes", peak_memory());
  json_array("results");
  for (int i = 0; i < count; i++) {
    const result *r = &results[i];
    json_object(NULL);
    if (r->batch)
      json_count("batch", r->batch);
    else
      json_null("batch");
    json_count("runs", (int64_t)r->runs);
    json_number("first_seconds", r->first);
    json_number("min_seconds", r->min);
    json_number("median_seconds", r->median);
    json_number("p90_seconds", r->p90);
    json_number("p99_seconds", r->p99);
    json_number("runs_per_second", r->per_second);
    json_end();
  }
  json_end();
  TRY_STATUS(rung_session_plan_json(b->setup->session, &plan));
  json_raw("plan", plan);
  rung_text_free(plan);
  json_end();
  return 0;
}

static int bench_session(const bench_args *args, const feed_args *feeding, setup *s, const char *path, bool json) {
  bench b = {.args = args, .setup = s, .json = json};
  b.input_count = rung_session_input_count(s->session);
  b.output_count = rung_session_output_count(s->session);
  b.inputs = get_memory(b.input_count, sizeof *b.inputs);
  result results[MOST_BATCHES] = {{0}};
  int count, code = fail_status(rung_cancel_create(s->env, &b.cancel));
  interrupt_cancels(b.cancel);
  if (!code) code = bench_all(&b, feeding, results, &count);
  if (!code && json) code = print_json(&b, path, results, count);
  if (!code && !json) {
    print_results(&b, results, count);
    print_plan(s->session, false);
  }
  interrupt_cancels(NULL);
  rung_cancel_destroy(&b.cancel);
  free(b.inputs);
  return code;
}

static int run(const command *self, int argc, char **argv) {
  static bench_args args = {.warmup = 3, .seconds = 2};
  static feed_args feeding;
  static session_args session;
  static output_args output;
  const char *path;
  TRY(args_parse_one(self, argc, argv, (void *[]){&args, &feeding, &session, &output}, &path));
  setup s = {0};
  int code = setup_model(&session, path, &s);
  if (!code) code = setup_session(&session, TO_RUN, NULL, &s);
  if (!code) code = bench_session(&args, &feeding, &s, path, output.json);
  setup_finish(&s);
  return code;
}

const command bench_cmd = {.name = "bench",
                           .operands = "MODEL",
                           .summary = "measure how long runs take",
                           .story = story,
                           .groups = {{"Options", bench_options},
                                      {"Inputs", feed_options},
                                      {"Session", session_options},
                                      {"Format", output_options}},
                           .run = run};
