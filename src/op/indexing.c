#include "op/indexing.h"

#include "op/op_infer.h"

enum { MOST_KNOWN = 64 };

static rung_status *require_rank(const rung_type *type, int32_t least, const char *name) {
  RUNG_MODEL_REQUIRE(type->rank < 0 || type->rank >= least, "%s has rank %d, at least %d is expected", name, type->rank,
                     least);
  return NULL;
}

/* Gather */

static rung_status *gather_known(rung_infer *infer) {
  int64_t elements[MOST_KNOWN], indices[MOST_KNOWN], gathered[MOST_KNOWN];
  uint32_t count, index_count;
  if (rung_infer_input(infer, 0)->rank != 1 || rung_infer_input(infer, 1)->rank > 1) return NULL;
  if (!rung_infer_elements(infer, 0, elements, MOST_KNOWN, &count)) return NULL;
  if (!rung_infer_ints(infer, 1, indices, MOST_KNOWN, &index_count)) return NULL;
  for (uint32_t i = 0; i < index_count; i++) {
    int64_t index = indices[i] < 0 ? indices[i] + count : indices[i];
    RUNG_MODEL_REQUIRE(index >= 0 && index < count, "index %lld is outside [-%u, %u)", (long long)indices[i], count,
                       count);
    gathered[i] = elements[index];
  }
  rung_infer_known(infer, 0, gathered, index_count);
  return NULL;
}

static rung_status *infer_Gather(rung_infer *infer) {
  const rung_gather_params *p = infer->params;
  const rung_type *data = rung_infer_input(infer, 0), *indices = rung_infer_input(infer, 1);
  int64_t dims[2 * RUNG_MAX_RANK];
  int32_t axis, rank = 0;
  RUNG_TRY(require_rank(data, 1, "data"));
  if (data->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, data->rank, &axis));
  if (indices->rank < 0) return NULL;
  for (int32_t i = 0; i < axis; i++) dims[rank++] = data->dims[i];
  for (int32_t i = 0; i < indices->rank; i++) dims[rank++] = indices->dims[i];
  for (int32_t i = axis + 1; i < data->rank; i++) dims[rank++] = data->dims[i];
  RUNG_TRY(gather_known(infer));
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr gather_attrs[] = {RUNG_ATTR_INT(rung_gather_params, axis, 0), {0}};

const rung_op rung_op_Gather = {.name = "Gather",
                                .domain = "",
                                .since = 1,
                                .signature = "data:T indices:I -> output:T",
                                .params_size = sizeof(rung_gather_params),
                                .attributes = gather_attrs,
                                .infer = infer_Gather};

/* GatherElements */

static rung_status *require_same_rank(const rung_type *data, const rung_type *indices) {
  RUNG_MODEL_REQUIRE(data->rank < 0 || indices->rank < 0 || data->rank == indices->rank, "data has rank %d, indices %d",
                     data->rank, indices->rank);
  return NULL;
}

static rung_status *infer_GatherElements(rung_infer *infer) {
  const rung_gather_params *p = infer->params;
  const rung_type *data = rung_infer_input(infer, 0), *indices = rung_infer_input(infer, 1);
  int32_t axis;
  RUNG_TRY(require_rank(data, 1, "data"));
  RUNG_TRY(require_same_rank(data, indices));
  if (data->rank >= 0) RUNG_TRY(rung_infer_axis(infer, p->axis, data->rank, &axis));
  rung_infer_same(infer, 0, 1);
  return NULL;
}

const rung_op rung_op_GatherElements = {.name = "GatherElements",
                                        .domain = "",
                                        .since = 11,
                                        .signature = "data:T indices:I -> output:T",
                                        .params_size = sizeof(rung_gather_params),
                                        .attributes = gather_attrs,
                                        .infer = infer_GatherElements};

/* GatherND */

