/* Attention and RotaryEmbedding.
 *
 * Two ways. With many rows of queries: products of matrices, softmax row by row, products again; the scores of as many
 * samples and rows at once as fit in SCORE_BYTES. With few rows (decoding), or in double: every key and value is read
 * once, in place. Both compute in float, or double where an operand is, and round once. */
#include "op/attention.h"

#include "base/pool.h"
#include "provider/cpu/form/attention_rows.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/kernel/isa.h"
#include "provider/cpu/kernel/rows_f32.h"

#include <math.h>

enum {
  FEW_ROWS = 8,   /* up to which keys and values are read in place */
  BLOCK_ROWS = 8, /* of queries that share a reading */
  SCORE_BYTES = 32 << 20,
};

/* Element (batch, head, row, 0) of an operand; elements of a row lie side by side. */
typedef struct view {
  const char *data;
  rung_dtype dtype;
  size_t batch, head, row; /* steps in elements */
} view;

static size_t view_at(const view *v, size_t batch, size_t head, size_t row) {
  return batch * v->batch + head * v->head + row * v->row;
}

static view view_of(const rung_tensor *t, bool flat, size_t heads, size_t length, size_t size) {
  view v = {t->data, t->dtype, heads * length * size, length * size, size};
  if (flat) v.head = size, v.row = heads * size;
  return v;
}

typedef struct attention {
  const rung_kernel_call *call;
  const rung_attention_params *p;
  rung_attention_sizes s;
  size_t batch, q_heads, kv_heads, group, q_length, total, head, v_head;
  bool wide; /* computes in double */
  float scale;
  view q, k, v, y;
  rung_attention_rows rows;
  const rung_rows_f32 *kernels;
} attention;

