/* Windows that slide over the spatial dimensions of (N, C, D1, ..., Dn): what convolutions and pools have in
 * common.
 *
 * Output element o of a dimension reads input elements o * stride - begin + k * dilation for k in [0,
 * kernel); those outside of [0, in) are padding. A transposed convolution is the mirror image: input element
 * i adds to output elements i * stride - begin + k * dilation. */
#ifndef RUNG_OP_WINDOW_H
#define RUNG_OP_WINDOW_H

#include "op/op_infer.h"

enum { RUNG_PAD_NOTSET, RUNG_PAD_SAME_UPPER, RUNG_PAD_SAME_LOWER, RUNG_PAD_VALID }; /* auto_pad */

/* The attributes. Lists hold nothing, or one entry per spatial dimension (pads: all begins, then all ends).
 */
typedef struct rung_window_params {
  rung_ints kernel_shape, strides, dilations, pads;
  int auto_pad;
  int64_t ceil_mode;
} rung_window_params;

/* Entries of an attribute table; `type` begins with a rung_window_params. */
#define RUNG_WINDOW_ATTRS                                                            \
  {"kernel_shape", RUNG_ATTR_KIND_INTS, offsetof(rung_window_params, kernel_shape)}, \
      {"strides", RUNG_ATTR_KIND_INTS, offsetof(rung_window_params, strides)},       \
      {"dilations", RUNG_ATTR_KIND_INTS, offsetof(rung_window_params, dilations)},   \
      {"pads", RUNG_ATTR_KIND_INTS, offsetof(rung_window_params, pads)},             \
      {"auto_pad", RUNG_ATTR_KIND_CHOICE, offsetof(rung_window_params, auto_pad),    \
       .text = "NOTSET|SAME_UPPER|SAME_LOWER|VALID"}

/* One spatial dimension, worked out. */
typedef struct rung_window_axis {
  int64_t in, out, kernel, stride, dilation;
  int64_t begin, end; /* padding before the first element, behind the last */
} rung_window_axis;

typedef struct rung_window {
  int32_t rank;
  rung_window_axis axes[RUNG_MAX_RANK];
} rung_window;

/* Are all lists of one length, and all their numbers in [least, 2^31)? For `check`. */
rung_status *rung_window_check(const rung_window_params *params) RUNG_MUST_CHECK;

/* One dimension of `rank`; params have passed the check, `in` and `kernel` are known. INVALID_MODEL when the
 * list lengths are not `rank`, or when the window is larger than the padded input. */
rung_status *rung_window_axis_make(const rung_window_params *params, int32_t rank, int32_t axis, int64_t in,
                                   int64_t kernel, rung_window_axis *out) RUNG_MUST_CHECK;

/* All dimensions of an input (N, C, D1, ...); `kernel` has one entry per spatial dimension. */
rung_status *rung_window_make(const rung_window_params *params, int32_t rank, const int64_t *dims,
                              const int64_t *kernel, rung_window *out) RUNG_MUST_CHECK;

/* For inference: the output's size where the input's may be a symbol. */
rung_status *rung_window_infer(rung_infer *infer, const rung_window_params *params, int32_t rank, int32_t axis,
                               int64_t in, int64_t kernel, int64_t *out) RUNG_MUST_CHECK;

#endif
