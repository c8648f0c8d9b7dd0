#include "op/ml_feature.h"

#include "op/op_infer.h"

/* ArrayFeatureExtractor: picks columns; of a vector it makes one row. */

static rung_status *infer_ArrayFeatureExtractor(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0), *y = rung_infer_input(infer, 1);
  int64_t dims[RUNG_MAX_RANK] = {1}, count = 1;
  if (x->rank < 0 || y->rank < 0) return NULL;
  RUNG_MODEL_REQUIRE(x->rank >= 1, "the input is a scalar, it has no features");
  for (int32_t i = 0; i < y->rank; i++) count = rung_infer_mul(infer, count, y->dims[i]);
  int32_t rank = RUNG_MAX(x->rank, 2);
  for (int32_t i = 0; i + 1 < x->rank; i++) dims[i] = x->dims[i];
  dims[rank - 1] = count;
  return rung_infer_shape(infer, 0, rank, dims);
}

const rung_op rung_op_ml_ArrayFeatureExtractor = {.name = "ArrayFeatureExtractor",
                                                  .domain = "ai.onnx.ml",
                                                  .since = 1,
                                                  .signature = "X:T Y:int64 -> Z:T",
                                                  .infer = infer_ArrayFeatureExtractor};

/* Binarizer, Scaler, Normalizer, Imputer */

static const rung_attr binarizer_attrs[] = {RUNG_ATTR_FLOAT(rung_binarizer_params, threshold, 0), {0}};

const rung_op rung_op_ml_Binarizer = {.name = "Binarizer",
                                      .domain = "ai.onnx.ml",
                                      .since = 1,
                                      .signature = "X:T -> Y:T",
                                      .params_size = sizeof(rung_binarizer_params),
                                      .attributes = binarizer_attrs,
                                      .infer = rung_infer_elementwise};

/* A list per feature has one element, or as many as the last dimension. */
static rung_status *check_features(const rung_infer *infer, const char *name, size_t count) {
  const rung_type *x = rung_infer_input(infer, 0);
  if (count <= 1 || x->rank < 1 || x->dims[x->rank - 1] < 0) return NULL;
  RUNG_MODEL_REQUIRE((uint64_t)x->dims[x->rank - 1] == count, "%s has %zu elements for %lld features", name, count,
                     (long long)x->dims[x->rank - 1]);
  return NULL;
}

static rung_status *infer_Scaler(rung_infer *infer) {
  const rung_scaler_params *p = infer->params;
  RUNG_TRY(check_features(infer, "scale", p->scale.count));
  RUNG_TRY(check_features(infer, "offset", p->offset.count));
  return rung_infer_elementwise(infer);
}

static const rung_attr scaler_attrs[] = {
    RUNG_ATTR_FLOATS(rung_scaler_params, scale), RUNG_ATTR_FLOATS(rung_scaler_params, offset), {0}};

const rung_op rung_op_ml_Scaler = {.name = "Scaler",
                                   .domain = "ai.onnx.ml",
                                   .since = 1,
                                   .signature = "X:T -> Y:float32",
                                   .params_size = sizeof(rung_scaler_params),
                                   .attributes = scaler_attrs,
                                   .infer = infer_Scaler};

static const rung_attr normalizer_attrs[] = {RUNG_ATTR_CHOICE(rung_normalizer_params, norm, "MAX|L1|L2"), {0}};

const rung_op rung_op_ml_Normalizer = {.name = "Normalizer",
                                       .domain = "ai.onnx.ml",
                                       .since = 1,
                                       .signature = "X:T -> Y:float32",
                                       .params_size = sizeof(rung_normalizer_params),
                                       .attributes = normalizer_attrs,
                                       .infer = rung_infer_elementwise};

static rung_status *infer_Imputer(rung_infer *infer) {
  const rung_imputer_params *p = infer->params;
  RUNG_TRY(check_features(infer, "imputed_value_floats", p->imputed_value_floats.count));
  RUNG_TRY(check_features(infer, "imputed_value_int64s", p->imputed_value_int64s.count));
  return rung_infer_elementwise(infer);
}

static const rung_attr imputer_attrs[] = {RUNG_ATTR_FLOAT(rung_imputer_params, replaced_value_float, 0),
                                          RUNG_ATTR_INT(rung_imputer_params, replaced_value_int64, 0),
                                          RUNG_ATTR_FLOATS(rung_imputer_params, imputed_value_floats),
                                          RUNG_ATTR_INTS(rung_imputer_params, imputed_value_int64s),
                                          {0}};

const rung_op rung_op_ml_Imputer = {.name = "Imputer",
                                    .domain = "ai.onnx.ml",
                                    .since = 1,
                                    .signature = "X:T -> Y:T",
                                    .params_size = sizeof(rung_imputer_params),
                                    .attributes = imputer_attrs,
                                    .infer = infer_Imputer};

/* FeatureVectorizer: joins columns. */

static rung_status *infer_FeatureVectorizer(rung_infer *infer) {
  const rung_feature_vectorizer_params *p = infer->params;
  int64_t dims[2] = {-1, 0};
  for (uint32_t i = 0; i < infer->input_count; i++) {
    if (!rung_infer_has(infer, i)) continue;
    const rung_type *x = rung_infer_input(infer, i);
    RUNG_MODEL_REQUIRE(x->rank < 0 || x->rank == 1 || x->rank == 2, "input %u has rank %d, it must be 2", i, x->rank);
    int64_t rows = x->rank == 1 ? 1 : x->rank == 2 ? x->dims[0] : -1;
    if (dims[0] < 0) dims[0] = rows;
    int64_t own = x->rank < 0 ? rung_infer_symbol(infer) : x->dims[x->rank - 1];
    dims[1] = rung_infer_add(infer, dims[1], i < p->inputdimensions.count ? p->inputdimensions.at[i] : own);
  }
  if (dims[0] < 0 && !RUNG_IS_SYMBOL(dims[0])) dims[0] = rung_infer_symbol(infer);
  return rung_infer_shape(infer, 0, 2, dims);
}

static rung_status *check_FeatureVectorizer(const rung_node *node, void *params) {
  const rung_feature_vectorizer_params *p = params;
  enum { MOST = 1 << 24 };
  RUNG_MODEL_REQUIRE(p->inputdimensions.count == 0 || p->inputdimensions.count == node->input_count,
                     "inputdimensions has %zu elements for %u inputs", p->inputdimensions.count, node->input_count);
  for (size_t i = 0; i < p->inputdimensions.count; i++)
    RUNG_MODEL_REQUIRE(p->inputdimensions.at[i] >= 0 && p->inputdimensions.at[i] <= MOST,
                       "inputdimensions[%zu] is %lld", i, (long long)p->inputdimensions.at[i]);
  return NULL;
}

static const rung_attr feature_vectorizer_attrs[] = {RUNG_ATTR_INTS(rung_feature_vectorizer_params, inputdimensions),
                                                     {0}};

const rung_op rung_op_ml_FeatureVectorizer = {.name = "FeatureVectorizer",
                                              .domain = "ai.onnx.ml",
                                              .since = 1,
                                              .signature = "X:T... -> Y:float32",
                                              .params_size = sizeof(rung_feature_vectorizer_params),
                                              .attributes = feature_vectorizer_attrs,
                                              .check = check_FeatureVectorizer,
                                              .infer = infer_FeatureVectorizer};
