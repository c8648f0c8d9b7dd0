#include "provider/cpu/form/cpu_math.h"

#include "provider/cpu/form/cpu_math_functions.h"

#define UNARY_LOOP(name, NAME, T)                                                  \
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
#define LOOP_TO(name, NAME, T, R)                                                                                  \
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
#define BINARY_LOOP(name, NAME, T) LOOP_TO(name, NAME, T, T)
#define COMPARE_LOOP(name, NAME, T) LOOP_TO(name, NAME, T, uint8_t)

#define LOOPS(NAME, T)                        \
  RUNG_EACH_UNARY_MATH(UNARY_LOOP, NAME, T)   \
  RUNG_EACH_BINARY_MATH(BINARY_LOOP, NAME, T) \
  RUNG_EACH_COMPARE_MATH(COMPARE_LOOP, NAME, T)
LOOPS(F32, float)
LOOPS(F64, double)

const rung_math rung_math_f64 = {RUNG_MATH_TABLE(F64)};

const rung_math rung_math_c = {RUNG_MATH_TABLE(F32), .f16_to_f32 = rung_f16_to_f32_n, .f32_to_f16 = rung_f32_to_f16_n,
                               .bf16_to_f32 = bf16_to_f32, .f32_to_bf16 = f32_to_bf16};

#ifdef __x86_64__
extern const rung_math rung_math_avx2, rung_math_avx512;
#endif

const rung_math *rung_math_for(rung_cpu_set features) {
#ifdef __x86_64__
  if (features & RUNG_CPU_AVX512) return &rung_math_avx512;
  if (features & RUNG_CPU_AVX2) return &rung_math_avx2;
#endif
  (void)features;
  return &rung_math_c;
}
