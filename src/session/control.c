/* Control flow that no provider claimed: the session runs the bodies, frame by frame. */
#include "base/str.h"
#include "session/execute.h"

#include <inttypes.h>

/* Bodies */

/* Runs a body on host values; `results` are new references, one per output of the body. */
static rung_status *run_body(frame *outer, const program *body, rung_value *const *inputs, uint32_t input_count,
                             rung_value **results) {
  const rung_graph *graph = body->graph;
  frame f;
  RUNG_TRY(rung__frame_init(&f, outer->run, body, outer));
  for (uint32_t i = 0; i < input_count && i < graph->input_count; i++)
    rung__frame_set(&f, graph->inputs[i], rung_value_retain(inputs[i]));
  rung_status *status = rung__frame_run(&f);
  for (uint32_t i = 0; i < graph->output_count && !status; i++) {
    rung_value *value;
    status = rung__frame_get_host(&f, graph->outputs[i], &value);
    if (!status) results[i] = rung_value_retain(value);
  }
  rung__frame_finish(&f);
  return rung_status_prefix(status, "body \"%s\"", graph->name);
}

static void release_all(rung_value **values, uint32_t count) {
  for (uint32_t i = 0; values && i < count; i++) {
    rung_value_release(values[i]);
    values[i] = NULL;
  }
}

/* Scalars */

static rung_status *read_bool(const rung_value *value, const char *what, bool *out) {
  RUNG_REQUIRE(
      value && value->kind == RUNG_TENSOR && value->tensor.dtype == RUNG_BOOL && rung_tensor_count(&value->tensor) == 1,
      INVALID_ARGUMENT, "%s must be one bool", what);
  *out = *(const uint8_t *)value->tensor.data != 0;
  return NULL;
}

static rung_status *make_scalar(frame *f, rung_dtype dtype, const void *data, rung_value **out) {
  RUNG_TRY(rung_value_new_tensor(f->run->instance->env->allocator, dtype, 0, NULL, out));
  memcpy((*out)->tensor.data, data, (*out)->tensor.size);
  return NULL;
}

static void store(frame *f, const rung_node *node, uint32_t index, rung_value *value) {
  if (index < node->output_count && node->outputs[index])
    rung__frame_set(f, node->outputs[index], value);
  else
    rung_value_release(value);
}

/* If */

static rung_status *run_if(frame *f, const program_step *step) {
  const rung_node *node = step->node;
  rung_value *condition;
  bool yes;
  RUNG_TRY(rung__frame_get_host(f, node->inputs[0], &condition));
  RUNG_TRY(read_bool(condition, "the condition", &yes));
  const rung_attribute *branch = rung_node_attribute(node, yes ? "then_branch" : "else_branch");
  const program *body = step->bodies[0]->graph == branch->graph ? step->bodies[0] : step->bodies[1];
  uint32_t count = body->graph->output_count;
  rung_value **results = rung_alloc(f->run->instance->env->allocator, count + 1, sizeof *results, "If");
  RUNG_CHECK_ALLOC(results);
  rung_status *status = run_body(f, body, NULL, 0, results);
  for (uint32_t i = 0; i < count && !status; i++) {
    store(f, node, i, results[i]);
    results[i] = NULL;
  }
  release_all(results, count);
  rung_free(f->run->instance->env->allocator, results);
  return status;
}

/* Stacking: scan outputs of Loop and Scan are collected, then copied into one tensor. */

typedef struct stack {
  RUNG_VEC(rung_value *) items;
} stack;

static rung_status *check_stackable(const stack *s) {
  const rung_tensor *first = &s->items.at[0]->tensor;
  for (size_t i = 0; i < s->items.count; i++) {
    const rung_value *item = s->items.at[i];
    RUNG_REQUIRE(
        item->kind == RUNG_TENSOR && item->tensor.dtype == first->dtype && rung_tensor_same_shape(&item->tensor, first),
        INVALID_ARGUMENT, "a scan output changes its shape or type in trip %zu", i);
  }
  RUNG_REQUIRE(first->rank < RUNG_MAX_RANK, LIMIT, "a scan output has rank %d", first->rank + 1);
  RUNG_REQUIRE(!rung_dtype_is_packed(first->dtype), UNSUPPORTED, "a scan output of %s", rung_dtype_name(first->dtype));
  return NULL;
}

