/* Products of int8 with codes of 4 or 8 bits (form/product_nbits.h), behind a table per instruction set. Sums over a block
 * are exact, and are scaled and added in float32 in the order of blocks: all tables have the same bits. */
#ifndef RUNG_CPU_KERNEL_NBITS_I8_H
#define RUNG_CPU_KERNEL_NBITS_I8_H

#include "base/cpu.h"

#include <stddef.h>
#include <stdint.h>

enum { RUNG_NBITS_I8_WIDTH = 16, RUNG_NBITS_I8_UNIT = 64 };

/* 16 columns. Codes come in units of 64 bytes: byte 4 c + i of a unit is for column c and the i-th of four neighbours
 * along k; of 4 bits, its high bits are for the four after these. */
typedef struct rung_nbits_i8_panel {
  size_t bits, block, blocks;
  const uint8_t *codes; /* [blocks][block * bits / 32][64] */
  const float *scales;  /* [blocks][16] */
  const uint8_t *zeros; /* [blocks][16] */
} rung_nbits_i8_panel;

/* Rows of A, in blocks: number i of block b stands for a[b * block + i] * scales[b]. */
typedef struct rung_nbits_i8_rows {
  const int8_t *a;     /* in [-127, 127]; a row is blocks * block */
  const float *scales; /* [rows][blocks] */
  const int32_t *sums; /* [rows][blocks]: of a's numbers */
} rung_nbits_i8_rows;

typedef struct rung_nbits_i8 {
  const char *name;
  size_t rows;      /* most at a time */
  size_t most_bits; /* of a code */
  /* to[rows][16] = A B */
  void (*multiply)(const rung_nbits_i8_panel *panel, const rung_nbits_i8_rows *a, size_t rows, float *to);
} rung_nbits_i8;

/* The best table for a set of features. */
const rung_nbits_i8 *rung_nbits_i8_for(rung_cpu_set features);

extern const rung_nbits_i8 rung_nbits_i8_c;
#if defined(__x86_64__)
extern const rung_nbits_i8 rung_nbits_i8_avx2, rung_nbits_i8_avx512vnni;
#endif

#endif
