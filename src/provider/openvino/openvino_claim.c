/* What OpenVINO takes: its C interface cannot be asked, so claims come from a table of ours and are settled by
 * compiling. A refusal here names what does not fit.
 *
 * OpenVINO's processor plugin keeps 64-bit integers in 32 bits. So int64 is taken where it is an index, a shape, or is
 * only moved, and a constant must fit; what flows in is looked at when it runs (openvino_run.c). It computes float64 in
 * 32 bits, too: that is refused. */
#include "provider/openvino/openvino.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

enum {
  SINGLE = RUNG_SET(RUNG_F32),
  FLOATS = SINGLE | RUNG_SET(RUNG_F16),
  WIDE = RUNG_SET(RUNG_I32),
  INDICES = RUNG_SET(RUNG_I64) | WIDE,
  BYTES = RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8),
  BOOLEANS = RUNG_SET(RUNG_BOOL),
  BITS = BYTES | WIDE,
  ARITHMETIC = FLOATS | WIDE,
  DATA = FLOATS | INDICES | BYTES | BOOLEANS,
};

/* One question about one node, and its answer. */
typedef struct inquiry {
  const rung_host *host;
  const rung_node *node;
  rung_reason reason;
  char words[256];
} inquiry;

static bool refuse(inquiry *q, rung_reason reason, const char *format, ...) RUNG_PRINTF(3, 4);
static bool refuse(inquiry *q, rung_reason reason, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(q->words, sizeof q->words, format, args);
  va_end(args);
  q->reason = reason;
  return false;
}

/* Reading nodes */

static int64_t int_attribute(const inquiry *q, const char *name, int64_t fallback) {
  const rung_attribute *a = q->host->attribute(q->node, name);
  return a && a->type == RUNG_ATTRIBUTE_INT ? a->i : fallback;
}

static int64_t entry(const inquiry *q, const char *name, size_t at, int64_t fallback) {
  const rung_attribute *a = q->host->attribute(q->node, name);
  return a && a->type == RUNG_ATTRIBUTE_INTS && at < a->count ? a->ints[at] : fallback;
}

/* Is a text attribute one of `choices`, separated by '|'? The default counts as the first. */
static bool is_one_of(inquiry *q, const char *name, const char *choices) {
  const rung_attribute *a = q->host->attribute(q->node, name);
  if (!a || a->type != RUNG_ATTRIBUTE_STRING) return true;
  for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
    if (strcspn(at, "|") == a->s.size && strncasecmp(at, a->s.data, a->s.size) == 0) return true;
  return refuse(q, RUNG_REASON_ATTRIBUTE, "%s is \"%.*s\"", name, (int)RUNG_MIN(a->s.size, 60), a->s.data);
}

static const rung_value_info *input(const inquiry *q, uint32_t i) {
  return i < q->node->input_count ? q->node->inputs[i] : NULL;
}

static bool has_output(const inquiry *q, uint32_t i) { return i < q->node->output_count && q->node->outputs[i]; }

static bool is_constant(inquiry *q, uint32_t i) {
  const rung_value_info *info = input(q, i);
  return !info || info->constant || refuse(q, RUNG_REASON_INPUT, "input %u must be constant", i);
}

/* Further conditions of the table */

static bool constant_second(inquiry *q) { return is_constant(q, 1); }

static bool is_inference(inquiry *q) {
  bool plain = int_attribute(q, "training_mode", 0) == 0 && !has_output(q, 1);
  return plain || refuse(q, RUNG_REASON_ATTRIBUTE, "training, or outputs that only training has");
}

/* OpenVINO makes nothing of an operator that hands on its input, and then does not fill the output. */
static bool has_several(inquiry *q) {
  return q->node->input_count > 1 || refuse(q, RUNG_REASON_INPUT, "a single input");
}

static bool without_scores(inquiry *q) {
  return !has_output(q, 3) || refuse(q, RUNG_REASON_ATTRIBUTE, "the scores as fourth output");
}

static bool has_rank_4(inquiry *q) {
  int32_t rank = input(q, 0)->type.rank;
  return rank == 4 || refuse(q, RUNG_REASON_RANK, "rank %d, it takes 4", rank);
}

/* Its processor plugin computes with 1 whatever the bias is. */
static bool has_bias_1(inquiry *q) {
  const rung_attribute *a = q->host->attribute(q->node, "bias");
  bool is_1 = !a || a->type != RUNG_ATTRIBUTE_FLOAT || a->f == 1;
  return is_1 || refuse(q, RUNG_REASON_ATTRIBUTE, "bias %g, it takes 1", a->f);
}

