/* A run: values flow from step to step through frames, one per graph that is running.
 *
 * Each step reads its inputs from the frame (or, in a body, from the frames around it), in the memory that its provider
 * wants: what lies elsewhere crosses, once per frame. Values are released after their last reader. */
#include "session/execute.h"

#include "base/os.h"
#include "base/str.h"

#include <inttypes.h>
#include <time.h>

/* Frames */

rung_status *rung__frame_init(frame *f, execution *run, const program *p, const frame *parent) {
  const rung_allocator *allocator = run->instance->env->allocator;
  size_t count = (size_t)p->graph->value_count + 1;
  *f = (frame){.run = run, .program = p, .parent = parent};
  f->values = rung_alloc(allocator, count, sizeof *f->values, "frame");
  f->fences = rung_alloc(allocator, count, sizeof *f->fences, "frame");
  f->makers = rung_alloc(allocator, count, sizeof *f->makers, "frame");
  if (f->values && f->fences && f->makers) return NULL;
  rung__frame_finish(f);
  return rung_status_out_of_memory();
}

/* Is a failure the provider's or its device's fault, and not the model's or the user's? */
static bool is_fault(const rung_status *status) {
  rung_code code = rung_status_code(status);
  return code == RUNG_PROVIDER || code == RUNG_DEVICE_LOST || code == RUNG_OUT_OF_MEMORY || code == RUNG_INTERNAL;
}

/* A failure of link `link`, at `node` (NULL: unknown). The first fault of a run is noted; what it brings is as it is.
 */
static rung_status *blame(execution *run, uint32_t link, const rung_node *node, rung_status *status) {
  if (!status || run->failed_link != RUNG_NO_LINK) return status;
  if (is_fault(status) && link < run->instance->listed) {
    run->failed_link = link;
    run->failed_node = node ? node->name : NULL;
  }
  return rung_status_prefix(status, "provider %s", run->instance->chain.links.at[link].api->name);
}

static rung_status *wait_for(execution *run, uint32_t link, rung_fence *fence) {
  const rung_link *l = &run->instance->chain.links.at[link];
  return blame(run, link, NULL, l->api->wait(l->provider, fence));
}

/* Outputs of one run share a fence: it is freed with the last of them. */
static void drop_fence(frame *f, uint32_t index) {
  rung_fence *fence = f->fences[index];
  f->fences[index] = NULL;
  if (!fence) return;
  for (uint32_t i = 0; i < f->program->graph->value_count; i++)
    if (f->fences[i] == fence) return;
  const rung_link *l = &f->run->instance->chain.links.at[f->makers[index]];
  l->api->free_fence(l->provider, fence);
}

static void drop_value(frame *f, uint32_t index) {
  if (f->fences && f->fences[index]) { /* the device may still write it */
    rung_status_free(wait_for(f->run, f->makers[index], f->fences[index]));
    drop_fence(f, index);
  }
  for (size_t i = 0; i < f->copies.count; i++)
    while (i < f->copies.count && f->copies.at[i].original == f->values[index]) {
      rung_value_release(f->copies.at[i].value);
      f->copies.at[i] = f->copies.at[--f->copies.count];
    }
  rung_value_release(f->values[index]);
  f->values[index] = NULL;
}

void rung__frame_finish(frame *f) {
  const rung_allocator *allocator = f->run->instance->env->allocator;
  for (uint32_t i = 0; f->values && i < f->program->graph->value_count; i++)
    if (f->values[i]) drop_value(f, i);
  for (size_t i = 0; i < f->copies.count; i++) rung_value_release(f->copies.at[i].value);
  rung_vec_free(allocator, &f->copies);
  rung_free(allocator, f->makers);
  rung_free(allocator, f->fences);
  rung_free(allocator, f->values);
}

static const frame *frame_of(const frame *f, const rung_value_info *info) {
  while (f && f->program->graph != info->graph) f = f->parent;
  return f;
}

