/* com.microsoft: matrices whose elements are codes of 2, 4 or 8 bits, in blocks with a scale each. */
#ifndef RUNG_OP_MS_NBITS_H
#define RUNG_OP_MS_NBITS_H

#include "op/op.h"

/* MatMulNBits: A (..., K) times the transpose of B (N, K), which lies as (N, blocks, block_size * bits / 8): the first
 * code of a byte in its low bits. Code q stands for (q - zero) * scale; scales are (N, blocks), zero points too: bytes
 * packed like B, row by row, or floats. */
typedef struct rung_matmul_nbits_params {
  int64_t K, N, bits, block_size, accuracy_level, weight_prepacked;
} rung_matmul_nbits_params;

enum {
  RUNG_NBITS_A,
  RUNG_NBITS_B,
  RUNG_NBITS_SCALES,
  RUNG_NBITS_ZEROS,  /* optional: 2^(bits - 1) */
  RUNG_NBITS_GROUPS, /* optional, (K): which of a row's blocks gives the scale for k */
  RUNG_NBITS_BIAS,   /* optional, (N) */
};

/* MatMulBnb4: B (N, K) flattened, in blocks of that; the first code of a byte in its high bits. A code is one of 16
 * floats, times the absmax of its block. Y = A B^T with transB (A has K columns), else A B. */
typedef struct rung_matmul_bnb4_params {
  int64_t K, N, block_size, quant_type, transB, training_mode;
} rung_matmul_bnb4_params;
enum { RUNG_BNB4_FP4, RUNG_BNB4_NF4 };

typedef struct rung_gather_block_params {
  int64_t gather_axis, quantize_axis, block_size, bits;
} rung_gather_block_params;

/* How many codes a stored element of `data` holds along the last dimension: several in a uint8, else one. */
int64_t rung_gather_block_codes(const rung_gather_block_params *params, rung_dtype dtype);

#endif
