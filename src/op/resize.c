#include "op/resize.h"

#include "base/value.h"
#include "op/op_infer.h"

#include <math.h>

/* Settling */

/* Which place in the lists speaks of each dimension; -1: none. */
static rung_status *map_axes(const rung_resize_params *p, int32_t rank, size_t count, int32_t places[RUNG_MAX_RANK]) {
  size_t expected = p->axes.count ? p->axes.count : (size_t)rank;
  RUNG_MODEL_REQUIRE(count == expected, "%zu scales or sizes for %zu axes", count, expected);
  for (int32_t i = 0; i < rank; i++) places[i] = p->axes.count ? -1 : i;
  for (size_t i = 0; i < p->axes.count; i++) {
    int32_t axis;
    RUNG_TRY(rung_infer_axis(NULL, p->axes.at[i], rank, &axis));
    RUNG_MODEL_REQUIRE(places[axis] < 0, "axis %d is named twice", axis);
    places[axis] = (int32_t)i;
  }
  return NULL;
}

/* The product is taken in float32: 5 * 0.6 is 3 there, and what every exporter counts on. */
static rung_status *settle_scale(float scale, rung_resize_extent *e) {
  RUNG_MODEL_REQUIRE(scale > 0 && scale < 0x1p31f, "a scale of %g", (double)scale); /* false for NaN, too */
  float size = floorf((float)e->in * scale);
  RUNG_MODEL_REQUIRE(size < 0x1p53f, "a dimension of %lld scaled by %g", (long long)e->in, (double)scale);
  e->scale = scale;
  e->out = (int64_t)size;
  return NULL;
}

static rung_status *settle_size(int64_t size, rung_resize_extent *e) {
  RUNG_MODEL_REQUIRE(size >= 0 && (e->in > 0 || size == 0), "a dimension of %lld resized to %lld", (long long)e->in,
                     (long long)size);
  e->scale = e->in ? (double)size / (double)e->in : 1;
  e->out = size;
  e->from_size = true;
  return NULL;
}

/* One scale for all axes, the smallest or the largest that the sizes ask for. */
static rung_status *keep_aspect(const rung_resize_params *p, int32_t rank, rung_resize_extent *extents) {
  double common = p->policy == RUNG_RESIZE_NOT_LARGER ? INFINITY : 0;
  for (int32_t i = 0; i < rank; i++) {
    if (!extents[i].resized) continue;
    bool better = p->policy == RUNG_RESIZE_NOT_LARGER ? extents[i].scale < common : extents[i].scale > common;
    if (better) common = extents[i].scale;
  }
  for (int32_t i = 0; i < rank; i++) {
    rung_resize_extent *e = &extents[i];
    if (!e->resized) continue;
    double size = floor(common * (double)e->in + 0.5);
    RUNG_MODEL_REQUIRE(size < 0x1p53, "a dimension of %lld scaled by %g", (long long)e->in, common);
    e->from_size = e->out == (int64_t)size && e->scale == common;
    e->scale = common > 0 ? common : 1;
    e->out = (int64_t)size;
  }
  return NULL;
}

rung_status *rung_resize_settle(const rung_resize_params *params, int32_t rank, const int64_t *dims,
                                const float *scales, const int64_t *sizes, size_t count, rung_resize_extent *extents) {
  int32_t places[RUNG_MAX_RANK];
  RUNG_TRY(map_axes(params, rank, count, places));
  for (int32_t i = 0; i < rank; i++) {
    extents[i] = (rung_resize_extent){.in = dims[i], .out = dims[i], .resized = places[i] >= 0, .scale = 1};
    if (places[i] < 0) continue;
    RUNG_TRY(scales ? settle_scale(scales[places[i]], &extents[i]) : settle_size(sizes[places[i]], &extents[i]));
  }
  return !scales && params->policy != RUNG_RESIZE_STRETCH ? keep_aspect(params, rank, extents) : NULL;
}

/* Inference */

/* A list that is there but empty counts as left out. */
static bool has_list(const rung_infer *infer, int input) {
  if (input < 0 || !rung_infer_has(infer, (uint32_t)input)) return false;
  const rung_type *type = rung_infer_input(infer, (uint32_t)input);
  return type->rank != 1 || type->dims[0] != 0;
}

