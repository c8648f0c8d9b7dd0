/* The thread pool: one per environment, for loops whose iterations are independent.
 *
 * A loop is cut into tiles of `grain` iterations, counted from 0: the same tiles whatever the number of threads.
 * Threads take tiles one by one, so a slow thread delays nobody. What a tile computes must depend on its range only,
 * never on which thread runs it or what ran before: then results do not depend on the number of threads.
 *
 * One caller at a time gets the workers; a call that finds them taken (another caller, or a call from inside a tile)
 * runs as the serial loop. A tile of 20 to 50 µs is worth its hand-off; loops under some 15 µs per thread are best
 * run with max_threads 1. */
#ifndef RUNG_BASE_POOL_H
#define RUNG_BASE_POOL_H

#include "base/alloc.h"
#include "base/status.h"

#include <stdatomic.h>

typedef struct rung_pool rung_pool;

enum { RUNG_POOL_MAX_THREADS = 1024 };

/* `threads` counts the caller: 1 makes a pool without workers, 0 takes as many as can run at once (os.h). */
rung_status *rung_pool_create(const rung_allocator *allocator, size_t threads, rung_pool **out_pool) RUNG_MUST_CHECK;

/* Ends the workers and frees the pool; nobody may be in rung_pool_run. NULL is allowed; clears *pool. In a forked
 * child the workers do not exist: there only memory is freed. */
void rung_pool_destroy(rung_pool **pool);

/* Width of the widest loop: workers and caller. 1 for NULL. */
size_t rung_pool_threads(const rung_pool *pool);

/* Was the pool made by another process, of which this one is a forked child? Loops then run serially. */
bool rung_pool_is_foreign(const rung_pool *pool);

typedef struct rung_pool_task {
  /* Runs iterations [begin, end), one tile; from any thread of the pool. */
  void (*run)(void *context, size_t begin, size_t end);
  void *context;
  size_t count;             /* iterations */
  size_t grain;             /* iterations of a tile; 0 counts as 1 */
  size_t max_threads;       /* 0: as many as there are */
  const atomic_int *cancel; /* NULL, or looked at before every tile */
} rung_pool_task;

/* for (size_t begin = 0; begin < count && !(cancel && *cancel); begin += grain)
 *   run(context, begin, min(begin + grain, count));
 *
 * Runs as that loop, on the caller's thread, when pool is NULL, when there is one tile, and when max_threads is 1.
 * Else the caller and the workers share the tiles in no order, under the caller's floating-point state. Returns when
 * all have run, and what they wrote is visible to the caller. Whether tiles were skipped the caller learns by looking
 * at its flag. Allocates nothing. */
void rung_pool_run(rung_pool *pool, const rung_pool_task *task);

/* For scratch memory of a thread, inside a tile: below the width of the loop (threads, max_threads, tiles: the least),
 * and of no other thread in the same loop. 0 in a serial loop, and outside of any. */
size_t rung_pool_slot(void);

#endif
