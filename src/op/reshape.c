#include "op/reshape.h"

#include "base/str.h"
#include "op/op_infer.h"

/* Views: the elements of a known integer tensor stay what they are. */
static void keep_known(rung_infer *infer) {
  int64_t elements[64];
  uint32_t count;
  if (rung_infer_elements(infer, 0, elements, 64, &count)) rung_infer_known(infer, 0, elements, count);
}

/* Identity */

static rung_status *infer_Identity(rung_infer *infer) {
  infer->outputs[0] = *rung_infer_input(infer, 0);
  keep_known(infer);
  return NULL;
}

const rung_op rung_op_Identity = {.name = "Identity",
                                  .domain = "",
                                  .since = 1,
                                  .flags = RUNG_OP_VIEW | RUNG_OP_ANY_KIND,
                                  .signature = "input:V -> output:V",
                                  .infer = infer_Identity};

/* Reshape */

/* The one dimension that -1 asks for, from the count of elements. */
static rung_status *deduce(rung_infer *infer, int64_t *dims, int32_t rank, int32_t unknown) {
  const rung_type *data = rung_infer_input(infer, 0);
  if (data->rank < 0) return NULL;
  /* Dimensions that stand on both sides cancel, symbols too; what remains must be numbers. */
  bool used[RUNG_MAX_RANK] = {false};
  int64_t given = 1, wanted = 1;
  for (int32_t i = 0; i < rank; i++) {
    if (i == unknown) continue;
    bool cancelled = false;
    for (int32_t k = 0; k < data->rank && !cancelled && RUNG_IS_SYMBOL(dims[i]); k++)
      if (!used[k] && data->dims[k] == dims[i]) used[k] = cancelled = true;
    if (!cancelled) wanted = rung_infer_mul(infer, wanted, dims[i]);
  }
  for (int32_t k = 0; k < data->rank; k++)
    if (!used[k]) given = rung_infer_mul(infer, given, data->dims[k]);
  if (RUNG_IS_SYMBOL(given) && wanted == 1) dims[unknown] = given;
  if (RUNG_IS_SYMBOL(given) || RUNG_IS_SYMBOL(wanted)) return NULL;
  if (wanted == 0) {
    dims[unknown] = 0;
    return NULL;
  }
  RUNG_MODEL_REQUIRE(given % wanted == 0, "%lld elements cannot be reshaped into rows of %lld", (long long)given,
                     (long long)wanted);
  dims[unknown] = given / wanted;
  return NULL;
}

/* Claims of the file are no measure. */
static rung_status *check_count(const rung_infer *infer, const int64_t *dims, int32_t rank) {
  const rung_type *data = rung_infer_input(infer, 0);
  size_t given, wanted;
  for (uint32_t i = 0; i < infer->input_count; i++)
    if (rung_infer_has(infer, i) && rung_infer_input(infer, i)->is_claimed) return NULL;
  if (data->rank < 0 || !rung_shape_count(data->rank, data->dims, &given) || !rung_shape_count(rank, dims, &wanted))
    return NULL;
  char from[RUNG_SHAPE_TEXT], to[RUNG_SHAPE_TEXT];
  RUNG_MODEL_REQUIRE(given == wanted, "%zu elements (%s) cannot have the shape %s", given,
                     rung_shape_text(data->rank, data->dims, from), rung_shape_text(rank, dims, to));
  return NULL;
}

