#include "op/sampling.h"

#include "op/op_infer.h"

static rung_status *require_rank(const rung_type *type, int32_t rank, const char *name) {
  RUNG_MODEL_REQUIRE(type->rank < 0 || type->rank == rank, "%s has rank %d, %d is expected", name, type->rank, rank);
  return NULL;
}

/* Dimension `axis`, or a symbol where the rank is unknown. */
static int64_t dim_of(rung_infer *infer, uint32_t input, int32_t axis) {
  const rung_type *type = rung_infer_input(infer, input);
  return type->rank > axis ? type->dims[axis] : rung_infer_symbol(infer);
}

/* GridSample: X (N, C, D1, ..., Dr), grid (N, O1, ..., Or, r) */

static rung_status *check_GridSample(const rung_node *node, void *params) {
  rung_grid_sample_params *p = params;
  (void)node;
  if (p->mode == RUNG_SAMPLE_BILINEAR) p->mode = RUNG_SAMPLE_LINEAR;
  if (p->mode == RUNG_SAMPLE_BICUBIC) p->mode = RUNG_SAMPLE_CUBIC;
  return NULL;
}

static rung_status *check_taps(int mode, int32_t spatial) {
  int64_t taps = 1, each = mode == RUNG_SAMPLE_CUBIC ? 4 : mode == RUNG_SAMPLE_LINEAR ? 2 : 1;
  for (int32_t i = 0; i < spatial; i++) taps *= each;
  RUNG_REQUIRE(taps <= RUNG_SAMPLE_MOST_TAPS, LIMIT, "%lld elements behind each output element, above the limit of %d",
               (long long)taps, RUNG_SAMPLE_MOST_TAPS);
  return NULL;
}

