#include "op/ml_mapping.h"

#include "base/value.h"
#include "op/op_infer.h"

/* LabelEncoder */

typedef struct list {
  const char *name;
  size_t count;
  rung_dtype dtype;
} list;

static list tensor_list(const char *name, const rung_value *value) {
  if (!value) return (list){name, 0, RUNG_UNDEFINED};
  return (list){name, rung_tensor_count(&value->tensor), value->tensor.dtype};
}

/* The one list that is there. */
static rung_status *only_one(const list *lists, size_t count, list *out) {
  *out = (list){0};
  for (size_t i = 0; i < count; i++) {
    if (!lists[i].count) continue;
    RUNG_MODEL_REQUIRE(!out->count, "%s and %s are both given", out->name, lists[i].name);
    *out = lists[i];
  }
  RUNG_MODEL_REQUIRE(out->count, "%s and its like are all missing", lists[0].name);
  return NULL;
}

static bool is_label(rung_dtype dtype) {
  return RUNG_SET(dtype) & (RUNG_SET_STRING | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_I32) |
                            RUNG_SET(RUNG_I16) | RUNG_SET(RUNG_F64));
}

static rung_status *check_tensors(const rung_label_encoder_params *p) {
  const rung_value *tensors[] = {p->keys_tensor, p->values_tensor, p->default_tensor};
  for (size_t i = 0; i < RUNG_COUNT(tensors); i++)
    RUNG_MODEL_REQUIRE(!tensors[i] || (tensors[i]->kind == RUNG_TENSOR && is_label(tensors[i]->tensor.dtype)),
                       "keys, values and default must be tensors of strings or numbers");
  return NULL;
}

static rung_status *check_LabelEncoder(const rung_node *node, void *params) {
  rung_label_encoder_params *p = params;
  list keys, values;
  if (node->version < 2) {
    p->count = p->classes_strings.count;
    RUNG_MODEL_REQUIRE(p->count, "classes_strings is missing");
    return NULL;
  }
  RUNG_TRY(check_tensors(p));
  RUNG_TRY(only_one((const list[]){{"keys_strings", p->keys_strings.count, RUNG_STRING},
                                   {"keys_int64s", p->keys_int64s.count, RUNG_I64},
                                   {"keys_floats", p->keys_floats.count, RUNG_F32},
                                   tensor_list("keys_tensor", p->keys_tensor)},
                    4, &keys));
  RUNG_TRY(only_one((const list[]){{"values_strings", p->values_strings.count, RUNG_STRING},
                                   {"values_int64s", p->values_int64s.count, RUNG_I64},
                                   {"values_floats", p->values_floats.count, RUNG_F32},
                                   tensor_list("values_tensor", p->values_tensor)},
                    4, &values));
  RUNG_MODEL_REQUIRE(keys.count == values.count, "%s has %zu elements, %s %zu", keys.name, keys.count, values.name,
                     values.count);
  if (p->default_tensor)
    RUNG_MODEL_REQUIRE(
        p->default_tensor->tensor.dtype == values.dtype && rung_tensor_count(&p->default_tensor->tensor) == 1,
        "default_tensor must be one element of %s", rung_dtype_name(values.dtype));
  p->key_type = keys.dtype;
  p->value_type = values.dtype;
  p->count = keys.count;
  return NULL;
}

static rung_status *infer_LabelEncoder(rung_infer *infer) {
  const rung_label_encoder_params *p = infer->params;
  rung_dtype from = rung_infer_input(infer, 0)->dtype;
  RUNG_MODEL_REQUIRE(!p->key_type || !from || from == p->key_type, "the input is %s, the keys are %s",
                     rung_dtype_name(from), rung_dtype_name(p->key_type));
  infer->outputs[0].dtype = p->value_type ? p->value_type : from == RUNG_STRING ? RUNG_I64 : RUNG_STRING;
  return rung_infer_elementwise(infer);
}

