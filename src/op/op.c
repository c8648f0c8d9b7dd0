/* Definitions in general: the table, signatures, reading attributes. */
#include "op/op.h"

#include "base/str.h"

#define RUNG_OP(symbol) extern const rung_op rung_op_##symbol;
#define RUNG_OP_DRIVEN(symbol) RUNG_OP(symbol)
#define RUNG_OP_EXPANDED(symbol) RUNG_OP(symbol)
#define RUNG_OP_ALIAS(symbol, where, text, of, as) \
  static const rung_op rung_op_##symbol = {        \
      .domain = where, .name = text, .since = 1, .same_as = &rung_op_##of, .version = as};
#include "op/ops.inc"
#undef RUNG_OP
#undef RUNG_OP_ALIAS

static const rung_op *const table[] = {
#define RUNG_OP(symbol) &rung_op_##symbol,
#define RUNG_OP_ALIAS(symbol, where, text, of, as) &rung_op_##symbol,
#include "op/ops.inc"
#undef RUNG_OP
#undef RUNG_OP_ALIAS
#undef RUNG_OP_DRIVEN
#undef RUNG_OP_EXPANDED
};

const rung_op *const *rung_op_all(size_t *out_count) {
  *out_count = RUNG_COUNT(table);
  return table;
}

const rung_op *rung_op_find(const char *domain, const char *name) {
  /* A few hundred short names, once per node: a linear look is microseconds and needs no set-up. */
  for (size_t i = 0; i < RUNG_COUNT(table); i++)
    if (strcmp(table[i]->name, name) == 0 && strcmp(table[i]->domain, domain) == 0) return table[i];
  return NULL;
}

int64_t rung_op_newest(const char *domain) {
  static const struct {
    const char *domain;
    int64_t version;
  } newest[] = {
      {"", 28}, {"ai.onnx.ml", 5}, {"ai.onnx.preview.training", 1}, {"ai.onnx.preview", 1}, {"com.microsoft", 1}};
  for (size_t i = 0; i < RUNG_COUNT(newest); i++)
    if (strcmp(newest[i].domain, domain) == 0) return newest[i].version;
  return 0;
}

/* Signatures */

static bool parse_place(const char *text, size_t size, rung_place *place) {
  const char *colon = memchr(text, ':', size);
  if (!colon) return false;
  *place = (rung_place){.name = {text, (size_t)(colon - text)}};
  rung_str type = {colon + 1, size - place->name.size - 1};
  if (type.size > 3 && memcmp(type.data + type.size - 3, "...", 3) == 0) {
    place->variadic = true;
    type.size -= 3;
  }
  if (type.size > 1 && type.data[type.size - 1] == '?') {
    place->optional = true;
    type.size--;
  }
  if (type.size == 1 && type.data[0] >= 'A' && type.data[0] <= 'Z')
    place->variable = type.data[0];
  else
    place->dtype = rung_dtype_parse(type);
  return true;
}

static bool find_place(const char *text, const char *end, uint32_t index, rung_place *place) {
  for (uint32_t i = 0; text < end; i++) {
    while (text < end && *text == ' ') text++;
    const char *stop = text;
    while (stop < end && *stop != ' ') stop++;
    if (stop == text || !parse_place(text, (size_t)(stop - text), place)) return false;
    if (i == index || place->variadic) return true;
    text = stop;
  }
  return false;
}

bool rung_op_input(const rung_op *op, uint32_t index, rung_place *out_place) {
  const char *arrow = strstr(op->signature, "->");
  return find_place(op->signature, arrow, index, out_place);
}

bool rung_op_output(const rung_op *op, uint32_t index, rung_place *out_place) {
  const char *arrow = strstr(op->signature, "->") + 2;
  return find_place(arrow, arrow + strlen(arrow), index, out_place);
}

/* Attributes */

static const struct {
  rung_attribute_type type;
  const char *name;
} kind_types[] = {
    [RUNG_ATTR_KIND_INT] = {RUNG_ATTRIBUTE_INT, "an int"},
    [RUNG_ATTR_KIND_FLOAT] = {RUNG_ATTRIBUTE_FLOAT, "a float"},
    [RUNG_ATTR_KIND_STR] = {RUNG_ATTRIBUTE_STRING, "a string"},
    [RUNG_ATTR_KIND_CHOICE] = {RUNG_ATTRIBUTE_STRING, "a string"},
    [RUNG_ATTR_KIND_INTS] = {RUNG_ATTRIBUTE_INTS, "a list of ints"},
    [RUNG_ATTR_KIND_FLOATS] = {RUNG_ATTRIBUTE_FLOATS, "a list of floats"},
    [RUNG_ATTR_KIND_STRS] = {RUNG_ATTRIBUTE_STRINGS, "a list of strings"},
    [RUNG_ATTR_KIND_TENSOR] = {RUNG_ATTRIBUTE_TENSOR, "a tensor"},
    [RUNG_ATTR_KIND_GRAPH] = {RUNG_ATTRIBUTE_GRAPH, "a graph"},
    [RUNG_ATTR_KIND_TYPE] = {RUNG_ATTRIBUTE_TYPE_PROTO, "a type"},
};

