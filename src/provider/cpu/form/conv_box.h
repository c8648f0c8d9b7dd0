/* Convolutions of one to three spatial dimensions as products of weights and shifted views of the input: what is the
 * same for all element types.
 *
 * A task makes a box of outputs (one slice, some rows, some columns) for a range of output channels. It copies the part
 * of the input that the box needs into its band, with the padding written out and rows `pitch` elements apart:
 *
 *     input        band of one channel (3 x 3, padding 1)
 *     a b c        0 0 0 0 0      Let q = y * pitch + x number the outputs. What tap (ky, kx) contributes to outputs
 *     d e f        0 a b c 0      q = 0, 1, 2, ... lies at band[ky * pitch + kx + q]: in a row. So the kernels of
 *     g h i        0 d e f 0      tile.h, given one offset per channel and tap, compute the convolution without im2col.
 *                  0 g h i 0      Columns between the rows (x >= width) are computed, too, and dropped.
 *
 * Rows share their padding where both sides are padded: the 0 behind c is the 0 before d. With a stride s, the band
 * holds the s phases of every row and column apart, so that neighbouring outputs read neighbours. Sums run over all
 * channels and taps in one go, in that order, whatever the box. */
#ifndef RUNG_CPU_FORM_CONV_BOX_H
#define RUNG_CPU_FORM_CONV_BOX_H

#include "op/convolution.h"
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

/* Of a kernel table. */
typedef struct rung_conv_panels {
  size_t rows, cols;
} rung_conv_panels;

typedef struct rung_conv_boxes {
  size_t batch, group, in_channels, out_channels; /* channels: of one group; in_channels: as many as the band has */
  rung_conv_axis z, y, x;
  size_t taps, k; /* k = in_channels * taps */
  rung_conv_panels panel;
  size_t tile_y, tile_x, y_tiles, x_tiles;
  size_t pitch;   /* elements from row to row of the band */
  size_t phase;   /* ... from phase to phase */
  size_t slice;   /* ... from slice to slice: there is one per tap of z */
  size_t plane;   /* ... from channel to channel */
  size_t columns; /* that a box computes: (tile_y - 1) * pitch + tile_x */
  size_t splits;  /* a task makes one of so many parts of the output channels */
  size_t groups_per_task, group_tasks;
  size_t threads;
} rung_conv_boxes;

enum { RUNG_CONV_COLUMNS = 1024 }; /* a box has about this many columns at most */

/* Sets what the shape says: batch to k. False when it is none for this form, or empty. `places`: one per spatial
 * dimension, or NULL: outputs lie side by side. `merges`: may dimensions that nothing happens in become one? */
bool rung_conv_axes_make(rung_conv_boxes *boxes, const rung_conv_shape *shape, const rung_conv_place *places,
                         bool merges);
/* Sets the rest. Elements of the band have 4 bytes. False when it would be too large. */
bool rung_conv_boxes_make(rung_conv_boxes *boxes, rung_conv_panels panel, size_t threads);

size_t rung_conv_tasks(const rung_conv_boxes *boxes);
/* Elements of the band, which may be read a vector beyond. */
size_t rung_conv_band(const rung_conv_boxes *boxes);
size_t rung_conv_volume(const rung_conv_boxes *boxes); /* outputs of a channel, all places */
/* offsets[k], for channels and their taps in order. */
void rung_conv_offsets(const rung_conv_boxes *boxes, int32_t *offsets);

/* A box in one group of one image. */
typedef struct rung_conv_box {
  size_t image, group;
  size_t z, y, x, rows, columns;  /* of the output, before places */
  size_t first_panel, last_panel; /* of output channels: [first, last) */
} rung_conv_box;

/* Calls fn for the boxes of a task: one, or one per group. */
void rung_conv_each_box(const rung_conv_boxes *boxes, size_t task, void (*fn)(void *context, const rung_conv_box *box),
                        void *context);
/* Where output channel `m` of the box begins in Y. */
size_t rung_conv_output(const rung_conv_boxes *boxes, const rung_conv_box *box, size_t m);

/* Rows that a box needs, in the order of a channel's plane: fn(context, line, first, to): row number `line` of the
 * input (counted through its slices; SIZE_MAX: padding), beginning at column `first`, every x.window.stride-th, `pitch`
 * elements; `to` is the place in the plane. Tails between phases, which are zero padding, come as padding rows too,
 * with their length in n. */
typedef void (*rung_conv_row_fn)(void *context, size_t line, int64_t first, size_t n, size_t to);
void rung_conv_each_row(const rung_conv_boxes *boxes, const rung_conv_box *box, rung_conv_row_fn fn, void *context);

/* Elements [from, to) of such a row lie inside of the input. */
static inline void rung_conv_inside(const rung_conv_axis *x, int64_t first, size_t n, size_t *from, size_t *to) {
  int64_t stride = x->window.stride, in = x->window.in, count = (int64_t)n;
  int64_t begin = first >= 0 ? 0 : RUNG_DIV_UP(-first, stride), end = first >= in ? 0 : (in - 1 - first) / stride + 1;
  begin = RUNG_MIN(begin, count);
  *from = (size_t)begin;
  *to = (size_t)RUNG_CLAMP(end, begin, count);
}

#endif