rung_value *rung__frame_get(const frame *f, const rung_value_info *info) {
  if (!info) return NULL;
  if (info->constant) return info->constant;
  const frame *owner = frame_of(f, info);
  return owner ? owner->values[info->index] : NULL;
}

void rung__frame_set(frame *f, const rung_value_info *info, rung_value *value) {
  rung_value_release(f->values[info->index]);
  f->values[info->index] = value;
}

/* Types */

const value_origin rung__value_of_user = {RUNG_INVALID_ARGUMENT, "input", "the model takes"},
                   rung__value_of_provider = {RUNG_PROVIDER, "output", "the graph says"},
                   rung__value_of_body = {RUNG_INVALID_MODEL, "output", "the graph says"};

#define EXPECT(condition, ...) \
  if (!(condition)) return rung_status_make(origin->code, __FILE__, __LINE__, __VA_ARGS__)

static rung_status *check_shape(const value_origin *origin, const rung_value_info *info, const rung_tensor *tensor) {
  const rung_type *type = &info->type;
  char is[RUNG_SHAPE_TEXT], should[RUNG_SHAPE_TEXT];
  if (type->rank < 0 || type->is_claimed) return NULL;
  bool fits = type->rank == tensor->rank;
  for (int32_t i = 0; fits && i < type->rank; i++) fits = type->dims[i] < 0 || type->dims[i] == tensor->dims[i];
  EXPECT(fits, "%s \"%s\" has the shape %s, %s %s", origin->what, info->name,
         rung_shape_text(tensor->rank, tensor->dims, is), origin->who, rung_shape_text(type->rank, type->dims, should));
  return NULL;
}

rung_status *rung__check_value(const value_origin *origin, const rung_value_info *info, const rung_value *value) {
  const rung_type *type = &info->type;
  EXPECT(value || type->kind == RUNG_OPTIONAL, "%s \"%s\" is missing", origin->what, info->name);
  if (!value || type->kind == RUNG_NONE || type->kind == RUNG_OPTIONAL) return NULL;
  EXPECT(value->kind == type->kind, "%s \"%s\" is %s, %s %s", origin->what, info->name, rung_kind_text(value->kind),
         origin->who, rung_kind_text(type->kind));
  if (type->kind != RUNG_TENSOR) return NULL;
  EXPECT(!type->dtype || value->tensor.dtype == type->dtype, "%s \"%s\" is %s, %s %s", origin->what, info->name,
         rung_dtype_name(value->tensor.dtype), origin->who, rung_dtype_name(type->dtype));
  return check_shape(origin, info, &value->tensor);
}

#undef EXPECT

/* Crossings */

static void free_device(void *user, void *data) {
  rung_memory *memory = user;
  memory->free(memory, data);
}

static rung_status *allocate(const rung_allocator *allocator, rung_memory *memory, const rung_tensor *like,
                             rung_value **out_value) {
  if (!memory) return rung_value_new_tensor(allocator, like->dtype, like->rank, like->dims, out_value);
  rung_tensor tensor = *like;
  tensor.memory = memory;
  RUNG_TRY(memory->alloc(memory, RUNG_MAX(like->size, 1), &tensor.data));
  rung_status *status = rung_value_wrap(allocator, &tensor, free_device, memory, out_value);
  if (status) memory->free(memory, tensor.data);
  return status;
}

rung_status *rung__run_allocate(execution *run, rung_memory *memory, const rung_tensor *like, rung_value **out_value) {
  size_t bytes = rung_value_cost(like);
  RUNG_TRY(rung_meter_add(run->meter, bytes));
  rung_status *status = allocate(run->instance->env->allocator, memory, like, out_value);
  if (status)
    rung_meter_take(run->meter, bytes);
  else
    rung_value_set_meter(*out_value, run->meter, bytes);
  return status;
}

bool rung__memory_reads(const rung_memory *memory, const rung_memory *there) {
  if (memory == there) return true;
  if (memory && there && memory->vendor == there->vendor && memory->device == there->device &&
      memory->id == there->id && strcmp(memory->kind, there->kind) == 0)
    return true;
  return (!memory || memory->host_visible) && (!there || there->host_visible);
}

