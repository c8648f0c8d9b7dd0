/* The form of convolutions of 8-bit integers in one to three spatial dimensions: boxes (conv_box.h) of sums by the
 * kernels of gemm_i8.h.
 *
 * An element of the band holds `group` input channels of one pixel; or, when a group of the convolution has a single
 * channel, `group` pixels that neighbouring taps of a row read: then the kernel's row is one tap. Padding is the
 * input's zero point. With a = w and b = x less what packing moved them by,
 *
 *     sum (w - w_zero) (x - x_zero) = sum a b - x_zero' sum a - w_zero' sum b + count x_zero' w_zero'
 *
 * where sum a is known when weights are packed, and sum b is needed only where w_zero' is not 0.
 *
 * Depthwise convolutions are made channel by channel: depthwise_i8.h. */
#ifndef RUNG_CPU_FORM_CONV_I8_H
#define RUNG_CPU_FORM_CONV_I8_H

#include "provider/cpu/form/conv_box.h"
#include "provider/cpu/form/depthwise_i8.h"
#include "provider/cpu/form/requantize.h"

/* What packing makes of weights (group * out_channels, channels, K1, ..., row), and where it puts it: an int32 sum per
 * output channel, a row of ones (0 where elements are filled up), panels of elements. */
typedef struct rung_conv_i8_weights {
  const rung_gemm_i8 *kernel;
  size_t group, out_channels, channels; /* channels: of one group */
  size_t taps, row;                     /* of one channel; of the kernel's last dimension */
  bool is_signed;
  size_t k;                        /* elements of an output channel */
  size_t row_bytes;                /* k * kernel->group */
  size_t ones_at, panels_at, size; /* in int32 */
} rung_conv_i8_weights;

/* False when the size overflows, or when there is nothing to pack. */
bool rung_conv_i8_weights_make(rung_cpu_set features, size_t group, const rung_tensor *w, rung_conv_i8_weights *out);
/* `scratch`: row_bytes bytes. */
void rung_conv_i8_pack(const rung_conv_i8_weights *weights, const uint8_t *w, int32_t *packed, uint8_t *scratch);

typedef struct rung_conv_i8 {
  rung_conv_boxes boxes; /* in_channels: elements across the channels, or across a row of taps */
  rung_conv_i8_weights weights;
  const rung_math *math;
  const rung_quantize_table *quantize;
  rung_depthwise_i8 depthwise; /* without a kernel: by boxes */
  size_t batch, threads;
  rung_dtype x_type; /* U8, I8 */
  size_t tap_step;   /* 0; or pixels between taps of a row that share an element */
  size_t line;       /* bytes of input that a row of the band is made of, padding and all */
} rung_conv_i8;

typedef struct rung_conv_i8_run {
  const uint8_t *x;
  const int32_t *w; /* what rung_conv_i8_pack made */
  int32_t x_zero;
  const int32_t *w_zeros; /* NULL: 0; one per output channel of all groups */
  const int32_t *bias;    /* NULL, or as w_zeros: added to sums */
  void *y;
  rung_requantize requantize;
} rung_conv_i8_run;

/* False when the shape is none for this form: then conv_plain.h serves. */
bool rung_conv_i8_plan(const rung_kernel_call *call, const rung_conv_shape *shape, const rung_tensor *x,
                       const rung_tensor *w, rung_conv_i8 *out);
bool rung_conv_i8_scratch(const rung_conv_i8 *plan, size_t *out_bytes) RUNG_MUST_CHECK;
void rung_conv_i8_run_all(const rung_kernel_call *call, const rung_conv_i8 *plan, const rung_conv_i8_run *run,
                          void *scratch);

#endif
