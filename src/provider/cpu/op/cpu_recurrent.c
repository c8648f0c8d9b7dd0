/* RNN, GRU, LSTM; and com.microsoft's DynamicQuantizeLSTM: LSTM of the floats that its weights stand for, on inputs and
 * states that have been through DynamicQuantizeLinear, all inputs at once and the states of a step.
 *
 * Steps are taken in chunks. For a chunk, what the inputs add to the gates is one product for all its steps; then the
 * steps follow each other. Rows of a batch do not depend on each other, nor do directions: tasks of up to BLOCK rows of
 * one direction run side by side (DynamicQuantizeLSTM: all rows of one direction). Step s of a sequence is element s,
 * or length - 1 - s for the reverse direction: rows of X are gathered into the order of steps, so that sequences of
 * different lengths march together. */
#include "op/recurrent.h"

#include "provider/cpu/form/cells.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/quantized.h"
#include "provider/cpu/kernel/isa.h"

#include <math.h>

enum {
  BLOCK = 8,        /* rows of a task at most, where they do not depend on each other */
  CHUNK_ROWS = 256, /* steps * batch of a chunk, roughly */
};

typedef struct layer {
  const rung_kernel_call *call;
  const rung_recurrent_params *p;
  const rung_cell_functions *real;
  size_t steps, batch, input, hidden, directions, gates; /* gates: elements of a row, gates * hidden */
  size_t chunk, block, blocks, tasks;                    /* block: rows of a task */
} layer;

