/* Depthwise convolution of 8-bit integers in one or two dimensions, by the filters of gemm_i8.h: strips of some rows of
 * outputs, each from a copy of its input with the padding written out. */
#ifndef RUNG_CPU_FORM_DEPTHWISE_I8_H
#define RUNG_CPU_FORM_DEPTHWISE_I8_H

#include "op/window.h"
#include "provider/cpu/kernel/gemm_i8.h"

#include <stdbool.h>

typedef struct rung_depthwise_i8 {
  const rung_gemm_i8 *kernel; /* NULL: there is no plan */
  rung_window_axis y, x;
  size_t units;         /* of a row of the filter */
  size_t strip, strips; /* rows of outputs in a strip, but for the last one; strips of a channel */
  size_t pitch, copied; /* bytes from row to row of the copy; of the whole copy */
} rung_depthwise_i8;

/* False when the window is none for this form. */
bool rung_depthwise_i8_plan(const rung_gemm_i8 *kernel, const rung_window *window, rung_depthwise_i8 *out);
/* For every thread, in int32. */
size_t rung_depthwise_i8_scratch(const rung_depthwise_i8 *plan);

typedef struct rung_depthwise_channel {
  const uint8_t *x;              /* the plane */
  uint8_t pad, flip;             /* padding is `pad`; all is taken ^ flip */
  const int32_t *weights, *ones; /* units, as rung_filter_i8 has them */
  int32_t start, w_zero;
} rung_depthwise_channel;

/* The sums of a strip, one row after the other, which lie in scratch; *out_count of them, and what lies behind them may
 * be overwritten: RUNG_FILTER_BEYOND more. */
int32_t *rung_depthwise_i8_run(const rung_depthwise_i8 *plan, const rung_depthwise_channel *channel, size_t strip,
                               int32_t *scratch, size_t *out_count);

#endif
