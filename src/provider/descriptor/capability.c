#include "provider/descriptor/capability.h"

#include "base/str.h"
#include "op/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* One question about one node, and its answer. */
typedef struct inquiry {
  const rung_capabilities *table;
  const rung_host *host;
  const rung_node *node;
  const rung_node *quantizer; /* behind the node, when it is asked about as one with its neighbours; else NULL */
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

const char *rung_option_given(const rung_option *options, size_t count, const char *key, const char *fallback) {
  for (size_t i = count; i-- > 0;)
    if (strcmp(options[i].key, key) == 0) return options[i].value;
  return fallback;
}

/* Rows */

/* NULL when no row fits; then *out_first and *out_last are the versions that rows of the operator hold for. */
static const rung_capability *find_row(const inquiry *q, int32_t *out_first, int32_t *out_last) {
  const rung_node *node = q->node;
  const char *domain = q->quantizer ? RUNG_QDQ : node->domain;
  *out_first = *out_last = 0;
  for (size_t i = 0; i < q->table->count; i++) {
    const rung_capability *row = &q->table->rows[i];
    if (strcmp(row->op_type, node->op_type) != 0 || strcmp(row->domain, domain) != 0) continue;
    if (node->opset >= row->first && node->opset <= row->last) return row;
    if (!*out_first || row->first < *out_first) *out_first = row->first;
    *out_last = RUNG_MAX(*out_last, row->last);
  }
  return NULL;
}

static bool refuse_opset(inquiry *q, int32_t first, int32_t last) {
  if (last == RUNG_NO_LAST_OPSET)
    return refuse(q, RUNG_REASON_OPSET, "opset %lld, it takes %d and newer", (long long)q->node->opset, first);
  return refuse(q, RUNG_REASON_OPSET, "opset %lld, it takes %d to %d", (long long)q->node->opset, first, last);
}

/* Types and shapes */

/* The DequantizeLinear that makes a value, or NULL. */
static const rung_node *dequantizer(const rung_value_info *info) {
  const rung_node *node = info ? info->producer : NULL;
  return node && strcmp(node->op_type, "DequantizeLinear") == 0 && node->input_count >= 2 ? node : NULL;
}

static const rung_value_info *input(const inquiry *q, long i) {
  const rung_value_info *info = i >= 0 && (uint32_t)i < q->node->input_count ? q->node->inputs[i] : NULL;
  const rung_node *before = q->quantizer ? dequantizer(info) : NULL;
  return before ? before->inputs[0] : info;
}

/* The place of an input or output; false when the signature says nothing of it. */
static bool place_of(const rung_node *node, uint32_t i, rung_place *out_place) {
  return i < node->input_count ? rung_op_input(node->op, i, out_place)
                               : rung_op_output(node->op, i - node->input_count, out_place);
}

static bool takes_type(inquiry *q, const rung_capability *row, const rung_value_info *info, const rung_place *place,
                       char *first_variable) {
  if (info->type.kind != RUNG_TENSOR)
    return refuse(q, RUNG_REASON_TYPE, info->type.kind ? "%.*s is no tensor" : "the type of %.*s is not known",
                  (int)place->name.size, place->name.data);
  if (!place->variable) return true;
  if (!*first_variable) *first_variable = place->variable;
  rung_dtypes known = place->variable == *first_variable ? row->types : row->others;
  return (info->type.dtype && (RUNG_SET(info->type.dtype) & known)) ||
         refuse(q, RUNG_REASON_TYPE, "%.*s is %s", (int)place->name.size, place->name.data,
                rung_dtype_name(info->type.dtype));
}

/* Are the dimensions from `first` on known? */
static bool is_known(inquiry *q, const rung_type *type, rung_str name, int32_t first) {
  if (type->rank < 0)
    return refuse(q, RUNG_REASON_DYNAMIC_DIMENSION, "the shape of %.*s is not known", (int)name.size, name.data);
  for (int32_t i = first; i < type->rank; i++)
    if (type->dims[i] < 0)
      return refuse(q, RUNG_REASON_DYNAMIC_DIMENSION, "dimension %d of %.*s is not known", i, (int)name.size,
                    name.data);
  return true;
}

static bool takes_tensors(inquiry *q, const rung_capability *row) {
  const rung_node *node = q->node;
  char first_variable = 0;
  for (uint32_t i = 0; i < node->input_count + node->output_count; i++) {
    const rung_value_info *info = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
    rung_place place;
    if (!info || !place_of(node, i, &place)) continue;
    if (!takes_type(q, row, info, &place, &first_variable)) return false;
    if (q->table->most_rank && info->type.rank > q->table->most_rank)
      return refuse(q, RUNG_REASON_RANK, "%.*s has rank %d, it takes up to %d", (int)place.name.size, place.name.data,
                    info->type.rank, q->table->most_rank);
    if (q->table->is_static && !is_known(q, &info->type, place.name, 0)) return false;
  }
  return true;
}

/* Limits */

/* Is a text, or a number written as text, one of `choices`, separated by '|'? */
static bool is_one_of(const char *choices, size_t size, rung_str value) {
  for (size_t at = 0; at < size;) {
    size_t end = at;
    while (end < size && choices[end] != '|') end++;
    if (end - at == value.size && strncasecmp(choices + at, value.data, value.size) == 0) return true;
    at = end + 1;
  }
  return false;
}

static const rung_attribute *attribute(const inquiry *q, const char *name, size_t size) {
  for (uint32_t i = 0; i < q->node->attribute_count; i++)
    if (rung_str_is((rung_str){name, size}, q->node->attributes[i].name)) return &q->node->attributes[i];
  return NULL;
}

static bool takes_choice(inquiry *q, const char *word, size_t size, size_t equals) {
  const rung_attribute *a = attribute(q, word, equals);
  const char *choices = word + equals + 1;
  bool required = equals + 1 < size && *choices == '=';
  char text[64];
  if (required) choices++;
  if (!a) return !required || refuse(q, RUNG_REASON_ATTRIBUTE, "%.*s is not set", (int)equals, word);
  rung_str value = a->s;
  if (a->type == RUNG_ATTRIBUTE_INT || a->type == RUNG_ATTRIBUTE_FLOAT) {
    int length = a->type == RUNG_ATTRIBUTE_INT ? snprintf(text, sizeof text, "%lld", (long long)a->i)
                                               : snprintf(text, sizeof text, "%g", (double)a->f);
    value = (rung_str){text, (size_t)length};
  } else if (a->type != RUNG_ATTRIBUTE_STRING) {
    return true;
  }
  return is_one_of(choices, (size_t)(word + size - choices), value) ||
         refuse(q, RUNG_REASON_ATTRIBUTE, "%s is %.*s", a->name, (int)RUNG_MIN(value.size, 60), value.data);
}

static bool takes_rank(inquiry *q, const char *numbers) {
  const rung_value_info *info = input(q, 0);
  char *after;
  long least = strtol(numbers, &after, 10), most = *after == '-' ? strtol(after + 1, NULL, 10) : least;
  if (!info) return true;
  int32_t rank = info->type.rank;
  if (rank < 0) return refuse(q, RUNG_REASON_RANK, "the rank of %s is not known", info->name);
  if (rank >= least && rank <= most) return true;
  return least == most ? refuse(q, RUNG_REASON_RANK, "rank %d, it takes %ld", rank, least)
                       : refuse(q, RUNG_REASON_RANK, "rank %d, it takes %ld to %ld", rank, least, most);
}

static bool takes_ones(inquiry *q, const char *name, size_t size) {
  const rung_attribute *a = attribute(q, name, size);
  for (size_t i = 0; a && a->type == RUNG_ATTRIBUTE_INTS && i < a->count; i++)
    if (a->ints[i] != 1) return refuse(q, RUNG_REASON_ATTRIBUTE, "%s are not all 1", a->name);
  return true;
}

static bool takes_last(inquiry *q, const char *name, size_t size) {
  const rung_attribute *a = attribute(q, name, size);
  const rung_value_info *info = input(q, 0);
  return !a || a->i == -1 || (info && info->type.rank > 0 && a->i == info->type.rank - 1) ||
         refuse(q, RUNG_REASON_ATTRIBUTE, "%s is %lld, not the last one", a->name, (long long)a->i);
}

static bool takes(inquiry *q);

/* The node before is asked as well: a chain of such limits is as long as the table's rows make it, which is 1. */
static bool takes_after(inquiry *q, const char *names, size_t size) {
  const rung_value_info *info = input(q, 0);
  const rung_node *before = info ? info->producer : NULL;
  inquiry there = {.table = q->table, .host = q->host, .node = before};
  return (before && is_one_of(names, size, rung_str_of(before->op_type)) && takes(&there)) ||
         refuse(q, RUNG_REASON_OPERATOR, "%s that follows no %.*s that it takes", q->node->op_type, (int)size, names);
}

static bool is_zero(const inquiry *q, const rung_value_info *info) {
  const rung_tensor *t = q->host->tensor(info->constant);
  for (size_t k = 0; t && k < t->size; k++)
    if (((const unsigned char *)t->data)[k]) return false;
  return t != NULL;
}

/* Are two constants the same, bit for bit? */
static bool is_same(const inquiry *q, const rung_value_info *a, const rung_value_info *b) {
  if (!a || !b) return a == b;
  const rung_tensor *x = q->host->tensor(a->constant), *y = q->host->tensor(b->constant);
  return x && y && x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
}

static const rung_value_info *zero_point(const rung_node *step) {
  return step->input_count > 2 ? step->inputs[2] : NULL;
}

/* A limit about how the output of a group is quantized; that scales are constant is known by now. */
static bool takes_scale(inquiry *q, bool same) {
  const rung_node *after = q->quantizer, *before = dequantizer(q->node->inputs[0]);
  if (same)
    return (is_same(q, before->inputs[1], after->inputs[1]) && is_same(q, zero_point(before), zero_point(after))) ||
           refuse(q, RUNG_REASON_INPUT, "the output is quantized otherwise than the input");
  const rung_tensor *scale = q->host->tensor(after->inputs[1]->constant);
  float y_scale = 0;
  if (scale && scale->size == sizeof y_scale) memcpy(&y_scale, scale->data, sizeof y_scale);
  bool is_fit = y_scale > 1.0f / 256 - 1e-4f && y_scale < 1.0f / 256 + 1e-4f;
  return (is_fit && (!zero_point(after) || is_zero(q, zero_point(after)))) ||
         refuse(q, RUNG_REASON_INPUT, "the output's scale is not 1/256, or its zero point not 0");
}

/* A limit about input `i`. Words name it as the signature does, so that many nodes are refused in the same words. */
static bool takes_input(inquiry *q, rung_str limit, long i) {
  const rung_value_info *info = input(q, i);
  rung_place place;
  if (i < 0 || !rung_op_input(q->node->op, (uint32_t)i, &place)) return true;
  int size = (int)place.name.size;
  const char *name = place.name.data;
  if (rung_str_is(limit, "given"))
    return info || refuse(q, RUNG_REASON_INPUT, "input %ld (%.*s) must be given", i, size, name);
  if (!info) return true;
  if (rung_str_is(limit, "static")) return is_known(q, &info->type, place.name, 0);
  if (rung_str_is(limit, "inner")) return is_known(q, &info->type, place.name, 1);
  if (rung_str_is(limit, "left"))
    return refuse(q, RUNG_REASON_INPUT, "input %ld (%.*s) must be left out", i, size, name);
  if (info->constant)
    return !rung_str_is(limit, "zero") || is_zero(q, info) ||
           refuse(q, RUNG_REASON_INPUT, "input %ld (%.*s) is not 0", i, size, name);
  bool narrow = rung_str_is(limit, "const32");
  return (narrow && info->type.dtype == RUNG_I32) ||
         refuse(q, RUNG_REASON_INPUT, "input %ld (%.*s) must be constant%s", i, size, name, narrow ? ", or int32" : "");
}

static bool takes_outputs(inquiry *q, long most) {
  for (uint32_t i = (uint32_t)most; i < q->node->output_count; i++)
    if (q->node->outputs[i] && q->node->outputs[i]->uses)
      return refuse(q, RUNG_REASON_ATTRIBUTE, "output %u is read, it makes %ld", i, most);
  return true;
}

/* "mode=CRD?static:0" holds where the attribute is set so. */
static bool applies(const inquiry *q, const char *condition, size_t size) {
  size_t equals = strcspn(condition, "=");
  const rung_attribute *a = attribute(q, condition, equals);
  return a && a->type == RUNG_ATTRIBUTE_STRING && is_one_of(condition + equals + 1, size - equals - 1, a->s);
}

/* One word of the limits. */
static bool takes_limit(inquiry *q, const char *word, size_t size) {
  const char *mark = memchr(word, '?', size);
  if (mark && !applies(q, word, (size_t)(mark - word))) return true;
  size -= mark ? (size_t)(mark + 1 - word) : 0;
  word = mark ? mark + 1 : word;
  size_t head = strcspn(word, ":= ");
  if (head < size && word[head] == '=') return takes_choice(q, word, size, head);
  rung_str limit = {word, RUNG_MIN(head, size)};
  const char *rest = word + RUNG_MIN(head + 1, size);
  size_t left = (size_t)(word + size - rest);
  if (rung_str_is(limit, "rank")) return takes_rank(q, rest);
  if (rung_str_is(limit, "ones")) return takes_ones(q, rest, left);
  if (rung_str_is(limit, "last")) return takes_last(q, rest, left);
  if (rung_str_is(limit, "after")) return takes_after(q, rest, left);
  if (rung_str_is(limit, "unset")) {
    const rung_attribute *a = attribute(q, rest, left);
    return !a || refuse(q, RUNG_REASON_ATTRIBUTE, "%s is set", a->name);
  }
  if (rung_str_is(limit, "scale")) return takes_scale(q, rung_str_is((rung_str){rest, left}, "same"));
  if (rung_str_is(limit, "outputs")) return takes_outputs(q, strtol(rest, NULL, 10));
  for (char *after; left; rest = after + 1) {
    long i = strtol(rest, &after, 10);
    if (!takes_input(q, limit, i)) return false;
    if (*after != ',') break;
  }
  return true;
}

static bool takes_limits(inquiry *q, const char *limits) {
  for (const char *at = limits; at && *at;) {
    size_t size = strcspn(at, " ");
    if (!takes_limit(q, at, size)) return false;
    at += size + (at[size] == ' ');
  }
  return true;
}

/* Answers */

static bool takes(inquiry *q) {
  const rung_node *node = q->node;
  const rung_capabilities *table = q->table;
  int32_t first, last;
  for (uint32_t i = 0; i < node->attribute_count; i++)
    if (node->attributes[i].graph || node->attributes[i].graphs)
      return refuse(q, RUNG_REASON_CONTROL_FLOW, "the session drives %s", node->op_type);
  const rung_capability *row = find_row(q, &first, &last);
  if (!row && !first)
    return refuse(q, RUNG_REASON_OPERATOR, "%s%s%s", node->domain, node->domain[0] ? "." : "", node->op_type);
  if (!row) return refuse_opset(q, first, last);
  if (!node->domain[0] && table->newest && (node->opset < table->oldest || node->opset > table->newest))
    return refuse_opset(q, table->oldest, table->newest);
  if (!node->op) return refuse(q, RUNG_REASON_OPSET, "opset %lld", (long long)node->opset);
  return takes_tensors(q, row) && takes_limits(q, row->limits);
}

/* Groups: an operator between DequantizeLinear and QuantizeLinear, taken as one */

typedef struct group {
  const rung_node *quantizer; /* of the operator; NULL: it is in no group */
  uint32_t readers;           /* of a DequantizeLinear: operators in groups that are taken */
} group;

/* Is everything dequantized that the first type variable of the node's signature names? */
static bool is_dequantized(const rung_node *node) {
  rung_place first, place;
  if (!node->op || !node->input_count || !rung_op_input(node->op, 0, &first)) return false;
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (!node->inputs[i] || !rung_op_input(node->op, i, &place) || place.variable != first.variable) continue;
    const rung_node *before = dequantizer(node->inputs[i]);
    if (!before || before->graph != node->graph) return false;
  }
  return dequantizer(node->inputs[0]) != NULL;
}

