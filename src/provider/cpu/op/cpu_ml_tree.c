/* TreeEnsembleClassifier, TreeEnsembleRegressor, TreeEnsemble, ZipMap.
 *
 * Features and scores are double whatever the model says: comparisons with float thresholds come out the same, and sums
 * are rounded once. Where ONNX is silent, ONNX Runtime's conventions hold: a classifier of two labels with votes for
 * one of them only has the score of the second label (its complement for the first), decided at 0.5 when no weight is
 * negative, else at 0; a regressor of one target knows no transform but PROBIT. */
#include "op/ml_tree.h"

#include "base/str.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/ml_rows.h"
#include "provider/cpu/form/ml_transform.h"
#include "provider/cpu/form/trees.h"
#include "provider/opwise/kernel.h"

#include <stdlib.h>

/* Packing: nodes named by (tree, node) */

typedef struct name {
  int64_t tree, node;
  size_t index;
} name;

static int compare_names(const void *x, const void *y) {
  const name *a = x, *b = y;
  if (a->tree != b->tree) return a->tree < b->tree ? -1 : 1;
  return a->node < b->node ? -1 : a->node > b->node;
}

/* Index of a node, or -1. */
static int64_t find_node(const name *names, size_t count, int64_t tree, int64_t node) {
  const name *found = bsearch(&(name){tree, node, 0}, names, count, sizeof *names, compare_names);
  return found ? (int64_t)found->index : -1;
}

static rung_status *sort_names(const rung_tree_params *p, name *names) {
  size_t count = p->nodes_nodeids.count;
  for (size_t i = 0; i < count; i++) names[i] = (name){p->nodes_treeids.at[i], p->nodes_nodeids.at[i], i};
  qsort(names, count, sizeof *names, compare_names);
  for (size_t i = 1; i < count; i++)
    RUNG_REQUIRE(compare_names(&names[i - 1], &names[i]) != 0, INVALID_MODEL, "tree %lld has two nodes %lld",
                 (long long)names[i].tree, (long long)names[i].node);
  return NULL;
}

static rung_status *read_node(const rung_tree_params *p, const name *names, size_t i, rung_tree_source *out) {
  static const char *const modes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
  size_t mode = 0, count = p->nodes_nodeids.count;
  int64_t tree = p->nodes_treeids.at[i];
  if (rung_str_is(p->nodes_modes.at[i], "LEAF")) {
    *out = (rung_tree_source){.mode = RUNG_TREE_LEAF};
    return NULL;
  }
  while (mode < RUNG_COUNT(modes) && !rung_str_is(p->nodes_modes.at[i], modes[mode])) mode++;
  RUNG_REQUIRE(mode < RUNG_COUNT(modes), INVALID_MODEL, "node %zu has the mode \"%.*s\"", i,
               (int)RUNG_MIN(p->nodes_modes.at[i].size, 32), p->nodes_modes.at[i].data);
  *out = (rung_tree_source){.mode = (rung_tree_mode)mode,
                            .feature = p->nodes_featureids.at[i],
                            .split = rung_ml_real(p->nodes_values, p->nodes_values_as_tensor, i),
                            .yes = find_node(names, count, tree, p->nodes_truenodeids.at[i]),
                            .no = find_node(names, count, tree, p->nodes_falsenodeids.at[i])};
  if (p->nodes_missing_value_tracks_true.count) out->missing_is_true = p->nodes_missing_value_tracks_true.at[i] != 0;
  return NULL;
}

/* A root is a node that no other one leads to; each tree has one. `roots` has room for all nodes. */
static rung_status *find_roots(const name *names, rung_trees_source *s, bool *has_parent, int64_t *roots) {
  for (size_t i = 0; i < s->node_count; i++) {
    const rung_tree_source *n = &s->nodes[i];
    if (n->mode == RUNG_TREE_LEAF) continue;
    if (n->yes >= 0) has_parent[n->yes] = true;
    if (n->no >= 0) has_parent[n->no] = true;
  }
  for (size_t first = 0, end; first < s->node_count; first = end) {
    size_t count = 0;
    for (end = first; end < s->node_count && names[end].tree == names[first].tree; end++)
      count += !has_parent[names[end].index];
    RUNG_REQUIRE(count == 1, INVALID_MODEL, "tree %lld has %zu roots", (long long)names[first].tree, count);
  }
  for (size_t i = 0; i < s->node_count; i++)
    if (!has_parent[i]) roots[s->root_count++] = (int64_t)i;
  s->roots = roots;
  return NULL;
}

