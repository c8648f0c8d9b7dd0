/* Small ONNX models in memory, put together field by field; also broken ones. */
#ifndef RUNG_TESTS_ONNX_H
#define RUNG_TESTS_ONNX_H

#include "model/model.h"
#include "model/writer.h"

/* Field numbers, as in onnx.proto. */
enum {
  MODEL_IR = 1,
  MODEL_GRAPH = 7,
  MODEL_OPSET = 8,
  MODEL_PROPERTY = 14,
  MODEL_FUNCTION = 25,
  GRAPH_NODE = 1,
  GRAPH_NAME = 2,
  GRAPH_INITIALIZER = 5,
  GRAPH_INPUT = 11,
  GRAPH_OUTPUT = 12,
  GRAPH_VALUE = 13,
  GRAPH_SPARSE = 15,
  NODE_INPUT = 1,
  NODE_OUTPUT = 2,
  NODE_NAME = 3,
  NODE_OP = 4,
  NODE_ATTRIBUTE = 5,
  NODE_DOMAIN = 7,
  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_INT = 3,
  ATTRIBUTE_TENSOR = 5,
  ATTRIBUTE_GRAPH = 6,
  ATTRIBUTE_INTS = 8,
  ATTRIBUTE_TYPE = 20,
  ATTRIBUTE_REFERENCE = 21,
  TENSOR_DIM = 1,
  TENSOR_DTYPE = 2,
  TENSOR_FLOATS = 4,
  TENSOR_INT32S = 5,
  TENSOR_STRING = 6,
  TENSOR_INT64S = 7,
  TENSOR_NAME = 8,
  TENSOR_RAW = 9,
  TENSOR_DOUBLES = 10,
  TENSOR_UINT64S = 11,
  TENSOR_EXTERNAL = 13,
  TENSOR_LOCATION = 14,
};

/* Writes what stands inside a message. */
typedef void onnx_part(rung_text *out, const void *context);

/* Empty, with the system's allocator. */
rung_text onnx_bytes(void);
/* ir_version 8 and opset 17. */
void onnx_header(rung_text *out);
void onnx_opset(rung_text *out, uint32_t number, const char *domain, int64_t version);
/* A node with one input and one output. */
void onnx_node(rung_text *out, const char *name, const char *op_type, const char *input, const char *output);
/* Header and a graph "main" that holds what `part` writes; NULL: nothing. */
rung_text onnx_model(onnx_part *part, const void *context);
/* A model whose graph holds one initializer "w" with the fields that `part` writes. */
rung_text onnx_tensor_model(onnx_part *part, const void *context);

/* rung_model_parse with the system's allocator. `out_model` may be NULL: then a model is freed. */
rung_status *onnx_parse(const rung_text *bytes, const rung_model_options *options, rung_model **out_model);
/* The same for bytes that are then freed. */
rung_status *onnx_try(rung_text bytes);

#endif
