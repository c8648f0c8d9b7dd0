/* The plan as structs, for rung_session_plan. */
#include "session/describe.h"

#include <stdio.h>

typedef struct plan_maker {
  rung_session *session;
  rung_plan_node *nodes;
  rung_plan_island *islands;
  rung_plan_crossing *crossings;
  size_t node_count, island_count, crossing_count;
  int64_t executions; /* of the graph that is walked; -1: unknown */
} plan_maker;

static const char *link_name(const rung_session *session, uint32_t link) {
  return link == RUNG_NO_LINK || link >= session->listed ? "host" : session->chain.links.at[link].api->name;
}

static const char *provider_name(const rung_session *session, const rung_node *node, const node_place *place) {
  bool is_driven = node->op && (node->op->flags & RUNG_OP_CONTROL);
  if (place->link == RUNG_NO_LINK && !is_driven) return NULL; /* only where nothing is demanded */
  return place->by_host ? "host" : link_name(session, place->link);
}

/* Counting, so that arrays are made once. */

static void count_program(plan_maker *m, const program *p) {
  m->node_count += p->graph->node_count;
  for (size_t s = 0; s < p->step_count; s++) {
    const program_step *step = &p->steps[s];
    m->island_count += !step->node;
    if (step->island) m->crossing_count += step->island->input_count;
    for (size_t b = 0; b < step->body_count; b++) count_program(m, step->bodies[b]);
  }
}

/* Nodes carry their number in the plan as mark. */
static rung_status *add_refusals(plan_maker *m) {
  const rung_session *session = m->session;
  size_t total = session->refusals.count;
  rung_plan_refusal *refusals = rung_arena_alloc(&m->session->arena, total, sizeof *refusals);
  RUNG_CHECK_ALLOC(refusals);
  for (size_t i = 0; i < total; i++) m->nodes[session->refusals.at[i].node->mark].refusal_count++;
  for (size_t n = 0; n < m->node_count; n++) {
    m->nodes[n].refusals = refusals;
    refusals += m->nodes[n].refusal_count;
    m->nodes[n].refusal_count = 0;
  }
  for (size_t i = 0; i < total; i++) {
    const refusal *r = &session->refusals.at[i];
    rung_plan_node *node = &m->nodes[r->node->mark];
    rung_plan_refusal *out = (rung_plan_refusal *)&node->refusals[node->refusal_count++];
    *out = (rung_plan_refusal){link_name(session, r->link), rung_reason_text(r->reason), r->words};
  }
  return NULL;
}

/* Crossings */

static const char *memory_name(plan_maker *m, const rung_memory *memory) {
  if (!memory) return "host";
  const char *name = rung_arena_printf(&m->session->arena, "%s:%d", memory->kind, memory->device);
  return name ? name : memory->kind;
}

static rung_memory *memory_of(const rung_session *session, const program *p, const rung_value_info *info) {
  if (!info->producer || info->producer->graph != p->graph) return NULL; /* inputs, and what comes from outside */
  uint32_t link = p->places[info->producer->index].link;
  return link == RUNG_NO_LINK ? NULL : session->chain.links.at[link].memory;
}

static int64_t bytes_of(const rung_type *type) {
  size_t count, bytes;
  if (type->kind != RUNG_TENSOR || type->rank < 0 || !type->dtype ||
      !rung_shape_count(type->rank, type->dims, &count) || !rung_dtype_bytes(type->dtype, count, &bytes))
    return -1;
  return (int64_t)bytes;
}

static void add_crossings(plan_maker *m, const program *p, const program_step *step) {
  rung_memory *here = m->session->chain.links.at[step->link].memory;
  for (uint32_t i = 0; i < step->island->input_count; i++) {
    const rung_value_info *info = step->island->inputs[i];
    rung_memory *there = memory_of(m->session, p, info);
    if (there == here) continue;
    m->crossings[m->crossing_count++] = (rung_plan_crossing){info->name, memory_name(m, there), memory_name(m, here),
                                                             bytes_of(&info->type), m->executions};
  }
}

/* Filling */