/* Items side by side along a new axis; backwards when `reverse`. */
static rung_status *stack_items(frame *f, const stack *s, int64_t axis, bool reverse, rung_value **out_value) {
  RUNG_TRY(check_stackable(s));
  const rung_allocator *allocator = f->run->instance->env->allocator;
  const rung_tensor *first = &s->items.at[0]->tensor;
  int64_t dims[RUNG_MAX_RANK];
  if (axis < 0) axis += first->rank + 1;
  RUNG_REQUIRE(axis >= 0 && axis <= first->rank, INVALID_ARGUMENT, "scan output axis %" PRId64 " is out of range",
               axis);
  memcpy(dims, first->dims, sizeof dims);
  memmove(dims + axis + 1, dims + axis, (size_t)(first->rank - axis) * sizeof dims[0]);
  dims[axis] = (int64_t)s->items.count;
  rung_value *result;
  RUNG_TRY(rung_value_new_tensor(allocator, first->dtype, first->rank + 1, dims, &result));
  size_t row = rung_dtype_size(first->dtype) * (size_t)rung_tensor_span(first, (int32_t)axis, first->rank);
  size_t rows = row ? first->size / row : 0;
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < s->items.count; i++) {
      const rung_tensor *from = &s->items.at[reverse ? s->items.count - 1 - i : i]->tensor;
      memcpy((char *)result->tensor.data + (r * s->items.count + i) * row, (const char *)from->data + r * row, row);
    }
  if (first->dtype != RUNG_STRING) {
    *out_value = result;
    return NULL;
  }
  rung_status *status = rung_value_copy_tensor(allocator, &result->tensor, out_value); /* owns its bytes */
  rung_value_release(result);
  return status;
}

/* Zero trips: an empty tensor of the type that the graph promises, with 0 for what is unknown. */
static rung_status *empty_stack(frame *f, const rung_value_info *info, rung_value **out_value) {
  int64_t dims[RUNG_MAX_RANK] = {0};
  int32_t rank = RUNG_MAX(info->type.rank, 1);
  for (int32_t i = 1; i < rank; i++) dims[i] = RUNG_MAX(info->type.dims[i], 0);
  return rung_value_new_tensor(f->run->instance->env->allocator, info->type.dtype ? info->type.dtype : RUNG_F32, rank,
                               dims, out_value);
}

static void free_stacks(const rung_allocator *allocator, stack *stacks, uint32_t count) {
  for (uint32_t i = 0; stacks && i < count; i++) {
    release_all(stacks[i].items.at, (uint32_t)stacks[i].items.count);
    rung_vec_free(allocator, &stacks[i].items);
  }
  rung_free(allocator, stacks);
}

/* Moves the results of one trip behind `carried` onto the stacks. */
static rung_status *push_results(const rung_allocator *allocator, stack *stacks, rung_value **results, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (!rung_vec_push(allocator, &stacks[i].items, results[i])) return rung_status_out_of_memory();
    results[i] = NULL;
  }
  return NULL;
}

/* Loop */

typedef struct loop {
  frame *f;
  const program *body;
  const rung_node *node;
  uint32_t carried, scans;
  rung_value **inputs;  /* of the body: trip, condition, carried */
  rung_value **results; /* condition, carried, scans */
  stack *stacks;
} loop;

