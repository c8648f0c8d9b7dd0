#include "op/ml_model.h"

#include "op/op_infer.h"

enum { MOST_CLASSES = 1 << 11 }; /* their pairs are columns of the output */

static rung_status *check_labels(rung_ints ints, rung_strs strings) {
  RUNG_MODEL_REQUIRE(!ints.count || !strings.count, "labels are given both as numbers and as strings");
  return NULL;
}

/* LinearClassifier, LinearRegressor */

static rung_status *settle_linear(rung_linear_params *p) {
  RUNG_MODEL_REQUIRE(p->targets > 0 && p->coefficients.count && p->coefficients.count % (uint64_t)p->targets == 0,
                     "%zu coefficients are no %lld rows", p->coefficients.count, (long long)p->targets);
  RUNG_MODEL_REQUIRE(p->intercepts.count == 0 || p->intercepts.count == (uint64_t)p->targets,
                     "%zu intercepts for %lld rows of coefficients", p->intercepts.count, (long long)p->targets);
  p->features = (int64_t)p->coefficients.count / p->targets;
  p->columns = p->targets;
  return NULL;
}

/* One row of coefficients with two labels has the score of the second. */
static rung_status *check_LinearClassifier(const rung_node *node, void *params) {
  (void)node;
  rung_linear_params *p = params;
  int64_t labels = (int64_t)(p->classlabels_ints.count + p->classlabels_strings.count);
  RUNG_TRY(check_labels(p->classlabels_ints, p->classlabels_strings));
  p->targets = p->intercepts.count ? (int64_t)p->intercepts.count : RUNG_MAX(labels, 1);
  RUNG_MODEL_REQUIRE(labels == 0 ? p->targets == 1 : labels == p->targets || (labels == 2 && p->targets == 1),
                     "%lld labels for %lld rows of coefficients", (long long)labels, (long long)p->targets);
  RUNG_TRY(settle_linear(p));
  if (labels == 2) p->columns = 2;
  return NULL;
}

static rung_status *infer_LinearClassifier(rung_infer *infer) {
  const rung_linear_params *p = infer->params;
  infer->outputs[0].dtype = p->classlabels_strings.count ? RUNG_STRING : RUNG_I64;
  RUNG_TRY(rung_ml_infer_rows(infer, 0, 0));
  return rung_ml_infer_rows(infer, 1, p->columns);
}

static const rung_attr linear_classifier_attrs[] = {
    {"coefficients", RUNG_ATTR_KIND_FLOATS, offsetof(rung_linear_params, coefficients), .required = true},
    RUNG_ATTR_FLOATS(rung_linear_params, intercepts),
    RUNG_ATTR_INTS(rung_linear_params, classlabels_ints),
    RUNG_ATTR_STRS(rung_linear_params, classlabels_strings),
    RUNG_ATTR_INT(rung_linear_params, multi_class, 0),
    RUNG_ATTR_CHOICE(rung_linear_params, post_transform, RUNG_ML_TRANSFORMS),
    {0}};

const rung_op rung_op_ml_LinearClassifier = {.name = "LinearClassifier",
                                             .domain = "ai.onnx.ml",
                                             .since = 1,
                                             .signature = "X:T -> Y:L Z:float32",
                                             .params_size = sizeof(rung_linear_params),
                                             .attributes = linear_classifier_attrs,
                                             .check = check_LinearClassifier,
                                             .infer = infer_LinearClassifier};

static rung_status *check_LinearRegressor(const rung_node *node, void *params) {
  (void)node;
  return settle_linear(params);
}

static rung_status *infer_LinearRegressor(rung_infer *infer) {
  return rung_ml_infer_rows(infer, 0, ((const rung_linear_params *)infer->params)->columns);
}

