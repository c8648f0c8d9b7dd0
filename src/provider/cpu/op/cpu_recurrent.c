/* RNN, GRU, LSTM; and com.microsoft's DynamicQuantizeLSTM: LSTM whose products are of integers, weights as they are and
 * inputs and states as DynamicQuantizeLinear makes them, all inputs at once and the states of a step.
 *
 * Steps are taken in chunks. For a chunk, what the inputs add to the gates is one product for all its steps; then the
 * steps follow each other. Rows of a batch do not depend on each other, nor do directions: tasks of up to BLOCK rows of
 * one direction run side by side (DynamicQuantizeLSTM: all rows of one direction). Step s of a sequence is element s,
 * or length - 1 - s for the reverse direction: rows of X are gathered into the order of steps, so that sequences of
 * different lengths march together. */
#include "op/recurrent.h"

#include "base/pool.h"
#include "provider/cpu/form/cells.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/weights_i8.h"
#include "provider/cpu/kernel/isa.h"

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
  size_t w_size, r_size;                                 /* elements of one direction's weights, as they are packed */
  rung_weights_i8 w, r;                                  /* DynamicQuantizeLSTM's */
} layer;

static bool size_weights(layer *l) {
  rung_cpu_set features = rung_isa(l->call->host);
  if (!l->p->quantized)
    return rung_mul_size(l->input, l->gates, &l->w_size) && rung_mul_size(l->hidden, l->gates, &l->r_size);
  if (!rung_weights_i8_plan(features, l->input, l->gates, &l->w) ||
      !rung_weights_i8_plan(features, l->hidden, l->gates, &l->r))
    return false;
  l->w_size = l->w.size, l->r_size = l->r.size;
  return true;
}

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
  return size_weights(l) ? NULL : rung_status_out_of_memory();
}

/* Weights as the cells want them: for each direction w (input, gates), r (hidden, gates), both packed where they are
 * integers; the sum of biases (gates) and the recurrent bias of GRU's h (hidden). */
typedef struct weights {
  char *w, *r, *bias, *r_bias;
} weights;