static bool fits_convolution(inquiry *q) {
  int32_t rank = input(q, 0)->type.rank;
  return (rank >= 3 && rank <= 5) || refuse(q, RUNG_REASON_RANK, "rank %d, it takes 3 to 5", rank);
}

/* With ceil_mode ONNX leaves out a last window that begins behind the input and its padding in front; OpenVINO does
 * not. Where a window reaches as far as the next one begins, and the padding behind it, there is none. */
static bool fits_pool(inquiry *q) {
  if (!fits_convolution(q)) return false;
  if (has_output(q, 1)) return refuse(q, RUNG_REASON_ATTRIBUTE, "indices as second output");
  size_t rank = (size_t)input(q, 0)->type.rank - 2;
  for (size_t i = 0; i < rank && int_attribute(q, "ceil_mode", 0); i++) {
    int64_t span = (entry(q, "kernel_shape", i, 1) - 1) * entry(q, "dilations", i, 1) + 1;
    if (entry(q, "strides", i, 1) + entry(q, "pads", rank + i, 0) > span)
      return refuse(q, RUNG_REASON_ATTRIBUTE, "ceil_mode with strides or padding beyond the window");
  }
  return true;
}

static bool fits_pad(inquiry *q) {
  if (input(q, 3)) return refuse(q, RUNG_REASON_INPUT, "axes");
  return is_one_of(q, "mode", "constant|reflect|edge");
}

static bool fits_roi(inquiry *q) { return is_one_of(q, "mode", "avg"); }

static bool fits_slice(inquiry *q) { return is_constant(q, 3) && is_constant(q, 4); }

static bool per_tensor_or_axis(inquiry *q) {
  return int_attribute(q, "block_size", 0) == 0 || refuse(q, RUNG_REASON_ATTRIBUTE, "block_size");
}

static bool fits_resize(inquiry *q) {
  bool sizes = input(q, 3) != NULL;
  if (!is_one_of(q, "coordinate_transformation_mode",
                 sizes ? "half_pixel|pytorch_half_pixel|align_corners|asymmetric|tf_half_pixel_for_nn"
                       : "half_pixel|pytorch_half_pixel|asymmetric|tf_half_pixel_for_nn"))
    return false;
  if (!is_one_of(q, "keep_aspect_ratio_policy", "stretch")) return false;
  if (q->host->attribute(q->node, "axes")) return refuse(q, RUNG_REASON_ATTRIBUTE, "axes");
  if (int_attribute(q, "antialias", 0)) return refuse(q, RUNG_REASON_ATTRIBUTE, "antialias");
  if (int_attribute(q, "exclude_outside", 0)) return refuse(q, RUNG_REASON_ATTRIBUTE, "exclude_outside");
  return true;
}

static bool fits_recurrence(inquiry *q) {
  static const char *const known[] = {"sigmoid", "tanh", "relu"};
  const rung_attribute *a = q->host->attribute(q->node, "activations");
  for (size_t i = 0; a && a->type == RUNG_ATTRIBUTE_STRINGS && i < a->count; i++) {
    bool found = false;
    for (size_t k = 0; k < RUNG_COUNT(known); k++)
      found |=
          strlen(known[k]) == a->strings[i].size && strncasecmp(known[k], a->strings[i].data, a->strings[i].size) == 0;
    if (!found)
      return refuse(q, RUNG_REASON_ATTRIBUTE, "activation \"%.*s\"", (int)RUNG_MIN(a->strings[i].size, 60),
                    a->strings[i].data);
  }
  if (int_attribute(q, "layout", 0)) return refuse(q, RUNG_REASON_ATTRIBUTE, "layout 1");
  if (int_attribute(q, "input_forget", 0)) return refuse(q, RUNG_REASON_ATTRIBUTE, "input_forget");
  if (q->host->attribute(q->node, "clip")) return refuse(q, RUNG_REASON_ATTRIBUTE, "clip");
  if (input(q, 7)) return refuse(q, RUNG_REASON_INPUT, "peephole weights");
  return true;
}

/* The table */

typedef struct capability {
  const char *op_type;
  int32_t first, last;
  rung_dtypes types;
  bool (*condition)(inquiry *q);
} capability;

static const capability capabilities[] = {
#define OPENVINO_OP(op_type, first, last, types, condition) {#op_type, first, last, types, condition},
#include "provider/openvino/openvino_ops.inc"
#undef OPENVINO_OP
};

static const capability *find_capability(const char *domain, const char *op_type) {
  if (domain[0]) return NULL;
  for (size_t i = 0; i < RUNG_COUNT(capabilities); i++)
    if (strcmp(capabilities[i].op_type, op_type) == 0) return &capabilities[i];
  return NULL;
}

/* Types */

static bool is_small_as_a_shape(const rung_type *type) {
  enum { MOST = 64 };
  return type->rank == 0 || (type->rank == 1 && type->dims[0] >= 0 && type->dims[0] <= MOST);
}