static rung_status *make_layer(const rung_kernel_call *call, layer *l) {
  rung_recurrent_operand operands[8] = {0};
  rung_recurrent_sizes s;
  for (uint32_t i = 0; i < 8; i++)
    if (rung_in(call, i)) operands[i] = (rung_recurrent_operand){rung_in(call, i)->rank, rung_in(call, i)->dims};
  RUNG_TRY(rung_recurrent_check(call->params, operands, &s));
  const rung_recurrent_params *p = call->params;
  *l = (layer){call,
               p,
               rung_in(call, 0)->dtype == RUNG_F64 ? &rung_cell_f64 : &rung_cell_f32,
               (size_t)s.steps,
               (size_t)s.batch,
               (size_t)s.input,
               (size_t)s.hidden,
               (size_t)p->directions,
               .gates = (size_t)(p->gates * s.hidden)};
  l->chunk = RUNG_CLAMP(CHUNK_ROWS / RUNG_MAX(l->batch, 1), 1, RUNG_MAX(l->steps, 1));
  l->block = p->quantized ? RUNG_MAX(l->batch, 1) : BLOCK;
  l->blocks = RUNG_DIV_UP(l->batch, l->block);
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
typedef struct transpose_job {
  const layer *l;
  const rung_tensor *from;
  size_t n;
  char *to;
} transpose_job;

/* Rows of what comes out: several read the same cache lines. */
static void transpose_rows(void *context, size_t begin, size_t end) {
  const transpose_job *j = context;
  const layer *l = j->l;
  for (size_t row = begin; row < end; row++)
    load(l, j->from, row / j->n * l->gates * j->n + row % j->n, j->n, l->gates, j->to + row * l->gates * l->real->size);
}

static void transpose(const layer *l, const rung_tensor *from, size_t n, char *to) {
  transpose_job j = {l, from, n, to};
  rung_kernel_parallel(l->call, l->directions * n, RUNG_MAX(16, rung_kernel_grain(4 * l->gates)), transpose_rows, &j);
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

/* Operands that weights are made of: W, R, B; of integers, scale and zero point of W, then of R. */
typedef struct weight_operands {
  const rung_tensor *at[3], *quantization[4];
} weight_operands;

/* (directions, n, gates) of integers as floats */
enum { LOOK_ROWS = 4096 }; /* a row of gates is as long as so many elements, or less */

static void dequantize(const layer *l, const rung_tensor *from, const rung_tensor *const *quantization, size_t n,
                       float *to) {
  const rung_tensor *scale = quantization[0], *zero = quantization[1];
  rung_load_f32(from->dtype, from->data, 0, 1, l->directions * n * l->gates, to);
  for (size_t d = 0; d < l->directions; d++)
    for (size_t i = 0; i < n && !rung_kernel_stops_at(l->call, i * LOOK_ROWS); i++)
      for (size_t g = 0; g < l->gates; g++, to++) {
        float factor, point;
        rung_load_f32(scale->dtype, scale->data, scale->rank == 2 ? d * l->gates + g : d, 1, 1, &factor);
        rung_load_f32(zero->dtype, zero->data, zero->rank == 2 ? d * l->gates + g : d, 1, 1, &point);
        *to = (*to - point) * factor;
      }
}

static void make_weights(const layer *l, const weight_operands *from, const weights *to) {
  if (l->p->quantized) {
    dequantize(l, from->at[0], from->quantization, l->input, (float *)to->w);
    dequantize(l, from->at[1], from->quantization + 2, l->hidden, (float *)to->r);
  } else {
    transpose(l, from->at[0], l->input, to->w);
    transpose(l, from->at[1], l->hidden, to->r);
  }
  make_biases(l, from->at[2], to->bias, to->r_bias);
}

/* Scales and zero points have one element per direction, or one per direction and gate. */
static rung_status *check_quantization(const layer *l, const weight_operands *from) {
  for (int i = 0; i < 4 && l->p->quantized; i++) {
    const rung_tensor *t = from->quantization[i];
    bool fits = (t->rank == 1 || t->rank == 2) && t->dims[0] == (int64_t)l->directions &&
                (t->rank == 1 || t->dims[1] == (int64_t)l->gates);
    RUNG_RUN_REQUIRE(fits, "input %d must be (directions), or (directions, %zu)", RUNG_QLSTM_W_SCALE + i, l->gates);
  }
  return NULL;
}

static void read_operands(const rung_kernel_call *call, weight_operands *from) {
  for (uint32_t i = 0; i < 3; i++) from->at[i] = rung_in(call, RUNG_RNN_W + i);
  for (uint32_t i = 0; i < 4; i++) from->quantization[i] = rung_in(call, RUNG_QLSTM_W_SCALE + i);
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

/* Is all that weights are made of constant? */
static bool is_constant(const rung_kernel_call *call) {
  static const uint32_t inputs[] = {RUNG_RNN_W,        RUNG_RNN_R,         RUNG_RNN_B,       RUNG_QLSTM_W_SCALE,
                                    RUNG_QLSTM_W_ZERO, RUNG_QLSTM_R_SCALE, RUNG_QLSTM_R_ZERO};
  for (size_t i = 0; i < RUNG_COUNT(inputs); i++)
    if (!rung_in(call, inputs[i]) && has(call, inputs[i])) return false;
  return true;
}

static rung_status *pack_recurrent(rung_kernel_call *call, void **out_packed) {
  rung_value *copies[3] = {0};
  weight_operands from;
  layer l;
  weights to;
  size_t bytes;
  *out_packed = NULL;
  if (!is_constant(call)) return NULL; /* made in every run */
  read_operands(call, &from);
  rung_recurrent_operand operands[8] = {0};
  rung_recurrent_sizes s;
  for (uint32_t i = 0; i < 3; i++)
    if (from.at[i]) operands[RUNG_RNN_W + i] = (rung_recurrent_operand){from.at[i]->rank, from.at[i]->dims};
  const rung_recurrent_params *p = call->params;
  RUNG_TRY(rung_recurrent_check(p, operands, &s));
  l = (layer){call,
              p,
              from.at[0]->dtype == RUNG_F64 ? &rung_cell_f64 : &rung_cell_f32,
              .input = (size_t)s.input,
              .hidden = (size_t)s.hidden,
              .directions = (size_t)p->directions,
              .gates = (size_t)(p->gates * s.hidden)};
  RUNG_TRY(check_quantization(&l, &from));
  rung_status *status = NULL;
  for (uint32_t i = 0; i < 3 && !status; i++) {
    status = align(call, RUNG_RNN_W + i, &copies[i]);
    if (copies[i]) from.at[i] = &copies[i]->tensor;
  }
  if (!status && (!lay_out_weights(&l, NULL, NULL, &bytes) ||
                  !(*out_packed = rung_alloc_data(call->host->allocator, bytes, "weights"))))
    status = rung_status_out_of_memory();
  if (!status && lay_out_weights(&l, *out_packed, &to, &bytes)) make_weights(&l, &from, &to);
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
  char *gates, *spare; /* (tasks, rows of a task, ...) */
  char *rounded;       /* DynamicQuantizeLSTM: X as floats that have been integers, (steps, batch, input) */
  char *bytes, *ranges;
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
  size_t d = l->directions, bytes = 0, x = 0;
  *used = 0;
  if (l->p->quantized && !(rung_mul_size(l->steps, l->batch, &x) && rung_mul_size(x, l->input, &x))) return false;
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
         reserve(l, l->tasks, l->block, l->gates, base, used, &w->gates) &&
         reserve(l, l->tasks, l->block, l->hidden, base, used, &w->spare) &&
         reserve(l, x, 1, 1, base, used, &w->rounded) && reserve(l, x, 1, 1, base, used, &w->bytes) &&
         reserve(l, rung_dynamic_scratch(x), 1, 1, base, used, &w->ranges);
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
  rung_tensor x;          /* the input, or its rounded stand-in */
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
  const rung_tensor *x = &j->x;
  for (size_t i = begin; i < end; i++) {
    size_t row = i % l->batch, at = element_at(j, j->direction, row, j->first + i / l->batch);
    size_t from = l->p->layout ? row * l->steps + at : at * l->batch + row;
    char *added = j->w.added + ((j->direction * l->chunk * l->batch) + i) * l->gates * size;
    load(l, x, from * l->input, 1, l->input, j->w.x + i * l->input * size);
    memcpy(added, j->w.w.bias + j->direction * l->gates * size, l->gates * size);
    l->real->product(rung_rows_f32_for(rung_isa(j->call->host)), l->gates, l->input, j->w.x + i * l->input * size,
                     j->w.w.w + j->direction * l->input * l->gates * size, l->gates, added);
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

/* What DynamicQuantizeLinear and back make of the states of rows [first, last) of one direction that still go on. */
static void round_states(const job *j, size_t direction, size_t first, size_t last, size_t step) {
  const layer *l = &j->l;
  float low = 0, high = 0, *states = (float *)j->w.h + direction * l->batch * l->hidden;
  for (int pass = 0; pass < 2; pass++) {
    rung_quantization q = rung_quantization_of_range(low, high);
    for (size_t row = first; row < last; row++) {
      float *h = states + row * l->hidden;
      if (step >= length_of(j, row)) continue;
      for (size_t i = 0; i < l->hidden && pass == 0; i++) low = RUNG_MIN(low, h[i]), high = RUNG_MAX(high, h[i]);
      for (size_t i = 0; i < l->hidden && pass == 1; i++) {
        float code = RUNG_CLAMP(rintf(h[i] / q.scale) + (float)q.zero, 0, 255);
        h[i] = (code - (float)q.zero) * q.scale;
      }
    }
  }
}

/* One step of the rows of a block whose sequence has not ended: they are moved together and back. */
static void take_step(const job *j, const rung_cell *cell, size_t task, size_t direction, size_t step) {
  const layer *l = &j->l;
  size_t first = task % l->blocks * l->block, last = RUNG_MIN(first + l->block, l->batch), size = l->real->size;
  size_t state = l->hidden * size, gates = l->gates * size;
  char *buffer = j->w.gates + task * l->block * gates;
  const char *added = j->w.added + ((direction * l->chunk + step - j->first) * l->batch) * gates;
  void (*run)(const rung_cell *, const rung_cell_rows *) = l->p->gates == 4   ? l->real->lstm
                                                           : l->p->gates == 3 ? l->real->gru
                                                                              : l->real->rnn;
  if (l->p->quantized) round_states(j, direction, first, last, step);
  for (size_t row = first; row < last;) { /* runs of rows that still go on */
    size_t end = row;
    while (end < last && step < length_of(j, end)) end++;
    size_t at = direction * l->batch + row;
    if (end > row) {
      memcpy(buffer, added + row * gates, (end - row) * gates);
      run(cell, &(rung_cell_rows){end - row, buffer, j->w.h + at * state, j->w.c + at * state,
                                  j->w.spare + task * l->block * state});
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
                      rung_rows_f32_for(rung_isa(j->call->host)),
                      rung_math_for(rung_isa(j->call->host)),
                      l->hidden,
                      j->w.w.r + d * l->hidden * l->gates * size,
                      j->w.w.r_bias + d * l->hidden * size,
                      rung_in(j->call, RUNG_RNN_P) ? j->w.peepholes + d * 3 * l->hidden * size : NULL};
    for (size_t step = j->first; step < j->first + j->count; step++) take_step(j, &cell, task, d, step);
  }
}

static void run_chunks(job *j) {
  const layer *l = &j->l;
  size_t input_cost = l->input * l->gates / 4, step_cost = l->block * l->hidden * l->gates / 4;
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

static rung_status *make_weights_now(const rung_kernel_call *call, const layer *l, const weights *to) {
  weight_operands from;
  read_operands(call, &from);
  RUNG_TRY(check_quantization(l, &from));
  make_weights(l, &from, to);
  return NULL;
}

static void round_inputs(job *j) {
  size_t count = rung_tensor_count(&j->x);
  rung_quantization q = rung_dynamic_quantization(j->call, count, j->x.data, j->w.ranges);
  rung_quantize(j->call, &q, RUNG_U8, count, j->x.data, j->w.bytes);
  rung_dequantize(j->call, &q, RUNG_U8, count, j->w.bytes, (float *)j->w.rounded);
  j->x.data = j->w.rounded;
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
    RUNG_TRY(make_weights_now(call, l, &j.w.w));
  j.x = *rung_in(call, RUNG_RNN_X);
  if (l->p->quantized) round_inputs(&j);
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

const rung_kernel rung_cpu_ms_DynamicQuantizeLSTM = {
    .types = {{'T', RUNG_SET(RUNG_F32)}, {'Q', RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8)}},
    .pack = pack_recurrent,
    .prepare = prepare_recurrent,
    .run = run_recurrent};