static rung_status *start_loop(loop *l, int64_t *out_trips, bool *out_go) {
  const rung_node *node = l->node;
  rung_value *trips, *condition;
  *out_trips = INT64_MAX;
  *out_go = true;
  RUNG_TRY(rung__frame_get_host(l->f, node->inputs[0], &trips));
  if (trips) {
    RUNG_REQUIRE(
        trips->kind == RUNG_TENSOR && trips->tensor.dtype == RUNG_I64 && rung_tensor_count(&trips->tensor) == 1,
        INVALID_ARGUMENT, "the trip count must be one int64");
    memcpy(out_trips, trips->tensor.data, sizeof *out_trips);
  }
  RUNG_TRY(rung__frame_get_host(l->f, node->input_count > 1 ? node->inputs[1] : NULL, &condition));
  if (condition) RUNG_TRY(read_bool(condition, "the condition", out_go));
  for (uint32_t i = 0; i < l->carried; i++) {
    rung_value *value;
    RUNG_TRY(rung__frame_get_host(l->f, node->inputs[i + 2], &value));
    l->inputs[i + 2] = rung_value_retain(value);
  }
  return NULL;
}

static rung_status *run_trip(loop *l, int64_t trip, bool *go) {
  const rung_allocator *allocator = l->f->run->instance->env->allocator;
  uint8_t flag = *go;
  uint64_t limit = l->f->run->instance->max_loop_trips;
  RUNG_REQUIRE((uint64_t)trip < limit, LIMIT, "more than max_loop_trips = %" PRIu64 " trips", limit);
  release_all(l->inputs, 2);
  RUNG_TRY(make_scalar(l->f, RUNG_I64, &trip, &l->inputs[0]));
  RUNG_TRY(make_scalar(l->f, RUNG_BOOL, &flag, &l->inputs[1]));
  RUNG_TRY(run_body(l->f, l->body, l->inputs, 2 + l->carried, l->results));
  RUNG_TRY(read_bool(l->results[0], "the condition that the body gives back", go));
  for (uint32_t i = 0; i < l->carried; i++) {
    rung_value_release(l->inputs[i + 2]);
    l->inputs[i + 2] = l->results[i + 1];
    l->results[i + 1] = NULL;
  }
  rung_status *status = push_results(allocator, l->stacks, l->results + 1 + l->carried, l->scans);
  release_all(l->results, 1);
  return status;
}

/* A stack as one tensor; `info` is the value that it becomes. */
static rung_status *stacked_value(frame *f, const stack *s, uint32_t index, const rung_value_info *info,
                                  const rung_attribute *axes, const rung_attribute *directions,
                                  rung_value **out_value) {
  int64_t axis = axes && index < axes->count ? axes->ints[index] : 0;
  bool reverse = directions && index < directions->count && directions->ints[index];
  return s->items.count ? stack_items(f, s, axis, reverse, out_value) : empty_stack(f, info, out_value);
}

static rung_status *finish_stacks(frame *f, const rung_node *node, uint32_t first, const stack *stacks, uint32_t count,
                                  const rung_attribute *axes, const rung_attribute *directions) {
  for (uint32_t i = 0; i < count; i++) {
    if (first + i >= node->output_count || !node->outputs[first + i]) continue;
    rung_value *value;
    RUNG_TRY(stacked_value(f, &stacks[i], i, node->outputs[first + i], axes, directions, &value));
    store(f, node, first + i, value);
  }
  return NULL;
}

static rung_status *run_loop(frame *f, const program_step *step) {
  const rung_allocator *allocator = f->run->instance->env->allocator;
  loop l = {.f = f, .body = step->bodies[0], .node = step->node};
  l.carried = step->node->input_count > 2 ? step->node->input_count - 2 : 0;
  l.scans = l.body->graph->output_count - 1 - l.carried;
  l.inputs = rung_alloc(allocator, l.carried + 2, sizeof *l.inputs, "Loop");
  l.results = rung_alloc(allocator, l.body->graph->output_count + 1, sizeof *l.results, "Loop");
  l.stacks = rung_alloc(allocator, l.scans + 1, sizeof *l.stacks, "Loop");
  int64_t trips;
  bool go;
  rung_status *status = l.inputs && l.results && l.stacks ? start_loop(&l, &trips, &go) : rung_status_out_of_memory();
  for (int64_t trip = 0; !status && go && trip < trips; trip++)
    status = rung_status_prefix(run_trip(&l, trip, &go), "trip %" PRId64, trip);
  for (uint32_t i = 0; i < l.carried && !status; i++) store(f, l.node, i, rung_value_retain(l.inputs[i + 2]));
  if (!status) status = finish_stacks(f, l.node, l.carried, l.stacks, l.scans, NULL, NULL);
  if (l.inputs) release_all(l.inputs, l.carried + 2);
  if (l.results) release_all(l.results, l.body->graph->output_count);
  free_stacks(allocator, l.stacks, l.scans);
  rung_free(allocator, l.results);
  rung_free(allocator, l.inputs);
  return status;
}

