/* Resize, Upsample: another size for a tensor, by interpolation along each axis. */
#ifndef RUNG_OP_RESIZE_H
#define RUNG_OP_RESIZE_H

#include "op/op.h"

enum { RUNG_RESIZE_NEAREST, RUNG_RESIZE_LINEAR, RUNG_RESIZE_CUBIC, RUNG_RESIZE_BILINEAR /* becomes LINEAR */ };
enum {
  RUNG_COORDINATES_HALF_PIXEL,
  RUNG_COORDINATES_HALF_PIXEL_SYMMETRIC,
  RUNG_COORDINATES_PYTORCH,
  RUNG_COORDINATES_ALIGN_CORNERS,
  RUNG_COORDINATES_ASYMMETRIC,
  RUNG_COORDINATES_TF_NEAREST, /* opset 11 and 12 */
  RUNG_COORDINATES_TF_CROP,
};
enum {
  RUNG_NEAREST_ROUND_DOWN, /* halves go down */
  RUNG_NEAREST_ROUND_UP,
  RUNG_NEAREST_FLOOR,
  RUNG_NEAREST_CEIL,
  RUNG_NEAREST_OLD, /* before opset 11, which did not say: down when enlarging, up when shrinking, as ONNX Runtime */
};
enum { RUNG_RESIZE_STRETCH, RUNG_RESIZE_NOT_LARGER, RUNG_RESIZE_NOT_SMALLER };

typedef struct rung_resize_params {
  int mode, coordinates, nearest, policy;
  int64_t antialias, exclude_outside;
  float cubic_coeff_a, extrapolation_value;
  rung_ints axes;
  rung_floats scales;              /* Upsample, opset < 9; later an input */
  float height_scale, width_scale; /* Upsample, opset < 7: they become scales */
  float old_scales[4];
  int scales_input, sizes_input; /* which inputs hold them; -1: none */
} rung_resize_params;

/* What happens to one dimension. */
typedef struct rung_resize_extent {
  int64_t in, out;
  bool resized;   /* named by axes; else out is in */
  double scale;   /* out per in, as asked for */
  bool from_size; /* the scale is out / in exactly */
} rung_resize_extent;

/* Settles all dimensions of a concrete input. One of `scales` and `sizes` is given, `count` elements. */
rung_status *rung_resize_settle(const rung_resize_params *params, int32_t rank, const int64_t *dims,
                                const float *scales, const int64_t *sizes, size_t count,
                                rung_resize_extent *extents) RUNG_MUST_CHECK;

#endif
