#include "provider/cpu/form/gather.h"

#include "provider/cpu/form/strided.h"

#include <stdatomic.h>

enum { INDEX_GRAIN = 1 << 15 };

static int64_t index_at(const rung_tensor *indices, size_t at) {
  return indices->dtype == RUNG_I32 ? ((const int32_t *)indices->data)[at] : ((const int64_t *)indices->data)[at];
}

static rung_status *index_error(size_t at, int64_t index, int64_t limit) {
  return RUNG_ERROR(INVALID_ARGUMENT, "index %zu is %lld, outside [-%lld, %lld)", at, (long long)index,
                    (long long)limit, (long long)limit);
}

/* Pieces without branches; which index was wrong is looked for afterwards. */
typedef struct index_job {
  const void *from;
  int64_t limit, *out;
  atomic_bool is_bad;
} index_job;

#define INDEX_LOOP(type)                                                   \
  static void index_loop_##type(void *context, size_t begin, size_t end) { \
    index_job *j = context;                                                \
    const type *from = j->from;                                            \
    int64_t limit = j->limit, *out = j->out;                               \
    bool good = true;                                                      \
    for (size_t i = begin; i < end; i++) {                                 \
      int64_t index = from[i];                                             \
      index += index < 0 ? limit : 0;                                      \
      good &= (uint64_t)index < (uint64_t)limit;                           \
      out[i] = index;                                                      \
    }                                                                      \
    if (!good) atomic_store(&j->is_bad, true);                             \
  }
INDEX_LOOP(int32_t)
INDEX_LOOP(int64_t)

rung_status *rung_gather_indices(const rung_kernel_call *call, const rung_tensor *indices, int64_t limit,
                                 int64_t *out) {
  index_job job = {.from = indices->data, .limit = limit, .out = out};
  rung_kernel_parallel(call, rung_tensor_count(indices), INDEX_GRAIN,
                       indices->dtype == RUNG_I32 ? index_loop_int32_t : index_loop_int64_t, &job);
  RUNG_RUN_GOES_ON(call);
  if (!atomic_load(&job.is_bad)) return NULL;
  size_t at = 0;
  while (out[at] >= 0 && out[at] < limit) at++;
  return index_error(at, index_at(indices, at), limit);
}

size_t rung_gather_tuple_count(const rung_tensor *indices) {
  return (size_t)rung_tensor_span(indices, 0, indices->rank - 1);
}

typedef struct tuple_job {
  const rung_tensor *indices;
  const int64_t *limits;
  size_t depth, each; /* tuples of a batch entry */
  int64_t *out;
  atomic_size_t bad; /* the first coordinate that is outside */
} tuple_job;

static void lower(atomic_size_t *least, size_t value) {
  size_t seen = atomic_load(least);
  while (value < seen && !atomic_compare_exchange_weak(least, &seen, value)) {
  }
}

static void find_slices(void *context, size_t begin, size_t end) {
  tuple_job *j = context;
  for (size_t i = begin; i < end; i++) {
    int64_t linear = (int64_t)(i / j->each);
    for (size_t k = 0; k < j->depth; k++) {
      int64_t limit = j->limits[k], given = index_at(j->indices, i * j->depth + k),
              index = given < 0 ? given + limit : given;
      if (index < 0 || index >= limit) {
        lower(&j->bad, i * j->depth + k);
        return;
      }
      linear = linear * limit + index;
    }
    j->out[i] = linear;
  }
}

rung_status *rung_gather_tuples(const rung_kernel_call *call, const rung_tensor *indices, const rung_tensor *data,
                                int32_t batch, int64_t *out) {
  int64_t depth = indices->dims[indices->rank - 1];
  RUNG_RUN_REQUIRE(batch < indices->rank && depth <= data->rank - batch,
                   "indices of %lld coordinates into %d dimensions", (long long)depth, data->rank - batch);
  size_t count = rung_gather_tuple_count(indices), batches = (size_t)rung_tensor_span(indices, 0, batch);
  tuple_job job = {indices, data->dims + batch, (size_t)depth, batches ? count / batches : 0, out, SIZE_MAX};
  rung_kernel_parallel(call, count, INDEX_GRAIN / RUNG_MAX(1, job.depth), find_slices, &job);
  RUNG_RUN_GOES_ON(call);
  size_t bad = atomic_load(&job.bad);
  return bad == SIZE_MAX ? NULL : index_error(bad, index_at(indices, bad), job.limits[bad % job.depth]);
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
