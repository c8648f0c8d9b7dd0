#include "provider/cpu/form/trees.h"

#include <math.h>

/* Children of a node; of a leaf its first vote and how many it has. */
typedef struct node {
  double split;
  uint32_t feature;
  uint8_t mode, missing_is_true;
  uint32_t yes, no;
} node;

typedef struct vote {
  double weight;
  uint32_t target;
} vote;

/* The arrays follow in the same block. */
struct rung_trees {
  size_t root_count, features, targets;
  const node *nodes;
  const uint32_t *roots;
  const vote *votes;
  const size_t *ranges; /* per node: first member and how many; NULL when no node is MEMBER */
  const double *members;
};

size_t rung_trees_features(const rung_trees *trees) { return trees->features; }
size_t rung_trees_count(const rung_trees *trees) { return trees->root_count; }

/* Compiling */

typedef struct builder {
  const rung_trees_source *from;
  uint32_t *order;   /* of the nodes that roots lead to: their indices in the source */
  uint32_t *numbers; /* per node of the source: place in `order` + 1, 0 for none yet */
  uint8_t *open;     /* per node of the source: on the path from the root to where the walk is */
  uint32_t *stack;   /* of the walk; both children of every node of a path fit */
  size_t count, votes;
  bool has_members;
} builder;

static rung_status *check_node(const builder *b, size_t i) {
  const rung_tree_source *n = &b->from->nodes[i];
  RUNG_REQUIRE(n->feature >= 0 && n->feature < INT32_MAX, INVALID_MODEL, "node %zu looks at feature %lld", i,
               (long long)n->feature);
  RUNG_REQUIRE(
      n->yes >= 0 && (uint64_t)n->yes < b->from->node_count && n->no >= 0 && (uint64_t)n->no < b->from->node_count,
      INVALID_MODEL, "node %zu leads to node %lld or %lld of %zu", i, (long long)n->yes, (long long)n->no,
      b->from->node_count);
  return NULL;
}

/* Depth first, children of true first: the usual path is a run of neighbours. A node is opened when it is first seen on
 * top of the stack and closed when it is seen again; meeting an open one is a cycle. */
static rung_status *number_from(builder *b, uint32_t root) {
  size_t depth = 0;
  b->stack[depth++] = root;
  while (depth) {
    uint32_t i = b->stack[depth - 1];
    const rung_tree_source *n = &b->from->nodes[i];
    if (b->numbers[i]) {
      b->open[i] = 0;
      depth--;
      continue;
    }
    b->order[b->count++] = i;
    b->numbers[i] = (uint32_t)b->count;
    if (n->mode == RUNG_TREE_LEAF) continue;
    RUNG_TRY(check_node(b, i));
    b->open[i] = 1;
    b->has_members |= n->mode == RUNG_TREE_MEMBER;
    uint32_t children[2] = {(uint32_t)n->no, (uint32_t)n->yes};
    for (int k = 0; k < 2; k++) {
      RUNG_REQUIRE(!b->open[children[k]], INVALID_MODEL, "node %u leads back to node %u", i, children[k]);
      if (!b->numbers[children[k]]) b->stack[depth++] = children[k];
    }
  }
  return NULL;
}

/* `counts` per node of the source. */
static rung_status *count_votes(const builder *b, uint32_t *counts) {
  const rung_trees_source *s = b->from;
  for (size_t i = 0; i < s->vote_count; i++) {
    const rung_tree_vote *v = &s->votes[i];
    RUNG_REQUIRE(v->leaf >= 0 && (uint64_t)v->leaf < s->node_count, INVALID_MODEL, "vote %zu is of node %lld", i,
                 (long long)v->leaf);
    RUNG_REQUIRE(v->target >= 0 && v->target < s->targets, INVALID_MODEL, "vote %zu is for target %lld of %lld", i,
                 (long long)v->target, (long long)s->targets);
    counts[v->leaf]++;
  }
  return NULL;
}

