/* RNN, GRU, LSTM.
 *
 * Steps are taken in chunks. For a chunk, what the inputs add to the gates is one product for all its steps; then the
 * steps follow each other. Rows of a batch do not depend on each other, nor do directions: tasks of up to BLOCK rows of
 * one direction run side by side. Step s of a sequence is element s, or length - 1 - s for the reverse direction: rows
 * of X are gathered into the order of steps, so that sequences of different lengths march together. */
#include "op/recurrent.h"

#include "provider/cpu/form/cells.h"
#include "provider/cpu/form/floats.h"
#include "provider/opwise/kernel.h"

enum {
  BLOCK = 8,        /* rows of a task */
  CHUNK_ROWS = 256, /* steps * batch of a chunk, roughly */
};

typedef struct layer {
  const rung_recurrent_params *p;
  const rung_cell_functions *real;
  size_t steps, batch, input, hidden, directions, gates; /* gates: elements of a row, gates * hidden */
  size_t chunk, blocks, tasks;
} layer;

static rung_status *make_layer(const rung_kernel_call *call, layer *l) {
  rung_recurrent_operand operands[8] = {0};
  rung_recurrent_sizes s;
  for (uint32_t i = 0; i < 8; i++)
    if (rung_in(call, i)) operands[i] = (rung_recurrent_operand){rung_in(call, i)->rank, rung_in(call, i)->dims};
  RUNG_TRY(rung_recurrent_check(call->params, operands, &s));
  const rung_recurrent_params *p = call->params;
  *l = (layer){p,
               rung_in(call, 0)->dtype == RUNG_F64 ? &rung_cell_f64 : &rung_cell_f32,
               (size_t)s.steps,
               (size_t)s.batch,
               (size_t)s.input,
               (size_t)s.hidden,
               (size_t)p->directions,
               .gates = (size_t)(p->gates * s.hidden)};
  l->chunk = RUNG_CLAMP(CHUNK_ROWS / RUNG_MAX(l->batch, 1), 1, RUNG_MAX(l->steps, 1));
  l->blocks = RUNG_DIV_UP(l->batch, (size_t)BLOCK);
  l->tasks = l->blocks * l->directions;
  return NULL;
}

/* Weights as the cells want them: for each direction w (input, gates), r (hidden, gates), the sum of biases (gates) and
 * the recurrent bias of GRU's h (hidden). */
typedef struct weights {
  char *w, *r, *bias, *r_bias;
} weights;

/* Where they lie in a block of *out_bytes bytes. False when that overflows. */
static bool lay_out_weights(const layer *l, char *block, weights *out, size_t *out_bytes) {
  size_t w, r, small = l->directions * (l->gates + l->hidden), count;
  if (!rung_mul_size(l->directions * l->input, l->gates, &w) ||
      !rung_mul_size(l->directions * l->hidden, l->gates, &r) || !rung_add_size(w, r, &count) ||
      !rung_add_size(count, small, &count) || !rung_mul_size(count, l->real->size, out_bytes))
    return false;
  size_t size = l->real->size;
  if (out && block) {
    *out =
        (weights){block, block + w * size, block + (w + r) * size, block + (w + r + l->directions * l->gates) * size};
  }
  return true;
}

static void load(const layer *l, const rung_tensor *t, size_t at, size_t step, size_t n, void *to) {
  if (l->real == &rung_cell_f64)
    rung_load_f64(t->dtype, t->data, at, step, n, to);
  else
    rung_load_f32(t->dtype, t->data, at, step, n, to);
}

static void store(const layer *l, rung_tensor *t, size_t at, size_t n, const void *from) {
  if (l->real == &rung_cell_f64)
    rung_store_f64(t->dtype, t->data, at, 1, n, from);
  else
    rung_store_f32(t->dtype, t->data, at, 1, n, from);
}

