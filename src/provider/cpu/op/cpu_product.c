/* MatMul, Gemm and their fused forms: Y = activation(alpha * A' B' + beta * C + Z), see op/product.h.
 *
 * Floats up to 32 bits go through form/gemm.h; a constant B is laid out for it once. Other types are plain loops. */
#include "op/product.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/kernel/isa.h"

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))
#define ACCUMULATED \
  (RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64) | RUNG_SET(RUNG_F64))

static bool is_narrow(rung_dtype dtype) { return NARROW_FLOATS & RUNG_SET(dtype); }

/* How C is spread over the rows and columns of Y. */
typedef enum c_kind { C_NONE, C_ONE, C_PER_COLUMN, C_PER_ROW, C_WHOLE } c_kind;

/* How the matrices of an operand lie, in elements: steps from row to row and column to column of A' or B', and from
 * matrix to matrix of its stack. */
typedef struct matrix_steps {
  size_t row, column, matrix;
} matrix_steps;

static matrix_steps steps_of(const rung_tensor *t, bool trans, bool trans_batch) {
  if (t->rank == 1) return (matrix_steps){1, 1, (size_t)t->dims[0]};
  size_t columns = (size_t)t->dims[t->rank - 1], rows = (size_t)t->dims[t->rank - 2];
  matrix_steps s = {columns, 1, rows * columns};
  if (trans_batch && t->rank > 2) s = (matrix_steps){(size_t)rung_tensor_span(t, 1, t->rank), 1, columns};
  return trans ? (matrix_steps){s.column, s.row, s.matrix} : s;
}

typedef struct product_state {
  rung_matmul_shape shape;
  matrix_steps a, b;
  rung_gemm gemm;
  c_kind c;
  size_t bias_at; /* bytes into scratch */
} product_state;

/* Constant B: packed panels of every matrix, or for plain types an aligned copy. */
static rung_status *pack_product(rung_kernel_call *call, void **out_packed) {
  const rung_product_params *p = call->params;
  const rung_tensor *b = rung_in(call, 1);
  if (!b || b->rank < 1) return NULL;
  if (!is_narrow(b->dtype)) {
    *out_packed = rung_alloc_data(call->host->allocator, RUNG_MAX(b->size, 1), "weights");
    RUNG_CHECK_ALLOC(*out_packed);
    if (b->size) memcpy(*out_packed, b->data, b->size);
    return NULL;
  }
  rung_cpu_set features = rung_isa(call->host);
  matrix_steps steps = steps_of(b, p->transB, p->transBatchB);
  int64_t dims[RUNG_MAX_RANK];
  rung_matmul_turn(b->rank, b->dims, p->transBatchB, dims);
  bool swapped = p->transB && b->rank > 1;
  size_t rows = (size_t)(b->rank == 1 ? dims[0] : dims[b->rank - 2]),
         cols = b->rank == 1 ? 1 : (size_t)dims[b->rank - 1];
  size_t k = swapped ? cols : rows, n = swapped ? rows : cols, count = 1, floats, bytes;
  for (int32_t i = 0; i < b->rank - 2; i++) count *= (size_t)dims[i];
  RUNG_REQUIRE(rung_gemm_packed_size(features, k, n, &floats) && rung_mul_size(floats * sizeof(float), count, &bytes),
               LIMIT, "weights are too large");
  float *packed = rung_alloc_data(call->host->allocator, bytes, "weights");
  RUNG_CHECK_ALLOC(packed);
  rung_matrix layout = {b->dtype, steps.row, steps.column};
  for (size_t i = 0; i < count; i++)
    rung_gemm_pack(features, k, n, &layout, (const char *)b->data + i * steps.matrix * rung_dtype_size(b->dtype),
                   packed + i * floats);
  *out_packed = packed;
  return NULL;
}

/* Preparing */

