#include "op/product.h"

/* Stacks of matrices */

rung_status *rung_matmul_shape_make(int32_t a_rank, const int64_t *a, bool trans_a, int32_t b_rank, const int64_t *b,
                                    bool trans_b, rung_matmul_shape *out) {
  *out = (rung_matmul_shape){0};
  RUNG_MODEL_REQUIRE(a_rank >= 1 && b_rank >= 1, "operands of rank %d and %d", a_rank, b_rank);
  int64_t ka = a_rank == 1 ? a[0] : a[a_rank - (trans_a ? 2 : 1)];
  int64_t kb = b_rank == 1 ? b[0] : b[b_rank - (trans_b ? 1 : 2)];
  RUNG_MODEL_REQUIRE(ka == kb, "rows of %lld elements times columns of %lld", (long long)ka, (long long)kb);
  out->k = ka;
  out->m = a_rank == 1 ? 1 : a[a_rank - (trans_a ? 1 : 2)];
  out->n = b_rank == 1 ? 1 : b[b_rank - (trans_b ? 2 : 1)];
  int32_t stack_a = RUNG_MAX(0, a_rank - 2), stack_b = RUNG_MAX(0, b_rank - 2);
  out->batch_rank = RUNG_MAX(stack_a, stack_b);
  int64_t step_a = 1, step_b = 1;
  for (int32_t i = out->batch_rank - 1; i >= 0; i--) {
    int32_t at_a = i - (out->batch_rank - stack_a), at_b = i - (out->batch_rank - stack_b);
    int64_t da = at_a < 0 ? 1 : a[at_a], db = at_b < 0 ? 1 : b[at_b];
    RUNG_MODEL_REQUIRE(da == db || da == 1 || db == 1, "dimensions %lld and %lld cannot be broadcast", (long long)da,
                       (long long)db);
    out->batch[i] = out->dims[i] = da == 1 ? db : da;
    out->a_step[i] = da == 1 ? 0 : step_a;
    out->b_step[i] = db == 1 ? 0 : step_b;
    step_a *= da;
    step_b *= db;
  }
  out->rank = out->batch_rank;
  if (a_rank > 1) out->dims[out->rank++] = out->m;
  if (b_rank > 1) out->dims[out->rank++] = out->n;
  return NULL;
}

void rung_matmul_operands(const rung_matmul_shape *shape, size_t index, size_t *out_a, size_t *out_b) {
  *out_a = *out_b = 0;
  for (int32_t d = shape->batch_rank - 1; d >= 0; d--) {
    size_t at = index % (size_t)shape->batch[d];
    index /= (size_t)shape->batch[d];
    *out_a += at * (size_t)shape->a_step[d];
    *out_b += at * (size_t)shape->b_step[d];
  }
}

void rung_matmul_turn(int32_t rank, const int64_t *dims, bool trans_batch, int64_t out_dims[RUNG_MAX_RANK]) {
  if (rank > 0) memcpy(out_dims, dims, (size_t)rank * sizeof *dims);
  if (!trans_batch || rank < 3) return;
  memmove(out_dims, out_dims + 1, (size_t)(rank - 2) * sizeof *dims);
  out_dims[rank - 2] = dims[0];
}

/* The same where dimensions may be symbols. */
static rung_status *infer_turned(rung_infer *infer, const rung_type *a, const rung_type *b, bool trans_a,
                                 bool trans_b) {
  RUNG_MODEL_REQUIRE(a->rank >= 1 && b->rank >= 1, "operands of rank %d and %d", a->rank, b->rank);
  int64_t ka = a->rank == 1 ? a->dims[0] : a->dims[a->rank - (trans_a ? 2 : 1)];
  int64_t kb = b->rank == 1 ? b->dims[0] : b->dims[b->rank - (trans_b ? 1 : 2)];
  RUNG_MODEL_REQUIRE(ka < 0 || kb < 0 || ka == kb, "rows of %lld elements times columns of %lld", (long long)ka,
                     (long long)kb);
  int32_t stack_a = RUNG_MAX(0, a->rank - 2), stack_b = RUNG_MAX(0, b->rank - 2), rank = RUNG_MAX(stack_a, stack_b);
  int64_t dims[RUNG_MAX_RANK + 2];
  for (int32_t i = 0; i < rank; i++) {
    int32_t at_a = i - (rank - stack_a), at_b = i - (rank - stack_b);
    int64_t da = at_a < 0 ? 1 : a->dims[at_a], db = at_b < 0 ? 1 : b->dims[at_b];
    RUNG_TRY(rung_infer_broadcast_dim(infer, da, db, &dims[i]));
    if (da < 0 && db < 0 && da != db) dims[i] = rung_infer_symbol(infer);
  }
  if (a->rank > 1) dims[rank++] = a->dims[a->rank - (trans_a ? 1 : 2)];
  if (b->rank > 1) dims[rank++] = b->dims[b->rank - (trans_b ? 2 : 1)];
  return rung_infer_shape(infer, 0, rank, dims);
}

