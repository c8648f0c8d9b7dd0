/* The loops of cpu_math.h, for one file per instruction set: RUNG_MATH_LOOPS(F32, float) defines them, and
 * RUNG_MATH_TABLE(F32) fills unary, binary and compare of a rung_math. Loops over double call libm. */
#ifndef RUNG_CPU_FORM_CPU_MATH_LOOPS_H
#define RUNG_CPU_FORM_CPU_MATH_LOOPS_H

#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/form/fastmath.h"

/* The functions by the type of their argument. */
#define F_ABS(x) (_Generic((x), float: fabsf, default: fabs)(x))
#define F_CEIL(x) (_Generic((x), float: ceilf, default: ceil)(x))
#define F_ERF(x) (_Generic((x), float: rung_erf_f32, default: erf)(x))
#define F_EXP(x) (_Generic((x), float: rung_exp_f32, default: exp)(x))
#define F_EXPM1(x) (_Generic((x), float: rung_expm1_f32, default: expm1)(x))
#define F_FLOOR(x) (_Generic((x), float: floorf, default: floor)(x))
#define F_LOG(x) (_Generic((x), float: rung_log_f32, default: log)(x))
#define F_ROUND(x) (_Generic((x), float: rintf, default: rint)(x))
#define F_SQRT(x) (_Generic((x), float: sqrtf, default: sqrt)(x))
#define F_TANH(x) (_Generic((x), float: rung_tanh_f32, default: tanh)(x))
#define F_SIGMOID(x) (_Generic((x), float: rung_sigmoid_f32, default: rung_sigmoid_f64)(x))

/* Functions of double, as precise as T needs. */
#define F_WIDE_EXP(T) _Generic((T)0, float: rung_exp_wide, default: exp)
#define F_WIDE_LOG1P(T) _Generic((T)0, float: rung_log1p_wide, default: log1p)
#define F_WIDE_NORMAL(T) _Generic((T)0, float: rung_normal_wide, default: rung_normal_f64)
#define F_WIDE_SIGMOID(T) _Generic((T)0, float: rung_sigmoid_wide, default: rung_sigmoid_f64)

