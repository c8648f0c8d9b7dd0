/* Functions of one element: elementary functions, activations, classification. */
#include "op/elementwise.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/pointwise.h"

#include <math.h>

#define UNARY_KERNEL(symbol, set, ...)                       \
  static rung_status *run_##symbol(rung_kernel_call *call) { \
    const rung_tensor *x = rung_in(call, 0);                 \
    __VA_ARGS__                                              \
  }                                                          \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', set}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_##symbol};

/* Functions of cpu_math.h, for floats only. */

#define MATH_KERNEL(symbol, function, nanoseconds)                                               \
  UNARY_KERNEL(symbol, RUNG_SET_FLOAT,                                                           \
               rung_unary_loop loop = rung_math_of(call, x->dtype)->unary[RUNG_MATH_##function]; \
               return rung_unary_run(call, x, loop, NULL, nanoseconds);)
MATH_KERNEL(Ceil, ceil, 1)
MATH_KERNEL(Exp, exp, 2)
MATH_KERNEL(Floor, floor, 1)
MATH_KERNEL(HardSwish, hard_swish, 1)
MATH_KERNEL(Log, log, 2)
MATH_KERNEL(Mish, mish, 2)
MATH_KERNEL(Reciprocal, reciprocal, 1)
MATH_KERNEL(Round, round, 1)
MATH_KERNEL(Sigmoid, sigmoid, 2)
MATH_KERNEL(Softplus, softplus, 3)
MATH_KERNEL(Softsign, softsign, 1)
MATH_KERNEL(Sqrt, sqrt, 1)
MATH_KERNEL(Tanh, tanh, 2)

/* With alpha and beta. */
#define PARAM_KERNEL(symbol, function, nanoseconds)                                              \
  UNARY_KERNEL(symbol, RUNG_SET_FLOAT,                                                           \
               rung_unary_loop loop = rung_math_of(call, x->dtype)->unary[RUNG_MATH_##function]; \
               const rung_unary_params *p = call->params; return rung_unary_run(call, x, loop, p, nanoseconds);)
PARAM_KERNEL(Celu, celu, 2)
PARAM_KERNEL(Elu, elu, 2)
PARAM_KERNEL(HardSigmoid, hard_sigmoid, 1)
PARAM_KERNEL(LeakyRelu, leaky_relu, 1)
PARAM_KERNEL(Selu, selu, 2)
PARAM_KERNEL(Swish, swish, 2)
PARAM_KERNEL(ThresholdedRelu, thresholded_relu, 1)
PARAM_KERNEL(ms_QuickGelu, swish, 2)

UNARY_KERNEL(Gelu, RUNG_SET_FLOAT, const rung_gelu_params *p = call->params;
             rung_unary_math function = p->approximate == RUNG_GELU_TANH ? RUNG_MATH_gelu_tanh : RUNG_MATH_gelu;
             return rung_unary_run(call, x, rung_math_of(call, x->dtype)->unary[function], NULL, 2);)

/* Functions of libm. */

#define FLOAT_KERNEL(symbol, narrow, name)                                                                      \
  RUNG_UNARY_LOOP(narrow, F32, float, float, , )                                                                \
  RUNG_UNARY_LOOP(name, F64, double, double, , )                                                                \
  UNARY_KERNEL(symbol, RUNG_SET_FLOAT, rung_unary_loop loop = x->dtype == RUNG_F64 ? name##_F64 : narrow##_F32; \
               return rung_unary_run(call, x, loop, NULL, 10);)
#define LIBM_KERNEL(symbol, name) FLOAT_KERNEL(symbol, name##f, name)

/* Some libm's functions of float are beyond 2 units in the last place here. */
static float acosh_by_double(float x) { return (float)acosh((double)x); }
FLOAT_KERNEL(Acosh, acosh_by_double, acosh)

LIBM_KERNEL(Acos, acos)
LIBM_KERNEL(Asin, asin)
LIBM_KERNEL(Asinh, asinh)
LIBM_KERNEL(Atan, atan)
LIBM_KERNEL(Atanh, atanh)
LIBM_KERNEL(Cos, cos)
LIBM_KERNEL(Cosh, cosh)
LIBM_KERNEL(Sin, sin)
LIBM_KERNEL(Sinh, sinh)
LIBM_KERNEL(Tan, tan)

/* Functions of integers, too. */

#define ABS_SIGNED(x) ((x) < 0 ? 0 - (uint64_t)(x) : (uint64_t)(x))
#define COPY(x) (x)
#define NEG(x) (0 - (x))
#define NOT(x) (~(x))
#define RELU(x) ((x) < 0 ? 0 : (x))
#define SIGN_SIGNED(x) (((x) > 0) - ((x) < 0))
#define SIGN_UNSIGNED(x) ((x) > 0)
/* 0 for 0, and 1 from 4 on, as float32 rounds; opset < 13 allows integers. */
#define ERF(x) ((int64_t)erff((float)(x)))

RUNG_EACH_SIGNED(RUNG_UNARY_LOOP, ABS_SIGNED)
RUNG_EACH_UNSIGNED(RUNG_UNARY_LOOP, COPY)
RUNG_EACH_WRAPPING(RUNG_UNARY_LOOP, NEG)
RUNG_EACH_WRAPPING(RUNG_UNARY_LOOP, NOT)
RUNG_EACH_SIGNED(RUNG_UNARY_LOOP, RELU)
RUNG_EACH_SIGNED(RUNG_UNARY_LOOP, SIGN_SIGNED)
RUNG_EACH_UNSIGNED(RUNG_UNARY_LOOP, SIGN_UNSIGNED)
RUNG_EACH_INTEGER(RUNG_UNARY_LOOP, ERF)

#define NUMERIC_KERNEL(symbol, set, function, nanoseconds, ...)                                                   \
  UNARY_KERNEL(symbol, set, static const rung_unary_loop loops[RUNG_DTYPE_NUMBERS] = {__VA_ARGS__};               \
               rung_unary_loop loop =                                                                             \
                   loops[x->dtype] ? loops[x->dtype] : rung_math_of(call, x->dtype)->unary[RUNG_MATH_##function]; \
               return rung_unary_run(call, x, loop, NULL, nanoseconds);)
NUMERIC_KERNEL(Abs, RUNG_SET_NUMERIC, abs, 1,
               RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, ABS_SIGNED) RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, COPY))
NUMERIC_KERNEL(Erf, RUNG_SET_NUMERIC, erf, 2, RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, ERF))
NUMERIC_KERNEL(Neg, RUNG_SET_FLOAT | RUNG_SET_SIGNED, neg, 1, RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, NEG))
NUMERIC_KERNEL(Relu, RUNG_SET_FLOAT | RUNG_SET_SIGNED, relu, 1, RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, RELU))
NUMERIC_KERNEL(Sign, RUNG_SET_NUMERIC, sign, 1,
               RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, SIGN_SIGNED) RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, SIGN_UNSIGNED))

