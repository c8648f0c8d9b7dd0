/* Our intermediate representation: the structs of rung_graph.h, and what owns and changes them.
 *
 * Built once per session from the immutable description of the model (names resolved, functions inlined, Constant
 * nodes turned into constants, nodes in topological order), then rewritten by passes, then only read.
 *
 * Invariants, checked by rung_ir_is_valid:
 *   - graph->nodes[i]->index == i, and every input of a node is a constant, a graph input, made by an earlier node of
 *     the same graph, or owned by a graph around it; then it is in the captures of the nodes between, unless constant
 *   - a value is made once: by its producer, or it is a constant, or an input
 *   - value->uses counts the node inputs, captures and graph outputs that name it, in all graphs
 *   - names are unique along every path from a body to the main graph */
#ifndef RUNG_GRAPH_IR_H
#define RUNG_GRAPH_IR_H

#include "base/arena.h"
#include "base/log.h"
#include "model/model.h"
#include "op/op.h"
#include "rung_graph.h"

typedef struct rung_ir_limits {
  uint64_t expanded_nodes; /* after inlining functions: 1,000,000 */
  uint32_t call_depth;     /* of functions in functions: 100 */
} rung_ir_limits;
extern const rung_ir_limits rung_ir_limits_default;

typedef struct rung_ir {
  const rung_allocator *allocator;
  const rung_log *log;
  rung_arena arena; /* of all structs */
  rung_model *model;
  rung_graph *graph;
  int64_t next_symbol;
  uint64_t node_count;              /* in all graphs, for the limit */
  RUNG_VEC(rung_value *) constants; /* those that folding made */
  /* (optional) Types of the outputs of a node without a definition: asked of the providers. UNSUPPORTED: unknown. */
  rung_status *(*infer_foreign)(void *user, const rung_node *node, rung_type *outputs);
  void *infer_user;
} rung_ir;

rung_status *rung_ir_build(const rung_allocator *allocator, const rung_log *log, rung_model *model,
                           const rung_ir_limits *limits, rung_ir **out_ir) RUNG_MUST_CHECK;
void rung_ir_free(rung_ir **ir);

/* Editing, for passes. All memory is the arena's. */
rung_value_info *rung_ir_add_value(rung_ir *ir, rung_graph *graph, const char *name); /* NULL: out of memory */
/* One more output of the main graph: the value of that name. */
rung_status *rung_ir_add_output(rung_ir *ir, const char *name) RUNG_MUST_CHECK;
/* A value that was built beside the graph becomes one of its own. */
rung_status *rung_ir_own_value(rung_ir *ir, rung_graph *graph, rung_value_info *info) RUNG_MUST_CHECK;
/* A node beside the graph, of the standard domain: room for `inputs`, `attributes` and one output. NULL: out of memory.
 */
rung_node *rung_ir_new_node(rung_ir *ir, rung_graph *graph, const char *name, const char *op_type, int64_t opset,
                            uint32_t inputs, uint32_t attributes);
/* `nodes`, in topological order, become those of the graph; the list is copied. */
rung_status *rung_ir_set_nodes(rung_ir *ir, rung_graph *graph, rung_node *const *nodes, size_t count) RUNG_MUST_CHECK;
/* Keeps a reference; the value info of a constant has no producer. */
rung_status *rung_ir_set_constant(rung_ir *ir, rung_value_info *info, rung_value *value) RUNG_MUST_CHECK;
/* Every reader of `from` (node inputs, graph outputs, in bodies too) is to read `to` instead. Takes effect for a node
 * with rung_ir_resolve_inputs, for all with rung_ir_resolve, which must come before anything else reads the graph. */
void rung_ir_forward(rung_value_info *from, rung_value_info *to);
void rung_ir_resolve_inputs(rung_node *node);
rung_status *rung_ir_resolve(rung_ir *ir) RUNG_MUST_CHECK;
/* Removes the nodes marked true in `dead` (by index) and numbers the rest. */
void rung_ir_remove_nodes(rung_graph *graph, const bool *dead);
/* Recounts `uses` and captures everywhere. */
rung_status *rung_ir_recount(rung_ir *ir) RUNG_MUST_CHECK;
/* The first broken invariant in words, or NULL. */
const char *rung_ir_is_valid(const rung_ir *ir, char *buffer, size_t size);

/* The type of a constant. */
void rung_type_of_value(const rung_value *value, rung_type *out_type);
const rung_attribute *rung_node_attribute(const rung_node *node, const char *name);
/* Calls fn for `node`'s bodies, in the order of its attributes. */
rung_status *rung_node_each_body(const rung_node *node, rung_status *(*fn)(rung_graph *body, void *context),
                                 void *context);

/* Types and shapes of everything, through bodies. Called again after folding: knowing more only narrows. */
rung_status *rung_ir_infer(rung_ir *ir) RUNG_MUST_CHECK;

/* The user's sizes for symbolic dimensions, by name ("batch") . An unknown name is an error with the nearest one. */
typedef struct rung_ir_dimension {
  const char *name;
  int64_t size;
} rung_ir_dimension;
rung_status *rung_ir_override_dimensions(rung_ir *ir, const rung_ir_dimension *dimensions,
                                         size_t count) RUNG_MUST_CHECK;
/* Sets the shape of a main graph input; symbols that thereby become known are known everywhere. */
rung_status *rung_ir_override_shape(rung_ir *ir, const char *input, int32_t rank, const int64_t *dims) RUNG_MUST_CHECK;

#endif