static const rung_value *known_list(const rung_infer *infer, int input) {
  const rung_value *value = has_list(infer, input) ? infer->inputs[input].value : NULL;
  return value && value->kind == RUNG_TENSOR && value->tensor.rank == 1 && !value->tensor.memory ? value : NULL;
}

/* True when `scales` are known; they may be attributes. */
static bool known_scales(const rung_infer *infer, float scales[RUNG_MAX_RANK], size_t *out_count) {
  const rung_resize_params *p = infer->params;
  if (p->scales_input < 0) {
    *out_count = RUNG_MIN(p->scales.count, RUNG_MAX_RANK);
    if (*out_count) memcpy(scales, p->scales.at, *out_count * sizeof *scales);
    return true;
  }
  const rung_value *value = known_list(infer, p->scales_input);
  if (!value || value->tensor.dtype != RUNG_F32 || value->tensor.dims[0] > RUNG_MAX_RANK) return false;
  *out_count = (size_t)value->tensor.dims[0];
  memcpy(scales, value->tensor.data, *out_count * sizeof *scales);
  return true;
}

/* With symbols in the input's shape: what a scale of 1 or an asked size still tells. */
static rung_status *infer_symbolic(rung_infer *infer, const float *scales, const int64_t *sizes, size_t count) {
  const rung_resize_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  int32_t places[RUNG_MAX_RANK];
  RUNG_TRY(map_axes(p, type->rank, count, places));
  memcpy(dims, type->dims, sizeof dims);
  for (int32_t i = 0; i < type->rank; i++) {
    if (places[i] < 0) continue;
    rung_resize_extent e = {.in = type->dims[i], .out = rung_infer_symbol(infer)};
    if (scales && e.in >= 0)
      RUNG_TRY(settle_scale(scales[places[i]], &e));
    else if (scales && scales[places[i]] == 1)
      e.out = e.in;
    else if (sizes && p->policy == RUNG_RESIZE_STRETCH)
      e.out = sizes[places[i]];
    dims[i] = e.out;
  }
  return rung_infer_shape(infer, 0, type->rank, dims);
}

/* The sizes that an input asks for, symbols among them; *out_concrete when there are none. */
static rung_status *known_sizes(const rung_infer *infer, int64_t *sizes, size_t *out_count, bool *out_known,
                                bool *out_concrete) {
  const rung_resize_params *p = infer->params;
  uint32_t count;
  *out_known = rung_infer_elements(infer, (uint32_t)p->sizes_input, sizes, RUNG_MAX_RANK, &count);
  *out_count = count;
  for (uint32_t i = 0; i < count; i++) {
    if (RUNG_IS_SYMBOL(sizes[i]))
      *out_concrete = false;
    else
      RUNG_MODEL_REQUIRE(sizes[i] >= 0, "size %u is %lld", i, (long long)sizes[i]);
  }
  return NULL;
}

