/* Placed graphs become programs: islands are cut out and compiled, and each value gets its last reader. */
#include "session/compile_job.h"
#include "session/place.h"

/* Islands */

/* Marks the values that are read by another step than the one that makes them, or are outputs of the graph. */
static void mark_crossing(const program *p) {
  const rung_graph *graph = p->graph;
  for (uint32_t i = 0; i < graph->value_count; i++) graph->values[i]->mark = 0;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const rung_node *node = graph->nodes[n];
    for (uint32_t i = 0; i < node->input_count + node->capture_count; i++) {
      rung_value_info *info = i < node->input_count ? node->inputs[i] : node->captures[i - node->input_count];
      if (info && info->producer && info->producer->graph == graph &&
          p->places[info->producer->index].island != p->places[n].island)
        info->mark = 1;
    }
  }
  for (uint32_t i = 0; i < graph->output_count; i++) graph->outputs[i]->mark = 1;
}

static bool is_inside(const program *p, int32_t island, const rung_value_info *info) {
  return info->producer && info->producer->graph == p->graph && p->places[info->producer->index].island == island;
}

typedef struct value_list {
  const rung_allocator *allocator;
  RUNG_VEC(rung_value_info *) infos;
} value_list;

/* Adds what enters the island, each value once. */
static rung_status *add_input(value_list *list, const program *p, int32_t island, rung_value_info *info) {
  enum { TAKEN = 2 };
  if (!info || info->constant || is_inside(p, island, info) || (info->mark & TAKEN)) return NULL;
  info->mark |= TAKEN;
  return rung_vec_push(list->allocator, &list->infos, info) ? NULL : rung_status_out_of_memory();
}

static rung_status *collect_values(rung_instance *instance, const program *p, int32_t index, rung_graph *island) {
  value_list inputs = {.allocator = instance->env->allocator}, outputs = inputs;
  rung_status *status = NULL;
  for (uint32_t k = 0; k < island->node_count && !status; k++) {
    const rung_node *node = island->nodes[k];
    for (uint32_t i = 0; i < node->input_count && !status; i++) status = add_input(&inputs, p, index, node->inputs[i]);
    for (uint32_t i = 0; i < node->capture_count && !status; i++)
      status = add_input(&inputs, p, index, node->captures[i]);
    for (uint32_t i = 0; i < node->output_count && !status; i++)
      if (node->outputs[i] && (node->outputs[i]->mark & 1) &&
          !rung_vec_push(outputs.allocator, &outputs.infos, node->outputs[i]))
        status = rung_status_out_of_memory();
  }
  for (size_t i = 0; i < inputs.infos.count; i++) inputs.infos.at[i]->mark &= 1;
  island->inputs = rung_arena_alloc(&instance->arena, inputs.infos.count + outputs.infos.count, sizeof *island->inputs);
  if (!status && !island->inputs) status = rung_status_out_of_memory();
  if (!status) {
    island->input_count = (uint32_t)inputs.infos.count;
    island->output_count = (uint32_t)outputs.infos.count;
    island->outputs = island->inputs + island->input_count;
    if (island->input_count) memcpy(island->inputs, inputs.infos.at, island->input_count * sizeof *island->inputs);
    if (island->output_count) memcpy(island->outputs, outputs.infos.at, island->output_count * sizeof *island->outputs);
  }
  rung_vec_free(inputs.allocator, &inputs.infos);
  rung_vec_free(outputs.allocator, &outputs.infos);
  return status;
}

/* Does the host read only the shape of an input of its own island? Then the data can stay where it is. */
static rung_status *find_shape_readers(rung_instance *instance, program_step *step) {
  const rung_graph *island = step->island;
  step->shape_only = rung_arena_alloc(&instance->arena, island->input_count, sizeof *step->shape_only);
  RUNG_CHECK_ALLOC(step->shape_only);
  for (uint32_t i = 0; i < island->input_count && step->by_host; i++) {
    step->shape_only[i] = true;
    for (uint32_t n = 0; n < island->node_count; n++) {
      const rung_node *node = island->nodes[n];
      bool shape = strcmp(node->op_type, "Shape") == 0 || strcmp(node->op_type, "Size") == 0;
      for (uint32_t k = 0; k < node->input_count && !shape; k++)
        if (node->inputs[k] == island->inputs[i]) step->shape_only[i] = false;
    }
  }
  return NULL;
}

static rung_status *cut_island(rung_instance *instance, const program *p, int32_t index) {
  program_step *step = &p->steps[index];
  rung_graph *island = rung_arena_alloc(&instance->arena, 1, sizeof *island);
  RUNG_CHECK_ALLOC(island);
  *island = (rung_graph){.name = p->graph->name,
                         .parent = p->graph->parent,
                         .ir = p->graph->ir,
                         .nodes = step->nodes,
                         .node_count = step->node_count};
  step->island = island;
  RUNG_TRY(collect_values(instance, p, index, island));
  return find_shape_readers(instance, step);
}