static inline double rung_sigmoid_f64(double x) {
  double e = exp(-fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
static inline double rung_normal_f64(double x) { return 0.5 * erfc(x * -0.70710678118654752440); }

/* Each function is an expression of x (or a and b), alpha and beta, all of type T. A comparison with NaN is false:
 * the operands stand so that a NaN in x comes through. */
#define F_abs(T) F_ABS(x)
#define F_ceil(T) F_CEIL(x)
#define F_celu(T) (x > 0 ? x : alpha * F_EXPM1(x / alpha))
#define F_clip(T) (F_MAX(x, alpha) > beta ? beta : F_MAX(x, alpha))
#define F_elu(T) (x < 0 ? alpha * F_EXPM1(x) : x)
#define F_erf(T) F_ERF(x)
#define F_exp(T) F_EXP(x)
#define F_floor(T) F_FLOOR(x)
#define F_gelu(T) ((T)(x * F_WIDE_NORMAL(T)(x)))
#define F_gelu_tanh(T) ((T)(x * F_WIDE_SIGMOID(T)(F_GELU_ARGUMENT((double)x))))
#define F_hard_sigmoid(T) F_UNIT(alpha *x + beta)
#define F_hard_swish(T) (x * F_UNIT(x * ((T)1 / 6) + (T)0.5))
#define F_leaky_relu(T) (x < 0 ? alpha * x : x)
#define F_log(T) F_LOG(x)
#define F_mish(T) ((T)(x * F_MISH(x, F_WIDE_EXP(T)(-fabs((double)x)))))
#define F_neg(T) (-x)
#define F_reciprocal(T) (1 / x)
#define F_relu(T) (x < 0 ? 0 : x)
#define F_round(T) F_ROUND(x)
#define F_selu(T) (beta * (x > 0 ? x : alpha * F_EXPM1(x)))
#define F_shrink(T) (x < -alpha ? x + beta : x > alpha ? x - beta : 0)
#define F_sigmoid(T) F_SIGMOID(x)
#define F_sign(T) (x > 0 ? 1 : x < 0 ? -1 : x)
#define F_softplus(T) ((T)(F_MAX(x, 0) + F_WIDE_LOG1P(T)(F_WIDE_EXP(T)(-fabs((double)x)))))
#define F_softsign(T) (x / (1 + F_ABS(x)))
#define F_sqrt(T) F_SQRT(x)
#define F_swish(T) ((T)(x * F_WIDE_SIGMOID(T)((double)alpha * x)))
#define F_tanh(T) F_TANH(x)
#define F_thresholded_relu(T) (x > alpha ? x : 0)

#define F_add(T) (a + b)
#define F_div(T) (a / b)
#define F_max(T) (a > b || a != a ? a : b)
#define F_min(T) (a < b || a != a ? a : b)
#define F_mul(T) (a * b)
#define F_prelu(T) (a < 0 ? a * b : a)
#define F_sub(T) (a - b)

#define F_equal(T) (a == b)
#define F_less(T) (a < b)
#define F_less_or_equal(T) (a <= b)

/* Parts of them. */
#define F_MAX(x, low) ((x) < (low) ? (low) : (x))
#define F_UNIT(x) (F_MAX(x, 0) > 1 ? 1 : F_MAX(x, 0))
/* 2 u, where 1/2 (1 + tanh(u)) = sigmoid(2 u): no digits are lost where tanh is near -1. */
#define F_GELU_ARGUMENT(x) (1.59576912160573071176 * ((x) + 0.044715 * (x) * (x) * (x)))
/* tanh(log(1 + e^x)), from e = e^-|x|. */
#define F_MISH(x, e) \
  ((x) > 0 ? (1 + 2 * (e)) / (1 + 2 * (e) + 2 * (e) * (e)) : ((e) * (e) + 2 * (e)) / ((e) * (e) + 2 * (e) + 2))

#define F_UNARY_LOOP(name, NAME, T)                                                \
  static void name##_##NAME(size_t n, const void *in, void *out, const void *p) {  \
    const float *params = p;                                                       \
    const T *from = in, alpha = p ? (T)params[0] : 0, beta = p ? (T)params[1] : 0; \
    T *to = out;                                                                   \
    (void)alpha, (void)beta;                                                       \
    for (size_t i = 0; i < n; i++) {                                               \
      const T x = from[i];                                                         \
      to[i] = F_##name(T);                                                         \
    }                                                                              \
  }

/* Each pair of steps has its own loop, so that the compiler vectorises it. */
#define F_LOOP_TO(name, NAME, T, R)                                                                                \
  static inline R name##_one_##NAME(T a, T b) { return F_##name(T); }                                              \
  static void name##_##NAME(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out, \
                            const void *p) {                                                                       \
    const T *x = a, *y = b;                                                                                        \
    R *z = out;                                                                                                    \
    const T first = n ? *x : 0, second = n ? *y : 0;                                                               \
    (void)p;                                                                                                       \
    if (a_step && b_step)                                                                                          \
      for (size_t i = 0; i < n; i++) z[i] = name##_one_##NAME(x[i], y[i]);                                         \
    else if (a_step)                                                                                               \
      for (size_t i = 0; i < n; i++) z[i] = name##_one_##NAME(x[i], second);                                       \
    else if (b_step)                                                                                               \
      for (size_t i = 0; i < n; i++) z[i] = name##_one_##NAME(first, y[i]);                                        \
    else                                                                                                           \
      for (size_t i = 0; i < n; i++) z[i] = name##_one_##NAME(first, second);                                      \
  }
#define F_BINARY_LOOP(name, NAME, T) F_LOOP_TO(name, NAME, T, T)
#define F_COMPARE_LOOP(name, NAME, T) F_LOOP_TO(name, NAME, T, uint8_t)

#define RUNG_MATH_LOOPS(NAME, T)                \
  RUNG_EACH_UNARY_MATH(F_UNARY_LOOP, NAME, T)   \
  RUNG_EACH_BINARY_MATH(F_BINARY_LOOP, NAME, T) \
  RUNG_EACH_COMPARE_MATH(F_COMPARE_LOOP, NAME, T)

#define F_ENTRY(name, NAME) name##_##NAME,
#define RUNG_MATH_TABLE(NAME)                                                                       \
  .unary = {RUNG_EACH_UNARY_MATH(F_ENTRY, NAME)}, .binary = {RUNG_EACH_BINARY_MATH(F_ENTRY, NAME)}, \
  .compare = {RUNG_EACH_COMPARE_MATH(F_ENTRY, NAME)}

static void bf16_to_f32(size_t n, const uint16_t *from, float *to) {
  for (size_t i = 0; i < n; i++) to[i] = rung_bf16_to_f32(from[i]);
}

static void f32_to_bf16(size_t n, const float *from, uint16_t *to) {
  for (size_t i = 0; i < n; i++) to[i] = rung_f32_to_bf16(from[i]);
}

#endif
