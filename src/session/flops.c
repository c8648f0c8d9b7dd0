/* How much arithmetic a node is: the usual count of two operations per multiply-add. */
#include "op/op_infer.h"
#include "session/describe.h"

static double elements(const rung_value_info *info) {
  size_t count;
  if (!info || info->type.kind != RUNG_TENSOR || info->type.rank < 0 ||
      !rung_shape_count(info->type.rank, info->type.dims, &count))
    return 0;
  return (double)count;
}

static double dim(const rung_value_info *info, int32_t axis) {
  if (!info || info->type.rank < 1) return 0;
  if (axis < 0) axis += info->type.rank;
  return axis >= 0 && axis < info->type.rank && info->type.dims[axis] > 0 ? (double)info->type.dims[axis] : 0;
}

/* Weights are (M, C / group, k...): every output element sums over all but M. */
static double convolution(const rung_node *node, uint32_t weights) {
  const rung_value_info *w = node->input_count > weights ? node->inputs[weights] : NULL;
  double m = dim(w, 0);
  return m > 0 ? 2 * elements(node->outputs[0]) * elements(w) / m : 0;
}

/* Weights are (C, M / group, k...): every input element is spread over all but C. */
static double transposed(const rung_node *node) {
  const rung_value_info *w = node->inputs[1];
  double c = dim(w, 0);
  return c > 0 ? 2 * elements(node->inputs[0]) * elements(w) / c : 0;
}

static double product(const rung_node *node) {
  const rung_attribute *trans = NULL;
  for (uint32_t i = 0; i < node->attribute_count; i++)
    if (strcmp(node->attributes[i].name, "transA") == 0) trans = &node->attributes[i];
  return 2 * elements(node->outputs[0]) * dim(node->inputs[0], trans && trans->i ? 0 : -1);
}

/* Every step multiplies input and state with their weights, for all gates and directions. */
static double recurrent(const rung_node *node) {
  double steps = dim(node->inputs[0], 0) * dim(node->inputs[0], 1);
  return node->input_count > 2 ? 2 * steps * (elements(node->inputs[1]) + elements(node->inputs[2])) : 0;
}

static const struct {
  const char *name;
  double (*count)(const rung_node *node);
  uint32_t weights;
} heavy[] = {{"Conv", NULL, 1},
             {"ConvInteger", NULL, 1},
             {"QLinearConv", NULL, 3},
             {"ConvTranspose", transposed, 0},
             {"MatMul", product, 0},
             {"Gemm", product, 0},
             {"MatMulInteger", product, 0},
             {"QLinearMatMul", product, 0},
             {"LSTM", recurrent, 0},
             {"GRU", recurrent, 0},
             {"RNN", recurrent, 0},
             /* com.microsoft */
             {"FusedConv", NULL, 1},
             {"NhwcConv", NULL, 1},
             {"NhwcFusedConv", NULL, 1},
             {"FusedMatMul", product, 0},
             {"TransposeMatMul", product, 0},
             {"FusedGemm", product, 0},
             {"QGemm", product, 0},
             {"MatMulNBits", product, 0},
             {"MatMulBnb4", product, 0},
             {"MatMulIntegerToFloat", product, 0},
             {"DynamicQuantizeMatMul", product, 0},
             {"DynamicQuantizeLSTM", recurrent, 0}};

static const char *const movers[] = {"Reshape",  "Transpose", "Concat",  "Split",     "Slice",   "Gather",
                                     "Identity", "Shape",     "Squeeze", "Unsqueeze", "Flatten", "Expand",
                                     "Tile",     "Pad",       "Size",    "Constant"};

static bool is_mover(const rung_node *node) {
  for (size_t i = 0; i < RUNG_COUNT(movers); i++)
    if (strcmp(movers[i], node->op_type) == 0) return true;
  return !node->output_count || !node->input_count;
}

/* Index in `heavy`, or its length. */
static size_t find_heavy(const rung_node *node) {
  size_t i = 0;
  while (i < RUNG_COUNT(heavy) && strcmp(heavy[i].name, node->op_type) != 0) i++;
  return i;
}

double rung__node_flops(const rung_node *node) {
  if (is_mover(node)) return 0;
  size_t i = find_heavy(node);
  if (i == RUNG_COUNT(heavy)) return elements(node->outputs[0]);
  return heavy[i].count ? heavy[i].count(node) : convolution(node, heavy[i].weights);
}

static bool is_open(const rung_value_info *info) {
  bool may_be_tensor = info && (info->type.kind == RUNG_TENSOR || info->type.kind == RUNG_NONE);
  return may_be_tensor && !rung_type_is_concrete(&info->type);
}

bool rung__node_flops_open(const rung_node *node) {
  if (is_mover(node)) return false;
  bool open = is_open(node->outputs[0]), is_heavy = find_heavy(node) < RUNG_COUNT(heavy);
  for (uint32_t i = 0; i < node->input_count && is_heavy; i++) open |= is_open(node->inputs[i]);
  return open;
}

const char *rung__dimension_name(const rung_instance *instance, int64_t dimension) {
  const rung_model *model = instance->model;
  if (!RUNG_IS_SYMBOL(dimension)) return NULL;
  uint64_t k = (uint64_t)dimension - (uint64_t)INT64_MIN;
  return k < model->symbol_count ? model->symbols[k] : NULL;
}