static rung_status *infer_GridSample(rung_infer *infer) {
  const rung_grid_sample_params *p = infer->params;
  const rung_type *x = rung_infer_input(infer, 0), *grid = rung_infer_input(infer, 1);
  int64_t dims[RUNG_MAX_RANK];
  int32_t rank = x->rank >= 0 ? x->rank : grid->rank;
  if (rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(rank >= 3 && (grid->rank < 0 || grid->rank == rank), "X has rank %d, grid %d", rank, grid->rank);
  RUNG_TRY(check_taps(p->mode, rank - 2));
  int64_t coordinates = dim_of(infer, 1, rank - 1), batch = dim_of(infer, 1, 0);
  dims[0] = dim_of(infer, 0, 0);
  dims[1] = dim_of(infer, 0, 1);
  RUNG_MODEL_REQUIRE(coordinates < 0 || coordinates == rank - 2, "the grid has %lld coordinates for %d dimensions",
                     (long long)coordinates, rank - 2);
  RUNG_MODEL_REQUIRE(batch < 0 || dims[0] < 0 || batch == dims[0], "a batch of %lld in X and of %lld in grid",
                     (long long)dims[0], (long long)batch);
  if (dims[0] < 0) dims[0] = batch;
  for (int32_t i = 2; i < rank; i++) dims[i] = dim_of(infer, 1, i - 1);
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr grid_sample_attrs[] = {
    RUNG_ATTR_CHOICE(rung_grid_sample_params, mode, "linear|nearest|cubic|bilinear|bicubic"),
    {.name = "padding_mode",
     .kind = RUNG_ATTR_KIND_CHOICE,
     .offset = offsetof(rung_grid_sample_params, padding),
     .text = "zeros|border|reflection"},
    RUNG_ATTR_INT(rung_grid_sample_params, align_corners, 0),
    {0}};

const rung_op rung_op_GridSample = {.name = "GridSample",
                                    .domain = "",
                                    .since = 16,
                                    .signature = "X:T grid:G -> Y:T",
                                    .params_size = sizeof(rung_grid_sample_params),
                                    .attributes = grid_sample_attrs,
                                    .check = check_GridSample,
                                    .infer = infer_GridSample};

/* AffineGrid: theta (N, r, r + 1), size (N, C, D1, ..., Dr) for r = 2 or 3 */

static rung_status *infer_AffineGrid(rung_infer *infer) {
  const rung_type *theta = rung_infer_input(infer, 0), *size = rung_infer_input(infer, 1);
  int64_t given[RUNG_MAX_RANK], dims[RUNG_MAX_RANK];
  uint32_t count = 0;
  RUNG_TRY(require_rank(theta, 3, "theta"));
  RUNG_TRY(require_rank(size, 1, "size"));
  if (!rung_infer_elements(infer, 1, given, RUNG_MAX_RANK, &count)) {
    int64_t length = dim_of(infer, 1, 0);
    return length == 4 || length == 5 ? rung_infer_rank(infer, 0, (int32_t)length) : NULL;
  }
  RUNG_MODEL_REQUIRE(count == 4 || count == 5, "size has %u elements, 4 or 5 are expected", count);
  for (uint32_t i = 0; i < count; i++)
    RUNG_MODEL_REQUIRE(given[i] >= 0 || RUNG_IS_SYMBOL(given[i]), "size %u is %lld", i, (long long)given[i]);
  int64_t batch = dim_of(infer, 0, 0), rows = dim_of(infer, 0, 1), columns = dim_of(infer, 0, 2), spatial = count - 2;
  RUNG_MODEL_REQUIRE((rows < 0 || rows == spatial) && (columns < 0 || columns == spatial + 1),
                     "theta is %lldx%lld for %lld dimensions", (long long)rows, (long long)columns, (long long)spatial);
  RUNG_MODEL_REQUIRE(batch < 0 || given[0] < 0 || batch == given[0], "a batch of %lld in theta and of %lld in size",
                     (long long)batch, (long long)given[0]);
  dims[0] = given[0];
  for (int64_t i = 0; i < spatial; i++) dims[1 + i] = given[2 + i];
  dims[1 + spatial] = spatial;
  return rung_infer_shape(infer, 0, (int32_t)count, dims);
}

static const rung_attr affine_grid_attrs[] = {RUNG_ATTR_INT(rung_affine_grid_params, align_corners, 0), {0}};

const rung_op rung_op_AffineGrid = {.name = "AffineGrid",
                                    .domain = "",
                                    .since = 20,
                                    .flags = RUNG_OP_ENLARGES,
                                    .signature = "theta:T size:int64 -> grid:T",
                                    .params_size = sizeof(rung_affine_grid_params),
                                    .attributes = affine_grid_attrs,
                                    .infer = infer_AffineGrid};

/* RoiAlign: X (N, C, H, W), rois (R, 4), batch_indices (R) */

/* Edge of an output, and samples along an edge of a bin: far beyond use, and no product overflows. */
enum { MOST_POOLED = 1 << 20, MOST_SAMPLES = 1 << 10 };

static rung_status *check_RoiAlign(const rung_node *node, void *params) {
  rung_roi_align_params *p = params;
  if (node->version < 16) p->coordinates = RUNG_ROI_OUTPUT_HALF_PIXEL;
  RUNG_MODEL_REQUIRE(
      p->output_height > 0 && p->output_height <= MOST_POOLED && p->output_width > 0 && p->output_width <= MOST_POOLED,
      "an output of %lldx%lld", (long long)p->output_height, (long long)p->output_width);
  RUNG_MODEL_REQUIRE(p->sampling_ratio >= 0 && p->sampling_ratio <= MOST_SAMPLES, "sampling_ratio is %lld",
                     (long long)p->sampling_ratio);
  return NULL;
}

static rung_status *infer_RoiAlign(rung_infer *infer) {
  const rung_roi_align_params *p = infer->params;
  RUNG_TRY(require_rank(rung_infer_input(infer, 0), 4, "X"));
  RUNG_TRY(require_rank(rung_infer_input(infer, 1), 2, "rois"));
  RUNG_TRY(require_rank(rung_infer_input(infer, 2), 1, "batch_indices"));
  int64_t rois = dim_of(infer, 1, 0), columns = dim_of(infer, 1, 1), indices = dim_of(infer, 2, 0);
  RUNG_MODEL_REQUIRE(columns < 0 || columns == 4, "a roi of %lld numbers", (long long)columns);
  RUNG_MODEL_REQUIRE(rois < 0 || indices < 0 || rois == indices, "%lld rois, %lld batch indices", (long long)rois,
                     (long long)indices);
  int64_t dims[] = {rois < 0 ? indices : rois, dim_of(infer, 0, 1), p->output_height, p->output_width};
  return rung_infer_shape(infer, 0, RUNG_COUNT(dims), dims);
}

static const rung_attr roi_align_attrs[] = {RUNG_ATTR_CHOICE(rung_roi_align_params, mode, "avg|max"),
                                            {.name = "coordinate_transformation_mode",
                                             .kind = RUNG_ATTR_KIND_CHOICE,
                                             .offset = offsetof(rung_roi_align_params, coordinates),
                                             .text = "half_pixel|output_half_pixel"},
                                            RUNG_ATTR_INT(rung_roi_align_params, output_height, 1),
                                            RUNG_ATTR_INT(rung_roi_align_params, output_width, 1),
                                            RUNG_ATTR_INT(rung_roi_align_params, sampling_ratio, 0),
                                            RUNG_ATTR_FLOAT(rung_roi_align_params, spatial_scale, 1),
                                            {0}};

const rung_op rung_op_RoiAlign = {.name = "RoiAlign",
                                  .domain = "",
                                  .since = 10,
                                  .signature = "X:T rois:T batch_indices:int64 -> Y:T",
                                  .params_size = sizeof(rung_roi_align_params),
                                  .attributes = roi_align_attrs,
                                  .check = check_RoiAlign,
                                  .infer = infer_RoiAlign};

/* MaxRoiPool: X (N, C, H, W), rois (R, 5), each with its batch index first */

static rung_status *check_MaxRoiPool(const rung_node *node, void *params) {
  const rung_max_roi_pool_params *p = params;
  (void)node;
  bool good = p->pooled_shape.count == 2;
  for (size_t i = 0; good && i < 2; i++) good = p->pooled_shape.at[i] > 0 && p->pooled_shape.at[i] <= MOST_POOLED;
  RUNG_MODEL_REQUIRE(good, "pooled_shape must be two sizes, each in [1, %d]", MOST_POOLED);
  return NULL;
}

static rung_status *infer_MaxRoiPool(rung_infer *infer) {
  const rung_max_roi_pool_params *p = infer->params;
  RUNG_TRY(require_rank(rung_infer_input(infer, 0), 4, "X"));
  RUNG_TRY(require_rank(rung_infer_input(infer, 1), 2, "rois"));
  int64_t columns = dim_of(infer, 1, 1);
  RUNG_MODEL_REQUIRE(columns < 0 || columns == 5, "a roi of %lld numbers", (long long)columns);
  int64_t dims[] = {dim_of(infer, 1, 0), dim_of(infer, 0, 1), p->pooled_shape.at[0], p->pooled_shape.at[1]};
  return rung_infer_shape(infer, 0, RUNG_COUNT(dims), dims);
}

static const rung_attr max_roi_pool_attrs[] = {RUNG_ATTR_INTS(rung_max_roi_pool_params, pooled_shape),
                                               RUNG_ATTR_FLOAT(rung_max_roi_pool_params, spatial_scale, 1),
                                               {0}};

const rung_op rung_op_MaxRoiPool = {.name = "MaxRoiPool",
                                    .domain = "",
                                    .since = 1,
                                    .signature = "X:T rois:T -> Y:T",
                                    .params_size = sizeof(rung_max_roi_pool_params),
                                    .attributes = max_roi_pool_attrs,
                                    .check = check_MaxRoiPool,
                                    .infer = infer_MaxRoiPool};

/* NonMaxSuppression: boxes (N, B, 4), scores (N, C, B) */

static rung_status *infer_NonMaxSuppression(rung_infer *infer) {
  RUNG_TRY(require_rank(rung_infer_input(infer, 0), 3, "boxes"));
  RUNG_TRY(require_rank(rung_infer_input(infer, 1), 3, "scores"));
  int64_t corners = dim_of(infer, 0, 2), boxes = dim_of(infer, 0, 1), scored = dim_of(infer, 1, 2);
  int64_t batch = dim_of(infer, 0, 0), score_batch = dim_of(infer, 1, 0);
  RUNG_MODEL_REQUIRE(corners < 0 || corners == 4, "a box of %lld numbers", (long long)corners);
  RUNG_MODEL_REQUIRE(
      (boxes < 0 || scored < 0 || boxes == scored) && (batch < 0 || score_batch < 0 || batch == score_batch),
      "%lld x %lld boxes, scores for %lld x %lld", (long long)batch, (long long)boxes, (long long)score_batch,
      (long long)scored);
  return rung_infer_shape(infer, 0, 2, (int64_t[]){rung_infer_symbol(infer), 3});
}

static const rung_attr nms_attrs[] = {RUNG_ATTR_INT(rung_nms_params, center_point_box, 0), {0}};

const rung_op rung_op_NonMaxSuppression = {
    .name = "NonMaxSuppression",
    .domain = "",
    .since = 10,
    .signature =
        "boxes:float32 scores:float32 max_output_boxes_per_class:int64? iou_threshold:float32? "
        "score_threshold:float32? -> selected_indices:int64",
    .params_size = sizeof(rung_nms_params),
    .attributes = nms_attrs,
    .infer = infer_NonMaxSuppression};
