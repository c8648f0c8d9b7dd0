/* From a row of products q * k to a row of weights: softcap, masks, softmax, as ONNX's Attention orders them. In float
 * or double. A row that the masks leave nothing of has the weights 0. */
#ifndef RUNG_CPU_FORM_ATTENTION_ROWS_H
#define RUNG_CPU_FORM_ATTENTION_ROWS_H

#include "op/attention.h"
#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/form/floats.h"

/* Added to the products; of bools, what is false counts as -infinity. */
typedef struct rung_attention_mask {
  const rung_tensor *tensor; /* NULL: none */
  size_t steps[4];           /* elements along (batch, head, row, column); 0 where it repeats */
} rung_attention_mask;

enum { RUNG_ATTENTION_MASKS = 2 };

typedef struct rung_attention_rows {
  const rung_math *math;
  rung_rows kernels;
  size_t q_heads, q_length, total;
  float softcap; /* 0: none */
  rung_attention_mask masks[RUNG_ATTENTION_MASKS];
  size_t mask_columns;    /* beyond them everything is hidden */
  const int64_t *lengths; /* per sample, NULL: all of `total`; beyond them everything is hidden */
  bool causal;            /* a row sees columns up to the diagonal, which begins at `offset` ... */
  bool ends_with_length;  /* ... or ends with the sample's length */
  int64_t offset;
  int64_t window;     /* 0: none; else causal rows see so many columns before the diagonal */
  float hidden;       /* what is left of a hidden product: -infinity, or a very low number */
  const float *sinks; /* NULL, or per head: a column that weighs, and has no value */
  rung_tensor *shown; /* NULL, or (batch, head, row, column): the products at a stage, the first columns of them */
  rung_attention_stage stage;
} rung_attention_rows;

/* Mask number `index`: a tensor that is broadcast to (batch, head, row, column). */
void rung_attention_set_mask(rung_attention_rows *rows, int index, const rung_tensor *mask);

/* Row `row` of head `head` of sample `batch`: `s` has `total` elements. */
void rung_attention_row_f32(const rung_attention_rows *rows, size_t batch, size_t head, size_t row, float *s);
void rung_attention_row_f64(const rung_attention_rows *rows, size_t batch, size_t head, size_t row, double *s);

#endif
