/* SparseTensorProto: the values that are not zero, and where they stand, in ascending order: one linear index each, or
 * one per dimension. Indices are checked here, so that nobody else needs to. */
#include "model/model_reader.h"

#include <inttypes.h>

typedef struct sparse_message {
  rung_value *values, *indices;
  rung_wire_list dims;
  rung_str name;
} sparse_message;

static rung_status *read_values(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  sparse_message *m = out;
  return rung_status_prefix(rung__tensor_value(reader, wire, &m->name, &m->values), "values");
}

static rung_status *read_indices(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  sparse_message *m = out;
  rung_str name;
  return rung_status_prefix(rung__tensor_value(reader, wire, &name, &m->indices), "indices");
}

/* Both readers get the whole struct. */
static const rung_field sparse_fields[] = {
    {1, "values", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_values, RUNG_FIELD_FREE},
    {2, "indices", RUNG_FIELD_MESSAGE, false, 0, 0, 0, read_indices, RUNG_FIELD_FREE},
    RUNG_ONE(3, "dims", INTS, sparse_message, dims),
};

/* The dense shape as a tensor without data. */
static rung_status *describe(const rung_reader *reader, const sparse_message *m, rung_tensor *out) {
  *out = (rung_tensor){.dtype = m->values->tensor.dtype, .rank = (int32_t)m->dims.count};
  RUNG_TRY(rung__read_dims(&m->dims, out->dims));
  size_t count, bytes;
  char shape[RUNG_SHAPE_TEXT];
  RUNG_REQUIRE(rung_shape_count(out->rank, out->dims, &count) && rung_dtype_bytes(out->dtype, count, &bytes),
               INVALID_MODEL, "no tensor of %s can have the shape %s", rung_dtype_name(out->dtype),
               rung_shape_text(out->rank, out->dims, shape));
  RUNG_REQUIRE(bytes <= reader->limits.tensor_bytes, LIMIT,
               "its %zu bytes when dense are more than %" PRIu64 " (limit tensor_bytes)", bytes,
               reader->limits.tensor_bytes);
  return NULL;
}

static int64_t element(const rung_tensor *indices, size_t at) { /* which may lie at any byte */
  int64_t value;
  memcpy(&value, (const char *)indices->data + at * sizeof value, sizeof value);
  return value;
}

/* Linear index of entry `at`, or -1 when it is outside the shape. */
static int64_t position(const rung_tensor *dense, const rung_tensor *indices, size_t at) {
  if (indices->rank == 1) {
    int64_t index = element(indices, at);
    return index < rung_tensor_span(dense, 0, dense->rank) ? index : -1;
  }
  int64_t linear = 0;
  for (int32_t axis = 0; axis < dense->rank; axis++) {
    int64_t index = element(indices, at * (size_t)dense->rank + (size_t)axis);
    if (index < 0 || index >= dense->dims[axis]) return -1;
    linear = linear * dense->dims[axis] + index;
  }
  return linear;
}

static rung_status *check_indices(const sparse_message *m, const rung_tensor *dense) {
  const rung_tensor *values = &m->values->tensor, *indices = &m->indices->tensor;
  RUNG_REQUIRE(values->rank == 1, INVALID_MODEL, "its values have rank %d instead of 1", values->rank);
  RUNG_REQUIRE(indices->dtype == RUNG_I64, INVALID_MODEL, "its indices are %s instead of int64",
               rung_dtype_name(indices->dtype));
  RUNG_REQUIRE((indices->rank == 1 && indices->dims[0] == values->dims[0]) ||
                   (indices->rank == 2 && indices->dims[0] == values->dims[0] && indices->dims[1] == dense->rank),
               INVALID_MODEL, "the shape of its indices fits neither its values nor its rank");
  int64_t previous = -1;
  for (size_t i = 0; i < (size_t)values->dims[0]; i++) {
    int64_t linear = position(dense, indices, i);
    RUNG_REQUIRE(linear >= 0, INVALID_MODEL, "index %zu lies outside its shape", i);
    RUNG_REQUIRE(linear > previous, INVALID_MODEL, "index %zu is not above the one before it", i);
    previous = linear;
  }
  return NULL;
}

static rung_status *make_value(const rung_reader *reader, const sparse_message *m, rung_value **out_value) {
  rung_tensor dense;
  RUNG_REQUIRE(m->values && m->indices, INVALID_MODEL, "it lacks its values or its indices");
  RUNG_TRY(describe(reader, m, &dense));
  RUNG_TRY(check_indices(m, &dense));
  rung_value *items[] = {m->values, m->indices};
  RUNG_TRY(rung_value_new_compound(reader->allocator, RUNG_SPARSE, dense.dtype, items, 2, out_value));
  (*out_value)->tensor = dense;
  return NULL;
}

rung_status *rung__sparse_value(rung_reader *reader, rung_wire wire, rung_str *out_name, rung_value **out_value) {
  sparse_message m = {.name = {"", 0}};
  rung_status *status = rung__read_fields(reader, wire, sparse_fields, RUNG_COUNT(sparse_fields), &m, NULL);
  if (!status) status = make_value(reader, &m, out_value);
  *out_name = m.name;
  rung_value_release(m.values);
  rung_value_release(m.indices);
  return status;
}

rung_status *rung__read_sparse(rung_reader *reader, rung_wire wire, size_t index, void *out) {
  (void)index;
  rung_str name;
  rung_value *value;
  RUNG_TRY(rung__sparse_value(reader, wire, &name, &value));
  *(rung_value **)out = value;
  return rung__read_keep(reader, value);
}
