/* Windows taken apart and put together: Col2Im, and DeformConv, whose windows bend. */
#ifndef RUNG_OP_COLUMNS_H
#define RUNG_OP_COLUMNS_H

#include "op/window.h"

typedef struct rung_col2im_params {
  rung_window_params window; /* its kernel is input block_shape */
} rung_col2im_params;

typedef struct rung_deform_conv_params {
  rung_window_params window;
  int64_t group, offset_group;
} rung_deform_conv_params;

/* The blocks that slide over an image of `rank` dimensions; INVALID_MODEL when they are not `blocks`. */
rung_status *rung_col2im_window(const rung_col2im_params *params, int32_t rank, const int64_t *image,
                                const int64_t *block, int64_t blocks, rung_window *out) RUNG_MUST_CHECK;

/* DeformConv's operands against each other, all concrete. `b` and `mask` are NULL when left out. */
rung_status *rung_deform_conv_window(const rung_deform_conv_params *params, const rung_type *x, const rung_type *w,
                                     const rung_type *offset, const rung_type *b, const rung_type *mask,
                                     rung_window *out) RUNG_MUST_CHECK;

#endif