/* Last readers */

static rung_status *find_last_readers(rung_instance *instance, program *p) {
  uint32_t count = p->graph->value_count;
  uint32_t *last = rung_arena_alloc(&instance->arena, count, sizeof *last); /* step + 1; 0: never read */
  RUNG_CHECK_ALLOC(last);
  for (size_t s = 0; s < p->step_count; s++) {
    const program_step *step = &p->steps[s];
    uint32_t inputs = step->node ? step->node->input_count : step->island->input_count;
    uint32_t captures = step->node ? step->node->capture_count : 0;
    for (uint32_t i = 0; i < inputs + captures; i++) {
      const rung_value_info *info = i >= inputs  ? step->node->captures[i - inputs]
                                    : step->node ? step->node->inputs[i]
                                                 : step->island->inputs[i];
      if (info && info->graph == p->graph) last[info->index] = (uint32_t)s + 1;
    }
  }
  for (uint32_t i = 0; i < p->graph->output_count; i++)
    if (p->graph->outputs[i]->graph == p->graph) last[p->graph->outputs[i]->index] = 0;
  for (uint32_t i = 0; i < count; i++)
    if (last[i]) p->steps[last[i] - 1].dead_count++;
  for (size_t s = 0; s < p->step_count; s++) {
    p->steps[s].dead = rung_arena_alloc(&instance->arena, p->steps[s].dead_count, sizeof *p->steps[s].dead);
    RUNG_CHECK_ALLOC(p->steps[s].dead);
    p->steps[s].dead_count = 0;
  }
  for (uint32_t i = 0; i < count; i++)
    if (last[i]) {
      program_step *step = &p->steps[last[i] - 1];
      step->dead[step->dead_count++] = i;
    }
  return NULL;
}

/* Compiling */

static rung_status *compile_program(rung_instance *instance, program *p, bool *out_refused) {
  for (size_t s = 0; s < p->step_count; s++) {
    program_step *step = &p->steps[s];
    if (!step->node) RUNG_TRY(rung__compile_step(instance, step, out_refused));
    for (size_t b = 0; b < step->body_count; b++) RUNG_TRY(compile_program(instance, step->bodies[b], out_refused));
  }
  return NULL;
}

static size_t count_islands(const program *p) {
  size_t count = 0;
  for (size_t s = 0; s < p->step_count; s++) {
    count += !p->steps[s].node;
    for (size_t b = 0; b < p->steps[s].body_count; b++) count += count_islands(p->steps[s].bodies[b]);
  }
  return count;
}

static rung_status *cut_program(rung_instance *instance, program *p) {
  mark_crossing(p);
  for (size_t s = 0; s < p->step_count; s++)
    if (!p->steps[s].node) RUNG_TRY(cut_island(instance, p, (int32_t)s));
  RUNG_TRY(find_last_readers(instance, p));
  for (size_t s = 0; s < p->step_count; s++)
    for (size_t b = 0; b < p->steps[s].body_count; b++) RUNG_TRY(cut_program(instance, p->steps[s].bodies[b]));
  return NULL;
}

rung_status *rung__cut_islands(rung_instance *instance) { return cut_program(instance, instance->main); }

static void free_program(rung_instance *instance, program *p) {
  for (size_t s = 0; p && s < p->step_count; s++) {
    program_step *step = &p->steps[s];
    if (step->executable) instance->chain.links.at[step->link].api->free_executable(step->executable);
    step->executable = NULL;
    rung__store_release(&instance->cache.store, &step->cache.loaded);
    for (size_t b = 0; b < step->body_count; b++) free_program(instance, step->bodies[b]);
  }
}

void rung__free_programs(rung_instance *instance) {
  free_program(instance, instance->main);
  instance->main = NULL;
}

/* No further round needs what was refused before. */
static void trim_providers(const rung_instance *instance) {
  for (size_t i = 0; i < instance->chain.links.count; i++) {
    const rung_link *link = &instance->chain.links.at[i];
    if (link->provider && RUNG_HAS(link->api, trim)) link->api->trim(link->provider);
  }
}

/* Placement is a loop: what an engine refuses when it compiles is claimed again without it. Every round refuses at
 * least one more node, so it ends. */
rung_status *rung__compile(rung_instance *instance) {
  for (;;) {
    bool refused = false;
    instance->watch.island = 0;
    instance->watch.island_count = count_islands(instance->main);
    RUNG_TRY(compile_program(instance, instance->main, &refused));
    if (!refused) break;
    rung__free_programs(instance);
    RUNG_TRY(rung__place(instance));
    RUNG_TRY(rung__cut_islands(instance));
  }
  trim_providers(instance);
  return NULL;
}
