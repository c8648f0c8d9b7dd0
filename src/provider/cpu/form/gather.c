#include "provider/cpu/form/gather.h"

#include "provider/cpu/form/strided.h"

static rung_status *index_error(size_t at, int64_t index, int64_t limit) {
  return RUNG_ERROR(INVALID_ARGUMENT, "index %zu is %lld, outside [-%lld, %lld)", at, (long long)index,
                    (long long)limit, (long long)limit);
}

/* One pass without branches; which index was wrong is looked for afterwards. */
#define INDEX_LOOP(type)                                                                       \
  static bool index_loop_##type(size_t count, const type *from, int64_t limit, int64_t *out) { \
    bool good = true;                                                                          \
    for (size_t i = 0; i < count; i++) {                                                       \
      int64_t index = from[i];                                                                 \
      index += index < 0 ? limit : 0;                                                          \
      good &= (uint64_t)index < (uint64_t)limit;                                               \
      out[i] = index;                                                                          \
    }                                                                                          \
    return good;                                                                               \
  }
INDEX_LOOP(int32_t)
INDEX_LOOP(int64_t)

rung_status *rung_gather_indices(const rung_tensor *indices, int64_t limit, int64_t *out) {
  size_t count = rung_tensor_count(indices);
  bool good = indices->dtype == RUNG_I32 ? index_loop_int32_t(count, indices->data, limit, out)
                                         : index_loop_int64_t(count, indices->data, limit, out);
  if (good) return NULL;
  size_t at = 0;
  while (out[at] >= 0 && out[at] < limit) at++;
  return index_error(
      at, indices->dtype == RUNG_I32 ? ((const int32_t *)indices->data)[at] : ((const int64_t *)indices->data)[at],
      limit);
}

size_t rung_gather_tuple_count(const rung_tensor *indices) {
  return (size_t)rung_tensor_span(indices, 0, indices->rank - 1);
}

rung_status *rung_gather_tuples(const rung_tensor *indices, const rung_tensor *data, int32_t batch, int64_t *out) {
  int64_t depth = indices->dims[indices->rank - 1];
  RUNG_RUN_REQUIRE(batch < indices->rank && depth <= data->rank - batch,
                   "indices of %lld coordinates into %d dimensions", (long long)depth, data->rank - batch);
  size_t count = rung_gather_tuple_count(indices), batches = (size_t)rung_tensor_span(indices, 0, batch);
  size_t each = batches ? count / batches : 0;
  const int32_t *narrow = indices->dtype == RUNG_I32 ? indices->data : NULL;
  const int64_t *wide = indices->data;
  for (size_t i = 0; i < count; i++) {
    int64_t linear = (int64_t)(i / each);
    for (int64_t k = 0; k < depth; k++) {
      size_t at = i * (size_t)depth + (size_t)k;
      int64_t limit = data->dims[batch + k], given = narrow ? narrow[at] : wide[at];
      int64_t index = given < 0 ? given + limit : given;
      if (index < 0 || index >= limit) return index_error(at, given, limit);
      linear = linear * limit + index;
    }
    out[i] = linear;
  }
  return NULL;
}

/* Rows */

#define ROWS_CASE(size)                                                                              \
  case size:                                                                                         \
    for (size_t i = 0; i < count; i++) memcpy(out + i * size, in + (size_t)indices[i] * size, size); \
    break;

void rung_gather_row(const void *from, void *to, const int64_t *indices, size_t count, size_t bytes) {
  const char *in = from;
  char *out = to;
  switch (bytes) { /* known sizes become a load and a store */
    ROWS_CASE(1)
    ROWS_CASE(2)
    ROWS_CASE(4)
    ROWS_CASE(8)
    ROWS_CASE(16)
    default:
      for (size_t i = 0; i < count; i++) memcpy(out + i * bytes, in + (size_t)indices[i] * bytes, bytes);
  }
}

static void gather_piece(void *context, size_t begin, size_t end) {
  const rung_gather *g = context;
  while (begin < end) {
    size_t outer = begin / g->count, at = begin % g->count, n = RUNG_MIN(g->count - at, end - begin);
    const char *from = (const char *)g->from + outer * g->limit * g->bytes;
    rung_gather_row(from, (char *)g->to + begin * g->bytes, g->indices + at, n, g->bytes);
    begin += n;
  }
}

void rung_gather_rows(const rung_kernel_call *call, const rung_gather *gather) {
  size_t rows = gather->outer * gather->count;
  if (rows == 0 || gather->bytes == 0) return;
  rung_gather g = *gather;
  rung_kernel_parallel(call, rows, rung_kernel_grain(1 + g.bytes / 16), gather_piece, &g);
}

/* Lines */

rung_status *rung_lines_make(rung_lines *lines, const rung_tensor *indices, const rung_tensor *data, int64_t axis) {
  *lines = (rung_lines){.rank = data->rank};
  RUNG_TRY(rung_kernel_axis(axis, data->rank, &lines->axis));
  RUNG_RUN_REQUIRE(indices->rank == data->rank, "data has rank %d, indices %d", data->rank, indices->rank);
  for (int32_t i = 0; i < data->rank; i++)
    RUNG_RUN_REQUIRE(i == lines->axis || indices->dims[i] <= data->dims[i],
                     "dimension %d is %lld in indices and %lld in data", i, (long long)indices->dims[i],
                     (long long)data->dims[i]);
  memcpy(lines->dims, indices->dims, sizeof lines->dims);
  rung_strided_dense(data->rank, data->dims, lines->strides);
  lines->length = (size_t)indices->dims[lines->axis];
  lines->step = (size_t)rung_tensor_span(indices, lines->axis + 1, indices->rank);
  lines->count = (size_t)rung_tensor_span(indices, 0, lines->axis) * lines->step;
  lines->data_step = lines->strides[lines->axis];
  return NULL;
}

void rung_lines_begin(const rung_lines *lines, size_t first, size_t n, size_t *index_at, size_t *data_at) {
  for (size_t k = 0; k < n; k++) {
    size_t rest = first + k;
    index_at[k] = rest / lines->step * lines->step * lines->length + rest % lines->step;
    data_at[k] = 0;
    for (int32_t i = lines->rank - 1; i >= 0; i--) {
      if (i == lines->axis) continue;
      data_at[k] += rest % (size_t)lines->dims[i] * (size_t)lines->strides[i];
      rest /= (size_t)lines->dims[i];
    }
  }
}