/* Strings and compound values stay with the host. A mapped constant that is a body's operand, and the user's memory,
 * may begin at any byte; providers get elements where the machine wants them. */
static bool is_readable(const rung_value *value, const rung_memory *memory) {
  if (value->kind != RUNG_TENSOR || value->tensor.dtype == RUNG_STRING) return true;
  return rung__memory_reads(memory, value->tensor.memory) &&
         (value->tensor.memory || rung_tensor_is_aligned(&value->tensor));
}

/* Shapes that were open when the plan was made are known now. */
static rung_status *count_crossing(execution *run, size_t bytes) {
  const rung_contract *contract = &run->instance->contract;
  run->crossings++;
  run->crossed += bytes;
  if (!contract->bounds_runs) return NULL;
  RUNG_REQUIRE(run->crossings <= contract->most_crossings, CONTRACT,
               "the run copies more tensors between memories than the contract allows: %" PRIu64,
               contract->most_crossings);
  RUNG_REQUIRE(run->crossed <= contract->most_bytes, CONTRACT,
               "the run copies %" PRIu64 " bytes between memories so far, the contract allows %" PRIu64, run->crossed,
               contract->most_bytes);
  return NULL;
}

static rung_status *copy_tensor(execution *run, const rung_value *from, rung_memory *memory, rung_value **out_value) {
  rung_memory *there = from->tensor.memory;
  if (memory != there) RUNG_TRY(count_crossing(run, from->tensor.size)); /* else only to another address */
  RUNG_TRY(rung__run_allocate(run, memory, &from->tensor, out_value));
  rung_tensor *to = &(*out_value)->tensor;
  rung_status *status = NULL;
  if (to->size && !memory && !there)
    memcpy(to->data, from->tensor.data, to->size);
  else if (to->size && !memory)
    status = there->copy_out(there, to->data, from->tensor.data, to->size);
  else if (to->size)
    status = memory->copy_in(memory, to->data, from->tensor.data, to->size);
  if (status) rung_value_release(*out_value);
  return status;
}

static rung_value *find_copy(const frame *f, const rung_value *original, const rung_memory *memory) {
  for (size_t i = 0; i < f->copies.count; i++)
    if (f->copies.at[i].original == original && f->copies.at[i].memory == memory) return f->copies.at[i].value;
  return NULL;
}

/* A copy of `from` in `memory`, kept by the frame until `original` goes. */
static rung_status *add_copy(frame *f, const rung_value *original, const rung_value *from, rung_memory *memory,
                             rung_value **out_value) {
  rung_value *moved;
  RUNG_TRY(copy_tensor(f->run, from, memory, &moved));
  if (!rung_vec_push(f->run->instance->env->allocator, &f->copies, (copy){original, memory, moved})) {
    rung_value_release(moved);
    return rung_status_out_of_memory();
  }
  *out_value = moved;
  return NULL;
}

/* `value` in `memory`. `f` is the frame that owns it: what a body captures crosses once, not once per trip. Between
 * devices the way leads through the host. */
static rung_status *cross(frame *f, rung_value *value, rung_memory *memory, rung_value **out_value) {
  *out_value = is_readable(value, memory) ? value : find_copy(f, value, memory);
  if (*out_value) return NULL;
  rung_value *from = value;
  if (memory && !rung__memory_reads(NULL, value->tensor.memory)) {
    from = find_copy(f, value, NULL);
    if (!from) RUNG_TRY(add_copy(f, value, value, NULL, &from));
  }
  return add_copy(f, value, from, memory, out_value);
}

static frame *owner_of(frame *f, const rung_value_info *info) {
  frame *owner = (frame *)frame_of(f, info);
  return owner ? owner : f; /* constants cross on behalf of their reader */
}

