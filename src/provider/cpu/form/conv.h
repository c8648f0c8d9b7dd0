/* The form of convolutions of one to three spatial dimensions: a product of weights and shifted views of the input.
 *
 * A task makes a box of outputs (one slice, some rows, some columns) for a range of output channels. It copies the part
 * of the input that the box needs into its band, with the padding written out and rows `pitch` elements apart:
 *
 *     input        band of one channel (3 x 3, padding 1)
 *     a b c        0 0 0 0 0      Let q = y * pitch + x number the outputs. What tap (ky, kx) contributes to outputs
 *     d e f        0 a b c 0      q = 0, 1, 2, ... lies at band[ky * pitch + kx + q]: in a row. So the kernels of
 *     g h i        0 d e f 0      gemm_f32.h, given one offset per tap and channel, compute the convolution without
 *                  0 g h i 0      im2col. Columns between the rows (x >= width) are computed, too, and dropped.
 *
 * Rows share their padding where both sides are padded: the 0 behind c is the 0 before d. With a stride s, the band
 * holds the s phases of every row and column apart, so that neighbouring outputs read neighbours. Sums run over all
 * channels and taps in one go, in that order, whatever the box. */
#ifndef RUNG_CPU_FORM_CONV_H
#define RUNG_CPU_FORM_CONV_H

#include "op/convolution.h"
#include "provider/cpu/form/epilogue.h"
#include "provider/cpu/kernel/depthwise_f32.h"
#include "provider/opwise/kernel.h"

/* Where outputs of a dimension go: number i to element first + i * step of `size`. */
typedef struct rung_conv_place {
  size_t first, step, size;
} rung_conv_place;

/* A dimension with what the band makes of it. */
typedef struct rung_conv_axis {
  rung_window_axis window; /* `begin` may be negative: then the first elements are not read */
  rung_conv_place place;
  size_t phases, phase_step; /* phase p holds input elements p * phase_step, + stride, + 2 * stride, ... */
  size_t reach;              /* how far taps reach beyond the outputs, in elements of a phase */
} rung_conv_axis;

typedef struct rung_conv {
  const rung_gemm_f32 *kernel;
  const rung_math *math;
  rung_dtype dtype;                               /* of X and Y: F32, F16, BF16 */
  size_t batch, group, in_channels, out_channels; /* channels: of one group */
  rung_conv_axis z, y, x;
  size_t taps, k; /* k = in_channels * taps */
  size_t tile_y, tile_x, y_tiles, x_tiles;
  size_t pitch;   /* elements from row to row of the band */
  size_t phase;   /* ... from phase to phase */
  size_t slice;   /* ... from slice to slice: there is one per tap of z */
  size_t plane;   /* ... from channel to channel */
  size_t columns; /* that a box computes: (tile_y - 1) * pitch + tile_x */
  size_t splits;  /* a task makes one of so many parts of the output channels */
  size_t groups_per_task, group_tasks;
  const rung_depthwise_table *depthwise; /* NULL: by boxes */
  bool direct;                           /* sums are stored where they belong */
  size_t threads;
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

/* False when the shape is none for this form: then conv_plain.h serves. `places`: one per spatial dimension, or NULL:
 * outputs lie side by side. */
bool rung_conv_plan(const rung_kernel_call *call, const rung_conv_shape *shape, const rung_conv_place *places,
                    rung_dtype dtype, rung_conv *out);
/* Bytes that a run needs; false when they overflow. */
bool rung_conv_scratch(const rung_conv *plan, size_t *out_bytes) RUNG_MUST_CHECK;
void rung_conv_run_all(const rung_kernel_call *call, const rung_conv *plan, const rung_conv_run *run, void *scratch);

#endif
