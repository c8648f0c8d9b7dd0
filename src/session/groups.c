/* Groups: nodes that a provider takes together or not at all.
 *
 * A unit is a group, or a node in none. While every group is convex (no path leaves it and comes back) and no two wait
 * for each other, units can be put into an order in which each stands behind those that it reads: then a group runs in
 * one go. A depth-first walk finds the order, or a group that spoils it, which is given back. */
#include "session/place.h"

typedef struct units {
  const program *p;
  const claim_answer *answers; /* NULL: groups are those of p->places */
  uint32_t *first;             /* per node: the first node of its unit */
  uint32_t *next;              /* per node: the next of its unit, or NONE */
  uint32_t *order;             /* first nodes of units, finished ones */
  uint32_t ordered;
} units;

enum { NONE = UINT32_MAX };

static uint32_t group_of(const units *u, uint32_t n) {
  if (u->p->places[n].group || !u->answers || u->answers[n].what != CLAIM_ACCEPTED) return u->p->places[n].group;
  return u->answers[n].group;
}

static rung_status *form_units(units *u, const rung_allocator *allocator, uint32_t most_groups) {
  uint32_t *last = rung_alloc(allocator, (size_t)most_groups + 1, sizeof *last, "groups"); /* node + 1 */
  RUNG_CHECK_ALLOC(last);
  for (uint32_t n = 0; n < u->p->graph->node_count; n++) {
    uint32_t group = group_of(u, n), before = group ? last[group] : 0;
    u->next[n] = NONE;
    u->first[n] = before ? u->first[before - 1] : n;
    if (before) u->next[before - 1] = n;
    last[group] = n + 1;
  }
  rung_free(allocator, last);
  return NULL;
}

/* The walk */

enum { NEW, OPEN, DONE };

typedef struct visit { /* of a unit: how far the walk has come */
  uint32_t unit, member, input;
} visit;

/* The next unit that the visited one reads, or NONE. */
static uint32_t next_read(const units *u, visit *v) {
  for (; v->member != NONE; v->member = u->next[v->member], v->input = 0) {
    const rung_node *node = u->p->graph->nodes[v->member];
    while (v->input < node->input_count + node->capture_count) {
      uint32_t i = v->input++;
      const rung_value_info *info = i < node->input_count ? node->inputs[i] : node->captures[i - node->input_count];
      if (!info || info->constant || !info->producer || info->producer->graph != u->p->graph) continue;
      uint32_t unit = u->first[info->producer->index];
      if (unit != v->unit) return unit;
    }
  }
  return NONE;
}

/* A circle: from the unit that is read back along the stack to it. One of the groups asked about is in it, as those
 * placed before were in order. */
static uint32_t find_culprit(const units *u, const visit *stack, size_t depth, uint32_t read) {
  for (size_t i = depth; i-- > 0;) {
    if (group_of(u, stack[i].unit) && !u->p->places[stack[i].unit].group) return stack[i].unit;
    if (stack[i].unit == read) break;
  }
  return NONE;
}

static uint32_t walk_from(units *u, uint32_t start, uint8_t *states, visit *stack) {
  size_t depth = 0;
  stack[depth++] = (visit){start, start, 0};
  states[start] = OPEN;
  while (depth) {
    uint32_t read = next_read(u, &stack[depth - 1]);
    if (read == NONE) {
      uint32_t unit = stack[--depth].unit;
      states[unit] = DONE;
      u->order[u->ordered++] = unit;
    } else if (states[read] == NEW) {
      stack[depth++] = (visit){read, read, 0};
      states[read] = OPEN;
    } else if (states[read] == OPEN) {
      return find_culprit(u, stack, depth, read);
    }
  }
  return NONE;
}

static rung_status *order_units(units *u, const rung_allocator *allocator, uint32_t *out_culprit) {
  uint32_t count = u->p->graph->node_count;
  uint8_t *states = rung_alloc(allocator, (size_t)count + 1, sizeof *states, "groups");
  visit *stack = rung_alloc(allocator, (size_t)count + 1, sizeof *stack, "groups");
  rung_status *status = states && stack ? NULL : rung_status_out_of_memory();
  u->ordered = 0;
  *out_culprit = NONE;
  for (uint32_t n = 0; n < count && !status && *out_culprit == NONE; n++)
    if (u->first[n] == n && states[n] == NEW) *out_culprit = walk_from(u, n, states, stack);
  rung_free(allocator, stack);
  rung_free(allocator, states);
  return status;
}