static void fill_nodes(const builder *b, const uint32_t *counts, node *nodes, size_t *ranges, size_t *features) {
  uint32_t votes = 0;
  for (size_t i = 0; i < b->count; i++) {
    const rung_tree_source *n = &b->from->nodes[b->order[i]];
    nodes[i] = (node){.split = n->split, .mode = (uint8_t)n->mode, .missing_is_true = n->missing_is_true};
    if (n->mode == RUNG_TREE_LEAF) {
      nodes[i].yes = votes;
      nodes[i].no = counts[b->order[i]];
      votes += nodes[i].no;
      continue;
    }
    nodes[i].feature = (uint32_t)n->feature;
    nodes[i].yes = b->numbers[n->yes] - 1;
    nodes[i].no = b->numbers[n->no] - 1;
    *features = RUNG_MAX(*features, (size_t)n->feature + 1);
    if (ranges) ranges[2 * i] = n->member, ranges[2 * i + 1] = n->member_count;
  }
}

/* Votes in the order of the source within each leaf. `next` per node of the source. */
static void fill_votes(const builder *b, const node *nodes, uint32_t *next, vote *votes) {
  for (size_t i = 0; i < b->count; i++)
    if (nodes[i].mode == RUNG_TREE_LEAF) next[b->order[i]] = nodes[i].yes;
  for (size_t i = 0; i < b->from->vote_count; i++) {
    const rung_tree_vote *v = &b->from->votes[i];
    uint32_t number = b->numbers[v->leaf];
    if (number && nodes[number - 1].mode == RUNG_TREE_LEAF)
      votes[next[v->leaf]++] = (vote){v->weight, (uint32_t)v->target};
  }
}

static rung_status *build(const rung_allocator *allocator, builder *b, uint32_t *counts, rung_trees **out) {
  const rung_trees_source *s = b->from;
  size_t votes = s->vote_count, ranges = b->has_members ? 2 * b->count : 0;
  size_t bytes = sizeof **out + b->count * sizeof(node) + votes * sizeof(vote) + ranges * sizeof(size_t) +
                 s->member_count * sizeof(double) + s->root_count * sizeof(uint32_t);
  rung_trees *trees = rung_alloc(allocator, bytes, 1, "trees");
  RUNG_CHECK_ALLOC(trees);
  node *nodes = (node *)(trees + 1);
  vote *new_votes = (vote *)(nodes + b->count);
  double *members = (double *)(new_votes + votes);
  size_t *new_ranges = (size_t *)(members + s->member_count);
  uint32_t *roots = (uint32_t *)(new_ranges + ranges);
  *trees = (rung_trees){.root_count = s->root_count,
                        .targets = (size_t)s->targets,
                        .nodes = nodes,
                        .roots = roots,
                        .votes = new_votes,
                        .ranges = ranges ? new_ranges : NULL,
                        .members = members};
  for (size_t i = 0; i < s->root_count; i++) roots[i] = b->numbers[s->roots[i]] - 1;
  if (s->member_count) memcpy(members, s->members, s->member_count * sizeof *members);
  fill_nodes(b, counts, nodes, trees->ranges ? new_ranges : NULL, &trees->features);
  fill_votes(b, nodes, counts, new_votes);
  *out = trees;
  return NULL;
}

