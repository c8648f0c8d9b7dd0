/* ai.onnx.ml: ensembles of decision trees. */
#ifndef RUNG_OP_ML_TREE_H
#define RUNG_OP_ML_TREE_H

#include "op/op.h"

/* What happens to the scores of a row at the end; also of linear models and support vector machines. */
typedef enum rung_ml_transform {
  RUNG_ML_NONE,
  RUNG_ML_SOFTMAX,
  RUNG_ML_LOGISTIC,
  RUNG_ML_SOFTMAX_ZERO, /* softmax of those that are not 0 */
  RUNG_ML_PROBIT,
} rung_ml_transform;
#define RUNG_ML_TRANSFORMS "NONE|SOFTMAX|LOGISTIC|SOFTMAX_ZERO|PROBIT"

typedef enum rung_tree_aggregate {
  RUNG_TREE_AVERAGE,
  RUNG_TREE_SUM,
  RUNG_TREE_MIN,
  RUNG_TREE_MAX,
} rung_tree_aggregate;

/* Numbered as in TreeEnsemble's nodes_modes, LEAF added. */
#define RUNG_TREE_MODES "BRANCH_LEQ|BRANCH_LT|BRANCH_GTE|BRANCH_GT|BRANCH_EQ|BRANCH_NEQ|BRANCH_MEMBER|LEAF"
typedef enum rung_tree_mode {
  RUNG_TREE_LEQ,
  RUNG_TREE_LT,
  RUNG_TREE_GTE,
  RUNG_TREE_GT,
  RUNG_TREE_EQ,
  RUNG_TREE_NEQ,
  RUNG_TREE_MEMBER,
  RUNG_TREE_LEAF,
} rung_tree_mode;

/* TreeEnsembleClassifier, TreeEnsembleRegressor: nodes are named by (tree, node); votes are what the one calls class_*
 * and the other target_*. A list of floats may be given as a tensor of doubles instead. */
typedef struct rung_tree_params {
  rung_ints nodes_treeids, nodes_nodeids, nodes_featureids, nodes_truenodeids, nodes_falsenodeids;
  rung_ints nodes_missing_value_tracks_true;
  rung_strs nodes_modes;
  rung_floats nodes_values, vote_weights, base_values;
  const rung_value *nodes_values_as_tensor, *vote_weights_as_tensor, *base_values_as_tensor;
  rung_ints vote_treeids, vote_nodeids, vote_ids;
  rung_ints classlabels_int64s;
  rung_strs classlabels_strings;
  int64_t n_targets; /* also of the classifier: its labels */
  int aggregate_function, post_transform;
  /* settled, classifier: two labels, and all votes are for one of them; some weight is below 0 */
  bool is_binary, has_negative_votes;
} rung_tree_params;

/* Number i of a list of floats, or of the tensor that stands for it; how many there are. */
double rung_ml_real(rung_floats list, const rung_value *tensor, size_t i);
size_t rung_ml_real_count(rung_floats list, const rung_value *tensor);

/* X is (rows, features), or one row; output `output` has as many rows, of `columns` elements (0: it is a vector). */
rung_status *rung_ml_infer_rows(rung_infer *infer, uint32_t output, int64_t columns) RUNG_MUST_CHECK;

/* TreeEnsemble: interior nodes and leaves are lists of their own. */
typedef struct rung_tree_ensemble_params {
  rung_ints tree_roots, nodes_featureids, nodes_truenodeids, nodes_falsenodeids, nodes_trueleafs, nodes_falseleafs;
  rung_ints nodes_missing_value_tracks_true, leaf_targetids;
  const rung_value *nodes_modes, *nodes_splits, *leaf_weights, *membership_values;
  int64_t n_targets, aggregate_function, post_transform;
} rung_tree_ensemble_params;

typedef struct rung_zip_map_params {
  rung_ints classlabels_int64s;
  rung_strs classlabels_strings;
} rung_zip_map_params;

#endif