/* Scan */

typedef struct scan {
  frame *f;
  const program *body;
  const rung_node *node;
  uint32_t states, scans_in, scans_out;
  int64_t length;
  const rung_attribute *directions;
  rung_value **given;  /* initial states and scan inputs: references */
  rung_value **inputs; /* of the body */
  rung_value **results;
  stack *stacks; /* of scan outputs */
} scan;

/* Slice `index` of a tensor along an axis. */
static rung_status *take_slice(frame *f, const rung_tensor *from, int64_t axis, int64_t index, rung_value **out_value) {
  const rung_allocator *allocator = f->run->instance->env->allocator;
  int64_t dims[RUNG_MAX_RANK];
  memcpy(dims, from->dims, sizeof dims);
  memmove(dims + axis, dims + axis + 1, (size_t)(from->rank - axis - 1) * sizeof dims[0]);
  RUNG_REQUIRE(!rung_dtype_is_packed(from->dtype), UNSUPPORTED, "a scan input of %s", rung_dtype_name(from->dtype));
  rung_value *slice;
  RUNG_TRY(rung_value_new_tensor(allocator, from->dtype, from->rank - 1, dims, &slice));
  size_t row = rung_dtype_size(from->dtype) * (size_t)rung_tensor_span(from, (int32_t)axis + 1, from->rank);
  size_t rows = (size_t)rung_tensor_span(from, 0, (int32_t)axis), length = (size_t)from->dims[axis];
  for (size_t r = 0; r < rows && row; r++)
    memcpy((char *)slice->tensor.data + r * row, (const char *)from->data + (r * length + (size_t)index) * row, row);
  if (from->dtype != RUNG_STRING) {
    *out_value = slice;
    return NULL;
  }
  rung_status *status = rung_value_copy_tensor(allocator, &slice->tensor, out_value);
  rung_value_release(slice);
  return status;
}

static rung_status *scan_axis(const scan *s, uint32_t k, int64_t *out_axis) {
  const rung_attribute *axes = rung_node_attribute(s->node, "scan_input_axes");
  const rung_value *value = s->given[s->states + k];
  RUNG_REQUIRE(value && value->kind == RUNG_TENSOR && value->tensor.rank > 0, INVALID_ARGUMENT,
               "scan input %u has no axis", k);
  int64_t axis = axes && k < axes->count ? axes->ints[k] : 0, rank = value->tensor.rank;
  RUNG_REQUIRE(axis >= -rank && axis < rank, INVALID_ARGUMENT, "scan input axis %" PRId64 " is out of range", axis);
  *out_axis = axis < 0 ? axis + rank : axis;
  return NULL;
}

/* The node's inputs from number `first` on. */
static rung_status *load_scan(const scan *s, uint32_t first, rung_value **given) {
  for (uint32_t i = first; i < s->node->input_count; i++) {
    rung_value *value;
    RUNG_TRY(rung__frame_get_host(s->f, s->node->inputs[i], &value));
    given[i - first] = rung_value_retain(value);
  }
  return NULL;
}

static rung_status *start_scan(scan *s) {
  for (uint32_t i = 0; i < s->states; i++) {
    rung_value_release(s->inputs[i]);
    s->inputs[i] = rung_value_retain(s->given[i]);
  }
  s->length = -1;
  for (uint32_t k = 0; k < s->scans_in; k++) {
    int64_t axis;
    RUNG_TRY(scan_axis(s, k, &axis));
    int64_t length = s->given[s->states + k]->tensor.dims[axis];
    RUNG_REQUIRE(s->length < 0 || s->length == length, INVALID_ARGUMENT,
                 "scan inputs have the lengths %" PRId64 " and %" PRId64, s->length, length);
    s->length = length;
  }
  return NULL;
}