static rung_status *classify_c(const rung_tensor *c, const rung_matmul_shape *shape, c_kind *out) {
  *out = C_NONE;
  if (!c) return NULL;
  int64_t rows = c->rank == 2 ? c->dims[0] : 1, cols = c->rank ? c->dims[c->rank - 1] : 1;
  RUNG_RUN_REQUIRE(c->rank <= 2 && (rows == 1 || rows == shape->m) && (cols == 1 || cols == shape->n),
                   "C of %lld x %lld cannot be broadcast to %lld x %lld", (long long)rows, (long long)cols,
                   (long long)shape->m, (long long)shape->n);
  *out = rows * cols == 1 ? C_ONE : rows == 1 ? C_PER_COLUMN : cols == 1 ? C_PER_ROW : C_WHOLE;
  RUNG_RUN_REQUIRE(shape->batch_rank == 0 || *out == C_PER_COLUMN || *out == C_ONE, "C has rows, and Y is a stack");
  return NULL;
}

/* The stack of A is dense, and every matrix of it meets the same B: one matrix with more rows. */
static bool can_fold(const rung_matmul_shape *shape) {
  int64_t dense = 1;
  for (int32_t i = shape->batch_rank - 1; i >= 0; i--) {
    if (shape->batch[i] != 1 && (shape->b_step[i] != 0 || shape->a_step[i] != dense)) return false;
    dense *= shape->batch[i];
  }
  return true;
}

static void fill_stack(const product_state *state, bool packed, rung_stack *stack) {
  const rung_matmul_shape *shape = &state->shape;
  stack->rank = shape->batch_rank;
  int64_t dense = shape->m * shape->n;
  for (int32_t i = shape->batch_rank - 1; i >= 0; i--) {
    stack->dims[i] = shape->batch[i];
    stack->a[i] = shape->a_step[i] * (int64_t)state->a.matrix;
    stack->b[i] = packed ? shape->b_step[i] : shape->b_step[i] * (int64_t)state->b.matrix;
    stack->c[i] = dense;
    dense *= shape->batch[i];
  }
}

static rung_status *prepare_gemm(rung_kernel_call *call, product_state *state) {
  const rung_product_params *p = call->params;
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, 1);
  rung_matmul_shape *shape = &state->shape;
  bool packed = call->packed != NULL;
  rung_gemm *g = &state->gemm;
  *g = (rung_gemm){.k = (size_t)shape->k,
                   .n = (size_t)shape->n,
                   .m = (size_t)shape->m,
                   .b_packed = packed,
                   .alpha = p->alpha,
                   .a = {a->dtype, state->a.row, state->a.column},
                   .b = {b->dtype, state->b.row, state->b.column},
                   .c = {a->dtype, (size_t)shape->n, 1}};
  if (!p->transA && !p->transBatchA && can_fold(shape)) {
    for (int32_t i = 0; i < shape->batch_rank; i++) g->m *= (size_t)shape->batch[i];
  } else {
    fill_stack(state, packed, &g->stack);
  }
  rung_gemm_plan(call, g);
  size_t bias = state->c == C_PER_ROW ? g->m : state->c == C_WHOLE || state->c == C_NONE ? 0 : g->n;
  RUNG_REQUIRE(rung_gemm_scratch(g, &state->bias_at) && bias < SIZE_MAX / 8 &&
                   rung_add_size(RUNG_ROUND_UP(state->bias_at, 64), bias * sizeof(float), &call->scratch_size),
               LIMIT, "the product is too large");
  state->bias_at = RUNG_ROUND_UP(state->bias_at, 64);
  return NULL;
}

static rung_status *prepare_product(rung_kernel_call *call) {
  const rung_product_params *p = call->params;
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, 1), *z = rung_in(call, 3);
  product_state *state = call->state;
  int64_t a_dims[RUNG_MAX_RANK], b_dims[RUNG_MAX_RANK];
  rung_matmul_turn(a->rank, a->dims, p->transBatchA, a_dims);
  rung_matmul_turn(b->rank, b->dims, p->transBatchB, b_dims);
  RUNG_TRY(rung_matmul_shape_make(a->rank, a_dims, p->transA, b->rank, b_dims, p->transB, &state->shape));
  state->a = steps_of(a, p->transA, p->transBatchA);
  state->b = steps_of(b, p->transB, p->transBatchB);
  RUNG_TRY(classify_c(rung_in(call, 2), &state->shape, &state->c));
  if (z)
    RUNG_RUN_REQUIRE(state->c != C_WHOLE && rung_tensor_same_shape(z, rung_out(call, 0)), "Z is not shaped like Y");
  return is_narrow(a->dtype) ? prepare_gemm(call, state) : NULL;
}