static rung_status *make_units(units *u, const rung_allocator *allocator) {
  size_t count = (size_t)u->p->graph->node_count + 1;
  u->first = rung_alloc(allocator, 3 * count, sizeof *u->first, "groups");
  RUNG_CHECK_ALLOC(u->first);
  u->next = u->first + count;
  u->order = u->next + count;
  return NULL;
}

/* Answers */

static bool is_free(const program *p, uint32_t n, uint32_t link) {
  return p->places[n].link == RUNG_NO_LINK && !rung__was_refused(p->graph->nodes[n], link);
}

/* Groups with a member that this provider cannot have are given back. */
static rung_status *drop_broken(rung_instance *instance, const program *p, claim_answer *answers, uint32_t link,
                                uint32_t groups) {
  bool *broken = rung_alloc(instance->env->allocator, (size_t)groups + 1, sizeof *broken, "groups");
  RUNG_CHECK_ALLOC(broken);
  rung_status *status = NULL;
  for (uint32_t n = 0; n < p->graph->node_count; n++)
    if (!is_free(p, n, link) || answers[n].what == CLAIM_REFUSED) broken[answers[n].group] = true;
  for (uint32_t n = 0; n < p->graph->node_count && !status; n++) {
    claim_answer *answer = &answers[n];
    if (!answer->group || !broken[answer->group] || answer->what != CLAIM_ACCEPTED) continue;
    if (is_free(p, n, link))
      status = rung__note_refusal(instance, answer, p->graph->nodes[n], link, RUNG_REASON_GROUP,
                                  "another node of its group was refused or is taken");
    answer->what = CLAIM_REFUSED;
  }
  rung_free(instance->env->allocator, broken);
  return status;
}

static rung_status *drop_group(rung_instance *instance, const program *p, claim_answer *answers, uint32_t link,
                               uint32_t group) {
  for (uint32_t n = 0; n < p->graph->node_count; n++) {
    if (answers[n].group != group || answers[n].what != CLAIM_ACCEPTED) continue;
    RUNG_TRY(rung__note_refusal(instance, &answers[n], p->graph->nodes[n], link, RUNG_REASON_GROUP,
                                "its group cannot run in one go: nodes outside stand between its nodes"));
    answers[n].what = CLAIM_REFUSED;
  }
  return NULL;
}

rung_status *rung__settle_groups(rung_instance *instance, const program *p, claim_answer *answers, uint32_t link,
                                 uint32_t groups) {
  RUNG_TRY(drop_broken(instance, p, answers, link, groups));
  units u = {.p = p, .answers = answers};
  RUNG_TRY(make_units(&u, instance->env->allocator));
  rung_status *status = NULL;
  for (uint32_t culprit = 0; !status && culprit != NONE;) {
    status = form_units(&u, instance->env->allocator, groups);
    if (!status) status = order_units(&u, instance->env->allocator, &culprit);
    if (!status && culprit != NONE) status = drop_group(instance, p, answers, link, answers[culprit].group);
  }
  rung_free(instance->env->allocator, u.first);
  return status;
}

/* Ranks */

static uint32_t rank_after(const units *u, uint32_t unit, const rung_value_info *info) {
  if (!info || info->constant || !info->producer || info->producer->graph != u->p->graph) return 0;
  uint32_t maker = info->producer->index;
  if (u->first[maker] == unit) return 0;
  return u->p->places[maker].rank + !rung__same_owner(&u->p->places[maker], &u->p->places[unit]);
}

rung_status *rung__set_ranks(rung_instance *instance, program *p, uint32_t groups) {
  units u = {.p = p};
  uint32_t culprit;
  RUNG_TRY(make_units(&u, instance->env->allocator));
  rung_status *status = form_units(&u, instance->env->allocator, groups);
  if (!status) status = order_units(&u, instance->env->allocator, &culprit);
  for (uint32_t k = 0; k < u.ordered && !status; k++) {
    uint32_t rank = 0;
    for (uint32_t n = u.order[k]; n != NONE; n = u.next[n]) {
      const rung_node *node = p->graph->nodes[n];
      for (uint32_t i = 0; i < node->input_count; i++)
        rank = RUNG_MAX(rank, rank_after(&u, u.order[k], node->inputs[i]));
      for (uint32_t i = 0; i < node->capture_count; i++)
        rank = RUNG_MAX(rank, rank_after(&u, u.order[k], node->captures[i]));
    }
    for (uint32_t n = u.order[k]; n != NONE; n = u.next[n]) p->places[n].rank = rank;
  }
  rung_free(instance->env->allocator, u.first);
  return status;
}
