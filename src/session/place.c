/* Who runs each node: every node goes to the first provider in the chain that claims it.
 *
 * Providers are asked in order, each about the nodes that are still free, in the main graph and in the bodies of the
 * nodes that nobody claimed whole. Then islands: going through the graph in order, a node's rank is the largest rank
 * of what it reads, one more where the owner changes. Nodes of one owner and one rank form an island: between two of
 * different owners in the same rank no edge can run, so islands in the order of their rank never wait for each other
 * in a circle, and none is left and entered again. */
#include "session/place.h"

#include "base/str.h"
#include "graph/expand.h"

static rung_status *place_graph(rung_instance *instance, rung_graph *graph, const char *path, program **out_program);

/* Claims */

static bool is_driven(const rung_node *node) { return node->op && (node->op->flags & RUNG_OP_CONTROL); }

bool rung__same_owner(const node_place *a, const node_place *b) {
  return a->link == b->link && a->by_host == b->by_host && a->link != RUNG_NO_LINK;
}

rung_status *rung__note_refusal(rung_instance *instance, claim_answer *answer, const rung_node *node, uint32_t link,
                                rung_reason reason, const char *words) {
  refusal why = {node, link, reason, words, false};
  if (answer->refusal) {
    instance->refusals.at[answer->refusal - 1] = why;
    return NULL;
  }
  if (!rung_vec_push(instance->env->allocator, &instance->refusals, why)) return rung_status_out_of_memory();
  answer->refusal = (uint32_t)instance->refusals.count;
  return NULL;
}

/* A node that was refused first and accepted later is not refused, and what is said of taken ones does not count. */
static void forget_overruled(rung_instance *instance, const claim_answer *answers, size_t first) {
  size_t kept = first;
  for (size_t i = first; i < instance->refusals.count; i++)
    if (answers[instance->refusals.at[i].node->index].what == CLAIM_REFUSED)
      instance->refusals.at[kept++] = instance->refusals.at[i];
  instance->refusals.count = kept;
}

static rung_status *take_answers(rung_instance *instance, program *p, uint32_t link, claim_answer *answers) {
  for (uint32_t n = 0; n < p->graph->node_count; n++) {
    const rung_node *node = p->graph->nodes[n];
    claim_answer *answer = &answers[n];
    bool taken = p->places[n].link != RUNG_NO_LINK;
    instance->chain.links.at[link].offered += !taken && !is_driven(node);
    if (taken || rung__was_refused(node, link)) {
      answer->what = CLAIM_UNANSWERED;
    } else if (answer->what == CLAIM_ACCEPTED) {
      p->places[n].link = link;
      p->places[n].group = answer->group;
    } else if (answer->what == CLAIM_UNANSWERED) {
      answer->what = CLAIM_REFUSED;
      RUNG_TRY(
          rung__note_refusal(instance, answer, node, link, RUNG_REASON_NOT_CONSIDERED, "the provider did not answer"));
    }
  }
  return NULL;
}

static rung_status *ask(rung_instance *instance, program *p, uint32_t link) {
  const rung_graph *graph = p->graph;
  const rung_link *l = &instance->chain.links.at[link];
  claim_answer *answers =
      rung_alloc(instance->env->allocator, (size_t)graph->node_count + 1, sizeof *answers, "claims");
  RUNG_CHECK_ALLOC(answers);
  size_t first = instance->refusals.count;
  rung_claims claims = {
      .instance = instance, .link = link, .graph = graph, .answers = answers, .groups = p->group_count};
  rung_status *status = l->offline
                            ? l->api->offline->claim(&instance->host, l->options.at, l->options.count, graph, &claims)
                            : l->api->claim(l->provider, graph, &claims);
  if (!status && claims.failed) status = rung_status_out_of_memory();
  if (!status) status = rung__refuse_pinned(instance, p, link, answers);
  if (!status && claims.groups > p->group_count)
    status = rung__settle_groups(instance, p, answers, link, claims.groups);
  if (!status) status = take_answers(instance, p, link, answers);
  if (!status) forget_overruled(instance, answers, first);
  p->group_count = claims.groups;
  rung_free(instance->env->allocator, answers);
  return rung_status_prefix(status, "provider %s", l->api->name);
}

/* What is left */

/* Arithmetic on shapes is the host's own work: small integer tensors in, small integer tensors out. */
static bool is_shape_arithmetic(const rung_node *node) {
  if (!node->op || (node->op->flags & (RUNG_OP_RANDOM | RUNG_OP_CONTROL))) return false;
  if (strcmp(node->op_type, "Shape") == 0 || strcmp(node->op_type, "Size") == 0) return true;
  for (uint32_t i = 0; i < node->input_count + node->output_count; i++) {
    const rung_value_info *info = i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
    if (!info) continue;
    const rung_type *type = &info->type;
    bool integer = type->dtype && (RUNG_SET(type->dtype) & (RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_I32) | RUNG_SET_BOOL));
    if (type->kind != RUNG_TENSOR || !integer || type->rank < 0 || type->rank > 1) return false;
    if (type->rank == 1 && (type->dims[0] < 0 || type->dims[0] > 64)) return false;
  }
  return true;
}