static const rung_attr linear_regressor_attrs[] = {
    RUNG_ATTR_FLOATS(rung_linear_params, coefficients),
    RUNG_ATTR_FLOATS(rung_linear_params, intercepts),
    RUNG_ATTR_INT(rung_linear_params, targets, 1),
    RUNG_ATTR_CHOICE(rung_linear_params, post_transform, RUNG_ML_TRANSFORMS),
    {0}};

const rung_op rung_op_ml_LinearRegressor = {.name = "LinearRegressor",
                                            .domain = "ai.onnx.ml",
                                            .since = 1,
                                            .signature = "X:T -> Y:float32",
                                            .params_size = sizeof(rung_linear_params),
                                            .attributes = linear_regressor_attrs,
                                            .check = check_LinearRegressor,
                                            .infer = infer_LinearRegressor};

/* SVMClassifier, SVMRegressor */

static rung_status *settle_svm(rung_svm_params *p) {
  RUNG_MODEL_REQUIRE(p->kernel_params.count == 0 || p->kernel_params.count == 3,
                     "kernel_params has %zu elements, not 3", p->kernel_params.count);
  if (p->kernel_params.count)
    p->gamma = p->kernel_params.at[0], p->coef0 = p->kernel_params.at[1], p->degree = p->kernel_params.at[2];
  if (p->vectors == 0) return NULL;
  RUNG_MODEL_REQUIRE(p->support_vectors.count % (uint64_t)p->vectors == 0, "%zu numbers are no %lld support vectors",
                     p->support_vectors.count, (long long)p->vectors);
  p->features = (int64_t)p->support_vectors.count / p->vectors;
  return NULL;
}

static rung_status *settle_machine(rung_svm_params *p, int64_t pairs) {
  RUNG_MODEL_REQUIRE((int64_t)p->vectors_per_class.count == p->classes,
                     "vectors_per_class has %zu entries for %lld classes", p->vectors_per_class.count,
                     (long long)p->classes);
  RUNG_MODEL_REQUIRE(p->classes >= 2 && (int64_t)p->coefficients.count == (p->classes - 1) * p->vectors,
                     "%zu coefficients for %lld classes and %lld support vectors", p->coefficients.count,
                     (long long)p->classes, (long long)p->vectors);
  RUNG_MODEL_REQUIRE((int64_t)p->rho.count == pairs, "rho has %zu elements for %lld pairs of classes", p->rho.count,
                     (long long)pairs);
  RUNG_MODEL_REQUIRE(p->prob_a.count == p->prob_b.count && (p->prob_a.count == 0 || (int64_t)p->prob_a.count == pairs),
                     "prob_a and prob_b have %zu and %zu elements for %lld pairs of classes", p->prob_a.count,
                     p->prob_b.count, (long long)pairs);
  p->scores = p->prob_a.count ? p->classes : pairs;
  return NULL;
}

static rung_status *check_SVMClassifier(const rung_node *node, void *params) {
  (void)node;
  rung_svm_params *p = params;
  RUNG_TRY(check_labels(p->classlabels_ints, p->classlabels_strings));
  p->classes = RUNG_MAX((int64_t)(p->classlabels_ints.count + p->classlabels_strings.count), 1);
  RUNG_REQUIRE(p->classes <= MOST_CLASSES, LIMIT, "%lld classes are above the limit of %d", (long long)p->classes,
               MOST_CLASSES);
  for (size_t i = 0; i < p->vectors_per_class.count; i++) {
    int64_t n = p->vectors_per_class.at[i];
    RUNG_MODEL_REQUIRE(n >= 0 && n <= (int64_t)p->coefficients.count, "class %zu has %lld support vectors", i,
                       (long long)n);
    RUNG_MODEL_REQUIRE(rung_add_i64(p->vectors, n, &p->vectors), "there are too many support vectors");
  }
  RUNG_TRY(settle_svm(p));
  if (p->vectors) {
    RUNG_TRY(settle_machine(p, p->classes * (p->classes - 1) / 2));
  } else {
    RUNG_MODEL_REQUIRE(p->coefficients.count && p->coefficients.count % (uint64_t)p->classes == 0 && p->rho.count >= 1,
                       "%zu coefficients and %zu intercepts for %lld classes", p->coefficients.count, p->rho.count,
                       (long long)p->classes);
    p->features = (int64_t)p->coefficients.count / p->classes;
    p->scores = p->classes;
  }
  p->columns = p->scores == 1 && p->classes == 2 ? 2 : p->scores;
  return NULL;
}

