#include "op/selection.h"

#include "op/op_infer.h"

/* Compress */

static rung_status *infer_Compress(rung_infer *infer) {
  const rung_compress_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0), *condition = rung_infer_input(infer, 1);
  int64_t dims[RUNG_MAX_RANK];
  int32_t axis;
  RUNG_MODEL_REQUIRE(condition->rank < 0 || condition->rank == 1, "condition has rank %d, 1 is expected",
                     condition->rank);
  if (p->axis == RUNG_NO_AXIS) return rung_infer_rank(infer, 0, 1);
  if (type->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, type->rank, &axis));
  memcpy(dims, type->dims, sizeof dims);
  dims[axis] = rung_infer_symbol(infer);
  return rung_infer_shape(infer, 0, type->rank, dims);
}

static const rung_attr compress_attrs[] = {RUNG_ATTR_INT(rung_compress_params, axis, RUNG_NO_AXIS), {0}};

const rung_op rung_op_Compress = {.name = "Compress",
                                  .domain = "",
                                  .since = 9,
                                  .signature = "input:T condition:bool -> output:T",
                                  .params_size = sizeof(rung_compress_params),
                                  .attributes = compress_attrs,
                                  .infer = infer_Compress};

/* NonZero. A scalar counts as one row. */

static rung_status *infer_NonZero(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[2] = {type->rank < 0 ? rung_infer_symbol(infer) : RUNG_MAX(1, type->rank), rung_infer_symbol(infer)};
  return rung_infer_shape(infer, 0, 2, dims);
}

const rung_op rung_op_NonZero = {
    .name = "NonZero", .domain = "", .since = 9, .signature = "X:T -> Y:int64", .infer = infer_NonZero};

/* Unique */

static rung_status *infer_Unique(rung_infer *infer) {
  const rung_unique_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], count = rung_infer_symbol(infer), total = rung_infer_symbol(infer);
  int32_t axis = 0, rank = 1;
  dims[0] = count;
  if (p->axis != RUNG_NO_AXIS && type->rank < 0) {
    rank = -1;
  } else if (p->axis != RUNG_NO_AXIS) {
    RUNG_TRY(rung_infer_axis(infer, p->axis, type->rank, &axis));
    rank = type->rank;
    memcpy(dims, type->dims, sizeof dims);
    total = dims[axis];
    dims[axis] = count;
  } else if (type->rank >= 0) {
    total = 1;
    for (int32_t i = 0; i < type->rank; i++) total = rung_infer_mul(infer, total, type->dims[i]);
  }
  RUNG_TRY(rung_infer_shape(infer, 0, rank, dims));
  RUNG_TRY(rung_infer_shape(infer, 1, 1, &count));
  RUNG_TRY(rung_infer_shape(infer, 2, 1, &total));
  return rung_infer_shape(infer, 3, 1, &count);
}

static const rung_attr unique_attrs[] = {
    RUNG_ATTR_INT(rung_unique_params, axis, RUNG_NO_AXIS), RUNG_ATTR_INT(rung_unique_params, sorted, 1), {0}};

const rung_op rung_op_Unique = {.name = "Unique",
                                .domain = "",
                                .since = 11,
                                .signature = "X:T -> Y:T indices:int64? inverse_indices:int64? counts:int64?",
                                .params_size = sizeof(rung_unique_params),
                                .attributes = unique_attrs,
                                .infer = infer_Unique};

/* TopK */

static rung_status *check_TopK(const rung_node *node, void *params) {
  const rung_top_k_params *p = params;
  if (node->version < 10)
    RUNG_MODEL_REQUIRE(p->k >= 0, "attribute \"k\" is missing or negative");
  else
    RUNG_MODEL_REQUIRE(node->input_count == 2, "input \"K\" is missing");
  return NULL;
}

