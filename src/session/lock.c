#include "session/lock.h"

#include "base/printable.h"

#include <stdlib.h>

static const char header[] = "rung plan lock 1\n";

/* Writing */

static void put(rung_text *text, const char *name) {
  char buffer[RUNG_PRINTABLE];
  rung_text_printf(text, "%s", rung_printable(rung_str_of(name), buffer));
}

static void put_in_graph(rung_text *text, const char *graph) {
  if (!graph[0]) return;
  rung_text_printf(text, ", in ");
  put(text, graph);
}

static void put_providers(rung_text *text, const rung_instance *instance) {
  for (uint32_t i = 0; i < instance->listed; i++) {
    const rung_link *link = &instance->chain.links.at[i];
    rung_text_printf(text, "provider %s %s%s\n", link->api->name, link->api->version,
                     link->offline    ? ", offline"
                     : link->provider ? ""
                                      : ", skipped");
  }
}

static void put_islands(rung_text *text, const rung_plan *plan) {
  for (size_t i = 0; i < plan->island_count; i++) {
    const rung_plan_island *island = &plan->islands[i];
    rung_text_printf(text, "island on %s: %zu %s", island->provider, island->node_count,
                     island->node_count == 1 ? "node" : "nodes");
    put_in_graph(text, island->graph);
    rung_text_printf(text, island->description[0] ? "; %s\n" : "%s\n", island->description);
  }
}

static void put_nodes(rung_text *text, const rung_plan *plan) {
  for (size_t i = 0; i < plan->node_count; i++) {
    const rung_plan_node *node = &plan->nodes[i];
    rung_text_printf(text, "node ");
    put(text, node->name);
    put_in_graph(text, node->graph);
    rung_text_printf(text, " (");
    put(text, node->op_type);
    rung_text_printf(text, ") on %s\n", node->provider ? node->provider : "nobody");
  }
}

static void put_crossings(rung_text *text, const rung_plan *plan) {
  for (size_t i = 0; i < plan->crossing_count; i++) {
    const rung_plan_crossing *c = &plan->crossings[i];
    rung_text_printf(text, "crossing ");
    put(text, c->value);
    rung_text_printf(text, " from %s to %s, ", c->from, c->to);
    if (c->bytes < 0)
      rung_text_printf(text, "as many bytes as the run has\n");
    else
      rung_text_printf(text, "%lld bytes\n", (long long)c->bytes);
  }
}

/* Lines */

typedef RUNG_VEC(rung_str) line_list;

static int compare_lines(const void *a, const void *b) {
  return rung_str_compare(*(const rung_str *)a, *(const rung_str *)b);
}

/* Lines of a text, sorted; they lie in it. */
static rung_status *split(const rung_allocator *allocator, const char *text, line_list *lines) {
  while (text && *text) {
    size_t size = strcspn(text, "\n"), used = size && text[size - 1] == '\r' ? size - 1 : size;
    if (used && !rung_vec_push(allocator, lines, ((rung_str){text, used}))) return rung_status_out_of_memory();
    text += size + (text[size] != 0);
  }
  if (lines->count) qsort(lines->at, lines->count, sizeof *lines->at, compare_lines);
  return NULL;
}

static rung_status *add_sorted(const rung_allocator *allocator, const rung_text *part, rung_text *text) {
  line_list lines = {0};
  rung_status *status = part->failed ? rung_status_out_of_memory() : split(allocator, part->data, &lines);
  for (size_t i = 0; i < lines.count && !status; i++) {
    rung_text_append(text, lines.at[i].data, lines.at[i].size);
    rung_text_append(text, "\n", 1);
  }
  rung_vec_free(allocator, &lines);
  return status;
}

rung_status *rung__lock_write(const rung_instance *instance, rung_text *text) {
  const rung_allocator *allocator = instance->env->allocator;
  rung_status *status = NULL;
  rung_text_append(text, header, sizeof header - 1);
  put_providers(text, instance); /* in the order of the chain */
  static void (*const parts[])(rung_text *, const rung_plan *) = {put_islands, put_nodes, put_crossings};
  for (size_t i = 0; i < RUNG_COUNT(parts) && !status; i++) {
    rung_text part;
    rung_text_init(&part, allocator);
    parts[i](&part, &instance->plan);
    status = add_sorted(allocator, &part, text);
    rung_text_finish(&part);
  }
  if (!status && text->failed) status = rung_status_out_of_memory();
  return status;
}

/* Comparing */

/* "  locked: ..." and "  now:    ..." for what only one of them has. */
static size_t differences(const line_list *locked, const line_list *now, rung_text *text) {
  enum { MOST_SHOWN = 30 };
  size_t i = 0, k = 0, count = 0;
  while (i < locked->count || k < now->count) {
    int order = i == locked->count ? 1 : k == now->count ? -1 : rung_str_compare(locked->at[i], now->at[k]);
    const rung_str *line = order < 0 ? &locked->at[i] : &now->at[k];
    i += order <= 0;
    k += order >= 0;
    if (order == 0 || count++ >= MOST_SHOWN) continue;
    char buffer[RUNG_PRINTABLE];
    rung_text_printf(text, "\n  %s %s", order < 0 ? "locked:" : "now:   ", rung_printable(*line, buffer));
  }
  if (count > MOST_SHOWN) rung_text_printf(text, "\n  and %zu more lines", count - MOST_SHOWN);
  return count;
}

rung_status *rung__lock_compare(const rung_instance *instance, const char *lock) {
  const rung_allocator *allocator = instance->env->allocator;
  RUNG_REQUIRE(strncmp(lock, header, sizeof header - 2) == 0, INVALID_ARGUMENT,
               "the lock does not begin with \"%.*s\": it is none, or of another version of rung",
               (int)sizeof header - 2, header);
  rung_text text, changes;
  line_list locked = {0}, now = {0};
  rung_text_init(&text, allocator);
  rung_text_init(&changes, allocator);
  rung_status *status = rung__lock_write(instance, &text);
  if (!status) status = split(allocator, lock, &locked);
  if (!status) status = split(allocator, text.data, &now);
  size_t count = status ? 0 : differences(&locked, &now, &changes);
  if (!status && changes.failed) status = rung_status_out_of_memory();
  if (count && !status)
    status = RUNG_ERROR(CONTRACT, "the plan is not the one that was locked: %zu lines differ:%s", count, changes.data);
  rung_vec_free(allocator, &now);
  rung_vec_free(allocator, &locked);
  rung_text_finish(&changes);
  rung_text_finish(&text);
  return status;
}
