/* The masks of int32 that com.microsoft's attention takes (op/ms_attention.h), as floats to add to the products. */
#ifndef RUNG_CPU_FORM_PADDING_MASK_H
#define RUNG_CPU_FORM_PADDING_MASK_H

#include "op/ms_attention.h"

/* Type of the mask as floats: (batch, 1, 1 or q_length, total), data NULL. */
rung_status *rung_padding_mask_describe(const rung_tensor *mask, const rung_ms_attention_sizes *sizes,
                                        rung_tensor *out) RUNG_MUST_CHECK;
/* Fills out->data: 0 where there is a token, else `filter`. */
void rung_padding_mask_fill(const rung_tensor *mask, float filter, rung_tensor *out);

#endif
