/* Makes the plan of one shape key, by walking the steps once with the real shapes:
 *
 *   - a step whose inputs are all known is run now, when its result is small: shape arithmetic disappears
 *   - a step whose output shapes follow is static: it is prepared, and its outputs get a place in the arena
 *   - else it is dynamic, and so is what depends on it: shapes are worked out during each run
 *
 * Then storage: a view shares its input's, an in-place kernel takes over its input's when nobody reads that later,
 * outputs of the island are written where the host wants them, and all else is packed by lifetime. */
#include "base/offsets.h"
#include "op/op_infer.h"
#include "provider/opwise/opwise_internal.h"

/* Results of shape arithmetic are small; larger constants are folded when the session is made, by its rules. */
enum { MOST_FOLDED_BYTES = 4096 };

static rung_status *with_place(rung_status *status, const rung_step *step) {
  return rung_status_prefix(status, "node \"%s\" (%s)", step->node->name, step->node->op_type);
}

/* The walk */

typedef struct planner {
  rung_opwise *e;
  opwise_plan *plan;
  const rung_run *run;
  rung_type *types; /* per slot: what is known of it */
  rung_operand *operands;
  rung_type *outputs; /* of one step, as inferred */
  rung_known *known;
} planner;

static rung_value *known_value(const planner *p, uint32_t slot) {
  const plan_slot *s = &p->plan->slots[slot];
  return s->place == SLOT_CONSTANT ? (s->constant ? s->constant : p->e->constants[slot]) : NULL;
}

static void start_slots(planner *p) {
  rung_opwise *e = p->e;
  for (uint32_t s = 0; s < e->slot_count; s++) {
    plan_slot *slot = &p->plan->slots[s];
    slot->alias = s;
    slot->place = SLOT_DYNAMIC;
    if (!e->constants[s]) continue;
    slot->place = SLOT_CONSTANT;
    const rung_tensor *t = &e->constants[s]->tensor;
    p->types[s] = (rung_type){.kind = e->constants[s]->kind, .dtype = t->dtype, .rank = t->rank};
    memcpy(p->types[s].dims, t->dims, sizeof t->dims);
  }
  for (uint32_t i = 0; i < e->island->input_count; i++) {
    const rung_value *value = p->run->inputs[i];
    plan_slot *slot = &p->plan->slots[e->inputs[i]];
    if (slot->place == SLOT_CONSTANT) continue;
    slot->place = SLOT_INPUT;
    slot->index = i;
    if (!value) continue;
    slot->tensor = value->tensor;
    slot->tensor.data = NULL;
    p->types[e->inputs[i]] = (rung_type){.kind = value->kind, .dtype = value->tensor.dtype, .rank = value->tensor.rank};
    memcpy(p->types[e->inputs[i]].dims, value->tensor.dims, sizeof value->tensor.dims);
  }
}

/* True when every input is known by type (`*out_known`: by value). */
static bool gather_operands(planner *p, const opwise_step *s, bool *out_known) {
  bool typed = true;
  *out_known = true;
  for (uint32_t i = 0; i < s->step.input_count; i++) {
    p->operands[i] = (rung_operand){0};
    if (s->inputs[i] == RUNG_NO_SLOT) continue;
    const rung_type *type = &p->types[s->inputs[i]];
    typed &= rung_type_is_concrete(type);
    rung_value *value = known_value(p, s->inputs[i]);
    *out_known &= value != NULL;
    p->operands[i] = (rung_operand){.type = type, .value = value};
  }
  return typed;
}

static bool outputs_are_static(const planner *p, const opwise_step *s, size_t *out_bytes) {
  *out_bytes = 0;
  for (uint32_t i = 0; i < s->step.output_count; i++) {
    size_t count, bytes;
    const rung_type *type = &p->outputs[i];
    if (s->outputs[i] == RUNG_NO_SLOT) continue;
    if (!rung_type_is_concrete(type) || !type->dtype || type->dtype == RUNG_STRING) return false;
    if (!rung_shape_count(type->rank, type->dims, &count) || !rung_dtype_bytes(type->dtype, count, &bytes) ||
        !rung_add_size(*out_bytes, bytes, out_bytes))
      return false;
  }
  return true;
}