/* Running: floats up to 32 bits */

/* beta * C as floats, one per column or row. */
static const float *make_bias(rung_kernel_call *call, const product_state *state) {
  const rung_product_params *p = call->params;
  const rung_tensor *c = rung_in(call, 2);
  size_t count = state->c == C_PER_ROW ? state->gemm.m : state->gemm.n;
  if (c->dtype == RUNG_F32 && p->beta == 1 && state->c != C_ONE) return c->data;
  float *bias = (float *)((char *)call->scratch + state->bias_at);
  rung_load_f32(c->dtype, c->data, 0, state->c == C_ONE ? 0 : 1, count, bias);
  for (size_t i = 0; i < count; i++) bias[i] *= p->beta;
  return bias;
}

static rung_status *run_gemm(rung_kernel_call *call) {
  const rung_product_params *p = call->params;
  const product_state *state = call->state;
  const rung_tensor *c = rung_in(call, 2), *z = rung_in(call, 3);
  rung_gemm_run run = {.a = rung_in(call, 0)->data,
                       .b = call->packed ? call->packed : rung_in(call, 1)->data,
                       .c = rung_out(call, 0)->data,
                       .epilogue = {.activation = p->activation, .residual_scale = 1}};
  if (state->c == C_WHOLE) {
    run.epilogue.residual = c->data;
    run.epilogue.residual_scale = p->beta;
  } else if (state->c != C_NONE) {
    run.epilogue.bias = make_bias(call, state);
    run.epilogue.bias_per_row = state->c == C_PER_ROW;
  }
  if (z) run.epilogue.residual = z->data;
  rung_gemm_run_all(call, &state->gemm, &run, call->scratch);
  return NULL;
}

/* Running: the others. Sums of integers wrap. */

typedef struct plain_job {
  const rung_matmul_shape *shape;
  const void *a, *b, *c;
  void *y;
  matrix_steps a_steps, b_steps;
  c_kind kind;
  double alpha, beta;
  void (*row)(const struct plain_job *j, size_t a, size_t b, size_t i, size_t y);
} plain_job;

static size_t place_of_c(const plain_job *j, size_t i, size_t column) {
  switch (j->kind) {
    case C_PER_COLUMN:
      return column;
    case C_PER_ROW:
      return i;
    case C_WHOLE:
      return i * (size_t)j->shape->n + column;
    default:
      return 0;
  }
}

/* Row i of one matrix, which begins at a, b and y. `sum` is unsigned for integers. */
#define PLAIN_ROW(op, NAME, stored, computed, load, store)                                                      \
  static void row_##NAME(const plain_job *j, size_t a_at, size_t b_at, size_t i, size_t y_at) {                 \
    size_t n = (size_t)j->shape->n, depth = (size_t)j->shape->k, step = j->b_steps.column;                      \
    const stored *a = (const stored *)j->a + a_at + i * j->a_steps.row, *c = j->c;                              \
    stored *y = (stored *)j->y + y_at + i * n;                                                                  \
    for (size_t col = 0; col < n; col++) y[col] = 0;                                                            \
    for (size_t k = 0; k < depth; k++) {                                                                        \
      const stored *b = (const stored *)j->b + b_at + k * j->b_steps.row;                                       \
      computed x = (computed)a[k * j->a_steps.column];                                                          \
      if (step == 1)                                                                                            \
        for (size_t col = 0; col < n; col++) y[col] = (stored)((computed)y[col] + x * (computed)b[col]);        \
      else                                                                                                      \
        for (size_t col = 0; col < n; col++) y[col] = (stored)((computed)y[col] + x * (computed)b[col * step]); \
    }                                                                                                           \
    if (j->alpha != 1)                                                                                          \
      for (size_t col = 0; col < n; col++) y[col] = (stored)((computed)y[col] * (computed)(op)j->alpha);        \
    if (j->kind != C_NONE)                                                                                      \
      for (size_t col = 0; col < n; col++)                                                                      \
        y[col] = (stored)((computed)y[col] + (computed)(op)j->beta * (computed)c[place_of_c(j, i, col)]);       \
  }

