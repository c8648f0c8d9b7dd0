/* How a loop is handed out.
 *
 * The caller that gets `taken` writes `task` and `tiles`, then opens `gate` with a number of seats and rings `bell`.
 * A worker that finds a free seat takes it, which makes it count as inside; it then draws tiles from `next` until
 * there are none, closes the gate and leaves. The caller does the same without a seat, closes the gate and waits until
 * nobody is inside. So `task` is written only while nobody is inside and the gate is closed, and no worker needs to
 * arrive: on a busy machine the caller does the work alone.
 *
 * Waiting is a short spin, then a sleep in the kernel: layers of a network follow each other within microseconds, and
 * a wake-up costs 5 to 40 µs; but a pool that spins for longer burns the cores of its neighbours (ONNX Runtime: 51 ms
 * of CPU per 10 Hz call of a small model, 9 without spinning). */
#include "base/pool.h"

#include "base/cpu.h"
#include "base/os.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum { SPIN_NS = 30000, RELAX_TURNS = 32, INSIDE = 0xffff, SEAT = 0x10000 };

typedef struct worker {
  rung_pool *pool;
  pthread_t thread;
} worker;

struct rung_pool {
  const rung_allocator *allocator;
  worker *workers;
  size_t worker_count;
  int64_t pid; /* of the process that has the workers */
  atomic_flag taken;

  /* Written by the caller while the gate is closed and empty; read by those inside. */
  rung_pool_task task;
  size_t tiles;
  rung_fp_state fp_state;

  _Alignas(64) atomic_size_t next; /* tile to run; those inside add 1 */
  _Alignas(64) atomic_uint gate;   /* free seats * SEAT + workers inside */
  atomic_uint slots;               /* the last slot given out in this loop; workers add 1 */
  _Alignas(64) atomic_uint bell;   /* rung for every loop and for the end; workers sleep on it */
  atomic_uint sleepers;            /* workers that sleep on bell, or are about to */
  atomic_bool caller_sleeps;       /* on gate, or is about to */
  atomic_bool stop;
};

static _Thread_local size_t slot;

size_t rung_pool_slot(void) { return slot; }

static bool is_cancelled(const rung_pool_task *task) {
  return task->cancel && atomic_load_explicit(task->cancel, memory_order_relaxed) != 0;
}

static void run_tile(const rung_pool_task *task, size_t tile) {
  size_t begin = tile * task->grain;
  task->run(task->context, begin, begin + RUNG_MIN(task->grain, task->count - begin));
}

static void run_serial(const rung_pool_task *task, size_t tiles) {
  size_t outer = slot;
  slot = 0;
  for (size_t i = 0; i < tiles && !is_cancelled(task); i++) run_tile(task, i);
  slot = outer;
}

static void close_gate(rung_pool *pool) { atomic_fetch_and(&pool->gate, INSIDE); }

/* Draws tiles until there are none; then nobody else needs to come in. */
static void run_share(rung_pool *pool) {
  for (;;) {
    if (is_cancelled(&pool->task)) break;
    size_t tile = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (tile >= pool->tiles) break;
    run_tile(&pool->task, tile);
  }
  close_gate(pool);
}

/* Takes a free seat. */
static bool enter(rung_pool *pool) {
  unsigned seen = atomic_load(&pool->gate);
  while (seen >= SEAT)
    if (atomic_compare_exchange_weak(&pool->gate, &seen, seen - SEAT + 1)) return true;
  return false;
}

/* The pool outlives this call, as destroying it joins the worker; the loop may end with the first line. */
static void leave(rung_pool *pool) {
  atomic_fetch_sub(&pool->gate, 1);
  if (atomic_load(&pool->caller_sleeps)) rung_os_wake(&pool->gate, 1);
}

/* Spins until *word is another than `seen`; false when that took too long. */
static bool spin_while(atomic_uint *word, unsigned seen) {
  uint64_t end = rung_os_now_ns() + SPIN_NS;
  do {
    for (int i = 0; i < RELAX_TURNS; i++) {
      if (atomic_load_explicit(word, memory_order_acquire) != seen) return true;
      rung_cpu_relax();
    }
  } while (rung_os_now_ns() < end);
  return false;
}

/* `heard` was read before the worker looked at the gate, so a bell that rang since is not missed. */
static void await_bell(rung_pool *pool, unsigned heard) {
  if (spin_while(&pool->bell, heard)) return;
  atomic_fetch_add(&pool->sleepers, 1);
  rung_os_wait(&pool->bell, heard);
  atomic_fetch_sub(&pool->sleepers, 1);
}

static void *work(void *argument) {
  worker *self = argument;
  rung_pool *pool = self->pool;
  char name[32];
  snprintf(name, sizeof name, "rung-%zu", (size_t)(self - pool->workers) + 1);
  rung_os_set_thread_name(name);
  for (;;) {
    unsigned heard = atomic_load(&pool->bell);
    if (atomic_load(&pool->stop)) return NULL;
    if (!enter(pool)) {
      await_bell(pool, heard);
      continue;
    }
    slot = atomic_fetch_add(&pool->slots, 1) + 1;
    rung_fp_state_set(pool->fp_state);
    run_share(pool);
    leave(pool);
  }
}

