/* Pins: nodes that the user keeps to one provider of the chain.
 *
 *     op:Resize           an operator; of another domain: op:com.microsoft.Gelu
 *     node:decoder/?*     names that match, as the shell's patterns do
 *     between:a..b        nodes on a way from tensor a to tensor b
 *
 * They are settled once, on the graph that is placed; of several for a node the last counts. */
#include "session/place.h"

#include <fnmatch.h>

typedef enum selector { SELECT_OP, SELECT_NODE, SELECT_BETWEEN, SELECTOR_COUNT } selector;
static const char *const prefixes[SELECTOR_COUNT] = {"op:", "node:", "between:"};

typedef struct pin_walk {
  rung_instance *instance;
  selector how;
  const char *what;   /* behind the prefix */
  const char *to;     /* between: the second tensor */
  uint32_t pinned_to; /* 1 + link */
  size_t count;       /* nodes so far */
} pin_walk;

static void pin(pin_walk *w, rung_node *node) {
  node->pinned_to = w->pinned_to;
  w->count++;
}

/* "Resize", "com.microsoft.Gelu", "ai.onnx.Resize" */
static bool is_operator(const rung_node *node, const char *name) {
  size_t domain = strlen(node->domain);
  if (!domain)
    return strcmp(name, node->op_type) == 0 ||
           (strncmp(name, "ai.onnx.", 8) == 0 && strcmp(name + 8, node->op_type) == 0);
  return strncmp(name, node->domain, domain) == 0 && name[domain] == '.' &&
         strcmp(name + domain + 1, node->op_type) == 0;
}

static bool reads(const rung_node *node, const char *name, const bool *reached) {
  for (uint32_t i = 0; i < node->input_count + node->capture_count; i++) {
    const rung_value_info *info = i < node->input_count ? node->inputs[i] : node->captures[i - node->input_count];
    if (!info) continue;
    if (strcmp(info->name, name) == 0) return true;
    if (info->producer && info->producer->graph == node->graph && reached[info->producer->index]) return true;
  }
  return false;
}

static bool makes(const rung_node *node, const char *name) {
  for (uint32_t i = 0; i < node->output_count; i++)
    if (node->outputs[i] && strcmp(node->outputs[i]->name, name) == 0) return true;
  return false;
}

/* What the nodes that lead to the second tensor read leads there, too. */
static void lead_back(const rung_graph *graph, const char *to, bool *leading) {
  for (uint32_t n = graph->node_count; n-- > 0;) {
    const rung_node *node = graph->nodes[n];
    leading[n] |= makes(node, to);
    for (uint32_t i = 0; leading[n] && i < node->input_count + node->capture_count; i++) {
      const rung_value_info *info = i < node->input_count ? node->inputs[i] : node->captures[i - node->input_count];
      if (info && info->producer && info->producer->graph == graph) leading[info->producer->index] = true;
    }
  }
}

static rung_status *pin_between(pin_walk *w, rung_graph *graph) {
  const rung_allocator *allocator = w->instance->env->allocator;
  bool *reached = rung_alloc(allocator, 2 * ((size_t)graph->node_count + 1), sizeof *reached, "pins");
  RUNG_CHECK_ALLOC(reached);
  bool *leading = reached + graph->node_count + 1;
  lead_back(graph, w->to, leading);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    reached[n] = reads(graph->nodes[n], w->what, reached);
    if (reached[n] && leading[n]) pin(w, graph->nodes[n]);
  }
  rung_free(allocator, reached);
  return NULL;
}

static rung_status *pin_graph(rung_graph *graph, void *context) {
  pin_walk *w = context;
  if (w->how == SELECT_BETWEEN) RUNG_TRY(pin_between(w, graph));
  for (uint32_t n = 0; n < graph->node_count; n++) {
    rung_node *node = graph->nodes[n];
    if (w->how == SELECT_OP && is_operator(node, w->what)) pin(w, node);
    if (w->how == SELECT_NODE && fnmatch(w->what, node->name, 0) == 0) pin(w, node);
    RUNG_TRY(rung_node_each_body(node, pin_graph, w));
  }
  return NULL;
}

