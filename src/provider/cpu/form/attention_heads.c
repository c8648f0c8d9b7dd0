/* Two ways. With many rows of queries: products of matrices, softmax row by row, products again; the scores of as many
 * samples and rows at once as fit in SCORE_BYTES. With few rows (decoding), or in double: every key and value is read
 * once, in place. */
#include "provider/cpu/form/attention_heads.h"

#include "base/pool.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/kernel/isa.h"

enum {
  FEW_ROWS = 8,   /* up to which keys and values are read in place */
  BLOCK_ROWS = 8, /* of queries that share a reading */
  SCORE_BYTES = 32 << 20,
};

static bool uses_products(const rung_attention *a) { return !a->wide && a->q_length > FEW_ROWS; }

/* Samples and rows of queries per chunk. */
typedef struct chunk {
  size_t samples, rows;
} chunk;

static chunk full_chunk(const rung_attention *a) {
  size_t row = a->q_heads * a->total * sizeof(float) + 1;
  size_t rows = RUNG_CLAMP(SCORE_BYTES / row, 16, RUNG_MAX(a->q_length, 1));
  return (chunk){RUNG_CLAMP(SCORE_BYTES / (row * rows), 1, RUNG_MAX(a->batch, 1)), rows};
}

static size_t score_bytes(const rung_attention *a, chunk c) {
  return RUNG_ROUND_UP(c.samples * a->q_heads * c.rows * a->total * sizeof(float), RUNG_TENSOR_ALIGN);
}

/* The scores of a chunk: (samples, heads, rows, total). */
static rung_view scores_of(const rung_attention *a, chunk c, void *data) {
  return (rung_view){data, RUNG_F32, a->q_heads * c.rows * a->total, c.rows * a->total, a->total};
}

/* x * y for every head, where `group` heads of x share one of y. */
static rung_gemm plan_product(const rung_attention *a, chunk c, const rung_view *x, const rung_view *y,
                              const rung_view *out, size_t k, size_t n, bool transposed, float scale) {
  rung_gemm g = {.m = c.rows,
                 .n = n,
                 .k = k,
                 .alpha = scale,
                 .a = {x->dtype, x->row, 1},
                 .c = {out->dtype, out->row, 1},
                 .b = {y->dtype, transposed ? 1 : y->row, transposed ? y->row : 1}};
  const rung_view *views[3] = {x, y, out};
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

static rung_gemm plan_scores(const rung_attention *a, chunk c, const rung_view *scores) {
  return plan_product(a, c, &a->q, &a->k, scores, a->head, a->total, true, a->scale);
}

static rung_gemm plan_values(const rung_attention *a, chunk c, const rung_view *scores) {
  return plan_product(a, c, scores, &a->v, &a->y, a->total, a->v_head, false, 1);
}

/* Of the two products; the last chunks are smaller, and may be cut in another way. */
static rung_status *product_bytes(const rung_attention *a, size_t *out) {
  chunk full = full_chunk(a);
  size_t rows[2] = {full.rows, a->q_length % full.rows}, samples[2] = {full.samples, a->batch % full.samples};
  *out = 0;
  for (int i = 0; i < 4; i++) {
    chunk c = {samples[i / 2], rows[i % 2]};
    if (!c.rows || !c.samples) continue;
    rung_view scores = scores_of(a, c, NULL);
    rung_gemm first = plan_scores(a, c, &scores), second = plan_values(a, c, &scores);
    size_t x, y;
    if (!rung_gemm_scratch(&first, &x) || !rung_gemm_scratch(&second, &y)) return rung_status_out_of_memory();
    *out = RUNG_MAX(*out, RUNG_MAX(x, y));
  }
  return NULL;
}

/* Reading in place: tasks of up to BLOCK_ROWS rows of one head, buffers per thread: scores, queries and results of the
 * rows, one key or value. */
static size_t block_elements(const rung_attention *a) {
  size_t most = RUNG_MAX(a->head, a->v_head);
  return RUNG_ROUND_UP(BLOCK_ROWS * (a->total + a->head + a->v_head) + most, 16);
}

static size_t real_size(const rung_attention *a) { return a->wide ? sizeof(double) : sizeof(float); }

rung_status *rung_attention_scratch(const rung_attention *a, size_t *out_bytes) {
  if (uses_products(a)) {
    RUNG_TRY(product_bytes(a, out_bytes));
    return rung_add_size(score_bytes(a, full_chunk(a)), *out_bytes, out_bytes) ? NULL : rung_status_out_of_memory();
  }
  return rung_mul_size(block_elements(a) * real_size(a), a->call->host->threads, out_bytes)
             ? NULL
             : rung_status_out_of_memory();
}

/* By products */

typedef struct row_job {
  const rung_attention *a;
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

static const char *moved(const rung_view *v, size_t batch, size_t row) {
  return v->data + rung_view_at(v, batch, 0, row) * rung_dtype_size(v->dtype);
}

static void run_chunk(const rung_attention *a, chunk c, size_t sample, size_t row, float *scores, void *scratch) {
  rung_view s = scores_of(a, c, scores);
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

static void run_products(const rung_attention *a, char *scratch) {
  chunk full = full_chunk(a);
  char *rest = scratch + score_bytes(a, full);
  for (size_t sample = 0; sample < a->batch; sample += full.samples)
    for (size_t row = 0; row < a->q_length; row += full.rows) {
      chunk c = {RUNG_MIN(full.samples, a->batch - sample), RUNG_MIN(full.rows, a->q_length - row)};
      run_chunk(a, c, sample, row, (float *)scratch, rest);
      if (rung_kernel_is_cancelled(a->call)) return;
    }
}

/* In place: the heads of the query that share a key are rows like others. */

typedef struct block_job {
  const rung_attention *a;
  size_t rows, blocks; /* of a head of the key */
  char *scratch;
} block_job;

/* Row number `row` of those that share head `kv_head`. */
static size_t head_of(const rung_attention *a, size_t kv_head, size_t row) {
  return kv_head * a->group + row / a->q_length;
}

#define ATTENTION_BLOCK(suffix, type, own)                                                                             \
  /* A row as it lies when it has the right type, else widened into `buffer`. */                                       \
  static const type *row_##suffix(const rung_view *v, size_t batch, size_t head, size_t row, size_t n, type *buffer) { \
    size_t at = rung_view_at(v, batch, head, row);                                                                     \
    if (v->dtype == own) return (const type *)v->data + at;                                                            \
    rung_load_##suffix(v->dtype, v->data, at, 1, n, buffer);                                                           \
    return buffer;                                                                                                     \
  }                                                                                                                    \
  static void run_block_##suffix(const rung_attention *a, size_t batch, size_t kv_head, size_t first, size_t rows,     \
                                 type *space) {                                                                        \
    type *scores = space, *q = scores + BLOCK_ROWS * a->total, *y = q + BLOCK_ROWS * a->head,                          \
         *one = y + BLOCK_ROWS * a->v_head;                                                                            \
    size_t length = a->q_length, total = a->total;                                                                     \
    for (size_t r = 0; r < rows; r++) {                                                                                \
      const type *from =                                                                                               \
          row_##suffix(&a->q, batch, head_of(a, kv_head, first + r), (first + r) % length, a->head, one);              \
      for (size_t i = 0; i < a->head; i++) q[r * a->head + i] = from[i] * (type)a->scale;                              \
    }                                                                                                                  \
    for (size_t j = 0; j < total; j++) {                                                                               \
      const type *k = row_##suffix(&a->k, batch, kv_head, j, a->head, one);                                            \
      for (size_t r = 0; r < rows; r++)                                                                                \
        scores[r * total + j] = a->rows.kernels.suffix->dot(a->head, q + r * a->head, k);                              \
    }                                                                                                                  \
    for (size_t r = 0; r < rows; r++)                                                                                  \
      rung_attention_row_##suffix(&a->rows, batch, head_of(a, kv_head, first + r), (first + r) % length,               \
                                  scores + r * total);                                                                 \
    memset(y, 0, rows * a->v_head * sizeof *y);                                                                        \
    for (size_t j = 0; j < total; j++) {                                                                               \
      const type *v = row_##suffix(&a->v, batch, kv_head, j, a->v_head, one);                                          \
      for (size_t r = 0; r < rows; r++)                                                                                \
        a->rows.kernels.suffix->add_scaled(a->v_head, scores[r * total + j], v, y + r * a->v_head);                    \
    }                                                                                                                  \
    for (size_t r = 0; r < rows; r++)                                                                                  \
      rung_store_##suffix(a->y.dtype, (void *)a->y.data,                                                               \
                          rung_view_at(&a->y, batch, head_of(a, kv_head, first + r), (first + r) % length), 1,         \
                          a->v_head, y + r * a->v_head);                                                               \
  }