static const rung_attr label_encoder_attrs[] = {{.name = "classes_strings",
                                                 .kind = RUNG_ATTR_KIND_STRS,
                                                 .offset = offsetof(rung_label_encoder_params, classes_strings),
                                                 .until = 1},
                                                RUNG_ATTR_STRS(rung_label_encoder_params, keys_strings),
                                                RUNG_ATTR_STRS(rung_label_encoder_params, values_strings),
                                                RUNG_ATTR_INTS(rung_label_encoder_params, keys_int64s),
                                                RUNG_ATTR_INTS(rung_label_encoder_params, values_int64s),
                                                RUNG_ATTR_FLOATS(rung_label_encoder_params, keys_floats),
                                                RUNG_ATTR_FLOATS(rung_label_encoder_params, values_floats),
                                                RUNG_ATTR_TENSOR(rung_label_encoder_params, keys_tensor),
                                                RUNG_ATTR_TENSOR(rung_label_encoder_params, values_tensor),
                                                RUNG_ATTR_TENSOR(rung_label_encoder_params, default_tensor),
                                                RUNG_ATTR_STR(rung_label_encoder_params, default_string, "_Unused"),
                                                RUNG_ATTR_INT(rung_label_encoder_params, default_int64, -1),
                                                RUNG_ATTR_FLOAT(rung_label_encoder_params, default_float, -0.0f),
                                                {0}};

const rung_op rung_op_ml_LabelEncoder = {.name = "LabelEncoder",
                                         .domain = "ai.onnx.ml",
                                         .since = 1,
                                         .signature = "X:T -> Y:U",
                                         .params_size = sizeof(rung_label_encoder_params),
                                         .attributes = label_encoder_attrs,
                                         .check = check_LabelEncoder,
                                         .infer = infer_LabelEncoder};

/* CategoryMapper */

static rung_status *check_CategoryMapper(const rung_node *node, void *params) {
  (void)node;
  const rung_category_mapper_params *p = params;
  RUNG_MODEL_REQUIRE(p->cats_int64s.count == p->cats_strings.count, "cats_int64s has %zu elements, cats_strings %zu",
                     p->cats_int64s.count, p->cats_strings.count);
  return NULL;
}

static rung_status *infer_CategoryMapper(rung_infer *infer) {
  rung_dtype from = rung_infer_input(infer, 0)->dtype;
  if (from) infer->outputs[0].dtype = from == RUNG_STRING ? RUNG_I64 : RUNG_STRING;
  return rung_infer_elementwise(infer);
}

static const rung_attr category_mapper_attrs[] = {RUNG_ATTR_INTS(rung_category_mapper_params, cats_int64s),
                                                  RUNG_ATTR_STRS(rung_category_mapper_params, cats_strings),
                                                  RUNG_ATTR_INT(rung_category_mapper_params, default_int64, -1),
                                                  RUNG_ATTR_STR(rung_category_mapper_params, default_string, "_Unused"),
                                                  {0}};

const rung_op rung_op_ml_CategoryMapper = {.name = "CategoryMapper",
                                           .domain = "ai.onnx.ml",
                                           .since = 1,
                                           .signature = "X:T -> Y:U",
                                           .params_size = sizeof(rung_category_mapper_params),
                                           .attributes = category_mapper_attrs,
                                           .check = check_CategoryMapper,
                                           .infer = infer_CategoryMapper};

/* OneHotEncoder */

static rung_status *check_OneHotEncoder(const rung_node *node, void *params) {
  (void)node;
  const rung_one_hot_encoder_params *p = params;
  RUNG_MODEL_REQUIRE(!p->cats_int64s.count != !p->cats_strings.count,
                     "one of cats_int64s and cats_strings must be given");
  return NULL;
}

static rung_status *infer_OneHotEncoder(rung_infer *infer) {
  const rung_one_hot_encoder_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK + 1];
  if (x->rank < 0) return NULL;
  memcpy(dims, x->dims, (size_t)x->rank * sizeof *dims);
  dims[x->rank] = (int64_t)(p->cats_int64s.count + p->cats_strings.count);
  return rung_infer_shape(infer, 0, x->rank + 1, dims);
}

static const rung_attr one_hot_encoder_attrs[] = {RUNG_ATTR_INTS(rung_one_hot_encoder_params, cats_int64s),
                                                  RUNG_ATTR_STRS(rung_one_hot_encoder_params, cats_strings),
                                                  RUNG_ATTR_INT(rung_one_hot_encoder_params, zeros, 1),
                                                  {0}};

