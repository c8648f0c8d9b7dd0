#include "op/ms_nbits.h"

#include "op/op_infer.h"

static rung_status *check_block(const char *name, int64_t block) {
  RUNG_MODEL_REQUIRE(block >= 16 && block <= INT32_MAX && (block & (block - 1)) == 0,
                     "%s is %lld, it must be a power of two, 16 or more", name, (long long)block);
  return NULL;
}

static rung_status *check_sizes(int64_t n, int64_t k) {
  RUNG_MODEL_REQUIRE(n >= 1 && n <= INT32_MAX && k >= 1 && k <= INT32_MAX, "N is %lld, K is %lld", (long long)n,
                     (long long)k);
  return NULL;
}

/* A (..., in) becomes Y (..., out). */
static rung_status *infer_rows(rung_infer *infer, int64_t in, int64_t out) {
  const rung_type *a = rung_infer_input(infer, 0);
  int64_t dims[RUNG_MAX_RANK];
  if (a->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(a->rank >= 1 && (a->dims[a->rank - 1] < 0 || a->dims[a->rank - 1] == in),
                     "rows of %lld elements, %lld are expected", a->rank ? (long long)a->dims[a->rank - 1] : 1,
                     (long long)in);
  memcpy(dims, a->dims, sizeof dims);
  dims[a->rank - 1] = out;
  return rung_infer_shape(infer, 0, a->rank, dims);
}

/* MatMulNBits */

static rung_status *check_MatMulNBits(const rung_node *node, void *params) {
  const rung_matmul_nbits_params *p = params;
  (void)node;
  RUNG_TRY(check_sizes(p->N, p->K));
  RUNG_TRY(check_block("block_size", p->block_size));
  RUNG_MODEL_REQUIRE(p->bits == 2 || p->bits == 4 || p->bits == 8, "bits is %lld, it must be 2, 4 or 8",
                     (long long)p->bits);
  return NULL;
}

static rung_status *infer_MatMulNBits(rung_infer *infer) {
  const rung_matmul_nbits_params *p = infer->params;
  return infer_rows(infer, p->K, p->N);
}

#define REQUIRED(type, member) {#member, RUNG_ATTR_KIND_INT, offsetof(type, member), .required = true}

static const rung_attr matmul_nbits_attrs[] = {REQUIRED(rung_matmul_nbits_params, K),
                                               REQUIRED(rung_matmul_nbits_params, N),
                                               REQUIRED(rung_matmul_nbits_params, block_size),
                                               RUNG_ATTR_INT(rung_matmul_nbits_params, bits, 4),
                                               RUNG_ATTR_INT(rung_matmul_nbits_params, accuracy_level, 0),
                                               RUNG_ATTR_INT(rung_matmul_nbits_params, weight_prepacked, 0),
                                               {0}};

const rung_op rung_op_ms_MatMulNBits = {.name = "MatMulNBits",
                                        .domain = "com.microsoft",
                                        .since = 1,
                                        .flags = RUNG_OP_STAYS,
                                        .signature = "A:T B:uint8 scales:T zero_points:Z? g_idx:int32? bias:T? -> Y:T",
                                        .params_size = sizeof(rung_matmul_nbits_params),
                                        .attributes = matmul_nbits_attrs,
                                        .check = check_MatMulNBits,
                                        .infer = infer_MatMulNBits};

/* MatMulBnb4 */

static rung_status *check_MatMulBnb4(const rung_node *node, void *params) {
  const rung_matmul_bnb4_params *p = params;
  (void)node;
  RUNG_TRY(check_sizes(p->N, p->K));
  RUNG_TRY(check_block("block_size", p->block_size));
  RUNG_MODEL_REQUIRE(p->quant_type == RUNG_BNB4_FP4 || p->quant_type == RUNG_BNB4_NF4,
                     "quant_type is %lld, it must be 0 (FP4) or 1 (NF4)", (long long)p->quant_type);
  return NULL;
}

static rung_status *infer_MatMulBnb4(rung_infer *infer) {
  const rung_matmul_bnb4_params *p = infer->params;
  return p->transB ? infer_rows(infer, p->K, p->N) : infer_rows(infer, p->N, p->K);
}

static const rung_attr matmul_bnb4_attrs[] = {REQUIRED(rung_matmul_bnb4_params, K),
                                              REQUIRED(rung_matmul_bnb4_params, N),
                                              REQUIRED(rung_matmul_bnb4_params, block_size),
                                              REQUIRED(rung_matmul_bnb4_params, quant_type),
                                              RUNG_ATTR_INT(rung_matmul_bnb4_params, transB, 1),
                                              RUNG_ATTR_INT(rung_matmul_bnb4_params, training_mode, 0),
                                              {0}};

const rung_op rung_op_ms_MatMulBnb4 = {.name = "MatMulBnb4",
                                       .domain = "com.microsoft",
                                       .since = 1,
                                       .flags = RUNG_OP_STAYS,
                                       .signature = "A:T B:uint8 absmax:T -> Y:T",
                                       .params_size = sizeof(rung_matmul_bnb4_params),
                                       .attributes = matmul_bnb4_attrs,
                                       .check = check_MatMulBnb4,
                                       .infer = infer_MatMulBnb4};

/* GatherBlockQuantized */

int64_t rung_gather_block_codes(const rung_gather_block_params *p, rung_dtype dtype) {
  return dtype == RUNG_U8 ? 8 / p->bits : 1;
}

static rung_status *check_GatherBlockQuantized(const rung_node *node, void *params) {
  const rung_gather_block_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->bits == 2 || p->bits == 4 || p->bits == 8, "bits is %lld, it must be 2, 4 or 8",
                     (long long)p->bits);
  return p->block_size ? check_block("block_size", p->block_size) : NULL;
}

