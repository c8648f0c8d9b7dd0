/* Two loops in a row on each block: SwiGLU, and com.microsoft's Gelu with a bias, BiasAdd, BiasSplitGelu, GatedAdd,
 * ScaledSiLU, LinearAttentionGate. */
#include "op/elementwise.h"
#include "op/ms_gated.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/pointwise.h"
#include "provider/cpu/kernel/isa.h"

#define NARROW_FLOATS (RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F16) | RUNG_SET(RUNG_BF16))

/* Parameters of the loops below, which serve all types that `math` does. */
typedef struct gated {
  const rung_math *math;
  const void *params;
} gated;

static gated gated_of(const rung_kernel_call *call) {
  return (gated){rung_math_of(call, rung_in(call, 0)->dtype), call->params};
}

/* f(a + b), and swish(a) * b, which is not computed in place: b may be a. */
#define BIAS_LOOP(function)                                                                                          \
  static void bias_##function(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out, \
                              const void *p) {                                                                       \
    const gated *g = p;                                                                                              \
    g->math->binary[RUNG_MATH_add](n, a, a_step, b, b_step, out, NULL);                                              \
    g->math->unary[RUNG_MATH_##function](n, out, out, NULL);                                                         \
  }
BIAS_LOOP(gelu)
BIAS_LOOP(gelu_tanh)

static void swiglu(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out,
                   const void *p) {
  const gated *g = p;
  g->math->unary[RUNG_MATH_swish](a_step ? n : 1, a, out, g->params);
  g->math->binary[RUNG_MATH_mul](n, out, a_step, b, b_step, out, NULL);
}

static rung_status *run_SwiGLU(rung_kernel_call *call) {
  gated g = gated_of(call);
  return rung_binary_run(call, rung_in(call, 0), rung_in(call, 1), swiglu, &g, 3);
}

const rung_kernel rung_cpu_SwiGLU = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_SwiGLU};

static rung_status *run_BiasGelu(rung_kernel_call *call) {
  gated g = gated_of(call);
  return rung_binary_run(call, rung_in(call, 0), rung_in(call, 1), bias_gelu, &g, 3);
}

const rung_kernel rung_cpu_ms_BiasGelu = {
    .types = {{'T', RUNG_SET_FLOAT}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_BiasGelu};

static rung_status *run_FastGelu(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0), *bias = rung_in(call, 1);
  gated g = gated_of(call);
  if (!bias) return rung_unary_run(call, x, g.math->unary[RUNG_MATH_gelu_tanh], NULL, 2);
  return rung_binary_run(call, x, bias, bias_gelu_tanh, &g, 3);
}

