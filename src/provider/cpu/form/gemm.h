/* The form of products of matrices in float32: C (m, n) = epilogue(alpha * A (m, k) * B (k, n)), for a stack of them.
 *
 * Operands of other float types are widened while they are packed, and C is rounded once when it is stored. Blocks of
 * DEPTH steps of k are summed one after the other into C; every element is summed in the same order whatever the tiles
 * and the number of threads. Per task and block, A is packed into panels of a few rows, and so is B into panels of 16
 * or 32 columns, unless it is constant: then rung_gemm_pack has done it when the model was compiled; or unless there
 * are few rows, which read it as it lies. */
#ifndef RUNG_CPU_FORM_GEMM_H
#define RUNG_CPU_FORM_GEMM_H

#include "provider/cpu/form/epilogue.h"
#include "provider/opwise/kernel.h"

/* A matrix in memory: element (row, column) is number row * row_step + column * column_step. */
typedef struct rung_matrix {
  rung_dtype dtype; /* F32, F16, BF16 */
  size_t row_step, column_step;
} rung_matrix;

/* Stacks: matrix number (i0, i1, ...) begins at the sum of i * step, in elements. */
typedef struct rung_stack {
  int32_t rank;
  int64_t dims[RUNG_MAX_RANK];
  int64_t a[RUNG_MAX_RANK], b[RUNG_MAX_RANK], c[RUNG_MAX_RANK]; /* b counts matrices when B is packed */
} rung_stack;

/* Makes a panel of B that lies in memory in no such way: to[depth][width] from rows [from, from + depth) and columns
 * [column, column + width), those from n on zero. `b` is the run's. */
typedef void (*rung_gemm_fill)(const void *b, size_t column, size_t width, size_t from, size_t depth, float *to);

/* The product of one row, a[depth], and `panels` panels of such a B from `column` on, without making them: sums of
 * whole panels, with the bits that the kernels of gemm_f32.h would give. */
typedef void (*rung_gemm_multiply)(const void *b, size_t column, size_t panels, size_t from, size_t depth,
                                   const float *a, float *sums);

typedef struct rung_gemm {
  const rung_gemm_f32 *kernel;
  const rung_math *math;
  size_t m, n, k, batch;
  rung_stack stack;
  rung_matrix a, b, c; /* c: column_step 1 */
  bool b_packed;
  rung_gemm_fill fill_b;         /* NULL: B is packed, or as `b` says */
  rung_gemm_multiply multiply_b; /* NULL: panels are filled for single rows, too */
  float alpha;
  size_t tile_m, tile_n, m_tiles, n_tiles; /* of a task */
  size_t grain;                            /* tasks worth a thread */
  size_t threads;
} rung_gemm;

/* Operands of one run. */
typedef struct rung_gemm_run {
  const void *a, *b; /* b: what rung_gemm_pack made, when b_packed */
  void *c;
  rung_epilogue epilogue; /* residual: laid out like C, in all its stack */
} rung_gemm_run;

/* B, constant, as the kernels of `features` want it. False when the size overflows. */
bool rung_gemm_packed_size(rung_cpu_set features, size_t k, size_t n, size_t *out_floats) RUNG_MUST_CHECK;
void rung_gemm_pack(rung_cpu_set features, size_t k, size_t n, const rung_matrix *layout, const void *b, float *packed);

/* Fills in kernel and tiles; everything else of the plan is set. */
void rung_gemm_plan(const rung_kernel_call *call, rung_gemm *plan);
/* Bytes that a run needs; false when they overflow. */
bool rung_gemm_scratch(const rung_gemm *plan, size_t *out_bytes) RUNG_MUST_CHECK;
void rung_gemm_run_all(const rung_kernel_call *call, const rung_gemm *plan, const rung_gemm_run *run, void *scratch);

/* Pack for one task: dst[k][rows] from element (row, depth) at row * row_step + depth * depth_step, times `scale`. */
void rung_pack_panel(rung_dtype dtype, const void *data, size_t at, size_t rows, size_t row_step, size_t depth,
                     size_t depth_step, float scale, float *to);

#endif
