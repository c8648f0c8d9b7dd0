#include "provider/cpu/form/reduce.h"

#include "provider/cpu/form/convert.h"

enum {
  RUN = 1024,      /* elements of a reduced last dimension that make a row */
  BLOCK = 16,      /* rows in sequence */
  LEVELS = 48,     /* of the binary counter: more than any tensor has blocks */
  PIECE = 1 << 17, /* elements that make a piece when a tile is cut */
  FEW_TILES = 32,
};

static void merge_dims(rung_reduce *plan, const rung_tensor *in, const bool *reduced) {
  int32_t last = -1;
  for (int32_t i = 0; i < in->rank; i++) {
    if (in->dims[i] == 1) continue;
    if (last >= 0 && plan->reduced[last] == reduced[i]) {
      plan->dims[last] *= in->dims[i];
    } else {
      last++;
      plan->dims[last] = in->dims[i];
      plan->reduced[last] = reduced[i];
    }
  }
  plan->rank = last + 1;
  int64_t stride = 1;
  for (int32_t i = last; i >= 0; i--) {
    plan->strides[i] = stride;
    stride *= plan->dims[i];
  }
}

void rung_reduce_make(rung_reduce *plan, const rung_tensor *in, const bool *reduced) {
  *plan = (rung_reduce){.outputs = 1, .count = 1, .runs = 1, .tiles = 1, .pieces = 1};
  for (int32_t i = 0; i < in->rank; i++) *(reduced[i] ? &plan->count : &plan->outputs) *= (size_t)in->dims[i];
  if (plan->outputs == 0 || plan->count == 0) return;
  merge_dims(plan, in, reduced);
  int32_t last = plan->rank - 1;
  size_t strip = RUNG_REDUCE_COLUMNS;
  plan->rows = plan->count;
  plan->tiles = plan->outputs;
  if (last < 0 || !plan->reduced[last]) {
    plan->columns = last < 0 ? 1 : (size_t)plan->dims[last];
    plan->tiles = plan->outputs / plan->columns * RUNG_DIV_UP(plan->columns, strip);
  } else {
    plan->runs = RUNG_DIV_UP((size_t)plan->dims[last], RUN);
    plan->rows = plan->count / (size_t)plan->dims[last] * plan->runs;
  }
  size_t row = plan->columns ? RUNG_MIN(plan->columns, strip) : RUNG_MIN((size_t)plan->dims[last], RUN);
  plan->piece_rows = plan->rows;
  if (plan->tiles > FEW_TILES || plan->rows * row < 2 * (size_t)PIECE) return;
  plan->piece_rows = RUNG_MAX(PIECE / row / BLOCK, 1) * BLOCK;
  plan->pieces = RUNG_DIV_UP(plan->rows, plan->piece_rows);
}

size_t rung_reduce_scratch(const rung_reduce *plan) {
  return plan->pieces > 1 ? plan->tiles * plan->pieces * RUNG_REDUCE_COLUMNS * RUNG_REDUCE_ACCUMULATOR : 0;
}

rung_dtype rung_reduce_dtype(const rung_reduction *how, rung_dtype dtype) {
  if (RUNG_SET_FLOAT & RUNG_SET(dtype)) return dtype == RUNG_F64 ? RUNG_F64 : RUNG_F32;
  if (how->as_real) return RUNG_F64;
  return RUNG_SET_SIGNED & RUNG_SET(dtype) ? RUNG_I64 : RUNG_U64;
}

static int type_index(rung_dtype computed) {
  return computed == RUNG_F32   ? RUNG_REDUCE_F32
         : computed == RUNG_F64 ? RUNG_REDUCE_F64
         : computed == RUNG_I64 ? RUNG_REDUCE_I64
                                : RUNG_REDUCE_U64;
}

typedef struct job {
  const rung_reduce *plan;
  const rung_reducer *reducer;
  rung_reduce_finish finish;
  const char *x, *shift;
  char *out, *partials;
  rung_dtype dtype, computed, out_dtype;
  size_t x_size, size, out_size; /* of an element, an accumulator, a result */
  bool saturates;
} job;

/* Accumulators of one strip, and those of earlier blocks: level i holds 2^i blocks when bit i of `blocks` is
 * set. */
