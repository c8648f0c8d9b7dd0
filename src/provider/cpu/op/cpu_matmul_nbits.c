/* MatMulNBits, MatMulBnb4: products in float32 with B kept as codes; panels of it are made floats when a task needs
 * them, and for a single row only in registers. MatMulNBits with accuracy_level 4 quantises A, and multiplies int8. */
#include "op/ms_nbits.h"

#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/form/nbits.h"
#include "provider/cpu/form/product_nbits.h"
#include "provider/cpu/kernel/isa.h"

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

/* The product of rows of A. */
static rung_status *plan_rows(const rung_kernel_call *call, size_t n, size_t k, rung_gemm_fill fill,
                              rung_gemm_multiply multiply, rung_gemm *g, size_t *out_scratch) {
  const rung_tensor *a = rung_in(call, 0), *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(y && a->rank >= 1 && a->dims[a->rank - 1] == (int64_t)k, "A has no rows of %zu elements", k);
  *g = (rung_gemm){.m = rung_tensor_count(a) / k,
                   .n = n,
                   .k = k,
                   .alpha = 1,
                   .fill_b = fill,
                   .multiply_b = multiply,
                   .a = {a->dtype, k, 1},
                   .c = {y->dtype, n, 1}};
  rung_gemm_plan(call, g);
  RUNG_REQUIRE(rung_gemm_scratch(g, out_scratch) && *out_scratch < SIZE_MAX / 4, LIMIT, "the product is too large");
  return NULL;
}

/* MatMulNBits */

typedef struct nbits_state {
  rung_nbits plan;
  rung_nbits_i8_plan narrow;
  bool is_i8;
  rung_gemm gemm;
  size_t packed_at, bias_at; /* in scratch */
} nbits_state;

static rung_status *make_plan(const rung_kernel_call *call, rung_nbits *plan) {
  const rung_matmul_nbits_params *p = call->params;
  RUNG_REQUIRE(
      rung_nbits_make(rung_isa(call->host), (size_t)p->N, (size_t)p->K, (size_t)p->bits, (size_t)p->block_size, plan),
      LIMIT, "weights are too large");
  return NULL;
}

enum { ACCURACY_INT8 = 4 };

/* Of an input that may be left out: is it known before the run? */
static bool is_constant(const rung_node *node, uint32_t input, bool if_absent) {
  const rung_value_info *value = input < node->input_count ? node->inputs[input] : NULL;
  return value ? value->constant != NULL : if_absent;
}

/* May A be quantised, and can it? The node tells alone: weights are packed before the run, and those that are not known
 * then are not worth it. */
static bool make_narrow(const rung_host *host, const rung_node *node, rung_nbits_i8_plan *plan) {
  const rung_matmul_nbits_params *p = node->params;
  bool zeros = RUNG_NBITS_ZEROS < node->input_count && node->inputs[RUNG_NBITS_ZEROS];
  bool constant = is_constant(node, RUNG_NBITS_B, false) && is_constant(node, RUNG_NBITS_SCALES, false) &&
                  is_constant(node, RUNG_NBITS_ZEROS, true);
  if (p->accuracy_level != ACCURACY_INT8 || !constant) return false;
  if (RUNG_NBITS_GROUPS < node->input_count && node->inputs[RUNG_NBITS_GROUPS]) return false;
  if (zeros && node->inputs[RUNG_NBITS_ZEROS]->type.dtype != RUNG_U8) return false;
  return rung_nbits_i8_make(rung_isa(host), (size_t)p->N, (size_t)p->K, (size_t)p->bits, (size_t)p->block_size, plan);
}

static bool is_narrow(const rung_host *host, const rung_node *node) {
  rung_nbits_i8_plan plan;
  return make_narrow(host, node, &plan);
}

static rung_status *require_count(const rung_tensor *t, const char *name, size_t count) {
  RUNG_RUN_REQUIRE(!t || rung_tensor_count(t) == count, "%s has %zu elements, %zu are expected", name,
                   rung_tensor_count(t), count);
  return NULL;
}

static rung_status *check_operands(const rung_kernel_call *call, const rung_nbits *plan) {
  const rung_tensor *zeros = rung_in(call, RUNG_NBITS_ZEROS), *groups = rung_in(call, RUNG_NBITS_GROUPS);
  bool packed = zeros && zeros->dtype == RUNG_U8;
  RUNG_TRY(require_count(rung_in(call, RUNG_NBITS_B), "B", plan->n * rung_nbits_code_bytes(plan)));
  RUNG_TRY(require_count(rung_in(call, RUNG_NBITS_SCALES), "scales", plan->n * plan->blocks));
  RUNG_TRY(require_count(zeros, "zero_points", plan->n * (packed ? rung_nbits_zero_bytes(plan) : plan->blocks)));
  RUNG_TRY(require_count(rung_in(call, RUNG_NBITS_BIAS), "bias", plan->n));
  RUNG_RUN_REQUIRE(!groups || rung_tensor_count(groups) >= plan->k, "g_idx has %zu elements for %zu rows",
                   groups ? rung_tensor_count(groups) : 0, plan->k);
  return NULL;
}

