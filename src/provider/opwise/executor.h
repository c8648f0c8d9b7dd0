/* Runs an island operator by operator: shapes worked out once per shape key, memory planned, kernels in a row.
 *
 * An executable is a list of steps in topological order; a step is one node, or several that the provider has fused.
 * For each new set of input shapes a plan is made (see opwise_plan.c) and kept. A run whose plan is static allocates
 * nothing but what the host's outputs need. Steps whose shapes depend on data are worked out as they come. */
#ifndef RUNG_PROVIDER_OPWISE_EXECUTOR_H
#define RUNG_PROVIDER_OPWISE_EXECUTOR_H

#include "provider/opwise/kernel.h"

typedef struct rung_step {
  const rung_kernel *kernel;
  const rung_node *node; /* the main one: for messages and profiles */
  const rung_op *op;     /* says what the outputs look like, from this step's inputs and params */
  const void *params;
  uint32_t input_count, output_count;
  rung_value_info **inputs, **outputs; /* NULL: left out */
} rung_step;

typedef struct rung_opwise rung_opwise;

/* Takes the steps as they are (they and the island live until the executable is freed), packs weights. */
rung_status *rung_opwise_create(const rung_host *host, const rung_graph *island, const rung_step *steps, size_t count,
                                rung_opwise **out_executable) RUNG_MUST_CHECK;
void rung_opwise_free(rung_opwise *executable);
rung_status *rung_opwise_run(rung_opwise *executable, const rung_run *run) RUNG_MUST_CHECK;

/* One node on its own, on host values; outputs are new references. */
rung_status *rung_opwise_evaluate(const rung_host *host, const rung_kernel *kernel, const rung_node *node,
                                  rung_value *const *inputs, rung_value **outputs) RUNG_MUST_CHECK;

/* Does the kernel take the node's types? Else a reason and words in buffer. */
bool rung_opwise_accepts(const rung_kernel *kernel, const rung_node *node, rung_reason *out_reason, char *buffer,
                         size_t size);

#endif
