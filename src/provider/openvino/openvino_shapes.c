/* What a shape key leads to: our own inference, walked through the island with the real shapes of its inputs.
 *
 * It tells the shape of every output before OpenVINO runs, so that its memory can be handed over, and so that what
 * comes back can be checked: OpenVINO has been seen to return other shapes. And it finds what OpenVINO has to be told
 * otherwise for these shapes. There is one such thing: a pool whose window is larger than its padded input, by less
 * than a stride. Everybody rounds towards zero there and gets one window; OpenVINO refuses it when the shape is known
 * beforehand, and returns nothing when it is not. Padding behind the input says the same to it. */
#include "op/op_infer.h"
#include "op/window.h"
#include "provider/openvino/openvino.h"

typedef struct walker {
  const rung_graph *graph; /* that owns the island's nodes and what they make */
  const rung_graph *island;
  rung_arena *scratch, *kept;
  rung_type *inputs; /* per input of the island */
  rung_type *types;  /* per value of `graph` */
  rung_known *known; /* per value of `graph` */
  int64_t next_symbol;
  openvino_shapes *shapes;
} walker;

static bool is_inside(const walker *w, const rung_value_info *info) {
  return info->producer && info->graph == w->graph && w->types[info->index].kind != RUNG_NONE;
}

static rung_operand operand_of(const walker *w, const rung_value_info *info) {
  if (!info) return (rung_operand){0};
  if (info->constant) return (rung_operand){.type = &info->type, .value = info->constant};
  if (is_inside(w, info))
    return (rung_operand){
        .type = &w->types[info->index], .known = w->known[info->index].at, .known_count = w->known[info->index].count};
  for (uint32_t i = 0; i < w->island->input_count; i++)
    if (w->island->inputs[i] == info) return (rung_operand){.type = &w->inputs[i]};
  return (rung_operand){.type = &info->type};
}

static rung_status *infer_node(walker *w, const rung_node *node) {
  rung_operand *operands = rung_arena_alloc(w->scratch, node->input_count, sizeof *operands);
  rung_type *types = rung_arena_alloc(w->scratch, node->output_count, sizeof *types);
  rung_known *known = rung_arena_alloc(w->scratch, node->output_count, sizeof *known);
  if (!operands || !types || !known) return rung_status_out_of_memory();
  for (uint32_t i = 0; i < node->input_count; i++) operands[i] = operand_of(w, node->inputs[i]);
  memset(known, 0, node->output_count * sizeof *known);
  rung_infer infer = {node,  node->params, node->input_count, node->output_count, operands,
                      types, known,        w->scratch,        &w->next_symbol};
  RUNG_TRY(rung_op_infer(node->op, &infer));
  for (uint32_t i = 0; i < node->output_count; i++) {
    if (!node->outputs[i]) continue;
    w->types[node->outputs[i]->index] = types[i];
    w->known[node->outputs[i]->index] = known[i];
  }
  return NULL;
}

/* Pools */

static int64_t entry(const rung_attribute *a, size_t at, int64_t fallback) {
  return a && a->type == RUNG_ATTRIBUTE_INTS && at < a->count ? a->ints[at] : fallback;
}

/* What is missing of each window, behind the input; true when anything is. */
static bool find_missing(const rung_host *host, const rung_node *node, const rung_type *input, int64_t *pads) {
  const rung_attribute *kernel = host->attribute(node, "kernel_shape"), *given = host->attribute(node, "pads"),
                       *dilations = host->attribute(node, "dilations");
  size_t rank = (size_t)input->rank - 2;
  bool any = false;
  for (size_t i = 0; i < rank; i++) {
    int64_t span = (entry(kernel, i, 1) - 1) * entry(dilations, i, 1) + 1;
    pads[i] = entry(given, i, 0);
    pads[rank + i] = entry(given, rank + i, 0);
    int64_t missing = span - input->dims[2 + i] - pads[i] - pads[rank + i];
    if (input->dims[2 + i] < 0 || missing <= 0) continue;
    pads[rank + i] += missing;
    any = true;
  }
  return any;
}

