/* LabelEncoder, CategoryMapper, OneHotEncoder, DictVectorizer, CastMap. Tables are made once, by pack. */
#include "op/ml_mapping.h"

#include "base/element.h"
#include "base/str.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/lookup.h"
#include "provider/cpu/form/strided.h"
#include "provider/opwise/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Packed: keys, and where wanted the values in the type of the output, the last one for what is no key. */
typedef struct mapping {
  rung_lookup keys;
  rung_dtype key_type, value_type;
  const char *values;
} mapping;

/* Lists as a model gives them; their data may lie at any byte. */
typedef struct list {
  rung_dtype dtype;
  size_t count;
  const void *data;
} list;

static list list_of_ints(rung_ints ints) { return (list){RUNG_I64, ints.count, ints.at}; }
static list list_of_strings(rung_strs strings) { return (list){RUNG_STRING, strings.count, strings.at}; }
static list list_of_tensor(const rung_value *value) {
  return (list){value->tensor.dtype, rung_tensor_count(&value->tensor), value->tensor.data};
}

/* How keys of this type are looked up: as patterns of numbers that compare equal. */
static uint64_t key_bits(rung_dtype dtype, const void *data, size_t at) {
  uint64_t element = 0;
  size_t size = rung_dtype_size(dtype);
  memcpy(&element, (const char *)data + at * size, size);
  switch (dtype) {
    case RUNG_F32:
    case RUNG_F64:
      return rung_lookup_of_double(rung_element_get(dtype, &element, 0));
    case RUNG_I32:
      return (uint64_t)(int64_t)(int32_t)element;
    case RUNG_I16:
      return (uint64_t)(int64_t)(int16_t)element;
    default:
      return element;
  }
}

static uint32_t find(const mapping *m, const rung_tensor *x, size_t at) {
  if (x->dtype == RUNG_STRING) return rung_lookup_string(&m->keys, ((const rung_str *)x->data)[at]);
  return rung_lookup_bits(&m->keys, key_bits(x->dtype, x->data, at));
}

/* `values` NULL: none. `otherwise` is one element like them. */
static rung_status *make_mapping(const rung_kernel_call *call, const list *keys, const list *values,
                                 const void *otherwise, void **out_packed) {
  size_t table, size = values ? rung_dtype_size(values->dtype) : 0, value_bytes, bytes;
  bool strings = keys->dtype == RUNG_STRING;
  RUNG_REQUIRE(rung_lookup_bytes(keys->count, strings, &table), LIMIT, "a table of %zu keys is too large", keys->count);
  if (!rung_mul_size(keys->count + 1, size, &value_bytes) ||
      !rung_add_size(sizeof(mapping) + table, value_bytes, &bytes))
    return rung_status_out_of_memory();
  mapping *m = rung_alloc(call->host->allocator, bytes, 1, "mapping");
  uint64_t *bits = strings ? NULL : rung_alloc(call->host->allocator, keys->count + 1, sizeof *bits, "keys");
  if (!m || (!strings && !bits)) {
    rung_free(call->host->allocator, m);
    return rung_status_out_of_memory();
  }
  for (size_t i = 0; i < keys->count && bits; i++) bits[i] = key_bits(keys->dtype, keys->data, i);
  rung_lookup_make(&m->keys, keys->count, bits, strings ? keys->data : NULL, m + 1);
  rung_free(call->host->allocator, bits);
  m->key_type = keys->dtype;
  if (values) {
    char *copy = (char *)(m + 1) + table;
    if (values->count) memcpy(copy, values->data, values->count * size);
    memcpy(copy + keys->count * size, otherwise, size);
    m->values = copy;
    m->value_type = values->dtype;
  }
  *out_packed = m;
  return NULL;
}

static rung_status *require_key_type(const mapping *m, rung_dtype dtype) {
  RUNG_RUN_REQUIRE(dtype == m->key_type, "the input is %s, the keys are %s", rung_dtype_name(dtype),
                   rung_dtype_name(m->key_type));
  return NULL;
}

/* LabelEncoder, CategoryMapper */

typedef struct map_job {
  const mapping *m;
  const rung_tensor *x;
  char *y;
  size_t size;
} map_job;

static void map_elements(void *context, size_t begin, size_t end) {
  const map_job *j = context;
  for (size_t i = begin; i < end; i++) {
    uint32_t found = find(j->m, j->x, i);
    size_t number = found == RUNG_LOOKUP_NONE ? j->m->keys.count : found;
    memcpy(j->y + i * j->size, j->m->values + number * j->size, j->size);
  }
}

