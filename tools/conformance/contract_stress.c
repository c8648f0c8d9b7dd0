/* Runs that are hard: many at once, with wrong inputs, without memory, cancelled. */
#include "contract.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Many at once */

enum { THREADS = 4, RUNS = 25 };

typedef struct runner {
  trial *t;
  spec spec; /* with inputs of its own */
  exchange x;
  rung_status *status;
  char words[500];
} runner;

static void *run_often(void *user) {
  runner *r = user;
  for (int i = 0; i < RUNS && !r->status && !r->words[0]; i++) {
    exchange_clear(&r->x);
    r->status = exchange_run(&r->x, r->t->session, NULL);
    if (!r->status) exchange_agrees(&r->x, &r->spec, r->words, sizeof r->words);
  }
  return NULL;
}

/* The session lets no more runs in than the table's max_runs; each thread's inputs, and so its outputs, are others. */
static bool start_all(trial *t, runner runners[THREADS], const char *text) {
  for (size_t i = 0; i < THREADS; i++) {
    runners[i].t = t;
    if (!spec_read(&runners[i].spec, text, t->spec.opset)) return trial_fail(t, "%s", runners[i].spec.trouble);
    runners[i].spec.salt = i;
    spec_fill(&runners[i].spec);
    exchange_kind kind = i % 2 ? EXCHANGE_BOUND : EXCHANGE_NEW;
    if (!trial_ok(t, exchange_make(&runners[i].x, t->env, &runners[i].spec, kind, 0))) return false;
  }
  pthread_t threads[THREADS];
  size_t started = 0;
  while (started < THREADS && !pthread_create(&threads[started], NULL, run_often, &runners[started])) started++;
  for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
  return started == THREADS || trial_fail(t, "there are not enough threads");
}

static void at_once(trial *t) {
  runner *runners = get_memory(THREADS, sizeof *runners);
  bool started = start_all(t, runners, t->text);
  for (size_t i = 0; i < THREADS; i++) {
    if (started && trial_ok(t, runners[i].status) && runners[i].words[0])
      trial_fail(t, "%d threads at once: %s", THREADS, runners[i].words);
    exchange_free(&runners[i].x);
    spec_free(&runners[i].spec);
  }
  free(runners);
}

/* What fails leaves nothing behind */

static bool outputs_untouched(trial *t) {
  for (size_t i = 0; i < t->x.output_count; i++)
    if (t->x.outputs[i]) return trial_fail(t, "a run fails, and output %zu is set", i);
  return true;
}

static void wrong_inputs(trial *t) {
  rung_value *right, *wrong;
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  right = t->x.inputs[0];
  static const struct {
    rung_tensor tensor;
    const char *what;
  } others[] = {{{.dtype = RUNG_F64, .rank = 2, .dims = {3, 5}}, "another element type"},
                {{.dtype = RUNG_F32, .rank = 1, .dims = {15}}, "another rank"},
                {{.dtype = RUNG_F32, .rank = 2, .dims = {5, 3}}, "another shape"}};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    const rung_tensor *o = &others[i].tensor;
    MUST(trial_ok(t, rung_value_create(t->env, o->dtype, o->rank, o->dims, &wrong)));
    t->x.inputs[0] = wrong;
    rung_status *status = exchange_run(&t->x, t->session, NULL);
    t->x.inputs[0] = right;
    rung_value_release(wrong);
    MUST(trial_error(t, status, RUNG_INVALID_ARGUMENT, others[i].what));
    MUST(outputs_untouched(t));
  }
  MUST(trial_run(t));
}

/* host->output says no, first for the first output, then for the second ... The provider hands that on. */
static void no_room(trial *t) {
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  for (size_t i = 0; i < t->x.output_count; i++) {
    atomic_store(&t->watch.refused_output, (long)i + 1);
    rung_status *status = exchange_run(&t->x, t->session, NULL);
    bool asked = atomic_exchange(&t->watch.refused_output, 0) <= 0;
    if (!asked && trial_ok(t, status)) {
      (void)trial_skip(t, "it asks for no output: it gives values of its own");
      return;
    }
    MUST(trial_error(t, status, RUNG_OUT_OF_MEMORY, "a run without room for an output"));
    MUST(outputs_untouched(t));
  }
  MUST(trial_run(t));
}

static void no_memory(trial *t) {
  rung_session_options options;
  rung_session_options_init(&options);
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  (void)trial_without_memory(t, &options);
}

/* Cancelled */

enum { WIDTH = 512 };

/* y = x after `nodes` products of 512 x 512 numbers: 0.27 GFLOP each. */
static char *long_work(size_t nodes) {
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  fprintf(out, "x:f32[%d,%d] = 1\nconst w:f32[%d,%d] = %.17g\n", WIDTH, WIDTH, WIDTH, WIDTH, 1.0 / WIDTH);
  for (size_t i = 1; i <= nodes; i++) {
    char from[32], to[32];
    snprintf(from, sizeof from, "t%zu", i - 1);
    snprintf(to, sizeof to, "t%zu", i);
    fprintf(out, "%s = MatMul(%s, w)\n", i < nodes ? to : "y", i > 1 ? from : "x");
  }
  fprintf(out, "want y:f32[%d,%d] = 1", WIDTH, WIDTH);
  fclose(out);
  return text;
}

/* A run that has been cancelled before it began: what does it answer, and did it ask? Seconds that it took. */
static double run_cancelled(trial *t, rung_status **out_status) {
  atomic_store(&t->watch.questions, 0);
  atomic_store(&t->watch.cancel, true);
  double began = now();
  *out_status = exchange_run(&t->x, t->session, NULL);
  atomic_store(&t->watch.cancel, false);
  return now() - began;
}

/* Only long work need look whether it is cancelled: so it gets more and more, until a run takes a second. One that is
 * done before it looks may succeed, but then with all of its results. */
static void cancelled(trial *t) {
  enum { MOST_NODES = 4096 };
  for (size_t nodes = 1; nodes <= MOST_NODES; nodes *= 8) {
    char words[500], *text = long_work(nodes);
    bool opened = text && trial_open(t, text, 17) && trial_feed(t, EXCHANGE_NEW, 0);
    free(text);
    if (!opened) return;
    rung_status *status;
    double seconds = run_cancelled(t, &status);
    bool asked = atomic_load(&t->watch.questions);
    if (status) {
      MUST(trial_error(t, status, RUNG_CANCELLED, "a run that is cancelled"));
      MUST(outputs_untouched(t));
      MUST(trial_run(t));
      return;
    }
    CHECK(t, exchange_agrees(&t->x, &t->spec, words, sizeof words), "a cancelled run succeeds, and %s", words);
    if (atomic_load(&t->watch.queued)) {
      (void)trial_skip(t, "its runs only queue their work");
      return;
    }
    CHECK(t, seconds < 1, "a run that is cancelled takes more than a second, and %s",
          asked ? "succeeds" : "never asks host->cancelled");
  }
  (void)trial_skip(t, "its runs are too short to be cancelled");
}

const contract stress_contracts[] = {
    {"stress/at-once", "one executable runs in several threads, for each with its own numbers", at_once, small_models},
    {"stress/wrong-inputs", "a run with wrong inputs fails and leaves outputs as they were", wrong_inputs,
     small_models},
    {"stress/no-room", "host->output fails: the run hands that on, and the next one succeeds", no_room, joined_models},
    {"stress/no-memory", "every request for memory fails in turn: an error, no leak, no crash", no_memory,
     small_models},
    {"stress/cancelled", "a long run asks host->cancelled, and ends soon with CANCELLED", cancelled, NULL},
    {0}};
