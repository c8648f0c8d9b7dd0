#include "base/offsets.h"
#include "base/str.h"
#include "op/op_infer.h"
#include "provider/opwise/opwise_internal.h"

#include <stdio.h>

/* Shapes that a program really uses are few; beyond this many the least recently used plan goes. */
enum { MOST_PLANS = 32 };

rung_status *rung__opwise_charge(const rung_host *host, const rung_run *run, size_t bytes) {
  return run && host->charge ? host->charge(run, bytes) : NULL;
}

void rung__opwise_uncharge(const rung_host *host, const rung_run *run, size_t bytes, rung_value *value) {
  if (run && host->uncharge) host->uncharge(run, bytes, value);
}

rung_status *rung__opwise_new_tensor(const rung_host *host, const rung_run *run, rung_dtype dtype, int32_t rank,
                                     const int64_t *dims, rung_value **out_value) {
  rung_tensor like;
  RUNG_TRY(rung_tensor_describe(dtype, rank, dims, &like));
  RUNG_TRY(rung__opwise_charge(host, run, rung_value_cost(&like)));
  rung_status *status = rung_value_new_tensor(host->allocator, dtype, rank, dims, out_value);
  rung__opwise_uncharge(host, run, rung_value_cost(&like), status ? NULL : *out_value);
  return status;
}

/* Kernel services */

rung_status *rung_kernel_output(rung_kernel_call *call, uint32_t index, rung_dtype dtype, int32_t rank,
                                const int64_t *dims, rung_tensor **out_tensor) {
  *out_tensor = NULL;
  if (!rung_kernel_wants(call, index)) return NULL;
  if (!call->outputs[index])
    RUNG_TRY(rung__opwise_new_tensor(call->host, call->run, dtype, rank, dims, &call->outputs[index]));
  *out_tensor = &call->outputs[index]->tensor;
  return NULL;
}

rung_status *rung_kernel_give(rung_kernel_call *call, uint32_t index, rung_value *value) {
  if (!rung_kernel_wants(call, index)) {
    rung_value_release(value);
    return NULL;
  }
  rung_value_release(call->outputs[index]);
  call->outputs[index] = value;
  return NULL;
}

rung_status *rung_kernel_give_strings(rung_kernel_call *call, uint32_t index, int32_t rank, const int64_t *dims,
                                      const rung_str *strings) {
  rung_value *value;
  RUNG_TRY(rung_value_new_strings(call->host->allocator, rank, dims, strings, &value));
  return rung_kernel_give(call, index, value);
}

rung_status *rung_kernel_keep(const rung_kernel_call *call, uint32_t index, rung_value **out_value) {
  rung_value *value = call->inputs[index];
  if (value->kind == RUNG_TENSOR && !value->block && !value->release)
    return rung_value_copy_tensor(call->host->allocator, &value->tensor, out_value);
  *out_value = rung_value_retain(value);
  return NULL;
}

rung_status *rung_kernel_axis(int64_t axis, int32_t rank, int32_t *out_axis) {
  RUNG_RUN_REQUIRE(axis >= -rank && axis < rank, "axis %lld is outside [%d, %d)", (long long)axis, -rank, rank);
  *out_axis = (int32_t)(axis < 0 ? axis + rank : axis);
  return NULL;
}

rung_status *rung_kernel_ints(const rung_tensor *tensor, int64_t *ints, size_t most, size_t *out_count) {
  size_t count = rung_tensor_count(tensor);
  RUNG_RUN_REQUIRE(tensor->dtype == RUNG_I64 || tensor->dtype == RUNG_I32, "int32 or int64 is expected, not %s",
                   rung_dtype_name(tensor->dtype));
  RUNG_REQUIRE(count <= most, LIMIT, "%zu elements are given, at most %zu are allowed", count, most);
  RUNG_RUN_REQUIRE(!count || tensor->data, "numbers that only a run knows say something about a scalar");
  for (size_t i = 0; i < count; i++)
    ints[i] = tensor->dtype == RUNG_I64 ? ((const int64_t *)tensor->data)[i] : ((const int32_t *)tensor->data)[i];
  *out_count = count;
  return NULL;
}

/* Claims */

