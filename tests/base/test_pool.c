#include "base/cpu.h"
#include "base/os.h"
#include "base/pool.h"
#include "support/counting.h"
#include "support/test.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, LARGEST = 5000 };

static rung_pool *make_pool(size_t threads) {
  rung_pool *pool = NULL;
  assert_ok(rung_pool_create(&rung_system_allocator, threads, &pool));
  return pool;
}

/* --- every iteration runs once, in the tiles that the header promises --- */

typedef struct visits {
  atomic_int of[LARGEST];   /* how often an iteration ran */
  atomic_int busy[THREADS]; /* threads in a slot */
  size_t count, grain, width;
  atomic_int faults; /* cmocka must not fail in a worker */
} visits;

static void visit(void *context, size_t begin, size_t end) {
  visits *v = context;
  size_t expected = v->count - begin < v->grain ? v->count : begin + v->grain;
  size_t slot = rung_pool_slot();
  if (begin % v->grain || end != expected || slot >= v->width) atomic_fetch_add(&v->faults, 1);
  if (slot < THREADS && atomic_fetch_add(&v->busy[slot], 1) != 0) atomic_fetch_add(&v->faults, 1);
  for (size_t i = begin; i < end; i++) atomic_fetch_add(&v->of[i], 1);
  if (slot < THREADS) atomic_fetch_sub(&v->busy[slot], 1);
}

static size_t width_of(const rung_pool *pool, size_t count, size_t grain, size_t cap) {
  size_t tiles = count / grain + (count % grain != 0), width = rung_pool_threads(pool);
  if (cap && cap < width) width = cap;
  return tiles < width ? (tiles ? tiles : 1) : width;
}

static void check_visits(rung_pool *pool, size_t count, size_t grain, size_t cap) {
  static visits v;
  memset(&v, 0, sizeof v);
  v.count = count;
  v.grain = grain ? grain : 1;
  v.width = width_of(pool, count, v.grain, cap);
  rung_pool_run(pool,
                &(rung_pool_task){.run = visit, .context = &v, .count = count, .grain = grain, .max_threads = cap});
  assert_int_equal(atomic_load(&v.faults), 0);
  for (size_t i = 0; i < LARGEST; i++) assert_int_equal(atomic_load(&v.of[i]), i < count);
}

static void visits_once_in_the_same_tiles(void **state) {
  (void)state;
  static const size_t counts[] = {0, 1, 2, 7, 100, LARGEST}, grains[] = {0, 1, 3, 64, LARGEST, SIZE_MAX};
  for (size_t threads = 0; threads <= THREADS; threads++) {
    rung_pool *pool = threads ? make_pool(threads) : NULL;
    for (size_t c = 0; c < RUNG_COUNT(counts); c++)
      for (size_t g = 0; g < RUNG_COUNT(grains); g++)
        for (size_t cap = 0; cap <= THREADS + 1; cap++) check_visits(pool, counts[c], grains[g], cap);
    rung_pool_destroy(&pool);
    assert_null(pool);
  }
}

static void short_loops_in_a_row(void **state) {
  (void)state;
  rung_pool *pool = make_pool(THREADS);
  for (int i = 0; i < 2000; i++) check_visits(pool, 16, 1, 0);
  rung_pool_destroy(&pool);
}

/* --- workers really come --- */

typedef struct meeting {
  atomic_int inside;
  int expected;
  atomic_int missed;
} meeting;

static void meet(void *context, size_t begin, size_t end) {
  (void)begin, (void)end;
  meeting *m = context;
  atomic_fetch_add(&m->inside, 1);
  uint64_t deadline = rung_os_now_ns() + UINT64_C(20000000000);
  while (atomic_load(&m->inside) < m->expected)
    if (rung_os_now_ns() > deadline) {
      atomic_fetch_add(&m->missed, 1);
      return;
    }
}

static void workers_come_from_sleep(void **state) {
  (void)state;
  rung_pool *pool = make_pool(THREADS);
  for (int i = 0; i < 20; i++) {
    nanosleep(&(struct timespec){0, i % 2 ? 2000000 : 0}, NULL); /* asleep, still spinning */
    meeting m = {.expected = THREADS};
    rung_pool_run(pool, &(rung_pool_task){.run = meet, .context = &m, .count = THREADS});
    assert_int_equal(atomic_load(&m.missed), 0);
  }
  rung_pool_destroy(&pool);
}

