#include "support/onnx.h"

rung_text onnx_bytes(void) {
  rung_text out;
  rung_text_init(&out, &rung_system_allocator);
  return out;
}

void onnx_opset(rung_text *out, uint32_t number, const char *domain, int64_t version) {
  size_t opset = rung_put_begin(out, number);
  rung_put_text(out, 1, domain);
  rung_put_int(out, 2, version);
  rung_put_end(out, opset);
}

void onnx_header(rung_text *out) {
  rung_put_int(out, MODEL_IR, 8);
  onnx_opset(out, MODEL_OPSET, "", 17);
}

void onnx_node(rung_text *out, const char *name, const char *op_type, const char *input, const char *output) {
  size_t node = rung_put_begin(out, GRAPH_NODE);
  rung_put_text(out, NODE_INPUT, input);
  rung_put_text(out, NODE_OUTPUT, output);
  rung_put_text(out, NODE_NAME, name);
  rung_put_text(out, NODE_OP, op_type);
  rung_put_end(out, node);
}

rung_text onnx_model(onnx_part *part, const void *context) {
  rung_text out = onnx_bytes();
  onnx_header(&out);
  size_t graph = rung_put_begin(&out, MODEL_GRAPH);
  rung_put_text(&out, GRAPH_NAME, "main");
  if (part) part(&out, context);
  rung_put_end(&out, graph);
  return out;
}

typedef struct inner {
  onnx_part *part;
  const void *context;
} inner;

static void write_initializer(rung_text *out, const void *context) {
  const inner *tensor = context;
  size_t begin = rung_put_begin(out, GRAPH_INITIALIZER);
  rung_put_text(out, TENSOR_NAME, "w");
  tensor->part(out, tensor->context);
  rung_put_end(out, begin);
}

rung_text onnx_tensor_model(onnx_part *part, const void *context) {
  return onnx_model(write_initializer, &(inner){part, context});
}

rung_status *onnx_parse(const rung_text *bytes, const rung_model_options *options, rung_model **out_model) {
  rung_model *model = NULL;
  rung_status *status = rung_model_parse(&rung_system_allocator, NULL, bytes->data, bytes->size, options, &model);
  if (out_model)
    *out_model = model;
  else
    rung_model_release(model);
  return status;
}

rung_status *onnx_try(rung_text bytes) {
  rung_status *status = onnx_parse(&bytes, NULL, NULL);
  rung_text_finish(&bytes);
  return status;
}
