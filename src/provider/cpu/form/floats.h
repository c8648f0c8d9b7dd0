/* Runs of elements of any numeric type as float or double, and back. The form of kernels whose types are many and
 * whose arithmetic is one: they compute in float (double for float64), and round once when they store.
 *
 * Also sums and the like over rows, whose order depends on nothing but the count. */
#ifndef RUNG_CPU_FORM_FLOATS_H
#define RUNG_CPU_FORM_FLOATS_H

#include "base/dtype.h"
#include "provider/cpu/kernel/rows_f32.h"

/* Elements [at, at + n) of `data`, every `step`-th. Takes floats, integers and bool. */
void rung_load_f32(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, float *to);
void rung_load_f64(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, double *to);
/* The reverse, for floats only. */
void rung_store_f32(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const float *from);
void rung_store_f64(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const double *from);

/* rows_f32.h in double; one table for all processors. */
typedef struct rung_rows_f64 {
  double (*sum)(size_t n, const double *x);
  double (*squares)(size_t n, const double *x, double shift);
  double (*dot)(size_t n, const double *x, const double *y);
  double (*max)(size_t n, const double *x);
  double (*exponentials)(size_t n, const double *x, double shift, double *y);
  void (*divide)(size_t n, double *x, double by);
  void (*add_scaled)(size_t n, double a, const double *x, double *y);
} rung_rows_f64;
extern const rung_rows_f64 rung_rows_f64_c;

/* Both, for code that is written once for the two types. */
typedef struct rung_rows {
  const rung_rows_f32 *f32;
  const rung_rows_f64 *f64;
} rung_rows;
static inline rung_rows rung_rows_for(rung_cpu_set features) {
  return (rung_rows){rung_rows_f32_for(features), &rung_rows_f64_c};
}

#endif