static rung_status *reshape_to(rung_infer *infer, int64_t *dims, int32_t rank, bool allow_zero) {
  const rung_type *data = rung_infer_input(infer, 0);
  int32_t unknown = -1;
  for (int32_t i = 0; i < rank; i++) {
    if (dims[i] == 0 && !allow_zero) {
      RUNG_MODEL_REQUIRE(data->rank < 0 || i < data->rank, "shape element %d is 0, but the input has rank %d", i,
                         data->rank);
      dims[i] = data->rank < 0 ? rung_infer_symbol(infer) : data->dims[i];
    } else if (dims[i] == -1) {
      RUNG_MODEL_REQUIRE(unknown < 0, "shape elements %d and %d are both -1", unknown, i);
      unknown = i;
      dims[i] = rung_infer_symbol(infer);
    }
    RUNG_MODEL_REQUIRE(dims[i] >= 0 || RUNG_IS_SYMBOL(dims[i]), "shape element %d is %lld", i, (long long)dims[i]);
  }
  if (unknown >= 0) RUNG_TRY(deduce(infer, dims, rank, unknown));
  RUNG_TRY(check_count(infer, dims, rank));
  keep_known(infer);
  return rung_infer_shape(infer, 0, rank, dims);
}

static rung_status *infer_Reshape(rung_infer *infer) {
  const rung_reshape_params *p = infer->params;
  int64_t dims[RUNG_MAX_RANK];
  uint32_t rank;
  if (rung_infer_axes(infer, p->shape, 1, dims, &rank)) return reshape_to(infer, dims, (int32_t)rank, p->allowzero);
  if (rung_infer_elements(infer, 1, dims, RUNG_MAX_RANK, &rank))
    return reshape_to(infer, dims, (int32_t)rank, p->allowzero);
  if (!rung_infer_has(infer, 1)) return NULL;
  const rung_type *shape = rung_infer_input(infer, 1);
  return shape->rank == 1 && shape->dims[0] >= 0 && shape->dims[0] <= RUNG_MAX_RANK
             ? rung_infer_rank(infer, 0, (int32_t)shape->dims[0])
             : NULL;
}

static const rung_attr reshape_attrs[] = {RUNG_ATTR_INT(rung_reshape_params, allowzero, 0),
                                          RUNG_ATTR_INTS_UNTIL(rung_reshape_params, shape, 4),
                                          RUNG_ATTR_IGNORED("consumed_inputs"),
                                          {0}};

const rung_op rung_op_Reshape = {.name = "Reshape",
                                 .domain = "",
                                 .since = 1,
                                 .flags = RUNG_OP_VIEW,
                                 .signature = "data:T shape:int64? -> reshaped:T",
                                 .params_size = sizeof(rung_reshape_params),
                                 .attributes = reshape_attrs,
                                 .infer = infer_Reshape};

/* Flatten */

static rung_status *infer_Flatten(rung_infer *infer) {
  const rung_flatten_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  if (type->rank < 0) return rung_infer_rank(infer, 0, 2);
  RUNG_MODEL_REQUIRE(p->axis >= -type->rank && p->axis <= type->rank, "axis %lld is outside [%d, %d]",
                     (long long)p->axis, -type->rank, type->rank);
  int64_t axis = p->axis < 0 ? p->axis + type->rank : p->axis, dims[2] = {1, 1};
  for (int32_t i = 0; i < type->rank; i++) dims[i >= axis] = rung_infer_mul(infer, dims[i >= axis], type->dims[i]);
  return rung_infer_shape(infer, 0, 2, dims);
}

static const rung_attr flatten_attrs[] = {RUNG_ATTR_INT(rung_flatten_params, axis, 1), {0}};

const rung_op rung_op_Flatten = {.name = "Flatten",
                                 .domain = "",
                                 .since = 1,
                                 .flags = RUNG_OP_VIEW,
                                 .signature = "input:T -> output:T",
                                 .params_size = sizeof(rung_flatten_params),
                                 .attributes = flatten_attrs,
                                 .infer = infer_Flatten};

/* Squeeze, Unsqueeze */

