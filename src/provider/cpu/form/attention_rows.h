/* From a row of products q * k to a row of weights: softcap, mask, softmax, as ONNX's Attention orders them. In float
 * or double. A row that the mask leaves nothing of has the weights 0. */
#ifndef RUNG_CPU_FORM_ATTENTION_ROWS_H
#define RUNG_CPU_FORM_ATTENTION_ROWS_H

#include "op/attention.h"
#include "provider/cpu/form/cpu_math.h"

typedef struct rung_attention_rows {
  const rung_attention_params *params;
  const rung_math *math;
  size_t q_heads, q_length, total;
  const rung_tensor *mask; /* NULL: none */
  size_t mask_steps[4];    /* elements along (batch, head, row, column); 0 where it repeats */
  size_t mask_columns;     /* beyond them everything is masked */
  const int64_t *lengths;  /* per sample, NULL: all of `total` */
  int64_t offset;          /* of the diagonal, when causal and without lengths */
  rung_tensor *shown;      /* output 3, or NULL */
} rung_attention_rows;

/* Checks the mask and the lengths against the sizes. */
rung_status *rung_attention_rows_make(const rung_attention_sizes *sizes, bool mask_is_padded,
                                      rung_attention_rows *rows) RUNG_MUST_CHECK;

/* Row `row` of head `head` of sample `batch`: `s` has `total` elements. */
void rung_attention_row_f32(const rung_attention_rows *rows, size_t batch, size_t head, size_t row, float *s);
void rung_attention_row_f64(const rung_attention_rows *rows, size_t batch, size_t head, size_t row, double *s);

#endif
