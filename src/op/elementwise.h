/* Functions of elements, one by one. */
#ifndef RUNG_OP_ELEMENTWISE_H
#define RUNG_OP_ELEMENTWISE_H

#include "op/op.h"

/* Operators with two operands, opset < 7: the second is unrolled only when `broadcast`; its dimensions are the last
 * ones of the first, or those from `axis` on. INT64_MIN: not given. Later versions broadcast as numpy does. */
typedef struct rung_binary_params {
  int64_t axis, broadcast;
} rung_binary_params;

/* How many dimensions of 1 belong behind the second operand's, so that numpy's rule does what `axis` asks for. */
rung_status *rung_binary_align(const rung_binary_params *params, int32_t rank, int32_t second_rank,
                               int32_t *out_behind) RUNG_MUST_CHECK;
/* Attributes and inference of operators with such params. */
extern const rung_attr rung_binary_attrs[];
rung_status *rung_infer_binary(rung_infer *infer) RUNG_MUST_CHECK;
/* The same for the slope of PRelu, which before opset 7 runs along dimension 1. */
int32_t rung_prelu_align(const rung_node *node, int32_t rank, int32_t slope_rank, int64_t slope_size);

typedef struct rung_mod_params {
  int64_t fmod; /* 0: the result has the divisor's sign; 1: the dividend's */
} rung_mod_params;

typedef struct rung_bitshift_params {
  int direction; /* rung_shift */
} rung_bitshift_params;
enum { RUNG_SHIFT_LEFT, RUNG_SHIFT_RIGHT };

typedef struct rung_clip_params { /* opset < 11; later inputs 1 and 2 */
  float min, max;
} rung_clip_params;

typedef struct rung_isinf_params {
  int64_t detect_positive, detect_negative;
} rung_isinf_params;

/* Activations: alpha and beta of form/cpu_math.h, whatever the attributes are called. */
typedef struct rung_unary_params {
  float alpha, beta;
} rung_unary_params;

typedef struct rung_gelu_params {
  int approximate; /* rung_gelu */
} rung_gelu_params;
enum { RUNG_GELU_EXACT, RUNG_GELU_TANH };

/* Cast, CastLike, BitCast */
typedef struct rung_cast_params {
  int64_t to;       /* rung_dtype; CastLike: 0, input 1 tells */
  int64_t saturate; /* for float8 */
  int round_mode;   /* for float8e8m0: rung_e8m0_round */
} rung_cast_params;

#endif