typedef struct counter {
  size_t blocks;
  _Alignas(64) char acc[RUNG_REDUCE_COLUMNS * RUNG_REDUCE_ACCUMULATOR];
  char levels[LEVELS][RUNG_REDUCE_COLUMNS * RUNG_REDUCE_ACCUMULATOR];
  _Alignas(64) char row[RUN * RUNG_REDUCE_ACCUMULATOR]; /* converted */
} counter;

static void carry(const job *j, size_t n, counter *c) {
  size_t level = 0;
  for (; c->blocks >> level & 1; level++) j->reducer->merge(n, c->levels[level], c->acc);
  memcpy(c->levels[level], c->acc, n * j->size);
  c->blocks++;
  j->reducer->begin(n, c->acc);
}

static void collect(const rung_reducer *r, size_t n, counter *c) {
  for (size_t level = 0; c->blocks >> level; level++)
    if (c->blocks >> level & 1) r->merge(n, c->levels[level], c->acc);
}

/* Where a tile lies: offset of its first input element, its first output, its columns. */
typedef struct tile {
  size_t from, to, columns;
} tile;

static tile find_tile(const rung_reduce *plan, size_t number) {
  tile t = {.columns = 1};
  int32_t last = plan->rank - 1;
  size_t outer = number;
  if (plan->columns) {
    size_t strips = RUNG_DIV_UP(plan->columns, (size_t)RUNG_REDUCE_COLUMNS),
           first = number % strips * RUNG_REDUCE_COLUMNS;
    outer = number / strips;
    t.columns = RUNG_MIN(plan->columns - first, (size_t)RUNG_REDUCE_COLUMNS);
    t.from = first;
    t.to = outer * plan->columns + first;
    last--;
  } else {
    t.to = number;
  }
  for (int32_t i = last; i >= 0; i--) {
    if (plan->reduced[i]) continue;
    t.from += outer % (size_t)plan->dims[i] * (size_t)plan->strides[i];
    outer /= (size_t)plan->dims[i];
  }
  return t;
}

/* Offset of a row within its tile; the last dimension is part of the row. */
static size_t row_offset(const rung_reduce *plan, size_t row) {
  size_t offset = 0;
  for (int32_t i = plan->rank - 2; i >= 0; i--) {
    if (!plan->reduced[i]) continue;
    offset += row % (size_t)plan->dims[i] * (size_t)plan->strides[i];
    row /= (size_t)plan->dims[i];
  }
  return offset;
}

static const char *shift_of(const job *j, size_t output) { return j->shift ? j->shift + output * j->size : NULL; }

static void reduce_rows(const job *j, const tile *t, size_t begin, size_t end, counter *c) {
  const rung_reduce *plan = j->plan;
  const char *shift = shift_of(j, t->to);
  size_t length = plan->columns ? t->columns : (size_t)plan->dims[plan->rank - 1];
  c->blocks = 0;
  j->reducer->begin(t->columns, c->acc);
  for (size_t row = begin; row < end; row++) {
    if (row > begin && (row - begin) % BLOCK == 0) carry(j, t->columns, c);
    size_t run = row % plan->runs * RUN, n = RUNG_MIN(length - run, (size_t)RUN);
    const char *x = j->x + (t->from + row_offset(plan, row / plan->runs) + run) * j->x_size;
    if (j->dtype != j->computed) rung_convert(&rung_convert_defaults, n, j->dtype, x, j->computed, c->row), x = c->row;
    (plan->columns ? j->reducer->columns : j->reducer->row)(n, x, shift, c->acc);
  }
  collect(j->reducer, t->columns, c);
}

#define CLAMP(type, low, high) \
  for (size_t i = 0; i < n; i++) ((type *)acc)[i] = RUNG_MAX(RUNG_MIN(((type *)acc)[i], (type)(high)), (type)(low))

