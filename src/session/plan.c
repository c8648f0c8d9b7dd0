/* The plan as structs, for rung_session_plan. */
#include "session/describe.h"
#include "session/execute.h"

typedef struct plan_maker {
  rung_instance *instance;
  rung_plan_node *nodes;
  rung_plan_island *islands;
  rung_plan_crossing *crossings;
  size_t node_count, island_count, crossing_count;
} plan_maker;

/* A graph that is walked, and how often it runs. */
typedef struct plan_scope {
  const struct plan_scope *outer;
  const program *p;
  int64_t executions; /* -1: unknown */
} plan_scope;

static const char *link_name(const rung_instance *instance, uint32_t link) {
  return link == RUNG_NO_LINK || link >= instance->listed ? "host" : instance->chain.links.at[link].api->name;
}

static bool is_driven(const rung_node *node) { return node->op && (node->op->flags & RUNG_OP_CONTROL); }

static const char *provider_name(const rung_instance *instance, const rung_node *node, const node_place *place) {
  if (place->link == RUNG_NO_LINK && !is_driven(node)) return NULL; /* only where nothing is demanded */
  return place->by_host ? "host" : link_name(instance, place->link);
}

/* Counting, so that arrays are made once. */

static void count_program(plan_maker *m, const program *p) {
  m->node_count += p->graph->node_count;
  m->crossing_count += p->graph->output_count;
  for (size_t s = 0; s < p->step_count; s++) {
    const program_step *step = &p->steps[s];
    m->island_count += !step->node;
    m->crossing_count += step->node ? step->node->input_count : step->island->input_count;
    for (size_t b = 0; b < step->body_count; b++) count_program(m, step->bodies[b]);
  }
}

/* Nodes carry their number in the plan as mark; one in a body that a provider has since claimed whole is not in it. */
static bool is_listed(const plan_maker *m, const refusal *r) { return r->node->mark < m->node_count; }

static rung_status *add_refusals(plan_maker *m) {
  const rung_instance *instance = m->instance;
  size_t total = instance->refusals.count;
  rung_plan_refusal *refusals = rung_arena_alloc(&m->instance->arena, total, sizeof *refusals);
  RUNG_CHECK_ALLOC(refusals);
  for (size_t i = 0; i < total; i++)
    if (is_listed(m, &instance->refusals.at[i])) m->nodes[instance->refusals.at[i].node->mark].refusal_count++;
  for (size_t n = 0; n < m->node_count; n++) {
    m->nodes[n].refusals = refusals;
    refusals += m->nodes[n].refusal_count;
    m->nodes[n].refusal_count = 0;
  }
  for (size_t i = 0; i < total; i++) {
    const refusal *r = &instance->refusals.at[i];
    if (!is_listed(m, r)) continue;
    rung_plan_node *node = &m->nodes[r->node->mark];
    rung_plan_refusal *out = (rung_plan_refusal *)&node->refusals[node->refusal_count++];
    *out = (rung_plan_refusal){link_name(instance, r->link), rung_reason_text(r->reason), r->words};
  }
  return NULL;
}

/* Crossings */

static const char *memory_name(plan_maker *m, const rung_memory *memory) {
  if (!memory) return "host";
  const char *name = rung_arena_printf(&m->instance->arena, "%s:%d", memory->kind, memory->device);
  return name ? name : memory->kind;
}

static const plan_scope *scope_of(const plan_scope *scope, const rung_value_info *info) {
  while (scope && scope->p->graph != info->graph) scope = scope->outer;
  return scope;
}

/* Inputs of graphs, and what the session itself makes, are the host's. */
static rung_memory *memory_of(const rung_instance *instance, const plan_scope *owner, const rung_value_info *info) {
  if (!info->producer) return NULL;
  uint32_t link = owner->p->places[info->producer->index].link;
  return link == RUNG_NO_LINK ? NULL : instance->chain.links.at[link].memory;
}

/* A bit for a memory: that of the first link which has it. The last bit is the host's, and also stands for what would
 * not fit, which is then listed once. */
