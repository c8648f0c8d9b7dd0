#include "base/meter.h"

#include <inttypes.h>

rung_status *rung_meter_create(const rung_allocator *allocator, uint64_t most, rung_meter **out_meter) {
  rung_meter *meter = rung_alloc(allocator, 1, sizeof *meter, "meter");
  RUNG_CHECK_ALLOC(meter);
  meter->allocator = allocator;
  meter->most = most;
  atomic_init(&meter->references, 1);
  atomic_init(&meter->bytes, 0);
  *out_meter = meter;
  return NULL;
}

rung_meter *rung_meter_retain(rung_meter *meter) {
  atomic_fetch_add_explicit(&meter->references, 1, memory_order_relaxed);
  return meter;
}

void rung_meter_release(rung_meter *meter) {
  if (atomic_fetch_sub_explicit(&meter->references, 1, memory_order_acq_rel) == 1) rung_free(meter->allocator, meter);
}

rung_status *rung_meter_add(rung_meter *meter, size_t bytes) {
  size_t before = atomic_fetch_add_explicit(&meter->bytes, bytes, memory_order_relaxed);
  if (bytes <= meter->most && before <= meter->most - bytes) return NULL;
  rung_meter_take(meter, bytes);
  return RUNG_ERROR(LIMIT,
                    "the run needs more than %" PRIu64
                    " bytes of tensors at a time: %zu are there, %zu more are asked "
                    "for (max_bytes in C, --limit run-bytes=N for the tool)",
                    meter->most, before, bytes);
}

void rung_meter_take(rung_meter *meter, size_t bytes) {
  atomic_fetch_sub_explicit(&meter->bytes, bytes, memory_order_relaxed);
}
