#include "session/race.h"

#include "base/macros.h"
#include "base/os.h"
#include "session/session.h"

#include <stdlib.h>

enum { LEAST_ROUNDS = 3 };
static const double worth = 0.97; /* who is not faster by that much is not worth a change */

/* Seconds of runs. */
typedef struct times {
  RUNG_VEC(double) list;
} times;

/* One thread that runs. Its times are its own until it is joined. */
typedef struct runner {
  const rung_race_options *options;
  const rung_allocator *allocator; /* one for all: blocks change hands */
  rung_session *session;
  pthread_t thread;
  size_t most;    /* runs; 0: until `until` */
  uint64_t until; /* nanoseconds */
  atomic_bool *stop;
  times times;
  rung_status *status;
} runner;

/* The measurements of one lane. */
typedef struct series {
  times times;
  double seconds; /* that its rounds took */
} series;

typedef struct race {
  const rung_race_options *options;
  const rung_allocator *allocator;
  rung_lane *lanes;
  series *series;
  size_t count;
} race;

static double seconds_since(uint64_t began) { return (double)(rung_os_now_ns() - began) / 1e9; }

/* Running */

static rung_status *run_once(const runner *r, double *out_seconds) {
  const rung_race_options *o = r->options;
  size_t count = rung_session_output_count(r->session);
  rung_value **outputs = rung_alloc(r->allocator, RUNG_MAX(count, 1), sizeof *outputs, "outputs");
  RUNG_CHECK_ALLOC(outputs);
  rung_run_options run;
  rung_run_options_init(&run);
  run.cancel = o->cancel;
  uint64_t began = rung_os_now_ns();
  rung_status *status =
      rung_session_run(r->session, &run, o->inputs[r->times.list.count % o->set_count], o->input_count, outputs, count);
  *out_seconds = seconds_since(began);
  for (size_t i = 0; i < count; i++) rung_value_release(outputs[i]);
  rung_free(r->allocator, outputs);
  return status;
}

static bool is_done(const runner *r) {
  if (atomic_load(r->stop)) return true;
  return r->most ? r->times.list.count >= r->most : r->times.list.count > 0 && rung_os_now_ns() >= r->until;
}

static void *run_until_done(void *context) {
  runner *r = context;
  while (!r->status && !is_done(r)) {
    double seconds;
    r->status = run_once(r, &seconds);
    if (!r->status && !rung_vec_push(r->allocator, &r->times.list, seconds)) r->status = rung_status_out_of_memory();
  }
  return NULL;
}

/* Numbers */

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void sort(double *list, size_t count) {
  if (count) qsort(list, count, sizeof *list, by_size);
}

/* The least value that at least the share `p` of all are not above. */
static double percentile(const double *sorted, size_t count, double p) {
  size_t rank = (size_t)(p * (double)count);
  if ((double)rank < p * (double)count) rank++;
  return sorted[rank ? rank - 1 : 0];
}

/* Of two lanes' rounds, sorted. */
static size_t ratios_of(const rung_lane *of, const rung_lane *by, double out[RUNG_RACE_ROUNDS]) {
  size_t rounds = RUNG_MIN(RUNG_MIN(of->rounds, by->rounds), RUNG_RACE_ROUNDS);
  for (size_t i = 0; i < rounds; i++) out[i] = of->medians[i] / by->medians[i];
  sort(out, rounds);
  return rounds;
}

static void summarize(const series *s, const rung_lane *first, rung_lane *out) {
  double ratios[RUNG_RACE_ROUNDS], *list = s->times.list.at;
  size_t count = s->times.list.count;
  sort(list, count);
  out->runs = count;
  out->min = list[0];
  out->median = percentile(list, count, 0.5);
  out->p90 = percentile(list, count, 0.9);
  out->p99 = percentile(list, count, 0.99);
  out->per_second = (double)count / s->seconds;
  size_t rounds = ratios_of(out, first, ratios);
  out->ratio = percentile(ratios, rounds, 0.5);
  out->ratio_low = percentile(ratios, rounds, 0.25);
  out->ratio_high = percentile(ratios, rounds, 0.75);
}

/* Rounds */

/* Joins the runners, and takes their times; the first failure counts. */
static rung_status *join(race *r, runner *runners, size_t count, times *out) {
  rung_status *status = NULL;
  for (size_t i = 0; i < count; i++) {
    times *mine = &runners[i].times;
    pthread_join(runners[i].thread, NULL);
    for (size_t k = 0; k < mine->list.count && !runners[i].status; k++)
      if (!rung_vec_push(r->allocator, &out->list, mine->list.at[k])) runners[i].status = rung_status_out_of_memory();
    rung_vec_free(r->allocator, &mine->list);
    if (status)
      rung_status_free(runners[i].status);
    else
      status = runners[i].status;
  }
  return status;
}

