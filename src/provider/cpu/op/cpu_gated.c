/* Two loops in a row on each block: SwiGLU, and com.microsoft's Gelu with a bias. */
#include "op/elementwise.h"

#include "provider/cpu/form/pointwise.h"

/* f(a + b), and swish(a) * b, which is not computed in place: b may be a. */
#define THEN(name, NAME, DTYPE, before, after)                                                                     \
  static void name##_##NAME(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out, \
                            const void *p) {                                                                       \
    (void)p;                                                                                                       \
    rung_binary_math_loop(before, DTYPE)(n, a, a_step, b, b_step, out, NULL);                                      \
    rung_unary_math_loop(after, DTYPE)(n, out, out, NULL);                                                         \
  }
THEN(bias_gelu, F32, RUNG_F32, RUNG_MATH_add, RUNG_MATH_gelu)
THEN(bias_gelu, F64, RUNG_F64, RUNG_MATH_add, RUNG_MATH_gelu)
THEN(bias_gelu_tanh, F32, RUNG_F32, RUNG_MATH_add, RUNG_MATH_gelu_tanh)
THEN(bias_gelu_tanh, F64, RUNG_F64, RUNG_MATH_add, RUNG_MATH_gelu_tanh)

#define SWIGLU(NAME, DTYPE)                                                                                        \
  static void swiglu_##NAME(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out, \
                            const void *p) {                                                                       \
    rung_unary_math_loop(RUNG_MATH_swish, DTYPE)(a_step ? n : 1, a, out, p);                                       \
    rung_binary_math_loop(RUNG_MATH_mul, DTYPE)(n, out, a_step, b, b_step, out, NULL);                             \
  }
SWIGLU(F32, RUNG_F32)
SWIGLU(F64, RUNG_F64)

static rung_status *run_SwiGLU(rung_kernel_call *call) {
  const rung_tensor *a = rung_in(call, 0);
  rung_binary_loop loop = a->dtype == RUNG_F64 ? swiglu_F64 : swiglu_F32;
  return rung_binary_run(call, a, rung_in(call, 1), loop, call->params, 3);
}

const rung_kernel rung_cpu_SwiGLU = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_SwiGLU};

static rung_status *run_BiasGelu(rung_kernel_call *call) {
  const rung_tensor *a = rung_in(call, 0);
  rung_binary_loop loop = a->dtype == RUNG_F64 ? bias_gelu_F64 : bias_gelu_F32;
  return rung_binary_run(call, a, rung_in(call, 1), loop, NULL, 3);
}

const rung_kernel rung_cpu_ms_BiasGelu = {
    .types = {{'T', RUNG_SET_FLOAT}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_BiasGelu};

static rung_status *run_FastGelu(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0), *bias = rung_in(call, 1);
  if (!bias) return rung_unary_run(call, x, rung_unary_math_loop(RUNG_MATH_gelu_tanh, x->dtype), NULL, 2);
  rung_binary_loop loop = x->dtype == RUNG_F64 ? bias_gelu_tanh_F64 : bias_gelu_tanh_F32;
  return rung_binary_run(call, x, bias, loop, NULL, 3);
}

const rung_kernel rung_cpu_ms_FastGelu = {
    .types = {{'T', RUNG_SET_FLOAT}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_FastGelu};
