#include "op/ml_tree.h"

#include "base/half.h"
#include "base/value.h"
#include "op/op_infer.h"

enum { MOST_TARGETS = 1 << 20 }; /* each is a column of the output: a few bytes must not ask for gigabytes */

rung_status *rung_ml_infer_rows(rung_infer *infer, uint32_t output, int64_t columns) {
  const rung_type *x = rung_infer_input(infer, 0);
  RUNG_MODEL_REQUIRE(x->rank < 0 || x->rank == 1 || x->rank == 2, "the input has rank %d, it must be 2", x->rank);
  int64_t dims[2] = {x->rank == 1 ? 1 : x->rank == 2 ? x->dims[0] : rung_infer_symbol(infer), columns};
  return rung_infer_shape(infer, output, columns ? 2 : 1, dims);
}

/* Tables */

static rung_status *same_length(const char *name, size_t count, size_t expected) {
  RUNG_MODEL_REQUIRE(count == expected, "%s has %zu entries, it must have %zu", name, count, expected);
  return NULL;
}

/* The data of a tensor may lie at any byte. */
double rung_ml_real(rung_floats list, const rung_value *tensor, size_t i) {
  if (!tensor) return (double)list.at[i];
  union {
    float f32;
    double f64;
    uint16_t narrow;
  } x;
  size_t size = rung_dtype_size(tensor->tensor.dtype);
  memcpy(&x, (const char *)tensor->tensor.data + i * size, size);
  switch (tensor->tensor.dtype) {
    case RUNG_F32:
      return (double)x.f32;
    case RUNG_F64:
      return x.f64;
    case RUNG_F16:
      return (double)rung_f16_to_f32(x.narrow);
    default:
      return (double)rung_bf16_to_f32(x.narrow);
  }
}

size_t rung_ml_real_count(rung_floats list, const rung_value *tensor) {
  return tensor ? rung_tensor_count(&tensor->tensor) : list.count;
}

static rung_status *check_real_tensor(const char *name, const rung_value *value) {
  RUNG_MODEL_REQUIRE(
      !value || (value->kind == RUNG_TENSOR && (value->tensor.dtype == RUNG_F64 || value->tensor.dtype == RUNG_F32)),
      "%s must be a tensor of doubles", name);
  return NULL;
}

static rung_status *check_tables(const rung_tree_params *p) {
  size_t nodes = p->nodes_nodeids.count, votes = p->vote_ids.count, base;
  RUNG_TRY(check_real_tensor("nodes_values_as_tensor", p->nodes_values_as_tensor));
  RUNG_TRY(check_real_tensor("weights_as_tensor", p->vote_weights_as_tensor));
  RUNG_TRY(check_real_tensor("base_values_as_tensor", p->base_values_as_tensor));
  RUNG_MODEL_REQUIRE(nodes && nodes < INT32_MAX && votes < INT32_MAX, "%zu nodes and %zu votes cannot make trees",
                     nodes, votes);
  RUNG_TRY(same_length("nodes_treeids", p->nodes_treeids.count, nodes));
  RUNG_TRY(same_length("nodes_featureids", p->nodes_featureids.count, nodes));
  RUNG_TRY(same_length("nodes_truenodeids", p->nodes_truenodeids.count, nodes));
  RUNG_TRY(same_length("nodes_falsenodeids", p->nodes_falsenodeids.count, nodes));
  RUNG_TRY(same_length("nodes_modes", p->nodes_modes.count, nodes));
  RUNG_TRY(same_length("nodes_values", rung_ml_real_count(p->nodes_values, p->nodes_values_as_tensor), nodes));
  if (p->nodes_missing_value_tracks_true.count)
    RUNG_TRY(same_length("nodes_missing_value_tracks_true", p->nodes_missing_value_tracks_true.count, nodes));
  RUNG_TRY(same_length("class_treeids or target_treeids", p->vote_treeids.count, votes));
  RUNG_TRY(same_length("class_nodeids or target_nodeids", p->vote_nodeids.count, votes));
  RUNG_TRY(same_length("class_weights or target_weights",
                       rung_ml_real_count(p->vote_weights, p->vote_weights_as_tensor), votes));
  base = rung_ml_real_count(p->base_values, p->base_values_as_tensor);
  RUNG_MODEL_REQUIRE(base <= 1 || base == (uint64_t)p->n_targets, "%zu base values for %lld targets", base,
                     (long long)p->n_targets);
  return NULL;
}

