/* Single values, as in the files of ONNX test data: TensorProto, SparseTensorProto, SequenceProto, MapProto and
 * OptionalProto. Nothing in the bytes says which of them they are; the caller does. */
#include "model/model_reader.h"

#include <inttypes.h>

static rung_read_fn read_tensor, read_sparse, read_sequence, read_map, read_optional; /* rung_value *: the caller's */

/* ---- tensors: copied, as the bytes are the caller's ---- */

/* The value itself when it owns its data. */
static rung_status *own(rung_reader *reader, rung_value *borrowed, rung_value **out_value) {
  if (borrowed->block) return *out_value = rung_value_retain(borrowed), NULL;
  RUNG_TRY(rung__read_charge(reader, borrowed->tensor.size));
  return rung_value_copy_tensor(reader->allocator, &borrowed->tensor, out_value);
}

static rung_status *read_tensor(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  rung_str name;
  rung_value *borrowed;
  RUNG_TRY(rung_status_prefix(rung__tensor_value(reader, wire, &name, &borrowed), "tensor %zu", index));
  rung_status *status = own(reader, borrowed, out);
  rung_value_release(borrowed);
  return status;
}

static rung_status *read_sparse(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  rung_str name;
  rung_value *borrowed, *items[2] = {0};
  RUNG_TRY(rung_status_prefix(rung__sparse_value(reader, wire, &name, &borrowed), "sparse tensor %zu", index));
  rung_status *status = own(reader, borrowed->items[0], &items[0]);
  if (!status) status = own(reader, borrowed->items[1], &items[1]);
  if (!status) status = rung_value_new_compound(reader->allocator, RUNG_SPARSE, RUNG_UNDEFINED, items, 2, out);
  if (!status) (*(rung_value **)out)->tensor = borrowed->tensor;
  for (size_t i = 0; i < RUNG_COUNT(items); i++) rung_value_release(items[i]);
  rung_value_release(borrowed);
  return status;
}

/* ---- sequences and optionals: the same message but for the number of values ---- */

typedef struct holder {
  int64_t kind; /* elem_type: 1 + index of the only row below that may have values; 0: not said */
  rung_value **items;
  size_t count;
} holder;

static const rung_field holder_fields[] = {
    RUNG_MANY_MESSAGES(3, "tensor_values", holder, items, count, read_tensor),
    RUNG_MANY_MESSAGES(4, "sparse_tensor_values", holder, items, count, read_sparse),
    RUNG_MANY_MESSAGES(5, "sequence_values", holder, items, count, read_sequence),
    RUNG_MANY_MESSAGES(6, "map_values", holder, items, count, read_map),
    RUNG_MANY_MESSAGES(7, "optional_values", holder, items, count, read_optional),
    RUNG_ONE(2, "elem_type", INT, holder, kind),
};
enum { VALUE_ROWS = RUNG_COUNT(holder_fields) - 1 };

static rung_status *check_holder(const holder *from, uint32_t seen) {
  uint32_t kinds = seen & ((1u << VALUE_ROWS) - 1);
  RUNG_REQUIRE(from->kind >= 0 && from->kind <= VALUE_ROWS, INVALID_MODEL, "elem_type %" PRId64 " does not exist",
               from->kind);
  RUNG_REQUIRE((kinds & (kinds - 1)) == 0, INVALID_MODEL, "it holds values of several kinds");
  RUNG_REQUIRE(!from->kind || !kinds || kinds == 1u << (from->kind - 1), INVALID_MODEL,
               "its values are not of the kind that its elem_type names");
  for (size_t i = 1; i < from->count; i++)
    RUNG_REQUIRE(from->items[i]->kind != RUNG_TENSOR || from->items[i]->tensor.dtype == from->items[0]->tensor.dtype,
                 INVALID_MODEL, "it holds tensors of %s and of %s", rung_dtype_name(from->items[0]->tensor.dtype),
                 rung_dtype_name(from->items[i]->tensor.dtype));
  return NULL;
}

