/* Topological order of a graph's nodes. */
#ifndef RUNG_GRAPH_SORT_H
#define RUNG_GRAPH_SORT_H

#include "graph/ir.h"

/* Fills graph->nodes with `nodes`, each behind those whose outputs it or its bodies read; those that stand in order
 * stay in order. INVALID_MODEL names a node of a cycle. */
rung_status *rung_ir_sort(rung_ir *ir, rung_graph *graph, rung_node **nodes, size_t count) RUNG_MUST_CHECK;

#endif
