/* Loops of reducers (see reduce.h), from a way of combining: macros
 *
 *     <op>_IDENTITY(NAME)   the value of nothing
 *     <op>_STEP(a, x, s)    one more element x, shift s
 *     <op>_MERGE(a, b)      two partial results
 *
 * expanded per element type by the lists of cpu_types.h; and of finishes, from <op>(a, count, s). */
#ifndef RUNG_CPU_FORM_REDUCE_LOOPS_H
#define RUNG_CPU_FORM_REDUCE_LOOPS_H

#include "provider/cpu/form/reduce.h"

enum { RUNG_REDUCE_LANES = 16 };

/* A row goes through RUNG_REDUCE_LANES accumulators side by side, which are then combined pairwise. */
#define RUNG_REDUCER(op, NAME, stored, computed, load, store)                                                          \
  static void op##_##NAME##_begin(size_t n, void *acc) {                                                               \
    computed *a = acc;                                                                                                 \
    for (size_t i = 0; i < n; i++) a[i] = op##_IDENTITY(NAME);                                                         \
  }                                                                                                                    \
  static void op##_##NAME##_row(size_t n, const void *in, const void *shift, void *acc) {                              \
    const stored *x = in;                                                                                              \
    computed *a = acc, lanes[RUNG_REDUCE_LANES], s = shift ? *(const computed *)shift : 0;                             \
    size_t i = 0;                                                                                                      \
    (void)s;                                                                                                           \
    for (int l = 0; l < RUNG_REDUCE_LANES; l++) lanes[l] = op##_IDENTITY(NAME);                                        \
    for (; i + RUNG_REDUCE_LANES <= n; i += RUNG_REDUCE_LANES)                                                         \
      for (int l = 0; l < RUNG_REDUCE_LANES; l++) lanes[l] = op##_STEP(lanes[l], (computed)load(x[i + (size_t)l]), s); \
    for (int l = 0; i < n; i++, l++) lanes[l] = op##_STEP(lanes[l], (computed)load(x[i]), s);                          \
    for (int half = RUNG_REDUCE_LANES / 2; half; half /= 2)                                                            \
      for (int l = 0; l < half; l++) lanes[l] = op##_MERGE(lanes[l], lanes[l + half]);                                 \
    *a = op##_MERGE(*a, lanes[0]);                                                                                     \
  }                                                                                                                    \
  static void op##_##NAME##_columns(size_t n, const void *in, const void *shift, void *acc) {                          \
    const stored *x = in;                                                                                              \
    const computed *s = shift;                                                                                         \
    computed *a = acc;                                                                                                 \
    (void)s;                                                                                                           \
    for (size_t i = 0; i < n; i++) a[i] = op##_STEP(a[i], (computed)load(x[i]), s[i]);                                 \
  }                                                                                                                    \
  static void op##_##NAME##_merge(size_t n, const void *other, void *acc) {                                            \
    const computed *b = other;                                                                                         \
    computed *a = acc;                                                                                                 \
    for (size_t i = 0; i < n; i++) a[i] = op##_MERGE(a[i], b[i]);                                                      \
  }

#define RUNG_REDUCER_ENTRY(op, NAME, stored, computed, load, store) \
  [RUNG_##                                                          \
      NAME] = {sizeof(computed), op##_##NAME##_begin, op##_##NAME##_row, op##_##NAME##_columns, op##_##NAME##_merge},

/* Into elements of the type. */
#define RUNG_FINISH(op, NAME, stored, computed, load, store)                                       \
  static void op##_##NAME(size_t n, size_t count, const void *shift, const void *acc, void *out) { \
    const computed *a = acc, *s = shift, total = (computed)count;                                  \
    stored *y = out;                                                                               \
    (void)s, (void)total;                                                                          \
    for (size_t i = 0; i < n; i++) y[i] = (stored)store(op(a[i], total, s[i]));                    \
  }

/* Into what accumulators are made of. */
#define RUNG_FINISH_WIDE(op, NAME, stored, computed, load, store)                                  \
  static void op##_##NAME(size_t n, size_t count, const void *shift, const void *acc, void *out) { \
    const computed *a = acc, *s = shift, total = (computed)count;                                  \
    computed *y = out;                                                                             \
    (void)s, (void)total;                                                                          \
    for (size_t i = 0; i < n; i++) y[i] = op(a[i], total, s[i]);                                   \
  }

#endif