static rung_status *make_holder(const rung_reader *reader, const holder *from, rung_kind kind, rung_value **out) {
  bool of_tensors = kind == RUNG_SEQUENCE && from->count && from->items[0]->kind == RUNG_TENSOR;
  rung_dtype dtype = of_tensors ? from->items[0]->tensor.dtype : RUNG_UNDEFINED;
  return rung_value_new_compound(reader->allocator, kind, dtype, from->items, from->count, out);
}

static rung_status *read_holder(rung_reader *reader, rung_wire wire, rung_kind kind, size_t most, rung_value **out) {
  holder from = {0};
  uint32_t seen;
  rung_status *status = rung__read_fields(reader, wire, holder_fields, RUNG_COUNT(holder_fields), &from, &seen);
  if (!status) status = check_holder(&from, seen);
  if (!status && from.count > most) status = RUNG_ERROR(INVALID_MODEL, "it holds %zu values", from.count);
  if (!status) status = make_holder(reader, &from, kind, out);
  for (size_t i = 0; from.items && i < from.count; i++) rung_value_release(from.items[i]);
  return status;
}

static rung_status *read_sequence(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  return rung_status_prefix(read_holder(reader, wire, RUNG_SEQUENCE, SIZE_MAX, out), "sequence %zu", index);
}

static rung_status *read_optional(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  return rung_status_prefix(read_holder(reader, wire, RUNG_OPTIONAL, 1, out), "optional %zu", index);
}

/* ---- maps ---- */

typedef struct map_message {
  int64_t key_type;
  rung_wire_list keys;
  rung_str *strings;
  size_t string_count;
  rung_value *values;
} map_message;

static const rung_field map_fields[] = {
    RUNG_ONE(2, "key_type", INT, map_message, key_type),
    RUNG_ONE(3, "keys", INTS, map_message, keys),
    RUNG_MANY(4, "string_keys", BYTES, map_message, strings, string_count),
    RUNG_ONE_MESSAGE(5, "values", map_message, values, read_sequence),
};

static rung_status *make_keys(rung_reader *reader, const map_message *m, rung_value **out_keys) {
  RUNG_REQUIRE(!m->keys.count || !m->string_count, INVALID_MODEL, "its keys are of several types");
  if (m->string_count || m->key_type == RUNG_STRING) {
    RUNG_REQUIRE(!m->keys.count && (m->key_type == RUNG_STRING || !m->key_type), INVALID_MODEL,
                 "its keys are not of its key_type");
    return rung_value_new_strings(reader->allocator, 1, &(int64_t){(int64_t)m->string_count}, m->strings, out_keys);
  }
  int64_t dtype = m->key_type ? m->key_type : RUNG_I64;
  RUNG_REQUIRE(dtype > 0 && dtype < 32 && RUNG_SET(dtype) & RUNG_SET_INTEGER, INVALID_MODEL,
               "key_type %" PRId64 " is neither an integer nor a string", m->key_type);
  size_t size = rung_dtype_size((rung_dtype)dtype);
  RUNG_TRY(rung__read_charge(reader, m->keys.count * size));
  RUNG_TRY(
      rung_value_new_tensor(reader->allocator, (rung_dtype)dtype, 1, &(int64_t){(int64_t)m->keys.count}, out_keys));
  return rung_wire_list_decode(&m->keys, size, (*out_keys)->tensor.data);
}

static bool is_scalar_of(const rung_value *value, rung_dtype dtype) {
  return value->kind == RUNG_TENSOR && value->tensor.rank == 0 && value->tensor.dtype == dtype &&
         !rung_dtype_is_packed(dtype);
}

