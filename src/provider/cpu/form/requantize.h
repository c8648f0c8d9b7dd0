/* What becomes of sums of int8 products, as data:
 *
 *     int32         y = s
 *     float32       y = activation(s * scale + bias)
 *     uint8, int8   y = clamp(rint(activation(s * scale + bias) / y_scale) + y_zero)
 *
 * in float32, which is what DequantizeLinear, the operators between and QuantizeLinear would do with exact sums. */
#ifndef RUNG_CPU_FORM_REQUANTIZE_H
#define RUNG_CPU_FORM_REQUANTIZE_H

#include "base/dtype.h"
#include "op/activation.h"
#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/kernel/quantize_i8.h"

typedef struct rung_requantize {
  rung_dtype dtype;   /* of the output */
  const float *scale; /* one, or one per output channel (convolution) or column (product) */
  bool scale_is_list;
  const float *bias; /* NULL: none; one per output channel or column */
  rung_activation activation;
  float y_scale;
  int32_t y_zero;
} rung_requantize;

/* n sums whose channel or column is `index`, or begins there and goes on when `along`. What is no int32 lies at `to`
 * afterwards, or, float32, where the sums were. The sums are overwritten. */
void rung_requantize_run(const rung_requantize *r, const rung_math *math, const rung_quantize_table *table, size_t n,
                         int32_t *sums, size_t index, bool along, uint8_t *to);

#endif
