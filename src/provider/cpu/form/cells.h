/* One step of recurrent layers for a few rows of a batch, in float or double.
 *
 * Matrices are row-major; those of weights are transposed, (inputs, gates * hidden), so that loops run along their
 * rows. Gates stand side by side in a row: LSTM i o f c, GRU z r h. */
#ifndef RUNG_CPU_FORM_CELLS_H
#define RUNG_CPU_FORM_CELLS_H

#include "op/recurrent.h"
#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/kernel/rows_f32.h"

/* What one direction computes with, in float or double. */
typedef struct rung_cell {
  const rung_recurrent_params *params;
  const rung_gate *functions;
  const rung_rows_f32 *rows; /* float */
  const rung_math *math;
  size_t hidden;
  const void *r;         /* (hidden, gates * hidden); LSTM: NULL when the states' part is in the gates already */
  const void *r_bias;    /* GRU: the recurrent bias of h, which stands inside the product with r */
  const void *peepholes; /* LSTM: i o f; NULL: none */
} rung_cell;

/* State of `rows` rows: `gates` comes in as what the inputs add, biases included; h and c are replaced. `spare` has
 * rows * hidden elements. */
typedef struct rung_cell_rows {
  size_t rows;
  void *gates, *h, *c, *spare;
} rung_cell_rows;

typedef struct rung_cell_functions {
  size_t size; /* of an element */
  /* c (n) += a (k) * b (k, n), with `b_step` elements between rows; adds in the order of k. */
  void (*product)(const rung_rows_f32 *rows, size_t n, size_t k, const void *a, const void *b, size_t b_step, void *c);
  void (*rnn)(const rung_cell *cell, const rung_cell_rows *rows);
  void (*gru)(const rung_cell *cell, const rung_cell_rows *rows);
  void (*lstm)(const rung_cell *cell, const rung_cell_rows *rows);
} rung_cell_functions;

extern const rung_cell_functions rung_cell_f32, rung_cell_f64;

#endif