static rung_status *make_attention(const rung_kernel_call *call, attention *a) {
  rung_type types[RUNG_ATTENTION_INPUTS];
  const rung_type *given[RUNG_ATTENTION_INPUTS] = {0};
  for (uint32_t i = 0; i < RUNG_ATTENTION_INPUTS; i++) {
    const rung_tensor *t = rung_in(call, i);
    if (!t) continue;
    types[i] = (rung_type){.kind = RUNG_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(types[i].dims, t->dims, sizeof t->dims);
    given[i] = &types[i];
  }
  *a = (attention){.call = call, .p = call->params};
  RUNG_TRY(rung_attention_check(a->p, given, &a->s));
  const rung_attention_sizes *s = &a->s;
  a->batch = (size_t)s->batch, a->q_heads = (size_t)s->q_heads, a->kv_heads = (size_t)s->kv_heads;
  a->q_length = (size_t)s->q_length, a->total = (size_t)s->total, a->head = (size_t)s->head,
  a->v_head = (size_t)s->v_head;
  a->group = a->q_heads / a->kv_heads;
  a->wide = types[RUNG_ATTENTION_Q].dtype == RUNG_F64 || types[RUNG_ATTENTION_V].dtype == RUNG_F64;
  a->scale = a->p->scale != 0 ? a->p->scale : 1 / sqrtf((float)a->head);
  RUNG_RUN_REQUIRE(rung_out(call, 0), "the first output is required");
  return NULL;
}

static bool uses_products(const attention *a) { return !a->wide && a->q_length > FEW_ROWS; }

/* Scratch: the joined keys and values, then what the way needs. */

static bool joins(const rung_kernel_call *call, uint32_t past, uint32_t present) {
  return rung_in(call, past) && !rung_out(call, present);
}

static size_t joined_bytes(const attention *a, uint32_t past, uint32_t present, size_t size) {
  if (!joins(a->call, past, present)) return 0;
  size_t count = a->batch * a->kv_heads * a->total * size;
  return RUNG_ROUND_UP(count * rung_dtype_size(rung_in(a->call, past)->dtype), RUNG_TENSOR_ALIGN);
}

/* Samples and rows of queries per chunk. */
typedef struct chunk {
  size_t samples, rows;
} chunk;

static chunk full_chunk(const attention *a) {
  size_t row = a->q_heads * a->total * sizeof(float) + 1;
  size_t rows = RUNG_CLAMP(SCORE_BYTES / row, 16, RUNG_MAX(a->q_length, 1));
  return (chunk){RUNG_CLAMP(SCORE_BYTES / (row * rows), 1, RUNG_MAX(a->batch, 1)), rows};
}

static size_t score_bytes(const attention *a, chunk c) {
  return RUNG_ROUND_UP(c.samples * a->q_heads * c.rows * a->total * sizeof(float), RUNG_TENSOR_ALIGN);
}

/* The scores of a chunk: (samples, heads, rows, total). */
static view scores_of(const attention *a, chunk c, void *data) {
  return (view){data, RUNG_F32, a->q_heads * c.rows * a->total, c.rows * a->total, a->total};
}

/* x * y for every head, where `group` heads of x share one of y. */
static rung_gemm plan_product(const attention *a, chunk c, const view *x, const view *y, const view *out, size_t k,
                              size_t n, bool transposed, float scale) {
  rung_gemm g = {.m = c.rows,
                 .n = n,
                 .k = k,
                 .alpha = scale,
                 .a = {x->dtype, x->row, 1},
                 .c = {out->dtype, out->row, 1},
                 .b = {y->dtype, transposed ? 1 : y->row, transposed ? y->row : 1}};
  const view *views[3] = {x, y, out};
  int64_t *steps[3] = {g.stack.a, g.stack.b, g.stack.c};
  g.stack.rank = 3;
  g.stack.dims[0] = (int64_t)c.samples, g.stack.dims[1] = (int64_t)a->kv_heads, g.stack.dims[2] = (int64_t)a->group;
  for (int i = 0; i < 3; i++) {
    bool shared = i == 1;
    steps[i][0] = (int64_t)views[i]->batch;
    steps[i][1] = (int64_t)(views[i]->head * (shared ? 1 : a->group));
    steps[i][2] = shared ? 0 : (int64_t)views[i]->head;
  }
  rung_gemm_plan(a->call, &g);
  return g;
}

static rung_gemm plan_scores(const attention *a, chunk c, const view *scores) {
  return plan_product(a, c, &a->q, &a->k, scores, a->head, a->total, true, a->scale);
}

static rung_gemm plan_values(const attention *a, chunk c, const view *scores) {
  return plan_product(a, c, scores, &a->v, &a->y, a->total, a->v_head, false, 1);
}

/* Of the two products; the last chunks are smaller, and may be cut in another way. */
static rung_status *product_bytes(const attention *a, size_t *out) {
  chunk full = full_chunk(a);
  size_t rows[2] = {full.rows, a->q_length % full.rows}, samples[2] = {full.samples, a->batch % full.samples};
  *out = 0;
  for (int i = 0; i < 4; i++) {
    chunk c = {samples[i / 2], rows[i % 2]};
    if (!c.rows || !c.samples) continue;
    view scores = scores_of(a, c, NULL);
    rung_gemm first = plan_scores(a, c, &scores), second = plan_values(a, c, &scores);
    size_t x, y;
    if (!rung_gemm_scratch(&first, &x) || !rung_gemm_scratch(&second, &y)) return rung_status_out_of_memory();
    *out = RUNG_MAX(*out, RUNG_MAX(x, y));
  }
  return NULL;
}

/* Reading in place: tasks of up to BLOCK_ROWS rows of one head, buffers per thread: scores, queries and results of the
 * rows, one key or value. */
static size_t block_elements(const attention *a) {
  size_t most = RUNG_MAX(a->head, a->v_head);
  return RUNG_ROUND_UP(BLOCK_ROWS * (a->total + a->head + a->v_head) + most, 16);
}

static size_t real_size(const attention *a) { return a->wide ? sizeof(double) : sizeof(float); }

static void set_views(attention *a) {
  const rung_kernel_call *call = a->call;
  size_t kv_length = (size_t)a->s.kv_length;
  a->q = view_of(rung_in(call, RUNG_ATTENTION_Q), a->s.flat, a->q_heads, a->q_length, a->head);
  a->k = view_of(rung_in(call, RUNG_ATTENTION_K), a->s.flat, a->kv_heads, kv_length, a->head);
  a->v = view_of(rung_in(call, RUNG_ATTENTION_V), a->s.flat, a->kv_heads, kv_length, a->v_head);
  a->y = view_of(rung_out(call, 0), a->s.flat, a->q_heads, a->q_length, a->v_head);
}

static rung_status *prepare_Attention(rung_kernel_call *call) {
  attention a;
  size_t more;
  RUNG_TRY(make_attention(call, &a));
  set_views(&a);
  call->scratch_size =
      joined_bytes(&a, RUNG_ATTENTION_PAST_K, 1, a.head) + joined_bytes(&a, RUNG_ATTENTION_PAST_V, 2, a.v_head);
  if (uses_products(&a)) {
    RUNG_TRY(product_bytes(&a, &more));
    call->scratch_size += score_bytes(&a, full_chunk(&a));
  } else if (!rung_mul_size(block_elements(&a) * real_size(&a), call->host->threads, &more)) {
    return rung_status_out_of_memory();
  }
  return rung_add_size(call->scratch_size, more, &call->scratch_size) ? NULL : rung_status_out_of_memory();
}

/* Keys and values: past and present in one tensor (batch, heads, total, size). */

static void copy_rows(const view *from, size_t batch, size_t head, size_t length, size_t size, char *to) {
  size_t element = rung_dtype_size(from->dtype), row = size * element;
  if (!row) return;
  if (from->row == size) {
    if (length) memcpy(to, from->data + view_at(from, batch, head, 0) * element, length * row);
    return;
  }
  for (size_t i = 0; i < length; i++) memcpy(to + i * row, from->data + view_at(from, batch, head, i) * element, row);
}

/* Writes the present, where it is wanted or a past must be joined, and lets *current show it. */
static char *join(const attention *a, uint32_t past_input, uint32_t output, size_t size, view *current, char *scratch) {
  const rung_tensor *past = rung_in(a->call, past_input);
  rung_tensor *present = rung_out(a->call, output);
  if (!past && !present) return scratch;
  char *to = present ? present->data : scratch;
  size_t before = (size_t)a->s.past, element = rung_dtype_size(current->dtype);
  view old = {0};
  if (past) old = view_of(past, false, a->kv_heads, before, size);
  for (size_t i = 0; i < a->batch * a->kv_heads; i++) {
    char *at = to + i * a->total * size * element;
    if (past) copy_rows(&old, i / a->kv_heads, i % a->kv_heads, before, size, at);
    copy_rows(current, i / a->kv_heads, i % a->kv_heads, (size_t)a->s.kv_length, size, at + before * size * element);
  }
  *current = (view){to, current->dtype, a->kv_heads * a->total * size, a->total * size, size};
  return present ? scratch : scratch + joined_bytes(a, past_input, output, size);
}

/* By products */

typedef struct row_job {
  const attention *a;
  chunk c;
  size_t sample, row; /* the first of the chunk */
  float *scores;
} row_job;

static void weigh_rows(void *context, size_t begin, size_t end) {
  const row_job *j = context;
  for (size_t i = begin; i < end; i++) {
    size_t row = i % j->c.rows, rest = i / j->c.rows;
    rung_attention_row_f32(&j->a->rows, j->sample + rest / j->a->q_heads, rest % j->a->q_heads, j->row + row,
                           j->scores + i * j->a->total);
  }
}

static const char *moved(const view *v, size_t batch, size_t row) {
  return v->data + view_at(v, batch, 0, row) * rung_dtype_size(v->dtype);
}

static void run_chunk(const attention *a, chunk c, size_t sample, size_t row, float *scores, void *scratch) {
  view s = scores_of(a, c, scores);
  rung_gemm first = plan_scores(a, c, &s), second = plan_values(a, c, &s);
  rung_epilogue nothing = {.residual_scale = 1};
  rung_gemm_run_all(a->call, &first,
                    &(rung_gemm_run){moved(&a->q, sample, row), moved(&a->k, sample, 0), scores, nothing}, scratch);
  row_job j = {a, c, sample, row, scores};
  rung_kernel_parallel(a->call, c.samples * a->q_heads * c.rows, rung_kernel_grain(2 * a->total), weigh_rows, &j);
  rung_gemm_run_all(a->call, &second,
                    &(rung_gemm_run){scores, moved(&a->v, sample, 0), (void *)moved(&a->y, sample, row), nothing},
                    scratch);
}

static void run_products(const attention *a, char *scratch) {
  chunk full = full_chunk(a);
  char *rest = scratch + score_bytes(a, full);
  for (size_t sample = 0; sample < a->batch; sample += full.samples)
    for (size_t row = 0; row < a->q_length; row += full.rows) {
      chunk c = {RUNG_MIN(full.samples, a->batch - sample), RUNG_MIN(full.rows, a->q_length - row)};
      run_chunk(a, c, sample, row, (float *)scratch, rest);
      if (a->call->run && a->call->host->cancelled(a->call->run)) return;
    }
}

/* In place: the heads of the query that share a key are rows like others. */

typedef struct block_job {
  const attention *a;
  size_t rows, blocks; /* of a head of the key */
  char *scratch;
} block_job;

/* Row number `row` of those that share head `kv_head`. */
static size_t head_of(const attention *a, size_t kv_head, size_t row) { return kv_head * a->group + row / a->q_length; }

#define ATTENTION_BLOCK(suffix, type, own, dot, add_scaled)                                                          \
  /* A row as it lies when it has the right type, else widened into `buffer`. */                                     \
  static const type *row_##suffix(const view *v, size_t batch, size_t head, size_t row, size_t n, type *buffer) {    \
    size_t at = view_at(v, batch, head, row);                                                                        \
    if (v->dtype == own) return (const type *)v->data + at;                                                          \
    rung_load_##suffix(v->dtype, v->data, at, 1, n, buffer);                                                         \
    return buffer;                                                                                                   \
  }                                                                                                                  \
  static void run_block_##suffix(const attention *a, size_t batch, size_t kv_head, size_t first, size_t rows,        \
                                 type *space) {                                                                      \
    type *scores = space, *q = scores + BLOCK_ROWS * a->total, *y = q + BLOCK_ROWS * a->head,                        \
         *one = y + BLOCK_ROWS * a->v_head;                                                                          \
    size_t length = a->q_length, total = a->total;                                                                   \
    for (size_t r = 0; r < rows; r++) {                                                                              \
      const type *from =                                                                                             \
          row_##suffix(&a->q, batch, head_of(a, kv_head, first + r), (first + r) % length, a->head, one);            \
      for (size_t i = 0; i < a->head; i++) q[r * a->head + i] = from[i] * (type)a->scale;                            \
    }                                                                                                                \
    for (size_t j = 0; j < total; j++) {                                                                             \
      const type *k = row_##suffix(&a->k, batch, kv_head, j, a->head, one);                                          \
      for (size_t r = 0; r < rows; r++) scores[r * total + j] = dot(a->head, q + r * a->head, k);                    \
    }                                                                                                                \
    for (size_t r = 0; r < rows; r++)                                                                                \
      rung_attention_row_##suffix(&a->rows, batch, head_of(a, kv_head, first + r), (first + r) % length,             \
                                  scores + r * total);                                                               \
    memset(y, 0, rows * a->v_head * sizeof *y);                                                                      \
    for (size_t j = 0; j < total; j++) {                                                                             \
      const type *v = row_##suffix(&a->v, batch, kv_head, j, a->v_head, one);                                        \
      for (size_t r = 0; r < rows; r++) add_scaled(a->v_head, scores[r * total + j], v, y + r * a->v_head);          \
    }                                                                                                                \
    for (size_t r = 0; r < rows; r++)                                                                                \
      rung_store_##suffix(a->y.dtype, (void *)a->y.data,                                                             \
                          view_at(&a->y, batch, head_of(a, kv_head, first + r), (first + r) % length), 1, a->v_head, \
                          y + r * a->v_head);                                                                        \
  }
