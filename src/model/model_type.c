/* TypeProto: what a value is before it exists. Shapes name their unknown sizes; every name becomes one symbol of the
 * model, and every size without a name a symbol of its own. */
#include "model/model_reader.h"

#include <inttypes.h>

/* ---- symbols ---- */

/* `name` may be empty. */
static rung_status *new_symbol(rung_reader *reader, rung_str name, int64_t *out_symbol) {
  const char *copy = NULL;
  if (name.size) RUNG_TRY(rung__read_text(reader, name, &copy));
  RUNG_TRY(rung__read_charge(reader, sizeof copy));
  size_t index = reader->symbol_names.count;
  if (!rung_vec_push(reader->allocator, &reader->symbol_names, copy)) return rung_status_out_of_memory();
  if (copy && !rung_map_put(&reader->symbols, (rung_str){copy, name.size}, (void *)(index + 1)))
    return rung_status_out_of_memory();
  *out_symbol = RUNG_SYMBOL(index);
  return NULL;
}

static rung_status *find_symbol(rung_reader *reader, rung_str name, int64_t *out_symbol) {
  uintptr_t known = name.size ? (uintptr_t)rung_map_get(&reader->symbols, name) : 0;
  if (!known) return new_symbol(reader, name, out_symbol);
  *out_symbol = RUNG_SYMBOL(known - 1);
  return NULL;
}

/* ---- shapes ---- */

typedef struct dimension {
  int64_t value;
  rung_str name;
} dimension;

typedef struct shape {
  dimension *dims;
  size_t rank;
} shape;

/* A negative size is how some exporters say that they do not know it. */
static rung_status *read_dimension(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  static const rung_field fields[] = {
      RUNG_ONE(1, "dim_value", INT, dimension, value),
      RUNG_ONE(2, "dim_param", BYTES, dimension, name),
  };
  dimension *dim = out;
  uint32_t seen;
  RUNG_TRY(rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), dim, &seen));
  if (!(seen & 1) || dim->name.size) dim->value = -1;
  return NULL;
}

/* Has the dims of a type read last, once its rank is known to fit. */
static rung_status *read_shape(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  static const rung_field fields[] = {RUNG_MANY_MESSAGES(1, "dim", shape, dims, rank, read_dimension)};
  shape from = {0};
  rung_type *type = out;
  RUNG_TRY(rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), &from, NULL));
  RUNG_REQUIRE(from.rank <= RUNG_MAX_RANK, LIMIT, "rank %zu is above the limit of %d", from.rank, RUNG_MAX_RANK);
  type->rank = (int32_t)from.rank;
  for (size_t i = 0; i < from.rank; i++) {
    type->dims[i] = from.dims[i].value;
    if (type->dims[i] < 0) RUNG_TRY(find_symbol(reader, from.dims[i].name, &type->dims[i]));
  }
  return NULL;
}

/* ---- types ---- */

/* TypeProto.Tensor, SparseTensor, Sequence, Map and Optional have at most these members. */
typedef struct type_body {
  int64_t dtype; /* elem_type, or a map's key_type */
  rung_type type;
} type_body;

static rung_status *set_dtype(rung_type *type, int64_t dtype) {
  RUNG_REQUIRE(dtype == RUNG_UNDEFINED || (dtype > 0 && dtype < 256 && rung_dtype_facts((rung_dtype)dtype)),
               INVALID_MODEL, "element type %" PRId64 " does not exist", dtype);
  type->dtype = (rung_dtype)dtype;
  return NULL;
}

static rung_status *read_tensor_type(rung_reader *reader, rung_wire wire, rung_kind kind, rung_type *out) {
  static const rung_field fields[] = {
      RUNG_ONE(1, "elem_type", INT, type_body, dtype),
      RUNG_ONE_MESSAGE(2, "shape", type_body, type, read_shape),
  };
  type_body body = {.type = {.kind = kind, .rank = -1}};
  RUNG_TRY(rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), &body, NULL));
  *out = body.type;
  return set_dtype(out, body.dtype);
}

static rung_status *read_dense(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  return read_tensor_type(reader, wire, RUNG_TENSOR, out);
}

static rung_status *read_sparse(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  return read_tensor_type(reader, wire, RUNG_SPARSE, out);
}

/* `element` is always set, if only to a type of kind NONE. */
static rung_status *finish_compound(rung_reader *reader, rung_kind kind, const type_body *body, rung_type *out) {
  void *element;
  RUNG_TRY(rung__read_alloc(reader, 1, sizeof(rung_type), &element));
  *(rung_type *)element = body->type;
  *out = (rung_type){.kind = kind, .element = element};
  return set_dtype(out, body->dtype);
}

static rung_status *read_holder(rung_reader *reader, rung_wire wire, rung_kind kind, rung_type *out) {
  static const rung_field fields[] = {RUNG_ONE_MESSAGE(1, "elem_type", type_body, type, rung__read_type)};
  type_body body = {0};
  RUNG_TRY(rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), &body, NULL));
  return finish_compound(reader, kind, &body, out);
}

static rung_status *read_sequence(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  return read_holder(reader, wire, RUNG_SEQUENCE, out);
}

static rung_status *read_optional(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  return read_holder(reader, wire, RUNG_OPTIONAL, out);
}

static rung_status *read_map(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  static const rung_field fields[] = {
      RUNG_ONE(1, "key_type", INT, type_body, dtype),
      RUNG_ONE_MESSAGE(2, "value_type", type_body, type, rung__read_type),
  };
  type_body body = {0};
  RUNG_TRY(rung__read_fields(reader, wire, fields, RUNG_COUNT(fields), &body, NULL));
  return finish_compound(reader, RUNG_MAP, &body, out);
}

static rung_status *read_opaque(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)reader, (void)wire, (void)index, (void)out;
  return RUNG_ERROR(UNSUPPORTED, "opaque types are not supported");
}

/* The members of the oneof `value`. */
static const rung_field type_fields[] = {
    {1, "tensor_type", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_dense, RUNG_FIELD_FREE},
    {4, "sequence_type", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_sequence, RUNG_FIELD_FREE},
    {5, "map_type", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_map, RUNG_FIELD_FREE},
    {7, "opaque_type", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_opaque, RUNG_FIELD_FREE},
    {8, "sparse_tensor_type", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_sparse, RUNG_FIELD_FREE},
    {9, "optional_type", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_optional, RUNG_FIELD_FREE},
};

rung_status *rung__read_type(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  uint32_t seen;
  RUNG_TRY(rung__read_fields(reader, wire, type_fields, RUNG_COUNT(type_fields), out, &seen));
  RUNG_REQUIRE((seen & (seen - 1)) == 0, INVALID_MODEL, "a type is of two kinds at once");
  return NULL;
}