/* Opens the gate for `seats` workers and wakes as many. */
static void invite(rung_pool *pool, unsigned seats) {
  atomic_store(&pool->gate, seats * SEAT);
  atomic_fetch_add(&pool->bell, 1);
  if (atomic_load(&pool->sleepers)) rung_os_wake(&pool->bell, seats);
}

static void await_empty(rung_pool *pool) {
  unsigned inside = atomic_load(&pool->gate);
  uint64_t end = inside ? rung_os_now_ns() + SPIN_NS : 0;
  while (inside && rung_os_now_ns() < end) {
    spin_while(&pool->gate, inside);
    inside = atomic_load(&pool->gate);
  }
  if (!inside) return;
  atomic_store(&pool->caller_sleeps, true);
  while ((inside = atomic_load(&pool->gate))) rung_os_wait(&pool->gate, inside);
  atomic_store(&pool->caller_sleeps, false);
}

static void run_shared(rung_pool *pool, const rung_pool_task *task, size_t tiles, size_t width) {
  assert(atomic_load(&pool->gate) == 0 && width >= 2);
  size_t outer = slot;
  slot = 0;
  pool->task = *task;
  pool->tiles = tiles;
  pool->fp_state = rung_fp_state_get();
  atomic_store(&pool->next, 0);
  atomic_store(&pool->slots, 0);
  invite(pool, (unsigned)(width - 1));
  run_share(pool);
  await_empty(pool);
  slot = outer;
}

void rung_pool_run(rung_pool *pool, const rung_pool_task *asked) {
  rung_pool_task task = *asked;
  if (task.grain == 0) task.grain = 1;
  size_t tiles = task.count / task.grain + (task.count % task.grain != 0);
  size_t width = RUNG_MIN(rung_pool_threads(pool), tiles);
  if (task.max_threads) width = RUNG_MIN(width, task.max_threads);
  if (width < 2 || atomic_flag_test_and_set_explicit(&pool->taken, memory_order_acquire)) {
    run_serial(&task, tiles);
    return;
  }
  run_shared(pool, &task, tiles, width);
  atomic_flag_clear_explicit(&pool->taken, memory_order_release);
}

size_t rung_pool_threads(const rung_pool *pool) { return pool ? pool->worker_count + 1 : 1; }

bool rung_pool_is_foreign(const rung_pool *pool) { return pool && pool->pid != rung_os_pid(); }

/* Workers take no signals: those are for the program's own threads. */
static rung_status *start_workers(rung_pool *pool, size_t count) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (; pool->worker_count < count && !error; pool->worker_count += !error) {
    worker *w = &pool->workers[pool->worker_count];
    w->pool = pool;
    error = pthread_create(&w->thread, NULL, work, w);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  RUNG_REQUIRE(!error, LIMIT, "the system starts no more than %zu of %zu threads: %s", pool->worker_count + 1,
               count + 1, strerror(error));
  return NULL;
}

rung_status *rung_pool_create(const rung_allocator *allocator, size_t threads, rung_pool **out_pool) {
  if (threads == 0) threads = RUNG_MIN(rung_os_cpu_count(), (size_t)RUNG_POOL_MAX_THREADS);
  RUNG_REQUIRE(threads <= RUNG_POOL_MAX_THREADS, INVALID_ARGUMENT, "a pool of %zu threads was asked for; at most %d",
               threads, RUNG_POOL_MAX_THREADS);
  rung_pool *pool = rung_alloc_data(allocator, sizeof *pool, "pool");
  RUNG_CHECK_ALLOC(pool);
  memset(pool, 0, sizeof *pool);
  pool->allocator = allocator;
  pool->pid = rung_os_pid();
  atomic_flag_clear(&pool->taken);
  rung_status *status = NULL;
  if (threads > 1) {
    pool->workers = rung_alloc(allocator, threads - 1, sizeof *pool->workers, "pool");
    status = pool->workers ? start_workers(pool, threads - 1) : rung_status_out_of_memory();
  }
  if (status)
    rung_pool_destroy(&pool);
  else
    *out_pool = pool;
  return status;
}

static void stop_workers(rung_pool *pool) {
  atomic_store(&pool->stop, true);
  atomic_fetch_add(&pool->bell, 1);
  rung_os_wake(&pool->bell, RUNG_POOL_MAX_THREADS);
  for (size_t i = 0; i < pool->worker_count; i++) pthread_join(pool->workers[i].thread, NULL);
}

void rung_pool_destroy(rung_pool **pool_slot) {
  rung_pool *pool = *pool_slot;
  *pool_slot = NULL;
  if (!pool) return;
  if (!rung_pool_is_foreign(pool)) stop_workers(pool);
  rung_free(pool->allocator, pool->workers);
  rung_free(pool->allocator, pool);
}