ATTENTION_BLOCK(f32, float, RUNG_F32, a->kernels->dot, a->kernels->add_scaled)
ATTENTION_BLOCK(f64, double, RUNG_F64, rung_dot_f64, rung_add_scaled_f64)

static void run_blocks(void *context, size_t begin, size_t end) {
  const block_job *j = context;
  const attention *a = j->a;
  char *space = j->scratch + rung_pool_slot() * block_elements(a) * real_size(a);
  for (size_t i = begin; i < end; i++) {
    size_t first = i % j->blocks * BLOCK_ROWS, rest = i / j->blocks,
           rows = RUNG_MIN(j->rows - first, (size_t)BLOCK_ROWS);
    if (a->wide)
      run_block_f64(a, rest / a->kv_heads, rest % a->kv_heads, first, rows, (double *)space);
    else
      run_block_f32(a, rest / a->kv_heads, rest % a->kv_heads, first, rows, (float *)space);
  }
}

static void run_in_place(const attention *a, char *scratch) {
  size_t rows = a->group * a->q_length;
  block_job j = {a, rows, RUNG_DIV_UP(rows, (size_t)BLOCK_ROWS), scratch};
  size_t cost = a->total * (a->head + a->v_head) * RUNG_MIN(rows, (size_t)BLOCK_ROWS) / 4;
  rung_kernel_parallel(a->call, a->batch * a->kv_heads * j.blocks, rung_kernel_grain(cost), run_blocks, &j);
}

