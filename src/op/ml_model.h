/* ai.onnx.ml: linear models and support vector machines. */
#ifndef RUNG_OP_ML_MODEL_H
#define RUNG_OP_ML_MODEL_H

#include "op/ml_tree.h"

/* LinearClassifier, LinearRegressor: coefficients are (targets, features). */
typedef struct rung_linear_params {
  rung_floats coefficients, intercepts;
  rung_ints classlabels_ints;
  rung_strs classlabels_strings;
  int64_t multi_class;
  int64_t targets; /* also of the classifier: rows of coefficients */
  int post_transform;
  /* settled: */
  int64_t features;
  int64_t columns; /* of the scores: targets, or 2 for one row and two labels */
} rung_linear_params;

typedef enum rung_svm_kernel {
  RUNG_SVM_LINEAR,
  RUNG_SVM_POLY,
  RUNG_SVM_RBF,
  RUNG_SVM_SIGMOID,
} rung_svm_kernel;

typedef struct rung_svm_params {
  rung_floats coefficients, kernel_params, prob_a, prob_b, rho, support_vectors;
  rung_ints classlabels_ints, vectors_per_class;
  rung_strs classlabels_strings;
  int64_t n_supports, one_class; /* regressor */
  int kernel_type, post_transform;
  /* settled: */
  int64_t classes; /* labels, at least 1 */
  int64_t vectors; /* support vectors; 0: coefficients are those of linear functions */
  int64_t features;
  int64_t scores;  /* of a row: pairs of classes, or classes when there are probabilities or no support vectors */
  int64_t columns; /* of the output: scores, but 2 for a single score of two classes */
  float gamma, coef0, degree;
} rung_svm_params;

#endif