PLAIN_ROW(double, F64, double, double, , )
PLAIN_ROW(int64_t, I32, int32_t, uint32_t, , )
PLAIN_ROW(int64_t, U32, uint32_t, uint32_t, , )
PLAIN_ROW(int64_t, I64, int64_t, uint64_t, , )
PLAIN_ROW(int64_t, U64, uint64_t, uint64_t, , )

static void run_rows(void *context, size_t begin, size_t end) {
  const plain_job *j = context;
  const rung_matmul_shape *s = j->shape;
  for (size_t i = begin; i < end; i++) {
    size_t matrix = i / (size_t)s->m, rest = matrix, a = 0, b = 0;
    for (int32_t d = s->batch_rank - 1; d >= 0; d--) {
      size_t index = rest % (size_t)s->batch[d];
      rest /= (size_t)s->batch[d];
      a += index * (size_t)s->a_step[d];
      b += index * (size_t)s->b_step[d];
    }
    j->row(j, a * j->a_steps.matrix, b * j->b_steps.matrix, i % (size_t)s->m, matrix * (size_t)(s->m * s->n));
  }
}

static rung_status *run_plain(rung_kernel_call *call) {
  const rung_product_params *p = call->params;
  const product_state *state = call->state;
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, 1), *c = rung_in(call, 2);
  static void (*const rows[RUNG_DTYPE_NUMBERS])(const plain_job *, size_t, size_t, size_t, size_t) = {
      [RUNG_F64] = row_F64, [RUNG_I32] = row_I32, [RUNG_U32] = row_U32, [RUNG_I64] = row_I64, [RUNG_U64] = row_U64};
  plain_job job = {.shape = &state->shape,
                   .a = a->data,
                   .b = call->packed ? call->packed : b->data,
                   .c = c ? c->data : NULL,
                   .y = rung_out(call, 0)->data,
                   .a_steps = state->a,
                   .b_steps = state->b,
                   .kind = state->c,
                   .alpha = (double)p->alpha,
                   .beta = (double)p->beta,
                   .row = rows[a->dtype]};
  size_t n = (size_t)state->shape.n, count = n ? rung_tensor_count(rung_out(call, 0)) / n : 0;
  rung_kernel_parallel(call, count, rung_kernel_grain((size_t)state->shape.k * n / 2), run_rows, &job);
  return NULL;
}

static rung_status *run_product(rung_kernel_call *call) {
  return is_narrow(rung_in(call, 0)->dtype) ? run_gemm(call) : run_plain(call);
}

/* Integers have no fractions of themselves. */
static const char *refuse_factors(const rung_node *node, rung_reason *out_reason) {
  const rung_product_params *p = node->params;
  rung_dtype dtype = node->inputs[0]->type.dtype;
  bool fits = p->alpha == (float)(int)RUNG_CLAMP(p->alpha, -1e6f, 1e6f) &&
              p->beta == (float)(int)RUNG_CLAMP(p->beta, -1e6f, 1e6f);
  if (!(RUNG_SET_INTEGER & RUNG_SET(dtype)) || fits) return NULL;
  *out_reason = RUNG_REASON_ATTRIBUTE;
  return "integers with an alpha or beta that is no integer";
}

#define PRODUCT_KERNEL(symbol, set)                                           \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', set}},               \
                                         .packs = 1 << 1,                     \
                                         .state_size = sizeof(product_state), \
                                         .refuse = refuse_factors,            \
                                         .pack = pack_product,                \
                                         .prepare = prepare_product,          \
                                         .run = run_product};
PRODUCT_KERNEL(MatMul, NARROW_FLOATS | ACCUMULATED)
PRODUCT_KERNEL(Gemm, NARROW_FLOATS | ACCUMULATED)
PRODUCT_KERNEL(ms_FusedMatMul, NARROW_FLOATS | RUNG_SET(RUNG_F64))
PRODUCT_KERNEL(ms_FusedGemm, NARROW_FLOATS)
PRODUCT_KERNEL(FusedProduct, NARROW_FLOATS)