/* The index of `choice` in "a|b|c", or -1. */
static int choice_index(const char *choices, rung_str choice) {
  int index = 0;
  for (const char *at = choices;; index++) {
    const char *bar = strchr(at, '|');
    rung_str candidate = {at, bar ? (size_t)(bar - at) : strlen(at)};
    if (rung_str_equal(candidate, choice)) return index;
    if (!bar) return -1;
    at = bar + 1;
  }
}

static void set_default(const rung_attr *attr, void *member) {
  switch (attr->kind) {
    case RUNG_ATTR_KIND_INT:
      memcpy(member, &attr->int_default, sizeof attr->int_default);
      break;
    case RUNG_ATTR_KIND_FLOAT:
      memcpy(member, &attr->float_default, sizeof attr->float_default);
      break;
    case RUNG_ATTR_KIND_STR:
      *(rung_str *)member = rung_str_of(attr->text);
      break;
    case RUNG_ATTR_KIND_CHOICE:
      *(int *)member = (int)attr->int_default;
      break;
    default:
      break; /* zeroed params: empty list, no tensor */
  }
}

static rung_status *set_value(const rung_attr *attr, const rung_attribute *value, void *member) {
  switch (attr->kind) {
    case RUNG_ATTR_KIND_INT:
      memcpy(member, &value->i, sizeof value->i);
      break;
    case RUNG_ATTR_KIND_FLOAT:
      memcpy(member, &value->f, sizeof value->f);
      break;
    case RUNG_ATTR_KIND_STR:
      *(rung_str *)member = value->s;
      break;
    case RUNG_ATTR_KIND_CHOICE:
      *(int *)member = choice_index(attr->text, value->s);
      RUNG_REQUIRE(*(int *)member >= 0, INVALID_MODEL, "attribute \"%s\" is \"%.*s\", it must be one of %s", attr->name,
                   (int)RUNG_MIN(value->s.size, 64), value->s.data, attr->text);
      break;
    case RUNG_ATTR_KIND_INTS:
      *(rung_ints *)member = (rung_ints){value->ints, value->count};
      break;
    case RUNG_ATTR_KIND_FLOATS:
      *(rung_floats *)member = (rung_floats){value->floats, value->count};
      break;
    case RUNG_ATTR_KIND_STRS:
      *(rung_strs *)member = (rung_strs){value->strings, value->count};
      break;
    case RUNG_ATTR_KIND_TENSOR:
      *(const rung_value **)member = value->tensor;
      break;
    case RUNG_ATTR_KIND_GRAPH:
      *(rung_graph **)member = value->graph;
      break;
    case RUNG_ATTR_KIND_TYPE:
      *(const rung_type **)member = value->type_proto;
      break;
    case RUNG_ATTR_KIND_IGNORED:
      break;
  }
  return NULL;
}

static bool type_fits(const rung_attr *attr, rung_attribute_type type) {
  if (attr->kind == RUNG_ATTR_KIND_IGNORED) return true;
  if (attr->kind == RUNG_ATTR_KIND_TENSOR && type == RUNG_ATTRIBUTE_SPARSE_TENSOR) return true;
  return type == kind_types[attr->kind].type;
}

/* Of several entries with one name (the type has changed), the first that is in force at this opset. */
static const rung_attr *find_attr(const rung_op *op, const char *name, int64_t opset) {
  const rung_attr *found = NULL;
  for (const rung_attr *attr = op->attributes; attr && attr->name; attr++)
    if (strcmp(attr->name, name) == 0 && (!found || (found->until && found->until < opset))) found = attr;
  return found;
}

static rung_status *unknown_attribute(const rung_op *op, const char *name) {
  const char *names[64];
  size_t count = 0;
  for (const rung_attr *attr = op->attributes; attr && attr->name && count < RUNG_COUNT(names); attr++)
    names[count++] = attr->name;
  const char *near = rung_nearest(name, names, count);
  return RUNG_ERROR(INVALID_MODEL, "%s has no attribute \"%s\"%s%s%s", op->name, name, near ? "; did you mean \"" : "",
                    near ? near : "", near ? "\"?" : "");
}

