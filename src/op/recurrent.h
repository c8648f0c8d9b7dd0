/* Recurrent layers: RNN, GRU, LSTM. */
#ifndef RUNG_OP_RECURRENT_H
#define RUNG_OP_RECURRENT_H

#include "op/op.h"

/* X(NAME, name in ONNX, how many of alpha and beta it takes, their defaults) */
#define RUNG_EACH_GATE(X)                         \
  X(SIGMOID, "Sigmoid", 0, 0, 0)                  \
  X(TANH, "Tanh", 0, 0, 0)                        \
  X(RELU, "Relu", 0, 0, 0)                        \
  X(AFFINE, "Affine", 2, 1, 0)                    \
  X(LEAKY_RELU, "LeakyRelu", 1, 0.01f, 0)         \
  X(THRESHOLDED_RELU, "ThresholdedRelu", 1, 1, 0) \
  X(SCALED_TANH, "ScaledTanh", 2, 1, 1)           \
  X(HARD_SIGMOID, "HardSigmoid", 2, 0.2f, 0.5f)   \
  X(ELU, "Elu", 1, 1, 0)                          \
  X(SOFTSIGN, "Softsign", 0, 0, 0)                \
  X(SOFTPLUS, "Softplus", 0, 0, 0)

typedef struct rung_gate {
  enum {
#define RUNG_GATE_NAME(NAME, text, takes, alpha, beta) RUNG_GATE_##NAME,
    RUNG_EACH_GATE(RUNG_GATE_NAME)
#undef RUNG_GATE_NAME
  } function;
  float alpha, beta;
} rung_gate;

enum {
  RUNG_FORWARD,
  RUNG_REVERSE,
  RUNG_BIDIRECTIONAL,
};

typedef struct rung_recurrent_params {
  rung_floats activation_alpha, activation_beta;
  rung_strs activations;
  float clip; /* infinity: none */
  int64_t hidden_size, input_forget, layout, linear_before_reset, output_sequence;
  int direction;
  /* settled: */
  int64_t directions;        /* 1 or 2 */
  int64_t gates;             /* blocks of rows of W: RNN 1, GRU 3, LSTM 4 */
  bool quantized;            /* DynamicQuantizeLSTM: gates are columns of W and R */
  rung_gate functions[2][3]; /* per direction: f, g, h of ONNX's equations */
} rung_recurrent_params;

enum { RUNG_RNN_X, RUNG_RNN_W, RUNG_RNN_R, RUNG_RNN_B, RUNG_RNN_LENGTHS, RUNG_RNN_H, RUNG_RNN_C, RUNG_RNN_P };

/* com.microsoft's DynamicQuantizeLSTM: the inputs of LSTM, W (directions, input, gates) and R (directions, hidden,
 * gates) being integers; then scale and zero point of either, one per direction or one per direction and gate. */
enum { RUNG_QLSTM_W_SCALE = 8, RUNG_QLSTM_W_ZERO, RUNG_QLSTM_R_SCALE, RUNG_QLSTM_R_ZERO };

/* The sizes that operands agree upon. */
typedef struct rung_recurrent_sizes {
  int64_t steps, batch, input, hidden;
} rung_recurrent_sizes;

/* Collects the sizes from the operands that are there, `rank` -1 for one whose shape is unknown (NULL: left out), and
 * checks them against each other. Unknown sizes are negative. */
typedef struct rung_recurrent_operand {
  int32_t rank;
  const int64_t *dims;
} rung_recurrent_operand;
rung_status *rung_recurrent_check(const rung_recurrent_params *params, const rung_recurrent_operand operands[8],
                                  rung_recurrent_sizes *out_sizes) RUNG_MUST_CHECK;

#endif
