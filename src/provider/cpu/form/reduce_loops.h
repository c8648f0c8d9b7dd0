/* Loops of reducers (see reduce.h), from a way of combining: macros
 *
 *     <op>_IDENTITY(NAME)   the value of nothing
 *     <op>_STEP(a, x, s)    one more element x, shift s
 *     <op>_MERGE(a, b)      two partial results
 *
 * expanded per type that elements are combined in; and of finishes, from <op>(a, count, s). */
#ifndef RUNG_CPU_FORM_REDUCE_LOOPS_H
#define RUNG_CPU_FORM_REDUCE_LOOPS_H

#include "provider/cpu/form/reduce.h"

enum { RUNG_REDUCE_LANES = 16 };

#define RUNG_REDUCE_FLOATS(X, op) X(op, F32, float) X(op, F64, double)
#define RUNG_REDUCE_WRAPPING(X, op) X(op, U64, uint64_t) /* signed integers, too */

/* A row goes through RUNG_REDUCE_LANES accumulators side by side, which are then combined pairwise. */
#define RUNG_REDUCER(op, NAME, type)                                                                   \
  static void op##_##NAME##_begin(size_t n, void *acc) {                                               \
    type *a = acc;                                                                                     \
    for (size_t i = 0; i < n; i++) a[i] = op##_IDENTITY(NAME);                                         \
  }                                                                                                    \
  static void op##_##NAME##_row(size_t n, const void *in, const void *shift, void *acc) {              \
    const type *x = in;                                                                                \
    type *a = acc, lanes[RUNG_REDUCE_LANES], s = shift ? *(const type *)shift : 0;                     \
    size_t i = 0;                                                                                      \
    (void)s;                                                                                           \
    for (int l = 0; l < RUNG_REDUCE_LANES; l++) lanes[l] = op##_IDENTITY(NAME);                        \
    for (; i + RUNG_REDUCE_LANES <= n; i += RUNG_REDUCE_LANES)                                         \
      for (int l = 0; l < RUNG_REDUCE_LANES; l++) lanes[l] = op##_STEP(lanes[l], x[i + (size_t)l], s); \
    for (int l = 0; i < n; i++, l++) lanes[l] = op##_STEP(lanes[l], x[i], s);                          \
    for (int half = RUNG_REDUCE_LANES / 2; half; half /= 2)                                            \
      for (int l = 0; l < half; l++) lanes[l] = op##_MERGE(lanes[l], lanes[l + half]);                 \
    *a = op##_MERGE(*a, lanes[0]);                                                                     \
  }                                                                                                    \
  static void op##_##NAME##_columns(size_t n, const void *in, const void *shift, void *acc) {          \
    const type *x = in, *s = shift;                                                                    \
    type *a = acc;                                                                                     \
    (void)s;                                                                                           \
    for (size_t i = 0; i < n; i++) a[i] = op##_STEP(a[i], x[i], s[i]);                                 \
  }                                                                                                    \
  static void op##_##NAME##_merge(size_t n, const void *other, void *acc) {                            \
    const type *b = other;                                                                             \
    type *a = acc;                                                                                     \
    for (size_t i = 0; i < n; i++) a[i] = op##_MERGE(a[i], b[i]);                                      \
  }

#define RUNG_REDUCER_ENTRY(op, NAME) \
  {op##_##NAME##_begin, op##_##NAME##_row, op##_##NAME##_columns, op##_##NAME##_merge}
#define RUNG_REDUCER_FLOATS(op) \
  [RUNG_REDUCE_F32] = RUNG_REDUCER_ENTRY(op, F32), [RUNG_REDUCE_F64] = RUNG_REDUCER_ENTRY(op, F64)

#define RUNG_FINISH(op, NAME, type)                                               \
  static void op##_##NAME(size_t n, size_t count, const void *shift, void *acc) { \
    const type *s = shift, total = (type)count;                                   \
    type *a = acc;                                                                \
    (void)s, (void)total;                                                         \
    for (size_t i = 0; i < n; i++) a[i] = op(a[i], total, s[i]);                  \
  }
#define RUNG_FINISH_FLOATS(op) [RUNG_REDUCE_F32] = op##_F32, [RUNG_REDUCE_F64] = op##_F64

#endif
