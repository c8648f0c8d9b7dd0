/* The functions of a model: found by name, and counted before they are expanded. */
#ifndef RUNG_GRAPH_FUNCTIONS_H
#define RUNG_GRAPH_FUNCTIONS_H

#include "base/map.h"
#include "graph/ir.h"

typedef struct rung_functions {
  const rung_model *model;
  const rung_ir_limits *limits;
  rung_map first;     /* name -> 1 + the first function of that name, as a pointer */
  uint32_t *next;     /* per function: 1 + the next of the same name; 0: none */
  uint64_t *sizes;    /* per function: 1 + nodes that a call becomes; 0: not counted yet */
  const char *circle; /* a function that calls itself; NULL: none was met */
} rung_functions;

rung_status *rung_functions_init(rung_functions *f, const rung_allocator *allocator, const rung_model *model,
                                 const rung_ir_limits *limits) RUNG_MUST_CHECK;
void rung_functions_finish(rung_functions *f);
/* The function that a node calls; NULL: none. */
const rung_model_function *rung_functions_find(const rung_functions *f, const rung_model_node *node);
/* LIMIT when `nodes` are too many after expansion. */
rung_status *rung_functions_check_limit(const rung_functions *f, uint64_t nodes) RUNG_MUST_CHECK;
/* The same for the whole model, before anything is built: a few calls in calls make millions of nodes. What it counts
 * is never more than what expansion makes. */
rung_status *rung_functions_check_size(rung_functions *f) RUNG_MUST_CHECK;

#endif
