/* Kernels on codes of 2, 4 or 8 bits (form/nbits.h), behind a table per instruction set: element = (code - zero) *
 * scale in float32, then what the kernels of gemm_f32.h would do with it, with the same bits. */
#ifndef RUNG_CPU_KERNEL_NBITS_F32_H
#define RUNG_CPU_KERNEL_NBITS_F32_H

#include "base/cpu.h"

#include <stddef.h>
#include <stdint.h>

/* Some rows of a panel of `width` columns, which is that of the table of gemm_f32.h for the same features. All rows
 * have the same scale and zero per column. */
typedef struct rung_nbits_rows {
  size_t bits, width, depth;
  const uint8_t *codes;        /* [depth][width * bits / 8]: part p of byte i is column p * (width * bits / 8) + i */
  const float *scales, *zeros; /* [width] */
} rung_nbits_rows;

typedef struct rung_nbits_f32 {
  const char *name;
  void (*fill)(const rung_nbits_rows *rows, float *to); /* to[depth][width] */
  /* sums[p * width + j] += the sum over k < depth of a[k] * element (k, j) of panel p, in the order of k. Codes, scales
   * and zeros of panel p lie p * step bytes behind those of panel 0. */
  void (*multiply)(const rung_nbits_rows *rows, size_t panels, size_t step, const float *a, float *sums);
} rung_nbits_f32;

/* The best table for a set of features. */
const rung_nbits_f32 *rung_nbits_f32_for(rung_cpu_set features);

extern const rung_nbits_f32 rung_nbits_f32_c;
#if defined(__x86_64__)
extern const rung_nbits_f32 rung_nbits_f32_avx2, rung_nbits_f32_avx512;
#endif

#endif
