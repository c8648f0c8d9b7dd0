/* The inner kernels of products and convolutions. One call computes a few rows of C and any number of its columns:
 *
 *     C[r][j] = finish(sum over k of A[k][r] * B[k][j])      r < rows, j < cols
 *
 * adding in the order of k: an element's bits depend neither on the columns around it nor on where tiles begin. B is
 * walked in panels of some columns; row k of panel p begins at b + p * b_step + offsets[k], at any alignment. What
 * offsets mean is the caller's business: packed panels for a product, shifted views of one padded image for a
 * convolution.
 *
 * Elements are float (gemm_f32.h), or int32 where A and B hold several small integers in each (gemm_i8.h). */
#ifndef RUNG_CPU_KERNEL_TILE_H
#define RUNG_CPU_KERNEL_TILE_H

#include "base/cpu.h"
#include "base/macros.h"

#include <stddef.h>

/* What happens to a sum s before it is stored, in this order. */
enum {
  RUNG_TILE_ACCUMULATE = 1,  /* s += C */
  RUNG_TILE_ROW_BIAS = 2,    /* s += row_bias[r] */
  RUNG_TILE_COLUMN_BIAS = 4, /* s += column_bias[j] */
  RUNG_TILE_RESIDUAL = 8,    /* s += residual[r][j] */
  RUNG_TILE_CLAMP = 16,      /* s = min(max(s, low), high); NaN stays */
};

enum { RUNG_TILE_MOST_ROWS = 16, RUNG_TILE_MOST_COLS = 32 };

#define RUNG_TILE_FIELDS(element)                                                                    \
  size_t k;               /* >= 0 */                                                                 \
  size_t cols;            /* >= 1 */                                                                 \
  const element *a;       /* [k][rows] */                                                            \
  const element *b;       /* rows are readable up to a multiple of the table's lanes */              \
  const int32_t *offsets; /* [k], in elements */                                                     \
  size_t b_step;          /* elements between panels */                                              \
  element *c;             /* [rows][c_step]: elements [0, cols) of a row are touched and no other */ \
  size_t c_step;                                                                                     \
  unsigned flags;                                                                                    \
  const element *row_bias, *column_bias;                                                             \
  const element *residual; /* [rows][residual_step] */                                               \
  size_t residual_step;                                                                              \
  element low, high;

typedef struct rung_tile_f32 {
  RUNG_TILE_FIELDS(float)
} rung_tile_f32;

typedef struct rung_tile_i32 {
  RUNG_TILE_FIELDS(int32_t)
} rung_tile_i32;

/* `rows` rows are cut into panels that differ by one row at most, so that none is much smaller than a kernel likes;
 * panel p ends before this row. */
static inline size_t rung_panel_end(size_t rows, size_t panels, size_t p) { return rows * (p + 1) / panels; }

/* The reference: `TILE` over ELEMENT, up to `most` rows by `lanes` columns at a time; PRODUCT(a, b) is added to sums.
 */
#define RUNG_TILE_REFERENCE(TILE, ELEMENT, SUM, PRODUCT, most, lanes)                                                  \
  static void run_block(const TILE *t, size_t rows, size_t at) {                                                       \
    SUM sums[most][lanes] = {{0}};                                                                                     \
    const ELEMENT *b = t->b + at / lanes * t->b_step;                                                                  \
    for (size_t k = 0; k < t->k; k++)                                                                                  \
      for (size_t r = 0; r < rows; r++)                                                                                \
        for (size_t j = 0; j < lanes; j++) sums[r][j] += PRODUCT(t->a[k * rows + r], b[t->offsets[k] + (ptrdiff_t)j]); \
    for (size_t r = 0; r < rows; r++)                                                                                  \
      for (size_t j = at; j < RUNG_MIN(at + lanes, t->cols); j++) {                                                    \
        ELEMENT *c = t->c + r * t->c_step + j;                                                                         \
        SUM s = sums[r][j - at];                                                                                       \
        if (t->flags & RUNG_TILE_ACCUMULATE) s += (SUM) * c;                                                           \
        if (t->flags & RUNG_TILE_ROW_BIAS) s += (SUM)t->row_bias[r];                                                   \
        if (t->flags & RUNG_TILE_COLUMN_BIAS) s += (SUM)t->column_bias[j];                                             \
        if (t->flags & RUNG_TILE_RESIDUAL) s += (SUM)t->residual[r * t->residual_step + j];                            \
        ELEMENT y = (ELEMENT)s;                                                                                        \
        if (t->flags & RUNG_TILE_CLAMP) {                                                                              \
          y = y < t->low ? t->low : y;                                                                                 \
          y = y > t->high ? t->high : y;                                                                               \
        }                                                                                                              \
        *c = y;                                                                                                        \
      }                                                                                                                \
  }                                                                                                                    \
  static void run_tile(const TILE *t, size_t rows) {                                                                   \
    for (size_t at = 0; at < t->cols; at += lanes) run_block(t, rows, at);                                             \
  }

#endif
