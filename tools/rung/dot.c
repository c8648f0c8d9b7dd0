/* Nodes and values are named by their places: "n2" is the third node of the main graph, "n2.0.1" the second of its
 * first body. Names in a model may be long, and a node may have that of a value. */
#include "dot.h"

#include "rung_graph.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct walk {
  const rung_session *session;
  unsigned graphs; /* boxes so far */
} walk;

static void put_quoted(const char *text) {
  putchar('"');
  for (text = clean(text); *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar(*text);
  }
  putchar('"');
}

/* Which of its node's bodies it is. */
static unsigned body_index(const rung_graph *graph) {
  unsigned index = 0;
  for (uint32_t i = 0; i < graph->parent->attribute_count; i++) {
    const rung_attribute *a = &graph->parent->attributes[i];
    if (a->type == RUNG_ATTRIBUTE_GRAPH && a->graph == graph) return index;
    if (a->type == RUNG_ATTRIBUTE_GRAPH) index++;
    for (size_t k = 0; a->type == RUNG_ATTRIBUTE_GRAPHS && k < a->count; k++, index++)
      if (a->graphs[k] == graph) return index;
  }
  return index;
}

static void put_path(const rung_graph *graph) {
  if (!graph->parent) return;
  put_path(graph->parent->graph);
  printf("%u.%u.", graph->parent->index, body_index(graph));
}

static void put_id(char kind, const rung_graph *graph, uint32_t index) {
  printf("\"%c", kind);
  put_path(graph);
  printf("%u\"", index);
}

static void put_node_id(const rung_node *node) { put_id('n', node->graph, node->index); }
static void put_value_id(const rung_value_info *value) { put_id('v', value->graph, value->index); }

static void put_source(const rung_value_info *value) {
  if (value->producer)
    put_node_id(value->producer);
  else
    put_value_id(value);
}

static void put_edge(const walk *w, const rung_value_info *value, const rung_node *to, const char *style) {
  if (!value || value->constant) return; /* weights would hide the rest */
  fputs("  ", stdout);
  put_source(value);
  fputs(" -> ", stdout);
  put_node_id(to);
  fputs(" [label=", stdout);
  put_quoted(type_text(w->session, &value->type));
  printf("%s]\n", style);
}

static void put_graph(walk *w, const rung_graph *graph);

static void put_body(walk *w, const rung_node *node, const rung_graph *body) {
  printf("subgraph cluster_%u {\n  label=", w->graphs++);
  char *label = format_text("%s of %s", body->name, node->name);
  put_quoted(label);
  free(label);
  fputs("\n", stdout);
  put_graph(w, body);
  fputs("}\n", stdout);
}

static void put_node(walk *w, const rung_node *node) {
  fputs("  ", stdout);
  put_node_id(node);
  fputs(" [shape=box, label=", stdout);
  put_quoted(node->op_type);
  fputs(", tooltip=", stdout);
  put_quoted(node->name);
  fputs("]\n", stdout);
  for (uint32_t i = 0; i < node->input_count; i++) put_edge(w, node->inputs[i], node, "");
  for (uint32_t i = 0; i < node->capture_count; i++) put_edge(w, node->captures[i], node, ", style=dashed");
  for (uint32_t i = 0; i < node->attribute_count; i++) {
    const rung_attribute *a = &node->attributes[i];
    if (a->type == RUNG_ATTRIBUTE_GRAPH) put_body(w, node, a->graph);
    for (size_t k = 0; a->type == RUNG_ATTRIBUTE_GRAPHS && k < a->count; k++) put_body(w, node, a->graphs[k]);
  }
}

static void put_graph(walk *w, const rung_graph *graph) {
  for (uint32_t i = 0; i < graph->input_count; i++) {
    fputs("  ", stdout);
    put_value_id(graph->inputs[i]);
    fputs(" [shape=oval, label=", stdout);
    put_quoted(graph->inputs[i]->name);
    fputs("]\n", stdout);
  }
  for (uint32_t n = 0; n < graph->node_count; n++) put_node(w, graph->nodes[n]);
  for (uint32_t i = 0; i < graph->output_count; i++) {
    const rung_value_info *value = graph->outputs[i];
    fputs("  ", stdout);
    put_id('o', graph, i);
    fputs(" [shape=oval, label=", stdout);
    put_quoted(value->name);
    fputs("]\n  ", stdout);
    put_source(value);
    fputs(" -> ", stdout);
    put_id('o', graph, i);
    fputs(" [label=", stdout);
    put_quoted(type_text(w->session, &value->type));
    fputs("]\n", stdout);
  }
}

void print_dot(const rung_session *session) {
  walk w = {.session = session};
  puts("digraph model {\n  node [fontname=\"sans-serif\"]\n  edge [fontname=\"sans-serif\", fontsize=9]");
  put_graph(&w, rung_session_graph(session));
  puts("}");
}