/* (directions, gates, n) to (directions, n, gates) */
static void transpose(const layer *l, const rung_tensor *from, size_t n, char *to) {
  for (size_t d = 0; d < l->directions; d++)
    for (size_t i = 0; i < n; i++)
      load(l, from, d * l->gates * n + i, n, l->gates, to + (d * n + i) * l->gates * l->real->size);
}

static void add(const layer *l, size_t n, const void *x, void *y) {
  for (size_t i = 0; i < n && l->real == &rung_cell_f64; i++) ((double *)y)[i] += ((const double *)x)[i];
  for (size_t i = 0; i < n && l->real == &rung_cell_f32; i++) ((float *)y)[i] += ((const float *)x)[i];
}

/* B is (directions, W's biases and R's). GRU may keep R's bias of h apart: it is then not in the sum. */
static void make_biases(const layer *l, const rung_tensor *b, char *bias, char *r_bias) {
  size_t size = l->real->size, apart = l->p->gates == 3 && l->p->linear_before_reset ? l->hidden : 0;
  memset(bias, 0, l->directions * l->gates * size);
  memset(r_bias, 0, l->directions * l->hidden * size);
  for (size_t d = 0; d < l->directions && b; d++) {
    size_t at = d * 2 * l->gates, summed = l->gates - apart;
    char *sum = bias + d * l->gates * size;
    load(l, b, at + l->gates, 1, summed, sum);
    for (size_t i = 0; i < l->gates; i += l->hidden) { /* r_bias serves as buffer */
      load(l, b, at + i, 1, l->hidden, r_bias + d * l->hidden * size);
      add(l, l->hidden, r_bias + d * l->hidden * size, sum + i * size);
    }
    load(l, b, at + 2 * l->gates - l->hidden, 1, l->hidden, r_bias + d * l->hidden * size);
  }
}

static void make_weights(const layer *l, const rung_tensor *w, const rung_tensor *r, const rung_tensor *b,
                         const weights *to) {
  transpose(l, w, l->input, to->w);
  transpose(l, r, l->hidden, to->r);
  make_biases(l, b, to->bias, to->r_bias);
}

/* Packing */

static bool has(const rung_kernel_call *call, uint32_t input) {
  return input < call->node->input_count && call->node->inputs[input];
}

/* Packed data may lie at any address. */
static rung_status *align(const rung_kernel_call *call, uint32_t input, rung_value **copy) {
  const rung_tensor *t = rung_in(call, input);
  return t && !rung_tensor_is_aligned(t) ? rung_value_copy_tensor(call->host->allocator, t, copy) : NULL;
}

static rung_status *pack_recurrent(rung_kernel_call *call, void **out_packed) {
  const rung_tensor *t[3];
  rung_value *copies[3] = {0};
  layer l;
  weights to;
  size_t bytes;
  *out_packed = NULL;
  for (uint32_t i = 0; i < 3; i++) {
    t[i] = rung_in(call, RUNG_RNN_W + i);
    if (!t[i] && has(call, RUNG_RNN_W + i)) return NULL; /* not constant: made in every run */
  }
  rung_recurrent_operand operands[8] = {0};
  rung_recurrent_sizes s;
  for (uint32_t i = 0; i < 3; i++)
    if (t[i]) operands[RUNG_RNN_W + i] = (rung_recurrent_operand){t[i]->rank, t[i]->dims};
  const rung_recurrent_params *p = call->params;
  RUNG_TRY(rung_recurrent_check(p, operands, &s));
  l = (layer){p,
              t[0]->dtype == RUNG_F64 ? &rung_cell_f64 : &rung_cell_f32,
              .input = (size_t)s.input,
              .hidden = (size_t)s.hidden,
              .directions = (size_t)p->directions,
              .gates = (size_t)(p->gates * s.hidden)};
  rung_status *status = NULL;
  for (uint32_t i = 0; i < 3 && !status; i++) {
    status = align(call, RUNG_RNN_W + i, &copies[i]);
    if (copies[i]) t[i] = &copies[i]->tensor;
  }
  if (!status && (!lay_out_weights(&l, NULL, NULL, &bytes) ||
                  !(*out_packed = rung_alloc_data(call->host->allocator, bytes, "weights"))))
    status = rung_status_out_of_memory();
  if (!status && lay_out_weights(&l, *out_packed, &to, &bytes)) make_weights(&l, t[0], t[1], t[2], &to);
  for (uint32_t i = 0; i < 3; i++) rung_value_release(copies[i]);
  return status;
}

