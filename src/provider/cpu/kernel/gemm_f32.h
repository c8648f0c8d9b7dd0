/* Kernels of float32 (see tile.h), behind a table per instruction set. */
#ifndef RUNG_CPU_KERNEL_GEMM_F32_H
#define RUNG_CPU_KERNEL_GEMM_F32_H

#include "provider/cpu/kernel/tile.h"

typedef struct rung_gemm_f32 {
  const char *name;
  size_t rows;                                                      /* best and largest number of rows */
  size_t lanes;                                                     /* columns of a vector */
  size_t cols;                                                      /* columns of a panel: some vectors */
  void (*tile[RUNG_TILE_MOST_ROWS + 1])(const rung_tile_f32 *tile); /* by number of rows, from 1 on */
} rung_gemm_f32;

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
