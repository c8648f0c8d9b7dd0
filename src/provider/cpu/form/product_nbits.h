/* The form of products whose weights are codes (nbits.h) and whose other operand is quantised, too: each row of A,
 * block by block, to numbers in [-127, 127] with a scale. For operators that allow this loss; an element of A is off by
 * at most half of 1/127 of the largest one in its block. */
#ifndef RUNG_CPU_FORM_PRODUCT_NBITS_H
#define RUNG_CPU_FORM_PRODUCT_NBITS_H

#include "provider/cpu/form/nbits.h"
#include "provider/cpu/kernel/nbits_i8.h"
#include "provider/opwise/kernel.h"

/* Packed, per panel of 16 columns: codes, scales and zeros as the kernels want them. */
typedef struct rung_nbits_i8_plan {
  const rung_nbits_i8 *kernel;
  size_t n, k, bits, block, blocks, panels;
  size_t code_bytes, panel_bytes, size; /* of a panel's codes, of a panel, of all */
} rung_nbits_i8_plan;

/* False for what the kernels do not take: then the product is one of floats. Also when sizes overflow. */
bool rung_nbits_i8_make(rung_cpu_set features, size_t n, size_t k, size_t bits, size_t block, rung_nbits_i8_plan *out);
/* zeros: NULL or packed. */
void rung_nbits_i8_pack(const rung_nbits_i8_plan *plan, const rung_nbits_source *source, void *packed);

/* Scratch for `rows` rows of A; false when it overflows. */
bool rung_nbits_i8_scratch(const rung_nbits_i8_plan *plan, size_t rows, size_t *out_bytes) RUNG_MUST_CHECK;
/* y (rows, n) = a (rows, k) B + bias; bias (n) in float32, or NULL. */
void rung_nbits_i8_run(const rung_kernel_call *call, const rung_nbits_i8_plan *plan, const void *packed,
                       const rung_tensor *a, const float *bias, rung_tensor *y, void *scratch);

#endif