static rung_status *run_scan_trip(scan *s, int64_t trip) {
  for (uint32_t k = 0; k < s->scans_in; k++) {
    int64_t axis;
    bool reverse = s->directions && k < s->directions->count && s->directions->ints[k];
    RUNG_TRY(scan_axis(s, k, &axis));
    release_all(&s->inputs[s->states + k], 1);
    RUNG_TRY(take_slice(s->f, &s->given[s->states + k]->tensor, axis, reverse ? s->length - 1 - trip : trip,
                        &s->inputs[s->states + k]));
  }
  RUNG_TRY(run_body(s->f, s->body, s->inputs, s->states + s->scans_in, s->results));
  for (uint32_t i = 0; i < s->states; i++) {
    rung_value_release(s->inputs[i]);
    s->inputs[i] = s->results[i];
    s->results[i] = NULL;
  }
  return push_results(s->f->run->instance->env->allocator, s->stacks, s->results + s->states, s->scans_out);
}

static rung_status *run_trips(scan *s) {
  rung_status *status = NULL;
  for (int64_t trip = 0; !status && trip < s->length; trip++)
    status = rung_status_prefix(run_scan_trip(s, trip), "trip %" PRId64, trip);
  return status;
}

static rung_status *scan_whole(scan *s) {
  const rung_node *node = s->node;
  RUNG_TRY(load_scan(s, 0, s->given));
  RUNG_TRY(start_scan(s));
  RUNG_TRY(run_trips(s));
  for (uint32_t i = 0; i < s->states; i++) store(s->f, node, i, rung_value_retain(s->inputs[i]));
  return finish_stacks(s->f, node, s->states, s->stacks, s->scans_out, rung_node_attribute(node, "scan_output_axes"),
                       rung_node_attribute(node, "scan_output_directions"));
}

/* Opset 8: axis 0 of all operands is a batch, each item of which is scanned by itself, for as long as input 0 says. */

typedef struct batches {
  scan *s;
  rung_value **whole;         /* initial states and scan inputs of all items: references */
  const rung_tensor *lengths; /* NULL: all are as long as the scan inputs */
  stack *stacks;              /* per output, a value per item */
} batches;

/* What is behind the end of a shorter sequence is 0. */
static rung_status *pad_stack(scan *s, uint32_t index, int64_t length) {
  const rung_allocator *allocator = s->f->run->instance->env->allocator;
  const rung_type *type = &s->body->graph->outputs[s->states + index]->type;
  stack *made = &s->stacks[index];
  size_t count;
  while ((int64_t)made->items.count < length) {
    rung_tensor like = {.dtype = type->dtype, .rank = type->rank};
    memcpy(like.dims, type->dims, sizeof like.dims);
    if (made->items.count) like = made->items.at[0]->tensor;
    RUNG_REQUIRE(like.rank >= 0 && rung_shape_count(like.rank, like.dims, &count) && like.dtype != RUNG_STRING,
                 UNSUPPORTED, "nothing to fill scan output %u up with", index);
    rung_value *zeros;
    RUNG_TRY(rung_value_new_tensor(allocator, like.dtype, like.rank, like.dims, &zeros));
    if (zeros->tensor.size) memset(zeros->tensor.data, 0, zeros->tensor.size);
    if (rung_vec_push(allocator, &made->items, zeros)) continue;
    rung_value_release(zeros);
    return rung_status_out_of_memory();
  }
  return NULL;
}

