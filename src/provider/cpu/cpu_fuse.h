/* Which nodes of an island become one step.
 *
 * Convolutions and products take over what follows them while their sums are still in registers: a bias, a residual, an
 * activation. A fused step gives the bits of the steps that it replaces: each part is computed as before, in the same
 * order; so for the narrow floats, which ONNX rounds after every operator, only parts that round nothing are fused.
 *
 * Between DequantizeLinear and QuantizeLinear they become steps on integers, whose sums are exact. */
#ifndef RUNG_PROVIDER_CPU_CPU_FUSE_H
#define RUNG_PROVIDER_CPU_CPU_FUSE_H

#include "base/arena.h"
#include "op/activation.h"
#include "provider/opwise/executor.h"

/* The steps of an island, in an order that can be run; at most one per node. They live in `arena`. */
rung_status *rung_cpu_make_steps(const rung_graph *island, rung_arena *arena, rung_step **out_steps,
                                 size_t *out_count) RUNG_MUST_CHECK;

/* For the files that fuse: */

/* A step being put together: from its main node along the chain of nodes that alone read what came before. */
typedef struct rung_fusion {
  const rung_graph *island;
  const bool *taken; /* per position in the island: another step has the node */
  rung_node *main;
  rung_value_info *output; /* of the last node that is taken in */
  uint32_t last;           /* its position */
  rung_activation activation;
  bool adds_bias; /* that the main node, a product, does not have */
} rung_fusion;

bool rung_fuse_is_op(const rung_node *node, const char *name); /* of ai.onnx, or an alias of it */
/* The node that alone reads the output so far, when it is free and has one output itself; else NULL. */
rung_node *rung_fuse_next(const rung_fusion *fusion, uint32_t *out_position);
/* Goes on to `node`, at `position`. */
void rung_fuse_take(rung_fusion *fusion, const rung_node *node, uint32_t position);
/* Is the node an activation that can be computed on sums of its element type? */
bool rung_fuse_activation(const rung_node *node, rung_activation *out_activation);

/* The step of what was taken in: the main node's params with the activation, `count` inputs, the one output. */
rung_status *rung_fuse_step(const rung_fusion *fusion, const rung_kernel *kernel, const rung_op *op,
                            rung_value_info *const *inputs, uint32_t count, rung_arena *arena,
                            rung_step *out_step) RUNG_MUST_CHECK;

/* cpu_fuse_quantized.c: a step on integers; its kernel is NULL when there is none. */
rung_status *rung_fuse_quantized(rung_fusion *fusion, rung_arena *arena, rung_step *out_step) RUNG_MUST_CHECK;

#endif
