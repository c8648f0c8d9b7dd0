/* Products of matrices of 8-bit integers: MatMulInteger, QLinearMatMul, the fused QuantizedProduct (op/product.h), and
 * com.microsoft's MatMulIntegerToFloat, DynamicQuantizeMatMul, QGemm.
 * Sums are int32 and wrap. form/product_i8.h where A and B have one zero point each, else plain loops. QLinearMatMul
 * with float 8 on any side sums in float64. */
#include "op/product.h"

#include "base/element.h"
#include "base/pool.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/product_f8.h"
#include "provider/cpu/form/product_i8.h"
#include "provider/cpu/form/quantized.h"
#include "provider/cpu/form/strided.h"
#include "provider/cpu/kernel/isa.h"

#define BYTES (RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8))

/* Which input is what, per operator; NONE: it has no such input. */
enum { NONE = UINT32_MAX };
typedef struct places {
  uint32_t b, a_scale, a_zero, b_scale, b_zero, y_scale, y_zero, bias, bias_scale;
} places;

static const places integer_places = {1, NONE, 2, NONE, 3, NONE, NONE, NONE, NONE};
static const places linear_places = {3, 1, 2, 4, 5, 6, 7, NONE, NONE};
static const places fused_places = {3, 1, 2, 4, 5, 6, 7, 8, 9};
static const places float_places = {1, 2, 4, 3, 5, NONE, NONE, 6, NONE};
static const places gemm_places = {3, NONE, 2, NONE, 5, NONE, NONE, NONE, NONE}; /* QGemm: to int32 */

typedef struct product_state {
  rung_matmul_shape shape;
  rung_product_i8 product;
  size_t lists_at, rows_at; /* in scratch: scale and bias per column; the plain way's sums and results, per thread */
} product_state;

static bool is_transposed(const rung_kernel_call *call, const places *at) {
  return (at == &fused_places || at == &gemm_places) && ((const rung_product_params *)call->params)->transB;
}

static const rung_tensor *input_at(const rung_kernel_call *call, uint32_t place) {
  return place == NONE ? NULL : rung_in(call, place);
}

/* Every matrix of B; a transposed one is turned first. */
static rung_status *pack_product(rung_kernel_call *call, const places *at, void **out_packed) {
  const rung_allocator *allocator = call->host->allocator;
  const rung_tensor *b = rung_in(call, at->b);
  if (!b || b->rank < 2) return NULL;
  rung_cpu_set features = rung_isa(call->host);
  bool turned = is_transposed(call, at);
  size_t rows = (size_t)b->dims[b->rank - 2], cols = (size_t)b->dims[b->rank - 1], size, bytes;
  size_t count = (size_t)rung_tensor_span(b, 0, b->rank - 2), k = turned ? cols : rows, n = turned ? rows : cols;
  RUNG_REQUIRE(
      rung_product_i8_packed_size(features, k, n, &size) && rung_mul_size(size * sizeof(int32_t), count, &bytes), LIMIT,
      "weights are too large");
  int32_t *packed = rung_alloc_data(allocator, bytes, "weights");
  uint8_t *copy = turned ? rung_alloc_data(allocator, RUNG_MAX(k * n, 1), "pack") : NULL;
  for (size_t i = 0; packed && (copy || !turned) && i < count; i++) {
    const uint8_t *matrix = (const uint8_t *)b->data + i * k * n;
    for (size_t r = 0; r < k && turned; r++)
      for (size_t c = 0; c < n; c++) copy[r * n + c] = matrix[c * k + r];
    rung_product_i8_pack(features, k, n, b->dtype == RUNG_I8, turned ? copy : matrix, packed + i * size);
  }
  rung_free(allocator, copy);
  *out_packed = packed;
  return packed && (copy || !turned) ? NULL : rung_status_out_of_memory();
}

/* Preparing */

static bool add_space(size_t *total, size_t bytes, size_t *out_at) {
  if (*total >= SIZE_MAX / 2) return false;
  *out_at = RUNG_ROUND_UP(*total, RUNG_TENSOR_ALIGN);
  return rung_add_size(*out_at, bytes, total);
}

static size_t row_space(const rung_matmul_shape *shape) { return RUNG_ROUND_UP((size_t)shape->n, 16) * 5; }

