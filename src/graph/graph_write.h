/* Writes a graph (the whole, or an island) as an ONNX model: for providers that read ONNX, and for --save-optimized. */
#ifndef RUNG_GRAPH_GRAPH_WRITE_H
#define RUNG_GRAPH_GRAPH_WRITE_H

#include "graph/ir.h"
#include "rung_provider.h"

/* `writing` NULL: the whole graph. UNSUPPORTED when the nodes mix versions of one domain (functions may), LIMIT above
 * protobuf's 2 GiB. Uses the marks of values. */
rung_status *rung_graph_write(const rung_graph *graph, const rung_writing *writing,
                              const rung_sink *sink) RUNG_MUST_CHECK;

#endif
