/* Control flow that no provider claimed: the session runs the bodies, frame by frame. */
#include "base/str.h"
#include "op/control.h"
#include "session/execute.h"

#include <inttypes.h>

/* Bodies */

typedef struct stack {
  RUNG_VEC(rung_value *) items;
} stack;

/* A body that is called, once or trip by trip, with what goes in, what comes out, and what is collected of it. */
typedef struct body_call {
  frame *f; /* of the node */
  const program *body;
  const rung_node *node;
  uint32_t input_count, stack_count;
  rung_value **inputs;  /* references */
  rung_value **results; /* one per output of the body: references */
  stack *stacks;        /* of the last `stack_count` results */
} body_call;

static void release_all(rung_value **values, uint32_t count) {
  for (uint32_t i = 0; values && i < count; i++) {
    rung_value_release(values[i]);
    values[i] = NULL;
  }
}

static void free_stacks(const rung_allocator *allocator, stack *stacks, uint32_t count) {
  for (uint32_t i = 0; stacks && i < count; i++) {
    release_all(stacks[i].items.at, (uint32_t)stacks[i].items.count);
    rung_vec_free(allocator, &stacks[i].items);
  }
  rung_free(allocator, stacks);
}

static void call_finish(body_call *c) {
  const rung_allocator *allocator = c->f->run->instance->env->allocator;
  release_all(c->inputs, c->input_count);
  release_all(c->results, c->body->graph->output_count);
  free_stacks(allocator, c->stacks, c->stack_count);
  rung_free(allocator, c->results);
  rung_free(allocator, c->inputs);
}

static rung_status *call_init(body_call *c, frame *f, const rung_node *node, const program *body, uint32_t input_count,
                              uint32_t stack_count) {
  const rung_allocator *allocator = f->run->instance->env->allocator;
  *c = (body_call){.f = f, .body = body, .node = node, .input_count = input_count, .stack_count = stack_count};
  c->inputs = rung_alloc(allocator, (size_t)input_count + 1, sizeof *c->inputs, "body");
  c->results = rung_alloc(allocator, (size_t)body->graph->output_count + 1, sizeof *c->results, "body");
  c->stacks = rung_alloc(allocator, (size_t)stack_count + 1, sizeof *c->stacks, "body");
  if (c->inputs && c->results && c->stacks) return NULL;
  call_finish(c);
  return rung_status_out_of_memory();
}

/* Runs the body on host values, which are its inputs; the results must be NULLs. */
static rung_status *call_body(body_call *c) {
  const rung_graph *graph = c->body->graph;
  frame f;
  RUNG_TRY(rung__execution_check(c->f->run)); /* a body may have no steps */
  RUNG_TRY(rung__frame_init(&f, c->f->run, c->body, c->f));
  for (uint32_t i = 0; i < c->input_count && i < graph->input_count; i++)
    rung__frame_set(&f, graph->inputs[i], rung_value_retain(c->inputs[i]));
  rung_status *status = rung__frame_run(&f);
  for (uint32_t i = 0; i < graph->output_count && !status; i++) {
    rung_value *value;
    status = rung__frame_get_host(&f, graph->outputs[i], &value);
    if (!status) c->results[i] = rung_value_retain(value);
  }
  rung__frame_finish(&f);
  return rung_status_prefix(status, "body \"%s\"", graph->name);
}

/* `value`, a reference, becomes an input. */
static void give(body_call *c, uint32_t input, rung_value *value) {
  rung_value_release(c->inputs[input]);
  c->inputs[input] = value;
}

/* Results become inputs of the next trip. */
static void carry(body_call *c, uint32_t result, uint32_t input, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    give(c, input + i, c->results[result + i]);
    c->results[result + i] = NULL;
  }
}

/* Moves values onto stacks. */
static rung_status *push_all(const frame *f, stack *stacks, rung_value **values, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (!rung_vec_push(f->run->instance->env->allocator, &stacks[i].items, values[i]))
      return rung_status_out_of_memory();
    values[i] = NULL;
  }
  return NULL;
}

