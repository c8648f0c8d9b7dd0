/* The form of kernels that compute in float32 or float64 and take other types as well: whole operands are converted
 * into scratch before, and the result back behind. Where the types are those computed in, nothing is copied. */
#ifndef RUNG_CPU_FORM_WIDENED_H
#define RUNG_CPU_FORM_WIDENED_H

#include "provider/opwise/kernel.h"

/* float64 for float64 and for integers that float32 does not hold, else float32. */
rung_dtype rung_widened_type(rung_dtype dtype);

/* Bytes of scratch for `tensors` (NULL ones among them), all to be in `computed`; false on overflow. */
bool rung_widened_scratch(rung_dtype computed, const rung_tensor *const *tensors, size_t count,
                          size_t *out_bytes) RUNG_MUST_CHECK;
/* The elements of `tensor` in `computed`: its own, or converted to *scratch, which moves on. NULL for NULL. */
const void *rung_widened_in(rung_dtype computed, const rung_tensor *tensor, char **scratch);
/* Where to put the result: the tensor itself, or *scratch, which moves on. */
void *rung_widened_out(rung_dtype computed, const rung_tensor *tensor, char **scratch);
/* Converts the result as a cast does, when it is not in place. */
void rung_widened_end(rung_dtype computed, const rung_tensor *tensor, const void *result);

#endif