static rung_status *run_mapping(rung_kernel_call *call) {
  const mapping *m = call->packed;
  const rung_tensor *x = rung_in(call, 0);
  size_t count = rung_tensor_count(x);
  RUNG_TRY(require_key_type(m, x->dtype));
  map_job j = {m, x, NULL, rung_dtype_size(m->value_type)};
  rung_str *strings = NULL;
  if (m->value_type == RUNG_STRING) {
    strings = rung_alloc(call->host->allocator, count + 1, sizeof *strings, "strings");
    RUNG_CHECK_ALLOC(strings);
    j.y = (char *)strings;
  } else {
    j.y = rung_out(call, 0)->data;
  }
  rung_kernel_parallel(call, count, rung_kernel_grain(20), map_elements, &j);
  if (!strings) return NULL;
  rung_status *status = rung_kernel_give_strings(call, 0, x->rank, x->dims, strings);
  rung_free(call->host->allocator, strings);
  return status;
}

/* Where the type of the input decides the direction, it must be known. */
static const char *refuse_unknown_type(const rung_node *node, rung_reason *out_reason) {
  *out_reason = RUNG_REASON_TYPE;
  return node->inputs[0]->type.dtype ? NULL : "the input's type is unknown";
}

/* A list of strings to their numbers, or back; `numbers` empty: 0, 1, 2, ... */
static rung_status *pack_categories(rung_kernel_call *call, rung_strs strings, rung_ints numbers,
                                    rung_str default_string, int64_t default_int64, void **out_packed) {
  list names = list_of_strings(strings);
  int64_t *count_up = NULL;
  if (!numbers.count && strings.count) {
    count_up = rung_alloc(call->host->allocator, strings.count, sizeof *count_up, "numbers");
    RUNG_CHECK_ALLOC(count_up);
    for (size_t i = 0; i < strings.count; i++) count_up[i] = (int64_t)i;
    numbers = (rung_ints){count_up, strings.count};
  }
  list ints = list_of_ints(numbers);
  bool from_strings = call->node->inputs[0]->type.dtype == RUNG_STRING;
  rung_status *status = from_strings ? make_mapping(call, &names, &ints, &default_int64, out_packed)
                                     : make_mapping(call, &ints, &names, &default_string, out_packed);
  rung_free(call->host->allocator, count_up);
  return status;
}

static rung_status *pack_LabelEncoder(rung_kernel_call *call, void **out_packed) {
  const rung_label_encoder_params *p = call->params;
  if (p->classes_strings.count)
    return pack_categories(call, p->classes_strings, (rung_ints){0}, p->default_string, p->default_int64, out_packed);
  list keys = p->keys_tensor          ? list_of_tensor(p->keys_tensor)
              : p->keys_strings.count ? list_of_strings(p->keys_strings)
              : p->keys_int64s.count  ? list_of_ints(p->keys_int64s)
                                      : (list){RUNG_F32, p->keys_floats.count, p->keys_floats.at};
  list values = p->values_tensor          ? list_of_tensor(p->values_tensor)
                : p->values_strings.count ? list_of_strings(p->values_strings)
                : p->values_int64s.count  ? list_of_ints(p->values_int64s)
                                          : (list){RUNG_F32, p->values_floats.count, p->values_floats.at};
  double default_double = (double)p->default_float;
  int32_t default_int32 = (int32_t)rung_f64_to_i64((double)p->default_int64);
  int16_t default_int16 = (int16_t)default_int32;
  const void *otherwise = values.dtype == RUNG_STRING ? (const void *)&p->default_string
                          : values.dtype == RUNG_I64  ? (const void *)&p->default_int64
                          : values.dtype == RUNG_I32  ? (const void *)&default_int32
                          : values.dtype == RUNG_I16  ? (const void *)&default_int16
                          : values.dtype == RUNG_F64  ? (const void *)&default_double
                                                      : (const void *)&p->default_float;
  if (p->default_tensor) otherwise = p->default_tensor->tensor.data;
  return make_mapping(call, &keys, &values, otherwise, out_packed);
}

#define LABELS                                                                                                \
  {'T', RUNG_SET_STRING | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I16) | \
            RUNG_SET(RUNG_F64)}

const rung_kernel rung_cpu_ml_LabelEncoder = {
    .types = {LABELS}, .refuse = refuse_unknown_type, .pack = pack_LabelEncoder, .run = run_mapping};

static rung_status *pack_CategoryMapper(rung_kernel_call *call, void **out_packed) {
  const rung_category_mapper_params *p = call->params;
  return pack_categories(call, p->cats_strings, p->cats_int64s, p->default_string, p->default_int64, out_packed);
}

const rung_kernel rung_cpu_ml_CategoryMapper = {.types = {{'T', RUNG_SET_STRING | RUNG_SET(RUNG_I64)}},
                                                .refuse = refuse_unknown_type,
                                                .pack = pack_CategoryMapper,
                                                .run = run_mapping};

