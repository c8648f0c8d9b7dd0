/* Products of matrices: MatMul, Gemm, their quantised and fused forms, Einsum; and Det, Inverse, CDist. */
#ifndef RUNG_OP_PRODUCT_H
#define RUNG_OP_PRODUCT_H

#include "op/activation.h"
#include "op/op_infer.h"

/* Y = activation(alpha * A' B' + beta * C + Z): A' and B' are A and B, the last two dimensions swapped when
 * asked for, after the first one has come down to the last but one (transBatchA, transBatchB); C is broadcast to the
 * last two dimensions of Y, Z is shaped like Y. MatMul has no C and no Z, Gemm no Z. */
typedef struct rung_product_params {
  int64_t transA, transB;
  int64_t transBatchA, transBatchB; /* FusedMatMul */
  float alpha, beta;
  rung_activation activation;
  rung_str activation_name; /* FusedGemm */
  float activation_alpha, activation_beta;
} rung_product_params;

/* As steps of fused islands use it: A, B, C?, Z? -> Y. Not in any model. */
extern const rung_op rung_op_FusedProduct;

/* A step of fused islands, like QuantizedConv in convolution.h: a, b in the places of x, w. Of the params, transB and
 * activation count. Scale, zero point and bias of b are one number, or one per column. */
extern const rung_op rung_op_QuantizedProduct;
rung_status *rung_infer_quantized(rung_infer *infer, uint32_t y_scale, uint32_t y_zero) RUNG_MUST_CHECK;

/* numpy's matmul: a stack of matrices (m, k) times a stack of (k, n), stacks broadcast. A vector counts as
 * one row (A) or one column (B), and its dimension is missing in the output. */
typedef struct rung_matmul_shape {
  int64_t m, k, n;
  int32_t rank;                                         /* of the output */
  int64_t dims[RUNG_MAX_RANK];                          /* of the output */
  int32_t batch_rank;                                   /* dimensions of the stack */
  int64_t batch[RUNG_MAX_RANK];                         /* its sizes */
  int64_t a_step[RUNG_MAX_RANK], b_step[RUNG_MAX_RANK]; /* in matrices; 0 where the operand repeats */
} rung_matmul_shape;

/* The dimensions of an operand with transBatch. */
void rung_matmul_turn(int32_t rank, const int64_t *dims, bool trans_batch, int64_t out_dims[RUNG_MAX_RANK]);
/* All dimensions are known. INVALID_MODEL when they do not fit. */
rung_status *rung_matmul_shape_make(int32_t a_rank, const int64_t *a, bool trans_a, int32_t b_rank, const int64_t *b,
                                    bool trans_b, rung_matmul_shape *out) RUNG_MUST_CHECK;
/* Which matrices of A and B make matrix `index` of the output's stack. */
void rung_matmul_operands(const rung_matmul_shape *shape, size_t index, size_t *out_a, size_t *out_b);

typedef struct rung_cdist_params {
  int metric; /* rung_cdist_metric */
} rung_cdist_params;
enum { RUNG_CDIST_SQUARED, RUNG_CDIST_EUCLIDEAN };

typedef struct rung_einsum_params {
  rung_str equation;
} rung_einsum_params;

enum { RUNG_EINSUM_LABELS = 52 + RUNG_MAX_RANK, RUNG_EINSUM_INPUTS = 16 };

/* An equation applied to ranks: the letters, and the dimensions that "..." stands for, become numbers.
 * Numbers below out_rank are the output's dimensions in order, the others are summed over. */
typedef struct rung_einsum {
  int32_t label_count, out_rank;
  int32_t input_count;
  int32_t ranks[RUNG_EINSUM_INPUTS];
  int8_t labels[RUNG_EINSUM_INPUTS][RUNG_MAX_RANK];
} rung_einsum;

rung_status *rung_einsum_parse(rung_str equation, uint32_t input_count, const int32_t *ranks,
                               rung_einsum *out) RUNG_MUST_CHECK;

#endif