rung_status *rung_op_read(const rung_op *op, const rung_node *node, void *params) {
  for (const rung_attr *attr = op->attributes; attr && attr->name; attr++)
    set_default(attr, (char *)params + attr->offset);
  for (uint32_t i = 0; i < node->attribute_count; i++) {
    const rung_attribute *value = &node->attributes[i];
    const rung_attr *attr = find_attr(op, value->name, node->version);
    if (!attr) return unknown_attribute(op, value->name);
    RUNG_REQUIRE(type_fits(attr, value->type), INVALID_MODEL, "attribute \"%s\" must be %s", attr->name,
                 kind_types[attr->kind].name);
    RUNG_TRY(set_value(attr, value, (char *)params + attr->offset));
  }
  for (const rung_attr *attr = op->attributes; attr && attr->name; attr++) {
    if (!attr->required) continue;
    bool given = false;
    for (uint32_t i = 0; i < node->attribute_count; i++) given |= strcmp(node->attributes[i].name, attr->name) == 0;
    RUNG_REQUIRE(given, INVALID_MODEL, "attribute \"%s\" is missing", attr->name);
  }
  return op->check ? op->check(node, params) : NULL;
}

/* Binding */

static rung_status *check_inputs(const rung_op *op, const rung_node *node) {
  rung_place place;
  for (uint32_t i = 0; i < node->input_count; i++) {
    RUNG_REQUIRE(rung_op_input(op, i, &place), INVALID_MODEL, "%u inputs, at most %u are allowed", node->input_count,
                 i);
    RUNG_REQUIRE(node->inputs[i] || place.optional, INVALID_MODEL, "input %u \"%.*s\" is left out but required", i,
                 (int)place.name.size, place.name.data);
  }
  for (uint32_t i = node->input_count; rung_op_input(op, i, &place) && !place.variadic; i++)
    RUNG_REQUIRE(place.optional, INVALID_MODEL, "input %u \"%.*s\" is missing", i, (int)place.name.size,
                 place.name.data);
  RUNG_REQUIRE(!rung_op_output(op, 0, &place) || node->output_count > 0, INVALID_MODEL, "the node has no output");
  for (uint32_t i = 0; i < node->output_count; i++)
    RUNG_REQUIRE(rung_op_output(op, i, &place), INVALID_MODEL, "%u outputs, at most %u are allowed", node->output_count,
                 i);
  return NULL;
}

rung_status *rung_op_bind(rung_node *node, rung_arena *arena) {
  const rung_op *op = rung_op_find(node->domain, node->op_type);
  node->version = node->opset;
  if (!op || node->opset > rung_op_newest(node->domain)) return NULL;
  if (node->opset < op->since) return NULL;
  if (op->same_as) {
    node->version = op->version;
    op = op->same_as;
  }
  RUNG_TRY(check_inputs(op, node));
  void *params = rung_arena_alloc(arena, 1, op->params_size);
  RUNG_CHECK_ALLOC(params);
  RUNG_TRY(rung_op_read(op, node, params));
  node->op = op;
  node->params = params;
  return NULL;
}

/* Inference */

/* In a run an input may turn out to be nothing (an optional's), or another kind of value than tensors. */
static rung_status *check_kind(const rung_op *op, uint32_t index, const rung_place *place, const rung_type *type) {
  RUNG_REQUIRE(type || place->optional, INVALID_MODEL, "input %u \"%.*s\" holds nothing", index, (int)place->name.size,
               place->name.data);
  bool fits = !type || type->kind == RUNG_TENSOR || type->kind == RUNG_NONE || (op->flags & RUNG_OP_ANY_KIND);
  RUNG_REQUIRE(fits, INVALID_MODEL, "input %u \"%.*s\" is no tensor", index, (int)place->name.size, place->name.data);
  return NULL;
}

rung_status *rung_op_infer(const rung_op *op, rung_infer *infer) {
  rung_dtype bound['Z' + 1] = {0};
  rung_place place;
  for (uint32_t i = 0; i < infer->input_count && rung_op_input(op, i, &place); i++) {
    const rung_type *type = infer->inputs[i].type;
    RUNG_TRY(check_kind(op, i, &place, type));
    if (!type || type->kind != RUNG_TENSOR || !type->dtype) continue;
    rung_dtype expected = place.variable ? bound[(int)place.variable] : place.dtype;
    RUNG_REQUIRE(!expected || expected == type->dtype, INVALID_MODEL, "input %u \"%.*s\" is %s where %s is expected", i,
                 (int)place.name.size, place.name.data, rung_dtype_name(type->dtype), rung_dtype_name(expected));
    if (place.variable) bound[(int)place.variable] = type->dtype;
  }
  for (uint32_t i = 0; i < infer->output_count; i++) {
    infer->outputs[i] = (rung_type){.kind = RUNG_TENSOR, .rank = -1};
    infer->known[i] = (rung_known){0};
    if (rung_op_output(op, i, &place))
      infer->outputs[i].dtype = place.variable ? bound[(int)place.variable] : place.dtype;
  }
  return op->infer ? op->infer(infer) : NULL;
}
