/* Legalising passes: rewrites after which a provider takes more (docs/offline.md). legalise.c holds the machinery,
 * legalise_rules.c what each pass does to a node.
 *
 * A rule builds a replacement beside the graph: nodes that read what the old one reads, constants of their own, and
 * each other. It is proved before it takes the place: old and new nodes run on the same random data, and every output
 * must be equal bit for bit. What cannot be run (an unknown rank, too much data) is not proved, and stays as it is. */
#ifndef RUNG_GRAPH_LEGALISE_H
#define RUNG_GRAPH_LEGALISE_H

#include "graph/passes.h"

enum { RUNG_MOST_REPLACED = 64 };

typedef struct rung_replacement {
  rung_ir *ir;
  rung_graph *graph;
  const rung_node *old;
  const char *pass;
  /* What computes the outputs of `old` now, in order; `old` is the last. More than one where a rule joins nodes; those
   * before `old` stay until nobody reads them. */
  const rung_node *before[RUNG_MOST_REPLACED];
  uint32_t before_count;
  rung_node *nodes[RUNG_MOST_REPLACED]; /* what will, in order: the last one makes the outputs of `old` */
  uint32_t count;
} rung_replacement;

/* One pass over one graph, without its bodies. `changed` counts the nodes that were replaced. */
rung_status *rung_legalise(rung_ir *ir, const rung_passes *passes, rung_pass pass, rung_graph *graph,
                           uint32_t *changed) RUNG_MUST_CHECK;

/* For rules. A node of the replacement, at most RUNG_MOST_REPLACED; its operands and attributes are filled by the
 * caller. NULL when there is no room or no memory. */
rung_node *rung__replacement_node(rung_replacement *r, const char *op_type, uint32_t inputs, uint32_t attributes);
/* The value that a node of the replacement makes; without a type until inference runs. */
rung_value_info *rung__replacement_value(rung_replacement *r, rung_node *node);
/* A constant: integers as a tensor of one dimension (rank 1) or a scalar (rank 0), or any value, which is retained. */
rung_status *rung__replacement_ints(rung_replacement *r, rung_dtype dtype, int32_t rank, const int64_t *ints,
                                    size_t count, rung_value_info **out_info) RUNG_MUST_CHECK;
rung_status *rung__replacement_constant(rung_replacement *r, rung_value *value,
                                        rung_value_info **out_info) RUNG_MUST_CHECK;

/* Completes the replacement and runs both ways; *out_equal only when every bit of every output is the same. */
rung_status *rung__replacement_prove(rung_replacement *r, const rung_evaluator *evaluator,
                                     bool *out_equal) RUNG_MUST_CHECK;

/* legalise_opset.c: can every node of the model be raised, and has one to be? */
rung_status *rung_legalise_can_raise(rung_ir *ir, const rung_passes *passes, bool *out_can) RUNG_MUST_CHECK;

/* The rules: a replacement without nodes says that the pass has nothing to do there. */
rung_status *rung__legalise_pads(rung_replacement *r) RUNG_MUST_CHECK;
rung_status *rung__legalise_doubles(rung_replacement *r) RUNG_MUST_CHECK;
rung_status *rung__legalise_clips(rung_replacement *r) RUNG_MUST_CHECK;
rung_status *rung__legalise_indices(rung_replacement *r) RUNG_MUST_CHECK;
rung_status *rung__legalise_opset(rung_replacement *r) RUNG_MUST_CHECK;

#endif