static rung_status *infer_TopK(rung_infer *infer) {
  const rung_top_k_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK], k = p->k;
  int32_t axis;
  uint32_t count;
  if (infer->node->version >= 10) {
    bool known = rung_infer_elements(infer, 1, &k, 1, &count);
    RUNG_MODEL_REQUIRE(!known || (count == 1 && (k >= 0 || RUNG_IS_SYMBOL(k))), "K is %lld", (long long)k);
    if (!known) k = rung_infer_symbol(infer);
  }
  if (type->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->axis, type->rank, &axis));
  memcpy(dims, type->dims, sizeof dims);
  RUNG_MODEL_REQUIRE(k < 0 || dims[axis] < 0 || k <= dims[axis], "the first %lld of %lld", (long long)k,
                     (long long)dims[axis]);
  dims[axis] = k;
  RUNG_TRY(rung_infer_shape(infer, 0, type->rank, dims));
  return rung_infer_shape(infer, 1, type->rank, dims);
}

static const rung_attr top_k_attrs[] = {
    RUNG_ATTR_INT(rung_top_k_params, axis, -1),
    RUNG_ATTR_INT(rung_top_k_params, largest, 1),
    RUNG_ATTR_INT(rung_top_k_params, sorted, 1),
    {"k", RUNG_ATTR_KIND_INT, offsetof(rung_top_k_params, k), .int_default = -1, .until = 9},
    {0}};

const rung_op rung_op_TopK = {.name = "TopK",
                              .domain = "",
                              .since = 1,
                              .signature = "X:T K:int64? -> Values:T Indices:int64",
                              .params_size = sizeof(rung_top_k_params),
                              .attributes = top_k_attrs,
                              .check = check_TopK,
                              .infer = infer_TopK};

/* CumSum, CumProd */

static rung_status *infer_cumulative(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t axis;
  uint32_t count;
  int32_t settled;
  if (type->rank >= 0 && rung_infer_ints(infer, 1, &axis, 1, &count)) {
    RUNG_MODEL_REQUIRE(count == 1, "one axis is expected");
    if (type->rank > 0) RUNG_TRY(rung_infer_axis(infer, axis, type->rank, &settled));
  }
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr cumulative_attrs[] = {
    RUNG_ATTR_INT(rung_cumulative_params, exclusive, 0), RUNG_ATTR_INT(rung_cumulative_params, reverse, 0), {0}};

#define CUMULATIVE(symbol, first)                                                  \
  const rung_op rung_op_##symbol = {.name = #symbol,                               \
                                    .domain = "",                                  \
                                    .since = first,                                \
                                    .signature = "x:T axis:I -> y:T",              \
                                    .params_size = sizeof(rung_cumulative_params), \
                                    .attributes = cumulative_attrs,                \
                                    .infer = infer_cumulative};
CUMULATIVE(CumSum, 11)
CUMULATIVE(CumProd, 26)

/* com.microsoft's: by first occurrence, and without the list of first indices */

static rung_status *infer_ms_Unique(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t count = rung_infer_symbol(infer);
  RUNG_MODEL_REQUIRE(type->rank < 0 || type->rank == 1, "the input has rank %d, it must be 1", type->rank);
  RUNG_TRY(rung_infer_shape(infer, 0, 1, &count));
  rung_infer_same(infer, 1, 0);
  return rung_infer_shape(infer, 2, 1, &count);
}

static rung_status *check_ms_Unique(const rung_node *node, void *params) {
  (void)node;
  *(rung_unique_params *)params = (rung_unique_params){.axis = RUNG_NO_AXIS, .sorted = 0};
  return NULL;
}

const rung_op rung_op_ms_Unique = {.name = "Unique",
                                   .domain = "com.microsoft",
                                   .since = 1,
                                   .signature = "x:T -> y:T idx:int64 counts:int64",
                                   .params_size = sizeof(rung_unique_params),
                                   .check = check_ms_Unique,
                                   .infer = infer_ms_Unique};
