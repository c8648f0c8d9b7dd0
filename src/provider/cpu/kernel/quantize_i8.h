/* Loops between 8-bit integers, sums of their products and float32, one table per instruction set, all with the same
 * bits. */
#ifndef RUNG_CPU_KERNEL_QUANTIZE_I8_H
#define RUNG_CPU_KERNEL_QUANTIZE_I8_H

#include "base/cpu.h"

#include <stddef.h>

typedef struct rung_quantize_table {
  /* to[i] = sums[i] * scale[i * scale_step] + bias[i * bias_step]; steps are 0 or 1; to may be sums. */
  void (*scale_sums)(size_t n, const int32_t *sums, const float *scale, size_t scale_step, const float *bias,
                     size_t bias_step, float *to);
  /* to[i] = rint(clamp((sums[i] * scale + bias) / y_scale)) + zero, to [least, most]: whole numbers or what rounds to
   * ones within a byte when zero is added. No NaN comes up. */
  void (*requantize)(size_t n, const int32_t *sums, float scale, float bias, float y_scale, float least, float most,
                     int32_t zero, uint8_t *to);
  /* to[i] = clamp(rint(x[i] / scale) + zero), to [low, low + 255]: low is 0 for uint8, -128 for int8. NaN gives low. */
  void (*quantize)(size_t n, const float *x, float scale, int32_t zero, int32_t low, uint8_t *to);
  /* to[i] = (x[i] - zero) * scale; x are int8 where is_signed. */
  void (*dequantize)(size_t n, const uint8_t *x, int is_signed, float scale, int32_t zero, float *to);
  /* to[i] += (sums[i] + a_zero * columns[i] - a_sum * zeros[i]) * (scale * scales[i]); integers wrap. */
  void (*add_sums)(size_t n, const int32_t *sums, int32_t a_zero, const int32_t *columns, int32_t a_sum,
                   const int32_t *zeros, float scale, const float *scales, float *to);
} rung_quantize_table;

const rung_quantize_table *rung_quantize_for(rung_cpu_set features);

#endif