static void describe_unplaced(const rung_instance *instance, const rung_node *node, rung_text *text) {
  rung_text_printf(text, "\n  %s (%s)", node->name, node->op_type);
  for (size_t i = 0; i < instance->refusals.count; i++) {
    const refusal *r = &instance->refusals.at[i];
    if (r->node != node || r->link >= instance->listed) continue;
    rung_text_printf(text, "\n    %s: %s: %s", instance->chain.links.at[r->link].api->name, rung_reason_text(r->reason),
                     r->words);
  }
}

/* What nobody claims is asked about again as the operators that make it up. */
static bool mark_expanding(rung_instance *instance, rung_node *node) {
  node->expands = rung_can_expand(node) && !(instance->passes.off >> RUNG_PASS_expand & 1);
  instance->expanding |= node->expands;
  return node->expands;
}

static rung_status *place_rest(rung_instance *instance, program *p) {
  enum { MOST_LISTED = 20 };
  rung_text text;
  rung_text_init(&text, instance->env->allocator);
  uint32_t unplaced = 0;
  for (uint32_t n = 0; n < p->graph->node_count; n++) {
    const rung_node *node = p->graph->nodes[n];
    node_place *place = &p->places[n];
    if (place->link != RUNG_NO_LINK || is_driven(node)) continue;
    place->by_host = instance->host_link != RUNG_NO_LINK && is_shape_arithmetic(node);
    if (place->by_host)
      place->link = instance->host_link;
    else if (mark_expanding(instance, p->graph->nodes[n]))
      continue;
    else if (unplaced++ < MOST_LISTED)
      describe_unplaced(instance, node, &text);
  }
  rung_status *status = NULL;
  if (unplaced && !instance->inspect_only)
    status =
        RUNG_ERROR(UNSUPPORTED, "%u node%s no provider of the chain can run%s:%s%s", unplaced, unplaced > 1 ? "s" : "",
                   p->path[0] ? " in a body" : "", text.data ? text.data : "", unplaced > MOST_LISTED ? "\n  ..." : "");
  if (text.failed) {
    rung_status_free(status);
    status = rung_status_out_of_memory();
  }
  rung_text_finish(&text);
  return status;
}

/* Steps */

/* Node numbers in the order of rank, and of the graph within a rank. */
static uint32_t *sort_by_rank(rung_instance *instance, const program *p) {
  uint32_t count = p->graph->node_count, *order = rung_arena_alloc(&instance->arena, count, sizeof *order);
  uint32_t *starts =
      rung_arena_alloc(&instance->arena, (size_t)count + 2, sizeof *starts); /* a rank is at most count */
  if (!order || !starts) return NULL;
  for (uint32_t n = 0; n < count; n++) starts[p->places[n].rank + 1]++;
  for (uint32_t rank = 1; rank <= count; rank++) starts[rank] += starts[rank - 1];
  for (uint32_t n = 0; n < count; n++) order[starts[p->places[n].rank]++] = n;
  return order;
}

/* Each step gets its nodes, in the order of the graph. */
static rung_status *fill_steps(rung_instance *instance, program *p, const uint32_t *order) {
  for (uint32_t i = 0; i < p->graph->node_count; i++) p->steps[p->places[i].island].node_count++;
  for (size_t s = 0; s < p->step_count; s++) {
    p->steps[s].nodes = rung_arena_alloc(&instance->arena, p->steps[s].node_count, sizeof *p->steps[s].nodes);
    RUNG_CHECK_ALLOC(p->steps[s].nodes);
    p->steps[s].node_count = 0;
  }
  for (uint32_t i = 0; i < p->graph->node_count; i++) {
    program_step *step = &p->steps[p->places[order[i]].island];
    step->nodes[step->node_count++] = p->graph->nodes[order[i]];
  }
  return NULL;
}

/* Islands and driven nodes, in the order of rank; within a rank in the order of their first node. */
static rung_status *collect_steps(rung_instance *instance, program *p) {
  size_t owners = 2 * instance->chain.links.count;                          /* a link for itself, and for the host */
  int32_t *open = rung_arena_alloc(&instance->arena, owners, sizeof *open); /* per owner: its step of this rank */
  uint32_t *order = sort_by_rank(instance, p);
  p->steps = rung_arena_alloc(&instance->arena, p->graph->node_count, sizeof *p->steps);
  if (!open || !order || !p->steps) return rung_status_out_of_memory();
  for (uint32_t i = 0; i < p->graph->node_count; i++) {
    node_place *place = &p->places[order[i]];
    if (i == 0 || place->rank != p->places[order[i - 1]].rank)
      for (size_t k = 0; k < owners; k++) open[k] = -1;
    int32_t *step = place->link == RUNG_NO_LINK ? NULL : &open[2 * place->link + place->by_host];
    if (!step || *step < 0) {
      place->island = (int32_t)p->step_count;
      p->steps[p->step_count++] = (program_step){
          .link = place->link, .by_host = place->by_host, .node = step ? NULL : p->graph->nodes[order[i]]};
      if (step) *step = place->island;
    }
    if (step) place->island = *step;
  }
  return fill_steps(instance, p, order);
}

