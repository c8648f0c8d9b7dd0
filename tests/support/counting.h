/* An allocator that counts what is alive, and fails when told to. Thread-safe. */
#ifndef RUNG_TESTS_COUNTING_H
#define RUNG_TESTS_COUNTING_H

#include "rung_types.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef struct counting {
  rung_allocator allocator; /* give this one to the code under test */
  atomic_long made;         /* requests so far, failed ones included */
  atomic_long alive;        /* blocks that were not freed */
  long fail_at;             /* the request, counted from 1, that fails, and all after it; 0: none */
  bool once;                /* those after it succeed */
} counting;

void counting_init(counting *counts, long fail_at);

/* Runs `attempt` with the first allocation failing, then the second, and so on until it succeeds without a
 * failure. Each failure must come out as false, and nothing may stay alive. Returns how many failed. */
long counting_fail_each(bool (*attempt)(const rung_allocator *allocator, void *context), void *context);

#endif
