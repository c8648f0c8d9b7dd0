/* The cost rule: an island that loses more in crossings than it wins is given back to the providers behind its own.
 *
 * It rests on figures that were measured before (figures.h) and that the user hands in; without them nothing is given
 * back. The greedy plan is predicted first; then, island by island, the plan without it. One that is cheaper by the
 * margin takes its place, and the search goes on from there. It is the same on every run of the same figures, and never
 * takes a required provider's last island. */
#include "session/figures.h"
#include "session/place.h"

#include <math.h>

enum { MOST_TRIES = 64 };
static const double margin = 0.9, least_win = 10000; /* of the time before; nanoseconds */

typedef struct search {
  rung_instance *instance;
  const rung_figures *figures;
  double greedy, best;
  size_t given_back, tried;
} search;

/* Marks or unmarks the nodes of an island as refused for their cost. */
static rung_status *mark_island(search *s, const program_step *step, const char *words) {
  rung_instance *instance = s->instance;
  uint32_t bit = 1u << step->link;
  for (uint32_t i = 0; i < step->node_count; i++) {
    refusal why = {step->nodes[i], step->link, RUNG_REASON_CROSSING_TOO_DEAR, words, true};
    step->nodes[i]->refused_by |= bit;
    if (!rung_vec_push(instance->env->allocator, &instance->refusals, why)) return rung_status_out_of_memory();
  }
  return NULL;
}

/* Takes back what mark_island wrote, from refusal number `first` on. */
static void unmark(search *s, const program_step *step, rung_node *const *nodes, uint32_t count) {
  rung_instance *instance = s->instance;
  size_t kept = 0;
  for (uint32_t i = 0; i < count; i++) nodes[i]->refused_by &= ~(1u << step->link);
  for (size_t i = 0; i < instance->refusals.count; i++) {
    const refusal *r = &instance->refusals.at[i];
    bool taken_back =
        r->reason == RUNG_REASON_CROSSING_TOO_DEAR && r->link == step->link && !(r->node->refused_by >> r->link & 1);
    if (!taken_back) instance->refusals.at[kept++] = *r;
  }
  instance->refusals.count = kept;
}

static rung_status *place_anew(search *s) {
  rung__free_programs(s->instance);
  RUNG_TRY(rung__place(s->instance));
  RUNG_TRY(rung__cut_islands(s->instance));
  return rung__plan_make(s->instance);
}

/* The plan without the island of `step`; true when it is worth it, and stays. */
static rung_status *try_without(search *s, const program_step *step, size_t island, bool *out_better) {
  rung_instance *instance = s->instance;
  double own = 0, ns = INFINITY;
  char missing[128];
  rung__figures_island(s->figures, &instance->plan, island, &own);
  program_step kept = *step; /* the arena keeps its nodes */
  *out_better = false;
  RUNG_TRY(mark_island(s, &kept, "its crossings cost more than it wins"));
  rung_status *status = place_anew(s);
  bool placed = !status && rung__figures_predict(s->figures, &instance->plan, &ns, missing);
  if (placed && ns < s->best * margin && s->best - ns > least_win) {
    s->best = ns;
    s->given_back++;
    *out_better = true;
    return NULL;
  }
  if (status && rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  rung_status_free(status); /* nobody else runs it, or a required provider would have nothing left */
  unmark(s, &kept, kept.nodes, kept.node_count);
  return place_anew(s);
}

/* Number `wanted` among the islands of a program and its bodies, in the plan's order. */
static const program_step *find_island(const program *p, size_t *wanted) {
  for (size_t i = 0; i < p->step_count; i++)
    if (!p->steps[i].node && (*wanted)-- == 0) return &p->steps[i];
  for (size_t i = 0; i < p->step_count; i++)
    for (size_t b = 0; b < p->steps[i].body_count; b++) {
      const program_step *found = find_island(p->steps[i].bodies[b], wanted);
      if (found) return found;
    }
  return NULL;
}

static rung_status *improve(search *s) {
  for (size_t island = 0; island < s->instance->plan.island_count && s->tried < MOST_TRIES; island++) {
    size_t number = island;
    const program_step *step = find_island(s->instance->main, &number);
    if (!step || step->by_host || step->link >= s->instance->listed) continue;
    bool better;
    s->tried++;
    RUNG_TRY(try_without(s, step, island, &better));
    if (better) island = (size_t)-1; /* the islands are others now */
  }
  return NULL;
}

static rung_status *say(rung_instance *instance, const char *words) {
  instance->choice = words;
  return words ? rung__plan_make(instance) : rung_status_out_of_memory();
}

rung_status *rung__weigh_costs(rung_instance *instance, const char *text) {
  rung_figures figures = {0};
  char missing[128];
  search s = {.instance = instance, .figures = &figures};
  rung_status *status = rung__figures_read(instance->env->allocator, text, &figures);
  if (!status && !rung__figures_predict(&figures, &instance->plan, &s.greedy, missing)) {
    status = say(instance,
                 rung_arena_printf(&instance->arena, "the greedy plan, unweighed: there is no figure of %s", missing));
  } else if (!status) {
    s.best = s.greedy;
    status = improve(&s);
    instance->expected_ns = s.best;
    if (!status && s.given_back)
      status =
          say(instance, rung_arena_printf(&instance->arena,
                                          "%zu island%s given back for the crossings: %.3g ms a run are expected, "
                                          "%.3g ms with the greedy plan",
                                          s.given_back, s.given_back > 1 ? "s" : "", s.best / 1e6, s.greedy / 1e6));
    else if (!status)
      status =
          say(instance, rung_arena_printf(&instance->arena,
                                          "the greedy plan: %.3g ms a run are expected, and giving back any of %zu "
                                          "islands would not win a tenth",
                                          s.best / 1e6, s.tried));
  }
  rung__figures_finish(&figures);
  return status;
}
