/* A meter counts the bytes of values while they live: those of one run. A value keeps its meter alive, and gives its
 * bytes back when its last reference goes, in any thread. */
#ifndef RUNG_BASE_METER_H
#define RUNG_BASE_METER_H

#include "base/alloc.h"
#include "base/status.h"

#include <stdatomic.h>

typedef struct rung_meter {
  const rung_allocator *allocator;
  atomic_int references;
  atomic_size_t bytes; /* alive */
  uint64_t most;
} rung_meter;

rung_status *rung_meter_create(const rung_allocator *allocator, uint64_t most, rung_meter **out_meter) RUNG_MUST_CHECK;
rung_meter *rung_meter_retain(rung_meter *meter);
void rung_meter_release(rung_meter *meter);

/* LIMIT when it would be more than the meter allows; then nothing is counted. */
rung_status *rung_meter_add(rung_meter *meter, size_t bytes) RUNG_MUST_CHECK;
void rung_meter_take(rung_meter *meter, size_t bytes);

#endif