/* The operator of the group that ends with a QuantizeLinear, or NULL. */
static const rung_node *grouped(const rung_node *quantizer) {
  if (strcmp(quantizer->op_type, "QuantizeLinear") != 0 || quantizer->input_count < 2) return NULL;
  const rung_value_info *info = quantizer->inputs[0];
  const rung_node *node = info ? info->producer : NULL;
  return node && info->uses == 1 && node->graph == quantizer->graph && is_dequantized(node) ? node : NULL;
}

/* How input `i` of the node is quantized; UINT32_MAX: its output. */
static bool takes_quantized(inquiry *q, rung_dtypes types, const rung_node *step, uint32_t i) {
  bool is_output = i == UINT32_MAX;
  const rung_value_info *x = input(q, 0), *info = is_output ? step->outputs[0] : step->inputs[0];
  const rung_value_info *scale = step->inputs[1], *zero = zero_point(step);
  rung_place place;
  if (!x || !info || !(is_output ? rung_op_output(q->node->op, 0, &place) : rung_op_input(q->node->op, i, &place)))
    return refuse(q, RUNG_REASON_TYPE, "it is not known how it is quantized");
  int size = (int)place.name.size;
  const char *name = place.name.data;
  if (i == 2 ? info->type.dtype != RUNG_I32 : info->type.dtype != x->type.dtype || !(RUNG_SET(x->type.dtype) & types))
    return refuse(q, RUNG_REASON_TYPE, "%.*s is quantized to %s", size, name, rung_dtype_name(info->type.dtype));
  if (!scale || !scale->constant || (zero && !zero->constant))
    return refuse(q, RUNG_REASON_INPUT, "the scale of %.*s must be constant", size, name);
  bool is_one = scale->type.rank == 0 || (scale->type.rank == 1 && scale->type.dims[0] == 1);
  bool is_per_row = i == 1 && info->type.dtype == RUNG_I8 && scale->type.rank == 1 && info->type.rank > 0 &&
                    scale->type.dims[0] == info->type.dims[0];
  return i == 2 || is_one || is_per_row || refuse(q, RUNG_REASON_INPUT, "%.*s has a scale per channel", size, name);
}