static rung_status *infer_GatherBlockQuantized(rung_infer *infer) {
  const rung_gather_block_params *p = infer->params;
  const rung_type *data = rung_infer_input(infer, 0), *indices = rung_infer_input(infer, 1);
  int64_t dims[2 * RUNG_MAX_RANK];
  int32_t axis, quantized, rank = 0;
  if (data->rank < 0 || indices->rank < 0) return NULL;
  RUNG_TRY(rung_infer_axis(infer, p->gather_axis, data->rank, &axis));
  RUNG_TRY(rung_infer_axis(infer, p->quantize_axis, data->rank, &quantized));
  int64_t codes = rung_gather_block_codes(p, data->dtype);
  RUNG_MODEL_REQUIRE(data->dtype != RUNG_U8 || axis == 0, "gather_axis is %d; it must be 0 for uint8", axis);
  RUNG_MODEL_REQUIRE(codes == 1 || axis != data->rank - 1, "gather_axis is the last one, along which codes are packed");
  for (int32_t i = 0; i < data->rank; i++) {
    int64_t dim = data->dims[i];
    if (i == axis)
      for (int32_t k = 0; k < indices->rank; k++) dims[rank++] = indices->dims[k];
    else
      dims[rank++] = i == data->rank - 1 && codes > 1 ? rung_infer_mul(infer, dim, codes) : dim;
  }
  return rung_infer_shape(infer, 0, rank, dims);
}

static const rung_attr gather_block_attrs[] = {RUNG_ATTR_INT(rung_gather_block_params, gather_axis, 0),
                                               RUNG_ATTR_INT(rung_gather_block_params, quantize_axis, 1),
                                               RUNG_ATTR_INT(rung_gather_block_params, block_size, 128),
                                               RUNG_ATTR_INT(rung_gather_block_params, bits, 4),
                                               {0}};

const rung_op rung_op_ms_GatherBlockQuantized = {.name = "GatherBlockQuantized",
                                                 .domain = "com.microsoft",
                                                 .since = 1,
                                                 .signature = "data:D indices:I scales:T zero_points:D? -> output:T",
                                                 .params_size = sizeof(rung_gather_block_params),
                                                 .attributes = gather_block_attrs,
                                                 .check = check_GatherBlockQuantized,
                                                 .infer = infer_GatherBlockQuantized};
