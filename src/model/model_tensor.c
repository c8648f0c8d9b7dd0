/* TensorProto. Its elements stand in one of four places:
 *   raw_data        the bytes as rung has them: used where they lie
 *   typed fields    float_data and double_data have the same bytes: used where they lie when in one piece, as they are
 *                   in practice. int32_data, int64_data and uint64_data are varints: decoded. int32_data also holds
 *                   the narrower types, one element each, or as many packed ones as a byte has
 *   string_data     an array of spans of the file
 *   external_data   a span of another file */
#include "model/model_reader.h"

#include "base/printable.h"

#include <inttypes.h>

typedef struct tensor_message {
  rung_str name, raw;
  int64_t dtype, location;
  rung_wire_list dims, floats, int32s, int64s, doubles, uint64s;
  rung_str *strings;
  rung_model_entry *entries;
  size_t string_count, entry_count;
} tensor_message;

static rung_status *read_entry(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  static const rung_field fields[] = {
      RUNG_ONE(1, "key", BYTES, rung_model_entry, key),
      RUNG_ONE(2, "value", BYTES, rung_model_entry, value),
  };
  return rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), out, NULL);
}

static rung_status *refuse_segment(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)reader, (void)wire, (void)index, (void)out;
  return RUNG_ERROR(UNSUPPORTED, "tensors in segments are not supported");
}

static const rung_field tensor_fields[] = {
    RUNG_ONE(1, "dims", INTS, tensor_message, dims),
    RUNG_ONE(2, "data_type", INT, tensor_message, dtype),
    {3, "segment", RUNG_FIELD_MESSAGE, false, 0, 0, 0, refuse_segment, RUNG_FIELD_FREE},
    RUNG_ONE(4, "float_data", FLOATS, tensor_message, floats),
    RUNG_ONE(5, "int32_data", INTS, tensor_message, int32s),
    RUNG_MANY(6, "string_data", BYTES, tensor_message, strings, string_count),
    RUNG_ONE(7, "int64_data", INTS, tensor_message, int64s),
    RUNG_ONE(8, "name", BYTES, tensor_message, name),
    RUNG_ONE(9, "raw_data", BYTES, tensor_message, raw),
    RUNG_ONE(10, "double_data", DOUBLES, tensor_message, doubles),
    RUNG_ONE(11, "uint64_data", INTS, tensor_message, uint64s),
    RUNG_MANY_MESSAGES(13, "external_data", tensor_message, entries, entry_count, read_entry),
    RUNG_ONE(14, "data_location", INT, tensor_message, location),
};

/* ---- shape ---- */

/* Element type, dims and size of the whole, without data. */
static rung_status *describe(const rung_reader *reader, const tensor_message *m, rung_tensor *out) {
  *out = (rung_tensor){0};
  RUNG_REQUIRE(m->dtype > 0 && m->dtype < 256 && rung_dtype_facts((rung_dtype)m->dtype), INVALID_MODEL,
               "element type %" PRId64 " does not exist", m->dtype);
  out->dtype = (rung_dtype)m->dtype;
  out->rank = (int32_t)m->dims.count;
  RUNG_TRY(rung__read_dims(&m->dims, out->dims));
  size_t count;
  char shape[RUNG_SHAPE_TEXT];
  RUNG_REQUIRE(rung_shape_count(out->rank, out->dims, &count) && rung_dtype_bytes(out->dtype, count, &out->size),
               INVALID_MODEL, "no tensor of %s can have the shape %s", rung_dtype_name(out->dtype),
               rung_shape_text(out->rank, out->dims, shape));
  RUNG_REQUIRE(out->size <= reader->limits.tensor_bytes, LIMIT,
               "its %zu bytes are more than %" PRIu64 " (limit tensor_bytes)", out->size, reader->limits.tensor_bytes);
  return NULL;
}

/* ---- typed fields ---- */

