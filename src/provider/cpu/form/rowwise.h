/* The form of kernels that treat a tensor [outer, n, inner] row by row: a row is the n elements along the middle.
 *
 * The function of a kernel sees dense rows of float, or of double when the input is float64: other types are widened
 * and rounded once, rows that are not dense (inner > 1) are gathered, a few neighbours at a time. Rows are cut into
 * tasks, each with a buffer of its own in scratch. */
#ifndef RUNG_CPU_FORM_ROWWISE_H
#define RUNG_CPU_FORM_ROWWISE_H

#include "provider/opwise/kernel.h"

typedef struct rung_rowwise {
  rung_dtype from, to; /* element types */
  size_t outer, n, inner;
  size_t tasks;
  size_t strip;  /* neighbouring rows gathered together */
  size_t buffer; /* bytes of scratch for one task, 0: none needed */
} rung_rowwise;

/* Row number `row` is (outer index) * inner + inner index; x and y may be the same. */
typedef struct rung_row_functions {
  void (*f32)(void *context, size_t row, size_t n, const float *x, float *y);
  void (*f64)(void *context, size_t row, size_t n, const double *x, double *y);
} rung_row_functions;

/* `body` for the elements i in [from, end) of a row, in pieces between which it looks whether the run was cancelled. */
enum { RUNG_ROW_PIECE = 1 << 18 };
#define RUNG_ROW_LOOP(call, from, end, i, body)                                                             \
  for (size_t piece_ = (from); piece_ < (end); piece_ += RUNG_ROW_PIECE) {                                  \
    if (piece_ != (from) && rung_kernel_is_cancelled(call)) break;                                          \
    for (size_t i = piece_, stop_ = RUNG_MIN(piece_ + RUNG_ROW_PIECE, (size_t)(end)); i < stop_; i++) body; \
  }

void rung_rowwise_make(const rung_kernel_call *call, rung_rowwise *plan, rung_dtype from, rung_dtype to, size_t outer,
                       size_t n, size_t inner);
size_t rung_rowwise_scratch(const rung_rowwise *plan);
/* x and y are dense [outer, n, inner]; y may be x when their types are one. `nanoseconds`: what one element costs. */
void rung_rowwise_run(const rung_kernel_call *call, const rung_rowwise *plan, size_t nanoseconds,
                      const rung_row_functions *functions, void *context, const void *x, void *y, void *scratch);

#endif
