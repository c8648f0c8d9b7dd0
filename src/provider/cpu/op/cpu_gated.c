/* Two loops in a row on each block: SwiGLU, and com.microsoft's Gelu with a bias, BiasAdd, BiasSplitGelu. */
#include "op/elementwise.h"

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

/* Rows of X with a bias: the sum with another tensor, and gelu of one half times the other */

typedef struct bias_job {
  const rung_tensor *x, *bias, *skip; /* skip: BiasAdd only */
  rung_tensor *y;
  const rung_math *math;
  size_t n; /* of a row of X */
} bias_job;

static void run_sums(void *context, size_t begin, size_t end) {
  enum { BLOCK = 256 };
  const bias_job *j = context;
  float x[BLOCK], more[BLOCK];
  for (size_t row = begin; row < end; row++)
    for (size_t at = 0; at < j->n; at += BLOCK) {
      size_t count = RUNG_MIN(j->n - at, (size_t)BLOCK), from = row * j->n + at;
      rung_load_f32(j->x->dtype, j->x->data, from, 1, count, x);
      rung_load_f32(j->bias->dtype, j->bias->data, at, 1, count, more);
      for (size_t i = 0; i < count; i++) x[i] += more[i];
      rung_load_f32(j->skip->dtype, j->skip->data, from, 1, count, more);
      for (size_t i = 0; i < count; i++) x[i] += more[i];
      rung_store_f32(j->y->dtype, j->y->data, from, 1, count, x);
    }
}

static void run_halves(void *context, size_t begin, size_t end) {
  enum { BLOCK = 256 };
  const bias_job *j = context;
  size_t half = j->n / 2;
  float part[2][BLOCK], more[BLOCK];
  for (size_t row = begin; row < end; row++)
    for (size_t at = 0; at < half; at += BLOCK) {
      size_t count = RUNG_MIN(half - at, (size_t)BLOCK);
      for (size_t k = 0; k < 2; k++) {
        rung_load_f32(j->x->dtype, j->x->data, row * j->n + k * half + at, 1, count, part[k]);
        rung_load_f32(j->bias->dtype, j->bias->data, k * half + at, 1, count, more);
        for (size_t i = 0; i < count; i++) part[k][i] += more[i];
      }
      j->math->unary[RUNG_MATH_gelu](count, part[1], part[1], NULL);
      for (size_t i = 0; i < count; i++) part[0][i] *= part[1][i];
      rung_store_f32(j->y->dtype, j->y->data, row * half + at, 1, count, part[0]);
    }
}

static rung_status *run_bias(rung_kernel_call *call, const rung_tensor *skip, void (*fn)(void *, size_t, size_t)) {
  bias_job j = {rung_in(call, 0), rung_in(call, 1), skip, rung_out(call, 0), rung_math_for(rung_isa(call->host)), 0};
  j.n = j.x->rank ? (size_t)j.x->dims[j.x->rank - 1] : 0;
  RUNG_RUN_REQUIRE(j.x->rank >= 1 && rung_tensor_count(j.bias) == j.n, "%zu biases for rows of %zu",
                   rung_tensor_count(j.bias), j.n);
  RUNG_RUN_REQUIRE(!skip || rung_tensor_same_shape(skip, j.x), "skip is not shaped like X");
  size_t rows = j.n ? rung_tensor_count(j.x) / j.n : 0;
  rung_kernel_parallel(call, rows, rung_kernel_grain(j.n), fn, &j);
  return NULL;
}

static rung_status *run_BiasAdd(rung_kernel_call *call) { return run_bias(call, rung_in(call, 2), run_sums); }
static rung_status *run_BiasSplitGelu(rung_kernel_call *call) { return run_bias(call, NULL, run_halves); }

const rung_kernel rung_cpu_ms_BiasAdd = {
    .types = {{'T', NARROW_FLOATS}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_BiasAdd};
const rung_kernel rung_cpu_ms_BiasSplitGelu = {.types = {{'T', NARROW_FLOATS}}, .run = run_BiasSplitGelu};
