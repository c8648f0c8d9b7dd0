#include "model/model_facts.h"

static size_t count_nodes(const rung_model_node *nodes, size_t count) {
  size_t total = count;
  for (size_t n = 0; n < count; n++)
    for (size_t a = 0; a < nodes[n].attribute_count; a++) {
      const rung_model_attribute *attribute = &nodes[n].attributes[a];
      size_t graphs =
          attribute->value.type == RUNG_ATTRIBUTE_GRAPHS ? attribute->value.count : attribute->graphs != NULL;
      for (size_t g = 0; attribute->graphs && g < graphs; g++)
        total += count_nodes(attribute->graphs[g]->nodes, attribute->graphs[g]->node_count);
    }
  return total;
}

rung_model_facts rung_model_count_facts(const rung_model *model) {
  rung_model_facts facts = {.struct_size = sizeof facts,
                            .ir_version = model->ir_version,
                            .model_version = model->model_version,
                            .producer_name = model->producer_name,
                            .producer_version = model->producer_version,
                            .domain = model->domain,
                            .doc = model->doc,
                            .graph_name = model->graph->name,
                            .file_bytes = model->bytes,
                            .opset_count = model->opset_count,
                            .property_count = model->property_count,
                            .function_count = model->function_count,
                            .dimension_count = model->symbol_count};
  facts.node_count = count_nodes(model->graph->nodes, model->graph->node_count);
  for (size_t i = 0; i < model->function_count; i++)
    facts.node_count += count_nodes(model->functions[i].nodes, model->functions[i].node_count);
  for (size_t i = 0; i < model->tensors.count; i++) {
    if (model->tensors.at[i]->kind != RUNG_TENSOR) continue;
    facts.weight_bytes += model->tensors.at[i]->tensor.size;
    facts.weight_count += rung_tensor_count(&model->tensors.at[i]->tensor);
  }
  return facts;
}
