/* Kernels of 8-bit integers (see tile.h), behind a table per instruction set. Sums are int32 and wrap.
 *
 * An element of A or B is a unit: `group` numbers that follow each other along k, four int8 or two int16 in an int32,
 * the first in the low bits. A's numbers are signed bytes, B's unsigned ones: operands of the other kind are moved by
 * 128 when they are packed (x ^ 0x80), which is a matter of their zero point. */
#ifndef RUNG_CPU_KERNEL_GEMM_I8_H
#define RUNG_CPU_KERNEL_GEMM_I8_H

#include "provider/cpu/kernel/tile.h"

enum { RUNG_I8_GROUP = 4 }; /* the largest group */

/* One channel under one filter: to[y][x] = start + sum (w - w_zero) b, over taps_y rows of `units` units, b read from
 * from + y * row + ky * tap_row + x * step + u * group on. Steps are in bytes. */
typedef struct rung_filter_i8 {
  const uint8_t *from;       /* readable RUNG_FILTER_BEYOND bytes beyond what the last output reads */
  size_t row, tap_row, step; /* step: 1 to RUNG_FILTER_MOST_STEP */
  size_t rows, columns;      /* of `to` */
  size_t taps_y, units;
  const int32_t *weights; /* [units][taps_y] units of A */
  const int32_t *ones;    /* the same of a filter of ones; read where w_zero is not 0 */
  int32_t start, w_zero;
  int32_t *to; /* [rows][columns], and RUNG_FILTER_BEYOND more are written to */
} rung_filter_i8;
enum { RUNG_FILTER_BEYOND = 64, RUNG_FILTER_MOST_STEP = 4 };

typedef struct rung_gemm_i8 {
  const char *name;
  size_t rows;                                                      /* best and largest number of rows */
  size_t lanes;                                                     /* columns of a vector */
  size_t cols;                                                      /* columns of a panel: some vectors */
  size_t group;                                                     /* numbers of a unit */
  void (*tile[RUNG_TILE_MOST_ROWS + 1])(const rung_tile_i32 *tile); /* by number of rows, from 1 on */
  /* n units of B: unit i holds from[g][i * step] ^ flip for all g < group. */
  void (*interleave)(size_t n, const uint8_t *const *from, size_t step, uint8_t flip, int32_t *to);
  /* One row of A: k numbers from[i] ^ flip, as signed bytes, the last unit filled up with 0. Units are `step` apart.
   * Returns their sum. */
  int32_t (*pack_row)(size_t k, const uint8_t *from, uint8_t flip, size_t step, int32_t *to);
  void (*filter)(const rung_filter_i8 *filter);
} rung_gemm_i8;

/* The best table for a set of features. */
const rung_gemm_i8 *rung_gemm_i8_for(rung_cpu_set features);

static inline size_t rung_i8_units(const rung_gemm_i8 *table, size_t k) { return RUNG_DIV_UP(k, table->group); }

extern const rung_gemm_i8 rung_gemm_i8_c;
#if defined(__x86_64__)
extern const rung_gemm_i8 rung_gemm_i8_avx2, rung_gemm_i8_avx512vnni;
#endif

/* Packing in C, for groups of 4 and of 2. */
void rung_i8_interleave_4(size_t n, const uint8_t *const *from, size_t step, uint8_t flip, int32_t *to);
void rung_i8_interleave_2(size_t n, const uint8_t *const *from, size_t step, uint8_t flip, int32_t *to);
int32_t rung_i8_pack_row_4(size_t k, const uint8_t *from, uint8_t flip, size_t step, int32_t *to);
int32_t rung_i8_pack_row_2(size_t k, const uint8_t *from, uint8_t flip, size_t step, int32_t *to);

#endif