/* --- cancel --- */

typedef struct countdown {
  atomic_int cancel;
  atomic_int runs;
  int stop_at;
} countdown;

static void count_down(void *context, size_t begin, size_t end) {
  (void)begin, (void)end;
  countdown *c = context;
  if (atomic_fetch_add(&c->runs, 1) + 1 == c->stop_at) atomic_store(&c->cancel, 1);
}

static int run_until(rung_pool *pool, int stop_at, size_t cap) {
  countdown c = {.stop_at = stop_at, .cancel = stop_at == 0};
  rung_pool_run(pool, &(rung_pool_task){count_down, &c, 100000, 1, cap, &c.cancel});
  return atomic_load(&c.runs);
}

static void cancel_skips_the_rest(void **state) {
  (void)state;
  rung_pool *pool = make_pool(THREADS);
  assert_int_equal(run_until(pool, 0, 0), 0);
  assert_int_equal(run_until(NULL, 0, 0), 0);
  assert_int_equal(run_until(NULL, 10, 0), 10);
  assert_int_equal(run_until(pool, 10, 1), 10);
  int runs = run_until(pool, 10, 0);
  assert_in_range(runs, 10, 10 + THREADS - 1); /* each of the others may be in a tile */
  assert_int_equal(run_until(pool, -1, 0), 100000);
  rung_pool_destroy(&pool);
}

/* --- calls from inside a tile run serially on the same thread --- */

typedef struct nest {
  rung_pool *pool;
  meeting all; /* every thread runs a tile */
  atomic_int inner;
  atomic_int faults;
} nest;

typedef struct nest_inner {
  nest *outer;
  pthread_t thread;
  size_t next;
} nest_inner;

static void run_inner(void *context, size_t begin, size_t end) {
  nest_inner *inner = context;
  bool in_order = begin == inner->next && end == begin + 1;
  if (!in_order || !pthread_equal(inner->thread, pthread_self()) || rung_pool_slot() != 0)
    atomic_fetch_add(&inner->outer->faults, 1);
  inner->next = end;
  atomic_fetch_add(&inner->outer->inner, 1);
}

static void run_outer(void *context, size_t begin, size_t end) {
  nest *outer = context;
  meet(&outer->all, begin, end);
  size_t slot = rung_pool_slot();
  nest_inner inner = {outer, pthread_self(), 0};
  rung_pool_run(outer->pool, &(rung_pool_task){.run = run_inner, .context = &inner, .count = 10});
  if (rung_pool_slot() != slot) atomic_fetch_add(&outer->faults, 1);
}

static void nested_calls_are_serial(void **state) {
  (void)state;
  nest outer = {.pool = make_pool(THREADS), .all = {.expected = THREADS}};
  for (int i = 0; i < 100; i++) {
    atomic_store(&outer.all.inside, 0);
    rung_pool_run(outer.pool, &(rung_pool_task){.run = run_outer, .context = &outer, .count = THREADS});
  }
  assert_int_equal(atomic_load(&outer.inner), 100 * THREADS * 10);
  assert_int_equal(atomic_load(&outer.faults) + atomic_load(&outer.all.missed), 0);
  assert_int_equal(rung_pool_slot(), 0);
  rung_pool_destroy(&outer.pool);
}

/* --- several callers --- */

typedef struct caller {
  rung_pool *pool;
  pthread_t thread;
  long wrong;
} caller;

static void add_squares(void *context, size_t begin, size_t end) {
  uint64_t *squares = context;
  for (size_t i = begin; i < end; i++) squares[i] = (uint64_t)i * i; /* plain writes: the sanitizer watches */
}

static void *call_often(void *argument) {
  caller *self = argument;
  uint64_t squares[300];
  for (int round = 0; round < 300; round++) {
    memset(squares, 0xff, sizeof squares);
    rung_pool_run(self->pool, &(rung_pool_task){.run = add_squares, .context = squares, .count = 300, .grain = 7});
    for (size_t i = 0; i < 300; i++) self->wrong += squares[i] != (uint64_t)i * i;
  }
  return NULL;
}

static void callers_do_not_disturb_each_other(void **state) {
  (void)state;
  rung_pool *pool = make_pool(3);
  caller callers[4] = {{0}};
  for (int i = 0; i < 4; i++) {
    callers[i].pool = pool;
    assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(callers[i].thread, NULL);
    assert_int_equal(callers[i].wrong, 0);
  }
  rung_pool_destroy(&pool);
}

