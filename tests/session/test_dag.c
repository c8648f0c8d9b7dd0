/* Properties of placement, on graphs made at random (always the same ones):
 *   - every value is made by an earlier step than those that read it
 *   - islands are convex: no path leaves one and comes back
 *   - a group is in one island of its provider, or its provider has none of it
 *   - whoever runs the nodes, the results are those of the processor alone */
#include "session/session.h"
#include "support/fake.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum { MOST_NODES = 40, GRAPHS = 250, MOST_TEXT = 16384 };

static uint64_t seed;

static unsigned pick(unsigned below) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed >> 33) % below;
}

typedef struct text {
  char at[MOST_TEXT];
  size_t size;
} text;

static void say(text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  t->size += (size_t)vsnprintf(t->at + t->size, sizeof t->at - t->size, format, args);
  va_end(args);
  assert_true(t->size < sizeof t->at);
}

/* Nodes n0, n1, ...; each reads one or two values from before; what nobody reads is an output. */
static void make_graph(text *t, unsigned nodes) {
  static const char *const unary[] = {"Relu", "Neg"}, *const binary[] = {"Add", "Sub"};
  bool read[MOST_NODES] = {false};
  text body = {.size = 0};
  for (unsigned n = 0; n < nodes; n++) {
    unsigned a = pick(n + 1), b = pick(n + 1); /* n: the graph's input */
    char first[16] = "x", second[16] = "x";
    if (a < n) snprintf(first, sizeof first, "v%u", a), read[a] = true;
    if (pick(2)) {
      say(&body, "; n%u@v%u = %s(%s)", n, n, unary[pick(2)], first);
      continue;
    }
    if (b < n) snprintf(second, sizeof second, "v%u", b), read[b] = true;
    say(&body, "; n%u@v%u = %s(%s, %s)", n, n, binary[pick(2)], first, second);
  }
  say(t, "x:f32[3] ->");
  unsigned outputs = 0;
  for (unsigned n = nodes; n-- > 0;)
    if (!read[n] && outputs++ < SESSION_MOST) say(t, " v%u", n);
  say(t, " %s", body.at);
}

static void make_chain(text *t, unsigned nodes) {
  static const char *const claims[] = {"Add", "Neg", "Add+Neg", "Relu+Sub", "nothing"};
  for (unsigned device = 0; device < 2; device++) {
    say(t, "fake?:device=%u,claim=%s", device, claims[pick(5)]);
    unsigned groups = pick(4);
    for (unsigned g = 0; g < groups; g++) {
      say(t, g ? "/" : ",groups=");
      for (unsigned k = pick(4) + 2; k-- > 0;) say(t, "n%u%s", pick(nodes), k ? "+" : "");
    }
    if (pick(3) == 0) say(t, ",refuse_at_compile=%s", claims[pick(2)]);
    say(t, ",");
  }
  say(t, "cpu");
}

static void values_are_made_before_they_are_read(const program *p) {
  const rung_graph *graph = p->graph;
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t i = 0; i < graph->nodes[n]->input_count; i++) {
      const rung_node *producer = graph->nodes[n]->inputs[i]->producer;
      if (producer) assert_true(p->places[producer->index].island <= p->places[n].island);
    }
  for (size_t s = 0; s < p->step_count; s++)
    for (uint32_t k = 0; k < p->steps[s].node_count; k++) {
      const rung_node *node = p->steps[s].nodes[k];
      assert_int_equal(p->places[node->index].island, s);
      assert_int_equal(p->places[node->index].link, p->steps[s].link);
      if (k) assert_true(p->steps[s].nodes[k - 1]->index < node->index);
    }
}

static void islands_are_convex(const program *p) {
  const rung_graph *graph = p->graph;
  for (size_t s = 0; s < p->step_count; s++) {
    bool outside[MOST_NODES] = {false}; /* reached from the island, by way of others */
    for (uint32_t n = 0; n < graph->node_count; n++)
      for (uint32_t i = 0; i < graph->nodes[n]->input_count; i++) {
        const rung_node *from = graph->nodes[n]->inputs[i]->producer;
        if (!from) continue;
        bool in = p->places[from->index].island == (int32_t)s, to = p->places[n].island == (int32_t)s;
        if (outside[from->index] && to)
          fail_msg("island %zu is left and entered again at %s", s, graph->nodes[n]->name);
        outside[n] |= outside[from->index] || (in && !to);
      }
  }
}

static unsigned grouped; /* nodes seen in groups: the property must not hold for want of them */

static void groups_are_whole(const program *p) {
  for (uint32_t n = 0; n < p->graph->node_count; n++) grouped += p->places[n].group != 0;
  for (uint32_t n = 0; n < p->graph->node_count; n++)
    for (uint32_t m = 0; m < n && p->places[n].group; m++)
      if (p->places[m].group == p->places[n].group) assert_int_equal(p->places[m].island, p->places[n].island);
}

static void check_graph(test_session *t, unsigned number) {
  seed = number + 1;
  unsigned nodes = pick(MOST_NODES) + 1;
  text graph = {.size = 0}, chain = {.size = 0};
  make_graph(&graph, nodes);
  make_chain(&chain, nodes);
  session_load(t, graph.at, 0);
  rung_status *status = session_open(t, "cpu", NULL);
  if (status) fail_msg("%s\n%s", graph.at, rung_status_message(status));
  session_fill(t);
  assert_ok(session_run(t));
  rung_value *expected[SESSION_MOST];
  memcpy(expected, t->outputs, sizeof expected);
  memset(t->outputs, 0, sizeof t->outputs);
  status = session_open(t, chain.at, NULL);
  if (status) fail_msg("%s\n%s\n%s", graph.at, chain.at, rung_status_message(status));
  values_are_made_before_they_are_read(rung__session_instance(t->session)->main);
  islands_are_convex(rung__session_instance(t->session)->main);
  groups_are_whole(rung__session_instance(t->session)->main);
  assert_ok(session_run(t));
  for (size_t i = 0; i < SESSION_MOST && expected[i]; i++) {
    for (size_t k = 0; k < 3; k++)
      if (session_out(t, i, k) != rung_tensor_get(rung_value_tensor(expected[i]), k))
        fail_msg("output %zu differs:\n%s\n%s", i, graph.at, chain.at);
    rung_value_release(expected[i]);
  }
}

static void random_graphs_are_placed_well(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  for (unsigned number = 0; number < GRAPHS; number++) check_graph(&t, number);
  assert_true(grouped > GRAPHS / 2);
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs_are_placed_well)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