UNARY_KERNEL(BitwiseNot, RUNG_SET_INTEGER,
             static const rung_unary_loop loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, NOT)};
             return rung_unary_run(call, x, loops[x->dtype], NULL, 1);)

/* Shrink: integers by way of double, as lambd and bias are floats. */

static double shrunk(double x, const rung_unary_params *p) {
  double lambd = (double)p->alpha, bias = (double)p->beta;
  return x < -lambd ? x + bias : x > lambd ? x - bias : 0;
}

#define SHRINK_LOOP(op, NAME, stored, computed, load, store)                                \
  static void op##_##NAME(size_t n, const void *in, void *out, const void *p) {             \
    const stored *x = in;                                                                   \
    stored *y = out;                                                                        \
    for (size_t i = 0; i < n; i++) y[i] = (stored)rung_f64_to_i64(shrunk((double)x[i], p)); \
  }
RUNG_EACH_INTEGER(SHRINK_LOOP, SHRINK)

UNARY_KERNEL(Shrink, RUNG_SET_NUMERIC,
             static const rung_unary_loop loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, SHRINK)};
             bool integer = RUNG_SET_INTEGER & RUNG_SET(x->dtype);
             rung_unary_loop loop = integer ? loops[x->dtype] : rung_math_of(call, x->dtype)->unary[RUNG_MATH_shrink];
             return rung_unary_run(call, x, loop, call->params, 1);)

/* Classification */

#define IS_NAN(x) ((x) != (x))
#define IS_INF(x) ((x) == INFINITY ? p->detect_positive != 0 : (x) == -INFINITY && p->detect_negative)
#define FLOAT8(X, op, NAME) X(op, NAME, uint8_t, float, load_##NAME, )
#define EACH_CLASSIFIED(X, op) \
  RUNG_EACH_FLOAT(X, op)       \
  FLOAT8(X, op, F8E4M3FN) FLOAT8(X, op, F8E4M3FNUZ) FLOAT8(X, op, F8E5M2) FLOAT8(X, op, F8E5M2FNUZ)
#define LOAD_FLOAT8(op, NAME, stored, computed, load, store) \
  static float load_##NAME(uint8_t code) { return rung_f8_to_f32(RUNG_##NAME, code); }
FLOAT8(LOAD_FLOAT8, , F8E4M3FN)
FLOAT8(LOAD_FLOAT8, , F8E4M3FNUZ)
FLOAT8(LOAD_FLOAT8, , F8E5M2)
FLOAT8(LOAD_FLOAT8, , F8E5M2FNUZ)

#define CLASSIFY_LOOP(op, NAME, stored, computed, load, store)                       \
  static void op##_##NAME(size_t n, const void *in, void *out, const void *params) { \
    const rung_isinf_params *p = params;                                             \
    const stored *x = in;                                                            \
    uint8_t *y = out;                                                                \
    (void)p;                                                                         \
    for (size_t i = 0; i < n; i++) y[i] = op((computed)load(x[i]));                  \
  }
EACH_CLASSIFIED(CLASSIFY_LOOP, IS_NAN)
EACH_CLASSIFIED(CLASSIFY_LOOP, IS_INF)

#define CLASSIFY_KERNEL(symbol, op)                                                                              \
  UNARY_KERNEL(symbol, RUNG_SET_FLOAT | (RUNG_SET_FLOAT8 & ~RUNG_SET(RUNG_F8E8M0)),                              \
               static const rung_unary_loop loops[RUNG_DTYPE_NUMBERS] = {EACH_CLASSIFIED(RUNG_TABLE_ENTRY, op)}; \
               return rung_unary_run(call, x, loops[x->dtype], call->params, 1);)
CLASSIFY_KERNEL(IsInf, IS_INF)
CLASSIFY_KERNEL(IsNaN, IS_NAN)