static rung_status *read_named(const rung_tree_params *p, rung_arena *arena, rung_trees_source *s) {
  size_t count = p->nodes_nodeids.count;
  name *names = rung_arena_alloc(arena, count, sizeof *names);
  rung_tree_source *nodes = rung_arena_alloc(arena, count, sizeof *nodes);
  rung_tree_vote *votes = rung_arena_alloc(arena, p->vote_ids.count, sizeof *votes);
  bool *has_parent = rung_arena_alloc(arena, count, sizeof *has_parent);
  int64_t *roots = rung_arena_alloc(arena, count, sizeof *roots);
  if (!names || !nodes || !votes || !has_parent || !roots) return rung_status_out_of_memory();
  RUNG_TRY(sort_names(p, names));
  for (size_t i = 0; i < count; i++) RUNG_TRY(read_node(p, names, i, &nodes[i]));
  for (size_t i = 0; i < p->vote_ids.count; i++)
    votes[i] = (rung_tree_vote){find_node(names, count, p->vote_treeids.at[i], p->vote_nodeids.at[i]),
                                p->vote_ids.at[i], rung_ml_real(p->vote_weights, p->vote_weights_as_tensor, i)};
  *s = (rung_trees_source){
      .nodes = nodes, .votes = votes, .node_count = count, .vote_count = p->vote_ids.count, .targets = p->n_targets};
  return find_roots(names, s, has_parent, roots);
}

/* Packing: TreeEnsemble, where leaves follow the nodes */

static rung_status *read_target(const char *which, size_t i, int64_t id, bool is_leaf, size_t nodes, size_t leaves,
                                int64_t *out) {
  RUNG_REQUIRE(id >= 0 && (uint64_t)id < (is_leaf ? leaves : nodes), INVALID_MODEL,
               "the %s branch of node %zu leads to %s %lld", which, i, is_leaf ? "leaf" : "node", (long long)id);
  *out = is_leaf ? (int64_t)nodes + id : id;
  return NULL;
}

/* Takes the next set of values, which a NaN ends. */
static rung_status *read_members(const rung_tree_ensemble_params *p, double *members, size_t *at, size_t i,
                                 rung_tree_source *out) {
  size_t count = p->membership_values ? rung_tensor_count(&p->membership_values->tensor) : 0;
  RUNG_REQUIRE(*at < count, INVALID_MODEL, "membership_values has no set for node %zu", i);
  out->member = *at;
  for (; *at < count; (*at)++) {
    members[*at] = rung_ml_real((rung_floats){0}, p->membership_values, *at);
    if (members[*at] != members[*at]) break;
    out->member_count++;
  }
  (*at)++;
  return NULL;
}

static rung_status *read_interior(const rung_tree_ensemble_params *p, size_t i, double *members, size_t *next_member,
                                  rung_tree_source *out) {
  size_t nodes = p->nodes_featureids.count, leaves = p->leaf_targetids.count;
  uint8_t mode = ((const uint8_t *)p->nodes_modes->tensor.data)[i];
  RUNG_REQUIRE(mode < RUNG_TREE_LEAF, INVALID_MODEL, "node %zu has the mode %d", i, mode);
  *out = (rung_tree_source){.mode = (rung_tree_mode)mode,
                            .feature = p->nodes_featureids.at[i],
                            .split = rung_ml_real((rung_floats){0}, p->nodes_splits, i)};
  if (p->nodes_missing_value_tracks_true.count) out->missing_is_true = p->nodes_missing_value_tracks_true.at[i] != 0;
  RUNG_TRY(read_target("true", i, p->nodes_truenodeids.at[i], p->nodes_trueleafs.at[i] != 0, nodes, leaves, &out->yes));
  RUNG_TRY(
      read_target("false", i, p->nodes_falsenodeids.at[i], p->nodes_falseleafs.at[i] != 0, nodes, leaves, &out->no));
  return mode == RUNG_TREE_MEMBER ? read_members(p, members, next_member, i, out) : NULL;
}