/* The ends of slices are cut to the dimension, whatever they are. */
static bool fits_32_bits(inquiry *q, const rung_value_info *info) {
  const rung_tensor *t = info->constant ? q->host->tensor(info->constant) : NULL;
  if (!t || t->dtype != RUNG_I64 || strcmp(q->node->op_type, "Slice") == 0) return true;
  for (size_t i = 0, count = rung_tensor_count(t); i < count; i++) {
    int64_t number;
    memcpy(&number, (const char *)t->data + i * sizeof number, sizeof number);
    if (number < INT32_MIN || number > INT32_MAX)
      return refuse(q, RUNG_REASON_INPUT, "constant %s holds %lld, OpenVINO computes in 32 bits", info->name,
                    (long long)number);
  }
  return true;
}

static bool takes_value(inquiry *q, const capability *c, const rung_value_info *info) {
  const rung_type *type = &info->type;
  if (type->kind != RUNG_TENSOR) return refuse(q, RUNG_REASON_TYPE, "%s is no tensor", info->name);
  bool known = type->dtype && (RUNG_SET(type->dtype) & c->types);
  if (!known && !(type->dtype == RUNG_I64 && is_small_as_a_shape(type)))
    return refuse(q, RUNG_REASON_TYPE, "%s%s", rung_dtype_name(type->dtype),
                  type->dtype == RUNG_I64 ? " (OpenVINO computes in 32 bits)" : "");
  if (type->rank < 0) return refuse(q, RUNG_REASON_RANK, "the rank of %s is not known", info->name);
  for (int32_t i = 0; i < type->rank && !info->constant; i++) /* an empty constant stands for what is left out */
    if (type->dims[i] == 0) return refuse(q, RUNG_REASON_INPUT, "%s is empty", info->name);
  return fits_32_bits(q, info);
}

static bool takes_types(inquiry *q, const capability *c) {
  const rung_node *node = q->node;
  for (uint32_t i = 0; i < node->input_count + node->output_count; i++) {
    const rung_value_info *info = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
    if (info && !takes_value(q, c, info)) return false;
  }
  return true;
}

/* Answers */

static bool takes(inquiry *q) {
  const rung_node *node = q->node;
  for (uint32_t i = 0; i < node->attribute_count; i++)
    if (node->attributes[i].type == RUNG_ATTRIBUTE_GRAPH || node->attributes[i].type == RUNG_ATTRIBUTE_GRAPHS)
      return refuse(q, RUNG_REASON_CONTROL_FLOW, "the session drives %s", node->op_type);
  const capability *c = find_capability(node->domain, node->op_type);
  if (!c) return refuse(q, RUNG_REASON_OPERATOR, "%s%s%s", node->domain, node->domain[0] ? "." : "", node->op_type);
  if (!node->op || node->opset < c->first || node->opset > c->last)
    return refuse(q, RUNG_REASON_OPSET, "opset %lld, it takes %d to %d", (long long)node->opset, c->first, c->last);
  return takes_types(q, c) && (!c->condition || c->condition(q));
}

static rung_status *claim_nodes(const rung_host *host, const rung_graph *graph, rung_claims *claims) {
  for (uint32_t n = 0; n < graph->node_count; n++) {
    inquiry q = {.host = host, .node = graph->nodes[n]};
    if (takes(&q))
      host->accept(claims, q.node);
    else
      host->refuse(claims, q.node, q.reason, "%s", q.words);
  }
  return NULL;
}

rung_status *rung__openvino_claim(void *state, const rung_graph *graph, rung_claims *claims) {
  return claim_nodes(((const openvino_provider *)state)->host, graph, claims);
}

static rung_status *claim_offline(const rung_host *host, const rung_option *options, size_t option_count,
                                  const rung_graph *graph, rung_claims *claims) {
  (void)options, (void)option_count;
  return claim_nodes(host, graph, claims);
}

const rung_offline rung__openvino_offline = {
    .struct_size = sizeof(rung_offline),
    .source = "OpenVINO 2024.3 and 2026.4, as tried with ONNX's node cases",
    .claim = claim_offline,
};

int rung__openvino_support(const char *domain, const char *op_type, char *types, size_t size) {
  const capability *c = find_capability(domain, op_type);
  size_t at = 0;
  if (!c) return 0;
  types[0] = 0;
  for (rung_dtype dtype = RUNG_F32; rung_dtype_facts(dtype); dtype++)
    if ((c->types & RUNG_SET(dtype)) && at < size)
      at += (size_t)snprintf(types + at, size - at, "%s%s", at ? " " : "", rung_dtype_name(dtype));
  return 1;
}
