/* Activations that follow a convolution or product within one operator. */
#ifndef RUNG_OP_ACTIVATION_H
#define RUNG_OP_ACTIVATION_H

#include "op/op.h"

/* RUNG_ACTIVATION(NAME, name in ONNX, default alpha, default beta): y = f(x). */
#define RUNG_EACH_ACTIVATION(X)                                                     \
  X(NONE, "", 0, 0)                          /* x */                                \
  X(CLIP, "Clip", -INFINITY, INFINITY)       /* min(max(x, alpha), beta) */         \
  X(RELU, "Relu", 0, 0)                      /* max(x, 0) */                        \
  X(LEAKY_RELU, "LeakyRelu", 0.01f, 0)       /* x < 0 ? alpha * x : x */            \
  X(HARD_SIGMOID, "HardSigmoid", 0.2f, 0.5f) /* min(max(alpha * x + beta, 0), 1) */ \
  X(HARD_SWISH, "HardSwish", 0, 0)           /* x * min(max(x / 6 + 0.5, 0), 1) */  \
  X(SIGMOID, "Sigmoid", 0, 0)                /* 1 / (1 + exp(-x)) */                \
  X(SILU, "Swish", 1, 0)                     /* x * Sigmoid(alpha * x) */           \
  X(TANH, "Tanh", 0, 0)                                                             \
  X(GELU, "Gelu", 0, 0) /* x / 2 * (1 + erf(x / sqrt(2))) */

typedef enum rung_activation_kind {
#define RUNG_ACTIVATION_KIND(NAME, text, alpha, beta) RUNG_ACTIVATION_##NAME,
  RUNG_EACH_ACTIVATION(RUNG_ACTIVATION_KIND)
#undef RUNG_ACTIVATION_KIND
} rung_activation_kind;

typedef struct rung_activation {
  rung_activation_kind kind;
  float alpha, beta;
} rung_activation;

/* By its ONNX name; `given` overrides the defaults in order. UNSUPPORTED for an unknown name. */
rung_status *rung_activation_make(rung_str name, rung_floats given, rung_activation *out) RUNG_MUST_CHECK;

#endif