static rung_status *run_Attention(rung_kernel_call *call) {
  attention a;
  RUNG_TRY(make_attention(call, &a));
  const rung_tensor *lengths = rung_in(call, RUNG_ATTENTION_LENGTHS);
  a.rows = (rung_attention_rows){.params = a.p,
                                 .math = rung_math_for(rung_isa(call->host)),
                                 .mask = rung_in(call, RUNG_ATTENTION_MASK),
                                 .lengths = lengths ? lengths->data : NULL,
                                 .shown = rung_out(call, 3)};
  RUNG_TRY(rung_attention_rows_make(&a.s, call->node->version >= 24, &a.rows));
  a.kernels = rung_rows_f32_for(rung_isa(call->host));
  set_views(&a);
  char *scratch = call->scratch;
  scratch = join(&a, RUNG_ATTENTION_PAST_K, 1, a.head, &a.k, scratch);
  scratch = join(&a, RUNG_ATTENTION_PAST_V, 2, a.v_head, &a.v, scratch);
  if (uses_products(&a))
    run_products(&a, scratch);
  else
    run_in_place(&a, scratch);
  return NULL;
}

const rung_kernel rung_cpu_Attention = {
    .types = {{'T', RUNG_SET_FLOAT}, {'V', RUNG_SET_FLOAT}, {'U', RUNG_SET_NUMERIC | RUNG_SET_BOOL}},
    .prepare = prepare_Attention,
    .run = run_Attention};

