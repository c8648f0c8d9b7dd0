/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
 *
 * Scale and zero point are one number for the whole tensor, one per index of `axis`, or one per block: then
 * they are shaped like the tensor, with ceil(D / block_size) instead of D at `axis`. */
#ifndef RUNG_OP_QUANTIZE_H
#define RUNG_OP_QUANTIZE_H

#include "op/op_infer.h"

typedef struct rung_quantize_params {
  int64_t axis, saturate, block_size, output_dtype, precision;
} rung_quantize_params;

/* Elements as (outer, length, inner), the axis in the middle. Element (o, l, i) has scale number
 * o * outer_step + l / block * block_step + i * inner_step; steps are 0 where the scale repeats. */
typedef struct rung_quantize_layout {
  int64_t outer, length, inner;
  int64_t block; /* >= 1 */
  int64_t outer_step, block_step, inner_step;
} rung_quantize_layout;

/* INVALID_MODEL when the scale's shape does not fit. */
rung_status *rung_quantize_layout_make(const rung_quantize_params *params, const rung_tensor *x,
                                       const rung_tensor *scale, rung_quantize_layout *out) RUNG_MUST_CHECK;

#endif