/* --- floating-point state --- */

typedef struct fp_check {
  meeting all; /* every thread runs a tile */
  rung_fp_state expected;
  atomic_int faults;
} fp_check;

static void check_fp(void *context, size_t begin, size_t end) {
  fp_check *check = context;
  if (rung_fp_state_get() != check->expected) atomic_fetch_add(&check->faults, 1);
  meet(&check->all, begin, end);
}

static void workers_round_as_the_caller_does(void **state) {
  (void)state;
#if defined(__x86_64__)
  const rung_fp_state changed = 0x1f80 | 0x8040 | 0x4000; /* flush subnormals, round up */
#elif defined(__aarch64__)
  const rung_fp_state changed = 1 << 24 | 1 << 22;
#else
  const rung_fp_state changed = 0;
#endif
  rung_pool *pool = make_pool(THREADS);
  rung_fp_state normal = rung_fp_state_get();
  for (int i = 0; i < 4; i++) {
    rung_fp_state_set(i % 2 ? normal : changed);
    fp_check check = {.all = {.expected = THREADS}, .expected = rung_fp_state_get()};
    rung_pool_run(pool, &(rung_pool_task){.run = check_fp, .context = &check, .count = THREADS});
    rung_fp_state_set(normal);
    assert_int_equal(check.expected, i % 2 ? normal : changed);
    assert_int_equal(atomic_load(&check.faults) + atomic_load(&check.all.missed), 0);
  }
  rung_pool_destroy(&pool);
}

/* --- lifetime --- */

static void sizes_of_pools(void **state) {
  (void)state;
  rung_pool *pool = make_pool(0);
  assert_int_equal(rung_pool_threads(pool), rung_os_cpu_count());
  rung_pool_destroy(&pool);
  rung_pool_destroy(&pool);
  assert_int_equal(rung_pool_threads(NULL), 1);
  assert_false(rung_pool_is_foreign(NULL));
  assert_error(rung_pool_create(&rung_system_allocator, RUNG_POOL_MAX_THREADS + 1, &pool), INVALID_ARGUMENT, "1025");
  assert_null(pool);
}

static bool create(const rung_allocator *allocator, void *context) {
  (void)context;
  rung_pool *pool = NULL;
  rung_status *status = rung_pool_create(allocator, THREADS, &pool);
  assert_true(!status || (rung_status_code(status) == RUNG_OUT_OF_MEMORY && !pool));
  rung_pool_destroy(&pool);
  return !status;
}

static void out_of_memory(void **state) {
  (void)state;
  assert_int_equal(counting_fail_each(create, NULL), 2);
}

static void created_and_destroyed_often(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++) {
    rung_pool *pool = make_pool(THREADS);
    if (i % 3) check_visits(pool, 10, 1, 0);
    rung_pool_destroy(&pool);
  }
}

/* In the child there are no workers: loops run all the same, and destroying does not wait for anybody. */
static int use_in_child(rung_pool *pool) {
  uint64_t squares[100] = {0};
  alarm(60);
  if (!rung_pool_is_foreign(pool)) return 1;
  rung_pool_run(pool, &(rung_pool_task){.run = add_squares, .context = squares, .count = 100});
  for (size_t i = 0; i < 100; i++)
    if (squares[i] != (uint64_t)i * i) return 2;
  rung_pool_destroy(&pool);
  return pool ? 3 : 0;
}

static void survives_fork(void **state) {
  (void)state;
  rung_pool *pool = make_pool(THREADS);
  for (int i = 0; i < 5; i++) {
    check_visits(pool, 100, 1, 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(use_in_child(pool));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(rung_pool_is_foreign(pool));
  }
  check_visits(pool, LARGEST, 1, 0);
  rung_pool_destroy(&pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(visits_once_in_the_same_tiles),
      cmocka_unit_test(short_loops_in_a_row),
      cmocka_unit_test(workers_come_from_sleep),
      cmocka_unit_test(cancel_skips_the_rest),
      cmocka_unit_test(nested_calls_are_serial),
      cmocka_unit_test(callers_do_not_disturb_each_other),
      cmocka_unit_test(workers_round_as_the_caller_does),
      cmocka_unit_test(sizes_of_pools),
      cmocka_unit_test(out_of_memory),
      cmocka_unit_test(created_and_destroyed_often),
      cmocka_unit_test(survives_fork),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