/* Scratch, in elements of float or double. */
typedef struct workspace {
  weights w;
  char *peepholes;     /* (directions, 3 * hidden) */
  char *x;             /* (chunk, batch, input), in the order of steps; one direction after the other */
  char *added;         /* (directions, chunk, batch, gates): what inputs add to gates */
  char *h, *c;         /* (directions, batch, hidden) */
  char *gates, *spare; /* (tasks, BLOCK, ...) */
} workspace;

/* Adds a * b * c elements to the workspace; false when that overflows. */
static bool reserve(const layer *l, size_t a, size_t b, size_t c, char *base, size_t *used, char **out) {
  size_t count, bytes;
  if (!rung_mul_size(a, b, &count) || !rung_mul_size(count, c, &count) ||
      !rung_mul_size(count, l->real->size, &bytes) || bytes > SIZE_MAX / 2)
    return false;
  *out = base ? base + *used : NULL;
  return rung_add_size(*used, RUNG_ROUND_UP(bytes, RUNG_TENSOR_ALIGN), used);
}

static bool lay_out(const layer *l, bool packed, char *base, workspace *w, size_t *used) {
  size_t d = l->directions, bytes = 0;
  *used = 0;
  if (!packed) {
    char *block;
    if (!lay_out_weights(l, NULL, NULL, &bytes) || !reserve(l, bytes / l->real->size, 1, 1, base, used, &block))
      return false;
    (void)lay_out_weights(l, block, &w->w, &bytes);
  }
  return reserve(l, d, 3, l->hidden, base, used, &w->peepholes) &&
         reserve(l, l->chunk, l->batch, l->input, base, used, &w->x) &&
         reserve(l, d * l->chunk, l->batch, l->gates, base, used, &w->added) &&
         reserve(l, d, l->batch, l->hidden, base, used, &w->h) &&
         reserve(l, d, l->batch, l->hidden, base, used, &w->c) &&
         reserve(l, l->tasks, BLOCK, l->gates, base, used, &w->gates) &&
         reserve(l, l->tasks, BLOCK, l->hidden, base, used, &w->spare);
}