bool rung_opwise_accepts(const rung_kernel *kernel, const rung_node *node, rung_reason *out_reason, char *buffer,
                         size_t size) {
  rung_place place;
  for (uint32_t i = 0; i < node->input_count && rung_op_input(node->op, i, &place); i++) {
    const rung_type *type = node->inputs[i] ? &node->inputs[i]->type : NULL;
    if (!type || !type->dtype || type->kind != RUNG_TENSOR) continue;
    for (size_t k = 0; k < RUNG_COUNT(kernel->types) && kernel->types[k].variable; k++) {
      if (place.variable != kernel->types[k].variable || (kernel->types[k].types & RUNG_SET(type->dtype))) continue;
      *out_reason = RUNG_REASON_TYPE;
      snprintf(buffer, size, "%s of input %u \"%.*s\"", rung_dtype_name(type->dtype), i, (int)place.name.size,
               place.name.data);
      return false;
    }
  }
  const char *why = kernel->lacking ? kernel->lacking() : NULL;
  if (why) *out_reason = RUNG_REASON_LIBRARY;
  if (!why && kernel->refuse) why = kernel->refuse(node, out_reason);
  if (why) snprintf(buffer, size, "%s", why);
  return !why;
}

/* Creation */

typedef struct slot_table {
  const rung_value_info **keys; /* open addressing by address */
  uint32_t *slots;
  size_t capacity;
} slot_table;

static uint32_t *find_slot(slot_table *table, const rung_value_info *info) {
  size_t at = rung_hash_bytes(&info, sizeof info, 0) & (table->capacity - 1);
  while (table->keys[at] && table->keys[at] != info) at = (at + 1) & (table->capacity - 1);
  table->keys[at] = info;
  return &table->slots[at];
}

/* Slot 0 of the table's array means "new": stored numbers are one higher. */
static uint32_t slot_of(rung_opwise *e, slot_table *table, rung_value_info *info) {
  if (!info) return RUNG_NO_SLOT;
  uint32_t *slot = find_slot(table, info);
  if (!*slot) {
    e->infos[e->slot_count] = info;
    *slot = ++e->slot_count;
  }
  return *slot - 1;
}

static rung_status *number_list(rung_opwise *e, slot_table *table, rung_value_info **infos, uint32_t count,
                                uint32_t **out_slots) {
  *out_slots = rung_arena_alloc(&e->arena, count, sizeof **out_slots);
  RUNG_CHECK_ALLOC(*out_slots);
  for (uint32_t i = 0; i < count; i++) (*out_slots)[i] = slot_of(e, table, infos[i]);
  return NULL;
}

static rung_status *number_operands(rung_opwise *e, const rung_step *steps, slot_table *table) {
  RUNG_TRY(number_list(e, table, e->island->inputs, e->island->input_count, &e->inputs));
  for (uint32_t n = 0; n < e->step_count; n++) {
    opwise_step *s = &e->steps[n];
    s->step = steps[n];
    RUNG_TRY(number_list(e, table, s->step.inputs, s->step.input_count, &s->inputs));
    RUNG_TRY(number_list(e, table, s->step.outputs, s->step.output_count, &s->outputs));
    e->most_operands = RUNG_MAX(e->most_operands, s->step.input_count + s->step.output_count);
  }
  return number_list(e, table, e->island->outputs, e->island->output_count, &e->outputs);
}

static rung_status *make_slots(rung_opwise *e, const rung_step *steps) {
  size_t most = e->island->input_count + e->island->output_count;
  for (uint32_t n = 0; n < e->step_count; n++) most += steps[n].input_count + steps[n].output_count;
  slot_table table = {.capacity = 16};
  while (table.capacity < 2 * most) table.capacity *= 2;
  table.keys = rung_alloc(e->host->allocator, table.capacity, sizeof *table.keys, "slots");
  table.slots = rung_alloc(e->host->allocator, table.capacity, sizeof *table.slots, "slots");
  e->infos = rung_arena_alloc(&e->arena, most, sizeof *e->infos);
  rung_status *status = table.keys && table.slots && e->infos ? NULL : rung_status_out_of_memory();
  if (!status) status = number_operands(e, steps, &table);
  rung_free(e->host->allocator, table.slots);
  rung_free(e->host->allocator, table.keys);
  return status;
}

