/* The form of ai.onnx.ml's models: rows of features of any type go in as double, a block at a time, in tasks that each
 * have a buffer of their own in scratch. */
#ifndef RUNG_CPU_FORM_ML_ROWS_H
#define RUNG_CPU_FORM_ML_ROWS_H

#include "provider/opwise/kernel.h"

typedef struct rung_ml_rows {
  const rung_tensor *x;
  size_t rows, features;
  size_t block, tasks;      /* rows of a block */
  size_t per_row, per_task; /* doubles that the model needs beside the features */
} rung_ml_rows;

/* `count` rows from `first` on; `buffer` has count * per_row + per_task doubles. */
typedef void (*rung_ml_rows_fn)(void *context, size_t first, size_t count, const double *features, double *buffer);

/* Input 0 must be (rows, features), or one row, with `features` elements or more (exactly as many when `exact`). */
rung_status *rung_ml_rows_plan(const rung_kernel_call *call, size_t features, bool exact, size_t per_row,
                               size_t per_task, rung_ml_rows *out_plan) RUNG_MUST_CHECK;
/* Bytes; a multiple of the size of a double. */
size_t rung_ml_rows_scratch(const rung_ml_rows *plan);
/* `nanoseconds`: what one row costs. */
void rung_ml_rows_run(const rung_kernel_call *call, const rung_ml_rows *plan, size_t nanoseconds, rung_ml_rows_fn fn,
                      void *context);

/* Output 0 from the index of each row's label in one of the lists; the index itself when both are empty. */
rung_status *rung_ml_give_labels(rung_kernel_call *call, rung_ints ints, rung_strs strings, size_t rows,
                                 const int64_t *indices) RUNG_MUST_CHECK;

#endif
