/* ai.onnx.ml: preparing features. */
#ifndef RUNG_OP_ML_FEATURE_H
#define RUNG_OP_ML_FEATURE_H

#include "op/op.h"

typedef struct rung_binarizer_params {
  float threshold;
} rung_binarizer_params;

typedef struct rung_scaler_params { /* one element, or one per feature */
  rung_floats scale, offset;
} rung_scaler_params;

typedef enum rung_normalizer_norm { RUNG_NORM_MAX, RUNG_NORM_L1, RUNG_NORM_L2 } rung_normalizer_norm;

typedef struct rung_normalizer_params {
  int norm;
} rung_normalizer_params;

typedef struct rung_imputer_params {
  float replaced_value_float;
  int64_t replaced_value_int64;
  rung_floats imputed_value_floats; /* one element, or one per feature */
  rung_ints imputed_value_int64s;
} rung_imputer_params;

typedef struct rung_feature_vectorizer_params {
  rung_ints inputdimensions; /* columns taken of each input */
} rung_feature_vectorizer_params;

#endif