/* Bodies of nodes that the session drives. */

typedef struct body_walk {
  rung_instance *instance;
  program_step *step;
  const char *path;
} body_walk;

static rung_status *count_body(rung_graph *body, void *context) {
  (void)body;
  ((program_step *)context)->body_count++;
  return NULL;
}

static rung_status *place_body(rung_graph *body, void *context) {
  body_walk *walk = context;
  const char *path = rung_arena_printf(&walk->instance->arena, "%s%s%s/%s", walk->path, walk->path[0] ? "/" : "",
                                       walk->step->node->name, body->name);
  RUNG_CHECK_ALLOC(path);
  return place_graph(walk->instance, body, path, &walk->step->bodies[walk->step->body_count++]);
}

static rung_status *place_bodies(rung_instance *instance, program *p) {
  for (size_t i = 0; i < p->step_count; i++) {
    program_step *step = &p->steps[i];
    if (!step->node) continue;
    RUNG_TRY(rung_node_each_body(step->node, count_body, step));
    size_t count = step->body_count;
    step->body_count = 0; /* as many as there are already */
    step->bodies = rung_arena_alloc(&instance->arena, count, sizeof *step->bodies);
    RUNG_CHECK_ALLOC(step->bodies);
    RUNG_TRY(rung_node_each_body(step->node, place_body, &(body_walk){instance, step, p->path}));
  }
  return NULL;
}

static rung_status *place_graph(rung_instance *instance, rung_graph *graph, const char *path, program **out_program) {
  program *p = rung_arena_alloc(&instance->arena, 1, sizeof *p);
  RUNG_CHECK_ALLOC(p);
  p->graph = graph;
  p->path = path;
  p->places = rung_arena_alloc(&instance->arena, graph->node_count, sizeof *p->places);
  RUNG_CHECK_ALLOC(p->places);
  for (uint32_t n = 0; n < graph->node_count; n++) p->places[n].link = RUNG_NO_LINK;
  for (uint32_t link = 0; link < instance->listed; link++)
    if (rung_link_claims(&instance->chain.links.at[link])) RUNG_TRY(ask(instance, p, link));
  RUNG_TRY(place_rest(instance, p));
  *out_program = p;
  if (instance->expanding) return NULL;
  RUNG_TRY(rung__set_ranks(instance, p, p->group_count));
  RUNG_TRY(collect_steps(instance, p));
  return place_bodies(instance, p);
}

/* A required provider that was asked and took no node has not been used as asked for. One behind others that left
 * nothing for it has not failed anybody. */
static bool uses(const program *p, uint32_t link) {
  for (uint32_t n = 0; n < p->graph->node_count; n++)
    if (p->places[n].link == link && !p->places[n].by_host) return true;
  for (size_t i = 0; i < p->step_count; i++)
    for (size_t b = 0; b < p->steps[i].body_count; b++)
      if (uses(p->steps[i].bodies[b], link)) return true;
  return false;
}

static rung_status *place_round(rung_instance *instance) {
  size_t kept = 0; /* refusals of the last round, but for those that compile made */
  for (size_t i = 0; i < instance->refusals.count; i++)
    if (instance->refusals.at[i].by_compile) instance->refusals.at[kept++] = instance->refusals.at[i];
  instance->refusals.count = kept;
  for (uint32_t link = 0; link < instance->chain.links.count; link++) instance->chain.links.at[link].offered = 0;
  instance->expanding = false;
  return place_graph(instance, instance->ir->graph, "", &instance->main);
}

/* An expanded operator may hold another one: each round unfolds one level. */
rung_status *rung__place(rung_instance *instance) {
  RUNG_TRY(place_round(instance));
  while (instance->expanding) {
    RUNG_TRY(rung__optimize(instance));
    RUNG_TRY(place_round(instance));
  }
  for (uint32_t link = 0; link < instance->listed; link++) {
    const rung_link *l = &instance->chain.links.at[link];
    if (!rung_link_claims(l) || l->optional || !l->offered || instance->inspect_only || uses(instance->main, link))
      continue;
    return RUNG_ERROR(CONTRACT, "provider %s is listed but can run no node of this model (%s?: it may go unused)",
                      l->api->name, l->api->name);
  }
  return NULL;
}