typedef struct typed_field {
  const char *name;
  size_t list;        /* offset of the rung_wire_list in tensor_message */
  rung_dtypes dtypes; /* that the field can hold */
} typed_field;

static const typed_field typed_fields[] = {
    {"float_data", offsetof(tensor_message, floats), RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_C64)},
    {"int32_data", offsetof(tensor_message, int32s),
     RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I16) | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U16) | RUNG_SET(RUNG_U8) |
         RUNG_SET(RUNG_BOOL) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16) | RUNG_SET_FLOAT8 | RUNG_SET_PACKED},
    {"int64_data", offsetof(tensor_message, int64s), RUNG_SET(RUNG_I64)},
    {"double_data", offsetof(tensor_message, doubles), RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_C128)},
    {"uint64_data", offsetof(tensor_message, uint64s), RUNG_SET(RUNG_U64) | RUNG_SET(RUNG_U32)},
};

static const rung_wire_list *list_of(const tensor_message *m, const typed_field *field) {
  return (const rung_wire_list *)(const void *)((const char *)m + field->list);
}

/* Bytes of one entry of a typed field: an element, half of a complex one, or a byte of packed ones. */
static size_t entry_size(rung_dtype dtype) {
  size_t size = rung_dtype_size(dtype);
  return RUNG_SET(dtype) & RUNG_SET_COMPLEX ? size / 2 : size;
}

static rung_status *decode(rung_reader *reader, const rung_wire_list *list, const rung_tensor *tensor,
                           rung_value **out_value) {
  RUNG_TRY(rung__read_charge(reader, tensor->size));
  rung_value *value;
  RUNG_TRY(rung_value_new_tensor(reader->allocator, tensor->dtype, tensor->rank, tensor->dims, &value));
  rung_status *status = rung_wire_list_decode(list, entry_size(tensor->dtype), value->tensor.data);
  if (status)
    rung_value_release(value);
  else
    *out_value = value;
  return status;
}

static rung_status *wrap(const rung_reader *reader, rung_tensor *tensor, const void *data, rung_value **out_value) {
  tensor->data = (void *)data;
  return rung_value_wrap(reader->allocator, tensor, NULL, NULL, out_value);
}

static rung_status *from_typed(rung_reader *reader, const tensor_message *m, const typed_field *field,
                               rung_tensor *tensor, rung_value **out_value) {
  const rung_wire_list *list = list_of(m, field);
  RUNG_REQUIRE(field->dtypes & RUNG_SET(tensor->dtype), INVALID_MODEL, "its elements are %s, which %s cannot hold",
               rung_dtype_name(tensor->dtype), field->name);
  size_t entries = tensor->size / entry_size(tensor->dtype);
  RUNG_REQUIRE(list->count == entries, INVALID_MODEL, "%s holds %zu numbers, its shape needs %zu", field->name,
               list->count, entries);
  bool as_it_lies = list->type != RUNG_WIRE_VARINT && list->parts == 1 && list->data.data;
  return as_it_lies ? wrap(reader, tensor, list->data.data, out_value) : decode(reader, list, tensor, out_value);
}

/* ---- the other places ---- */

static rung_status *from_raw(rung_reader *reader, const tensor_message *m, rung_tensor *tensor,
                             rung_value **out_value) {
  RUNG_REQUIRE(tensor->dtype != RUNG_STRING, INVALID_MODEL, "strings cannot stand in raw_data");
  RUNG_REQUIRE(m->raw.size == tensor->size, INVALID_MODEL, "raw_data holds %zu bytes, its shape needs %zu", m->raw.size,
               tensor->size);
  return wrap(reader, tensor, m->raw.data, out_value);
}

static rung_status *from_strings(rung_reader *reader, const tensor_message *m, rung_tensor *tensor,
                                 rung_value **out_value) {
  size_t count = tensor->size / sizeof(rung_str);
  RUNG_REQUIRE(tensor->dtype == RUNG_STRING, INVALID_MODEL, "its elements are %s, which string_data cannot hold",
               rung_dtype_name(tensor->dtype));
  RUNG_REQUIRE(m->string_count == count, INVALID_MODEL, "string_data holds %zu strings, its shape needs %zu",
               m->string_count, count);
  return wrap(reader, tensor, m->strings, out_value);
}

