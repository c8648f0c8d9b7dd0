/* Products of quantised matrices with float 8 on any side: Y (m, n) = the sum of (A - a_zero) (B - b_zero), times
 * a_scale b_scale / y_scale, plus y_zero. Summed in float64, in the order of k, and rounded once: to the nearest
 * integer where Y is one of 8 bits (before y_zero is added), as a Cast that saturates where it is a float 8. */
#ifndef RUNG_CPU_FORM_PRODUCT_F8_H
#define RUNG_CPU_FORM_PRODUCT_F8_H

#include "base/element.h"
#include "op/product.h"
#include "provider/opwise/kernel.h"

#define RUNG_PRODUCT_F8 (RUNG_SET_FLOAT8 & ~RUNG_SET(RUNG_F8E8M0))

/* Scales or zero points: one number, one per row of A (column of B) of every matrix, or one per row (column) of each.
 */
typedef struct rung_spread {
  const rung_tensor *tensor; /* NULL: left out */
  size_t step, matrix_step;  /* in elements, per row or column, and per matrix of the operand's stack */
} rung_spread;

static inline double rung_spread_at(const rung_spread *s, size_t index, size_t matrix, double fallback) {
  return s->tensor ? rung_element_get(s->tensor->dtype, s->tensor->data, index * s->step + matrix * s->matrix_step)
                   : fallback;
}

typedef struct rung_product_f8 {
  const rung_matmul_shape *shape;
  const rung_tensor *a, *b, *y; /* (..., m, k), (..., k, n), (..., m, n): float 8, int8 or uint8 */
  rung_spread a_zero, b_zero, a_scale, b_scale;
  double y_scale, y_zero;
} rung_product_f8;

/* Bytes of call->scratch; false when they overflow. */
bool rung_product_f8_scratch(const rung_kernel_call *call, const rung_matmul_shape *shape,
                             size_t *out_bytes) RUNG_MUST_CHECK;
void rung_product_f8_run(const rung_kernel_call *call, const rung_product_f8 *product);

#endif
