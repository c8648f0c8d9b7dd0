#include "plan_text.h"

#include "table.h"
#include "term.h"
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char host[] = "host"; /* what the session does itself */

static bool is_same(const refusal_group *a, const refusal_group *b) {
  return strcmp(a->provider, b->provider) == 0 && strcmp(a->op_type, b->op_type) == 0 &&
         strcmp(a->domain, b->domain) == 0 && strcmp(a->reason, b->reason) == 0 && strcmp(a->words, b->words) == 0;
}

/* FNV-1a, the terminators of the texts included. */
static size_t hash_of(const refusal_group *g) {
  const char *texts[] = {g->provider, g->op_type, g->domain, g->reason, g->words};
  uint64_t hash = 0xcbf29ce484222325u;
  for (int i = 0; i < 5; i++)
    for (const char *at = texts[i];; at++) {
      hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
      if (!*at) break;
    }
  return (size_t)(hash ^ hash >> 32);
}

/* Groups by what they say; words may differ from node to node, so there may be as many as refusals. */
typedef struct group_set {
  refusal_group *groups;
  size_t count;
  size_t *slots; /* the group's index + 1; 0: free; half of them stay free */
  size_t mask;
} group_set;

static void count_refusal(group_set *set, const refusal_group *wanted) {
  size_t at = hash_of(wanted) & set->mask;
  while (set->slots[at] && !is_same(&set->groups[set->slots[at] - 1], wanted)) at = (at + 1) & set->mask;
  if (!set->slots[at]) {
    set->groups = grow_memory(set->groups, set->count, sizeof *set->groups);
    set->groups[set->count] = *wanted;
    set->slots[at] = ++set->count;
  }
  set->groups[set->slots[at] - 1].count++;
}

refusal_group *group_refusals(const rung_plan *plan, bool only_unplaced, size_t *out_count) {
  size_t total = 0, room = 2;
  for (size_t n = 0; n < plan->node_count; n++) total += plan->nodes[n].refusal_count;
  while (room < 2 * total) room *= 2;
  group_set set = {.slots = get_memory(room, sizeof *set.slots), .mask = room - 1};
  for (size_t n = 0; n < plan->node_count; n++) {
    const rung_plan_node *node = &plan->nodes[n];
    for (size_t i = 0; i < node->refusal_count && !(only_unplaced && node->provider); i++) {
      const rung_plan_refusal *r = &node->refusals[i];
      count_refusal(&set, &(refusal_group){r->provider, node->op_type, node->domain, r->reason, r->words,
                                           node->provider, node->name, 0});
    }
  }
  free(set.slots);
  *out_count = set.count;
  return set.groups;
}

static double flops_of(const rung_plan *plan, const char *provider) {
  double sum = 0;
  for (size_t n = 0; n < plan->node_count; n++)
    if (!provider || (plan->nodes[n].provider && strcmp(plan->nodes[n].provider, provider) == 0))
      sum += plan->nodes[n].flops;
  return sum;
}

static size_t nodes_of(const rung_plan *plan, const char *provider) {
  size_t count = 0;
  for (size_t n = 0; n < plan->node_count; n++)
    count += plan->nodes[n].provider && strcmp(plan->nodes[n].provider, provider) == 0;
  return count;
}

static size_t islands_of(const rung_plan *plan, const char *provider, const char **out_description) {
  size_t count = 0;
  *out_description = "";
  for (size_t i = 0; i < plan->island_count; i++) {
    if (strcmp(plan->islands[i].provider, provider) != 0) continue;
    if (!count++) *out_description = plan->islands[i].description;
  }
  return count;
}

/* "openvino?" */
static void add_name(table *t, const rung_plan_provider *p) {
  char *name = format_text("%s%s", p->name, p->optional ? "?" : "");
  table_add(t, name);
  free(name);
}

/* With open dimensions FLOPs are known of some nodes only, and shares would mislead. */
static bool is_closed(const rung_session *session) {
  for (size_t i = 0; i < rung_session_input_count(session); i++) {
    rung_slot slot;
    rung_status *status = rung_session_input(session, i, &slot);
    rung_status_free(status);
    for (int32_t k = 0; !status && k < slot.type->rank; k++)
      if (slot.type->dims[k] < 0) return false;
  }
  return true;
}

