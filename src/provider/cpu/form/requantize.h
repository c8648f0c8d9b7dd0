/* Sums of int8 products to int8: y = clamp(rint(scale * s) + zero), as QuantizeLinear would on floats. */
#ifndef RUNG_CPU_FORM_REQUANTIZE_H
#define RUNG_CPU_FORM_REQUANTIZE_H

#include "base/dtype.h"

/* n sums, each with scale number i * scale_step (0 or 1). y is uint8 or int8, as dtype says, and so is `zero`. */
void rung_requantize(size_t n, const int32_t *sums, const float *scale, size_t scale_step, int32_t zero,
                     rung_dtype dtype, void *y);

#endif
