/* Which nodes of an island become one step.
 *
 * Convolutions and products take over what follows them while their sums are still in registers: a bias, a residual, an
 * activation. A fused step gives the bits of the steps that it replaces: each part is computed as before, in the same
 * order; so for the narrow floats, which ONNX rounds after every operator, only parts that round nothing are fused. */
#ifndef RUNG_PROVIDER_CPU_CPU_FUSE_H
#define RUNG_PROVIDER_CPU_CPU_FUSE_H

#include "base/arena.h"
#include "provider/opwise/executor.h"

/* The steps of an island, in an order that can be run; at most one per node. They live in `arena`. */
rung_status *rung_cpu_make_steps(const rung_graph *island, rung_arena *arena, rung_step **out_steps,
                                 size_t *out_count) RUNG_MUST_CHECK;

#endif