static uint32_t memory_bit(const rung_instance *instance, const rung_memory *memory) {
  enum { HOST_BIT = 31 };
  uint32_t link = 0;
  while (memory && link < instance->chain.links.count && instance->chain.links.at[link].memory != memory) link++;
  return 1u << (memory ? RUNG_MIN(link, HOST_BIT) : HOST_BIT);
}

static int64_t bytes_of(const rung_type *type) {
  size_t count, bytes;
  if (type->kind != RUNG_TENSOR || type->rank < 0 || !type->dtype ||
      !rung_shape_count(type->rank, type->dims, &count) || !rung_dtype_bytes(type->dtype, count, &bytes))
    return -1;
  return (int64_t)bytes;
}

/* As in execute.c: a value crosses into a memory once while its graph runs, whoever reads it there. */
static void add_crossing(plan_maker *m, const plan_scope *scope, rung_value_info *info, rung_memory *here) {
  if (!info || info->constant || (info->type.kind && info->type.kind != RUNG_TENSOR)) return;
  const plan_scope *owner = scope_of(scope, info);
  rung_memory *there = owner ? memory_of(m->instance, owner, info) : NULL;
  uint32_t bit = memory_bit(m->instance, here);
  if (!owner || info->type.dtype == RUNG_STRING || rung__memory_reads(here, there) || (info->mark & bit)) return;
  info->mark |= bit;
  m->crossings[m->crossing_count++] = (rung_plan_crossing){info->name, memory_name(m, there), memory_name(m, here),
                                                           bytes_of(&info->type), owner->executions};
}

static void add_crossings(plan_maker *m, const plan_scope *scope, const program_step *step) {
  for (uint32_t i = 0; step->node && is_driven(step->node) && i < step->node->input_count; i++)
    add_crossing(m, scope, step->node->inputs[i], NULL);
  for (uint32_t i = 0; step->island && i < step->island->input_count; i++)
    if (!step->shape_only[i])
      add_crossing(m, scope, step->island->inputs[i], m->instance->chain.links.at[step->link].memory);
}

/* Filling */

static void add_islands(plan_maker *m, const program *p, int32_t *numbers) {
  for (size_t s = 0; s < p->step_count; s++) {
    const program_step *step = &p->steps[s];
    numbers[s] = step->node ? -1 : (int32_t)m->island_count;
    if (step->node) continue;
    m->islands[m->island_count++] =
        (rung_plan_island){.provider = step->by_host ? "host" : link_name(m->instance, step->link),
                           .graph = p->path,
                           .description = step->description,
                           .node_count = step->node_count,
                           .memory = memory_name(m, m->instance->chain.links.at[step->link].memory),
                           .cache = step->cache.state,
                           .cache_entry = step->cache.key,
                           .cache_words = step->cache.words};
  }
}

static rung_status *add_nodes(plan_maker *m, const program *p) {
  int32_t *numbers = rung_arena_alloc(&m->instance->arena, p->step_count, sizeof *numbers);
  RUNG_CHECK_ALLOC(numbers);
  add_islands(m, p, numbers);
  for (uint32_t n = 0; n < p->graph->node_count; n++) {
    rung_node *node = p->graph->nodes[n];
    const node_place *place = &p->places[n];
    node->mark = (uint32_t)m->node_count;
    if (place->link != RUNG_NO_LINK) m->instance->chain.links.at[place->link].placed += !place->by_host;
    m->nodes[m->node_count++] = (rung_plan_node){.name = node->name,
                                                 .op_type = node->op_type,
                                                 .domain = node->domain,
                                                 .graph = p->path,
                                                 .provider = provider_name(m->instance, node, place),
                                                 .island = numbers[place->island],
                                                 .flops = rung__node_flops(node),
                                                 .flops_open = rung__node_flops_open(node)};
  }
  return NULL;
}