static rung_status *fold_step(planner *p, uint32_t n) {
  const opwise_step *s = &p->e->steps[n];
  uint32_t count = s->step.input_count + s->step.output_count;
  rung_value **inputs = rung_arena_alloc(&p->plan->arena, count, sizeof *inputs);
  RUNG_CHECK_ALLOC(inputs);
  rung_value **outputs = inputs + s->step.input_count;
  for (uint32_t i = 0; i < s->step.input_count; i++)
    inputs[i] = s->inputs[i] == RUNG_NO_SLOT ? NULL : known_value(p, s->inputs[i]);
  RUNG_TRY(rung__opwise_call(p->run->host, NULL, &s->step, s->packed, inputs, outputs));
  for (uint32_t i = 0; i < s->step.output_count; i++) {
    if (s->outputs[i] == RUNG_NO_SLOT) continue;
    plan_slot *slot = &p->plan->slots[s->outputs[i]];
    slot->place = SLOT_CONSTANT;
    slot->constant = outputs[i];
    p->types[s->outputs[i]] = p->outputs[i];
  }
  p->plan->steps[n].folded = true;
  return NULL;
}

/* Operands of a prepare: shapes without data, except for constants. */
static rung_status *prepare_step(planner *p, uint32_t n) {
  const opwise_step *s = &p->e->steps[n];
  plan_step *step = &p->plan->steps[n];
  const rung_kernel *kernel = s->step.kernel;
  if (kernel->state_size) {
    step->state = rung_arena_alloc(&p->plan->arena, 1, kernel->state_size);
    RUNG_CHECK_ALLOC(step->state);
  }
  if (!kernel->prepare) return NULL;
  uint32_t count = s->step.input_count + s->step.output_count;
  rung_value **inputs = rung_arena_alloc(&p->plan->arena, count, sizeof *inputs);
  rung_value *shells = rung_arena_alloc(&p->plan->arena, count, sizeof *shells);
  RUNG_CHECK_ALLOC(inputs);
  RUNG_CHECK_ALLOC(shells);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t slot = i < s->step.input_count ? s->inputs[i] : s->outputs[i - s->step.input_count];
    if (slot == RUNG_NO_SLOT) continue;
    inputs[i] = known_value(p, slot);
    if (inputs[i]) continue;
    shells[i].kind = RUNG_TENSOR;
    const rung_type *type = &p->types[slot];
    RUNG_TRY(rung_tensor_describe(type->dtype, type->rank, type->dims, &shells[i].tensor));
    inputs[i] = &shells[i];
  }
  rung_kernel_call call =
      rung__opwise_kernel_call(&s->step, inputs, inputs + s->step.input_count, p->run->host, p->run);
  call.packed = s->packed;
  call.state = step->state;
  RUNG_TRY(kernel->prepare(&call));
  step->scratch_size = call.scratch_size;
  return NULL;
}

static rung_status *make_static(planner *p, uint32_t n) {
  const opwise_step *s = &p->e->steps[n];
  for (uint32_t i = 0; i < s->step.output_count; i++) {
    if (s->outputs[i] == RUNG_NO_SLOT) continue;
    plan_slot *slot = &p->plan->slots[s->outputs[i]];
    const rung_type *type = &p->outputs[i];
    RUNG_TRY(rung_tensor_describe(type->dtype, type->rank, type->dims, &slot->tensor));
    slot->place = SLOT_ARENA;
    p->types[s->outputs[i]] = *type;
  }
  p->plan->steps[n].is_static = true;
  return prepare_step(p, n);
}

/* What inference knows without any contents, as the shape of a tensor. True when that is all the step makes. */
static rung_status *keep_known(planner *p, const opwise_step *s, bool *out_all) {
  *out_all = true;
  for (uint32_t i = 0; i < s->step.output_count; i++) {
    if (s->outputs[i] == RUNG_NO_SLOT) continue;
    plan_slot *slot = &p->plan->slots[s->outputs[i]];
    RUNG_TRY(
        rung_known_value(p->e->host->allocator, &p->outputs[i], p->known[i].at, p->known[i].count, &slot->constant));
    if (slot->constant) {
      slot->place = SLOT_CONSTANT;
      p->types[s->outputs[i]] = p->outputs[i];
    }
    *out_all &= slot->constant != NULL;
  }
  return NULL;
}