static rung_status *settle(frame *owner, const rung_value_info *info) {
  if (info->constant || !owner->fences[info->index]) return NULL;
  RUNG_TRY(wait_for(owner->run, owner->makers[info->index], owner->fences[info->index]));
  drop_fence(owner, info->index);
  return NULL;
}

/* The same on behalf of link `reader` (RUNG_NO_LINK: the host): a device that cannot be read is its maker's fault, one
 * that cannot be written the reader's. */
static rung_status *fetch(frame *f, const rung_value_info *info, rung_value *value, rung_memory *memory,
                          uint32_t reader, rung_value **out_value) {
  frame *owner = owner_of(f, info);
  RUNG_TRY(settle(owner, info));
  rung_status *status = cross(owner, value, memory, out_value);
  if (!is_fault(status) || value->kind != RUNG_TENSOR) return status;
  uint32_t maker = info->constant ? RUNG_NO_LINK : owner->makers[info->index];
  rung_memory *there = value->tensor.memory;
  if (there && maker != RUNG_NO_LINK && f->run->instance->chain.links.at[maker].memory == there) reader = maker;
  return reader == RUNG_NO_LINK ? status : blame(f->run, reader, info->producer, status);
}

rung_status *rung__frame_get_host(frame *f, const rung_value_info *info, rung_value **out_value) {
  *out_value = rung__frame_get(f, info);
  return *out_value ? fetch(f, info, *out_value, NULL, RUNG_NO_LINK, out_value) : NULL;
}

/* Islands */

typedef struct island_run {
  rung_run run; /* what the provider sees */
  frame *f;
  const program_step *step;
  rung_value **outputs;  /* references, until they are stored in the frame */
  atomic_size_t charged; /* what the provider has charged, and not given back: until it returns */
} island_run;

rung_status *rung__run_charge(const rung_run *run, size_t bytes) {
  island_run *i = run->context;
  RUNG_TRY(rung_meter_add(i->f->run->meter, bytes));
  atomic_fetch_add_explicit(&i->charged, bytes, memory_order_relaxed);
  return NULL;
}

void rung__run_uncharge(const rung_run *run, size_t bytes, rung_value *value) {
  island_run *i = run->context;
  size_t before = atomic_load_explicit(&i->charged, memory_order_relaxed), taken;
  do {
    taken = RUNG_MIN(bytes, before); /* no more than was charged, whatever the provider says */
  } while (!atomic_compare_exchange_weak(&i->charged, &before, before - taken));
  if (value && !value->meter)
    rung_value_set_meter(value, i->f->run->meter, taken);
  else
    rung_meter_take(i->f->run->meter, taken);
}

static bool is_over(execution *e) {
  if (e->cancel_flag && atomic_load_explicit(e->cancel_flag, memory_order_relaxed)) return true;
  if (atomic_load_explicit(&e->late, memory_order_relaxed)) return true;
  if (!e->deadline || rung_os_now_ns() < e->deadline) return false;
  atomic_store_explicit(&e->late, 1, memory_order_relaxed);
  return true;
}

int rung__run_cancelled(const rung_run *run) { return is_over(((const island_run *)run->context)->f->run); }

rung_status *rung__execution_check(execution *run) {
  if (!is_over(run)) return NULL;
  return atomic_load(&run->late) ? RUNG_ERROR(DEADLINE, "the run did not finish before its deadline")
                                 : RUNG_ERROR(CANCELLED, "the run was cancelled");
}

/* The user's memory, when `info` is an output of the main graph that has some and the tensor fits. */
static rung_status *bound_output(const island_run *i, const rung_value_info *info, const rung_tensor *like,
                                 rung_value **out_value) {
  const execution *run = i->f->run;
  const rung_graph *graph = run->instance->main->graph;
  if (i->f->program->graph != graph || !run->bound) return NULL;
  for (uint32_t k = 0; k < graph->output_count; k++) {
    if (graph->outputs[k] != info || !run->bound[k]) continue;
    const rung_tensor *given = &run->bound[k]->tensor;
    if (given->dtype == like->dtype && rung_tensor_same_shape(given, like) && rung_tensor_is_aligned(given) &&
        rung__memory_reads(like->memory, given->memory))
      *out_value = rung_value_retain(run->bound[k]);
    return NULL;
  }
  return NULL;
}