static rung_status *add_program(plan_maker *m, const program *p) {
  int32_t first = (int32_t)m->island_count;
  int32_t *numbers = rung_arena_alloc(&m->session->arena, p->step_count, sizeof *numbers);
  RUNG_CHECK_ALLOC(numbers);
  for (size_t s = 0; s < p->step_count; s++) {
    const program_step *step = &p->steps[s];
    numbers[s] = step->node ? -1 : first++;
    if (step->node) continue;
    m->islands[m->island_count++] =
        (rung_plan_island){link_name(m->session, step->link), p->path, step->description, step->node_count};
    if (step->island) add_crossings(m, p, step);
  }
  for (uint32_t n = 0; n < p->graph->node_count; n++) {
    const rung_node *node = p->graph->nodes[n];
    const node_place *place = &p->places[n];
    p->graph->nodes[n]->mark = (uint32_t)m->node_count;
    m->nodes[m->node_count++] = (rung_plan_node){.name = node->name,
                                                 .op_type = node->op_type,
                                                 .domain = node->domain,
                                                 .graph = p->path,
                                                 .provider = provider_name(m->session, node, place),
                                                 .island = numbers[place->island],
                                                 .flops = rung__node_flops(node)};
  }
  int64_t executions = m->executions;
  for (size_t s = 0; s < p->step_count; s++)
    for (size_t b = 0; b < p->steps[s].body_count; b++) {
      m->executions = strcmp(p->steps[s].node->op_type, "If") == 0 ? executions : -1;
      RUNG_TRY(add_program(m, p->steps[s].bodies[b]));
    }
  m->executions = executions;
  return NULL;
}

static rung_status *add_providers(rung_session *session) {
  rung_plan_provider *providers = rung_arena_alloc(&session->arena, session->listed, sizeof *providers);
  RUNG_CHECK_ALLOC(providers);
  for (uint32_t i = 0; i < session->listed; i++) {
    const rung_link *link = &session->chain.links.at[i];
    providers[i] = (rung_plan_provider){.name = link->api->name,
                                        .optional = link->optional,
                                        .used = link->provider != NULL,
                                        .why = link->why,
                                        .fix = link->fix};
    if (link->provider && link->api->precision) providers[i].precision = link->api->precision(link->provider);
    for (size_t n = 0; n < session->plan.node_count; n++) {
      const char *name = session->plan.nodes[n].provider;
      providers[i].node_count += name && strcmp(name, link->api->name) == 0;
    }
  }
  session->plan.providers = providers;
  session->plan.provider_count = session->listed;
  return NULL;
}

static rung_status *add_passes(rung_session *session) {
  rung_plan_pass *passes = rung_arena_alloc(&session->arena, RUNG_PASS_COUNT, sizeof *passes);
  RUNG_CHECK_ALLOC(passes);
  for (int i = 0; i < RUNG_PASS_COUNT; i++)
    passes[i] =
        (rung_plan_pass){rung_pass_name((rung_pass)i), session->passes.changed[i], session->passes.off >> i & 1};
  session->plan.passes = passes;
  session->plan.pass_count = RUNG_PASS_COUNT;
  return NULL;
}

rung_status *rung__plan_make(rung_session *session) {
  plan_maker m = {.session = session};
  count_program(&m, session->main);
  m.nodes = rung_arena_alloc(&session->arena, m.node_count, sizeof *m.nodes);
  m.islands = rung_arena_alloc(&session->arena, m.island_count, sizeof *m.islands);
  m.crossings = rung_arena_alloc(&session->arena, m.crossing_count, sizeof *m.crossings);
  if (!m.nodes || !m.islands || !m.crossings) return rung_status_out_of_memory();
  m.node_count = m.island_count = m.crossing_count = 0;
  m.executions = 1;
  RUNG_TRY(add_program(&m, session->main));
  RUNG_TRY(add_refusals(&m));
  session->plan = (rung_plan){.struct_size = sizeof session->plan,
                              .stage = session->compiled ? "compiled" : "claimed",
                              .node_count = m.node_count,
                              .island_count = m.island_count,
                              .crossing_count = m.crossing_count,
                              .nodes = m.nodes,
                              .islands = m.islands,
                              .crossings = m.crossings};
  RUNG_TRY(add_providers(session));
  return add_passes(session);
}
