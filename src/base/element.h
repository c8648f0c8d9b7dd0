/* Single elements of tensors of any type, as double: where it is one now and then, not in the loops of kernels. */
#ifndef RUNG_BASE_ELEMENT_H
#define RUNG_BASE_ELEMENT_H

#include "rung_types.h"

/* Number `index` at `data`, in the host's memory, which begins at any address. Of complex numbers the real part; NaN
 * for strings. */
double rung_element_get(rung_dtype dtype, const void *data, size_t index);
/* Rounds to nearest and saturates; NaN becomes 0 in integers. Nothing happens to strings. */
void rung_element_set(rung_dtype dtype, void *data, size_t index, double value);

#endif