static rung_status *prepare_product(rung_kernel_call *call, const places *at) {
  product_state *state = call->state;
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, at->b);
  rung_matmul_shape *shape = &state->shape;
  bool turned = is_transposed(call, at);
  RUNG_TRY(rung_matmul_shape_make(a->rank, a->dims, false, b->rank, b->dims, turned, shape));
  RUNG_REQUIRE(!turned || call->packed, UNSUPPORTED, "a transposed B that is no constant");
  rung_product_i8_plan(call, shape, a->dtype == RUNG_I8, b->dtype == RUNG_I8, call->packed != NULL, &state->product);
  size_t total, rows;
  bool fits = rung_product_i8_scratch(&state->product, &total) &&
              rung_mul_size(row_space(shape), RUNG_MAX(call->host->threads, 1), &rows) &&
              add_space(&total, (size_t)shape->n * 2 * sizeof(float), &state->lists_at) &&
              add_space(&total, rows, &state->rows_at);
  RUNG_REQUIRE(fits, LIMIT, "the product is too large");
  call->scratch_size = total;
  return NULL;
}

/* Scales and zero points: one number, one per row of A (column of B) of every matrix, or one per row (column) of each.
 */

static rung_status *spread_of(const rung_tensor *t, const char *name, size_t length, size_t matrices,
                              rung_spread *out) {
  size_t count = t ? rung_tensor_count(t) : 1;
  *out = (rung_spread){t, count == 1 ? 0 : 1, count == 1 || count == length ? 0 : length};
  RUNG_RUN_REQUIRE(count == 1 || count == length || (matrices && count / matrices == length && count % matrices == 0),
                   "%s has %zu elements for %zu rows or columns", name, count, length);
  return NULL;
}

/* The one zero point that all rows or columns have; false when they differ. */
static bool one_zero(const rung_tensor *t, int32_t *out) {
  size_t count = t ? rung_tensor_count(t) : 0;
  const uint8_t *bytes = t ? t->data : NULL;
  *out = count ? (int32_t)rung_element_get(t->dtype, bytes, 0) : 0;
  for (size_t i = 1; i < count; i++)
    if (bytes[i] != bytes[0]) return false;
  return true;
}

static rung_status *one_number(const rung_kernel_call *call, uint32_t place, const char *name, double fallback,
                               double *out) {
  const rung_tensor *t = input_at(call, place);
  RUNG_RUN_REQUIRE(!t || rung_tensor_count(t) == 1, "%s must be one number", name);
  *out = t ? rung_element_get(t->dtype, t->data, 0) : fallback;
  return NULL;
}

typedef struct operands {
  const rung_tensor *a, *b;
  rung_spread a_zero, b_zero, a_scale, b_scale;
  const rung_tensor *bias, *bias_scale;
  float y_scale;
  double y_zero;
  bool fused;
} operands;

static size_t matrices_of(const rung_tensor *t) {
  return t->rank > 2 ? (size_t)rung_tensor_span(t, 0, t->rank - 2) : 1;
}

static rung_status *read_operands(const rung_kernel_call *call, const places *at, operands *o) {
  const product_state *state = call->state;
  size_t m = (size_t)state->shape.m, n = (size_t)state->shape.n;
  double y_scale;
  *o = (operands){.a = rung_in(call, 0),
                  .b = rung_in(call, at->b),
                  .bias = input_at(call, at->bias),
                  .bias_scale = input_at(call, at->bias_scale),
                  .fused = at == &fused_places};
  RUNG_TRY(spread_of(input_at(call, at->a_zero), "the zero point of a", m, matrices_of(o->a), &o->a_zero));
  RUNG_TRY(spread_of(input_at(call, at->b_zero), "the zero point of b", n, matrices_of(o->b), &o->b_zero));
  RUNG_TRY(spread_of(input_at(call, at->a_scale), "the scale of a", m, matrices_of(o->a), &o->a_scale));
  RUNG_TRY(spread_of(input_at(call, at->b_scale), "the scale of b", n, matrices_of(o->b), &o->b_scale));
  RUNG_TRY(one_number(call, at->y_scale, "the scale of y", 1, &y_scale));
  RUNG_TRY(one_number(call, at->y_zero, "the zero point of y", 0, &o->y_zero));
  for (int i = 0; i < 2; i++) {
    const rung_tensor *t = i ? o->bias_scale : o->bias;
    RUNG_RUN_REQUIRE(!t || rung_tensor_count(t) == 1 || rung_tensor_count(t) == n,
                     "the bias or its scale is for other columns");
  }
  o->y_scale = (float)y_scale;
  return NULL;
}

