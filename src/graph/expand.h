/* Expansion: an operator that no provider claims, written as the operators that make it up.
 *
 * ONNX gives such operators a function body. Those that every provider is better off without, or that need bodies of
 * their own inside (FlexAttention), are kept as they are until all have refused them; the session then marks the node
 * (node->expands), and the pass `expand` writes it down. A provider that knows the operator itself comes first. */
#ifndef RUNG_GRAPH_EXPAND_H
#define RUNG_GRAPH_EXPAND_H

#include "graph/ir.h"

/* Is it made of others, and is enough known of it to write them down? */
bool rung_can_expand(const rung_node *node);

/* Expands the marked nodes of one graph, without its bodies. `changed` counts them. */
rung_status *rung_expand(rung_ir *ir, rung_graph *graph, uint32_t *changed) RUNG_MUST_CHECK;

#endif
