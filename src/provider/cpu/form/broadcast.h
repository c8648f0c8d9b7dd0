/* The form of element-wise kernels: out[i] = f(a[i'], b[i''], ...), where operands repeat along some dimensions.
 *
 * Dimensions that all operands walk through alike are merged first, so that nearly every real case is one long row. */
#ifndef RUNG_CPU_FORM_BROADCAST_H
#define RUNG_CPU_FORM_BROADCAST_H

#include "provider/opwise/kernel.h"

enum { RUNG_BROADCAST_OPERANDS = 8 };

typedef struct rung_broadcast {
  size_t count; /* elements of the output */
  int32_t rank; /* after merging, >= 1 */
  int32_t operands;
  int64_t dims[RUNG_MAX_RANK];
  int64_t strides[RUNG_BROADCAST_OPERANDS][RUNG_MAX_RANK]; /* elements; 0 where the operand repeats */
} rung_broadcast;

/* Output elements [at, at + n) of one row; operand k of element i is number from[k] + i * step[k]. A step is 1, or 0
 * when the operand repeats. */
typedef void (*rung_broadcast_fn)(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step);

/* `inputs` (at most RUNG_BROADCAST_OPERANDS) must be broadcastable to the output's shape, as the definition inferred.
 */
void rung_broadcast_make(rung_broadcast *plan, const rung_tensor *out, const rung_tensor *const *inputs, int32_t count);
/* Calls fn for the rows that make up the output elements [begin, end), in order. */
void rung_broadcast_rows(const rung_broadcast *plan, size_t begin, size_t end, rung_broadcast_fn fn, void *context);
/* Calls fn for rows that together cover the output, on all threads. `nanoseconds`: what one element costs. */
void rung_broadcast_run(const rung_kernel_call *call, const rung_broadcast *plan, size_t nanoseconds,
                        rung_broadcast_fn fn, void *context);

#endif