/* From number `at` on, one per column, or the same for all. */
static void load_list(const rung_tensor *t, size_t at, size_t n, float *to) {
  if (rung_tensor_count(t) == 1)
    rung_load_f32(t->dtype, t->data, 0, 0, n, to);
  else
    rung_load_f32(t->dtype, t->data, at, 1, n, to);
}

/* Scale and bias of the columns, for a row of one matrix. */
static void fill_lists(const operands *o, size_t n, size_t row, size_t a_matrix, size_t b_matrix, float *scales,
                       float *biases) {
  float a_scale = (float)rung_spread_at(&o->a_scale, row, a_matrix, 1);
  if (o->bias) {
    load_list(o->bias, 0, n, biases);
    if (o->bias_scale) load_list(o->bias_scale, 0, n, scales);
    for (size_t c = 0; c < n && o->bias_scale; c++) biases[c] *= scales[c];
  }
  if (!o->b_scale.tensor) return;
  load_list(o->b_scale.tensor, b_matrix * o->b_scale.matrix_step, n, scales);
  for (size_t c = 0; c < n; c++) scales[c] = a_scale * scales[c] / (o->fused ? 1 : o->y_scale);
}

static rung_requantize requantize_of(const rung_kernel_call *call, const operands *o, const float *scales,
                                     const float *biases) {
  const rung_product_params *p = call->params;
  return (rung_requantize){.dtype = rung_out(call, 0)->dtype,
                           .scale = scales,
                           .scale_is_list = true,
                           .bias = o->bias ? biases : NULL,
                           .activation = o->fused ? p->activation : (rung_activation){0},
                           .y_scale = o->fused ? o->y_scale : 1,
                           .y_zero = (int32_t)o->y_zero};
}

/* The plain way */

typedef struct plain_job {
  const rung_kernel_call *call;
  const operands *o;
  const rung_math *math;
  const rung_quantize_table *quantize;
  char *space;
} plain_job;

static int32_t byte_at(const rung_tensor *t, size_t at) {
  return t->dtype == RUNG_U8 ? ((const uint8_t *)t->data)[at] : ((const int8_t *)t->data)[at];
}

static void sum_row(const plain_job *j, size_t i, size_t a_matrix, size_t b_matrix, uint32_t *sums) {
  const rung_matmul_shape *s = &((const product_state *)j->call->state)->shape;
  size_t n = (size_t)s->n, depth = (size_t)s->k;
  uint32_t a_zero = (uint32_t)(int32_t)rung_spread_at(&j->o->a_zero, i, a_matrix, 0), total = 0;
  memset(sums, 0, n * sizeof *sums);
  for (size_t k = 0; k < depth; k++) {
    uint32_t x = (uint32_t)byte_at(j->o->a, (a_matrix * (size_t)s->m + i) * depth + k) - a_zero;
    size_t row = (b_matrix * depth + k) * n;
    total += x;
    for (size_t c = 0; c < n; c++) sums[c] += x * (uint32_t)byte_at(j->o->b, row + c);
  }
  for (size_t c = 0; c < n; c++) sums[c] -= total * (uint32_t)(int32_t)rung_spread_at(&j->o->b_zero, c, b_matrix, 0);
}

static void run_rows(void *context, size_t begin, size_t end) {
  const plain_job *j = context;
  const rung_matmul_shape *s = &((const product_state *)j->call->state)->shape;
  const rung_tensor *y = rung_out(j->call, 0);
  size_t n = (size_t)s->n, size = rung_dtype_size(y->dtype);
  char *own = j->space + rung_pool_slot() * row_space(s);
  int32_t *sums = (int32_t *)own;
  uint8_t *bytes = (uint8_t *)(sums + RUNG_ROUND_UP(n, 16));
  float *scales = (float *)((char *)j->call->scratch + ((const product_state *)j->call->state)->lists_at);
  for (size_t row = begin; row < end; row++) {
    size_t a, b;
    rung_matmul_operands(s, row / (size_t)s->m, &a, &b);
    sum_row(j, row % (size_t)s->m, a, b, (uint32_t *)sums);
    if (y->dtype != RUNG_I32) fill_lists(j->o, n, row % (size_t)s->m, a, b, scales, scales + n);
    rung_requantize r = requantize_of(j->call, j->o, scales, scales + n);
    rung_requantize_run(&r, j->math, j->quantize, n, sums, 0, true, bytes);
    memcpy((char *)y->data + row * n * size, size == 1 ? (void *)bytes : sums, n * size);
  }
}