/* Is some step going to read this constant at run time, other than by pack? */
static bool is_read_in_runs(const rung_opwise *e, uint32_t slot) {
  for (uint32_t n = 0; n < e->step_count; n++)
    for (uint32_t i = 0; i < e->steps[n].step.input_count; i++)
      if (e->steps[n].inputs[i] == slot && !(i < 32 && e->steps[n].step.kernel->packs >> i & 1)) return true;
  for (uint32_t i = 0; i < e->island->output_count; i++)
    if (e->outputs[i] == slot) return true;
  return false;
}

static rung_status *align_constant(rung_opwise *e, uint32_t slot) {
  rung_value *copy, *constant = e->constants[slot];
  if (!constant || constant->kind != RUNG_TENSOR || rung_tensor_is_aligned(&constant->tensor)) return NULL;
  RUNG_TRY(rung_value_copy_tensor(e->host->allocator, &constant->tensor, &copy));
  rung_value_release(constant);
  e->constants[slot] = copy;
  return NULL;
}

static rung_status *take_constants(rung_opwise *e) {
  e->constants = rung_arena_alloc(&e->arena, e->slot_count, sizeof *e->constants);
  RUNG_CHECK_ALLOC(e->constants);
  for (uint32_t s = 0; s < e->slot_count; s++) {
    if (!e->infos[s]->constant) continue;
    e->constants[s] = rung_value_retain(e->infos[s]->constant);
    if (is_read_in_runs(e, s)) RUNG_TRY(align_constant(e, s));
  }
  return NULL;
}

typedef struct packing {
  const rung_kernel *kernel;
  rung_kernel_call *call;
} packing;

static rung_status *run_pack(void *user, void **out_packed) {
  const packing *p = user;
  return p->kernel->pack(p->call, out_packed);
}

static rung_status *pack_step(rung_opwise *e, opwise_step *s, rung_value *const *inputs) {
  rung_kernel_call call = rung__opwise_kernel_call(&s->step, inputs, NULL, e->host, NULL);
  packing p = {s->step.kernel, &call};
  rung_text key;
  rung_text_init(&key, e->host->allocator);
  s->shares_packed = e->host->share && rung__opwise_share_key(e->host, &s->step, inputs, &key);
  rung_status *status = s->shares_packed ? e->host->share(e->host, key.data, key.size, run_pack, &p, &s->packed)
                                         : run_pack(&p, &s->packed);
  rung_text_finish(&key);
  return status;
}

static rung_status *pack_weights(rung_opwise *e) {
  for (uint32_t n = 0; n < e->step_count; n++) {
    opwise_step *s = &e->steps[n];
    if (!s->step.kernel->pack) continue;
    rung_value **inputs = rung_alloc(e->host->allocator, (size_t)s->step.input_count + 1, sizeof *inputs, "pack");
    RUNG_CHECK_ALLOC(inputs);
    for (uint32_t i = 0; i < s->step.input_count; i++)
      inputs[i] = s->inputs[i] == RUNG_NO_SLOT ? NULL : e->constants[s->inputs[i]];
    rung_status *status = pack_step(e, s, inputs);
    rung_free(e->host->allocator, inputs);
    RUNG_TRY(rung_status_prefix(status, "node \"%s\" (%s)", s->step.node->name, s->step.node->op_type));
    for (uint32_t i = 0; !s->packed && i < s->step.input_count; i++) /* runs read what was not packed */
      if (s->inputs[i] != RUNG_NO_SLOT) RUNG_TRY(align_constant(e, s->inputs[i]));
  }
  return NULL;
}

rung_status *rung_opwise_create(const rung_host *host, const rung_graph *island, const rung_step *steps, size_t count,
                                rung_opwise **out_executable) {
  rung_opwise *e = rung_alloc(host->allocator, 1, sizeof *e, "executable");
  RUNG_CHECK_ALLOC(e);
  e->host = host;
  e->island = island;
  e->step_count = (uint32_t)count;
  pthread_mutex_init(&e->lock, NULL);
  rung_arena_init(&e->arena, host->allocator);
  e->steps = rung_arena_alloc(&e->arena, count, sizeof *e->steps);
  rung_status *status = e->steps ? make_slots(e, steps) : rung_status_out_of_memory();
  if (!status) status = take_constants(e);
  if (!status) status = pack_weights(e);
  if (status) {
    rung_opwise_free(e);
    return status;
  }
  *out_executable = e;
  return NULL;
}