static rung_status *scan_item(batches *b, int64_t item) {
  scan *s = b->s;
  const rung_allocator *allocator = s->f->run->instance->env->allocator;
  for (uint32_t i = 0; i < s->states + s->scans_in; i++) {
    release_all(&s->given[i], 1);
    RUNG_TRY(take_slice(s->f, &b->whole[i]->tensor, 0, item, &s->given[i]));
  }
  RUNG_TRY(start_scan(s));
  int64_t longest = s->length;
  if (b->lengths) memcpy(&s->length, (const char *)b->lengths->data + 8 * item, sizeof s->length);
  RUNG_REQUIRE(s->length >= 0 && s->length <= longest, INVALID_ARGUMENT, "sequence_lens is %" PRId64 " of %" PRId64,
               s->length, longest);
  RUNG_TRY(run_trips(s));
  RUNG_TRY(push_results(allocator, b->stacks, s->inputs, s->states));
  for (uint32_t k = 0; k < s->scans_out; k++) {
    const rung_value_info *info = s->body->graph->outputs[s->states + k];
    rung_value *value;
    RUNG_TRY(pad_stack(s, k, longest));
    RUNG_TRY(stacked_value(s->f, &s->stacks[k], k, info, NULL, NULL, &value));
    RUNG_TRY(push_results(allocator, &b->stacks[s->states + k], &value, 1));
    release_all(s->stacks[k].items.at, (uint32_t)s->stacks[k].items.count);
    s->stacks[k].items.count = 0;
  }
  return NULL;
}

static rung_status *scan_items(batches *b) {
  scan *s = b->s;
  rung_value *lengths;
  RUNG_TRY(load_scan(s, 1, b->whole));
  RUNG_TRY(rung__frame_get_host(s->f, s->node->inputs[0], &lengths));
  int64_t count = -1;
  for (uint32_t i = 0; i < s->states + s->scans_in; i++) {
    const rung_value *value = b->whole[i];
    RUNG_REQUIRE(value && value->kind == RUNG_TENSOR && value->tensor.rank > 0, INVALID_ARGUMENT,
                 "input %u has no batch axis", i + 1);
    RUNG_REQUIRE(count < 0 || value->tensor.dims[0] == count, INVALID_ARGUMENT,
                 "inputs have the batch sizes %" PRId64 " and %" PRId64, count, value->tensor.dims[0]);
    count = value->tensor.dims[0];
  }
  if (lengths) b->lengths = &lengths->tensor;
  RUNG_REQUIRE(!lengths || (lengths->kind == RUNG_TENSOR && lengths->tensor.dtype == RUNG_I64 &&
                            (int64_t)rung_tensor_count(&lengths->tensor) == count),
               INVALID_ARGUMENT, "sequence_lens must be one int64 per item of the batch");
  rung_status *status = NULL;
  for (int64_t item = 0; !status && item < count; item++)
    status = rung_status_prefix(scan_item(b, item), "batch item %" PRId64, item);
  return status ? status : finish_stacks(s->f, s->node, 0, b->stacks, s->states + s->scans_out, NULL, NULL);
}

static rung_status *scan_batch(scan *s) {
  const rung_allocator *allocator = s->f->run->instance->env->allocator;
  uint32_t inputs = s->states + s->scans_in, outputs = s->states + s->scans_out;
  batches b = {.s = s};
  b.whole = rung_alloc(allocator, inputs + 1, sizeof *b.whole, "Scan");
  b.stacks = rung_alloc(allocator, outputs + 1, sizeof *b.stacks, "Scan");
  s->directions = rung_node_attribute(s->node, "directions");
  rung_status *status = b.whole && b.stacks ? scan_items(&b) : rung_status_out_of_memory();
  release_all(b.whole, inputs);
  free_stacks(allocator, b.stacks, outputs);
  rung_free(allocator, b.whole);
  return status;
}