static rung_status *check_targets(int64_t targets) {
  RUNG_MODEL_REQUIRE(targets > 0, "there are %lld targets or classes, there must be at least 1", (long long)targets);
  RUNG_REQUIRE(targets <= MOST_TARGETS, LIMIT, "%lld targets are above the limit of %d", (long long)targets,
               MOST_TARGETS);
  return NULL;
}

#define NODE_ATTRS                                                                                                 \
  RUNG_ATTR_INTS(rung_tree_params, nodes_treeids), RUNG_ATTR_INTS(rung_tree_params, nodes_nodeids),                \
      RUNG_ATTR_INTS(rung_tree_params, nodes_featureids), RUNG_ATTR_INTS(rung_tree_params, nodes_truenodeids),     \
      RUNG_ATTR_INTS(rung_tree_params, nodes_falsenodeids),                                                        \
      RUNG_ATTR_INTS(rung_tree_params, nodes_missing_value_tracks_true),                                           \
      RUNG_ATTR_STRS(rung_tree_params, nodes_modes), RUNG_ATTR_FLOATS(rung_tree_params, nodes_values),             \
      RUNG_ATTR_TENSOR(rung_tree_params, nodes_values_as_tensor), RUNG_ATTR_FLOATS(rung_tree_params, base_values), \
      RUNG_ATTR_TENSOR(rung_tree_params, base_values_as_tensor), RUNG_ATTR_IGNORED("nodes_hitrates"),              \
      RUNG_ATTR_IGNORED("nodes_hitrates_as_tensor"),                                                               \
      RUNG_ATTR_CHOICE(rung_tree_params, post_transform, RUNG_ML_TRANSFORMS)