static rung_status *walk_step(planner *p, uint32_t n) {
  const opwise_step *s = &p->e->steps[n];
  plan_step *step = &p->plan->steps[n];
  bool inputs_known;
  size_t bytes;
  if (!gather_operands(p, s, &inputs_known)) return NULL;
  RUNG_TRY(rung__opwise_infer(&p->plan->arena, &s->step, p->operands, p->outputs, p->known));
  if (s->step.output_count == 1) RUNG_TRY(keep_known(p, s, &step->folded));
  if (step->folded || !outputs_are_static(p, s, &bytes)) return NULL;
  bool fold = inputs_known && bytes <= MOST_FOLDED_BYTES && !(s->step.op->flags & RUNG_OP_RANDOM);
  return fold ? fold_step(p, n) : make_static(p, n);
}

static rung_status *walk_steps(planner *p) {
  for (uint32_t n = 0; n < p->e->step_count; n++) RUNG_TRY(with_place(walk_step(p, n), &p->e->steps[n].step));
  return NULL;
}

/* Storage */

static uint32_t storage_of(const opwise_plan *plan, uint32_t slot) {
  while (plan->slots[slot].alias != slot) slot = plan->slots[slot].alias;
  return slot;
}

static void find_last_uses(planner *p) {
  rung_opwise *e = p->e;
  for (uint32_t n = 0; n < e->step_count; n++) {
    const opwise_step *s = &e->steps[n];
    for (uint32_t i = 0; i < s->step.output_count; i++)
      if (s->outputs[i] != RUNG_NO_SLOT) p->plan->slots[s->outputs[i]].last_use = n;
    for (uint32_t i = 0; i < s->step.input_count; i++)
      if (s->inputs[i] != RUNG_NO_SLOT) p->plan->slots[s->inputs[i]].last_use = n;
  }
  for (uint32_t i = 0; i < e->island->output_count; i++) p->plan->slots[e->outputs[i]].last_use = UINT32_MAX;
}

/* The first output that names a static slot is written in place. */
static void place_outputs(planner *p) {
  for (uint32_t i = 0; i < p->e->island->output_count; i++) {
    plan_slot *slot = &p->plan->slots[p->e->outputs[i]];
    if (slot->place != SLOT_ARENA) continue;
    slot->place = SLOT_OUTPUT;
    slot->index = i;
  }
}

static void join(planner *p, uint32_t slot, uint32_t with) {
  uint32_t root = storage_of(p->plan, with);
  p->plan->slots[slot].alias = root;
  p->plan->slots[root].last_use = RUNG_MAX(p->plan->slots[root].last_use, p->plan->slots[slot].last_use);
}

static void share_storage(planner *p) {
  for (uint32_t n = 0; n < p->e->step_count; n++) {
    const opwise_step *s = &p->e->steps[n];
    plan_step *step = &p->plan->steps[n];
    if (!step->is_static || s->step.output_count == 0 || s->step.input_count == 0) continue;
    uint32_t in = s->inputs[0], out = s->outputs[0];
    if (in == RUNG_NO_SLOT || out == RUNG_NO_SLOT || p->plan->slots[out].place != SLOT_ARENA) continue;
    const plan_slot *root = &p->plan->slots[storage_of(p->plan, in)];
    if ((s->step.op->flags & RUNG_OP_VIEW) && s->step.op == s->step.node->op && root->place != SLOT_DYNAMIC) {
      join(p, out, in);
      step->view = true;
    } else if ((s->step.kernel->flags & RUNG_KERNEL_IN_PLACE) && root->place == SLOT_ARENA && root->last_use == n &&
               root->tensor.size == p->plan->slots[out].tensor.size && s->step.output_count == 1) {
      join(p, out, in);
    }
  }
}

/* What lies in the arena, and where its offset is to be written. */
typedef struct span_list {
  rung_span *spans;
  size_t **offsets;
  size_t count;
} span_list;

static void add_span(span_list *list, size_t size, uint32_t first, uint32_t last, size_t *offset) {
  list->spans[list->count] = (rung_span){.size = size, .first = first, .last = last};
  list->offsets[list->count++] = offset;
}