/* A sequence of numbers or strings becomes a 1-D tensor. */
static rung_status *join_scalars(rung_reader *reader, const rung_value *sequence, rung_value **out_values) {
  int64_t count = (int64_t)sequence->count;
  size_t size = rung_dtype_size(sequence->tensor.dtype);
  void *scalars;
  RUNG_TRY(rung__read_alloc(reader, sequence->count, size, &scalars));
  for (size_t i = 0; i < sequence->count; i++)
    memcpy((char *)scalars + i * size, sequence->items[i]->tensor.data, size);
  rung_tensor joined = {.dtype = sequence->tensor.dtype, .rank = 1, .dims = {count}, .data = scalars};
  joined.size = sequence->count * size;
  return rung_value_copy_tensor(reader->allocator, &joined, out_values);
}

static rung_status *make_values(rung_reader *reader, rung_value *sequence, rung_value **out_values) {
  bool scalars = sequence->count > 0;
  for (size_t i = 0; i < sequence->count && scalars; i++)
    scalars = is_scalar_of(sequence->items[i], sequence->tensor.dtype);
  if (scalars) return join_scalars(reader, sequence, out_values);
  *out_values = rung_value_retain(sequence);
  return NULL;
}

static rung_status *make_map(rung_reader *reader, map_message *m, rung_value **out_map) {
  rung_value *items[2] = {0};
  size_t count = m->keys.count + m->string_count;
  if (!m->values)
    RUNG_TRY(rung_value_new_compound(reader->allocator, RUNG_SEQUENCE, RUNG_UNDEFINED, NULL, 0, &m->values));
  RUNG_REQUIRE(m->values->count == count, INVALID_MODEL, "it has %zu keys and %zu values", count, m->values->count);
  rung_status *status = make_keys(reader, m, &items[0]);
  if (!status) status = make_values(reader, m->values, &items[1]);
  if (!status) status = rung_value_new_compound(reader->allocator, RUNG_MAP, RUNG_UNDEFINED, items, 2, out_map);
  for (size_t i = 0; i < RUNG_COUNT(items); i++) rung_value_release(items[i]);
  return status;
}

static rung_status *read_map(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  map_message m = {0};
  rung_status *status = rung__read_fields(reader, wire, map_fields, RUNG_COUNT(map_fields), &m, NULL);
  if (!status) status = make_map(reader, &m, out);
  rung_value_release(m.values);
  return rung_status_prefix(status, "map %zu", index);
}

/* ---- the whole ---- */

/* An empty sequence does not say what it holds; the type does. */
static void name_empty(rung_value *value, const rung_type *type) {
  if (!type || type->kind != value->kind || !type->element) return;
  if (value->kind == RUNG_SEQUENCE && !value->count && type->element->kind == RUNG_TENSOR)
    value->tensor.dtype = type->element->dtype;
  size_t first = value->kind == RUNG_MAP; /* keys are what they are */
  for (size_t i = first; i < value->count; i++) name_empty(value->items[i], type->element);
}

static rung_read_fn *reader_of(rung_kind kind) {
  switch (kind) {
    case RUNG_SPARSE:
      return read_sparse;
    case RUNG_SEQUENCE:
      return read_sequence;
    case RUNG_MAP:
      return read_map;
    case RUNG_OPTIONAL:
      return read_optional;
    case RUNG_TENSOR:
    case RUNG_NONE:
      break;
  }
  return read_tensor;
}

rung_status *rung_model_read_value(const rung_allocator *allocator, const void *data, size_t size,
                                   const rung_type *type, rung_value **out_value) {
  rung_arena arena;
  rung_arena_init(&arena, allocator);
  rung_reader reader = {.allocator = allocator, .arena = &arena, .limits = rung_model_limits_default};
  rung_wire wire = rung_wire_over(data, size, reader.limits.depth);
  rung_value *value = NULL;
  rung_status *status = reader_of(type ? type->kind : RUNG_NONE)(&reader, wire, 0, &value);
  rung_arena_finish(&arena);
  if (status) {
    rung_value_release(value);
    return status;
  }
  name_empty(value, type);
  *out_value = value;
  return NULL;
}
