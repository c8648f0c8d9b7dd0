/* Packs blocks of memory that live at different times into one arena, so that blocks alive together do not overlap. */
#ifndef RUNG_BASE_OFFSETS_H
#define RUNG_BASE_OFFSETS_H

#include "base/alloc.h"
#include "base/status.h"

typedef struct rung_span {
  size_t size;        /* bytes wanted; 0 takes no room, its offset is 0 */
  size_t first, last; /* steps in which it is alive, both included; first <= last */
  size_t offset;      /* result: a multiple of RUNG_TENSOR_ALIGN */
} rung_span;

/* Sets every offset, and *out_size to the bytes of the arena (a multiple of RUNG_TENSOR_ALIGN). The same input gives
 * the same result. LIMIT when the sum of sizes does not fit in memory's address range. Takes count * count steps in
 * the worst case. */
rung_status *rung_offsets_pack(const rung_allocator *allocator, rung_span *spans, size_t count,
                               size_t *out_size) RUNG_MUST_CHECK;

/* For asserts and tests: aligned, inside the arena, and no two alive at once overlap. */
bool rung_offsets_is_valid(const rung_span *spans, size_t count, size_t size);

#endif
