/* Any bytes as a model: parsed with small limits, then every name and every byte of every tensor is looked at. */
#include "model/model.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void touch(const void *data, size_t size) {
  uint64_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += ((const uint8_t *)data)[i];
  sink = sum;
}

static void touch_text(const char *text) { touch(text, strlen(text)); }

static void touch_value(const rung_value *value) {
  for (size_t i = 0; i < value->count; i++) touch_value(value->items[i]);
  if (value->kind != RUNG_TENSOR) return;
  if (value->tensor.size) touch(value->tensor.data, value->tensor.size);
  const rung_str *strings = value->tensor.data;
  if (value->tensor.dtype == RUNG_STRING)
    for (size_t i = 0; i < rung_tensor_count(&value->tensor); i++) touch(strings[i].data, strings[i].size);
}

static void touch_type(const rung_model *model, const rung_type *type) {
  for (int32_t i = 0; i < type->rank; i++) {
    const char *name = RUNG_IS_SYMBOL(type->dims[i]) ? model->symbols[type->dims[i] - RUNG_SYMBOL(0)] : NULL;
    if (name) touch_text(name);
  }
  if (type->element) touch_type(model, type->element);
}

static void touch_values(const rung_model *model, const rung_model_value *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    touch_text(values[i].name);
    touch_type(model, &values[i].type);
  }
}

static void touch_graph(const rung_model *model, const rung_model_graph *graph);

static void touch_attribute(const rung_model *model, const rung_model_attribute *attribute) {
  const rung_attribute *a = &attribute->value;
  touch_text(a->name);
  if (attribute->reference) return;
  if (a->tensor) touch_value(a->tensor);
  if (a->type_proto && a->type == RUNG_ATTRIBUTE_TYPE_PROTO) touch_type(model, a->type_proto);
  touch(a->s.data, a->s.size);
  for (size_t i = 0; i < a->count; i++) {
    if (attribute->graphs) touch_graph(model, attribute->graphs[i]);
    if (a->tensors) touch_value(a->tensors[i]);
    if (a->strings) touch(a->strings[i].data, a->strings[i].size);
    if (a->floats) touch(&a->floats[i], sizeof(float));
    if (a->ints) touch(&a->ints[i], sizeof(int64_t));
    if (a->type == RUNG_ATTRIBUTE_TYPE_PROTOS) touch_type(model, &a->type_proto[i]);
  }
}

static void touch_nodes(const rung_model *model, const rung_model_node *nodes, size_t count) {
  for (const rung_model_node *node = nodes; node < nodes + count; node++) {
    touch_text(node->op_type);
    for (size_t i = 0; i < node->input_count; i++) touch_text(node->inputs[i]);
    for (size_t i = 0; i < node->output_count; i++) touch_text(node->outputs[i]);
    for (size_t i = 0; i < node->attribute_count; i++) touch_attribute(model, &node->attributes[i]);
  }
}

static void touch_graph(const rung_model *model, const rung_model_graph *graph) {
  touch_text(graph->name);
  touch_values(model, graph->inputs, graph->input_count);
  touch_values(model, graph->outputs, graph->output_count);
  touch_values(model, graph->values, graph->value_count);
  for (size_t i = 0; i < graph->initializer_count; i++) {
    touch_text(graph->initializers[i].name);
    touch_value(graph->initializers[i].value);
  }
  touch_nodes(model, graph->nodes, graph->node_count);
}

static void touch_model(const rung_model *model) {
  for (size_t i = 0; i < model->opset_count; i++) touch_text(model->opsets[i].domain);
  for (size_t i = 0; i < model->property_count; i++) touch_text(model->properties[i].value);
  for (const rung_model_function *f = model->functions; f < model->functions + model->function_count; f++) {
    touch_values(model, f->values, f->value_count);
    touch_nodes(model, f->nodes, f->node_count);
    for (size_t i = 0; i < f->default_count; i++) touch_attribute(model, &f->defaults[i]);
  }
  touch_graph(model, model->graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const rung_model_options options = {
      .limits = {.depth = 30, .nodes = 1000, .functions = 20, .tensor_bytes = 1 << 24, .decoded_bytes = 1 << 24}};
  rung_model *model = NULL;
  rung_status *status = rung_model_parse(&rung_system_allocator, NULL, data, size, &options, &model);
  if (model) touch_model(model);
  rung_status_free(status);
  rung_model_release(model);
  return 0;
}