void rung_opwise_free(rung_opwise *e) {
  if (!e) return;
  while (e->plans) {
    opwise_plan *plan = e->plans;
    e->plans = plan->next;
    rung__opwise_free_plan(e, plan);
  }
  for (uint32_t s = 0; e->constants && s < e->slot_count; s++) rung_value_release(e->constants[s]);
  for (uint32_t n = 0; e->steps && n < e->step_count; n++)
    if (!e->steps[n].shares_packed) rung_free(e->host->allocator, e->steps[n].packed);
  pthread_mutex_destroy(&e->lock);
  const rung_allocator *allocator = e->host->allocator;
  rung_arena_finish(&e->arena);
  rung_free(allocator, e);
}

/* Plans and workspaces */

static bool fits(const rung_opwise *e, const opwise_plan *plan, const rung_run *run) {
  for (uint32_t i = 0; i < e->island->input_count; i++) {
    const plan_key *key = &plan->key[i];
    const rung_value *value = run->inputs[i];
    if (key->kind != (value ? value->kind : RUNG_NONE)) return false;
    if (!value || value->kind != RUNG_TENSOR) continue;
    if (key->tensor.dtype != value->tensor.dtype || !rung_tensor_same_shape(&key->tensor, &value->tensor)) return false;
  }
  return true;
}

static uint64_t hash_shapes(const rung_opwise *e, const rung_run *run) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < e->island->input_count; i++)
    if (run->inputs[i])
      hash =
          rung_hash_bytes(run->inputs[i]->tensor.dims, (size_t)run->inputs[i]->tensor.rank * sizeof(int64_t), hash + 1);
  return hash;
}

static void drop_oldest(rung_opwise *e) {
  opwise_plan **oldest = NULL;
  for (opwise_plan **at = &e->plans; *at; at = &(*at)->next)
    if ((*at)->users == 0 && (!oldest || (*at)->used_at < (*oldest)->used_at)) oldest = at;
  if (!oldest) return;
  opwise_plan *plan = *oldest;
  *oldest = plan->next;
  e->plan_count--;
  rung__opwise_free_plan(e, plan);
}

/* Finds or makes the plan for the run's shapes. Making it happens under the lock: two first runs of one shape would
 * only do the same work twice. */
static rung_status *acquire_plan(rung_opwise *e, const rung_run *run, opwise_plan **out_plan) {
  uint64_t hash = hash_shapes(e, run);
  rung_status *status = NULL;
  pthread_mutex_lock(&e->lock);
  opwise_plan *plan = e->plans;
  while (plan && (plan->hash != hash || !fits(e, plan, run))) plan = plan->next;
  if (!plan) {
    if (e->plan_count >= MOST_PLANS) drop_oldest(e);
    status = rung__opwise_make_plan(e, run, &plan);
    if (!status) {
      plan->hash = hash;
      plan->next = e->plans;
      e->plans = plan;
      e->plan_count++;
    }
  }
  if (!status) {
    plan->users++;
    plan->used_at = ++e->clock;
    *out_plan = plan;
  }
  pthread_mutex_unlock(&e->lock);
  return status;
}

static rung_status *make_workspace(const rung_opwise *e, const opwise_plan *plan, workspace **out) {
  const rung_allocator *allocator = e->host->allocator;
  workspace *w = rung_alloc(allocator, 1, sizeof *w, "workspace");
  RUNG_CHECK_ALLOC(w);
  w->arena = rung_alloc_data(allocator, plan->arena_size, "arena");
  w->values = rung_alloc(allocator, e->slot_count + 1, sizeof *w->values, "workspace");
  w->slots = rung_alloc(allocator, e->slot_count + 1, sizeof *w->slots, "workspace");
  w->operands = rung_alloc(allocator, e->most_operands + 1, sizeof *w->operands, "workspace");
  if (!w->arena || !w->values || !w->slots || !w->operands) {
    bool no_arena = !w->arena;
    rung__opwise_free_workspace(allocator, w);
    return no_arena
               ? RUNG_ERROR(OUT_OF_MEMORY, "no memory for %zu bytes between the nodes of an island", plan->arena_size)
               : rung_status_out_of_memory();
  }
  for (uint32_t s = 0; s < e->slot_count; s++) {
    rung_value *value = &w->values[s];
    atomic_init(&value->references, 1);
    value->kind = RUNG_TENSOR;
    value->allocator = allocator;
    value->tensor = plan->slots[s].tensor;
    if (plan->slots[s].place == SLOT_ARENA) value->tensor.data = w->arena + plan->slots[s].offset;
  }
  *out = w;
  return NULL;
}