static void pack_all(const rung_kernel_call *call, const rung_nbits *plan, const rung_nbits_i8_plan *narrow,
                     void *packed) {
  rung_nbits_source source = {.codes = rung_in(call, RUNG_NBITS_B)->data,
                              .scales = rung_in(call, RUNG_NBITS_SCALES),
                              .zeros = rung_in(call, RUNG_NBITS_ZEROS)};
  if (narrow)
    rung_nbits_i8_pack(narrow, &source, packed);
  else
    rung_nbits_pack(plan, &source, packed);
}

/* When codes, scales and zeros are all constant. */
static rung_status *pack_nbits(rung_kernel_call *call, void **out_packed) {
  rung_nbits plan;
  rung_nbits_i8_plan narrow;
  bool zeros = RUNG_NBITS_ZEROS < call->node->input_count && call->node->inputs[RUNG_NBITS_ZEROS];
  if (!rung_in(call, RUNG_NBITS_B) || !rung_in(call, RUNG_NBITS_SCALES)) return NULL;
  if (zeros && !rung_in(call, RUNG_NBITS_ZEROS)) return NULL;
  RUNG_TRY(make_plan(call, &plan));
  RUNG_TRY(check_operands(call, &plan));
  bool is_i8 = make_narrow(call->host, call->node, &narrow);
  *out_packed = rung_alloc_data(call->host->allocator, RUNG_MAX(is_i8 ? narrow.size : plan.size, 1), "weights");
  RUNG_CHECK_ALLOC(*out_packed);
  pack_all(call, &plan, is_i8 ? &narrow : NULL, *out_packed);
  return NULL;
}

static bool add_space(size_t *total, size_t bytes, size_t *out_at) {
  *out_at = RUNG_ROUND_UP(*total, RUNG_TENSOR_ALIGN);
  return bytes < SIZE_MAX / 4 && rung_add_size(*out_at, bytes, total);
}

static rung_status *prepare_nbits(rung_kernel_call *call) {
  nbits_state *state = call->state;
  const rung_tensor *bias = rung_in(call, RUNG_NBITS_BIAS);
  RUNG_TRY(make_plan(call, &state->plan));
  RUNG_TRY(check_operands(call, &state->plan));
  RUNG_TRY(plan_rows(call, state->plan.n, state->plan.k, rung_nbits_fill, rung_nbits_multiply, &state->gemm,
                     &call->scratch_size));
  state->is_i8 = call->packed && make_narrow(call->host, call->node, &state->narrow);
  if (state->is_i8)
    RUNG_REQUIRE(rung_nbits_i8_scratch(&state->narrow, state->gemm.m, &call->scratch_size), LIMIT,
                 "the product is too large");
  bool fits = add_space(&call->scratch_size, call->packed ? 0 : state->plan.size, &state->packed_at) &&
              add_space(&call->scratch_size, bias ? state->plan.n * sizeof(float) : 0, &state->bias_at);
  RUNG_REQUIRE(fits, LIMIT, "the product is too large");
  return NULL;
}

static rung_status *check_groups(const rung_tensor *groups, const rung_nbits *plan) {
  for (size_t k = 0; groups && k < plan->k; k++) {
    int32_t group = ((const int32_t *)groups->data)[k];
    RUNG_RUN_REQUIRE(group >= 0 && (size_t)group < plan->blocks, "g_idx holds %d, there are %zu blocks", group,
                     plan->blocks);
  }
  return NULL;
}

static rung_status *run_nbits(rung_kernel_call *call) {
  const nbits_state *state = call->state;
  const rung_tensor *groups = rung_in(call, RUNG_NBITS_GROUPS), *bias = rung_in(call, RUNG_NBITS_BIAS);
  char *scratch = call->scratch;
  rung_nbits_matrix matrix = {&state->plan, call->packed, groups ? groups->data : NULL};
  RUNG_TRY(check_groups(groups, &state->plan));
  if (!matrix.packed) {
    pack_all(call, &state->plan, NULL, scratch + state->packed_at);
    matrix.packed = scratch + state->packed_at;
  }
  rung_gemm_run run = {
      .a = rung_in(call, 0)->data, .b = &matrix, .c = rung_out(call, 0)->data, .epilogue = {.residual_scale = 1}};
  if (bias) {
    float *floats = (float *)(scratch + state->bias_at);
    rung_load_f32(bias->dtype, bias->data, 0, 1, state->plan.n, floats);
    run.epilogue.bias = floats;
  }
  if (state->is_i8)
    rung_nbits_i8_run(call, &state->narrow, matrix.packed, rung_in(call, 0), run.epilogue.bias, rung_out(call, 0),
                      scratch);
  else
    rung_gemm_run_all(call, &state->gemm, &run, scratch);
  return NULL;
}