rung_status *rung__run_output(const rung_run *run, uint32_t index, rung_dtype dtype, int32_t rank, const int64_t *dims,
                              rung_tensor *out_tensor) {
  island_run *i = run->context;
  RUNG_REQUIRE(index < run->output_count && !i->outputs[index], PROVIDER,
               "output %u is asked for twice, or does not exist", index);
  rung_tensor like;
  rung_status *status = rung_tensor_describe(dtype, rank, dims, &like);
  if (status) {
    rung_status_free(status);
    return RUNG_ERROR(PROVIDER, "it asks for output %u in a shape of rank %d, or of a type, that no tensor has", index,
                      rank);
  }
  rung_memory *memory = i->f->run->instance->chain.links.at[i->step->link].memory;
  like.memory = memory;
  RUNG_TRY(bound_output(i, i->step->island->outputs[index], &like, &i->outputs[index]));
  if (!i->outputs[index]) RUNG_TRY(rung__run_allocate(i->f->run, memory, &like, &i->outputs[index]));
  *out_tensor = i->outputs[index]->tensor;
  return NULL;
}

rung_status *rung__run_give(const rung_run *run, uint32_t index, rung_value *value) {
  island_run *i = run->context;
  if (index >= run->output_count || i->outputs[index]) {
    rung_value_release(value);
    return RUNG_ERROR(PROVIDER, "output %u is given twice, or does not exist", index);
  }
  i->outputs[index] = value;
  return NULL;
}

static rung_status *gather_inputs(frame *f, const program_step *step, rung_value **inputs, rung_fence **pending) {
  const rung_graph *island = step->island;
  rung_memory *memory = f->run->instance->chain.links.at[step->link].memory;
  for (uint32_t k = 0; k < island->input_count; k++) {
    const rung_value_info *info = island->inputs[k];
    rung_value *value = rung__frame_get(f, info);
    if (!value) continue;
    if (step->shape_only[k]) {
      inputs[k] = value;
      continue;
    }
    frame *owner = owner_of(f, info);
    bool pends = !info->constant && owner->fences[info->index];
    bool in_order = pends && owner->makers[info->index] == step->link && is_readable(value, memory);
    if (in_order) {
      pending[k] = owner->fences[info->index];
      inputs[k] = value;
    } else {
      RUNG_TRY(fetch(f, info, value, memory, step->link, &inputs[k]));
    }
  }
  return NULL;
}

/* `*fence` becomes NULL when an output holds it. */
static rung_status *store_outputs(frame *f, island_run *i, rung_fence **fence) {
  const rung_graph *island = i->step->island;
  for (uint32_t k = 0; k < island->output_count; k++)
    RUNG_TRY(rung__check_value(&rung__value_of_provider, island->outputs[k], i->outputs[k]));
  for (uint32_t k = 0; k < island->output_count; k++) {
    uint32_t index = island->outputs[k]->index;
    rung__frame_set(f, island->outputs[k], i->outputs[k]);
    i->outputs[k] = NULL;
    f->fences[index] = *fence;
    f->makers[index] = i->step->link;
  }
  if (island->output_count) *fence = NULL;
  return NULL;
}

/* A clock that jumps makes this wait longer, never miss the wake-up. */
static void wait_at_gate(rung_instance *instance) {
  enum { MILLISECONDS = 20 };
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += MILLISECONDS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_cond_timedwait(&instance->gate, &instance->gate_lock, &until);
}

/* An executable takes as many runs at once as its provider says; the others wait here. */
static rung_status *enter(execution *run, program_step *step, uint32_t most) {
  rung_instance *instance = run->instance;
  rung_status *status = NULL;
  if (!most) return NULL;
  pthread_mutex_lock(&instance->gate_lock);
  while (step->running >= most && !(status = rung__execution_check(run))) wait_at_gate(instance);
  if (!status) step->running++;
  pthread_mutex_unlock(&instance->gate_lock);
  return status;
}

