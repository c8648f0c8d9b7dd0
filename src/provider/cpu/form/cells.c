#include "provider/cpu/form/cells.h"

#include "provider/cpu/form/fastmath.h"

#include <math.h>

#define MIN(x, y) ((x) < (y) ? (x) : (y))
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#define RELU(x) ((x) < 0 ? 0 : (x)) /* NaN stays */

static double sigmoid_f64(double x) { return 1 / (1 + exp(-x)); }

static void product_f32(const rung_rows_f32 *rows, size_t n, size_t k, const void *a, const void *b, size_t b_step,
                        void *c) {
  rows->add_product(n, k, a, b, b_step, c);
}

static void product_f64(const rung_rows_f32 *rows, size_t n, size_t k, const void *a, const void *b, size_t b_step,
                        void *c) {
  const double *x = a, *w = b;
  double *y = c;
  (void)rows;
  for (size_t i = 0; i < k; i++, w += b_step)
    for (size_t j = 0; j < n; j++) y[j] += x[i] * w[j];
}

/* The usual gates have loops for each processor. */
static bool fast_f32(const rung_cell *cell, const rung_gate *g, size_t n, float *x) {
  if (g->function != RUNG_GATE_SIGMOID && g->function != RUNG_GATE_TANH) return false;
  cell->math->unary[g->function == RUNG_GATE_TANH ? RUNG_MATH_tanh : RUNG_MATH_sigmoid](n, x, x, NULL);
  return true;
}

static bool fast_f64(const rung_cell *cell, const rung_gate *g, size_t n, double *x) {
  (void)cell, (void)g, (void)n, (void)x;
  return false;
}

/* A case of the switch in `activate`: a loop of its own. */
#define GATE_CASE(NAME, value)                     \
  case RUNG_GATE_##NAME:                           \
    for (size_t i = 0; i < n; i++) x[i] = (value); \
    break;

