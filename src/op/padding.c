#include "op/padding.h"

#include "op/op_infer.h"

/* Margins stay far from where sums with dimensions overflow. */
#define MOST_MARGIN (INT64_MAX / 8)

rung_status *rung_pad_spread(int32_t rank, const int64_t *pads, size_t pad_count, const int64_t *axes,
                             size_t axis_count, int64_t begin[RUNG_MAX_RANK], int64_t end[RUNG_MAX_RANK]) {
  bool taken[RUNG_MAX_RANK] = {false};
  if (!axes) axis_count = (size_t)rank;
  RUNG_REQUIRE(axis_count <= RUNG_MAX_RANK && pad_count == 2 * axis_count, INVALID_MODEL, "%zu pads for %zu axes",
               pad_count, axis_count);
  for (int32_t i = 0; i < rank; i++) begin[i] = end[i] = 0;
  for (size_t i = 0; i < axis_count; i++) {
    int32_t axis = (int32_t)i;
    if (axes) RUNG_TRY(rung_infer_axis(NULL, axes[i], rank, &axis));
    RUNG_MODEL_REQUIRE(!taken[axis], "axis %d is named twice", axis);
    taken[axis] = true;
    begin[axis] = pads[i];
    end[axis] = pads[i + axis_count];
    RUNG_MODEL_REQUIRE(
        RUNG_MAX(begin[axis], end[axis]) <= MOST_MARGIN && RUNG_MIN(begin[axis], end[axis]) >= -MOST_MARGIN,
        "dimension %d is padded by %lld and %lld", axis, (long long)begin[axis], (long long)end[axis]);
  }
  return NULL;
}

/* Pad */

static rung_status *check_Pad(const rung_node *node, void *params) {
  rung_pad_params *p = params;
  if (node->version < 2) p->pads = p->paddings;
  if (node->version >= 11)
    RUNG_MODEL_REQUIRE(node->input_count >= 2, "input \"pads\" is missing");
  else
    RUNG_MODEL_REQUIRE(node->input_count == 1, "%u inputs before opset 11", node->input_count);
  return NULL;
}

/* What the pads are, symbols excluded; false when they are not known. */
static bool read_pads(const rung_infer *infer, int64_t pads[2 * RUNG_MAX_RANK], uint32_t *out_count) {
  const rung_pad_params *p = infer->params;
  if (infer->node->version >= 11) { /* com.microsoft allows (1, 2 * rank) as well */
    if (!rung_infer_flat_elements(infer, 1, pads, 2 * RUNG_MAX_RANK, out_count)) return false;
    for (uint32_t i = 0; i < *out_count; i++)
      if (RUNG_IS_SYMBOL(pads[i])) return false;
    return true;
  }
  *out_count = (uint32_t)RUNG_MIN(p->pads.count, 2 * RUNG_MAX_RANK);
  if (*out_count) memcpy(pads, p->pads.at, *out_count * sizeof *pads);
  return true;
}

static rung_status *infer_Pad(rung_infer *infer) {
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t pads[2 * RUNG_MAX_RANK], axes[RUNG_MAX_RANK], begin[RUNG_MAX_RANK], end[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  uint32_t pad_count, axis_count = 0;
  bool has_axes = rung_infer_has(infer, 3);
  if (type->rank < 0) return NULL;
  if (!read_pads(infer, pads, &pad_count) || (has_axes && !rung_infer_ints(infer, 3, axes, RUNG_MAX_RANK, &axis_count)))
    return rung_infer_rank(infer, 0, type->rank);
  RUNG_TRY(rung_pad_spread(type->rank, pads, pad_count, has_axes ? axes : NULL, axis_count, begin, end));
  for (int32_t i = 0; i < type->rank; i++) {
    int64_t dim = type->dims[i], margin = begin[i] + end[i];
    dims[i] = margin == 0 ? dim : dim < 0 ? rung_infer_symbol(infer) : dim;
    if (dim < 0 || margin == 0) continue;
    RUNG_MODEL_REQUIRE(rung_add_i64(dim, margin, &dims[i]) && dims[i] >= 0,
                       "dimension %d of %lld padded by %lld and %lld", i, (long long)dim, (long long)begin[i],
                       (long long)end[i]);
  }
  return rung_infer_shape(infer, 0, type->rank, dims);
}

static const rung_attr pad_attrs[] = {RUNG_ATTR_CHOICE(rung_pad_params, mode, "constant|reflect|edge|wrap"),
                                      RUNG_ATTR_FLOAT(rung_pad_params, value, 0),
                                      RUNG_ATTR_INTS_UNTIL(rung_pad_params, pads, 10),
                                      RUNG_ATTR_INTS_UNTIL(rung_pad_params, paddings, 1),
                                      {0}};

const rung_op rung_op_Pad = {.name = "Pad",
                             .domain = "",
                             .since = 1,
                             .flags = RUNG_OP_ENLARGES,
                             .signature = "data:T pads:int64? constant_value:T? axes:I? -> output:T",
                             .params_size = sizeof(rung_pad_params),
                             .attributes = pad_attrs,
                             .check = check_Pad,
                             .infer = infer_Pad};

/* CenterCropPad */

static rung_status *infer_CenterCropPad(rung_infer *infer) {
  const rung_center_crop_pad_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0), *shape = rung_infer_input(infer, 1);
  int64_t sizes[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  uint32_t count;
  bool taken[RUNG_MAX_RANK] = {false};
  if (type->rank < 0) return NULL;
  size_t expected = p->axes.count ? p->axes.count : (size_t)type->rank;
  RUNG_MODEL_REQUIRE(expected <= (size_t)type->rank, "%zu axes for an input of rank %d", expected, type->rank);
  RUNG_MODEL_REQUIRE(
      shape->rank < 0 || (shape->rank == 1 && (shape->dims[0] < 0 || (size_t)shape->dims[0] == expected)),
      "the shape needs one size for each of %zu axes", expected);
  bool known = rung_infer_elements(infer, 1, sizes, RUNG_MAX_RANK, &count);
  RUNG_MODEL_REQUIRE(!known || count == expected, "%u sizes for %zu axes", count, expected);
  memcpy(dims, type->dims, sizeof dims);
  for (size_t i = 0; i < expected; i++) {
    int32_t axis = (int32_t)i;
    if (p->axes.count) RUNG_TRY(rung_infer_axis(infer, p->axes.at[i], type->rank, &axis));
    RUNG_MODEL_REQUIRE(!taken[axis], "axis %d is named twice", axis);
    RUNG_MODEL_REQUIRE(!known || sizes[i] >= 0 || RUNG_IS_SYMBOL(sizes[i]), "size %zu is %lld", i, (long long)sizes[i]);
    taken[axis] = true;
    dims[axis] = known ? sizes[i] : rung_infer_symbol(infer);
  }
  return rung_infer_shape(infer, 0, type->rank, dims);
}

static const rung_attr center_crop_pad_attrs[] = {RUNG_ATTR_INTS(rung_center_crop_pad_params, axes), {0}};

const rung_op rung_op_CenterCropPad = {.name = "CenterCropPad",
                                       .domain = "",
                                       .since = 18,
                                       .flags = RUNG_OP_ENLARGES,
                                       .signature = "input_data:T shape:I -> output_data:T",
                                       .params_size = sizeof(rung_center_crop_pad_params),
                                       .attributes = center_crop_pad_attrs,
                                       .infer = infer_CenterCropPad};