static void leave(execution *run, program_step *step, uint32_t most) {
  if (!most) return;
  pthread_mutex_lock(&run->instance->gate_lock);
  step->running--;
  pthread_cond_broadcast(&run->instance->gate);
  pthread_mutex_unlock(&run->instance->gate_lock);
}

static rung_status *call_provider(execution *e, program_step *step, const rung_run *run, rung_fence **out_fence) {
  const rung_provider_api *api = e->instance->chain.links.at[step->link].api;
  rung_fence *fence = NULL;
  RUNG_TRY(enter(e, step, api->max_runs));
  rung_status *status = api->run(step->executable, run, &fence);
  leave(e, step, api->max_runs);
  if (fence && !(RUNG_HAS(api, wait) && RUNG_HAS(api, free_fence))) {
    rung_status_free(status);
    return RUNG_ERROR(PROVIDER, "it sets a fence, but has no functions to wait for it and to free it");
  }
  *out_fence = fence;
  return status;
}

static rung_status *run_island(frame *f, program_step *step) {
  rung_instance *instance = f->run->instance;
  const rung_link *link = &instance->chain.links.at[step->link];
  const rung_allocator *allocator = instance->env->allocator;
  uint32_t in = step->island->input_count, out = step->island->output_count;
  void **operands = rung_alloc(allocator, 2 * (size_t)in + out + 1, sizeof *operands, "operands");
  RUNG_CHECK_ALLOC(operands);
  rung_value **inputs = (rung_value **)operands, **outputs = inputs + in;
  rung_fence **pending = (rung_fence **)operands + in + out, *fence = NULL;
  island_run i = {.f = f, .step = step, .outputs = outputs};
  atomic_init(&i.charged, 0);
  i.run = (rung_run){.struct_size = sizeof i.run,
                     .host = link->host,
                     .input_count = in,
                     .output_count = out,
                     .inputs = inputs,
                     .pending = pending,
                     .profile = f->run->profile,
                     .context = &i,
                     .number = atomic_fetch_add(&instance->runs, 1),
                     .cancellable = f->run->cancel_flag || f->run->deadline};
  const rung_node *first = step->island->nodes[0];
  rung_status *status = gather_inputs(f, step, inputs, pending);
  if (!status) status = blame(f->run, step->link, first, call_provider(f->run, step, &i.run, &fence));
  if (!status) status = blame(f->run, step->link, first, store_outputs(f, &i, &fence));
  if (fence) { /* held by no output: nothing may be freed while the device still works */
    rung_status *end = wait_for(f->run, step->link, fence);
    link->api->free_fence(link->provider, fence);
    if (status)
      rung_status_free(end);
    else
      status = end;
  }
  for (uint32_t k = 0; k < out; k++) rung_value_release(outputs[k]);
  rung_meter_take(f->run->meter, atomic_load(&i.charged));
  rung_free(allocator, operands);
  return status;
}

/* Steps */

static void add_event(execution *run, const program *p, const program_step *step, const rung_node *node, uint64_t began,
                      uint64_t ended, uint32_t thread) {
  const rung_instance *instance = run->instance;
  profile_event event = {.graph = p->path,
                         .provider = step->node ? "host" : instance->chain.links.at[step->link].api->name,
                         .node = step->node ? step->node : node,
                         .first = step->node || node || thread ? NULL : step->island->nodes[0],
                         .nodes = step->node || node || thread ? 1 : step->island->node_count,
                         .thread = thread,
                         .began = began - run->started,
                         .ended = ended - run->started};
  rung__profile_add(&run->instance->profile, &event);
}

void rung__run_event(const rung_run *run, const rung_node *node, uint64_t began, uint64_t ended) {
  const island_run *i = run->context;
  add_event(i->f->run, i->f->program, i->step, node, began, ended, 0);
}