/* RotaryEmbedding: pairs of elements are turned by the angle of their position */

typedef struct rotary {
  const rung_rotary_params *p;
  const rung_tensor *cosines, *sines;
  const int64_t *positions; /* NULL: angles are per sample and token */
  view x, y;
  size_t batch, heads, length, head, half; /* half: pairs */
} rotary;

static rung_status *make_rotary(const rung_kernel_call *call, rotary *r) {
  const rung_rotary_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *ids = rung_in(call, 3);
  bool flat = x->rank == 3;
  RUNG_RUN_REQUIRE(x->rank == 4 || (flat && p->num_heads > 0 && x->dims[2] % p->num_heads == 0),
                   "the input has no heads");
  *r = (rotary){.p = p, .cosines = rung_in(call, 1), .sines = rung_in(call, 2), .positions = ids ? ids->data : NULL};
  r->batch = (size_t)x->dims[0];
  r->heads = (size_t)(flat ? p->num_heads : x->dims[1]);
  r->length = (size_t)x->dims[flat ? 1 : 2];
  r->head = flat ? (size_t)x->dims[2] / r->heads : (size_t)x->dims[3];
  r->half = (p->rotary_embedding_dim ? (size_t)p->rotary_embedding_dim : r->head) / 2;
  RUNG_RUN_REQUIRE(2 * r->half <= r->head && (p->rotary_embedding_dim || r->head % 2 == 0),
                   "a head of %zu elements has no %zu pairs", r->head, r->half);
  int32_t rank = ids ? 2 : 3;
  RUNG_RUN_REQUIRE(r->cosines->rank == rank && rung_tensor_same_shape(r->cosines, r->sines) &&
                       r->cosines->dims[rank - 1] == (int64_t)r->half,
                   "the caches must both have %d dimensions, the last of %zu elements", rank, r->half);
  if (ids)
    RUNG_RUN_REQUIRE(ids->rank == 2 && ids->dims[0] == x->dims[0] && ids->dims[1] == (int64_t)r->length,
                     "position_ids must be (batch, length)");
  else
    RUNG_RUN_REQUIRE(
        (r->cosines->dims[0] == x->dims[0] || r->cosines->dims[0] == 1) && r->cosines->dims[1] == (int64_t)r->length,
        "the caches must be (batch, length, pairs)");
  r->x = view_of(x, flat, r->heads, r->length, r->head);
  r->y = view_of(rung_out(call, 0), flat, r->heads, r->length, r->head);
  return NULL;
}