rung_status *rung_trees_compile(const rung_allocator *allocator, const rung_trees_source *source,
                                rung_trees **out_trees) {
  RUNG_REQUIRE(source->node_count < UINT32_MAX / 4 && source->vote_count < UINT32_MAX, LIMIT, "%zu nodes are too many",
               source->node_count);
  rung_arena arena;
  rung_arena_init(&arena, allocator);
  builder b = {.from = source};
  b.order = rung_arena_alloc(&arena, source->node_count, sizeof *b.order);
  b.numbers = rung_arena_alloc(&arena, source->node_count, sizeof *b.numbers);
  b.open = rung_arena_alloc(&arena, source->node_count, sizeof *b.open);
  b.stack = rung_arena_alloc(&arena, 2 * source->node_count + 1, sizeof *b.stack);
  uint32_t *counts = rung_arena_alloc(&arena, source->node_count, sizeof *counts);
  rung_status *status = b.order && b.numbers && b.open && b.stack && counts ? NULL : rung_status_out_of_memory();
  for (size_t i = 0; i < source->root_count && !status; i++) {
    if (source->roots[i] < 0 || (uint64_t)source->roots[i] >= source->node_count)
      status = RUNG_ERROR(INVALID_MODEL, "tree %zu begins at node %lld of %zu", i, (long long)source->roots[i],
                          source->node_count);
    else
      status = number_from(&b, (uint32_t)source->roots[i]);
  }
  if (!status) status = count_votes(&b, counts);
  if (!status) status = build(allocator, &b, counts, out_trees);
  rung_arena_finish(&arena);
  return status;
}

/* Running */

static bool is_member(const rung_trees *t, size_t node_index, double x) {
  const double *members = t->members + t->ranges[2 * node_index];
  for (size_t i = 0; i < t->ranges[2 * node_index + 1]; i++)
    if (members[i] == x) return true;
  return false;
}

static bool goes_true(const rung_trees *t, const node *n, double x) {
  if (x != x) return n->missing_is_true;
  switch (n->mode) {
    case RUNG_TREE_LEQ:
      return x <= n->split;
    case RUNG_TREE_LT:
      return x < n->split;
    case RUNG_TREE_GTE:
      return x >= n->split;
    case RUNG_TREE_GT:
      return x > n->split;
    case RUNG_TREE_EQ:
      return x == n->split;
    case RUNG_TREE_NEQ:
      return x != n->split;
    default:
      return is_member(t, (size_t)(n - t->nodes), x);
  }
}

static const node *find_leaf(const rung_trees *t, uint32_t root, const double *x) {
  const node *n = &t->nodes[root];
  while (n->mode != RUNG_TREE_LEAF) {
    double value = x[n->feature];
    bool yes = n->mode == RUNG_TREE_LEQ && value == value ? value <= n->split : goes_true(t, n, value);
    n = &t->nodes[yes ? n->yes : n->no];
  }
  return n;
}

static void add_votes(const rung_trees *t, rung_tree_aggregate aggregate, const node *leaf, double *scores) {
  const vote *votes = t->votes + leaf->yes;
  for (uint32_t i = 0; i < leaf->no; i++) {
    double *score = &scores[votes[i].target];
    switch (aggregate) {
      case RUNG_TREE_SUM:
      case RUNG_TREE_AVERAGE:
        *score += votes[i].weight;
        break;
      case RUNG_TREE_MIN:
        *score = *score != *score || votes[i].weight < *score ? votes[i].weight : *score;
        break;
      case RUNG_TREE_MAX:
        *score = *score != *score || votes[i].weight > *score ? votes[i].weight : *score;
        break;
    }
  }
}

void rung_trees_run(const rung_trees *t, rung_tree_aggregate aggregate, size_t rows, const double *x, size_t row_step,
                    double *scores) {
  bool extreme = aggregate == RUNG_TREE_MIN || aggregate == RUNG_TREE_MAX; /* NaN: no vote yet */
  size_t count = rows * t->targets;
  for (size_t i = 0; i < count; i++) scores[i] = extreme ? NAN : 0;
  for (size_t tree = 0; tree < t->root_count; tree++)
    for (size_t row = 0; row < rows; row++)
      add_votes(t, aggregate, find_leaf(t, t->roots[tree], x + row * row_step), scores + row * t->targets);
  for (size_t i = 0; i < count && extreme; i++) scores[i] = scores[i] != scores[i] ? 0 : scores[i];
  for (size_t i = 0; i < count && aggregate == RUNG_TREE_AVERAGE; i++) scores[i] /= (double)t->root_count;
}
