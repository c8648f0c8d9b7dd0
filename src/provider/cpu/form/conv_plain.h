/* Convolutions of any rank and element type, by plain loops: the reference, and the way for what is rare.
 *
 * Sums are made for one output channel of one image at a time: float for floats up to 32 bits, double for float64,
 * int32 that wraps for 8-bit integers less their zero points. A function of the kernel turns them into the output. */
#ifndef RUNG_CPU_FORM_CONV_PLAIN_H
#define RUNG_CPU_FORM_CONV_PLAIN_H

#include "op/convolution.h"
#include "provider/opwise/kernel.h"

typedef struct rung_conv_plain {
  rung_conv_shape shape;
  bool transposed;  /* floats only; the shape as rung_conv_transpose_shape_make made it */
  rung_window walk; /* the window, or its mirror image: outputs are what it reads */
  rung_dtype x_type, w_type;
  size_t in_count, out_count, taps; /* elements of one channel; of the kernel */
  size_t sum_size;                  /* bytes of a sum */
} rung_conv_plain;

typedef struct rung_conv_plain_run {
  const void *x, *w;
  int32_t x_zero;      /* integers */
  const void *w_zeros; /* NULL: 0; of w's type */
  size_t w_zero_step;  /* 1: one per output channel; 0: one for all */
  /* Sums of image n, output channel m: out_count of them, of type float, double or int32_t. */
  void (*finish)(void *context, size_t n, size_t m, void *sums);
  void *context;
} rung_conv_plain_run;

void rung_conv_plain_make(rung_conv_plain *plan, const rung_conv_shape *shape, bool transposed, rung_dtype x_type,
                          rung_dtype w_type);
/* False on overflow. */
bool rung_conv_plain_scratch(const rung_conv_plain *plan, size_t threads, size_t *out_bytes) RUNG_MUST_CHECK;
void rung_conv_plain_run_all(const rung_kernel_call *call, const rung_conv_plain *plan, const rung_conv_plain_run *run,
                             void *scratch);

#endif
