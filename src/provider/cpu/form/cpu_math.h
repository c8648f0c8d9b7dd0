/* Loops over float32 and float64: one table of float32 loops per instruction set, all with the same bits.
 *
 * The functions are written once, in cpu_math_loops.h, and compiled with the flags of each set. They serve whole
 * tensors (form/pointwise.h) as well as rows and tiles of other kernels. */
#ifndef RUNG_CPU_FORM_CPU_MATH_H
#define RUNG_CPU_FORM_CPU_MATH_H

#include "base/cpu.h"

/* Functions of one element, with up to two parameters alpha and beta:
 *   clip: min(max(x, alpha), beta)     hard_sigmoid: min(max(alpha x + beta, 0), 1)    hard_swish: x hard_sigmoid(x)
 *   selu: beta * elu(x)                shrink: alpha is lambd, beta the bias           swish: x sigmoid(alpha x)
 * the others as ONNX has them. The output may be the input. */
/* clang-format off */
#define RUNG_EACH_UNARY_MATH(X, ...) \
  X(abs, __VA_ARGS__) X(ceil, __VA_ARGS__) X(celu, __VA_ARGS__) X(clip, __VA_ARGS__) X(elu, __VA_ARGS__) \
  X(erf, __VA_ARGS__) X(exp, __VA_ARGS__) X(floor, __VA_ARGS__) X(gelu, __VA_ARGS__) X(gelu_tanh, __VA_ARGS__) \
  X(hard_sigmoid, __VA_ARGS__) X(hard_swish, __VA_ARGS__) X(leaky_relu, __VA_ARGS__) X(log, __VA_ARGS__) \
  X(mish, __VA_ARGS__) X(neg, __VA_ARGS__) X(reciprocal, __VA_ARGS__) X(relu, __VA_ARGS__) \
  X(round, __VA_ARGS__) X(selu, __VA_ARGS__) X(shrink, __VA_ARGS__) X(sigmoid, __VA_ARGS__) \
  X(sign, __VA_ARGS__) X(softplus, __VA_ARGS__) X(softsign, __VA_ARGS__) X(sqrt, __VA_ARGS__) \
  X(swish, __VA_ARGS__) X(tanh, __VA_ARGS__) X(thresholded_relu, __VA_ARGS__)
/* clang-format on */

/* Functions of two elements. max and min give NaN when either is NaN; prelu: b is the slope. */
/* clang-format off */
#define RUNG_EACH_BINARY_MATH(X, ...) \
  X(add, __VA_ARGS__) X(div, __VA_ARGS__) X(max, __VA_ARGS__) X(min, __VA_ARGS__) X(mul, __VA_ARGS__) \
  X(prelu, __VA_ARGS__) X(sub, __VA_ARGS__)
/* clang-format on */

/* Comparisons: the output is uint8_t, 0 or 1. */
#define RUNG_EACH_COMPARE_MATH(X, ...) X(equal, __VA_ARGS__) X(less, __VA_ARGS__) X(less_or_equal, __VA_ARGS__)

#define RUNG_MATH_NAME(name, ...) RUNG_MATH_##name,
typedef enum rung_unary_math { RUNG_EACH_UNARY_MATH(RUNG_MATH_NAME, ) RUNG_UNARY_MATH_COUNT } rung_unary_math;
typedef enum rung_binary_math { RUNG_EACH_BINARY_MATH(RUNG_MATH_NAME, ) RUNG_BINARY_MATH_COUNT } rung_binary_math;
typedef enum rung_compare_math { RUNG_EACH_COMPARE_MATH(RUNG_MATH_NAME, ) RUNG_COMPARE_MATH_COUNT } rung_compare_math;

/* n elements. p: parameters; here two floats alpha and beta, not read by functions that have none. */
typedef void (*rung_unary_loop)(size_t n, const void *x, void *y, const void *p);
/* Steps are in elements: 1, or 0 for an operand that repeats. */
typedef void (*rung_binary_loop)(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out,
                                 const void *p);

typedef struct rung_math {
  rung_unary_loop unary[RUNG_UNARY_MATH_COUNT];
  rung_binary_loop binary[RUNG_BINARY_MATH_COUNT];
  rung_binary_loop compare[RUNG_COMPARE_MATH_COUNT];
  /* The two 16-bit floats as float, and back with one rounding. */
  void (*f16_to_f32)(size_t n, const uint16_t *from, float *to);
  void (*f32_to_f16)(size_t n, const float *from, uint16_t *to);
  void (*bf16_to_f32)(size_t n, const uint16_t *from, float *to);
  void (*f32_to_bf16)(size_t n, const float *from, uint16_t *to);
} rung_math;

/* float32: the best table for these features (rung_cpu_features(), less what a mask takes away). */
const rung_math *rung_math_for(rung_cpu_set features);
/* float64: conversions are not there. */
extern const rung_math rung_math_f64;

#endif