static rung_status *find_link(const rung_instance *instance, const rung_pin *given, uint32_t *out_link) {
  const rung_provider_api *api;
  RUNG_TRY(rung_registry_find(&instance->env->registry, rung_str_of(given->provider), &api));
  for (uint32_t i = 0; i < instance->listed; i++)
    if (instance->chain.links.at[i].api == api) {
      *out_link = i;
      return NULL;
    }
  return RUNG_ERROR(INVALID_ARGUMENT, "pin \"%s\": provider %s is not in the chain", given->nodes, api->name);
}

static rung_status *read_selector(pin_walk *w, const char *text) {
  for (w->how = 0; w->how < SELECTOR_COUNT; w->how++) {
    size_t size = strlen(prefixes[w->how]);
    if (strncmp(text, prefixes[w->how], size) != 0) continue;
    w->what = text + size;
    if (w->how != SELECT_BETWEEN) return NULL;
    const char *dots = strstr(w->what, "..");
    RUNG_REQUIRE(dots && dots > w->what && dots[2], INVALID_ARGUMENT, "pin \"%s\": between:A..B is needed", text);
    char *first = rung_arena_copy(&w->instance->arena, w->what, (size_t)(dots - w->what));
    RUNG_CHECK_ALLOC(first);
    w->what = first;
    w->to = dots + 2;
    return NULL;
  }
  return RUNG_ERROR(INVALID_ARGUMENT, "pin \"%s\": op:TYPE, node:PATTERN or between:A..B is needed", text);
}

/* The operator of the main graph that is most like the one that was named. */
static const char *nearest_operator(const pin_walk *w) {
  const rung_graph *graph = w->instance->ir->graph;
  const char *near = NULL;
  for (uint32_t n = 0; n < graph->node_count && w->how == SELECT_OP; n++) {
    const char *both[] = {near ? near : graph->nodes[n]->op_type, graph->nodes[n]->op_type};
    near = rung_nearest(w->what, both, 2);
  }
  return near;
}

static rung_status *nothing_selected(const pin_walk *w, const char *nodes) {
  const char *near = nearest_operator(w);
  return RUNG_ERROR(NOT_FOUND, "pin \"%s\": no node of the graph (after its passes) is selected%s%s%s", nodes,
                    near ? "; did you mean op:" : "", near ? near : "", near ? "?" : "");
}

rung_status *rung__pin_nodes(rung_instance *instance, const rung_pin *pins, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t link;
    pin_walk w = {.instance = instance};
    RUNG_TRY(read_selector(&w, pins[i].nodes));
    RUNG_TRY(find_link(instance, &pins[i], &link));
    if (!rung_link_claims(&instance->chain.links.at[link]))
      continue; /* an optional one that is skipped, which the plan says */
    w.pinned_to = link + 1;
    RUNG_TRY(pin_graph(instance->ir->graph, &w));
    if (!w.count) return nothing_selected(&w, pins[i].nodes);
  }
  return NULL;
}

rung_status *rung__refuse_pinned(rung_instance *instance, const program *p, uint32_t link, claim_answer *answers) {
  for (uint32_t n = 0; n < p->graph->node_count; n++) {
    const rung_node *node = p->graph->nodes[n];
    if (!node->pinned_to || node->pinned_to == link + 1) continue;
    const char *words = rung_arena_printf(&instance->arena, "the user pinned it to %s",
                                          instance->chain.links.at[node->pinned_to - 1].api->name);
    RUNG_CHECK_ALLOC(words);
    RUNG_TRY(rung__note_refusal(instance, &answers[n], node, link, RUNG_REASON_PINNED, words));
    answers[n].what = CLAIM_REFUSED;
  }
  return NULL;
}