static rung_status *infer_resize(rung_infer *infer) {
  const rung_resize_params *p = infer->params;
  const rung_type *type = rung_infer_input(infer, 0);
  float scale_list[RUNG_MAX_RANK];
  int64_t size_list[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  size_t count = 0;
  if (type->rank < 0) return NULL;
  bool by_size = has_list(infer, p->sizes_input), concrete = rung_type_is_concrete(type), known;
  RUNG_MODEL_REQUIRE(by_size || p->scales_input < 0 || has_list(infer, p->scales_input),
                     "neither scales nor sizes are given");
  if (by_size)
    RUNG_TRY(known_sizes(infer, size_list, &count, &known, &concrete));
  else
    known = known_scales(infer, scale_list, &count);
  if (!known) return rung_infer_rank(infer, 0, type->rank);
  const float *scales = by_size ? NULL : scale_list;
  const int64_t *sizes = by_size ? size_list : NULL;
  if (!concrete) return infer_symbolic(infer, scales, sizes, count);
  rung_resize_extent extents[RUNG_MAX_RANK];
  RUNG_TRY(rung_resize_settle(p, type->rank, type->dims, scales, sizes, count, extents));
  for (int32_t i = 0; i < type->rank; i++) dims[i] = extents[i].out;
  return rung_infer_shape(infer, 0, type->rank, dims);
}

/* Resize */

static rung_status *check_Resize(const rung_node *node, void *params) {
  rung_resize_params *p = params;
  RUNG_MODEL_REQUIRE(p->mode != RUNG_RESIZE_BILINEAR, "mode \"bilinear\" is an old name of Upsample's");
  RUNG_MODEL_REQUIRE(!p->antialias || p->mode != RUNG_RESIZE_NEAREST, "antialias needs a mode that interpolates");
  p->scales_input = node->version < 11 ? 1 : 2;
  p->sizes_input = node->version < 11 ? -1 : 3;
  if (node->version < 11) {
    p->coordinates = RUNG_COORDINATES_ASYMMETRIC;
    p->nearest = RUNG_NEAREST_OLD;
  }
  return NULL;
}

static const rung_attr resize_attrs[] = {
    RUNG_ATTR_CHOICE(rung_resize_params, mode, "nearest|linear|cubic|bilinear"),
    {.name = "coordinate_transformation_mode",
     .kind = RUNG_ATTR_KIND_CHOICE,
     .offset = offsetof(rung_resize_params, coordinates),
     .text = "half_pixel|half_pixel_symmetric|pytorch_half_pixel|align_corners|asymmetric|tf_half_pixel_for_nn|"
             "tf_crop_and_resize"},
    {.name = "nearest_mode",
     .kind = RUNG_ATTR_KIND_CHOICE,
     .offset = offsetof(rung_resize_params, nearest),
     .text = "round_prefer_floor|round_prefer_ceil|floor|ceil"},
    {.name = "keep_aspect_ratio_policy",
     .kind = RUNG_ATTR_KIND_CHOICE,
     .offset = offsetof(rung_resize_params, policy),
     .text = "stretch|not_larger|not_smaller"},
    RUNG_ATTR_INT(rung_resize_params, antialias, 0),
    RUNG_ATTR_INT(rung_resize_params, exclude_outside, 0),
    RUNG_ATTR_FLOAT(rung_resize_params, cubic_coeff_a, -0.75f),
    RUNG_ATTR_FLOAT(rung_resize_params, extrapolation_value, 0),
    RUNG_ATTR_INTS(rung_resize_params, axes),
    {0}};

const rung_op rung_op_Resize = {.name = "Resize",
                                .domain = "",
                                .since = 10,
                                .flags = RUNG_OP_ENLARGES,
                                .signature = "X:T roi:R? scales:float32? sizes:int64? -> Y:T",
                                .params_size = sizeof(rung_resize_params),
                                .attributes = resize_attrs,
                                .check = check_Resize,
                                .infer = infer_resize};

/* Upsample. Before opset 7 the two scales of (N, C, H, W) had names. */

static rung_status *check_Upsample(const rung_node *node, void *params) {
  rung_resize_params *p = params;
  p->coordinates = RUNG_COORDINATES_ASYMMETRIC;
  p->nearest = RUNG_NEAREST_OLD;
  if (p->mode == RUNG_RESIZE_BILINEAR) p->mode = RUNG_RESIZE_LINEAR;
  p->sizes_input = -1;
  p->scales_input = node->version >= 9 ? 1 : -1;
  RUNG_MODEL_REQUIRE((node->input_count == 2) == (node->version >= 9), "%u inputs in opset %lld", node->input_count,
                     (long long)node->version);
  if (node->version >= 7) return NULL;
  memcpy(p->old_scales, (float[]){1, 1, p->height_scale, p->width_scale}, sizeof p->old_scales);
  p->scales = (rung_floats){p->old_scales, RUNG_COUNT(p->old_scales)};
  return NULL;
}

static const rung_attr upsample_attrs[] = {RUNG_ATTR_CHOICE(rung_resize_params, mode, "nearest|linear|cubic|bilinear"),
                                           RUNG_ATTR_FLOATS(rung_resize_params, scales),
                                           RUNG_ATTR_FLOAT(rung_resize_params, height_scale, 0),
                                           RUNG_ATTR_FLOAT(rung_resize_params, width_scale, 0),
                                           {0}};

const rung_op rung_op_Upsample = {.name = "Upsample",
                                  .domain = "",
                                  .since = 1,
                                  .flags = RUNG_OP_ENLARGES,
                                  .signature = "X:T scales:float32? -> Y:T",
                                  .params_size = sizeof(rung_resize_params),
                                  .attributes = upsample_attrs,
                                  .check = check_Upsample,
                                  .infer = infer_resize};
