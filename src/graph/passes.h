/* Rewrites that every provider wants, and legalising ones that some do (legalise.h). */
#ifndef RUNG_GRAPH_PASSES_H
#define RUNG_GRAPH_PASSES_H

#include "graph/ir.h"

/* Runs one node on constants: handed in by the session, so that there is one implementation of every operator.
 * UNSUPPORTED leaves the node as it is. */
typedef struct rung_evaluator {
  rung_status *(*run)(void *user, const rung_node *node, rung_value *const *inputs, rung_value **outputs);
  void *user;
} rung_evaluator;

typedef enum rung_pass {
#define RUNG_PASS(name, help) RUNG_PASS_##name,
#include "graph/passes.inc"
#undef RUNG_PASS
  RUNG_PASS_COUNT
} rung_pass;

typedef struct rung_passes {
  const rung_evaluator *evaluator;   /* NULL: nothing is folded */
  uint32_t off;                      /* bit i: pass i is switched off */
  size_t fold_limit;                 /* largest output that folding may make of smaller inputs: 64 KiB */
  size_t outer_limit;                /* the same where a row and a column, and the like, make it: 4 MiB */
  size_t widened_limit;              /* the same where each element grows, as by Cast: 64 MiB */
  uint32_t changed[RUNG_PASS_COUNT]; /* out: how many nodes each pass took away, or replaced */
} rung_passes;

const char *rung_pass_name(rung_pass pass);
const char *rung_pass_help(rung_pass pass);
/* Does it run only where a provider wants it? */
bool rung_pass_is_legalising(rung_pass pass);

/* Infers types, then runs the passes in order until none changes anything. */
rung_status *rung_ir_optimize(rung_ir *ir, rung_passes *passes) RUNG_MUST_CHECK;

#endif
