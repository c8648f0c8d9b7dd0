/* Sampling at coordinates: GridSample, AffineGrid, and the regions of detectors. */
#ifndef RUNG_OP_SAMPLING_H
#define RUNG_OP_SAMPLING_H

#include "op/op.h"

enum {
  RUNG_SAMPLE_LINEAR,
  RUNG_SAMPLE_NEAREST,
  RUNG_SAMPLE_CUBIC,
  RUNG_SAMPLE_BILINEAR, /* old names, which become those above */
  RUNG_SAMPLE_BICUBIC,
};
enum { RUNG_SAMPLE_ZEROS, RUNG_SAMPLE_BORDER, RUNG_SAMPLE_REFLECTION };
enum { RUNG_SAMPLE_MOST_TAPS = 1024 }; /* of one output element; a limit of ours: cubic in 5 dimensions */

typedef struct rung_grid_sample_params {
  int mode, padding;
  int64_t align_corners;
} rung_grid_sample_params;

typedef struct rung_affine_grid_params {
  int64_t align_corners;
} rung_affine_grid_params;

typedef struct rung_roi_align_params {
  int mode;        /* below */
  int coordinates; /* below; before opset 16 without the shift */
  int64_t output_height, output_width, sampling_ratio;
  float spatial_scale;
} rung_roi_align_params;
enum { RUNG_ROI_AVG, RUNG_ROI_MAX };
enum { RUNG_ROI_HALF_PIXEL, RUNG_ROI_OUTPUT_HALF_PIXEL };

typedef struct rung_max_roi_pool_params {
  rung_ints pooled_shape;
  float spatial_scale;
} rung_max_roi_pool_params;

typedef struct rung_nms_params {
  int64_t center_point_box;
} rung_nms_params;

#endif