static rung_status *infer_SVMClassifier(rung_infer *infer) {
  const rung_svm_params *p = infer->params;
  infer->outputs[0].dtype = p->classlabels_strings.count ? RUNG_STRING : RUNG_I64;
  RUNG_TRY(rung_ml_infer_rows(infer, 0, 0));
  return rung_ml_infer_rows(infer, 1, p->columns);
}

#define SVM_ATTRS                                                                                    \
  RUNG_ATTR_FLOATS(rung_svm_params, coefficients), RUNG_ATTR_FLOATS(rung_svm_params, kernel_params), \
      RUNG_ATTR_FLOATS(rung_svm_params, rho), RUNG_ATTR_FLOATS(rung_svm_params, support_vectors),    \
      RUNG_ATTR_CHOICE(rung_svm_params, kernel_type, "LINEAR|POLY|RBF|SIGMOID"),                     \
      RUNG_ATTR_CHOICE(rung_svm_params, post_transform, RUNG_ML_TRANSFORMS)

static const rung_attr svm_classifier_attrs[] = {SVM_ATTRS,
                                                 RUNG_ATTR_FLOATS(rung_svm_params, prob_a),
                                                 RUNG_ATTR_FLOATS(rung_svm_params, prob_b),
                                                 RUNG_ATTR_INTS(rung_svm_params, classlabels_ints),
                                                 RUNG_ATTR_STRS(rung_svm_params, classlabels_strings),
                                                 RUNG_ATTR_INTS(rung_svm_params, vectors_per_class),
                                                 {0}};

const rung_op rung_op_ml_SVMClassifier = {.name = "SVMClassifier",
                                          .domain = "ai.onnx.ml",
                                          .since = 1,
                                          .signature = "X:T -> Y:L Z:float32",
                                          .params_size = sizeof(rung_svm_params),
                                          .attributes = svm_classifier_attrs,
                                          .check = check_SVMClassifier,
                                          .infer = infer_SVMClassifier};

static rung_status *check_SVMRegressor(const rung_node *node, void *params) {
  (void)node;
  rung_svm_params *p = params;
  RUNG_MODEL_REQUIRE(p->n_supports >= 0 && p->rho.count >= 1 && p->coefficients.count,
                     "n_supports is %lld, rho has %zu elements", (long long)p->n_supports, p->rho.count);
  p->vectors = p->n_supports;
  p->scores = p->columns = p->classes = 1;
  p->features = (int64_t)p->coefficients.count;
  RUNG_MODEL_REQUIRE(p->vectors == 0 || (int64_t)p->coefficients.count == p->vectors,
                     "%zu coefficients for %lld support vectors", p->coefficients.count, (long long)p->vectors);
  return settle_svm(p);
}

static rung_status *infer_SVMRegressor(rung_infer *infer) { return rung_ml_infer_rows(infer, 0, 1); }

static const rung_attr svm_regressor_attrs[] = {
    SVM_ATTRS, RUNG_ATTR_INT(rung_svm_params, n_supports, 0), RUNG_ATTR_INT(rung_svm_params, one_class, 0), {0}};

const rung_op rung_op_ml_SVMRegressor = {.name = "SVMRegressor",
                                         .domain = "ai.onnx.ml",
                                         .since = 1,
                                         .signature = "X:T -> Y:float32",
                                         .params_size = sizeof(rung_svm_params),
                                         .attributes = svm_regressor_attrs,
                                         .check = check_SVMRegressor,
                                         .infer = infer_SVMRegressor};