const rung_kernel rung_cpu_ms_FastGelu = {
    .types = {{'T', RUNG_SET_FLOAT}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_FastGelu};

/* Rows of X with operands that repeat, block by block: in float32, rounded where operators in a row would round */

enum { BLOCK = 256 };

typedef struct row_job row_job;
struct row_job {
  const rung_kernel_call *call;
  const rung_math *math;
  /* Elements [at, at + count) of a row of outputs. */
  void (*block)(const row_job *job, size_t row, size_t at, size_t count);
  size_t n; /* of a row of outputs */
  float scale;
};

static void run_blocks(void *context, size_t begin, size_t end) {
  const row_job *j = context;
  for (size_t row = begin; row < end; row++)
    for (size_t at = 0; at < j->n; at += BLOCK) j->block(j, row, at, RUNG_MIN(j->n - at, (size_t)BLOCK));
}

static void load(const row_job *j, uint32_t input, size_t at, size_t count, float *to) {
  const rung_tensor *t = rung_in(j->call, input);
  rung_load_f32(t->dtype, t->data, at, 1, count, to);
}
static void store(const row_job *j, uint32_t output, size_t at, size_t count, const float *from) {
  rung_tensor *t = rung_out(j->call, output);
  if (t) rung_store_f32(t->dtype, t->data, at, 1, count, from);
}

/* As a tensor of the first output's type would hold it. */
static void round_block(const row_job *j, size_t count, float *x) {
  uint16_t narrow[BLOCK];
  rung_dtype dtype = rung_in(j->call, 0)->dtype;
  if (dtype == RUNG_F32) return;
  rung_store_f32(dtype, narrow, 0, 1, count, x);
  rung_load_f32(dtype, narrow, 0, 1, count, x);
}

static void add(const row_job *j, size_t count, const float *more, float *x) {
  j->math->binary[RUNG_MATH_add](count, x, 1, more, 1, x, NULL);
}
/* `step`: of `by`; 0: one number. */
static void scale(const row_job *j, size_t count, const float *by, ptrdiff_t step, float *x) {
  j->math->binary[RUNG_MATH_mul](count, x, 1, by, step, x, NULL);
}

/* `n` elements of output for every `per_row` of the first input. */
static rung_status *run_rows(rung_kernel_call *call, void (*block)(const row_job *, size_t, size_t, size_t), size_t n,
                             size_t per_row) {
  row_job j = {call, rung_math_for(rung_isa(call->host)), block, n, 1};
  size_t rows = per_row ? rung_tensor_count(rung_in(call, 0)) / per_row : 0;
  rung_kernel_parallel(call, rows, rung_kernel_grain(per_row), run_blocks, &j);
  return NULL;
}

static rung_status *require_like(const rung_kernel_call *call, uint32_t input, const char *name) {
  const rung_tensor *t = rung_in(call, input);
  RUNG_RUN_REQUIRE(!t || rung_tensor_same_shape(t, rung_in(call, 0)), "%s is not shaped like the first input", name);
  return NULL;
}

static rung_status *last_dim(const rung_tensor *x, size_t *out_n) {
  RUNG_RUN_REQUIRE(x->rank >= 1, "the input is a scalar");
  *out_n = (size_t)x->dims[x->rank - 1];
  return NULL;
}

/* BiasAdd: the sum with another tensor. BiasSplitGelu: gelu of one half times the other */

static void sum_block(const row_job *j, size_t row, size_t at, size_t count) {
  float x[BLOCK], more[BLOCK];
  load(j, 0, row * j->n + at, count, x);
  load(j, 1, at, count, more);
  add(j, count, more, x);
  load(j, 2, row * j->n + at, count, more);
  add(j, count, more, x);
  store(j, 0, row * j->n + at, count, x);
}

static void halves_block(const row_job *j, size_t row, size_t at, size_t count) {
  float part[2][BLOCK], more[BLOCK];
  for (size_t k = 0; k < 2; k++) {
    load(j, 0, (2 * row + k) * j->n + at, count, part[k]);
    load(j, 1, k * j->n + at, count, more);
    add(j, count, more, part[k]);
  }
  j->math->unary[RUNG_MATH_gelu](count, part[1], part[1], NULL);
  scale(j, count, part[1], 1, part[0]);
  store(j, 0, row * j->n + at, count, part[0]);
}

static rung_status *check_bias(const rung_kernel_call *call, size_t *out_n) {
  size_t biases = rung_tensor_count(rung_in(call, 1));
  RUNG_TRY(last_dim(rung_in(call, 0), out_n));
  RUNG_RUN_REQUIRE(biases == *out_n, "%zu biases for rows of %zu", biases, *out_n);
  return NULL;
}

static rung_status *run_BiasAdd(rung_kernel_call *call) {
  size_t n;
  RUNG_TRY(check_bias(call, &n));
  RUNG_TRY(require_like(call, 2, "skip"));
  return run_rows(call, sum_block, n, n);
}

static rung_status *run_BiasSplitGelu(rung_kernel_call *call) {
  size_t n;
  RUNG_TRY(check_bias(call, &n));
  return run_rows(call, halves_block, n / 2, n);
}

const rung_kernel rung_cpu_ms_BiasAdd = {
    .types = {{'T', NARROW_FLOATS}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_BiasAdd};
const rung_kernel rung_cpu_ms_BiasSplitGelu = {.types = {{'T', NARROW_FLOATS}}, .run = run_BiasSplitGelu};

/* GatedAdd, ScaledSiLU */

static void gated_add_block(const row_job *j, size_t row, size_t at, size_t count) {
  float x[BLOCK], more[BLOCK], gate;
  load(j, 2, row, 1, &gate);
  load(j, 1, row * j->n + at, count, more);
  scale(j, count, &gate, 0, more);
  round_block(j, count, more);
  load(j, 0, row * j->n + at, count, x);
  add(j, count, more, x);
  store(j, 0, row * j->n + at, count, x);
}

static rung_status *run_GatedAdd(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0), *gate = rung_in(call, 2);
  size_t n;
  RUNG_TRY(last_dim(x, &n));
  RUNG_TRY(require_like(call, 1, "Y"));
  bool fits = gate->rank == x->rank && gate->dims[x->rank - 1] == 1;
  for (int32_t i = 0; i < x->rank - 1 && fits; i++) fits = gate->dims[i] == x->dims[i];
  RUNG_RUN_REQUIRE(fits, "the gate does not have one element for every row of X");
  return run_rows(call, gated_add_block, n, n);
}

static void silu_block(const row_job *j, size_t row, size_t at, size_t count) {
  float x[BLOCK], gate[BLOCK];
  (void)row;
  load(j, 0, at, count, x);
  scale(j, count, &j->scale, 0, x);
  round_block(j, count, x);
  j->math->unary[RUNG_MATH_sigmoid](count, x, gate, NULL);
  round_block(j, count, gate);
  scale(j, count, gate, 1, x);
  store(j, 0, at, count, x);
}

/* Rows mean nothing here: pieces of the tensor are those of the parallel loop. */
static void run_silu(void *context, size_t begin, size_t end) {
  for (size_t at = begin; at < end; at += BLOCK) silu_block(context, 0, at, RUNG_MIN(end - at, (size_t)BLOCK));
}

static rung_status *run_ScaledSiLU(rung_kernel_call *call) {
  const rung_tensor *given = rung_in(call, 1);
  row_job j = {.call = call, .math = rung_math_for(rung_isa(call->host))};
  j.scale = ((const rung_scaled_silu_params *)call->params)->alpha;
  RUNG_RUN_REQUIRE(!given || given->rank == 0, "the scale has rank %d, it must be a scalar", given ? given->rank : 0);
  if (given) load(&j, 1, 0, 1, &j.scale);
  rung_kernel_parallel(call, rung_tensor_count(rung_in(call, 0)), rung_kernel_grain(3), run_silu, &j);
  return NULL;
}

const rung_kernel rung_cpu_ms_GatedAdd = {
    .types = {{'T', NARROW_FLOATS}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_GatedAdd};
const rung_kernel rung_cpu_ms_ScaledSiLU = {
    .types = {{'T', NARROW_FLOATS}, {'M', NARROW_FLOATS}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_ScaledSiLU};

/* LinearAttentionGate */

static void gate_block(const row_job *j, size_t row, size_t at, size_t count) {
  float x[BLOCK], more[BLOCK];
  load(j, 0, row * j->n + at, count, x);
  load(j, 1, at, count, more);
  add(j, count, more, x);
  j->math->unary[RUNG_MATH_softplus](count, x, x, NULL);
  load(j, 2, at, count, more);
  scale(j, count, more, 1, x);
  store(j, 0, row * j->n + at, count, x);
  if (!rung_out(j->call, 1)) return;
  load(j, 3, row * j->n + at, count, x);
  j->math->unary[RUNG_MATH_sigmoid](count, x, x, NULL);
  store(j, 1, row * j->n + at, count, x);
}

static rung_status *run_LinearAttentionGate(rung_kernel_call *call) {
  size_t n;
  RUNG_TRY(last_dim(rung_in(call, 0), &n));
  for (uint32_t i = 1; i <= 2; i++)
    RUNG_RUN_REQUIRE(rung_tensor_count(rung_in(call, i)) == n, "input %u has %zu elements for rows of %zu", i,
                     rung_tensor_count(rung_in(call, i)), n);
  RUNG_TRY(require_like(call, 3, "b"));
  return run_rows(call, gate_block, n, n);
}

const rung_kernel rung_cpu_ms_LinearAttentionGate = {.types = {{'T', NARROW_FLOATS}}, .run = run_LinearAttentionGate};