static void run_plain(rung_kernel_call *call, const operands *o) {
  const product_state *state = call->state;
  rung_cpu_set features = rung_isa(call->host);
  plain_job job = {call, o, rung_math_for(features), rung_quantize_for(features),
                   (char *)call->scratch + state->rows_at};
  size_t n = (size_t)state->shape.n, rows = n ? rung_tensor_count(rung_out(call, 0)) / n : 0;
  /* Scales per row share their list: one thread. */
  size_t grain = rung_out(call, 0)->dtype == RUNG_I32 ? rung_kernel_grain((size_t)state->shape.k * n / 4) : rows;
  rung_kernel_parallel(call, rows, grain, run_rows, &job);
}

static rung_status *run_product(rung_kernel_call *call, const places *at) {
  const product_state *state = call->state;
  operands o;
  RUNG_TRY(read_operands(call, at, &o));
  rung_product_i8_run run = {
      .a = o.a->data, .b = call->packed ? call->packed : o.b->data, .c = rung_out(call, 0)->data};
  bool fast = one_zero(o.a_zero.tensor, &run.a_zero) && one_zero(o.b_zero.tensor, &run.b_zero) && !o.a_scale.step &&
              !o.b_scale.matrix_step;
  if (!fast) {
    RUNG_REQUIRE(!is_transposed(call, at), UNSUPPORTED, "a transposed B with several zero points");
    run_plain(call, &o);
    return NULL;
  }
  size_t n = (size_t)state->shape.n;
  float *scales = (float *)((char *)call->scratch + state->lists_at);
  fill_lists(&o, n, 0, 0, 0, scales, scales + n);
  run.requantize = requantize_of(call, &o, scales, scales + n);
  rung_product_i8_run_all(call, &state->product, &run, call->scratch);
  return NULL;
}

/* QLinearMatMul: float 8 on any side goes another way. */

/* By the node: packing sees B alone. */
static bool is_float8(const rung_kernel_call *call) {
  rung_value_info **inputs = call->node->inputs;
  rung_dtypes types = RUNG_SET(inputs[0]->type.dtype) | RUNG_SET(inputs[linear_places.b]->type.dtype) |
                      RUNG_SET(inputs[linear_places.y_zero]->type.dtype);
  return types & RUNG_PRODUCT_F8;
}

static rung_status *prepare_float8(rung_kernel_call *call) {
  rung_matmul_shape *shape = &((product_state *)call->state)->shape;
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, linear_places.b);
  RUNG_TRY(rung_matmul_shape_make(a->rank, a->dims, false, b->rank, b->dims, false, shape));
  RUNG_REQUIRE(rung_product_f8_scratch(call, shape, &call->scratch_size), LIMIT, "the product is too large");
  return NULL;
}

static rung_status *run_float8(rung_kernel_call *call) {
  operands o;
  RUNG_TRY(read_operands(call, &linear_places, &o));
  const rung_product_f8 product = {.shape = &((const product_state *)call->state)->shape,
                                   .a = o.a,
                                   .b = o.b,
                                   .y = rung_out(call, 0),
                                   .a_zero = o.a_zero,
                                   .b_zero = o.b_zero,
                                   .a_scale = o.a_scale,
                                   .b_scale = o.b_scale,
                                   .y_scale = o.y_scale,
                                   .y_zero = o.y_zero};
  rung_product_f8_run(call, &product);
  return NULL;
}

static rung_status *pack_QLinearMatMul(rung_kernel_call *call, void **out) {
  *out = NULL;
  return is_float8(call) ? NULL : pack_product(call, &linear_places, out);
}

static rung_status *prepare_QLinearMatMul(rung_kernel_call *call) {
  return is_float8(call) ? prepare_float8(call) : prepare_product(call, &linear_places);
}