static rung_status *infer_matmul(rung_infer *infer, uint32_t first, uint32_t second, bool trans_a, bool trans_b) {
  if (!rung_infer_ranked(infer, first) || !rung_infer_ranked(infer, second)) return NULL;
  return infer_turned(infer, rung_infer_input(infer, first), rung_infer_input(infer, second), trans_a, trans_b);
}

static rung_status *infer_product(rung_infer *infer) {
  const rung_product_params *p = infer->params;
  if (!rung_infer_ranked(infer, 0) || !rung_infer_ranked(infer, 1)) return NULL;
  rung_type a = *rung_infer_input(infer, 0), b = *rung_infer_input(infer, 1);
  rung_matmul_turn(a.rank, rung_infer_input(infer, 0)->dims, p->transBatchA, a.dims);
  rung_matmul_turn(b.rank, rung_infer_input(infer, 1)->dims, p->transBatchB, b.dims);
  return infer_turned(infer, &a, &b, p->transA, p->transB);
}

static rung_status *check_MatMul(const rung_node *node, void *params) {
  (void)node;
  ((rung_product_params *)params)->alpha = 1;
  return NULL;
}

const rung_op rung_op_MatMul = {.name = "MatMul",
                                .domain = "",
                                .since = 1,
                                .signature = "A:T B:T -> Y:T",
                                .params_size = sizeof(rung_product_params),
                                .check = check_MatMul,
                                .infer = infer_product};

const rung_op rung_op_FusedProduct = {.name = "FusedProduct",
                                      .domain = "",
                                      .since = 1,
                                      .signature = "A:T B:T C:T? Z:T? -> Y:T",
                                      .params_size = sizeof(rung_product_params),
                                      .infer = infer_product};

static const rung_attr fused_matmul_attrs[] = {
    RUNG_ATTR_FLOAT(rung_product_params, alpha, 1),     RUNG_ATTR_INT(rung_product_params, transA, 0),
    RUNG_ATTR_INT(rung_product_params, transB, 0),      RUNG_ATTR_INT(rung_product_params, transBatchA, 0),
    RUNG_ATTR_INT(rung_product_params, transBatchB, 0), {0}};

const rung_op rung_op_ms_FusedMatMul = {.name = "FusedMatMul",
                                        .domain = "com.microsoft",
                                        .since = 1,
                                        .signature = "A:T B:T -> Y:T",
                                        .params_size = sizeof(rung_product_params),
                                        .attributes = fused_matmul_attrs,
                                        .infer = infer_product};

/* Gemm */

static rung_status *infer_Gemm(rung_infer *infer) {
  for (uint32_t i = 0; i < 2; i++)
    RUNG_MODEL_REQUIRE(!rung_infer_ranked(infer, i) || rung_infer_input(infer, i)->rank == 2,
                       "input %u has rank %d, not 2", i, rung_infer_input(infer, i)->rank);
  RUNG_MODEL_REQUIRE(!rung_infer_ranked(infer, 2) || rung_infer_input(infer, 2)->rank <= 2, "input 2 has rank %d",
                     rung_infer_input(infer, 2)->rank);
  return infer_product(infer);
}

#define GEMM_ATTRS                                                                               \
  RUNG_ATTR_FLOAT(rung_product_params, alpha, 1), RUNG_ATTR_FLOAT(rung_product_params, beta, 1), \
      RUNG_ATTR_INT(rung_product_params, transA, 0), RUNG_ATTR_INT(rung_product_params, transB, 0)
/* "broadcast" (before opset 7) allowed what has been allowed always since. */
static const rung_attr gemm_attrs[] = {GEMM_ATTRS, RUNG_ATTR_IGNORED("broadcast"), {0}};

const rung_op rung_op_Gemm = {.name = "Gemm",
                              .domain = "",
                              .since = 1,
                              .signature = "A:T B:T C:T? -> Y:T",
                              .params_size = sizeof(rung_product_params),
                              .attributes = gemm_attrs,
                              .infer = infer_Gemm};