static rung_status *collect(body_call *c) {
  return push_all(c->f, c->stacks, c->results + c->body->graph->output_count - c->stack_count, c->stack_count);
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

/* Takes the value. What inference could not know of the bodies shows here. */
static rung_status *store(frame *f, const rung_node *node, uint32_t index, rung_value *value) {
  bool wanted = index < node->output_count && node->outputs[index];
  rung_status *status = wanted ? rung__check_value(&rung__value_of_body, node->outputs[index], value) : NULL;
  if (wanted && !status)
    rung__frame_set(f, node->outputs[index], value);
  else
    rung_value_release(value);
  return status;
}

/* If */

static rung_status *run_if(frame *f, const program_step *step) {
  const rung_node *node = step->node;
  const rung_if_params *p = node->params;
  rung_value *condition;
  bool yes;
  RUNG_TRY(rung__frame_get_host(f, node->inputs[0], &condition));
  RUNG_TRY(read_bool(condition, "the condition", &yes));
  const rung_graph *branch = yes ? p->then_branch : p->else_branch;
  RUNG_TRY(rung_graph_broken(branch));
  body_call c;
  RUNG_TRY(call_init(&c, f, node, step->bodies[step->bodies[0]->graph != branch], 0, 0));
  rung_status *status = call_body(&c);
  for (uint32_t i = 0; i < node->output_count && !status; i++) {
    status = store(f, node, i, c.results[i]);
    c.results[i] = NULL;
  }
  call_finish(&c);
  return status;
}

/* Stacking: scan outputs of Loop and Scan are collected, then copied into one tensor. */

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
  rung_tensor like;
  rung_value *result;
  RUNG_TRY(rung_tensor_describe(first->dtype, first->rank + 1, dims, &like));
  RUNG_TRY(rung__run_allocate(f->run, NULL, &like, &result));
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

/* Loop */

/* The body takes trip, condition, carried values; and gives condition, carried values, scan outputs. */
static rung_status *start_loop(body_call *c, int64_t *out_trips, bool *out_go) {
  const rung_node *node = c->node;
  rung_value *trips, *condition;
  *out_trips = INT64_MAX;
  *out_go = true;
  RUNG_TRY(rung__frame_get_host(c->f, node->inputs[0], &trips));
  if (trips) {
    RUNG_REQUIRE(
        trips->kind == RUNG_TENSOR && trips->tensor.dtype == RUNG_I64 && rung_tensor_count(&trips->tensor) == 1,
        INVALID_ARGUMENT, "the trip count must be one int64");
    memcpy(out_trips, trips->tensor.data, sizeof *out_trips);
  }
  RUNG_TRY(rung__frame_get_host(c->f, node->input_count > 1 ? node->inputs[1] : NULL, &condition));
  if (condition) RUNG_TRY(read_bool(condition, "the condition", out_go));
  for (uint32_t i = 2; i < c->input_count; i++) {
    rung_value *value;
    RUNG_TRY(rung__frame_get_host(c->f, node->inputs[i], &value));
    give(c, i, rung_value_retain(value));
  }
  return NULL;
}

static rung_status *run_trip(body_call *c, int64_t trip, bool *go) {
  uint8_t flag = *go;
  uint64_t limit = c->f->run->instance->max_loop_trips;
  RUNG_REQUIRE((uint64_t)trip < limit, LIMIT, "more than max_loop_trips = %" PRIu64 " trips", limit);
  release_all(c->inputs, 2);
  RUNG_TRY(make_scalar(c->f, RUNG_I64, &trip, &c->inputs[0]));
  RUNG_TRY(make_scalar(c->f, RUNG_BOOL, &flag, &c->inputs[1]));
  RUNG_TRY(call_body(c));
  RUNG_TRY(read_bool(c->results[0], "the condition that the body gives back", go));
  carry(c, 1, 2, c->input_count - 2);
  release_all(c->results, 1);
  return collect(c);
}

static int64_t int_at(rung_ints ints, uint32_t index) { return index < ints.count ? ints.at[index] : 0; }

static const rung_ints no_ints = {NULL, 0};

/* A stack as one tensor; `info` is the value that it becomes. */
static rung_status *stacked_value(frame *f, const stack *s, uint32_t index, const rung_value_info *info, rung_ints axes,
                                  rung_ints directions, rung_value **out_value) {
  int64_t axis = int_at(axes, index);
  bool reverse = int_at(directions, index) != 0;
  return s->items.count ? stack_items(f, s, axis, reverse, out_value) : empty_stack(f, info, out_value);
}

static rung_status *finish_stacks(frame *f, const rung_node *node, uint32_t first, const stack *stacks, uint32_t count,
                                  rung_ints axes, rung_ints directions) {
  for (uint32_t i = 0; i < count; i++) {
    if (first + i >= node->output_count || !node->outputs[first + i]) continue;
    rung_value *value;
    RUNG_TRY(stacked_value(f, &stacks[i], i, node->outputs[first + i], axes, directions, &value));
    RUNG_TRY(store(f, node, first + i, value));
  }
  return NULL;
}

static rung_status *run_loop(frame *f, const program_step *step) {
  const rung_node *node = step->node;
  const program *body = step->bodies[0];
  uint32_t carried = node->input_count > 2 ? node->input_count - 2 : 0;
  body_call c;
  int64_t trips = 0;
  bool go = false;
  RUNG_TRY(call_init(&c, f, node, body, carried + 2, body->graph->output_count - 1 - carried));
  rung_status *status = start_loop(&c, &trips, &go);
  for (int64_t trip = 0; !status && go && trip < trips; trip++)
    status = rung_status_prefix(run_trip(&c, trip, &go), "trip %" PRId64, trip);
  for (uint32_t i = 0; i < carried && !status; i++) status = store(f, node, i, rung_value_retain(c.inputs[i + 2]));
  if (!status) status = finish_stacks(f, node, carried, c.stacks, c.stack_count, no_ints, no_ints);
  call_finish(&c);
  return status;
}

/* Scan */

typedef struct scan {
  body_call call; /* states and slices in; states and scan outputs out */
  const rung_scan_params *params;
  rung_ints directions;
  uint32_t states, scans_in;
  int64_t length;
  rung_value **given; /* initial states and scan inputs: references */
} scan;

/* Slice `index` of a tensor along an axis. */
static rung_status *take_slice(frame *f, const rung_tensor *from, int64_t axis, int64_t index, rung_value **out_value) {
  const rung_allocator *allocator = f->run->instance->env->allocator;
  int64_t dims[RUNG_MAX_RANK];
  memcpy(dims, from->dims, sizeof dims);
  memmove(dims + axis, dims + axis + 1, (size_t)(from->rank - axis - 1) * sizeof dims[0]);
  RUNG_REQUIRE(!rung_dtype_is_packed(from->dtype), UNSUPPORTED, "a scan input of %s", rung_dtype_name(from->dtype));
  rung_tensor like;
  rung_value *slice;
  RUNG_TRY(rung_tensor_describe(from->dtype, from->rank - 1, dims, &like));
  RUNG_TRY(rung__run_allocate(f->run, NULL, &like, &slice));
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
  const rung_value *value = s->given[s->states + k];
  RUNG_REQUIRE(value && value->kind == RUNG_TENSOR && value->tensor.rank > 0, INVALID_ARGUMENT,
               "scan input %u has no axis", k);
  int64_t axis = int_at(s->params->scan_input_axes, k), rank = value->tensor.rank;
  RUNG_REQUIRE(axis >= -rank && axis < rank, INVALID_ARGUMENT, "scan input axis %" PRId64 " is out of range", axis);
  *out_axis = axis < 0 ? axis + rank : axis;
  return NULL;
}

/* The node's inputs from number `first` on. */
static rung_status *load_scan(const scan *s, uint32_t first, rung_value **given) {
  const body_call *c = &s->call;
  for (uint32_t i = first; i < c->node->input_count; i++) {
    rung_value *value;
    RUNG_TRY(rung__frame_get_host(c->f, c->node->inputs[i], &value));
    given[i - first] = rung_value_retain(value);
  }
  return NULL;
}

static rung_status *start_scan(scan *s) {
  for (uint32_t i = 0; i < s->states; i++) give(&s->call, i, rung_value_retain(s->given[i]));
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
  body_call *c = &s->call;
  for (uint32_t k = 0; k < s->scans_in; k++) {
    int64_t axis, at = int_at(s->directions, k) ? s->length - 1 - trip : trip;
    rung_value *slice;
    RUNG_TRY(scan_axis(s, k, &axis));
    RUNG_TRY(take_slice(c->f, &s->given[s->states + k]->tensor, axis, at, &slice));
    give(c, s->states + k, slice);
  }
  RUNG_TRY(call_body(c));
  carry(c, 0, 0, s->states);
  return collect(c);
}

static rung_status *run_trips(scan *s) {
  rung_status *status = NULL;
  for (int64_t trip = 0; !status && trip < s->length; trip++)
    status = rung_status_prefix(run_scan_trip(s, trip), "trip %" PRId64, trip);
  return status;
}

static rung_status *scan_whole(scan *s) {
  const body_call *c = &s->call;
  RUNG_TRY(load_scan(s, 0, s->given));
  RUNG_TRY(start_scan(s));
  RUNG_TRY(run_trips(s));
  for (uint32_t i = 0; i < s->states; i++) RUNG_TRY(store(c->f, c->node, i, rung_value_retain(c->inputs[i])));
  return finish_stacks(c->f, c->node, s->states, c->stacks, c->stack_count, s->params->scan_output_axes,
                       s->params->scan_output_directions);
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
  const body_call *c = &s->call;
  const rung_type *type = &c->body->graph->outputs[s->states + index]->type;
  stack *made = &c->stacks[index];
  while ((int64_t)made->items.count < length) {
    const rung_tensor *first = made->items.count ? &made->items.at[0]->tensor : NULL;
    const int64_t *dims = first ? first->dims : type->dims;
    int32_t rank = first ? first->rank : type->rank;
    rung_dtype dtype = first ? first->dtype : type->dtype;
    rung_tensor like;
    rung_value *zeros;
    size_t count;
    RUNG_REQUIRE(rank >= 0 && rung_shape_count(rank, dims, &count) && dtype != RUNG_STRING, UNSUPPORTED,
                 "nothing to fill scan output %u up with", index);
    RUNG_TRY(rung_tensor_describe(dtype, rank, dims, &like));
    RUNG_TRY(rung__run_allocate(c->f->run, NULL, &like, &zeros));
    if (zeros->tensor.size) memset(zeros->tensor.data, 0, zeros->tensor.size);
    rung_status *status = push_all(c->f, made, &zeros, 1);
    rung_value_release(zeros); /* NULL once it is on the stack */
    RUNG_TRY(status);
  }
  return NULL;
}

static rung_status *scan_item(batches *b, int64_t item) {
  scan *s = b->s;
  body_call *c = &s->call;
  for (uint32_t i = 0; i < s->states + s->scans_in; i++) {
    release_all(&s->given[i], 1);
    RUNG_TRY(take_slice(c->f, &b->whole[i]->tensor, 0, item, &s->given[i]));
  }
  RUNG_TRY(start_scan(s));
  int64_t longest = s->length;
  if (b->lengths) memcpy(&s->length, (const char *)b->lengths->data + 8 * item, sizeof s->length);
  RUNG_REQUIRE(s->length >= 0 && s->length <= longest, INVALID_ARGUMENT, "sequence_lens is %" PRId64 " of %" PRId64,
               s->length, longest);
  RUNG_TRY(run_trips(s));
  RUNG_TRY(push_all(c->f, b->stacks, c->inputs, s->states));
  for (uint32_t k = 0; k < c->stack_count; k++) {
    const rung_value_info *info = c->body->graph->outputs[s->states + k];
    rung_value *value;
    RUNG_TRY(pad_stack(s, k, longest));
    RUNG_TRY(stacked_value(c->f, &c->stacks[k], k, info, no_ints, no_ints, &value));
    rung_status *status = push_all(c->f, &b->stacks[s->states + k], &value, 1);
    rung_value_release(value);
    RUNG_TRY(status);
    release_all(c->stacks[k].items.at, (uint32_t)c->stacks[k].items.count);
    c->stacks[k].items.count = 0;
  }
  return NULL;
}

static rung_status *scan_items(batches *b) {
  scan *s = b->s;
  const body_call *c = &s->call;
  rung_value *lengths;
  RUNG_TRY(load_scan(s, 1, b->whole));
  RUNG_TRY(rung__frame_get_host(c->f, c->node->inputs[0], &lengths));
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
  return status ? status : finish_stacks(c->f, c->node, 0, b->stacks, s->states + c->stack_count, no_ints, no_ints);
}

static rung_status *scan_batch(scan *s) {
  const rung_allocator *allocator = s->call.f->run->instance->env->allocator;
  uint32_t inputs = s->call.input_count, outputs = s->states + s->call.stack_count;
  batches b = {.s = s};
  b.whole = rung_alloc(allocator, inputs + 1, sizeof *b.whole, "Scan");
  b.stacks = rung_alloc(allocator, outputs + 1, sizeof *b.stacks, "Scan");
  s->directions = s->params->directions;
  rung_status *status = b.whole && b.stacks ? scan_items(&b) : rung_status_out_of_memory();
  release_all(b.whole, inputs);
  free_stacks(allocator, b.stacks, outputs);
  rung_free(allocator, b.whole);
  return status;
}

static rung_status *run_scan(frame *f, const program_step *step) {
  const rung_node *node = step->node;
  const program *body = step->bodies[0];
  const rung_allocator *allocator = f->run->instance->env->allocator;
  bool has_batch = node->opset < 9;
  uint32_t inputs = node->input_count - has_batch;
  scan s = {.params = node->params};
  s.directions = s.params->scan_input_directions;
  s.scans_in = (uint32_t)s.params->num_scan_inputs;
  s.states = inputs - s.scans_in;
  RUNG_TRY(call_init(&s.call, f, node, body, inputs, body->graph->output_count - s.states));
  s.given = rung_alloc(allocator, inputs + 1, sizeof *s.given, "Scan");
  rung_status *status = NULL;
  if (!s.given)
    status = rung_status_out_of_memory();
  else
    status = has_batch ? scan_batch(&s) : scan_whole(&s);
  release_all(s.given, inputs);
  rung_free(allocator, s.given);
  call_finish(&s.call);
  return status;
}

/* SequenceMap */

static rung_status *map_item(body_call *c, size_t index) {
  for (uint32_t i = 0; i < c->input_count; i++) {
    rung_value *given;
    RUNG_TRY(rung__frame_get_host(c->f, c->node->inputs[i], &given));
    bool is_sequence = given && given->kind == RUNG_SEQUENCE;
    RUNG_REQUIRE(given && (!is_sequence || index < given->count), INVALID_ARGUMENT,
                 "input %u is shorter than the first", i);
    give(c, i, rung_value_retain(is_sequence ? given->items[index] : given));
  }
  RUNG_TRY(call_body(c));
  return collect(c);
}

static rung_status *store_sequence(body_call *c, uint32_t index) {
  const rung_value_info *item = c->body->graph->outputs[index];
  rung_value *sequence;
  RUNG_TRY(rung_value_new_compound(c->f->run->instance->env->allocator, RUNG_SEQUENCE, item->type.dtype,
                                   c->stacks[index].items.at, c->stacks[index].items.count, &sequence));
  return store(c->f, c->node, index, sequence);
}

static rung_status *run_sequence_map(frame *f, const program_step *step) {
  const rung_node *node = step->node;
  const program *body = step->bodies[0];
  uint32_t outputs = body->graph->output_count;
  rung_value *first;
  body_call c;
  RUNG_TRY(rung__frame_get_host(f, node->inputs[0], &first));
  RUNG_REQUIRE(first && first->kind == RUNG_SEQUENCE, INVALID_ARGUMENT, "input 0 is no sequence");
  RUNG_TRY(call_init(&c, f, node, body, node->input_count, outputs));
  rung_status *status = NULL;
  for (size_t i = 0; i < first->count && !status; i++) status = map_item(&c, i);
  for (uint32_t i = 0; i < node->output_count && i < outputs && !status; i++) status = store_sequence(&c, i);
  call_finish(&c);
  return status;
}

static const struct {
  const rung_op *op;
  rung_status *(*run)(frame *f, const program_step *step);
} operators[] = {{&rung_op_If, run_if},
                 {&rung_op_Loop, run_loop},
                 {&rung_op_Scan, run_scan},
                 {&rung_op_SequenceMap, run_sequence_map}};

rung_status *rung__run_control(frame *f, const program_step *step) {
  for (size_t i = 0; i < RUNG_COUNT(operators); i++)
    if (operators[i].op == step->node->op)
      return rung_status_prefix(operators[i].run(f, step), "node \"%s\" (%s)", step->node->name, step->node->op_type);
  return RUNG_ERROR(INTERNAL, "nobody drives %s", step->node->op_type);
}
