/* The form of layer normalisations: rows that lose their mean (or keep it), are divided by their deviation, scaled and
 * shifted. In float, or in double when the input is float64. */
#ifndef RUNG_CPU_FORM_NORM_ROWS_H
#define RUNG_CPU_FORM_NORM_ROWS_H

#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/rowwise.h"

/* An operand for rows of n elements: element i of row r is at[r % period * step + i / repeat]. */
typedef struct rung_row_operand {
  const void *at; /* float or double; NULL: none */
  size_t period, step, repeat;
} rung_row_operand;

typedef struct rung_norm {
  const rung_kernel_call *call;
  rung_rows kernels;
  rung_row_operand scale, bias;
  bool centred; /* subtract the mean */
  float epsilon;
  void *means, *inverses; /* per row, in float or double; NULL: not wanted */
} rung_norm;

/* With a rung_norm as context; x and y may be the same. */
void rung_norm_row_f32(void *context, size_t row, size_t n, const float *x, float *y);
void rung_norm_row_f64(void *context, size_t row, size_t n, const double *x, double *y);
extern const rung_row_functions rung_norm_rows;

/* For an input of type `dtype`: bytes of an element in computation, of `count` of them (aligned for tensors); a tensor
 * as such elements, and back. */
size_t rung_norm_size(rung_dtype dtype);
size_t rung_norm_bytes(size_t count, rung_dtype dtype);
void rung_norm_load(const rung_tensor *from, rung_dtype dtype, void *to);
void rung_norm_store(rung_tensor *to, rung_dtype dtype, const void *from);

#endif
