/* The graph as providers see it: nodes in topological order, joined by the values they make and use.
 *
 * The host builds these structs, and rewrites them while a session is created; to a provider they are read-only, and
 * live as long as the call that hands them over (compile: as long as the executable). Providers never allocate them
 * nor step over them in arrays, so they can grow at the end. */
#ifndef RUNG_GRAPH_H
#define RUNG_GRAPH_H

#include "rung_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rung_graph rung_graph;
typedef struct rung_node rung_node;
struct rung_op; /* the host's definition of an operator: opaque outside */

/* What flows along an edge of the graph (ONNX: a value of one name). */
typedef struct rung_value_info {
  const char *name;                /* unique within its graph and those around it */
  rung_type type;                  /* as far as inference knows it */
  rung_value *constant;            /* initializer or folded: known before the first run; else NULL */
  rung_node *producer;             /* NULL for graph inputs and constants */
  uint32_t uses;                   /* how many node inputs, captures and graph outputs read it */
  uint32_t index;                  /* in the values of the graph that owns it */
  uint32_t mark;                   /* scratch of the host's walks */
  struct rung_value_info *forward; /* the host's: read this one instead (while a pass runs) */
  rung_graph *graph;               /* the graph that owns it */
  /* What inference knows of the contents of a small integer tensor (shape arithmetic): `known_count` elements, each a
   * number or a symbol like a dimension's (RUNG_IS_SYMBOL). NULL when nothing is known. */
  const int64_t *known;
  uint32_t known_count;
} rung_value_info;

/* Numbered as in ONNX's AttributeProto.AttributeType. */
typedef enum rung_attribute_type {
  RUNG_ATTRIBUTE_FLOAT = 1,
  RUNG_ATTRIBUTE_INT = 2,
  RUNG_ATTRIBUTE_STRING = 3,
  RUNG_ATTRIBUTE_TENSOR = 4,
  RUNG_ATTRIBUTE_GRAPH = 5,
  RUNG_ATTRIBUTE_FLOATS = 6,
  RUNG_ATTRIBUTE_INTS = 7,
  RUNG_ATTRIBUTE_STRINGS = 8,
  RUNG_ATTRIBUTE_TENSORS = 9,
  RUNG_ATTRIBUTE_GRAPHS = 10,
  RUNG_ATTRIBUTE_SPARSE_TENSOR = 11,
  RUNG_ATTRIBUTE_SPARSE_TENSORS = 12,
  RUNG_ATTRIBUTE_TYPE_PROTO = 13,
  RUNG_ATTRIBUTE_TYPE_PROTOS = 14,
} rung_attribute_type;

/* The member that `type` names is set; of a list, `count` elements. */
typedef struct rung_attribute {
  const char *name;
  rung_attribute_type type;
  size_t count;
  float f;
  int64_t i;
  rung_str s;
  rung_value *tensor; /* also sparse */
  rung_graph *graph;  /* the body of a control-flow operator */
  const rung_type *type_proto;
  const float *floats;
  const int64_t *ints;
  const rung_str *strings;
  rung_value **tensors;
  rung_graph **graphs;
} rung_attribute;

struct rung_node {
  const char *name;   /* made up when the model gives none; unique in the graph */
  const char *domain; /* "" is ai.onnx */
  const char *op_type;
  int64_t opset;   /* the version of `domain` that the model imports here */
  int64_t version; /* that the host's definition reads it as: `opset`, or that of the operator it is another name of */
  uint32_t index;  /* in graph->nodes */
  uint32_t input_count, output_count, attribute_count, capture_count;
  rung_value_info **inputs;  /* NULL: an optional input that is left out */
  rung_value_info **outputs; /* NULL: an optional output that nobody wants */
  rung_attribute *attributes;
  rung_value_info **captures; /* what its bodies read from the graphs around them, in no order */
  rung_graph *graph;          /* the graph it stands in */
  uint32_t mark;              /* scratch of the host's walks */
  uint32_t refused_by;        /* the host's: bit i says that link i of the chain refused it when it compiled */
  uint32_t pinned_to;         /* the host's: 1 + the link of the chain that the user keeps it to; 0: none */
  const struct rung_op *op;   /* NULL: only a provider may know it */
  const void *params;         /* attributes in the form of the host's definition; NULL without one */
  uint32_t expands; /* the host's: 1: nobody claims it, and it is to be written as the operators that make it up */
};

/* A graph, a body, or an island: then `inputs` are the values that enter it, and `outputs` those read outside. */
struct rung_graph {
  const char *name;
  uint32_t node_count, value_count, input_count, output_count;
  rung_node **nodes;        /* topological order */
  rung_value_info **values; /* all it owns, NULL where one was removed; an island owns none */
  rung_value_info **inputs;
  rung_value_info **outputs;
  rung_node *parent;  /* the node whose body this is; NULL for the main graph */
  struct rung_ir *ir; /* what owns it all; opaque outside */
};

#ifdef __cplusplus
}
#endif
#endif