static const char *refuse_nbits(const rung_node *node, rung_reason *out_reason) {
  if (((const rung_matmul_nbits_params *)node->params)->weight_prepacked == 0) return NULL;
  *out_reason = RUNG_REASON_ATTRIBUTE;
  return "weights in another provider's layout (weight_prepacked)";
}

const rung_kernel rung_cpu_ms_MatMulNBits = {
    .types = {{'T', NARROW_FLOATS}, {'Z', NARROW_FLOATS | RUNG_SET(RUNG_U8)}},
    .packs = 1 << RUNG_NBITS_B | 1 << RUNG_NBITS_SCALES | 1 << RUNG_NBITS_ZEROS,
    .state_size = sizeof(nbits_state),
    .refuse = refuse_nbits,
    .is_narrow = is_narrow,
    .pack = pack_nbits,
    .prepare = prepare_nbits,
    .run = run_nbits};

/* MatMulBnb4. The tables are those of the bitsandbytes library: FP4 with a sign, two bits of exponent and one of
 * mantissa, on [-1, 1]; NF4 the quantiles of a normal distribution. */

static const float fp4[16] = {0.0f,  5.208333333e-03f,  0.66666667f,  1.0f,  0.33333333f,  0.5f,  0.16666667f,  0.25f,
                              -0.0f, -5.208333333e-03f, -0.66666667f, -1.0f, -0.33333333f, -0.5f, -0.16666667f, -0.25f};
static const float nf4[16] = {-1.0f,
                              -0.6961928009986877f,
                              -0.5250730514526367f,
                              -0.39491748809814453f,
                              -0.28444138169288635f,
                              -0.18477343022823334f,
                              -0.09105003625154495f,
                              0.0f,
                              0.07958029955625534f,
                              0.16093020141124725f,
                              0.24611230194568634f,
                              0.33791524171829224f,
                              0.44070982933044434f,
                              0.5626170039176941f,
                              0.7229568362236023f,
                              1.0f};

/* B as a product sees it: element (row, column) is number row * row_step + column * column_step of the codes. */
typedef struct bnb4_matrix {
  const uint8_t *codes;
  const rung_tensor *absmax;
  const float *table;
  size_t block, row_step, column_step, columns;
} bnb4_matrix;

static void fill_bnb4(const void *b, size_t column, size_t width, size_t from, size_t depth, float *to) {
  const bnb4_matrix *m = b;
  size_t columns = RUNG_MIN(width, m->columns - column);
  memset(to, 0, depth * width * sizeof *to);
  for (size_t c = 0; c < columns; c++)
    for (size_t k = 0; k < depth; k++) {
      size_t at = (from + k) * m->row_step + (column + c) * m->column_step;
      float scale;
      rung_load_f32(m->absmax->dtype, m->absmax->data, at / m->block, 1, 1, &scale);
      to[k * width + c] = m->table[at % 2 ? m->codes[at / 2] & 15 : m->codes[at / 2] >> 4] * scale;
    }
}

static rung_status *prepare_bnb4(rung_kernel_call *call) {
  const rung_matmul_bnb4_params *p = call->params;
  size_t n = (size_t)p->N, k = (size_t)p->K, count = n * k;
  RUNG_TRY(require_count(rung_in(call, 1), "B", RUNG_DIV_UP(count, 2)));
  RUNG_TRY(require_count(rung_in(call, 2), "absmax", RUNG_DIV_UP(count, (size_t)p->block_size)));
  return plan_rows(call, p->transB ? n : k, p->transB ? k : n, fill_bnb4, NULL, call->state, &call->scratch_size);
}

static rung_status *run_bnb4(rung_kernel_call *call) {
  const rung_matmul_bnb4_params *p = call->params;
  const rung_gemm *gemm = call->state;
  bnb4_matrix matrix = {.codes = rung_in(call, 1)->data,
                        .absmax = rung_in(call, 2),
                        .table = p->quant_type == RUNG_BNB4_FP4 ? fp4 : nf4,
                        .block = (size_t)p->block_size,
                        .row_step = p->transB ? 1 : (size_t)p->K,
                        .column_step = p->transB ? (size_t)p->K : 1,
                        .columns = gemm->n};
  rung_gemm_run run = {
      .a = rung_in(call, 0)->data, .b = &matrix, .c = rung_out(call, 0)->data, .epilogue = {.residual_scale = 1}};
  rung_gemm_run_all(call, gemm, &run, call->scratch);
  return NULL;
}

const rung_kernel rung_cpu_ms_MatMulBnb4 = {
    .types = {{'T', NARROW_FLOATS}}, .state_size = sizeof(rung_gemm), .prepare = prepare_bnb4, .run = run_bnb4};