const rung_op rung_op_ml_OneHotEncoder = {.name = "OneHotEncoder",
                                          .domain = "ai.onnx.ml",
                                          .since = 1,
                                          .signature = "X:T -> Y:float32",
                                          .params_size = sizeof(rung_one_hot_encoder_params),
                                          .attributes = one_hot_encoder_attrs,
                                          .check = check_OneHotEncoder,
                                          .infer = infer_OneHotEncoder};

/* DictVectorizer, CastMap: of a map they make one row */

static rung_status *check_map(const rung_infer *infer) {
  rung_kind kind = rung_infer_input(infer, 0)->kind;
  RUNG_MODEL_REQUIRE(kind == RUNG_MAP || kind == RUNG_NONE, "the input must be a map");
  return NULL;
}

static rung_status *check_DictVectorizer(const rung_node *node, void *params) {
  (void)node;
  const rung_dict_vectorizer_params *p = params;
  RUNG_MODEL_REQUIRE(!p->int64_vocabulary.count != !p->string_vocabulary.count,
                     "one of int64_vocabulary and string_vocabulary must be given");
  return NULL;
}

static rung_status *infer_DictVectorizer(rung_infer *infer) {
  const rung_dict_vectorizer_params *p = infer->params;
  const rung_type *map = rung_infer_input(infer, 0);
  RUNG_TRY(check_map(infer));
  if (!map->element) return NULL; /* a value that is there: the kernel looks at it */
  infer->outputs[0].dtype = map->element->dtype;
  return rung_infer_shape(infer, 0, 2,
                          (const int64_t[]){1, (int64_t)(p->int64_vocabulary.count + p->string_vocabulary.count)});
}

static const rung_attr dict_vectorizer_attrs[] = {RUNG_ATTR_INTS(rung_dict_vectorizer_params, int64_vocabulary),
                                                  RUNG_ATTR_STRS(rung_dict_vectorizer_params, string_vocabulary),
                                                  {0}};

const rung_op rung_op_ml_DictVectorizer = {.name = "DictVectorizer",
                                           .domain = "ai.onnx.ml",
                                           .since = 1,
                                           .flags = RUNG_OP_ANY_KIND,
                                           .signature = "X:M -> Y:T",
                                           .params_size = sizeof(rung_dict_vectorizer_params),
                                           .attributes = dict_vectorizer_attrs,
                                           .check = check_DictVectorizer,
                                           .infer = infer_DictVectorizer};

static rung_status *check_CastMap(const rung_node *node, void *params) {
  (void)node;
  enum { MOST = 1 << 24 };
  int64_t length = ((const rung_cast_map_params *)params)->max_map;
  RUNG_MODEL_REQUIRE(length > 0 && length <= MOST, "max_map is %lld", (long long)length);
  return NULL;
}

static rung_status *infer_CastMap(rung_infer *infer) {
  static const rung_dtype types[] = {
      [RUNG_CAST_MAP_FLOAT] = RUNG_F32, [RUNG_CAST_MAP_STRING] = RUNG_STRING, [RUNG_CAST_MAP_INT64] = RUNG_I64};
  const rung_cast_map_params *p = infer->params;
  RUNG_TRY(check_map(infer));
  infer->outputs[0].dtype = types[p->cast_to];
  int64_t dims[2] = {1, p->map_form == RUNG_CAST_MAP_SPARSE ? p->max_map : rung_infer_symbol(infer)};
  return rung_infer_shape(infer, 0, 2, dims);
}

static const rung_attr cast_map_attrs[] = {
    RUNG_ATTR_CHOICE(rung_cast_map_params, cast_to, "TO_FLOAT|TO_STRING|TO_INT64"),
    RUNG_ATTR_CHOICE(rung_cast_map_params, map_form, "DENSE|SPARSE"),
    RUNG_ATTR_INT(rung_cast_map_params, max_map, 1),
    {0}};

const rung_op rung_op_ml_CastMap = {.name = "CastMap",
                                    .domain = "ai.onnx.ml",
                                    .since = 1,
                                    .flags = RUNG_OP_ANY_KIND,
                                    .signature = "X:M -> Y:T",
                                    .params_size = sizeof(rung_cast_map_params),
                                    .attributes = cast_map_attrs,
                                    .check = check_CastMap,
                                    .infer = infer_CastMap};