static rung_status *check_positions(const rotary *r) {
  int64_t count = r->cosines->dims[0];
  for (size_t i = 0; i < r->batch * r->length && r->positions; i++)
    RUNG_RUN_REQUIRE(r->positions[i] >= -count && r->positions[i] < count, "position %lld is outside [%lld, %lld)",
                     (long long)r->positions[i], (long long)-count, (long long)count);
  return NULL;
}

/* Row of the caches for a token. */
static size_t angles_at(const rotary *r, size_t batch, size_t row) {
  if (!r->positions) return ((r->cosines->dims[0] == 1 ? 0 : batch) * r->length + row) * r->half;
  int64_t position = r->positions[batch * r->length + row];
  return (size_t)(position < 0 ? position + r->cosines->dims[0] : position) * r->half;
}

static void rotate_rows(void *context, size_t begin, size_t end) {
  enum { BLOCK = 64 };
  const rotary *r = context;
  rung_dtype dtype = r->x.dtype;
  double x[BLOCK], y[BLOCK], cosines[BLOCK], sines[BLOCK];
  for (size_t i = begin; i < end; i++) {
    size_t row = i % r->length, head = i / r->length % r->heads, batch = i / r->length / r->heads;
    size_t from = view_at(&r->x, batch, head, row), to = view_at(&r->y, batch, head, row),
           angles = angles_at(r, batch, row);
    size_t step = r->p->interleaved ? 2 : 1, other = r->p->interleaved ? 1 : r->half;
    for (size_t at = 0; at < r->half; at += BLOCK) {
      size_t n = RUNG_MIN(r->half - at, (size_t)BLOCK), first = at * step;
      rung_load_f64(dtype, r->x.data, from + first, step, n, x);
      rung_load_f64(dtype, r->x.data, from + first + other, step, n, y);
      rung_load_f64(dtype, r->cosines->data, angles + at, 1, n, cosines);
      rung_load_f64(dtype, r->sines->data, angles + at, 1, n, sines);
      for (size_t k = 0; k < n; k++) {
        double real = cosines[k] * x[k] - sines[k] * y[k];
        y[k] = sines[k] * x[k] + cosines[k] * y[k];
        x[k] = real;
      }
      rung_store_f64(dtype, (void *)r->y.data, to + first, step, n, x);
      rung_store_f64(dtype, (void *)r->y.data, to + first + other, step, n, y);
    }
    size_t size = rung_dtype_size(dtype), done = 2 * r->half;
    if (done < r->head)
      memmove((char *)r->y.data + (to + done) * size, r->x.data + (from + done) * size, (r->head - done) * size);
  }
}

static rung_status *run_RotaryEmbedding(rung_kernel_call *call) {
  rotary r;
  RUNG_TRY(make_rotary(call, &r));
  RUNG_TRY(check_positions(&r));
  rung_kernel_parallel(call, r.batch * r.heads * r.length, rung_kernel_grain(2 * r.head), rotate_rows, &r);
  return NULL;
}

const rung_kernel rung_cpu_RotaryEmbedding = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_RotaryEmbedding};