static rung_status *read_ensemble(const rung_tree_ensemble_params *p, rung_arena *arena, rung_trees_source *s) {
  size_t interior = p->nodes_featureids.count, leaves = p->leaf_targetids.count, next_member = 0;
  size_t member_count = p->membership_values ? rung_tensor_count(&p->membership_values->tensor) : 0;
  rung_tree_source *nodes = rung_arena_alloc(arena, interior + leaves, sizeof *nodes);
  rung_tree_vote *votes = rung_arena_alloc(arena, leaves, sizeof *votes);
  double *members = rung_arena_alloc(arena, member_count, sizeof *members);
  if (!nodes || !votes || !members) return rung_status_out_of_memory();
  for (size_t i = 0; i < interior; i++) RUNG_TRY(read_interior(p, i, members, &next_member, &nodes[i]));
  for (size_t i = 0; i < leaves; i++) {
    nodes[interior + i] = (rung_tree_source){.mode = RUNG_TREE_LEAF};
    votes[i] = (rung_tree_vote){(int64_t)(interior + i), p->leaf_targetids.at[i],
                                rung_ml_real((rung_floats){0}, p->leaf_weights, i)};
  }
  for (size_t i = 0; i < p->tree_roots.count; i++)
    RUNG_REQUIRE(p->tree_roots.at[i] >= 0 && (uint64_t)p->tree_roots.at[i] < interior, INVALID_MODEL,
                 "tree %zu begins at node %lld of %zu", i, (long long)p->tree_roots.at[i], interior);
  *s = (rung_trees_source){nodes,  p->tree_roots.at, votes,       members, interior + leaves, p->tree_roots.count,
                           leaves, member_count,     p->n_targets};
  return NULL;
}

static rung_status *pack_named(rung_kernel_call *call, void **out_packed) {
  rung_arena arena;
  rung_trees_source source;
  rung_trees *trees = NULL;
  rung_arena_init(&arena, call->host->allocator);
  rung_status *status = read_named(call->params, &arena, &source);
  if (!status) status = rung_trees_compile(call->host->allocator, &source, &trees);
  rung_arena_finish(&arena);
  *out_packed = trees;
  return status;
}

static rung_status *pack_ensemble(rung_kernel_call *call, void **out_packed) {
  rung_arena arena;
  rung_trees_source source;
  rung_trees *trees = NULL;
  rung_arena_init(&arena, call->host->allocator);
  rung_status *status = read_ensemble(call->params, &arena, &source);
  if (!status) status = rung_trees_compile(call->host->allocator, &source, &trees);
  rung_arena_finish(&arena);
  *out_packed = trees;
  return status;
}

/* Running */

typedef struct tree_job {
  const rung_trees *trees;
  size_t features;
  rung_tree_aggregate aggregate;
  size_t targets;
  void (*finish)(const struct tree_job *j, size_t row, double *scores);
  const void *params;
  rung_tensor *out;
  int64_t *labels; /* classifier: index of the top class per row */
} tree_job;

static rung_status *plan_rows(const rung_kernel_call *call, int64_t targets, rung_ml_rows *plan) {
  return rung_ml_rows_plan(call, rung_trees_features(call->packed), false, (size_t)targets, 0, plan);
}

static void score_rows(void *context, size_t first, size_t count, const double *features, double *scores) {
  const tree_job *j = context;
  rung_trees_run(j->trees, j->aggregate, count, features, j->features, scores);
  for (size_t i = 0; i < count; i++) j->finish(j, first + i, scores + i * j->targets);
}

static void run_rows(const rung_kernel_call *call, const rung_ml_rows *plan, tree_job *j) {
  j->trees = call->packed;
  j->features = plan->features;
  j->params = call->params;
  rung_ml_rows_run(call, plan, rung_trees_count(j->trees) * 50, score_rows, j);
}

static void add_base(const rung_tree_params *p, double *scores) {
  size_t count = rung_ml_real_count(p->base_values, p->base_values_as_tensor);
  for (size_t i = 0; i < (size_t)p->n_targets && count; i++)
    scores[i] += rung_ml_real(p->base_values, p->base_values_as_tensor, count == 1 ? 0 : i);
}

