/* The form of kernels that apply loops (cpu_math.h) to whole tensors, on all threads.
 *
 * A loop is that of the element type. For float16 and bfloat16 it is the loop of float32: operands are widened block by
 * block, and the result is rounded once if it has their type. */
#ifndef RUNG_CPU_FORM_POINTWISE_H
#define RUNG_CPU_FORM_POINTWISE_H

#include "provider/cpu/form/cpu_math.h"
#include "provider/opwise/kernel.h"

/* The loops for a floating-point element type. */
const rung_math *rung_math_of(const rung_kernel_call *call, rung_dtype dtype);

/* Output 0 from x, of the same shape. `p`: parameters of the loop. `nanoseconds`: what one element costs. */
rung_status *rung_unary_run(rung_kernel_call *call, const rung_tensor *x, rung_unary_loop loop, const void *p,
                            size_t nanoseconds) RUNG_MUST_CHECK;
/* Output 0 from a and b, which broadcast to its shape. */
rung_status *rung_binary_run(rung_kernel_call *call, const rung_tensor *a, const rung_tensor *b, rung_binary_loop loop,
                             const void *p, size_t nanoseconds) RUNG_MUST_CHECK;

/* Input 1 with the dimensions of 1 that the old attribute `axis` asks for (params: rung_binary_params). */
rung_status *rung_binary_second(const rung_kernel_call *call, rung_tensor *out_b) RUNG_MUST_CHECK;

/* Conversions of the two 16-bit floats, and the elements that are widened at a time. False for other types. */
typedef struct rung_narrow {
  void (*widen)(size_t n, const uint16_t *from, float *to);
  void (*narrow)(size_t n, const float *from, uint16_t *to);
} rung_narrow;
bool rung_narrow_of(const rung_math *math, rung_dtype dtype, rung_narrow *out);
enum { RUNG_NARROW_BLOCK = 512 };

/* Tables of loops by element type, X-macros as in cpu_types.h. op is a macro of the computed values. */
#define RUNG_UNARY_LOOP(op, NAME, stored, computed, load, store)                   \
  static void op##_##NAME(size_t n, const void *in, void *out, const void *p) {    \
    const stored *x = in;                                                          \
    stored *y = out;                                                               \
    (void)p;                                                                       \
    for (size_t i = 0; i < n; i++) y[i] = (stored)store(op((computed)load(x[i]))); \
  }
#define RUNG_BINARY_LOOP_TO(result, op, NAME, stored, computed, load, store)                                     \
  static void op##_##NAME(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out, \
                          const void *p) {                                                                       \
    const stored *x = a, *y = b;                                                                                 \
    result *z = out;                                                                                             \
    (void)p;                                                                                                     \
    for (size_t i = 0; i < n; i++, x += a_step, y += b_step)                                                     \
      z[i] = (result)store(op((computed)load(*x), (computed)load(*y)));                                          \
  }
#define RUNG_BINARY_LOOP(op, NAME, stored, computed, load, store) \
  RUNG_BINARY_LOOP_TO(stored, op, NAME, stored, computed, load, store)

#endif
