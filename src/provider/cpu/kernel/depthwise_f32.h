/* Depthwise convolution of one channel in float32: every output is a sum over the taps of one filter, in their order.
 * One function per instruction set. */
#ifndef RUNG_CPU_KERNEL_DEPTHWISE_F32_H
#define RUNG_CPU_KERNEL_DEPTHWISE_F32_H

#include "provider/cpu/kernel/gemm_f32.h"

/* One spatial dimension, as in op/window.h. */
typedef struct rung_depthwise_axis {
  ptrdiff_t in, out, kernel, stride, dilation, begin;
} rung_depthwise_axis;

typedef struct rung_depthwise_f32 {
  rung_depthwise_axis y, x;
  const float *from;    /* [y.in][x.in] */
  const float *weights; /* [y.kernel][x.kernel] */
  float *to;            /* [y.out][x.out] */
  unsigned flags;       /* RUNG_TILE_ROW_BIAS, _RESIDUAL, _CLAMP */
  float bias, low, high;
  const float *residual; /* as `to` */
} rung_depthwise_f32;

typedef struct rung_depthwise_table {
  void (*channel)(const rung_depthwise_f32 *call);
  size_t lanes;
} rung_depthwise_table;

const rung_depthwise_table *rung_depthwise_f32_for(rung_cpu_set features);

/* Does the function take such a dimension x? Its vectors need a mask for each tap. */
enum { RUNG_DEPTHWISE_MASKS = 256 };
static inline bool rung_depthwise_takes(const rung_depthwise_table *table, const rung_depthwise_axis *x) {
  return x->out > 0 && (x->stride == 1 || x->stride == 2) && x->kernel <= RUNG_DEPTHWISE_MASKS &&
         (x->out + (ptrdiff_t)table->lanes - 1) / (ptrdiff_t)table->lanes * x->kernel <= RUNG_DEPTHWISE_MASKS;
}

extern const rung_depthwise_table rung_depthwise_f32_c;
#if defined(__x86_64__)
extern const rung_depthwise_table rung_depthwise_f32_avx2, rung_depthwise_f32_avx512;
#endif

#endif