static rung_status *run_QLinearMatMul(rung_kernel_call *call) {
  return is_float8(call) ? run_float8(call) : run_product(call, &linear_places);
}

const rung_kernel rung_cpu_QLinearMatMul = {
    .types = {{'A', BYTES | RUNG_PRODUCT_F8},
              {'B', BYTES | RUNG_PRODUCT_F8},
              {'Y', BYTES | RUNG_PRODUCT_F8},
              {'S', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16)}},
    .state_size = sizeof(product_state),
    .pack = pack_QLinearMatMul,
    .prepare = prepare_QLinearMatMul,
    .run = run_QLinearMatMul};

#define PRODUCT_KERNEL(symbol, places, ...)                                                                          \
  static rung_status *pack_##symbol(rung_kernel_call *call, void **out) { return pack_product(call, &places, out); } \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return prepare_product(call, &places); }            \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_product(call, &places); }                    \
  const rung_kernel rung_cpu_##symbol = {.types = {__VA_ARGS__},                                                     \
                                         .state_size = sizeof(product_state),                                        \
                                         .pack = pack_##symbol,                                                      \
                                         .prepare = prepare_##symbol,                                                \
                                         .run = run_##symbol};
PRODUCT_KERNEL(MatMulInteger, integer_places, {'A', BYTES}, {'B', BYTES})
PRODUCT_KERNEL(QuantizedProduct, fused_places, {'A', BYTES}, {'B', BYTES}, {'C', BYTES},
               {'D', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_I32)})
PRODUCT_KERNEL(ms_MatMulIntegerToFloat, float_places, {'A', BYTES}, {'B', BYTES}, {'S', RUNG_SET(RUNG_F32)})

/* DynamicQuantizeMatMul: MatMulIntegerToFloat of A as DynamicQuantizeLinear sees it */

typedef struct dynamic_state {
  product_state product;
  size_t bytes_at, ranges_at; /* in scratch: A as bytes, and what finding its range needs */
} dynamic_state;

typedef struct dynamic_call {
  rung_kernel_call call;
  rung_value a, scale, zero, *inputs[7];
  float scale_data;
  uint8_t zero_data;
} dynamic_call;

static rung_status *make_dynamic(const rung_kernel_call *call, dynamic_call *d) {
  const rung_tensor *a = rung_in(call, 0);
  *d = (dynamic_call){.call = *call};
  rung_value *own[] = {&d->a, &d->scale, &d->zero};
  for (size_t i = 0; i < RUNG_COUNT(own); i++) own[i]->kind = RUNG_TENSOR;
  RUNG_TRY(rung_tensor_describe(RUNG_U8, a->rank, a->dims, &d->a.tensor));
  d->scale.tensor = (rung_tensor){.dtype = RUNG_F32, .data = &d->scale_data, .size = sizeof d->scale_data};
  d->zero.tensor = (rung_tensor){.dtype = RUNG_U8, .data = &d->zero_data, .size = sizeof d->zero_data};
  rung_value *inputs[7] = {&d->a, call->inputs[1], &d->scale, call->inputs[2], &d->zero, NULL, NULL};
  if (call->input_count > 3) inputs[5] = call->inputs[3];
  if (call->input_count > 4) inputs[6] = call->inputs[4];
  memcpy(d->inputs, inputs, sizeof inputs);
  d->call.inputs = d->inputs;
  d->call.input_count = RUNG_COUNT(inputs);
  return NULL;
}

static rung_status *pack_dynamic(rung_kernel_call *call, void **out) { return pack_product(call, &float_places, out); }

static rung_status *prepare_dynamic(rung_kernel_call *call) {
  dynamic_call d;
  dynamic_state *state = call->state;
  RUNG_TRY(make_dynamic(call, &d));
  RUNG_TRY(prepare_product(&d.call, &float_places));
  size_t total = d.call.scratch_size, count = rung_tensor_count(rung_in(call, 0));
  bool fits =
      add_space(&total, count, &state->bytes_at) && add_space(&total, rung_dynamic_scratch(count), &state->ranges_at);
  RUNG_REQUIRE(fits, LIMIT, "the product is too large");
  call->scratch_size = total;
  return NULL;
}

