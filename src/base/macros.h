/* Compiler extensions live here and nowhere else outside SIMD kernels. */
#ifndef RUNG_BASE_MACROS_H
#define RUNG_BASE_MACROS_H

#if defined(__GNUC__) || defined(__clang__)
#define RUNG_MUST_CHECK __attribute__((warn_unused_result))
#define RUNG_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define RUNG_NEVER_NULL __attribute__((returns_nonnull))
#define RUNG_LIKELY(x) __builtin_expect(!!(x), 1)
#define RUNG_ALWAYS_INLINE static inline __attribute__((always_inline))
#define RUNG_NEVER_INLINE __attribute__((noinline))
/* Before a loop: no step reads what another one writes. */
#if defined(__clang__)
#define RUNG_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define RUNG_INDEPENDENT _Pragma("GCC ivdep")
#endif
#else
#define RUNG_MUST_CHECK
#define RUNG_PRINTF(text, first)
#define RUNG_NEVER_NULL
#define RUNG_LIKELY(x) (x)
#define RUNG_ALWAYS_INLINE static inline
#define RUNG_NEVER_INLINE
#define RUNG_INDEPENDENT
#endif

#define RUNG_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RUNG_MIN(a, b) ((a) < (b) ? (a) : (b))
#define RUNG_MAX(a, b) ((a) > (b) ? (a) : (b))
#define RUNG_CLAMP(x, low, high) RUNG_MIN(RUNG_MAX(x, low), high)
#define RUNG_ROUND_UP(x, unit) (((x) + (unit) - 1) / (unit) * (unit))
#define RUNG_DIV_UP(x, unit) (((x) + (unit) - 1) / (unit))

#endif
