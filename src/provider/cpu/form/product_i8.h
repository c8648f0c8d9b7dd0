/* The form of products of matrices of 8-bit integers: C (m, n) = requantize(sum of (A - a_zero) (B - b_zero)), for a
 * stack of them, by the kernels of gemm_i8.h. A's rows and B's columns are summed when they are packed, which settles
 * the zero points (see conv_i8.h); each has one zero point. */
#ifndef RUNG_CPU_FORM_PRODUCT_I8_H
#define RUNG_CPU_FORM_PRODUCT_I8_H

#include "op/product.h"
#include "provider/cpu/form/requantize.h"
#include "provider/cpu/kernel/gemm_i8.h"
#include "provider/opwise/kernel.h"

typedef struct rung_product_i8 {
  const rung_gemm_i8 *kernel;
  const rung_math *math;
  const rung_quantize_table *quantize;
  size_t m, n, k, batch, units; /* units: of a row */
  rung_matmul_shape shape;
  bool a_signed, b_signed, b_packed;
  size_t tile_m, tile_n, m_tiles, n_tiles, grain;
  size_t threads;
} rung_product_i8;

typedef struct rung_product_i8_run {
  const uint8_t *a;
  const void *b; /* what rung_product_i8_pack made, when packed */
  int32_t a_zero, b_zero;
  void *c;
  rung_requantize requantize; /* scale and bias per column */
} rung_product_i8_run;

/* One matrix B (k, n): a sum per column, then panels. False when the size, in int32, overflows. */
bool rung_product_i8_packed_size(rung_cpu_set features, size_t k, size_t n, size_t *out_size) RUNG_MUST_CHECK;
void rung_product_i8_pack(rung_cpu_set features, size_t k, size_t n, bool is_signed, const uint8_t *b, int32_t *packed);

/* A (m, k) and B (k, n) in stacks as `shape` says. */
void rung_product_i8_plan(const rung_kernel_call *call, const rung_matmul_shape *shape, bool a_signed, bool b_signed,
                          bool b_packed, rung_product_i8 *out);
bool rung_product_i8_scratch(const rung_product_i8 *plan, size_t *out_bytes) RUNG_MUST_CHECK;
void rung_product_i8_run_all(const rung_kernel_call *call, const rung_product_i8 *plan, const rung_product_i8_run *run,
                             void *scratch);

#endif
