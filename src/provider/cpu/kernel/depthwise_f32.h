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
  float *scratch;        /* rung_depthwise_scratch floats, aligned for tensors */
} rung_depthwise_f32;

typedef struct rung_depthwise_table {
  void (*channel)(const rung_depthwise_f32 *call);
  size_t lanes;
} rung_depthwise_table;

const rung_depthwise_table *rung_depthwise_f32_for(rung_cpu_set features);

/* The padded copy of the input: rows of `pitch` elements, each once per phase (x.stride of them). */
static inline ptrdiff_t rung_depthwise_reach(const rung_depthwise_axis *axis) {
  return (axis->kernel - 1) * axis->dilation;
}
static inline ptrdiff_t rung_depthwise_pitch(const rung_depthwise_axis *x, ptrdiff_t lanes) {
  return RUNG_ROUND_UP(x->out + rung_depthwise_reach(x) / x->stride, lanes);
}
static inline ptrdiff_t rung_depthwise_rows(const rung_depthwise_axis *y) {
  return (y->out - 1) * y->stride + rung_depthwise_reach(y) + 1;
}
/* How many floats that takes. 0: the function does not take such a channel. */
static inline size_t rung_depthwise_scratch(const rung_depthwise_table *table, const rung_depthwise_axis *y,
                                            const rung_depthwise_axis *x) {
  ptrdiff_t lanes = (ptrdiff_t)table->lanes;
  double size = ((double)x->out + (double)rung_depthwise_reach(x)) *
                ((double)y->out * (double)y->stride + (double)rung_depthwise_reach(y));
  if (x->stride > 2 || y->stride > 8 || size > 4e6) return 0;
  return (size_t)(rung_depthwise_rows(y) * x->stride * rung_depthwise_pitch(x, lanes) + lanes);
}

extern const rung_depthwise_table rung_depthwise_f32_c;
#if defined(__x86_64__)
extern const rung_depthwise_table rung_depthwise_f32_avx2, rung_depthwise_f32_avx512;
#endif

#endif