static rung_status *check_FusedGemm(const rung_node *node, void *params) {
  rung_product_params *p = params;
  float given[2] = {p->activation_alpha, p->activation_beta};
  size_t count = 0; /* how many are given: 0 may be */
  for (uint32_t i = 0; i < node->attribute_count; i++) {
    if (strcmp(node->attributes[i].name, "activation_alpha") == 0) count = RUNG_MAX(count, 1);
    if (strcmp(node->attributes[i].name, "activation_beta") == 0) count = 2;
  }
  return rung_activation_make(p->activation_name, (rung_floats){given, count}, &p->activation);
}

static const rung_attr fused_gemm_attrs[] = {
    GEMM_ATTRS,
    {"activation", RUNG_ATTR_KIND_STR, offsetof(rung_product_params, activation_name), .text = ""},
    RUNG_ATTR_FLOAT(rung_product_params, activation_alpha, 0),
    RUNG_ATTR_FLOAT(rung_product_params, activation_beta, 0),
    RUNG_ATTR_IGNORED("activation_gamma"),
    {0}};

const rung_op rung_op_ms_FusedGemm = {.name = "FusedGemm",
                                      .domain = "com.microsoft",
                                      .since = 1,
                                      .signature = "A:T B:T C:T? -> Y:T",
                                      .params_size = sizeof(rung_product_params),
                                      .attributes = fused_gemm_attrs,
                                      .check = check_FusedGemm,
                                      .infer = infer_Gemm};

/* Quantised */

static rung_status *infer_MatMulInteger(rung_infer *infer) { return infer_matmul(infer, 0, 1, false, false); }

static rung_status *infer_QLinearMatMul(rung_infer *infer) { return infer_matmul(infer, 0, 3, false, false); }

const rung_op rung_op_MatMulInteger = {.name = "MatMulInteger",
                                       .domain = "",
                                       .since = 10,
                                       .signature = "A:A B:B a_zero_point:A? b_zero_point:B? -> Y:int32",
                                       .infer = infer_MatMulInteger};

const rung_op rung_op_QLinearMatMul = {
    .name = "QLinearMatMul",
    .domain = "",
    .since = 10,
    .signature = "a:A a_scale:S a_zero_point:A b:B b_scale:S b_zero_point:B y_scale:S y_zero_point:Y -> y:Y",
    .infer = infer_QLinearMatMul};

/* The element type that a quantised step yields. */
rung_status *rung_infer_quantized(rung_infer *infer, uint32_t y_scale, uint32_t y_zero) {
  if (!rung_infer_has(infer, y_scale))
    infer->outputs[0].dtype = RUNG_F32;
  else if (!rung_infer_has(infer, y_zero))
    infer->outputs[0].dtype = RUNG_U8;
  return NULL;
}

static rung_status *infer_QuantizedProduct(rung_infer *infer) {
  const rung_product_params *p = infer->params;
  RUNG_TRY(rung_infer_quantized(infer, 6, 7));
  return infer_matmul(infer, 0, 3, false, p->transB);
}

const rung_op rung_op_QuantizedProduct = {
    .name = "QuantizedProduct",
    .domain = "",
    .since = 1,
    .signature =
        "a:A a_scale:float32 a_zero_point:A? b:B b_scale:float32 b_zero_point:B? y_scale:float32? "
        "y_zero_point:C? bias:D? bias_scale:float32? -> y:C",
    .params_size = sizeof(rung_product_params),
    .infer = infer_QuantizedProduct};

/* com.microsoft's: floats of integers */

static rung_status *check_bias(const rung_infer *infer, uint32_t bias, uint32_t b, bool trans_b) {
  if (!rung_infer_ranked(infer, bias) || !rung_infer_ranked(infer, b)) return NULL;
  const rung_type *c = rung_infer_input(infer, bias), *type = rung_infer_input(infer, b);
  int64_t n = type->rank < 2 ? 1 : type->dims[type->rank - (trans_b ? 2 : 1)];
  RUNG_MODEL_REQUIRE(c->rank == 1 && (c->dims[0] < 0 || n < 0 || c->dims[0] == n),
                     "the bias has rank %d and %lld elements for %lld columns", c->rank,
                     c->rank ? (long long)c->dims[0] : 1, (long long)n);
  return NULL;
}

static rung_status *infer_MatMulIntegerToFloat(rung_infer *infer) {
  RUNG_TRY(check_bias(infer, 6, 1, false));
  return infer_MatMulInteger(infer);
}

static rung_status *infer_DynamicQuantizeMatMul(rung_infer *infer) {
  RUNG_TRY(check_bias(infer, 4, 1, false));
  return infer_MatMulInteger(infer);
}