static rung_status *prepare_recurrent(rung_kernel_call *call) {
  layer l;
  workspace w;
  RUNG_TRY(make_layer(call, &l));
  return lay_out(&l, call->packed, NULL, &w, &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

/* The run */

typedef struct job {
  const rung_kernel_call *call;
  layer l;
  workspace w;
  const int32_t *lengths; /* NULL: all are l.steps */
  size_t first, count;    /* steps of the chunk */
  size_t direction;       /* of the product of inputs */
} job;

static size_t length_of(const job *j, size_t row) { return j->lengths ? (size_t)j->lengths[row] : j->l.steps; }

static bool is_reverse(const job *j, size_t direction) { return j->l.p->direction == RUNG_REVERSE || direction == 1; }

/* The element of a sequence that is its step number `step`; steps past its end read element 0, which nobody uses. */
static size_t element_at(const job *j, size_t direction, size_t row, size_t step) {
  size_t length = length_of(j, row);
  if (step >= length) return 0;
  return is_reverse(j, direction) ? length - 1 - step : step;
}

/* Number of (direction, row) in a tensor of states, by layout. */
static size_t state_at(const layer *l, size_t direction, size_t row) {
  return (l->p->layout ? row * l->directions + direction : direction * l->batch + row) * l->hidden;
}

static void load_states(const job *j, uint32_t input, char *to) {
  const layer *l = &j->l;
  const rung_tensor *t = rung_in(j->call, input);
  size_t bytes = l->hidden * l->real->size;
  memset(to, 0, l->directions * l->batch * bytes);
  for (size_t d = 0; d < l->directions && t; d++)
    for (size_t row = 0; row < l->batch; row++)
      load(l, t, state_at(l, d, row), 1, l->hidden, to + (d * l->batch + row) * bytes);
}

static void store_states(const job *j, uint32_t output, const char *from) {
  const layer *l = &j->l;
  rung_tensor *t = rung_out(j->call, output);
  for (size_t d = 0; d < l->directions && t; d++)
    for (size_t row = 0; row < l->batch; row++)
      store(l, t, state_at(l, d, row), l->hidden, from + (d * l->batch + row) * l->hidden * l->real->size);
}

/* Rows [begin, end) of (steps of the chunk, batch): gathers X and makes what it adds to the gates. */
static void add_inputs(void *context, size_t begin, size_t end) {
  const job *j = context;
  const layer *l = &j->l;
  size_t size = l->real->size;
  const rung_tensor *x = rung_in(j->call, RUNG_RNN_X);
  for (size_t i = begin; i < end; i++) {
    size_t row = i % l->batch, at = element_at(j, j->direction, row, j->first + i / l->batch);
    size_t from = l->p->layout ? row * l->steps + at : at * l->batch + row;
    char *added = j->w.added + ((j->direction * l->chunk * l->batch) + i) * l->gates * size;
    load(l, x, from * l->input, 1, l->input, j->w.x + i * l->input * size);
    memcpy(added, j->w.w.bias + j->direction * l->gates * size, l->gates * size);
    l->real->product(1, l->gates, l->input, j->w.x + i * l->input * size,
                     j->w.w.w + j->direction * l->input * l->gates * size, l->gates, added, l->gates);
  }
}

static void store_row(const job *j, size_t direction, size_t row, size_t step, const char *h) {
  const layer *l = &j->l;
  rung_tensor *y = rung_out(j->call, 0);
  if (!y) return;
  size_t at = element_at(j, direction, row, step);
  size_t place = l->p->layout ? (row * l->steps + at) * l->directions + direction
                              : (at * l->directions + direction) * l->batch + row;
  store(l, y, place * l->hidden, l->hidden, h);
}

/* One step of the rows of a block whose sequence has not ended: they are moved together and back. */
static void take_step(const job *j, const rung_cell *cell, size_t task, size_t direction, size_t step) {
  const layer *l = &j->l;
  size_t first = task % l->blocks * BLOCK, last = RUNG_MIN(first + BLOCK, l->batch), size = l->real->size;
  size_t state = l->hidden * size, gates = l->gates * size;
  char *buffer = j->w.gates + task * BLOCK * gates;
  const char *added = j->w.added + ((direction * l->chunk + step - j->first) * l->batch) * gates;
  void (*run)(const rung_cell *, const rung_cell_rows *) = l->p->gates == 4   ? l->real->lstm
                                                           : l->p->gates == 3 ? l->real->gru
                                                                              : l->real->rnn;
  for (size_t row = first; row < last;) { /* runs of rows that still go on */
    size_t end = row;
    while (end < last && step < length_of(j, end)) end++;
    size_t at = direction * l->batch + row;
    if (end > row) {
      memcpy(buffer, added + row * gates, (end - row) * gates);
      run(cell, &(rung_cell_rows){end - row, buffer, j->w.h + at * state, j->w.c + at * state,
                                  j->w.spare + task * BLOCK * state});
      for (size_t i = row; i < end; i++) store_row(j, direction, i, step, j->w.h + (direction * l->batch + i) * state);
    }
    row = RUNG_MAX(end, row + 1);
  }
}

static void run_tasks(void *context, size_t begin, size_t end) {
  const job *j = context;
  const layer *l = &j->l;
  size_t size = l->real->size;
  for (size_t task = begin; task < end; task++) {
    size_t d = task / l->blocks;
    rung_cell cell = {l->p,
                      l->p->functions[d],
                      l->hidden,
                      j->w.w.r + d * l->hidden * l->gates * size,
                      j->w.w.r_bias + d * l->hidden * size,
                      rung_in(j->call, RUNG_RNN_P) ? j->w.peepholes + d * 3 * l->hidden * size : NULL};
    for (size_t step = j->first; step < j->first + j->count; step++) take_step(j, &cell, task, d, step);
  }
}

static void run_chunks(job *j) {
  const layer *l = &j->l;
  size_t input_cost = l->input * l->gates / 4, step_cost = BLOCK * l->hidden * l->gates / 4;
  for (j->first = 0; j->first < l->steps; j->first += l->chunk) {
    j->count = RUNG_MIN(l->chunk, l->steps - j->first);
    for (j->direction = 0; j->direction < l->directions; j->direction++)
      rung_kernel_parallel(j->call, j->count * l->batch, rung_kernel_grain(input_cost), add_inputs, j);
    rung_kernel_parallel(j->call, l->tasks, rung_kernel_grain(j->count * step_cost), run_tasks, j);
    if (j->call->run && j->call->host->cancelled(j->call->run)) return;
  }
}

static rung_status *check_lengths(const job *j) {
  for (size_t i = 0; i < j->l.batch && j->lengths; i++)
    RUNG_RUN_REQUIRE(j->lengths[i] >= 0 && (size_t)j->lengths[i] <= j->l.steps,
                     "sequence %zu has length %d of at most %zu", i, (int)j->lengths[i], j->l.steps);
  return NULL;
}

static rung_status *run_recurrent(rung_kernel_call *call) {
  job j = {.call = call};
  size_t bytes;
  layer *l = &j.l;
  RUNG_TRY(make_layer(call, l));
  if (!lay_out(l, call->packed, call->scratch, &j.w, &bytes)) return rung_status_out_of_memory();
  if (call->packed)
    (void)lay_out_weights(l, (char *)call->packed, &j.w.w, &bytes);
  else
    make_weights(l, rung_in(call, RUNG_RNN_W), rung_in(call, RUNG_RNN_R), rung_in(call, RUNG_RNN_B), &j.w.w);
  if (rung_in(call, RUNG_RNN_LENGTHS)) j.lengths = rung_in(call, RUNG_RNN_LENGTHS)->data;
  RUNG_TRY(check_lengths(&j));
  if (rung_in(call, RUNG_RNN_P)) load(l, rung_in(call, RUNG_RNN_P), 0, 1, l->directions * 3 * l->hidden, j.w.peepholes);
  load_states(&j, RUNG_RNN_H, j.w.h);
  load_states(&j, RUNG_RNN_C, j.w.c);
  rung_tensor *y = rung_out(call, 0);
  if (y && j.lengths && y->size) memset(y->data, 0, y->size); /* what lies past the end of a sequence */
  if (l->batch && l->hidden) run_chunks(&j);
  store_states(&j, 1, j.w.h);
  store_states(&j, 2, j.w.c);
  return NULL;
}

#define RECURRENT_KERNEL(symbol)                                                                       \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', RUNG_SET_FLOAT}},                             \
                                         .packs = 1 << RUNG_RNN_W | 1 << RUNG_RNN_R | 1 << RUNG_RNN_B, \
                                         .pack = pack_recurrent,                                       \
                                         .prepare = prepare_recurrent,                                 \
                                         .run = run_recurrent};
RECURRENT_KERNEL(RNN)
RECURRENT_KERNEL(GRU)
RECURRENT_KERNEL(LSTM)