static rung_status *add_program(plan_maker *m, const program *p, const plan_scope *outer, int64_t executions) {
  plan_scope scope = {outer, p, executions};
  for (uint32_t i = 0; i < p->graph->value_count; i++)
    if (p->graph->values[i]) p->graph->values[i]->mark = 0;
  RUNG_TRY(add_nodes(m, p));
  for (size_t s = 0; s < p->step_count; s++) {
    const program_step *step = &p->steps[s];
    add_crossings(m, &scope, step);
    int64_t inside = step->node && strcmp(step->node->op_type, "If") == 0 ? executions : -1;
    for (size_t b = 0; b < step->body_count; b++) RUNG_TRY(add_program(m, step->bodies[b], &scope, inside));
  }
  for (uint32_t i = 0; i < p->graph->output_count; i++) add_crossing(m, &scope, p->graph->outputs[i], NULL);
  return NULL;
}

static rung_status *add_providers(rung_instance *instance) {
  rung_plan_provider *providers = rung_arena_alloc(&instance->arena, instance->listed, sizeof *providers);
  RUNG_CHECK_ALLOC(providers);
  for (uint32_t i = 0; i < instance->listed; i++) {
    const rung_link *link = &instance->chain.links.at[i];
    providers[i] = (rung_plan_provider){.name = link->api->name,
                                        .optional = link->optional,
                                        .used = rung_link_claims(link),
                                        .why = link->why,
                                        .fix = link->fix,
                                        .node_count = link->placed,
                                        .offline = link->offline ? link->api->offline->source : NULL};
    if (link->provider && RUNG_HAS(link->api, precision)) providers[i].precision = link->api->precision(link->provider);
  }
  instance->plan.providers = providers;
  instance->plan.provider_count = instance->listed;
  return NULL;
}

/* Legalising passes that nobody wants are not named. */
static rung_status *add_passes(rung_instance *instance) {
  rung_plan_pass *passes = rung_arena_alloc(&instance->arena, RUNG_PASS_COUNT, sizeof *passes);
  size_t count = 0;
  RUNG_CHECK_ALLOC(passes);
  for (int i = 0; i < RUNG_PASS_COUNT; i++) {
    bool off = instance->passes.off >> i & 1;
    if (off && rung_pass_is_legalising((rung_pass)i)) continue;
    passes[count++] = (rung_plan_pass){rung_pass_name((rung_pass)i), instance->passes.changed[i], off};
  }
  instance->plan.passes = passes;
  instance->plan.pass_count = count;
  return NULL;
}

static const char *stage_of(const rung_instance *instance) {
  for (uint32_t i = 0; i < instance->listed; i++)
    if (instance->chain.links.at[i].offline) return "offline";
  return instance->compiled ? "compiled" : "claimed";
}

rung_status *rung__plan_make(rung_instance *instance) {
  plan_maker m = {.instance = instance};
  for (size_t i = 0; i < instance->chain.links.count; i++) instance->chain.links.at[i].placed = 0;
  count_program(&m, instance->main);
  m.nodes = rung_arena_alloc(&instance->arena, m.node_count, sizeof *m.nodes);
  m.islands = rung_arena_alloc(&instance->arena, m.island_count, sizeof *m.islands);
  m.crossings = rung_arena_alloc(&instance->arena, m.crossing_count, sizeof *m.crossings);
  if (!m.nodes || !m.islands || !m.crossings) return rung_status_out_of_memory();
  m.node_count = m.island_count = m.crossing_count = 0;
  for (size_t i = 0; i < instance->refusals.count; i++) ((rung_node *)instance->refusals.at[i].node)->mark = UINT32_MAX;
  RUNG_TRY(add_program(&m, instance->main, NULL, 1));
  RUNG_TRY(add_refusals(&m));
  instance->plan = (rung_plan){.struct_size = sizeof instance->plan,
                               .choice = instance->choice,
                               .expected_ns = instance->expected_ns,
                               .stage = stage_of(instance),
                               .node_count = m.node_count,
                               .island_count = m.island_count,
                               .crossing_count = m.crossing_count,
                               .nodes = m.nodes,
                               .islands = m.islands,
                               .crossings = m.crossings,
                               .cache_folder = instance->cache.folder,
                               .cache_why = instance->cache.why};
  RUNG_TRY(add_providers(instance));
  RUNG_TRY(add_passes(instance));
  return rung_contract_measure(&instance->contract, &instance->chain, &instance->arena, &instance->plan);
}
