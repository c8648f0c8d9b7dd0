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

/* HyperConnectionPreMix, HyperConnectionPostMix: a layer's residual is several streams, (..., branches, H), or
 * (..., branches * H) where num_branches says so. */
typedef struct rung_hyper_params {
  int64_t num_branches;
  float reduction_scale; /* of PreMix */
} rung_hyper_params;

/* (*out_branches, *out_size) of a row of `streams`, all of whose dimensions are known. */
rung_status *rung_hyper_check(const rung_hyper_params *params, int32_t rank, const int64_t *dims, int64_t *out_branches,
                              int64_t *out_size) RUNG_MUST_CHECK;

#endif