static rung_status *pack_arena(planner *p) {
  rung_opwise *e = p->e;
  size_t most = e->slot_count + e->step_count;
  span_list list = {.spans = rung_arena_alloc(&p->plan->arena, most, sizeof *list.spans),
                    .offsets = rung_arena_alloc(&p->plan->arena, most, sizeof *list.offsets)};
  if (!list.spans || !list.offsets) return rung_status_out_of_memory();
  for (uint32_t n = 0; n < e->step_count; n++) {
    const opwise_step *s = &e->steps[n];
    plan_step *step = &p->plan->steps[n];
    for (uint32_t i = 0; i < s->step.output_count; i++) {
      if (s->outputs[i] == RUNG_NO_SLOT) continue;
      plan_slot *slot = &p->plan->slots[s->outputs[i]];
      if (slot->place != SLOT_ARENA || slot->alias != s->outputs[i]) continue;
      add_span(&list, slot->tensor.size, n, slot->last_use, &slot->offset);
    }
    if (step->scratch_size) add_span(&list, step->scratch_size, n, n, &step->scratch_offset);
  }
  RUNG_TRY(rung_offsets_pack(e->host->allocator, list.spans, list.count, &p->plan->arena_size));
  for (size_t i = 0; i < list.count; i++) *list.offsets[i] = list.spans[i].offset;
  return NULL;
}

static rung_status *fill_plan(planner *p) {
  rung_opwise *e = p->e;
  rung_arena *arena = &p->plan->arena;
  p->plan->slots = rung_arena_alloc(arena, e->slot_count, sizeof *p->plan->slots);
  p->plan->steps = rung_arena_alloc(arena, e->step_count, sizeof *p->plan->steps);
  p->plan->key = rung_arena_alloc(arena, e->island->input_count, sizeof *p->plan->key);
  p->types = rung_arena_alloc(arena, e->slot_count, sizeof *p->types);
  p->operands = rung_arena_alloc(arena, e->most_operands, sizeof *p->operands);
  p->outputs = rung_arena_alloc(arena, e->most_operands, sizeof *p->outputs);
  p->known = rung_arena_alloc(arena, e->most_operands, sizeof *p->known);
  if (!p->plan->slots || !p->plan->steps || !p->plan->key || !p->types || !p->operands || !p->outputs || !p->known)
    return rung_status_out_of_memory();
  for (uint32_t i = 0; i < e->island->input_count; i++)
    if (p->run->inputs[i]) p->plan->key[i] = (plan_key){p->run->inputs[i]->kind, p->run->inputs[i]->tensor};
  start_slots(p);
  RUNG_TRY(walk_steps(p));
  find_last_uses(p);
  place_outputs(p);
  share_storage(p);
  return pack_arena(p);
}

rung_status *rung__opwise_make_plan(rung_opwise *e, const rung_run *run, opwise_plan **out_plan) {
  opwise_plan *plan = rung_alloc(e->host->allocator, 1, sizeof *plan, "plan");
  RUNG_CHECK_ALLOC(plan);
  rung_arena_init(&plan->arena, e->host->allocator);
  planner p = {.e = e, .plan = plan, .run = run};
  rung_status *status = fill_plan(&p);
  if (status) {
    rung__opwise_free_plan(e, plan);
    return status;
  }
  *out_plan = plan;
  return NULL;
}

void rung__opwise_free_workspace(const rung_allocator *allocator, workspace *w) {
  if (!w) return;
  rung_free(allocator, w->arena);
  rung_free(allocator, w->values);
  rung_free(allocator, w->slots);
  rung_free(allocator, w->operands);
  rung_free(allocator, w);
}

void rung__opwise_free_plan(rung_opwise *e, opwise_plan *plan) {
  while (plan->idle) {
    workspace *w = plan->idle;
    plan->idle = w->next;
    rung__opwise_free_workspace(e->host->allocator, w);
  }
  for (uint32_t s = 0; plan->slots && s < e->slot_count; s++) rung_value_release(plan->slots[s].constant);
  rung_arena_finish(&plan->arena);
  rung_free(e->host->allocator, plan);
}