static rung_status *infer_GatherND(rung_infer *infer) {
  const rung_gather_nd_params *p = infer->params;
  const rung_type *data = rung_infer_input(infer, 0), *indices = rung_infer_input(infer, 1);
  int64_t dims[2 * RUNG_MAX_RANK], batch = p->batch_dims;
  int32_t rank = 0;
  RUNG_TRY(require_rank(data, 1, "data"));
  RUNG_TRY(require_rank(indices, 1, "indices"));
  if (data->rank < 0 || indices->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(batch >= 0 && batch < RUNG_MIN(data->rank, indices->rank),
                     "batch_dims is %lld for ranks %d and %d", (long long)batch, data->rank, indices->rank);
  int64_t depth = indices->dims[indices->rank - 1];
  if (depth < 0) return NULL;
  RUNG_MODEL_REQUIRE(depth <= data->rank - batch, "indices of %lld coordinates into %lld dimensions", (long long)depth,
                     (long long)(data->rank - batch));
  for (int32_t i = 0; i < batch; i++)
    RUNG_MODEL_REQUIRE(data->dims[i] < 0 || indices->dims[i] < 0 || data->dims[i] == indices->dims[i],
                       "batch dimension %d is %lld in data and %lld in indices", i, (long long)data->dims[i],
                       (long long)indices->dims[i]);
  for (int32_t i = 0; i < indices->rank - 1; i++) dims[rank++] = indices->dims[i];
  for (int32_t i = (int32_t)(batch + depth); i < data->rank; i++) dims[rank++] = data->dims[i];
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr gather_nd_attrs[] = {RUNG_ATTR_INT(rung_gather_nd_params, batch_dims, 0), {0}};

const rung_op rung_op_GatherND = {.name = "GatherND",
                                  .domain = "",
                                  .since = 11,
                                  .signature = "data:T indices:int64 -> output:T",
                                  .params_size = sizeof(rung_gather_nd_params),
                                  .attributes = gather_nd_attrs,
                                  .infer = infer_GatherND};

const rung_op rung_op_ms_GatherND = {.name = "GatherND",
                                     .domain = "com.microsoft",
                                     .since = 1,
                                     .signature = "data:T indices:I -> output:T",
                                     .params_size = sizeof(rung_gather_nd_params),
                                     .infer = infer_GatherND};

/* Scatter, ScatterElements */

static rung_status *require_same_dims(const rung_type *indices, const rung_type *updates) {
  if (indices->rank < 0 || updates->rank < 0) return NULL;
  bool same = indices->rank == updates->rank;
  for (int32_t i = 0; same && i < indices->rank; i++)
    same = indices->dims[i] < 0 || updates->dims[i] < 0 || indices->dims[i] == updates->dims[i];
  RUNG_MODEL_REQUIRE(same, "indices and updates differ in shape");
  return NULL;
}

static rung_status *infer_ScatterElements(rung_infer *infer) {
  const rung_scatter_params *p = infer->params;
  const rung_type *data = rung_infer_input(infer, 0), *indices = rung_infer_input(infer, 1);
  int32_t axis;
  RUNG_TRY(require_rank(data, 1, "data"));
  RUNG_TRY(require_same_rank(data, indices));
  RUNG_TRY(require_same_dims(indices, rung_infer_input(infer, 2)));
  if (data->rank >= 0) RUNG_TRY(rung_infer_axis(infer, p->axis, data->rank, &axis));
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr scatter_attrs[] = {RUNG_ATTR_INT(rung_scatter_params, axis, 0),
                                          RUNG_ATTR_CHOICE(rung_scatter_params, reduction, "none|add|mul|max|min"),
                                          {0}};

#define SCATTER_ELEMENTS(symbol, first)                                                    \
  const rung_op rung_op_##symbol = {.name = #symbol,                                       \
                                    .domain = "",                                          \
                                    .since = first,                                        \
                                    .signature = "data:T indices:I updates:T -> output:T", \
                                    .params_size = sizeof(rung_scatter_params),            \
                                    .attributes = scatter_attrs,                           \
                                    .infer = infer_ScatterElements};
SCATTER_ELEMENTS(Scatter, 9)
SCATTER_ELEMENTS(ScatterElements, 11)

/* ScatterND */

static rung_status *infer_ScatterND(rung_infer *infer) {
  const rung_type *data = rung_infer_input(infer, 0), *indices = rung_infer_input(infer, 1),
                  *updates = rung_infer_input(infer, 2);
  RUNG_TRY(require_rank(data, 1, "data"));
  RUNG_TRY(require_rank(indices, 1, "indices"));
  rung_infer_same(infer, 0, 0);
  if (data->rank < 0 || indices->rank < 0 || updates->rank < 0) return NULL;
  int64_t depth = indices->dims[indices->rank - 1];
  if (depth < 0) return NULL;
  RUNG_MODEL_REQUIRE(depth <= data->rank, "indices of %lld coordinates into %d dimensions", (long long)depth,
                     data->rank);
  bool fits = updates->rank == indices->rank - 1 + data->rank - depth;
  for (int32_t i = 0; fits && i < updates->rank; i++) {
    int64_t dim = i < indices->rank - 1 ? indices->dims[i] : data->dims[i - (indices->rank - 1) + depth];
    fits = dim < 0 || updates->dims[i] < 0 || dim == updates->dims[i];
  }
  RUNG_MODEL_REQUIRE(fits, "the shape of updates is not what indices and data ask for");
  return NULL;
}

static const rung_attr scatter_nd_attrs[] = {RUNG_ATTR_CHOICE(rung_scatter_params, reduction, "none|add|mul|max|min"),
                                             {0}};

const rung_op rung_op_ScatterND = {.name = "ScatterND",
                                   .domain = "",
                                   .since = 11,
                                   .signature = "data:T indices:int64 updates:T -> output:T",
                                   .params_size = sizeof(rung_scatter_params),
                                   .attributes = scatter_nd_attrs,
                                   .infer = infer_ScatterND};

/* TensorScatter */

static rung_status *infer_TensorScatter(rung_infer *infer) {
  const rung_tensor_scatter_params *p = infer->params;
  const rung_type *cache = rung_infer_input(infer, 0), *update = rung_infer_input(infer, 1);
  int32_t axis;
  RUNG_TRY(require_rank(cache, 2, "past_cache"));
  rung_infer_same(infer, 0, 0);
  if (cache->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, cache->rank, &axis));
  RUNG_MODEL_REQUIRE(axis > 0, "axis 0 is the batch");
  if (update->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(update->rank == cache->rank, "update has rank %d, the cache %d", update->rank, cache->rank);
  for (int32_t i = 0; i < cache->rank; i++) {
    int64_t a = cache->dims[i], b = update->dims[i];
    RUNG_MODEL_REQUIRE(a < 0 || b < 0 || (i == axis ? b <= a : b == a),
                       "dimension %d is %lld in the cache and %lld in update", i, (long long)a, (long long)b);
  }
  return NULL;
}

static const rung_attr tensor_scatter_attrs[] = {RUNG_ATTR_INT(rung_tensor_scatter_params, axis, -2),
                                                 RUNG_ATTR_CHOICE(rung_tensor_scatter_params, mode, "linear|circular"),
                                                 {0}};

const rung_op rung_op_TensorScatter = {.name = "TensorScatter",
                                       .domain = "",
                                       .since = 24,
                                       .signature = "past_cache:T update:T write_indices:int64? -> present_cache:T",
                                       .params_size = sizeof(rung_tensor_scatter_params),
                                       .attributes = tensor_scatter_attrs,
                                       .infer = infer_TensorScatter};
