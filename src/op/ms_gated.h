/* com.microsoft: gates and norms of today's language models. */
#ifndef RUNG_OP_MS_GATED_H
#define RUNG_OP_MS_GATED_H

#include "op/op.h"

typedef enum rung_gate { RUNG_GATE_SILU, RUNG_GATE_SWISH, RUNG_GATE_SIGMOID } rung_gate;

typedef struct rung_gated_norm_params {
  float epsilon;
  int activation; /* a rung_gate; not of BranchwiseRMSNorm */
  int64_t
      num_branches; /* BranchwiseRMSNorm: into which the last dimension is divided; 0: the last but one counts them */
} rung_gated_norm_params;

typedef struct rung_scaled_silu_params {
  float alpha;
} rung_scaled_silu_params;

#endif
