/* Operators that add a margin to a tensor, or take one away. */
#ifndef RUNG_OP_PADDING_H
#define RUNG_OP_PADDING_H

#include "op/op.h"

enum { RUNG_PAD_CONSTANT, RUNG_PAD_REFLECT, RUNG_PAD_EDGE, RUNG_PAD_WRAP };

typedef struct rung_pad_params {
  int mode;
  float value;        /* opset < 11; later input 2 */
  rung_ints pads;     /* opset < 11; later input 1 */
  rung_ints paddings; /* opset 1 */
} rung_pad_params;

typedef struct rung_center_crop_pad_params {
  rung_ints axes; /* empty: all */
} rung_center_crop_pad_params;

/* Spreads a list [begin of the axes..., end of the axes...] over `rank` dimensions; `axes` may be NULL: all.
 */
rung_status *rung_pad_spread(int32_t rank, const int64_t *pads, size_t pad_count, const int64_t *axes,
                             size_t axis_count, int64_t begin[RUNG_MAX_RANK],
                             int64_t end[RUNG_MAX_RANK]) RUNG_MUST_CHECK;

#endif