/* Its arena is charged until the run returns. */
static rung_status *acquire_workspace(rung_opwise *e, opwise_plan *plan, const rung_run *run, workspace **out) {
  RUNG_TRY(rung_status_prefix(rung__opwise_charge(e->host, run, plan->arena_size), "what lies between nodes"));
  pthread_mutex_lock(&e->lock);
  workspace *w = plan->idle;
  if (w) plan->idle = w->next;
  pthread_mutex_unlock(&e->lock);
  *out = w;
  return w ? NULL : make_workspace(e, plan, out);
}

static void release_plan(rung_opwise *e, opwise_plan *plan, workspace *w) {
  pthread_mutex_lock(&e->lock);
  if (w) w->next = plan->idle, plan->idle = w;
  plan->users--;
  pthread_mutex_unlock(&e->lock);
}

/* Running */

static rung_status *name_output(const rung_value_info *info, rung_status *status) {
  return rung_status_prefix(status, "output \"%s\" of node \"%s\"", info->name,
                            info->producer ? info->producer->name : "");
}

/* Points every slot at where its value lies. Slots that share storage follow the one they share with. */
static rung_status *place_slots(const rung_opwise *e, const opwise_plan *plan, const rung_run *run, workspace *w) {
  for (uint32_t s = 0; s < e->slot_count; s++) {
    const plan_slot *slot = &plan->slots[s];
    w->slots[s] = NULL;
    switch (slot->place) {
      case SLOT_CONSTANT:
        w->slots[s] = slot->constant ? slot->constant : e->constants[s];
        break;
      case SLOT_INPUT:
        w->slots[s] = run->inputs[slot->index];
        break;
      case SLOT_OUTPUT:
        RUNG_TRY(name_output(e->infos[s], run->host->output(run, slot->index, slot->tensor.dtype, slot->tensor.rank,
                                                            slot->tensor.dims, &w->values[s].tensor)));
        w->slots[s] = &w->values[s];
        break;
      case SLOT_ARENA:
        w->slots[s] = &w->values[s];
        break;
      case SLOT_DYNAMIC:
        break;
    }
  }
  for (uint32_t s = 0; s < e->slot_count; s++) {
    uint32_t source = plan->slots[s].alias;
    if (source == s) continue;
    w->values[s].tensor.data = w->slots[source]->tensor.data;
    w->slots[s] = &w->values[s];
  }
  return NULL;
}

static rung_status *run_static(const rung_opwise *e, const opwise_plan *plan, uint32_t n, const rung_run *run,
                               workspace *w) {
  const opwise_step *s = &e->steps[n];
  const plan_step *p = &plan->steps[n];
  rung_value **inputs = w->operands, **outputs = w->operands + s->step.input_count;
  uint64_t wanted = 0;
  for (uint32_t i = 0; i < s->step.input_count; i++)
    inputs[i] = s->inputs[i] == RUNG_NO_SLOT ? NULL : w->slots[s->inputs[i]];
  for (uint32_t i = 0; i < s->step.output_count; i++) {
    outputs[i] = s->outputs[i] == RUNG_NO_SLOT ? NULL : w->slots[s->outputs[i]];
    wanted |= (uint64_t)(outputs[i] != NULL) << (i & 63);
  }
  rung_kernel_call call = rung__opwise_kernel_call(&s->step, inputs, outputs, run->host, run);
  call.packed = s->packed;
  call.state = p->state;
  call.scratch = w->arena + p->scratch_offset;
  call.scratch_size = p->scratch_size;
  call.wanted = wanted;
  return s->step.kernel->run(&call);
}