/* TreeEnsembleClassifier */

static rung_status *prepare_TreeEnsembleClassifier(rung_kernel_call *call) {
  const rung_tree_params *p = call->params;
  rung_ml_rows plan;
  RUNG_TRY(plan_rows(call, p->n_targets, &plan));
  call->scratch_size = rung_ml_rows_scratch(&plan) + plan.rows * sizeof(int64_t);
  return NULL;
}

static void finish_classifier(const tree_job *j, size_t row, double *scores) {
  const rung_tree_params *p = j->params;
  size_t best = 0;
  add_base(p, scores);
  if (p->is_binary) { /* two labels, all votes for one of them: the score is the second label's */
    double score = scores[p->vote_ids.at[0]];
    best = p->has_negative_votes ? score > 0 : score > 0.5;
    rung_ml_transform_pair((rung_ml_transform)p->post_transform, !p->has_negative_votes, score, scores);
  } else {
    for (size_t i = 1; i < j->targets; i++)
      if (scores[i] > scores[best]) best = i;
    rung_ml_transform_row((rung_ml_transform)p->post_transform, j->targets, scores);
  }
  j->labels[row] = (int64_t)best;
  if (j->out) rung_store_f64(RUNG_F32, j->out->data, row * j->targets, 1, j->targets, scores);
}

static rung_status *run_TreeEnsembleClassifier(rung_kernel_call *call) {
  const rung_tree_params *p = call->params;
  rung_ml_rows plan;
  RUNG_TRY(plan_rows(call, p->n_targets, &plan));
  tree_job j = {.aggregate = RUNG_TREE_SUM,
                .targets = (size_t)p->n_targets,
                .finish = finish_classifier,
                .out = rung_out(call, 1)};
  j.labels = (int64_t *)((char *)call->scratch + rung_ml_rows_scratch(&plan));
  run_rows(call, &plan, &j);
  return rung_ml_give_labels(call, p->classlabels_int64s, p->classlabels_strings, plan.rows, j.labels);
}

#define FEATURES {'T', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_I32)}

const rung_kernel rung_cpu_ml_TreeEnsembleClassifier = {.types = {FEATURES},
                                                        .pack = pack_named,
                                                        .prepare = prepare_TreeEnsembleClassifier,
                                                        .run = run_TreeEnsembleClassifier};

/* TreeEnsembleRegressor, TreeEnsemble */

static void finish_scores(const tree_job *j, rung_ml_transform transform, size_t row, double *scores) {
  if (j->targets > 1 || transform == RUNG_ML_PROBIT) rung_ml_transform_row(transform, j->targets, scores);
  rung_store_f64(j->out->dtype, j->out->data, row * j->targets, 1, j->targets, scores);
}

static void finish_regressor(const tree_job *j, size_t row, double *scores) {
  const rung_tree_params *p = j->params;
  add_base(p, scores);
  finish_scores(j, (rung_ml_transform)p->post_transform, row, scores);
}

static void finish_ensemble(const tree_job *j, size_t row, double *scores) {
  const rung_tree_ensemble_params *p = j->params;
  finish_scores(j, (rung_ml_transform)p->post_transform, row, scores);
}

static rung_status *prepare_regressor(rung_kernel_call *call, int64_t targets) {
  rung_ml_rows plan;
  RUNG_TRY(plan_rows(call, targets, &plan));
  call->scratch_size = rung_ml_rows_scratch(&plan);
  return NULL;
}

static rung_status *prepare_TreeEnsembleRegressor(rung_kernel_call *call) {
  return prepare_regressor(call, ((const rung_tree_params *)call->params)->n_targets);
}

static rung_status *prepare_TreeEnsemble(rung_kernel_call *call) {
  return prepare_regressor(call, ((const rung_tree_ensemble_params *)call->params)->n_targets);
}

static rung_status *run_regressor(rung_kernel_call *call, int64_t targets, int64_t aggregate,
                                  void (*finish)(const tree_job *j, size_t row, double *scores)) {
  rung_ml_rows plan;
  RUNG_TRY(plan_rows(call, targets, &plan));
  tree_job j = {.aggregate = (rung_tree_aggregate)aggregate,
                .targets = (size_t)targets,
                .finish = finish,
                .out = rung_out(call, 0)};
  run_rows(call, &plan, &j);
  return NULL;
}