#define VOTE_ATTR(text, KIND, member) \
  {.name = text, .kind = RUNG_ATTR_KIND_##KIND, .offset = offsetof(rung_tree_params, member)}

/* TreeEnsembleClassifier */

static rung_status *check_TreeEnsembleClassifier(const rung_node *node, void *params) {
  (void)node;
  rung_tree_params *p = params;
  RUNG_MODEL_REQUIRE(!p->classlabels_int64s.count != !p->classlabels_strings.count,
                     "one of classlabels_int64s and classlabels_strings must be given");
  p->n_targets = (int64_t)(p->classlabels_int64s.count + p->classlabels_strings.count);
  RUNG_TRY(check_targets(p->n_targets));
  RUNG_TRY(check_tables(p));
  p->is_binary = p->n_targets == 2 && p->vote_ids.count;
  for (size_t i = 0; i < p->vote_ids.count; i++) {
    p->is_binary &= p->vote_ids.at[i] == p->vote_ids.at[0];
    p->has_negative_votes |= rung_ml_real(p->vote_weights, p->vote_weights_as_tensor, i) < 0;
  }
  return NULL;
}

static rung_status *infer_TreeEnsembleClassifier(rung_infer *infer) {
  const rung_tree_params *p = infer->params;
  infer->outputs[0].dtype = p->classlabels_strings.count ? RUNG_STRING : RUNG_I64;
  RUNG_TRY(rung_ml_infer_rows(infer, 0, 0));
  return rung_ml_infer_rows(infer, 1, p->n_targets);
}

static const rung_attr classifier_attrs[] = {NODE_ATTRS,
                                             RUNG_ATTR_INTS(rung_tree_params, classlabels_int64s),
                                             RUNG_ATTR_STRS(rung_tree_params, classlabels_strings),
                                             VOTE_ATTR("class_treeids", INTS, vote_treeids),
                                             VOTE_ATTR("class_nodeids", INTS, vote_nodeids),
                                             VOTE_ATTR("class_ids", INTS, vote_ids),
                                             VOTE_ATTR("class_weights", FLOATS, vote_weights),
                                             VOTE_ATTR("class_weights_as_tensor", TENSOR, vote_weights_as_tensor),
                                             {0}};

const rung_op rung_op_ml_TreeEnsembleClassifier = {.name = "TreeEnsembleClassifier",
                                                   .domain = "ai.onnx.ml",
                                                   .since = 1,
                                                   .signature = "X:T -> Y:L Z:float32",
                                                   .params_size = sizeof(rung_tree_params),
                                                   .attributes = classifier_attrs,
                                                   .check = check_TreeEnsembleClassifier,
                                                   .infer = infer_TreeEnsembleClassifier};

/* TreeEnsembleRegressor */

static rung_status *check_TreeEnsembleRegressor(const rung_node *node, void *params) {
  (void)node;
  const rung_tree_params *p = params;
  RUNG_TRY(check_targets(p->n_targets));
  return check_tables(p);
}

static rung_status *infer_TreeEnsembleRegressor(rung_infer *infer) {
  return rung_ml_infer_rows(infer, 0, ((const rung_tree_params *)infer->params)->n_targets);
}

static const rung_attr regressor_attrs[] = {
    NODE_ATTRS,
    RUNG_ATTR_INT(rung_tree_params, n_targets, 1),
    {"aggregate_function", RUNG_ATTR_KIND_CHOICE, offsetof(rung_tree_params, aggregate_function),
     .int_default = RUNG_TREE_SUM, .text = "AVERAGE|SUM|MIN|MAX"},
    VOTE_ATTR("target_treeids", INTS, vote_treeids),
    VOTE_ATTR("target_nodeids", INTS, vote_nodeids),
    VOTE_ATTR("target_ids", INTS, vote_ids),
    VOTE_ATTR("target_weights", FLOATS, vote_weights),
    VOTE_ATTR("target_weights_as_tensor", TENSOR, vote_weights_as_tensor),
    {0}};

const rung_op rung_op_ml_TreeEnsembleRegressor = {.name = "TreeEnsembleRegressor",
                                                  .domain = "ai.onnx.ml",
                                                  .since = 1,
                                                  .signature = "X:T -> Y:float32",
                                                  .params_size = sizeof(rung_tree_params),
                                                  .attributes = regressor_attrs,
                                                  .check = check_TreeEnsembleRegressor,
                                                  .infer = infer_TreeEnsembleRegressor};

/* TreeEnsemble */

static rung_status *check_table(const char *name, const rung_value *value, bool bytes, size_t count, bool any_count) {
  RUNG_MODEL_REQUIRE(value && value->kind == RUNG_TENSOR, "%s must be a tensor", name);
  rung_dtype dtype = value->tensor.dtype;
  RUNG_MODEL_REQUIRE(bytes ? dtype == RUNG_U8 : (RUNG_SET_FLOAT & RUNG_SET(dtype)) != 0, "%s must not be %s", name,
                     rung_dtype_name(dtype));
  return any_count ? NULL : same_length(name, rung_tensor_count(&value->tensor), count);
}

static rung_status *check_TreeEnsemble(const rung_node *node, void *params) {
  (void)node;
  const rung_tree_ensemble_params *p = params;
  size_t nodes = p->nodes_featureids.count, leaves = p->leaf_targetids.count;
  RUNG_TRY(check_targets(p->n_targets));
  RUNG_MODEL_REQUIRE(nodes < INT32_MAX / 2 && leaves < INT32_MAX / 2, "%zu nodes and %zu leaves are too many", nodes,
                     leaves);
  RUNG_TRY(same_length("nodes_truenodeids", p->nodes_truenodeids.count, nodes));
  RUNG_TRY(same_length("nodes_falsenodeids", p->nodes_falsenodeids.count, nodes));
  RUNG_TRY(same_length("nodes_trueleafs", p->nodes_trueleafs.count, nodes));
  RUNG_TRY(same_length("nodes_falseleafs", p->nodes_falseleafs.count, nodes));
  if (p->nodes_missing_value_tracks_true.count)
    RUNG_TRY(same_length("nodes_missing_value_tracks_true", p->nodes_missing_value_tracks_true.count, nodes));
  RUNG_TRY(check_table("nodes_modes", p->nodes_modes, true, nodes, false));
  RUNG_TRY(check_table("nodes_splits", p->nodes_splits, false, nodes, false));
  RUNG_TRY(check_table("leaf_weights", p->leaf_weights, false, leaves, false));
  if (p->membership_values) RUNG_TRY(check_table("membership_values", p->membership_values, false, 0, true));
  RUNG_MODEL_REQUIRE(p->aggregate_function >= 0 && p->aggregate_function <= RUNG_TREE_MAX,
                     "aggregate_function %lld does not exist", (long long)p->aggregate_function);
  RUNG_MODEL_REQUIRE(p->post_transform >= 0 && p->post_transform <= RUNG_ML_PROBIT,
                     "post_transform %lld does not exist", (long long)p->post_transform);
  return NULL;
}

static rung_status *infer_TreeEnsemble(rung_infer *infer) {
  return rung_ml_infer_rows(infer, 0, ((const rung_tree_ensemble_params *)infer->params)->n_targets);
}

static const rung_attr ensemble_attrs[] = {RUNG_ATTR_INTS(rung_tree_ensemble_params, tree_roots),
                                           RUNG_ATTR_INTS(rung_tree_ensemble_params, nodes_featureids),
                                           RUNG_ATTR_INTS(rung_tree_ensemble_params, nodes_truenodeids),
                                           RUNG_ATTR_INTS(rung_tree_ensemble_params, nodes_falsenodeids),
                                           RUNG_ATTR_INTS(rung_tree_ensemble_params, nodes_trueleafs),
                                           RUNG_ATTR_INTS(rung_tree_ensemble_params, nodes_falseleafs),
                                           RUNG_ATTR_INTS(rung_tree_ensemble_params, nodes_missing_value_tracks_true),
                                           RUNG_ATTR_INTS(rung_tree_ensemble_params, leaf_targetids),
                                           RUNG_ATTR_TENSOR(rung_tree_ensemble_params, nodes_modes),
                                           RUNG_ATTR_TENSOR(rung_tree_ensemble_params, nodes_splits),
                                           RUNG_ATTR_TENSOR(rung_tree_ensemble_params, leaf_weights),
                                           RUNG_ATTR_TENSOR(rung_tree_ensemble_params, membership_values),
                                           RUNG_ATTR_INT(rung_tree_ensemble_params, n_targets, 1),
                                           RUNG_ATTR_INT(rung_tree_ensemble_params, aggregate_function, RUNG_TREE_SUM),
                                           RUNG_ATTR_INT(rung_tree_ensemble_params, post_transform, RUNG_ML_NONE),
                                           RUNG_ATTR_IGNORED("nodes_hitrates"),
                                           {0}};

const rung_op rung_op_ml_TreeEnsemble = {.name = "TreeEnsemble",
                                         .domain = "ai.onnx.ml",
                                         .since = 5,
                                         .signature = "X:T -> Y:T",
                                         .params_size = sizeof(rung_tree_ensemble_params),
                                         .attributes = ensemble_attrs,
                                         .check = check_TreeEnsemble,
                                         .infer = infer_TreeEnsemble};

/* ZipMap */

static rung_status *check_ZipMap(const rung_node *node, void *params) {
  (void)node;
  const rung_zip_map_params *p = params;
  RUNG_MODEL_REQUIRE(!p->classlabels_int64s.count != !p->classlabels_strings.count,
                     "one of classlabels_int64s and classlabels_strings must be given");
  return NULL;
}

static rung_status *infer_ZipMap(rung_infer *infer) {
  const rung_zip_map_params *p = infer->params;
  static const rung_type value = {.kind = RUNG_TENSOR, .dtype = RUNG_F32};
  static const rung_type by_name = {.kind = RUNG_MAP, .dtype = RUNG_STRING, .rank = -1, .element = &value};
  static const rung_type by_number = {.kind = RUNG_MAP, .dtype = RUNG_I64, .rank = -1, .element = &value};
  infer->outputs[0] =
      (rung_type){.kind = RUNG_SEQUENCE, .rank = -1, .element = p->classlabels_strings.count ? &by_name : &by_number};
  return NULL;
}

static const rung_attr zip_map_attrs[] = {RUNG_ATTR_INTS(rung_zip_map_params, classlabels_int64s),
                                          RUNG_ATTR_STRS(rung_zip_map_params, classlabels_strings),
                                          {0}};

const rung_op rung_op_ml_ZipMap = {.name = "ZipMap",
                                   .domain = "ai.onnx.ml",
                                   .since = 1,
                                   .signature = "X:float32 -> Z:S",
                                   .params_size = sizeof(rung_zip_map_params),
                                   .attributes = zip_map_attrs,
                                   .check = check_ZipMap,
                                   .infer = infer_ZipMap};
