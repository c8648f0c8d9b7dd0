/* Loops of float32 for one file per instruction set: RUNG_MATH_LOOPS(avx2) defines them.
 *
 * They go by blocks of a fixed number of elements, which compilers turn into whole vectors; the rest of a row is such
 * a block on the stack, or, when few, left to the loop in C. The output may be an input, but no part of one that is
 * moved.
 */
#ifndef RUNG_CPU_FORM_CPU_MATH_LOOPS_H
#define RUNG_CPU_FORM_CPU_MATH_LOOPS_H

#include "provider/cpu/form/cpu_math_functions.h"

#include <string.h>

enum { F_BLOCK = 32, F_SMALL_BLOCK = 8, F_FEW = 4 };

static RUNG_NEVER_INLINE void *fill_rest(float *rest, const float *from, size_t n) {
  memset(rest, 0, F_BLOCK * sizeof *rest);
  return memcpy(rest, from, n * sizeof *rest);
}
static RUNG_NEVER_INLINE void store_rest(float *to, const float *rest, size_t n) { memcpy(to, rest, n * sizeof *to); }

#define F_UNARY_LOOP(name, NAME)                                                                       \
  static void name##_##NAME(size_t n, const void *in, void *out, const void *p) {                      \
    const float *params = p, alpha = p ? params[0] : 0, beta = p ? params[1] : 0;                      \
    float rest[F_BLOCK];                                                                               \
    size_t i = 0;                                                                                      \
    (void)alpha, (void)beta;                                                                           \
    for (; i + F_FEW <= n; i += F_BLOCK) {                                                             \
      float *to = (float *)out + i;                                                                    \
      const float *from = (const float *)in + i;                                                       \
      if (n - i < F_BLOCK) from = to = fill_rest(rest, from, n - i);                                   \
      RUNG_INDEPENDENT                                                                                 \
      for (int k = 0; k < F_BLOCK; k++) {                                                              \
        const float x = from[k];                                                                       \
        to[k] = F_##name(float);                                                                       \
      }                                                                                                \
    }                                                                                                  \
    if (i > n) store_rest((float *)out + (i - F_BLOCK), rest, n + F_BLOCK - i);                        \
    if (i < n) rung_math_c.unary[RUNG_MATH_##name](n - i, (const float *)in + i, (float *)out + i, p); \
  }

/* Each pair of steps has its own loops. These functions are cheap: the rest goes by smaller blocks, then one by one. */
#define F_LOOP_TO(name, NAME, R)                                                                               \
  static void name##_##NAME(size_t n, const void *left, ptrdiff_t a_step, const void *right, ptrdiff_t b_step, \
                            void *out, const void *p) {                                                        \
    const float *x = left, *y = right;                                                                         \
    R *z = out;                                                                                                \
    const float first = n ? *x : 0, second = n ? *y : 0;                                                       \
    size_t i = 0;                                                                                              \
    (void)p;                                                                                                   \
    if (a_step && b_step) {                                                                                    \
      F_PAIRS(name, x[i + k], y[i + k])                                                                        \
    } else if (a_step) {                                                                                       \
      F_PAIRS(name, x[i + k], second)                                                                          \
    } else if (b_step) {                                                                                       \
      F_PAIRS(name, first, y[i + k])                                                                           \
    } else {                                                                                                   \
      F_BLOCKS(name, 1, first, second)                                                                         \
    }                                                                                                          \
  }
#define F_PAIRS(name, A, B)           \
  F_BLOCKS(name, F_BLOCK, A, B)       \
  F_BLOCKS(name, F_SMALL_BLOCK, A, B) \
  F_BLOCKS(name, 1, A, B)
#define F_BLOCKS(name, size, A, B)        \
  for (; i + (size) <= n; i += (size)) {  \
    RUNG_INDEPENDENT                      \
    for (size_t k = 0; k < (size); k++) { \
      const float a = A, b = B;           \
      z[i + k] = F_##name(float);         \
    }                                     \
  }
#define F_BINARY_LOOP(name, NAME) F_LOOP_TO(name, NAME, float)
#define F_COMPARE_LOOP(name, NAME) F_LOOP_TO(name, NAME, uint8_t)

#define RUNG_MATH_LOOPS(NAME)                \
  RUNG_EACH_UNARY_MATH(F_UNARY_LOOP, NAME)   \
  RUNG_EACH_BINARY_MATH(F_BINARY_LOOP, NAME) \
  RUNG_EACH_COMPARE_MATH(F_COMPARE_LOOP, NAME)

#endif