static void add_used(table *t, const rung_plan *plan, const rung_plan_provider *p, bool closed) {
  const char *description;
  size_t islands = islands_of(plan, p->name, &description);
  double total = flops_of(plan, NULL), mine = flops_of(plan, p->name);
  char share[64] = "";
  if (closed && total > 0 && mine > 0)
    snprintf(share, sizeof share, ", %.0f %% of %s", 100 * mine / total, flops_text(total));
  char *text = format_text("%zu %s in %zu %s%s%s%s%s%s", p->node_count, plural(p->node_count, "node", "nodes"), islands,
                           plural(islands, "island", "islands"), share, islands == 1 && description[0] ? "; " : "",
                           islands == 1 ? clean(description) : "", p->precision ? "; reduced precision: " : "",
                           p->precision ? p->precision : "");
  char *whole = p->offline ? format_text("%s; offline, by the table of %s", text, clean(p->offline)) : NULL;
  table_add(t, whole ? whole : text);
  free(whole);
  free(text);
}

static void print_providers(const rung_session *session) {
  const rung_plan *plan = rung_session_plan(session);
  bool closed = is_closed(session);
  table t = {.columns = 2, .indent = "  "};
  for (size_t i = 0; i < plan->provider_count; i++) {
    const rung_plan_provider *p = &plan->providers[i];
    add_name(&t, p);
    if (p->used) {
      add_used(&t, plan, p, closed);
      continue;
    }
    char *why = format_text("skipped: %s", p->why ? clean(p->why) : "it cannot be used here");
    table_add(&t, why);
    free(why);
    if (!p->fix) continue;
    char *fix = format_text("to mend it: %s", clean(p->fix));
    table_add(&t, "");
    table_add(&t, fix);
    free(fix);
  }
  size_t count = nodes_of(plan, host);
  if (count) {
    char *text = format_text("%zu %s: control flow, arithmetic on shapes", count, plural(count, "node", "nodes"));
    table_add(&t, host);
    table_add(&t, text);
    free(text);
  }
  table_print(&t);
}

/* The session drives the node and places what is in it. */
static bool is_driven(const refusal_group *g) {
  return strcmp(g->reason, "control-flow") == 0 && g->taken_by && strcmp(g->taken_by, host) == 0;
}

static void print_refusals(const rung_plan *plan, bool why) {
  enum { FEW = 6 };
  size_t count, shown = 0, left = 0;
  refusal_group *groups = group_refusals(plan, false, &count);
  for (size_t i = 0; i < count; i++) {
    const refusal_group *g = &groups[i];
    if (!why && is_driven(g)) continue;
    if (!why && shown == FEW) {
      left++;
      continue;
    }
    shown++;
    printf("  %s refused %zu %s%s%s: %s: %s; run by %s\n", g->provider, g->count, clean(g->domain),
           g->domain[0] ? "." : "", clean(g->op_type), g->reason, clean(g->words),
           g->taken_by ? g->taken_by : "nobody");
  }
  if (left) printf("  and %zu more: rung plan --why\n", left);
  free(groups);
}

static void print_crossings(const rung_plan *plan, bool why) {
  double bytes = 0;
  bool open = false;
  for (size_t i = 0; i < plan->crossing_count; i++) {
    const rung_plan_crossing *c = &plan->crossings[i];
    if (c->bytes < 0 || c->executions < 0)
      open = true;
    else
      bytes += (double)c->bytes * (double)c->executions;
  }
  if (plan->crossing_count)
    printf("  %zu %s between memories, %s%s a run\n", plan->crossing_count,
           plural(plan->crossing_count, "crossing", "crossings"), open ? "at least " : "", bytes_text(bytes));
  for (size_t i = 0; why && i < plan->crossing_count; i++) {
    const rung_plan_crossing *c = &plan->crossings[i];
    printf("    %s: %s to %s, %s\n", clean(c->value), c->from, c->to,
           c->bytes < 0 ? "size known when it runs" : bytes_text((double)c->bytes));
  }
}