static rung_status *from_file(rung_reader *reader, const tensor_message *m, rung_tensor *tensor,
                              rung_value **out_value) {
  RUNG_REQUIRE(tensor->dtype != RUNG_STRING, INVALID_MODEL, "strings cannot stand in another file");
  const uint8_t *data;
  RUNG_TRY(rung__external_data(reader, m->entries, m->entry_count, tensor->size, &data));
  return wrap(reader, tensor, data, out_value);
}

/* Bytes of a bool are 0 or 1 wherever rung computes with them: others are made so in a copy. */
static rung_status *clean_bools(rung_reader *reader, rung_value **value) {
  const rung_tensor *tensor = &(*value)->tensor;
  const uint8_t *from = tensor->data;
  size_t i = 0;
  while (i < tensor->size && from[i] < 2) i++;
  if (i == tensor->size) return NULL;
  rung_value *clean;
  RUNG_TRY(rung__read_charge(reader, tensor->size));
  RUNG_TRY(rung_value_copy_tensor(reader->allocator, tensor, &clean));
  uint8_t *to = clean->tensor.data;
  for (i = 0; i < tensor->size; i++) to[i] = from[i] != 0;
  rung_value_release(*value);
  *value = clean;
  return NULL;
}

/* ---- the whole ---- */

/* At most one place may hold anything; a tensor without elements needs none. */
static rung_status *place(rung_reader *reader, const tensor_message *m, rung_tensor *tensor, rung_value **out_value) {
  const typed_field *typed = NULL;
  int places = (m->raw.size > 0) + (m->string_count > 0) + (m->location == 1);
  for (size_t i = 0; i < RUNG_COUNT(typed_fields); i++)
    if (list_of(m, &typed_fields[i])->count) typed = &typed_fields[i], places++;
  RUNG_REQUIRE(places <= 1, INVALID_MODEL, "its elements stand in several places at once");
  RUNG_REQUIRE(m->location == 0 || m->location == 1, INVALID_MODEL, "data_location %" PRId64 " does not exist",
               m->location);
  if (m->location == 1) return from_file(reader, m, tensor, out_value);
  if (typed) return from_typed(reader, m, typed, tensor, out_value);
  if (m->string_count) return from_strings(reader, m, tensor, out_value);
  if (m->raw.size) return from_raw(reader, m, tensor, out_value);
  char shape[RUNG_SHAPE_TEXT];
  RUNG_REQUIRE(tensor->size == 0, INVALID_MODEL, "it has no data, its shape is %s",
               rung_shape_text(tensor->rank, tensor->dims, shape));
  return wrap(reader, tensor, NULL, out_value);
}

rung_status *rung__tensor_value(rung_reader *reader, rung_wire wire, rung_str *out_name, rung_value **out_value) {
  tensor_message m = {0};
  rung_tensor tensor;
  *out_name = rung_wire_peek(wire, 8);
  RUNG_TRY(rung__read_fields(reader, wire, tensor_fields, RUNG_COUNT(tensor_fields), &m, NULL));
  RUNG_TRY(describe(reader, &m, &tensor));
  rung_value *value;
  RUNG_TRY(place(reader, &m, &tensor, &value));
  rung_status *status = tensor.dtype == RUNG_BOOL ? clean_bools(reader, &value) : NULL;
  if (status)
    rung_value_release(value);
  else
    *out_value = value;
  return status;
}

rung_status *rung__read_tensor(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  rung_str name;
  rung_value *value;
  RUNG_TRY(rung__tensor_value(reader, wire, &name, &value));
  *(rung_value **)out = value;
  return rung__read_keep(reader, value);
}
