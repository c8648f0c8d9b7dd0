/* Decision trees, compiled: the tables of a model become one array of nodes in the order in which they are visited.
 *
 * rung_trees_compile takes nodes by index, in any order and not to be trusted: a target outside of the table, a cycle
 * or a vote for a target that does not exist is INVALID_MODEL. What no root leads to is dropped. */
#ifndef RUNG_CPU_FORM_TREES_H
#define RUNG_CPU_FORM_TREES_H

#include "base/status.h"
#include "op/ml_tree.h"

/* A node as the model has it. */
typedef struct rung_tree_source {
  rung_tree_mode mode;
  bool missing_is_true; /* where NaN goes */
  int64_t feature;
  double split;
  int64_t yes, no;             /* indices of nodes; of a leaf: nothing */
  size_t member, member_count; /* of MEMBER: its values in `members` */
} rung_tree_source;

typedef struct rung_tree_vote {
  int64_t leaf; /* index of its node; votes of other nodes than leaves count for nothing */
  int64_t target;
  double weight;
} rung_tree_vote;

typedef struct rung_trees_source {
  const rung_tree_source *nodes;
  const int64_t *roots;
  const rung_tree_vote *votes;
  const double *members;
  size_t node_count, root_count, vote_count, member_count;
  int64_t targets;
} rung_trees_source;

typedef struct rung_trees rung_trees; /* one block; freed by rung_free */

rung_status *rung_trees_compile(const rung_allocator *allocator, const rung_trees_source *source,
                                rung_trees **out_trees) RUNG_MUST_CHECK;

/* How many features a row must have. */
size_t rung_trees_features(const rung_trees *trees);
size_t rung_trees_count(const rung_trees *trees);
/* Scores of `rows` rows of x (row_step elements apart), `targets` each, to scores; trees are added in their order. Of
 * targets without vote the score is 0. */
void rung_trees_run(const rung_trees *trees, rung_tree_aggregate aggregate, size_t rows, const double *x,
                    size_t row_step, double *scores);

#endif