/* OneHotEncoder: numbers are made integers first */

static rung_status *pack_OneHotEncoder(rung_kernel_call *call, void **out_packed) {
  const rung_one_hot_encoder_params *p = call->params;
  list keys = p->cats_strings.count ? list_of_strings(p->cats_strings) : list_of_ints(p->cats_int64s);
  return make_mapping(call, &keys, NULL, NULL, out_packed);
}

static rung_status *run_OneHotEncoder(rung_kernel_call *call) {
  const rung_one_hot_encoder_params *p = call->params;
  const mapping *m = call->packed;
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor *y = rung_out(call, 0);
  size_t count = rung_tensor_count(x);
  bool is_float = x->dtype == RUNG_F32 || x->dtype == RUNG_F64;
  RUNG_TRY(require_key_type(m, x->dtype == RUNG_STRING ? RUNG_STRING : RUNG_I64));
  rung_strided_zero(call, y->data, y->size);
  for (size_t i = 0; i < count && !rung_kernel_stops_at(call, i); i++) {
    uint32_t found = is_float
                         ? rung_lookup_bits(&m->keys, (uint64_t)rung_f64_to_i64(rung_element_get(x->dtype, x->data, i)))
                         : find(m, x, i);
    RUNG_RUN_REQUIRE(found != RUNG_LOOKUP_NONE || p->zeros, "element %zu is none of the categories", i);
    if (found != RUNG_LOOKUP_NONE) ((float *)y->data)[i * m->keys.count + found] = 1;
  }
  return NULL;
}

const rung_kernel rung_cpu_ml_OneHotEncoder = {
    .types = {{'T',
               RUNG_SET_STRING | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64)}},
    .pack = pack_OneHotEncoder,
    .run = run_OneHotEncoder};

/* Maps */

static rung_status *take_map(const rung_kernel_call *call, const rung_tensor **keys, const rung_tensor **values) {
  const rung_value *map = call->inputs[0];
  RUNG_RUN_REQUIRE(map->kind == RUNG_MAP && map->count == 2 && map->items[0]->kind == RUNG_TENSOR &&
                       map->items[1]->kind == RUNG_TENSOR,
                   "the input must be a map to numbers or strings");
  *keys = &map->items[0]->tensor;
  *values = &map->items[1]->tensor;
  RUNG_RUN_REQUIRE(rung_tensor_count(*keys) == rung_tensor_count(*values), "the map has %zu keys and %zu values",
                   rung_tensor_count(*keys), rung_tensor_count(*values));
  return NULL;
}

/* DictVectorizer: keys outside of the vocabulary are passed over */

static rung_status *pack_DictVectorizer(rung_kernel_call *call, void **out_packed) {
  const rung_dict_vectorizer_params *p = call->params;
  list keys = p->string_vocabulary.count ? list_of_strings(p->string_vocabulary) : list_of_ints(p->int64_vocabulary);
  return make_mapping(call, &keys, NULL, NULL, out_packed);
}

static rung_status *run_DictVectorizer(rung_kernel_call *call) {
  const mapping *m = call->packed;
  const rung_tensor *keys, *values;
  RUNG_TRY(take_map(call, &keys, &values));
  RUNG_TRY(require_key_type(m, keys->dtype));
  size_t count = rung_tensor_count(keys), size = rung_dtype_size(values->dtype);
  RUNG_RUN_REQUIRE(!rung_dtype_is_packed(values->dtype), "the map has values of %s", rung_dtype_name(values->dtype));
  int64_t dims[2] = {1, (int64_t)m->keys.count};
  char *row = rung_alloc(call->host->allocator, m->keys.count + 1, size, "row");
  RUNG_CHECK_ALLOC(row);
  for (size_t i = 0; i < count; i++) {
    uint32_t found = find(m, keys, i);
    if (found != RUNG_LOOKUP_NONE) memcpy(row + found * size, (const char *)values->data + i * size, size);
  }
  rung_status *status = NULL;
  rung_tensor *out;
  if (values->dtype == RUNG_STRING)
    status = rung_kernel_give_strings(call, 0, 2, dims, (const rung_str *)row);
  else if (!(status = rung_kernel_output(call, 0, values->dtype, 2, dims, &out)) && out)
    memcpy(out->data, row, m->keys.count * size);
  rung_free(call->host->allocator, row);
  return status;
}

const rung_kernel rung_cpu_ml_DictVectorizer = {
    .flags = RUNG_KERNEL_OWN_SHAPE, .pack = pack_DictVectorizer, .run = run_DictVectorizer};

/* CastMap: values in the order of their keys, or at the places that the keys name */

enum { MOST_DIGITS = 48 };