static rung_status *run_scan(frame *f, const program_step *step) {
  const rung_node *node = step->node;
  const rung_allocator *allocator = f->run->instance->env->allocator;
  bool has_batch = node->opset < 9;
  scan s = {
      .f = f, .body = step->bodies[0], .node = node, .directions = rung_node_attribute(node, "scan_input_directions")};
  uint32_t results = s.body->graph->output_count, inputs = node->input_count - has_batch;
  s.scans_in = (uint32_t)rung_node_attribute(node, "num_scan_inputs")->i;
  s.states = inputs - s.scans_in;
  s.scans_out = results - s.states;
  s.given = rung_alloc(allocator, inputs + 1, sizeof *s.given, "Scan");
  s.inputs = rung_alloc(allocator, inputs + 1, sizeof *s.inputs, "Scan");
  s.results = rung_alloc(allocator, results + 1, sizeof *s.results, "Scan");
  s.stacks = rung_alloc(allocator, s.scans_out + 1, sizeof *s.stacks, "Scan");
  rung_status *status = NULL;
  if (!s.given || !s.inputs || !s.results || !s.stacks)
    status = rung_status_out_of_memory();
  else
    status = has_batch ? scan_batch(&s) : scan_whole(&s);
  release_all(s.given, inputs);
  release_all(s.inputs, inputs);
  release_all(s.results, results);
  free_stacks(allocator, s.stacks, s.scans_out);
  rung_free(allocator, s.results);
  rung_free(allocator, s.inputs);
  rung_free(allocator, s.given);
  return status;
}

/* SequenceMap */

static rung_status *map_item(frame *f, const program *body, rung_value *const *given, uint32_t count, size_t index,
                             rung_value **inputs, rung_value **results, stack *stacks) {
  for (uint32_t i = 0; i < count; i++) {
    bool is_sequence = given[i] && given[i]->kind == RUNG_SEQUENCE;
    RUNG_REQUIRE(given[i] && (!is_sequence || index < given[i]->count), INVALID_ARGUMENT,
                 "input %u is shorter than the first", i);
    inputs[i] = is_sequence ? given[i]->items[index] : given[i];
  }
  RUNG_TRY(run_body(f, body, inputs, count, results));
  return push_results(f->run->instance->env->allocator, stacks, results, body->graph->output_count);
}

static rung_status *run_sequence_map(frame *f, const program_step *step) {
  const rung_node *node = step->node;
  const rung_allocator *allocator = f->run->instance->env->allocator;
  const program *body = step->bodies[0];
  uint32_t in = node->input_count, out = body->graph->output_count;
  rung_value **given = rung_alloc(allocator, 2 * (size_t)in + out + 1, sizeof *given, "SequenceMap");
  stack *stacks = rung_alloc(allocator, out + 1, sizeof *stacks, "SequenceMap");
  rung_status *status = given && stacks ? NULL : rung_status_out_of_memory();
  for (uint32_t i = 0; i < in && !status; i++) status = rung__frame_get_host(f, node->inputs[i], &given[i]);
  if (!status && (!given[0] || given[0]->kind != RUNG_SEQUENCE))
    status = RUNG_ERROR(INVALID_ARGUMENT, "input 0 is no sequence");
  size_t length = status ? 0 : given[0]->count;
  for (size_t i = 0; i < length && !status; i++)
    status = map_item(f, body, given, in, i, given + in, given + 2 * (size_t)in, stacks);
  for (uint32_t i = 0; i < node->output_count && i < out && !status; i++) {
    rung_value *sequence;
    status = rung_value_new_compound(allocator, RUNG_SEQUENCE, body->graph->outputs[i]->type.dtype, stacks[i].items.at,
                                     stacks[i].items.count, &sequence);
    if (!status) store(f, node, i, sequence);
  }
  if (given) release_all(given + 2 * (size_t)in, out);
  free_stacks(allocator, stacks, out);
  rung_free(allocator, given);
  return status;
}

static const struct {
  const char *name;
  rung_status *(*run)(frame *f, const program_step *step);
} operators[] = {{"If", run_if}, {"Loop", run_loop}, {"Scan", run_scan}, {"SequenceMap", run_sequence_map}};

rung_status *rung__run_control(frame *f, const program_step *step) {
  for (size_t i = 0; i < RUNG_COUNT(operators); i++)
    if (strcmp(operators[i].name, step->node->op_type) == 0)
      return rung_status_prefix(operators[i].run(f, step), "node \"%s\" (%s)", step->node->name, step->node->op_type);
  return RUNG_ERROR(INTERNAL, "nobody drives %s", step->node->op_type);
}