/* A step whose shapes were not known before. What it makes is stored in `slots` as new references. */
static rung_status *run_dynamic(rung_opwise *e, const opwise_step *s, const rung_run *run, rung_value **slots) {
  const rung_allocator *allocator = e->host->allocator;
  uint32_t count = s->step.input_count + s->step.output_count;
  rung_value **inputs = rung_alloc(allocator, count + 1, sizeof *inputs, "operands");
  RUNG_CHECK_ALLOC(inputs);
  rung_value **outputs = inputs + s->step.input_count;
  for (uint32_t i = 0; i < s->step.input_count; i++)
    inputs[i] = s->inputs[i] == RUNG_NO_SLOT ? NULL : slots[s->inputs[i]];
  rung_status *status = rung__opwise_call(run->host, run, &s->step, s->packed, inputs, outputs);
  for (uint32_t i = 0; i < s->step.output_count && !status; i++)
    if (s->outputs[i] != RUNG_NO_SLOT) slots[s->outputs[i]] = outputs[i];
  rung_free(allocator, inputs);
  return status;
}

static void release_dead(const rung_opwise *e, const opwise_plan *plan, uint32_t step, rung_value **slots) {
  const opwise_step *s = &e->steps[step];
  for (uint32_t i = 0; i < s->step.input_count; i++) {
    uint32_t slot = s->inputs[i];
    if (slot == RUNG_NO_SLOT || plan->slots[slot].place != SLOT_DYNAMIC || plan->slots[slot].last_use != step) continue;
    rung_value_release(slots[slot]);
    slots[slot] = NULL;
  }
}

static rung_status *run_steps(rung_opwise *e, const opwise_plan *plan, const rung_run *run, workspace *w) {
  for (uint32_t n = 0; n < e->step_count; n++) {
    const plan_step *p = &plan->steps[n];
    if (p->folded || p->view) continue;
    uint64_t began = run->profile ? run->host->now() : 0;
    rung_status *status = p->is_static ? run_static(e, plan, n, run, w) : run_dynamic(e, &e->steps[n], run, w->slots);
    if (run->profile) run->host->event(run, e->steps[n].step.node, began, run->host->now());
    if (status)
      return rung_status_prefix(status, "node \"%s\" (%s)", e->steps[n].step.node->name,
                                e->steps[n].step.node->op_type);
    if (run->host->cancelled(run)) return RUNG_ERROR(CANCELLED, "the run was cancelled");
    release_dead(e, plan, n, w->slots);
  }
  return NULL;
}

/* Outputs that were not written in place: dynamic ones, constants, inputs handed through, shared storage. */
static rung_status *hand_out(const rung_opwise *e, const opwise_plan *plan, const rung_run *run, workspace *w) {
  for (uint32_t i = 0; i < e->island->output_count; i++) {
    uint32_t s = e->outputs[i];
    const plan_slot *slot = &plan->slots[s];
    if (slot->place == SLOT_OUTPUT && slot->index == i) continue;
    const rung_value *value = w->slots[s];
    if (slot->place == SLOT_CONSTANT || slot->place == SLOT_INPUT || slot->place == SLOT_DYNAMIC) {
      RUNG_TRY(run->host->give(run, i, rung_value_retain(w->slots[s])));
      continue;
    }
    rung_tensor to;
    RUNG_TRY(run->host->output(run, i, value->tensor.dtype, value->tensor.rank, value->tensor.dims, &to));
    if (to.size) memcpy(to.data, value->tensor.data, to.size);
  }
  return NULL;
}

rung_status *rung_opwise_run(rung_opwise *e, const rung_run *run) {
  opwise_plan *plan;
  workspace *w = NULL;
  RUNG_TRY(acquire_plan(e, run, &plan));
  rung_status *status = acquire_workspace(e, plan, run, &w);
  if (!status) status = place_slots(e, plan, run, w);
  if (!status) status = run_steps(e, plan, run, w);
  if (!status) status = hand_out(e, plan, run, w);
  for (uint32_t s = 0; w && s < e->slot_count; s++)
    if (plan->slots[s].place == SLOT_DYNAMIC) {
      rung_value_release(w->slots[s]);
      w->slots[s] = NULL;
    }
  release_plan(e, plan, w);
  return status;
}