static bool pads_itself(const rung_host *host, const rung_node *node) {
  const rung_attribute *a = host->attribute(node, "auto_pad");
  return a && a->type == RUNG_ATTRIBUTE_STRING && a->s.size > 4 && memcmp(a->s.data, "SAME", 4) == 0;
}

static bool is_pool(const rung_node *node) {
  return strcmp(node->op_type, "MaxPool") == 0 || strcmp(node->op_type, "AveragePool") == 0;
}

static rung_status *amend_pool(walker *w, const rung_host *host, const rung_node *node) {
  static const rung_attribute explicit_pads = {
      .name = "auto_pad", .type = RUNG_ATTRIBUTE_STRING, .count = 1, .s = {"NOTSET", 6}};
  const rung_type *input = operand_of(w, node->inputs[0]).type;
  if (!is_pool(node) || input->rank < 3 || pads_itself(host, node)) return NULL;
  size_t count = 2 * ((size_t)input->rank - 2);
  int64_t *pads = rung_arena_alloc(w->kept, count, sizeof *pads);
  RUNG_CHECK_ALLOC(pads);
  if (!find_missing(host, node, input, pads)) return NULL;
  rung_amendment *amendments = w->shapes->amendments;
  rung_attribute all = {.name = "pads", .type = RUNG_ATTRIBUTE_INTS, .count = count, .ints = pads};
  amendments[w->shapes->amendment_count++] = (rung_amendment){node, all};
  amendments[w->shapes->amendment_count++] = (rung_amendment){node, explicit_pads};
  return NULL;
}

/* The walk */

static void set_inputs(walker *w, const int64_t *key) {
  for (uint32_t i = 0; i < w->island->input_count; i++) {
    w->inputs[i] = w->island->inputs[i]->type;
    for (int32_t k = 0; k < w->inputs[i].rank; k++) w->inputs[i].dims[k] = *key++;
  }
}

static rung_status *walk(walker *w, const rung_host *host, const int64_t *key) {
  const rung_graph *island = w->island;
  w->inputs = rung_arena_alloc(w->scratch, island->input_count, sizeof *w->inputs);
  w->types = rung_arena_alloc(w->scratch, w->graph->value_count, sizeof *w->types);
  w->known = rung_arena_alloc(w->scratch, w->graph->value_count, sizeof *w->known);
  w->shapes->outputs = rung_arena_alloc(w->kept, island->output_count, sizeof *w->shapes->outputs);
  w->shapes->amendments = rung_arena_alloc(w->kept, 2 * (size_t)island->node_count, sizeof *w->shapes->amendments);
  if (!w->inputs || !w->types || !w->known || !w->shapes->outputs || !w->shapes->amendments)
    return rung_status_out_of_memory();
  set_inputs(w, key);
  for (uint32_t n = 0; n < island->node_count; n++) {
    const rung_node *node = island->nodes[n];
    RUNG_TRY(rung_status_prefix(infer_node(w, node), "node \"%s\" (%s)", node->name, node->op_type));
    RUNG_TRY(amend_pool(w, host, node));
  }
  for (uint32_t i = 0; i < island->output_count; i++) w->shapes->outputs[i] = w->types[island->outputs[i]->index];
  return NULL;
}

rung_status *rung__openvino_infer(const rung_host *host, const rung_graph *island, const int64_t *key,
                                  rung_arena *arena, openvino_shapes *out_shapes) {
  rung_arena scratch;
  rung_arena_init(&scratch, host->allocator);
  *out_shapes = (openvino_shapes){0};
  walker w = {.graph = island->nodes[0]->graph,
              .island = island,
              .scratch = &scratch,
              .kept = arena,
              .next_symbol = RUNG_SYMBOL(1),
              .shapes = out_shapes};
  rung_status *status = walk(&w, host, key);
  rung_arena_finish(&scratch);
  return status;
}
