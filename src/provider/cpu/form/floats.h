/* Runs of elements of any numeric type as float or double, and back. The form of kernels whose types are many and
 * whose arithmetic is one: they compute in float (double for float64), and round once when they store.
 *
 * Also sums and the like over rows, whose order depends on nothing but the count. */
#ifndef RUNG_CPU_FORM_FLOATS_H
#define RUNG_CPU_FORM_FLOATS_H

#include "base/dtype.h"

/* Elements [at, at + n) of `data`, every `step`-th. Takes floats, integers and bool. */
void rung_load_f32(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, float *to);
void rung_load_f64(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, double *to);
/* The reverse, for floats only. */
void rung_store_f32(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const float *from);
void rung_store_f64(rung_dtype dtype, void *data, size_t at, size_t step, size_t n, const double *from);

float rung_sum_f32(size_t n, const float *x);
double rung_sum_f64(size_t n, const double *x);
/* Of (x - shift)^2. */
float rung_squares_f32(size_t n, const float *x, float shift);
double rung_squares_f64(size_t n, const double *x, double shift);
float rung_dot_f32(size_t n, const float *x, const float *y);
double rung_dot_f64(size_t n, const double *x, const double *y);
/* -infinity when n is 0; NaN when there is one. */
float rung_max_f32(size_t n, const float *x);
double rung_max_f64(size_t n, const double *x);
/* y = exp(x - shift), and their sum; y may be x. */
float rung_exponentials_f32(size_t n, const float *x, float shift, float *y);
double rung_exponentials_f64(size_t n, const double *x, double shift, double *y);
void rung_divide_f32(size_t n, float *x, float by);
void rung_divide_f64(size_t n, double *x, double by);
/* y += a * x */
void rung_add_scaled_f32(size_t n, float a, const float *x, float *y);
void rung_add_scaled_f64(size_t n, double a, const double *x, double *y);

#endif