/* All threads of one lane's round; their times are added to the lane's. */
static rung_status *run_threads(race *r, size_t lane, size_t runs, double seconds, runner *runners, size_t count) {
  atomic_bool stop = false;
  rung_status *status = NULL;
  uint64_t began = rung_os_now_ns();
  size_t started = 0;
  for (; started < count && !status; started += !status) {
    runners[started] = (runner){.options = r->options,
                                .allocator = r->allocator,
                                .session = r->lanes[lane].session,
                                .most = runs,
                                .until = began + (uint64_t)(seconds * 1e9),
                                .stop = &stop};
    if (pthread_create(&runners[started].thread, NULL, run_until_done, &runners[started]) == 0) continue;
    status = RUNG_ERROR(OUT_OF_MEMORY, "thread %zu of %zu cannot be started", started + 1, count);
    atomic_store(&stop, true);
  }
  rung_status *other = join(r, runners, started, &r->series[lane].times);
  r->series[lane].seconds += seconds_since(began);
  if (!status) return other;
  rung_status_free(other);
  return status;
}

static rung_status *run_round(race *r, size_t lane, size_t runs, double seconds) {
  series *s = &r->series[lane];
  rung_lane *out = &r->lanes[lane];
  size_t count = RUNG_MAX(r->options->parallel, 1), before = s->times.list.count;
  runner *runners = rung_alloc(r->allocator, count, sizeof *runners, "runners");
  RUNG_CHECK_ALLOC(runners);
  rung_status *status = run_threads(r, lane, runs, seconds, runners, count);
  rung_free(r->allocator, runners);
  if (status) return status;
  double *fresh = s->times.list.at + before; /* summarize sorts them again */
  size_t fresh_count = s->times.list.count - before;
  sort(fresh, fresh_count);
  out->medians[out->rounds++] = percentile(fresh, fresh_count, 0.5);
  return NULL;
}

/* With `runs` as many rounds as runs, at most RUNG_RACE_ROUNDS; else until the time is up. */
static rung_status *run_rounds(race *r) {
  const rung_race_options *o = r->options;
  size_t runs = (size_t)o->runs, most = runs ? RUNG_MIN(runs, RUNG_RACE_ROUNDS) : RUNG_RACE_ROUNDS;
  size_t least = r->count > 1 ? LEAST_ROUNDS : 1;
  double seconds = o->seconds > 0 ? o->seconds : 2;
  uint64_t began = rung_os_now_ns();
  for (size_t round = 0; round < most; round++) {
    if (!runs && round >= least && seconds_since(began) > seconds * (double)r->count) break;
    size_t mine = runs ? runs * (round + 1) / most - runs * round / most : 0;
    for (size_t k = 0; k < r->count; k++)
      RUNG_TRY(run_round(r, (round + k) % r->count, mine, seconds / RUNG_RACE_ROUNDS));
    bool stop = o->progress && o->progress(o->progress_user, "measure", round + 1, most);
    RUNG_REQUIRE(!stop, CANCELLED, "measuring was cancelled");
  }
  return NULL;
}

rung_status *rung__race(const rung_race_options *options, rung_lane *lanes, size_t count) {
  RUNG_REQUIRE(count && options->set_count && options->inputs, INVALID_ARGUMENT, "a race needs sessions and inputs");
  race r = {options, lanes[0].session->env->allocator, lanes, NULL, count};
  r.series = rung_alloc(r.allocator, count, sizeof *r.series, "measurements");
  RUNG_CHECK_ALLOC(r.series);
  for (size_t i = 0; i < count; i++) lanes[i] = (rung_lane){.session = lanes[i].session, .out = lanes[i].out};
  rung_status *status = run_rounds(&r);
  for (size_t i = 0; i < count && !status; i++) summarize(&r.series[i], &lanes[0], &lanes[i]);
  for (size_t i = 0; i < count; i++) rung_vec_free(r.allocator, &r.series[i].times.list);
  rung_free(r.allocator, r.series);
  return status;
}

/* Judging */

int rung__lane_is_faster(const rung_lane *lane, const rung_lane *than, double *out_ratio, int *out_certain) {
  double ratios[RUNG_RACE_ROUNDS] = {1};
  size_t rounds = RUNG_MAX(ratios_of(lane, than, ratios), 1);
  double ratio = ratios[(rounds - 1) / 2];
  int certain = ratios[(rounds - 1) * 9 / 10] < 1;
  if (out_ratio) *out_ratio = ratio;
  if (out_certain) *out_certain = certain;
  return ratio < worth && certain;
}

size_t rung__race_best(const rung_lane *lanes, size_t count) {
  size_t best = count;
  for (size_t i = 0; i < count; i++)
    if (!lanes[i].out && (best == count || rung__lane_is_faster(&lanes[i], &lanes[best], NULL, NULL))) best = i;
  return best;
}