static bool takes_group(inquiry *q) {
  const rung_node *node = q->node;
  int32_t first, last;
  const rung_capability *row = find_row(q, &first, &last);
  if (!row && first) return refuse_opset(q, first, last);
  if (!row) return refuse(q, RUNG_REASON_OPERATOR, "quantized %s", node->op_type);
  for (uint32_t i = 0; i < node->input_count; i++) {
    const rung_node *step = dequantizer(node->inputs[i]);
    if (step && !takes_quantized(q, row->types, step, i)) return false;
  }
  return takes_quantized(q, row->types, q->quantizer, UINT32_MAX) && takes_limits(q, row->limits);
}

static void find_groups(const inquiry *any, const rung_graph *graph, group *groups) {
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = grouped(graph->nodes[n]);
    if (!node) continue;
    inquiry q = {.table = any->table, .host = any->host, .node = node, .quantizer = graph->nodes[n]};
    groups[node->index].quantizer = q.quantizer;
    for (uint32_t i = 0; takes_group(&q) && i < node->input_count; i++)
      if (dequantizer(node->inputs[i])) groups[node->inputs[i]->producer->index].readers++;
  }
}

/* The answer about a node of a graph with groups. */
static bool takes_among(inquiry *q, const group *groups) {
  const rung_node *node = q->node, *before = grouped(node);
  const group *g = &groups[node->index];
  if (before) {
    inquiry there = {.table = q->table, .host = q->host, .node = before, .quantizer = node};
    return takes_group(&there) ||
           refuse(q, RUNG_REASON_OPERATOR, "%s behind %s that it does not take", node->op_type, before->op_type);
  }
  if (g->readers)
    return g->readers == node->outputs[0]->uses ||
           refuse(q, RUNG_REASON_OPERATOR, "%s that others read as well", node->op_type);
  q->quantizer = g->quantizer;
  return q->quantizer ? takes_group(q) : takes(q);
}

static bool has_groups(const rung_capabilities *table) {
  for (size_t i = 0; i < table->count; i++)
    if (strcmp(table->rows[i].domain, RUNG_QDQ) == 0) return true;
  return false;
}

rung_status *rung_capabilities_claim(const rung_capabilities *table, const rung_host *host, const rung_graph *graph,
                                     rung_claims *claims) {
  group *groups = NULL;
  inquiry any = {.table = table, .host = host};
  if (graph->node_count && has_groups(table)) {
    groups = rung_alloc(host->allocator, graph->node_count, sizeof *groups, "groups");
    RUNG_CHECK_ALLOC(groups);
    find_groups(&any, graph, groups);
  }
  for (uint32_t n = 0; n < graph->node_count; n++) {
    inquiry q = any;
    q.node = graph->nodes[n];
    if (groups ? takes_among(&q, groups) : takes(&q))
      host->accept(claims, q.node);
    else
      host->refuse(claims, q.node, q.reason, "%s", q.words);
  }
  rung_free(host->allocator, groups);
  return NULL;
}