void rung__run_part(const rung_run *run, uint32_t thread, uint64_t began, uint64_t ended) {
  const island_run *i = run->context;
  add_event(i->f->run, i->f->program, i->step, NULL, began, ended, thread);
}

rung_status *rung__frame_run(frame *f) {
  const program *p = f->program;
  for (size_t s = 0; s < p->step_count; s++) {
    program_step *step = &p->steps[s];
    uint64_t began = f->run->profile ? rung_os_now_ns() : 0;
    rung_status *late = rung__execution_check(f->run);
    if (late) return late;
    rung_status *status = step->node ? rung__run_control(f, step) : run_island(f, step);
    if (status && rung_status_code(status) == RUNG_CANCELLED && (late = rung__execution_check(f->run))) {
      rung_status_free(status); /* a kernel that stopped early knows only that it was to stop */
      return late;
    }
    RUNG_TRY(status);
    if (f->run->profile) add_event(f->run, p, step, NULL, began, rung_os_now_ns(), 0);
    for (size_t i = 0; i < step->dead_count; i++)
      if (f->values[step->dead[i]]) drop_value(f, step->dead[i]);
  }
  return NULL;
}

/* The whole */

/* An output that the user gave memory for and that was made elsewhere (a constant, an input, another memory), or that
 * begins where no provider writes. */
static rung_status *fill_bound(rung_value *bound, const rung_value_info *info, const rung_value *made) {
  if (bound == made) return NULL;
  char is[RUNG_SHAPE_TEXT], should[RUNG_SHAPE_TEXT];
  RUNG_REQUIRE(made->kind == RUNG_TENSOR && made->tensor.dtype == bound->tensor.dtype &&
                   made->tensor.dtype != RUNG_STRING && rung_tensor_same_shape(&made->tensor, &bound->tensor),
               INVALID_ARGUMENT, "output \"%s\" is %s %s, the given memory is for %s %s", info->name,
               rung_dtype_name(made->tensor.dtype), rung_shape_text(made->tensor.rank, made->tensor.dims, is),
               rung_dtype_name(bound->tensor.dtype), rung_shape_text(bound->tensor.rank, bound->tensor.dims, should));
  if (made->tensor.size) memcpy(bound->tensor.data, made->tensor.data, made->tensor.size);
  return NULL;
}

static rung_status *hand_out(frame *f, rung_value **made) {
  const rung_graph *graph = f->program->graph;
  for (uint32_t i = 0; i < graph->output_count; i++) {
    RUNG_TRY(rung__frame_get_host(f, graph->outputs[i], &made[i]));
    RUNG_REQUIRE(made[i] || graph->outputs[i]->type.kind == RUNG_OPTIONAL, INTERNAL, "output \"%s\" was not made",
                 graph->outputs[i]->name);
    if (f->run->bound[i] && made[i]) RUNG_TRY(fill_bound(f->run->bound[i], graph->outputs[i], made[i]));
  }
  return NULL;
}

static bool is_own(const rung_value *value) {
  for (size_t i = 0; i < value->count; i++)
    if (!is_own(value->items[i])) return false;
  return value->kind != RUNG_TENSOR || value->block || !value->tensor.data;
}

static rung_status *own_value(rung_value *made, rung_value **out_value);

static rung_status *own_items(rung_value *made, rung_value **out_value) {
  rung_value **items = rung_alloc(made->allocator, made->count, sizeof *items, "items");
  RUNG_CHECK_ALLOC(items);
  rung_status *status = NULL;
  for (size_t i = 0; i < made->count && !status; i++) status = own_value(made->items[i], &items[i]);
  if (!status)
    status = rung_value_new_compound(made->allocator, made->kind, made->tensor.dtype, items, made->count, out_value);
  for (size_t i = 0; i < made->count; i++) rung_value_release(items[i]);
  rung_free(made->allocator, items);
  return status;
}