static rung_status *infer_Squeeze(rung_infer *infer) {
  const rung_axes_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t axes[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  uint32_t count;
  bool drop[RUNG_MAX_RANK] = {false};
  if (type->rank < 0 || !rung_infer_axes(infer, p->axes, 1, axes, &count)) return NULL;
  for (uint32_t i = 0; i < count; i++) {
    int32_t axis;
    RUNG_TRY(rung_infer_axis(infer, axes[i], type->rank, &axis));
    RUNG_MODEL_REQUIRE(type->dims[axis] < 0 || type->dims[axis] == 1, "dimension %d is %lld, not 1", axis,
                       (long long)type->dims[axis]);
    drop[axis] = true;
  }
  int32_t rank = 0;
  for (int32_t i = 0; i < type->rank; i++) {
    if (count == 0 && type->dims[i] < 0) return NULL; /* whether it is 1 shows only in the run */
    if (drop[i] || (count == 0 && type->dims[i] == 1)) continue;
    dims[rank++] = type->dims[i];
  }
  keep_known(infer);
  return rung_infer_shape(infer, 0, rank, dims);
}

static rung_status *infer_Unsqueeze(rung_infer *infer) {
  const rung_axes_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t axes[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  uint32_t count;
  bool added[RUNG_MAX_RANK] = {false};
  if (type->rank < 0 || !rung_infer_axes(infer, p->axes, 1, axes, &count)) return NULL;
  int32_t rank = type->rank + (int32_t)count;
  RUNG_REQUIRE(rank <= RUNG_MAX_RANK, LIMIT, "rank %d is above the limit of %d", rank, RUNG_MAX_RANK);
  for (uint32_t i = 0; i < count; i++) {
    int32_t axis;
    RUNG_TRY(rung_infer_axis(infer, axes[i], rank, &axis));
    RUNG_MODEL_REQUIRE(!added[axis], "axis %d is named twice", axis);
    added[axis] = true;
  }
  for (int32_t i = 0, from = 0; i < rank; i++) dims[i] = added[i] ? 1 : type->dims[from++];
  keep_known(infer);
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr axes_attrs[] = {RUNG_ATTR_INTS_UNTIL(rung_axes_params, axes, 12), {0}};

#define AXES_OP(symbol, result)                                                        \
  const rung_op rung_op_##symbol = {.name = #symbol,                                   \
                                    .domain = "",                                      \
                                    .since = 1,                                        \
                                    .flags = RUNG_OP_VIEW,                             \
                                    .signature = "data:T axes:int64? -> " result ":T", \
                                    .params_size = sizeof(rung_axes_params),           \
                                    .attributes = axes_attrs,                          \
                                    .infer = infer_##symbol};
AXES_OP(Squeeze, "squeezed")
AXES_OP(Unsqueeze, "expanded")

const rung_op rung_op_ms_ExpandDims = {.name = "ExpandDims",
                                       .domain = "com.microsoft",
                                       .since = 1,
                                       .flags = RUNG_OP_VIEW,
                                       .signature = "X:T axis:int32 -> Y:T",
                                       .params_size = sizeof(rung_axes_params),
                                       .infer = infer_Unsqueeze};

/* Shape */

static rung_status *infer_Shape(rung_infer *infer) {
  const rung_shape_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t length = rung_infer_symbol(infer);
  if (type->rank >= 0) {
    int64_t start = p->start < 0 ? p->start + type->rank : p->start, end = p->end < 0 ? p->end + type->rank : p->end;
    start = RUNG_CLAMP(start, 0, type->rank);
    end = RUNG_CLAMP(end, start, type->rank);
    length = end - start;
    rung_infer_known(infer, 0, type->dims + start, (uint32_t)length);
  }
  return rung_infer_shape(infer, 0, 1, &length);
}

static const rung_attr shape_attrs[] = {
    RUNG_ATTR_INT(rung_shape_params, start, 0), RUNG_ATTR_INT(rung_shape_params, end, INT64_MAX), {0}};

const rung_op rung_op_Shape = {.name = "Shape",
                               .domain = "",
                               .since = 1,
                               .signature = "data:T -> shape:int64",
                               .params_size = sizeof(rung_shape_params),
                               .attributes = shape_attrs,
                               .infer = infer_Shape};