ATTENTION_BLOCK(f32, float, RUNG_F32)
ATTENTION_BLOCK(f64, double, RUNG_F64)

static void run_blocks(void *context, size_t begin, size_t end) {
  const block_job *j = context;
  const rung_attention *a = j->a;
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

static void run_in_place(const rung_attention *a, char *scratch) {
  size_t rows = a->group * a->q_length;
  block_job j = {a, rows, RUNG_DIV_UP(rows, (size_t)BLOCK_ROWS), scratch};
  size_t cost = a->total * (a->head + a->v_head) * RUNG_MIN(rows, (size_t)BLOCK_ROWS) / 4;
  rung_kernel_parallel(a->call, a->batch * a->kv_heads * j.blocks, rung_kernel_grain(cost), run_blocks, &j);
}

void rung_attention_run(rung_attention *a, void *scratch) {
  rung_cpu_set features = rung_isa(a->call->host);
  a->rows.kernels = rung_rows_for(features);
  a->rows.math = rung_math_for(features);
  a->rows.q_heads = a->q_heads;
  a->rows.q_length = a->q_length;
  a->rows.total = a->total;
  if (uses_products(a))
    run_products(a, scratch);
  else
    run_in_place(a, scratch);
}

/* Keys and values */

static void copy_rows(const rung_view *from, size_t batch, size_t head, size_t length, size_t size, char *to) {
  size_t element = rung_dtype_size(from->dtype), row = size * element;
  if (!row) return;
  if (from->row == size) {
    if (length) memcpy(to, from->data + rung_view_at(from, batch, head, 0) * element, length * row);
    return;
  }
  for (size_t i = 0; i < length; i++)
    memcpy(to + i * row, from->data + rung_view_at(from, batch, head, i) * element, row);
}

void rung_attention_join(const rung_attention *a, const rung_view *past, const int64_t *past_lengths,
                         const rung_view *current, size_t length, size_t size, size_t room, char *to) {
  size_t row = size * rung_dtype_size(current->dtype);
  for (size_t i = 0; i < a->batch * a->kv_heads; i++) {
    size_t batch = i / a->kv_heads, head = i % a->kv_heads, before = past_lengths ? (size_t)past_lengths[batch] : 0;
    char *at = to + i * room * row;
    if (past && before) copy_rows(past, batch, head, before, size, at);
    copy_rows(current, batch, head, length, size, at + before * row);
    size_t rest = (room - before - length) * row;
    if (rest) memset(at + (before + length) * row, 0, rest);
  }
}