static rung_status *run_dynamic(rung_kernel_call *call) {
  dynamic_call d;
  const dynamic_state *state = call->state;
  const rung_tensor *a = rung_in(call, 0);
  char *scratch = call->scratch;
  RUNG_TRY(make_dynamic(call, &d));
  rung_quantization q = rung_dynamic_quantization(call, rung_tensor_count(a), a->data, scratch + state->ranges_at);
  d.a.tensor.data = scratch + state->bytes_at;
  rung_quantize(call, &q, RUNG_U8, rung_tensor_count(a), a->data, d.a.tensor.data);
  d.scale_data = q.scale;
  d.zero_data = (uint8_t)q.zero;
  return run_product(&d.call, &float_places);
}

const rung_kernel rung_cpu_ms_DynamicQuantizeMatMul = {.types = {{'B', BYTES}, {'S', RUNG_SET(RUNG_F32)}},
                                                       .state_size = sizeof(dynamic_state),
                                                       .pack = pack_dynamic,
                                                       .prepare = prepare_dynamic,
                                                       .run = run_dynamic};

/* QGemm: an integer product, to which C is added before it is scaled */

typedef struct gemm_state {
  product_state product;
  size_t a_at, b_at, sums_at; /* in scratch: A and B turned, the product */
} gemm_state;

typedef struct gemm_call {
  rung_kernel_call call;
  rung_product_params params;
  rung_value a, b, sums, *inputs[6], *output;
} gemm_call;

/* Does B go in turned? Else packing has turned it. */
static bool turns_b(const rung_kernel_call *call) {
  const rung_product_params *p = call->params;
  return p->transB && (!call->packed || rung_tensor_count(rung_in(call, 5)) > 1);
}

static rung_status *swap_dims(const rung_tensor *t, rung_value *out) {
  RUNG_RUN_REQUIRE(t->rank == 2, "an operand has rank %d, not 2", t->rank);
  out->kind = RUNG_TENSOR;
  return rung_tensor_describe(t->dtype, 2, (const int64_t[]){t->dims[1], t->dims[0]}, &out->tensor);
}

static rung_status *make_gemm(const rung_kernel_call *call, gemm_call *g) {
  *g = (gemm_call){.call = *call, .params = *(const rung_product_params *)call->params};
  memcpy(g->inputs, call->inputs, sizeof g->inputs);
  if (g->params.transA) {
    RUNG_TRY(swap_dims(rung_in(call, 0), &g->a));
    g->inputs[0] = &g->a;
  }
  if (turns_b(call)) {
    RUNG_TRY(swap_dims(rung_in(call, 3), &g->b));
    g->inputs[3] = &g->b;
    g->params.transB = 0;
    g->call.packed = NULL;
  }
  const rung_tensor *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(y, "the output is required");
  g->sums.kind = RUNG_TENSOR;
  RUNG_TRY(rung_tensor_describe(RUNG_I32, y->rank, y->dims, &g->sums.tensor));
  g->output = &g->sums;
  g->call.params = &g->params;
  g->call.inputs = g->inputs;
  g->call.input_count = RUNG_COUNT(g->inputs);
  g->call.outputs = &g->output;
  return NULL;
}

static rung_status *pack_gemm(rung_kernel_call *call, void **out) { return pack_product(call, &gemm_places, out); }

static rung_status *prepare_gemm(rung_kernel_call *call) {
  gemm_state *state = call->state;
  gemm_call g;
  RUNG_TRY(make_gemm(call, &g));
  RUNG_TRY(prepare_product(&g.call, &gemm_places));
  size_t total = g.call.scratch_size;
  bool fits = add_space(&total, g.a.tensor.size, &state->a_at) && add_space(&total, g.b.tensor.size, &state->b_at) &&
              add_space(&total, g.sums.tensor.size, &state->sums_at);
  RUNG_REQUIRE(fits, LIMIT, "the product is too large");
  call->scratch_size = total;
  return NULL;
}

static void turn_matrix(const rung_kernel_call *call, const rung_tensor *from, rung_tensor *to, void *data) {
  rung_strided plan;
  to->data = data;
  rung_strided_make(&plan, 1, 2, to->dims, (const int64_t[]){1, from->dims[1]}, (const int64_t[]){to->dims[1], 1});
  if (plan.count) rung_strided_run(call, &plan, from->data, data);
}