/* To the ends of an integer type, which the conversion that follows would wrap around. A NaN stays. */
static void saturate(const job *j, size_t n, void *acc) {
  bool has_sign = RUNG_SET_SIGNED & RUNG_SET(j->out_dtype);
  unsigned bits = j->out_dtype == RUNG_BOOL ? 1 : 8 * (unsigned)j->out_size - has_sign;
  uint64_t high = UINT64_MAX >> (64 - bits);
  int64_t low = has_sign ? -(int64_t)high - 1 : 0;
  if (j->computed == RUNG_F64)
    CLAMP(double, low, high);
  else if (j->computed == RUNG_I64)
    CLAMP(int64_t, low, high);
  else
    CLAMP(uint64_t, 0, high);
}

/* Accumulators of outputs from `to` on. */
static void finish_outputs(const job *j, size_t n, size_t to, void *acc) {
  if (j->finish) j->finish(n, j->plan->count, shift_of(j, to), acc);
  if (j->saturates && !(RUNG_SET_FLOAT & RUNG_SET(j->out_dtype))) saturate(j, n, acc);
  rung_convert(&rung_convert_defaults, n, j->computed, acc, j->out_dtype, j->out + to * j->out_size);
}

static void reduce_tiles(void *context, size_t begin, size_t end) {
  const job *j = context;
  counter c;
  for (size_t i = begin; i < end; i++) {
    tile t = find_tile(j->plan, i);
    reduce_rows(j, &t, 0, j->plan->rows, &c);
    finish_outputs(j, t.columns, t.to, c.acc);
  }
}

static char *partial(const job *j, size_t number) {
  return j->partials + number * RUNG_REDUCE_COLUMNS * RUNG_REDUCE_ACCUMULATOR;
}

static void reduce_pieces(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_reduce *plan = j->plan;
  counter c;
  for (size_t i = begin; i < end; i++) {
    tile t = find_tile(plan, i / plan->pieces);
    size_t first = i % plan->pieces * plan->piece_rows;
    reduce_rows(j, &t, first, RUNG_MIN(first + plan->piece_rows, plan->rows), &c);
    memcpy(partial(j, i), c.acc, t.columns * j->size);
  }
}

static void merge_pieces(const job *j) {
  const rung_reduce *plan = j->plan;
  counter c;
  for (size_t i = 0; i < plan->tiles; i++) {
    tile t = find_tile(plan, i);
    c.blocks = 0;
    j->reducer->begin(t.columns, c.acc);
    for (size_t k = 0; k < plan->pieces; k++) {
      if (k) carry(j, t.columns, &c);
      j->reducer->merge(t.columns, partial(j, i * plan->pieces + k), c.acc);
    }
    collect(j->reducer, t.columns, &c);
    finish_outputs(j, t.columns, t.to, c.acc);
  }
}

/* Nothing to combine: each output is what `begin` says. */
static void finish_empty(const job *j) {
  _Alignas(64) char acc[RUNG_REDUCE_ACCUMULATOR];
  for (size_t i = 0; i < j->plan->outputs; i++) {
    j->reducer->begin(1, acc);
    finish_outputs(j, 1, i, acc);
  }
}

void rung_reduce_run(const rung_kernel_call *call, const rung_reduce *plan, const rung_reduction *how,
                     const rung_tensor *x, const void *shift, void *out, rung_dtype out_dtype, void *scratch) {
  rung_dtype computed = rung_reduce_dtype(how, x->dtype);
  int type = type_index(computed);
  job j = {.plan = plan,
           .reducer = &how->reducers[type],
           .finish = how->finishes[type],
           .x = x->data,
           .shift = shift,
           .out = out,
           .partials = scratch,
           .dtype = x->dtype,
           .computed = computed,
           .out_dtype = out_dtype,
           .x_size = rung_dtype_size(x->dtype),
           .size = rung_dtype_size(computed),
           .out_size = rung_dtype_size(out_dtype),
           .saturates = how->saturates};
  size_t tile_cost = plan->rows * (plan->columns ? RUNG_MIN(plan->columns, (size_t)RUNG_REDUCE_COLUMNS) : RUN / 2);
  if (plan->outputs == 0) return;
  if (plan->count == 0) {
    finish_empty(&j);
  } else if (plan->pieces > 1) {
    rung_kernel_parallel(call, plan->tiles * plan->pieces, 1, reduce_pieces, &j);
    merge_pieces(&j);
  } else {
    rung_kernel_parallel(call, plan->tiles, rung_kernel_grain(tile_cost), reduce_tiles, &j);
  }
}