typedef struct entry {
  int64_t key;
  double number;
  rung_str text;
  char digits[MOST_DIGITS];
} entry;

static int compare_entries(const void *a, const void *b) {
  int64_t x = ((const entry *)a)->key, y = ((const entry *)b)->key;
  return x < y ? -1 : x > y;
}

static rung_status *read_number(rung_str text, double *out) {
  char digits[MOST_DIGITS], *end;
  RUNG_RUN_REQUIRE(text.size && text.size < sizeof digits, "\"%.*s\" is no number", (int)RUNG_MIN(text.size, 32),
                   text.data);
  memcpy(digits, text.data, text.size);
  digits[text.size] = 0;
  *out = strtod(digits, &end);
  RUNG_RUN_REQUIRE(*end == 0, "\"%s\" is no number", digits);
  return NULL;
}

static rung_status *read_entries(const rung_cast_map_params *p, const rung_tensor *keys, const rung_tensor *values,
                                 entry *entries) {
  size_t count = rung_tensor_count(keys);
  bool from_text = values->dtype == RUNG_STRING, to_text = p->cast_to == RUNG_CAST_MAP_STRING;
  for (size_t i = 0; i < count; i++) {
    entry *e = &entries[i];
    e->key = ((const int64_t *)keys->data)[i];
    if (from_text)
      e->text = ((const rung_str *)values->data)[i];
    else
      e->number = rung_element_get(values->dtype, values->data, i);
    if (from_text && !to_text) RUNG_TRY(read_number(e->text, &e->number));
    if (!from_text && to_text) snprintf(e->digits, sizeof e->digits, "%.8g", e->number);
  }
  qsort(entries, count, sizeof *entries, compare_entries);
  for (size_t i = 0; i < count && to_text && !from_text; i++) entries[i].text = rung_str_of(entries[i].digits);
  return NULL;
}

static rung_status *give_entries(rung_kernel_call *call, const entry *entries, size_t count, rung_str *texts,
                                 size_t length) {
  const rung_cast_map_params *p = call->params;
  int64_t dims[2] = {1, (int64_t)length};
  bool sparse = p->map_form == RUNG_CAST_MAP_SPARSE, to_text = p->cast_to == RUNG_CAST_MAP_STRING;
  rung_tensor *out = NULL;
  if (!to_text)
    RUNG_TRY(rung_kernel_output(call, 0, p->cast_to == RUNG_CAST_MAP_FLOAT ? RUNG_F32 : RUNG_I64, 2, dims, &out));
  if (!to_text && !out) return NULL;
  if (out && out->size) memset(out->data, 0, out->size);
  for (size_t i = 0; i < count; i++) {
    size_t place = sparse ? (size_t)entries[i].key : i;
    RUNG_RUN_REQUIRE(!sparse || (entries[i].key >= 0 && place < length), "key %" PRId64 " is outside [0, %zu)",
                     entries[i].key, length);
    if (to_text)
      texts[place] = entries[i].text;
    else if (p->cast_to == RUNG_CAST_MAP_FLOAT)
      ((float *)out->data)[place] = (float)entries[i].number;
    else
      ((int64_t *)out->data)[place] = rung_f64_to_i64(entries[i].number);
  }
  return to_text ? rung_kernel_give_strings(call, 0, 2, dims, texts) : NULL;
}

static rung_status *run_CastMap(rung_kernel_call *call) {
  const rung_cast_map_params *p = call->params;
  const rung_tensor *keys, *values;
  RUNG_TRY(take_map(call, &keys, &values));
  RUNG_RUN_REQUIRE(keys->dtype == RUNG_I64, "the keys must be int64, not %s", rung_dtype_name(keys->dtype));
  RUNG_RUN_REQUIRE(values->dtype == RUNG_STRING || values->dtype == RUNG_F32,
                   "the values must be strings or float32, not %s", rung_dtype_name(values->dtype));
  size_t count = rung_tensor_count(keys), length = p->map_form == RUNG_CAST_MAP_SPARSE ? (size_t)p->max_map : count;
  entry *entries = rung_alloc(call->host->allocator, count + 1, sizeof *entries, "entries");
  rung_str *texts = rung_alloc(call->host->allocator, length + 1, sizeof *texts, "texts");
  rung_status *status = entries && texts ? NULL : rung_status_out_of_memory();
  for (size_t i = 0; i < length && !status; i++) texts[i] = rung_str_of("0");
  if (!status) status = read_entries(p, keys, values, entries);
  if (!status) status = give_entries(call, entries, count, texts, length);
  rung_free(call->host->allocator, texts);
  rung_free(call->host->allocator, entries);
  return status;
}

const rung_kernel rung_cpu_ml_CastMap = {.flags = RUNG_KERNEL_OWN_SHAPE, .run = run_CastMap};
