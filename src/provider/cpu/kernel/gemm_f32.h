/* The inner kernels of products and convolutions in float32, behind a table per instruction set.
 *
 * A kernel computes a few rows of C and any number of its columns:
 *
 *     C[r][j] = finish(sum over k of A[k][r] * B[k][j])      r < rows <= table->rows, j < cols
 *
 * adding in the order of k: an element's bits depend neither on the columns around it nor on where tiles begin. B is
 * walked in panels of table->cols columns; row k of panel p begins at b + p * b_step + offsets[k], at any alignment.
 * What offsets mean is the caller's business: packed panels for a product, shifted views of one padded image for a
 * convolution. */
#ifndef RUNG_CPU_KERNEL_GEMM_F32_H
#define RUNG_CPU_KERNEL_GEMM_F32_H

#include "base/cpu.h"
#include "base/macros.h"

#include <stddef.h>

/* What happens to a sum s before it is stored, in this order. */
enum {
  RUNG_TILE_ACCUMULATE = 1,  /* s += C */
  RUNG_TILE_ROW_BIAS = 2,    /* s += bias[r] */
  RUNG_TILE_COLUMN_BIAS = 4, /* s += bias[j] */
  RUNG_TILE_RESIDUAL = 8,    /* s += residual[r][j] */
  RUNG_TILE_CLAMP = 16,      /* s = min(max(s, low), high); NaN stays */
};

typedef struct rung_tile_f32 {
  size_t k;               /* >= 0 */
  size_t cols;            /* >= 1 */
  const float *a;         /* [k][rows] */
  const float *b;         /* rows are readable up to a multiple of table->lanes columns */
  const int32_t *offsets; /* [k], in elements */
  size_t b_step;          /* elements between panels */
  float *c;               /* [rows][c_step], elements [0, cols) of a row are touched and no other */
  size_t c_step;
  unsigned flags;
  const float *bias; /* of rows or of columns: only one flag is set */
  const float *residual; /* [rows][residual_step] */
  size_t residual_step;
  float low, high;
} rung_tile_f32;

enum { RUNG_TILE_MOST_ROWS = 16, RUNG_TILE_MOST_COLS = 32 };

typedef struct rung_gemm_f32 {
  const char *name;
  size_t rows;                                                      /* best and largest number of rows */
  size_t lanes;                                                     /* columns of a vector */
  size_t cols;                                                      /* columns of a panel: some vectors */
  void (*tile[RUNG_TILE_MOST_ROWS + 1])(const rung_tile_f32 *tile); /* by number of rows, from 1 on */
} rung_gemm_f32;

/* `rows` rows are cut into panels that differ by one row at most; panel p ends before this row. */
static inline size_t rung_panel_end(size_t rows, size_t panels, size_t p) { return rows * (p + 1) / panels; }
static inline size_t rung_panel_count(const rung_gemm_f32 *table, size_t rows) {
  return RUNG_DIV_UP(rows, table->rows);
}

/* The best table for a set of features. */
const rung_gemm_f32 *rung_gemm_f32_for(rung_cpu_set features);

extern const rung_gemm_f32 rung_gemm_f32_c;
#if defined(__x86_64__)
extern const rung_gemm_f32 rung_gemm_f32_avx2, rung_gemm_f32_avx512;
#endif

#endif
