/* The form of convolutions of one to three spatial dimensions in float32: boxes (conv_box.h) of sums by the kernels of
 * gemm_f32.h. Float16 and bfloat16 are widened when the band is filled, and rounded when sums are stored.
 *
 * A convolution whose groups are single channels goes channel by channel instead, without a band: depthwise_f32.h. */
#ifndef RUNG_CPU_FORM_CONV_H
#define RUNG_CPU_FORM_CONV_H

#include "provider/cpu/form/conv_box.h"
#include "provider/cpu/form/epilogue.h"
#include "provider/cpu/kernel/depthwise_f32.h"

typedef struct rung_conv {
  rung_conv_boxes boxes;
  const rung_gemm_f32 *kernel;
  const rung_math *math;
  rung_dtype dtype;                      /* of X and Y: F32, F16, BF16 */
  const rung_depthwise_table *depthwise; /* NULL: by boxes */
  bool direct;                           /* the kernel stores sums where they belong */
} rung_conv;

typedef struct rung_conv_run {
  const void *x;
  const float *w; /* what rung_conv_pack made */
  void *y;
  rung_epilogue epilogue; /* bias: one per output channel of all groups */
} rung_conv_run;

/* Weights (group * out, in, taps) in panels of output channels, [in][taps][rows] each. As many floats as elements. */
void rung_conv_pack(rung_cpu_set features, size_t group, size_t out_channels, size_t k, rung_dtype dtype, const void *w,
                    float *packed);

/* False when the shape is none for this form: then conv_plain.h serves. `places`: see conv_box.h. */
bool rung_conv_plan(const rung_kernel_call *call, const rung_conv_shape *shape, const rung_conv_place *places,
                    rung_dtype dtype, rung_conv *out);
/* Bytes that a run needs; false when they overflow. */
bool rung_conv_scratch(const rung_conv *plan, size_t *out_bytes) RUNG_MUST_CHECK;
void rung_conv_run_all(const rung_kernel_call *call, const rung_conv *plan, const rung_conv_run *run, void *scratch);

#endif