static rung_status *run_TreeEnsembleRegressor(rung_kernel_call *call) {
  const rung_tree_params *p = call->params;
  return run_regressor(call, p->n_targets, p->aggregate_function, finish_regressor);
}

static rung_status *run_TreeEnsemble(rung_kernel_call *call) {
  const rung_tree_ensemble_params *p = call->params;
  return run_regressor(call, p->n_targets, p->aggregate_function, finish_ensemble);
}

const rung_kernel rung_cpu_ml_TreeEnsembleRegressor = {.types = {FEATURES},
                                                       .pack = pack_named,
                                                       .prepare = prepare_TreeEnsembleRegressor,
                                                       .run = run_TreeEnsembleRegressor};
const rung_kernel rung_cpu_ml_TreeEnsemble = {
    .types = {{'T', RUNG_SET(RUNG_F32) | RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_F16)}},
    .pack = pack_ensemble,
    .prepare = prepare_TreeEnsemble,
    .run = run_TreeEnsemble};

/* ZipMap: one map per row, all with the same keys */

static rung_status *make_keys(const rung_kernel_call *call, int64_t count, rung_value **out) {
  const rung_zip_map_params *p = call->params;
  if (p->classlabels_strings.count)
    return rung_value_new_strings(call->host->allocator, 1, &count, p->classlabels_strings.at, out);
  RUNG_TRY(rung_value_new_tensor(call->host->allocator, RUNG_I64, 1, &count, out));
  memcpy((*out)->tensor.data, p->classlabels_int64s.at, (*out)->tensor.size);
  return NULL;
}

static rung_status *make_map(const rung_kernel_call *call, rung_value *keys, size_t row, int64_t columns,
                             rung_value **out) {
  rung_value *pair[2] = {keys, NULL};
  RUNG_TRY(rung_value_new_tensor(call->host->allocator, RUNG_F32, 1, &columns, &pair[1]));
  size_t bytes = pair[1]->tensor.size;
  memcpy(pair[1]->tensor.data, (const char *)rung_in(call, 0)->data + row * bytes, bytes);
  rung_status *status = rung_value_new_compound(call->host->allocator, RUNG_MAP, RUNG_UNDEFINED, pair, 2, out);
  rung_value_release(pair[1]);
  return status;
}

enum { LOOK_MAPS = 64 }; /* one costs as much as so many elements */

static rung_status *run_ZipMap(rung_kernel_call *call) {
  const rung_zip_map_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  const rung_allocator *allocator = call->host->allocator;
  RUNG_RUN_REQUIRE(x->rank == 1 || x->rank == 2, "the input has rank %d, it must be 2", x->rank);
  size_t rows = x->rank == 1 ? 1 : (size_t)x->dims[0], made = 0;
  int64_t columns = x->dims[x->rank - 1],
          keys_count = (int64_t)(p->classlabels_int64s.count + p->classlabels_strings.count);
  RUNG_RUN_REQUIRE(columns == keys_count, "rows have %lld elements for %lld keys", (long long)columns,
                   (long long)keys_count);
  rung_value *keys, *sequence;
  RUNG_TRY(make_keys(call, columns, &keys));
  rung_value **maps = rung_alloc(allocator, rows + 1, sizeof *maps, "maps");
  rung_status *status = maps ? NULL : rung_status_out_of_memory();
  for (; made < rows && !status && !rung_kernel_stops_at(call, made * LOOK_MAPS); made += !status)
    status = make_map(call, keys, made, columns, &maps[made]);
  if (!status && made < rows) status = RUNG_ERROR(CANCELLED, "the run was cancelled");
  if (!status) status = rung_value_new_compound(allocator, RUNG_SEQUENCE, RUNG_UNDEFINED, maps, rows, &sequence);
  if (!status) status = rung_kernel_give(call, 0, sequence);
  for (size_t i = 0; i < made; i++) rung_value_release(maps[i]);
  rung_free(allocator, maps);
  rung_value_release(keys);
  return status;
}

const rung_kernel rung_cpu_ml_ZipMap = {.run = run_ZipMap};