static void print_cache(const rung_plan *plan) {
  size_t found = 0, kept = 0;
  for (size_t i = 0; i < plan->island_count; i++) {
    const char *state = plan->islands[i].cache;
    found += state && strcmp(state, "hit") == 0;
    kept += state && strcmp(state, "kept") == 0;
  }
  if (found) printf("  %zu %s from the cache\n", found, plural(found, "island", "islands"));
  if (kept) printf("  %zu %s kept in the cache\n", kept, plural(kept, "island", "islands"));
  if (plan->cache_why) printf("  the cache is not used, or not written: %s\n", clean(plan->cache_why));
}

static void print_lines(const char *title, const char *words) {
  char *lines = clean_lines(words, "  ");
  printf("%s%s%s\n  %s\n", in(BOLD), title, in(PLAIN), lines);
  free(lines);
}

static void print_choice(const rung_plan *plan) {
  if (plan->choice) print_lines("cost", plan->choice);
}

static void print_chosen(const rung_plan_chosen *chosen) {
  if (!chosen) return;
  printf("%schain%s\n  auto: %s%s%s, %s: %s\n", in(BOLD), in(PLAIN), in(GOOD), clean(chosen->chain), in(PLAIN),
         chosen->remembered ? "as it was measured before" : "by measurement", clean(chosen->words));
  if (chosen->unkept) printf("  the choice is not remembered: %s\n", clean(chosen->unkept));
}

static void print_contract(const rung_plan *plan) {
  table t = {.columns = 3, .indent = "  "};
  if (plan->term_count) printf("%scontract%s\n", in(BOLD), in(PLAIN));
  for (size_t i = 0; i < plan->term_count; i++) {
    const rung_plan_term *term = &plan->terms[i];
    char *is = format_text("%.6g", term->value);
    table_add(&t, clean(term->text));
    table_add(&t, is);
    table_add(&t, term->holds > 0 ? "holds" : term->holds ? "open: it depends on the shapes of a run" : "broken");
    free(is);
  }
  if (plan->term_count) table_print(&t);
}

static void print_refused_nodes(const rung_plan *plan) {
  for (size_t n = 0; n < plan->node_count; n++) {
    const rung_plan_node *node = &plan->nodes[n];
    for (size_t i = 0; i < node->refusal_count; i++)
      printf("  %s%s%s (%s%s%s): %s: %s: %s\n", clean(node->graph), node->graph[0] ? "/" : "", clean(node->name),
             clean(node->domain), node->domain[0] ? "." : "", clean(node->op_type), node->refusals[i].provider,
             node->refusals[i].reason, clean(node->refusals[i].words));
  }
}

void print_journal(const rung_session *session) {
  enum { MOST_LINES = 20 };
  size_t count = rung_session_journal_count(session);
  if (count) printf("%sjournal%s\n", in(BOLD), in(PLAIN));
  for (size_t i = 0; i < count && i < MOST_LINES; i++) {
    rung_journal_entry entry;
    rung_status *status = rung_session_journal_entry(session, i, &entry);
    rung_status_free(status);
    if (status) return;
    printf("  %s %s%s%s: %s\n", entry.provider, entry.event, entry.node ? " at " : "",
           entry.node ? clean(entry.node) : "", clean(entry.cause));
  }
  if (count > MOST_LINES) printf("  and %zu more: --json\n", count - MOST_LINES);
}

void print_plan(const rung_session *session, bool why) {
  const rung_plan *plan = rung_session_plan(session);
  print_chosen(plan->chosen);
  printf("%splan%s\n", in(BOLD), in(PLAIN));
  print_providers(session);
  print_refusals(plan, why);
  print_crossings(plan, why);
  print_cache(plan);
  print_choice(plan);
  print_contract(plan);
  if (plan->lock_difference) print_lines("lock", plan->lock_difference);
  if (!why) return;
  printf("%snodes that a provider refused%s\n", in(BOLD), in(PLAIN));
  print_refused_nodes(plan);
}