static rung_status *own_value(rung_value *made, rung_value **out_value) {
  if (made && !is_own(made))
    return made->kind == RUNG_TENSOR ? rung_value_copy_tensor(made->allocator, &made->tensor, out_value)
                                     : own_items(made, out_value);
  *out_value = rung_value_retain(made);
  return NULL;
}

/* What the user gets is the user's alone: a weight would go with the model, what a provider wraps with the session, and
 * an input handed through is the user's memory under another name. */
static rung_status *own(const execution *e, rung_value *made, rung_value *const *inputs, rung_value **out_value) {
  for (uint32_t i = 0; i < e->instance->main->graph->input_count; i++)
    if (made && made == inputs[i] && made->kind == RUNG_TENSOR)
      return rung_value_copy_tensor(made->allocator, &made->tensor, out_value);
  return own_value(made, out_value);
}

/* Turns `made` into references for the user; NULL where the user gave memory. On failure none remains. */
static rung_status *own_all(const execution *e, rung_value *const *inputs, rung_value *const *given,
                            rung_value **made) {
  for (uint32_t i = 0; i < e->instance->main->graph->output_count; i++) {
    rung_value *mine = NULL;
    rung_status *status = given[i] ? NULL : own(e, made[i], inputs, &mine);
    made[i] = mine;
    if (!status) continue;
    while (i-- > 0) rung_value_release(made[i]);
    return status;
  }
  return NULL;
}

static rung_status *run_main(execution *e, rung_value *const *inputs, rung_value **outputs, rung_value **made) {
  const program *p = e->instance->main;
  frame f;
  RUNG_TRY(rung__frame_init(&f, e, p, NULL));
  rung_status *status = NULL;
  for (uint32_t i = 0; i < p->graph->input_count && !status; i++) {
    status = rung__check_value(&rung__value_of_user, p->graph->inputs[i], inputs[i]);
    if (!status) rung__frame_set(&f, p->graph->inputs[i], rung_value_retain(inputs[i]));
  }
  if (!status) status = rung__frame_run(&f);
  if (!status) status = hand_out(&f, made);
  if (!status) status = own_all(e, inputs, outputs, made);
  for (uint32_t i = 0; i < p->graph->output_count && !status; i++)
    if (made[i]) outputs[i] = made[i];
  rung__frame_finish(&f);
  return status;
}

rung_status *rung__instance_run(rung_instance *instance, const rung_run_options *options, rung_value *const *inputs,
                                size_t input_count, rung_value **outputs, size_t output_count, rung_attempt *attempt) {
  const rung_graph *graph = instance->main->graph;
  RUNG_REQUIRE(instance->compiled, INVALID_ARGUMENT, "the session was made to plan only; it cannot run");
  RUNG_REQUIRE(input_count == graph->input_count && output_count == graph->output_count, INVALID_ARGUMENT,
               "%zu inputs and %zu outputs are given, the model has %u and %u", input_count, output_count,
               graph->input_count, graph->output_count);
  execution e = {.instance = instance,
                 .options = options,
                 .bound = outputs,
                 .started = rung_os_now_ns(),
                 .deadline = attempt->deadline,
                 .failed_link = RUNG_NO_LINK};
  atomic_init(&e.late, 0);
  e.cancel_flag = options->cancel ? &options->cancel->flag : NULL;
  e.profile = options->profile != 0;
  if (e.profile) rung__profile_clear(&instance->profile);
  rung_value **made = rung_alloc(instance->env->allocator, output_count + 1, sizeof *made, "outputs");
  RUNG_CHECK_ALLOC(made);
  rung_status *status = rung_meter_create(instance->env->allocator, instance->max_bytes, &e.meter);
  if (!status) {
    status = run_main(&e, inputs, outputs, made);
    rung_meter_release(e.meter);
  }
  rung_free(instance->env->allocator, made);
  attempt->failed_link = e.failed_link;
  attempt->failed_node = e.failed_node;
  attempt->crossings = e.crossings;
  attempt->crossed = e.crossed;
  return status;
}
