/* Convolutions: Conv, ConvTranspose, ConvInteger, QLinearConv, FusedConv.
 *
 * Operands: X (N, C, D1, ...), W (M, C / group, K1, ...), or transposed (C, M / group, K1, ...), bias (M),
 * residual shaped like the output. Y = activation(conv(X, W) + bias + residual); only fused forms have the
 * last two. */
#ifndef RUNG_OP_CONVOLUTION_H
#define RUNG_OP_CONVOLUTION_H

#include "op/activation.h"
#include "op/window.h"

typedef struct rung_conv_params {
  rung_window_params window;
  int64_t group;
  rung_ints output_padding, output_shape; /* ConvTranspose */
  rung_activation activation;
  rung_str activation_name; /* FusedConv */
  rung_floats activation_params;
  int64_t channels_last; /* com.microsoft's QLinearConv */
} rung_conv_params;

/* A step of fused islands, not in any model: what DequantizeLinear, Conv, an activation and QuantizeLinear make of
 *   x, x_scale, x_zero_point?, w, w_scale, w_zero_point?, y_scale?, y_zero_point?, bias?, bias_scale? -> y
 * with scales and zero points as in QLinearConv. Without y_scale the result is float32. The bias is float32; or int32,
 * then times bias_scale (one, or one per channel). */
extern const rung_op rung_op_QuantizedConv;

/* Everything that the shapes decide, for Conv and its like. */
typedef struct rung_conv_shape {
  int64_t batch, group, in_channels, out_channels; /* of all groups */
  rung_window window;
} rung_conv_shape;

/* INVALID_MODEL when shapes and attributes do not fit. */
rung_status *rung_conv_shape_make(const rung_conv_params *params, const rung_tensor *x, const rung_tensor *w,
                                  rung_conv_shape *out) RUNG_MUST_CHECK;
rung_status *rung_conv_transpose_shape_make(const rung_conv_params *params, const rung_tensor *x, const rung_tensor *w,
                                            rung_conv_shape *out) RUNG_MUST_CHECK;

#endif
