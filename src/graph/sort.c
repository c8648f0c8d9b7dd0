/* A walk down what each node reads, in the order of the file: a node follows as soon as all that it reads stands. Nodes
 * nearly always stand in order, and then nothing is put off. The walk keeps its own stack: a chain that the file holds
 * backwards is as deep as it is long. */
#include "graph/sort.h"

/* In node->index, until it has one. */
#define WAITING UINT32_MAX
#define OPEN (UINT32_MAX - 1)

typedef struct sorter {
  const rung_allocator *allocator;
  rung_graph *graph;
  RUNG_VEC(rung_node *) stack; /* nodes put off, each by the one below; those that are open wait for those above */
} sorter;

static bool is_placed(const rung_node *node) { return node->index < OPEN; }

static rung_status *put_off(sorter *s, rung_node *node) {
  return rung_vec_push(s->allocator, &s->stack, node) ? NULL : rung_status_out_of_memory();
}

static rung_status *need(sorter *s, const rung_value_info *info) {
  rung_node *maker = info && !info->constant ? info->producer : NULL;
  if (!maker || maker->graph != s->graph || is_placed(maker)) return NULL;
  RUNG_REQUIRE(maker->index != OPEN, INVALID_MODEL, "node \"%s\" (%s) is part of a cycle", maker->name, maker->op_type);
  return put_off(s, maker);
}

static rung_status *need_all(sorter *s, rung_value_info *const *infos, uint32_t count) {
  for (uint32_t i = count; i-- > 0;) RUNG_TRY(need(s, infos[i])); /* the first input's maker comes first */
  return NULL;
}

static rung_status *need_body(rung_graph *body, void *context) {
  for (uint32_t n = 0; n < body->node_count; n++) {
    RUNG_TRY(need_all(context, body->nodes[n]->inputs, body->nodes[n]->input_count));
    RUNG_TRY(rung_node_each_body(body->nodes[n], need_body, context));
  }
  return need_all(context, body->outputs, body->output_count);
}

/* Places `node` and all that it needs. What a node reads is looked at once when it is opened, and a value that several
 * read may be put off several times: together as often as there are readers. */
static rung_status *place(sorter *s, rung_node *node) {
  RUNG_TRY(put_off(s, node));
  while (s->stack.count) {
    rung_node *top = s->stack.at[s->stack.count - 1];
    size_t before = s->stack.count;
    if (top->index == WAITING) {
      top->index = OPEN;
      RUNG_TRY(need_all(s, top->inputs, top->input_count));
      RUNG_TRY(rung_node_each_body(top, need_body, s));
      if (s->stack.count > before) continue;
    }
    s->stack.count--;
    if (is_placed(top)) continue;
    top->index = s->graph->node_count;
    s->graph->nodes[s->graph->node_count++] = top;
  }
  return NULL;
}

rung_status *rung_ir_sort(rung_ir *ir, rung_graph *graph, rung_node **nodes, size_t count) {
  graph->nodes = rung_arena_alloc(&ir->arena, count, sizeof *graph->nodes);
  RUNG_CHECK_ALLOC(graph->nodes);
  sorter s = {.allocator = ir->allocator, .graph = graph};
  for (size_t i = 0; i < count; i++) nodes[i]->index = WAITING;
  rung_status *status = NULL;
  for (size_t i = 0; i < count && !status; i++)
    if (!is_placed(nodes[i])) status = place(&s, nodes[i]);
  rung_vec_free(s.allocator, &s.stack);
  return status;
}