/* Where they lie in a block of *out_bytes bytes. False when that overflows. */
static bool lay_out_weights(const layer *l, char *block, weights *out, size_t *out_bytes) {
  size_t w, r, small = l->directions * (l->gates + l->hidden), count;
  if (!rung_mul_size(l->directions, l->w_size, &w) || !rung_mul_size(l->directions, l->r_size, &r) ||
      !rung_add_size(w, r, &count) || !rung_add_size(count, small, &count) ||
      !rung_mul_size(count, l->real->size, out_bytes))
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

/* Of integers (directions, n, gates). Stops when the run was cancelled. */
static void pack_integers(const layer *l, const rung_weights_i8 *plan, const rung_tensor *from,
                          const rung_tensor *const *quantization, char *to) {
  const rung_tensor *scale = quantization[0], *zero = quantization[1];
  for (size_t d = 0; d < l->directions && !rung_kernel_is_cancelled(l->call); d++) {
    rung_weights_i8_source source = {(const uint8_t *)from->data + d * plan->k * plan->n,
                                     from->dtype == RUNG_I8,
                                     scale,
                                     zero,
                                     scale->rank == 2 ? d * l->gates : d,
                                     scale->rank == 2,
                                     zero->rank == 2 ? d * l->gates : d,
                                     zero->rank == 2};
    rung_weights_i8_pack(plan, &source, (int32_t *)to + d * plan->size);
  }
}

static void make_weights(const layer *l, const weight_operands *from, const weights *to) {
  if (l->p->quantized) {
    pack_integers(l, &l->w, from->at[0], from->quantization, to->w);
    pack_integers(l, &l->r, from->at[1], from->quantization + 2, to->r);
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
  if (!status && (!size_weights(&l) || !lay_out_weights(&l, NULL, NULL, &bytes) ||
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
  /* DynamicQuantizeLSTM: X as bytes (steps, batch, input), what finding its range takes, states as bytes (directions,
   * batch, hidden), and scratch of products for each thread; x holds bytes. */
  char *bytes, *ranges, *states, *products;
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
         reserve(l, RUNG_DIV_UP(x, 4), 1, 1, base, used, &w->bytes) &&
         reserve(l, rung_dynamic_scratch(x) / sizeof(float), 1, 1, base, used, &w->ranges) &&
         reserve(l, d, l->batch, l->p->quantized ? l->hidden : 0, base, used, &w->states) &&
         reserve(l, RUNG_MAX(l->call->host->threads, 1), RUNG_MAX(l->w.space, l->r.space), 1, base, used, &w->products);
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
  rung_quantization q;    /* of w.bytes */
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

static int32_t *product_space(const job *j) {
  return (int32_t *)j->w.products + rung_pool_slot() * RUNG_MAX(j->l.w.space, j->l.r.space);
}

/* Rows [begin, end) of (steps of the chunk, batch): gathers X and makes what it adds to the gates. */
static void add_inputs(void *context, size_t begin, size_t end) {
  const job *j = context;
  const layer *l = &j->l;
  size_t size = l->real->size;
  const rung_tensor *x = rung_in(j->call, RUNG_RNN_X);
  const char *w = j->w.w.w + j->direction * l->w_size * size;
  char *added = j->w.added + j->direction * l->chunk * l->batch * l->gates * size;
  uint8_t *bytes = (uint8_t *)j->w.x;
  for (size_t i = begin; i < end; i++) {
    size_t row = i % l->batch, at = element_at(j, j->direction, row, j->first + i / l->batch);
    size_t from = (l->p->layout ? row * l->steps + at : at * l->batch + row) * l->input;
    memcpy(added + i * l->gates * size, j->w.w.bias + j->direction * l->gates * size, l->gates * size);
    if (l->p->quantized) {
      memcpy(bytes + i * l->input, j->w.bytes + from, l->input);
      continue;
    }
    load(l, x, from, 1, l->input, j->w.x + i * l->input * size);
    l->real->product(rung_rows_f32_for(rung_isa(j->call->host)), l->gates, l->input, j->w.x + i * l->input * size, w,
                     l->gates, added + i * l->gates * size);
  }
  if (!l->p->quantized) return;
  rung_rows_u8 rows = {end - begin, bytes + begin * l->input, j->q, (float *)added + begin * l->gates};
  rung_weights_i8_add(&l->w, (const int32_t *)w, &rows, 0, l->w.tiles, product_space(j));
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

/* How DynamicQuantizeLinear takes the states of rows [first, last) of one direction that still go on. */
static rung_quantization quantization_of_states(const job *j, const float *states, size_t first, size_t last,
                                                size_t step) {
  const rung_rows_f32 *rows = rung_rows_f32_for(rung_isa(j->call->host));
  size_t n = j->l.hidden;
  float low = 0, high = 0;
  for (size_t row = first; row < last; row++) {
    if (step >= length_of(j, row)) continue;
    float least = rows->least(n, states + row * n), most = rows->max(n, states + row * n);
    low = RUNG_MIN(low, least);
    high = most <= high ? high : most; /* NaN wins */
  }
  return rung_quantization_of_range(low, high);
}

typedef struct states_job {
  const job *j;
  const int32_t *r;
  rung_rows_u8 rows;
} states_job;

static void add_tiles(void *context, size_t begin, size_t end) {
  const states_job *s = context;
  rung_weights_i8_add(&s->j->l.r, s->r, &s->rows, begin, end, product_space(s->j));
}

/* What `count` rows of states add to `gates`. Where there is one task, threads share the columns; tasks that run side
 * by side have no more threads to ask for. */
static void add_states(const job *j, size_t direction, size_t row, size_t count, const rung_quantization *q,
                       char *gates) {
  const layer *l = &j->l;
  size_t at = (direction * l->batch + row) * l->hidden;
  uint8_t *bytes = (uint8_t *)j->w.states + at;
  const int32_t *r = (const int32_t *)j->w.w.r + direction * l->r_size;
  l->r.loops->quantize(count * l->hidden, (const float *)j->w.h + at, q->scale, q->zero, 0, bytes);
  states_job s = {j, r, {count, bytes, *q, (float *)gates}};
  if (l->tasks > 1)
    add_tiles(&s, 0, l->r.tiles);
  else
    rung_kernel_parallel(j->call, l->r.tiles, rung_kernel_grain(count * l->hidden * 4), add_tiles, &s);
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
  rung_quantization q = {0};
  if (l->p->quantized)
    q = quantization_of_states(j, (float *)j->w.h + direction * l->batch * l->hidden, first, last, step);
  for (size_t row = first; row < last;) { /* runs of rows that still go on */
    size_t end = row;
    while (end < last && step < length_of(j, end)) end++;
    size_t at = direction * l->batch + row;
    if (end > row) {
      memcpy(buffer, added + row * gates, (end - row) * gates);
      if (l->p->quantized) add_states(j, direction, row, end - row, &q, buffer);
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
                      l->p->quantized ? NULL : j->w.w.r + d * l->r_size * size,
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

static void quantize_inputs(job *j) {
  const rung_tensor *x = rung_in(j->call, RUNG_RNN_X);
  size_t count = rung_tensor_count(x);
  j->q = rung_dynamic_quantization(j->call, count, x->data, j->w.ranges);
  rung_quantize(j->call, &j->q, RUNG_U8, count, x->data, j->w.bytes);
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
  if (l->p->quantized) quantize_inputs(&j);
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