#define CELLS(suffix, type, sigmoid, tanh, expm1, log1p, exp, fabs)                                           \
  static void products_##suffix(const rung_cell *cell, size_t m, size_t n, const void *a, const void *b,      \
                                size_t b_step, void *c, size_t c_step) {                                      \
    size_t k = cell->hidden;                                                                                  \
    for (size_t row = 0; row < m; row++)                                                                      \
      product_##suffix(cell->rows, n, k, (const type *)a + row * k, b, b_step, (type *)c + row * c_step);     \
  }                                                                                                           \
  static void clip_##suffix(const rung_recurrent_params *p, size_t n, type *x) {                              \
    type most = (type)p->clip;                                                                                \
    if (p->clip == INFINITY) return;                                                                          \
    for (size_t i = 0; i < n; i++) x[i] = x[i] > most ? most : x[i] < -most ? -most : x[i];                   \
  }                                                                                                           \
  static void activate_##suffix(const rung_cell *cell, const rung_gate *g, size_t n, type *x) {               \
    type alpha = (type)g->alpha, beta = (type)g->beta;                                                        \
    if (fast_##suffix(cell, g, n, x)) return;                                                                 \
    switch (g->function) {                                                                                    \
      GATE_CASE(SIGMOID, sigmoid(x[i]))                                                                       \
      GATE_CASE(TANH, tanh(x[i]))                                                                             \
      GATE_CASE(RELU, RELU(x[i]))                                                                             \
      GATE_CASE(AFFINE, alpha *x[i] + beta)                                                                   \
      GATE_CASE(LEAKY_RELU, x[i] < 0 ? alpha * x[i] : x[i])                                                   \
      GATE_CASE(THRESHOLDED_RELU, x[i] < alpha ? 0 : x[i])                                                    \
      GATE_CASE(SCALED_TANH, alpha *tanh(beta *x[i]))                                                         \
      GATE_CASE(HARD_SIGMOID, MIN(MAX(alpha *x[i] + beta, 0), 1))                                             \
      GATE_CASE(ELU, x[i] < 0 ? alpha * expm1(x[i]) : x[i])                                                   \
      GATE_CASE(SOFTSIGN, x[i] / (1 + fabs(x[i])))                                                            \
      GATE_CASE(SOFTPLUS, MAX(x[i], 0) + log1p(exp(-fabs(x[i]))))                                             \
    }                                                                                                         \
  }                                                                                                           \
  static void rnn_##suffix(const rung_cell *cell, const rung_cell_rows *rows) {                               \
    size_t n = cell->hidden;                                                                                  \
    products_##suffix(cell, rows->rows, n, rows->h, cell->r, n, rows->gates, n);                              \
    clip_##suffix(cell->params, rows->rows *n, rows->gates);                                                  \
    activate_##suffix(cell, &cell->functions[0], rows->rows *n, rows->gates);                                 \
    memcpy(rows->h, rows->gates, rows->rows *n * sizeof(type));                                               \
  }                                                                                                           \
  /* H = (1 - z) * h~ + z * H */                                                                              \
  static void gru_mix_##suffix(size_t n, const type *z, const type *candidate, type *h) {                     \
    for (size_t i = 0; i < n; i++) h[i] = (1 - z[i]) * candidate[i] + z[i] * h[i];                            \
  }                                                                                                           \
  /* `spare` first takes what h~ gets from the recurrence. */                                                 \
  static void gru_##suffix(const rung_cell *cell, const rung_cell_rows *rows) {                               \
    size_t n = cell->hidden;                                                                                  \
    bool after = cell->params->linear_before_reset != 0; /* reset applies to the product */                   \
    const type *r = cell->r, *r_bias = cell->r_bias;                                                          \
    type *h = rows->h, *spare = rows->spare;                                                                  \
    products_##suffix(cell, rows->rows, 2 * n, h, r, 3 * n, rows->gates, 3 * n);                              \
    for (size_t row = 0; row < rows->rows; row++) {                                                           \
      type *gates = (type *)rows->gates + row * 3 * n, *s = spare + row * n;                                  \
      clip_##suffix(cell->params, 2 * n, gates);                                                              \
      activate_##suffix(cell, &cell->functions[0], 2 * n, gates);                                             \
      for (size_t i = 0; i < n; i++) s[i] = after ? r_bias[i] : gates[n + i] * h[row * n + i];                \
      if (after)                                                                                              \
        products_##suffix(cell, 1, n, h + row * n, r + 2 * n, 3 * n, s, n);                                   \
      else                                                                                                    \
        products_##suffix(cell, 1, n, s, r + 2 * n, 3 * n, gates + 2 * n, n);                                 \
      for (size_t i = 0; i < n && after; i++) gates[2 * n + i] += gates[n + i] * s[i];                        \
      clip_##suffix(cell->params, n, gates + 2 * n);                                                          \
      activate_##suffix(cell, &cell->functions[1], n, gates + 2 * n);                                         \
      gru_mix_##suffix(n, gates, gates + 2 * n, h + row * n);                                                 \
    }                                                                                                         \
  }                                                                                                           \
  static void add_peephole_##suffix(size_t n, const type *weight, const type *c, type *gate) {                \
    for (size_t i = 0; i < n; i++) gate[i] += weight[i] * c[i];                                               \
  }                                                                                                           \
  static void lstm_row_##suffix(const rung_cell *cell, type *i, type *c, type *h) {                           \
    const rung_recurrent_params *p = cell->params;                                                            \
    size_t n = cell->hidden;                                                                                  \
    type *o = i + n, *f = o + n, *candidate = f + n;                                                          \
    const type *peep = cell->peepholes;                                                                       \
    if (peep) add_peephole_##suffix(n, peep, c, i), add_peephole_##suffix(n, peep + 2 * n, c, f);             \
    clip_##suffix(p, n, i), activate_##suffix(cell, &cell->functions[0], n, i);                               \
    clip_##suffix(p, n, f), activate_##suffix(cell, &cell->functions[0], n, f);                               \
    clip_##suffix(p, n, candidate), activate_##suffix(cell, &cell->functions[1], n, candidate);               \
    for (size_t k = 0; k < n && p->input_forget; k++) f[k] = 1 - i[k];                                        \
    for (size_t k = 0; k < n; k++) c[k] = f[k] * c[k] + i[k] * candidate[k];                                  \
    if (peep) add_peephole_##suffix(n, peep + n, c, o);                                                       \
    clip_##suffix(p, n, o), activate_##suffix(cell, &cell->functions[0], n, o);                               \
    memcpy(h, c, n * sizeof(type));                                                                           \
    activate_##suffix(cell, &cell->functions[2], n, h);                                                       \
    for (size_t k = 0; k < n; k++) h[k] *= o[k];                                                              \
  }                                                                                                           \
  static void lstm_##suffix(const rung_cell *cell, const rung_cell_rows *rows) {                              \
    size_t n = cell->hidden;                                                                                  \
    type *gates = rows->gates, *c = rows->c, *h = rows->h;                                                    \
    if (cell->r) products_##suffix(cell, rows->rows, 4 * n, h, cell->r, 4 * n, gates, 4 * n);                 \
    for (size_t row = 0; row < rows->rows; row++)                                                             \
      lstm_row_##suffix(cell, gates + row * 4 * n, c + row * n, h + row * n);                                 \
  }                                                                                                           \
  const rung_cell_functions rung_cell_##suffix = {sizeof(type), product_##suffix, rnn_##suffix, gru_##suffix, \
                                                  lstm_##suffix};

CELLS(f32, float, rung_sigmoid_f32, rung_tanh_f32, rung_expm1_f32, rung_log1p_f32, rung_exp_f32, fabsf)
CELLS(f64, double, sigmoid_f64, tanh, expm1, log1p, exp, fabs)