static rung_status *infer_QGemm(rung_infer *infer) {
  const rung_product_params *p = infer->params;
  for (uint32_t i = 0; i < 4; i += 3)
    RUNG_MODEL_REQUIRE(!rung_infer_ranked(infer, i) || rung_infer_input(infer, i)->rank == 2,
                       "input %u has rank %d, not 2", i, rung_infer_input(infer, i)->rank);
  if (!rung_infer_has(infer, 8)) infer->outputs[0].dtype = RUNG_F32;
  return infer_matmul(infer, 0, 3, p->transA, p->transB);
}

const rung_op rung_op_ms_MatMulIntegerToFloat = {
    .name = "MatMulIntegerToFloat",
    .domain = "com.microsoft",
    .since = 1,
    .signature = "A:A B:B a_scale:S b_scale:S a_zero_point:A? b_zero_point:B? bias:S? -> Y:S",
    .infer = infer_MatMulIntegerToFloat};
const rung_op rung_op_ms_DynamicQuantizeMatMul = {.name = "DynamicQuantizeMatMul",
                                                  .domain = "com.microsoft",
                                                  .since = 1,
                                                  .signature = "A:S B:B b_scale:S b_zero_point:B? bias:S? -> Y:S",
                                                  .infer = infer_DynamicQuantizeMatMul};

static const rung_attr qgemm_attrs[] = {RUNG_ATTR_FLOAT(rung_product_params, alpha, 1),
                                        RUNG_ATTR_INT(rung_product_params, transA, 0),
                                        RUNG_ATTR_INT(rung_product_params, transB, 0),
                                        {0}};

const rung_op rung_op_ms_QGemm = {
    .name = "QGemm",
    .domain = "com.microsoft",
    .since = 1,
    .signature =
        "A:A a_scale:float32 a_zero_point:A B:B b_scale:float32 b_zero_point:B C:int32? y_scale:float32? "
        "y_zero_point:Y? -> Y:Y",
    .params_size = sizeof(rung_product_params),
    .attributes = qgemm_attrs,
    .infer = infer_QGemm};

/* Det, Inverse */

static rung_status *require_square(const rung_type *x) {
  if (x->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank >= 2, "an input of rank %d is no matrix", x->rank);
  int64_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
  RUNG_MODEL_REQUIRE(rows < 0 || columns < 0 || rows == columns, "a matrix of %lld rows and %lld columns is not square",
                     (long long)rows, (long long)columns);
  return NULL;
}

static rung_status *infer_Det(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0);
  RUNG_TRY(require_square(x));
  return x->rank < 0 ? NULL : rung_infer_shape(infer, 0, x->rank - 2, x->dims);
}

const rung_op rung_op_Det = {.name = "Det", .domain = "", .since = 11, .signature = "X:T -> Y:T", .infer = infer_Det};

static rung_status *infer_Inverse(rung_infer *infer) {
  RUNG_TRY(require_square(rung_infer_input(infer, 0)));
  return rung_infer_elementwise(infer);
}

const rung_op rung_op_ms_Inverse = {
    .name = "Inverse", .domain = "com.microsoft", .since = 1, .signature = "X:T -> Y:T", .infer = infer_Inverse};

/* CDist: distances between the rows of two matrices */

static rung_status *infer_CDist(rung_infer *infer) {
  int64_t dims[2] = {rung_infer_symbol(infer), rung_infer_symbol(infer)}, length[2] = {-1, -1};
  for (uint32_t i = 0; i < 2; i++) {
    const rung_type *type = rung_infer_input(infer, i);
    if (type->rank < 0) continue;
    RUNG_MODEL_REQUIRE(type->rank == 2, "input %u has rank %d, not 2", i, type->rank);
    dims[i] = type->dims[0];
    length[i] = type->dims[1];
  }
  RUNG_MODEL_REQUIRE(length[0] < 0 || length[1] < 0 || length[0] == length[1], "rows of %lld elements and of %lld",
                     (long long)length[0], (long long)length[1]);
  return rung_infer_shape(infer, 0, 2, dims);
}

static const rung_attr cdist_attrs[] = {RUNG_ATTR_CHOICE(rung_cdist_params, metric, "sqeuclidean|euclidean"), {0}};

const rung_op rung_op_ms_CDist = {.name = "CDist",
                                  .domain = "com.microsoft",
                                  .since = 1,
                                  .signature = "A:T B:T -> C:T",
                                  .params_size = sizeof(rung_cdist_params),
                                  .attributes = cdist_attrs,
                                  .infer = infer_CDist};