typedef struct scale_job {
  const rung_math *math;
  const rung_quantize_table *quantize;
  rung_requantize requantize;
  int32_t *sums;
  const int32_t *c; /* NULL: none */
  size_t n, c_row, c_column;
  rung_tensor *y;
} scale_job;

static void scale_rows(void *context, size_t begin, size_t end) {
  const scale_job *j = context;
  for (size_t row = begin; row < end; row++) {
    int32_t *sums = j->sums + row * j->n;
    for (size_t i = 0; i < j->n && j->c; i++)
      sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)j->c[row * j->c_row + i * j->c_column]);
    bool wide = j->y->dtype == RUNG_F32;
    rung_requantize_run(&j->requantize, j->math, j->quantize, j->n, sums, 0, true,
                        wide ? NULL : (uint8_t *)j->y->data + row * j->n);
    if (wide) memcpy((float *)j->y->data + row * j->n, sums, j->n * sizeof(float));
  }
}

static rung_status *spread_c(const rung_tensor *c, size_t m, size_t n, scale_job *j) {
  if (!c) return NULL;
  int64_t rows = c->rank == 2 ? c->dims[0] : 1, cols = c->rank ? c->dims[c->rank - 1] : 1;
  RUNG_RUN_REQUIRE(c->rank <= 2 && (rows == 1 || rows == (int64_t)m) && (cols == 1 || cols == (int64_t)n),
                   "C of %lld x %lld cannot be broadcast to %zu x %zu", (long long)rows, (long long)cols, m, n);
  j->c = c->data;
  j->c_column = cols == 1 ? 0 : 1;
  j->c_row = rows == 1 ? 0 : (size_t)cols;
  return NULL;
}

static rung_status *run_gemm(rung_kernel_call *call) {
  const gemm_state *state = call->state;
  const rung_product_params *p = call->params;
  rung_cpu_set features = rung_isa(call->host);
  char *scratch = call->scratch;
  const rung_tensor *b_scale = rung_in(call, 4);
  rung_quantization a, y = {1, 0};
  gemm_call g;
  RUNG_TRY(make_gemm(call, &g));
  if (g.inputs[0] == &g.a) turn_matrix(call, rung_in(call, 0), &g.a.tensor, scratch + state->a_at);
  if (g.inputs[3] == &g.b) turn_matrix(call, rung_in(call, 3), &g.b.tensor, scratch + state->b_at);
  g.sums.tensor.data = scratch + state->sums_at;
  RUNG_TRY(rung_quantization_read(call, 1, 2, &a));
  RUNG_RUN_REQUIRE(!rung_in(call, 8) || rung_in(call, 7), "y_zero_point is given, y_scale is not");
  if (rung_in(call, 7)) RUNG_TRY(rung_quantization_read(call, 7, 8, &y));
  size_t m = (size_t)g.sums.tensor.dims[0], n = (size_t)g.sums.tensor.dims[1];
  RUNG_RUN_REQUIRE(rung_tensor_count(b_scale) == 1 || rung_tensor_count(b_scale) == n,
                   "%zu scales of B for %zu columns", rung_tensor_count(b_scale), n);
  RUNG_TRY(run_product(&g.call, &gemm_places));
  float *scales = (float *)(scratch + state->product.lists_at);
  load_list(b_scale, 0, n, scales);
  for (size_t i = 0; i < n; i++) scales[i] = p->alpha * a.scale * scales[i] / y.scale;
  scale_job j = {.math = rung_math_for(features),
                 .quantize = rung_quantize_for(features),
                 .requantize = {.dtype = rung_out(call, 0)->dtype,
                                .scale = scales,
                                .scale_is_list = true,
                                .y_scale = 1,
                                .y_zero = y.zero},
                 .sums = g.sums.tensor.data,
                 .n = n,
                 .y = rung_out(call, 0)};
  RUNG_TRY(spread_c(rung_in(call, 6), m, n, &j));
  rung_kernel_parallel(call, m, rung_kernel_grain(n), scale_rows, &j);
  return NULL;
}

const rung_kernel rung_cpu_ms_QGemm = {.types = {{'A', BYTES}, {'B', BYTES}, {'Y', BYTES}},
                                       .state_size = sizeof(gemm_state),
                                       .pack = pack_gemm,
                                       .prepare = prepare_gemm,
                                       .run = run_gemm};
