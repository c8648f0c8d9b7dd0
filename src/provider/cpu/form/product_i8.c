#include "provider/cpu/form/product_i8.h"

#include "base/pool.h"
#include "provider/cpu/kernel/isa.h"

enum { TILE_PANELS = 8, TILE_COLS = 256 };

/* Packing B: [panel][unit][column], columns filled up to a panel with 0. */

bool rung_product_i8_packed_size(rung_cpu_set features, size_t k, size_t n, size_t *out_size) {
  const rung_gemm_i8 *kernel = rung_gemm_i8_for(features);
  return n < SIZE_MAX / 64 && k < SIZE_MAX / 64 &&
         rung_mul_size(RUNG_ROUND_UP(n, kernel->cols), rung_i8_units(kernel, k) + 1, out_size) &&
         *out_size < SIZE_MAX / 8;
}

/* Was the run cancelled, at row i of many? `call` is NULL where a model is compiled. */
static bool stops_at(const rung_kernel_call *call, size_t i) { return call && rung_kernel_stops_at(call, i); }

/* One panel: columns [0, cols) of b, whose rows are n bytes apart. */
static void pack_panel(const rung_kernel_call *call, const rung_gemm_i8 *kernel, size_t k, size_t n, uint8_t flip,
                       const uint8_t *b, size_t cols, int32_t *to) {
  for (size_t i = 0; i < k && !stops_at(call, i); i += kernel->group, to += kernel->cols) {
    const uint8_t *from[RUNG_I8_GROUP];
    for (size_t g = 0; g < kernel->group; g++)
      from[g] = b + RUNG_MIN(i + g, k - 1) * n; /* meets 0 in A where there is no row */
    kernel->interleave(cols, from, 1, flip, to);
    memset(to + cols, 0, (kernel->cols - cols) * sizeof *to);
  }
}

/* Sums of b's columns as unsigned numbers: bytes moved by `flip`. */
static void sum_columns(const rung_kernel_call *call, size_t k, size_t n, uint8_t flip, const uint8_t *b, size_t cols,
                        int32_t *sums) {
  memset(sums, 0, cols * sizeof *sums);
  for (size_t i = 0; i < k && !stops_at(call, i); i++)
    for (size_t j = 0; j < cols; j++) sums[j] += b[i * n + j] ^ flip;
}

void rung_product_i8_pack(rung_cpu_set features, size_t k, size_t n, bool is_signed, const uint8_t *b,
                          int32_t *packed) {
  const rung_gemm_i8 *kernel = rung_gemm_i8_for(features);
  uint8_t flip = is_signed ? 0x80 : 0;
  size_t width = kernel->cols, units = rung_i8_units(kernel, k);
  int32_t *panels = packed + RUNG_ROUND_UP(n, width);
  sum_columns(NULL, k, n, flip, b, n, packed);
  for (size_t j = 0; j < n; j += width, panels += units * width)
    pack_panel(NULL, kernel, k, n, flip, b + j, RUNG_MIN(width, n - j), panels);
}

/* Planning */

static void choose_tiles(rung_product_i8 *plan) {
  const rung_gemm_i8 *kernel = plan->kernel;
  plan->tile_m = RUNG_MIN(plan->m, kernel->rows * TILE_PANELS);
  plan->tile_n = RUNG_MIN(RUNG_ROUND_UP(plan->n, kernel->cols), TILE_COLS);
  double work;
  for (;;) {
    plan->m_tiles = RUNG_DIV_UP(plan->m, plan->tile_m);
    plan->n_tiles = RUNG_DIV_UP(plan->n, plan->tile_n);
    work = (double)plan->tile_m * (double)plan->tile_n * (double)plan->k; /* 200 or more per nanosecond */
    if (plan->threads == 1 || work < 8e6 || plan->m_tiles * plan->n_tiles * plan->batch >= 4 * plan->threads) break;
    if (plan->tile_n > 2 * kernel->cols && plan->tile_n * 2 > plan->tile_m)
      plan->tile_n = RUNG_ROUND_UP(plan->tile_n / 2, kernel->cols);
    else if (plan->tile_m > kernel->rows)
      plan->tile_m = RUNG_ROUND_UP(plan->tile_m / 2, kernel->rows);
    else
      break;
  }
  plan->grain = work >= 4e6 ? 1 : (size_t)(4e6 / RUNG_MAX(work, 4000));
}

/* The stack of A is dense, and every matrix of it meets the same B: one matrix with more rows. */
static bool can_fold(const rung_matmul_shape *shape) {
  int64_t dense = 1;
  for (int32_t i = shape->batch_rank - 1; i >= 0; i--) {
    if (shape->batch[i] != 1 && (shape->b_step[i] != 0 || shape->a_step[i] != dense)) return false;
    dense *= shape->batch[i];
  }
  return true;
}

void rung_product_i8_plan(const rung_kernel_call *call, const rung_matmul_shape *shape, bool a_signed, bool b_signed,
                          bool b_packed, rung_product_i8 *plan) {
  rung_cpu_set features = rung_isa(call->host);
  *plan = (rung_product_i8){.kernel = rung_gemm_i8_for(features),
                            .math = rung_math_for(features),
                            .quantize = rung_quantize_for(features),
                            .shape = *shape,
                            .m = (size_t)shape->m,
                            .n = (size_t)shape->n,
                            .k = (size_t)shape->k,
                            .batch = 1,
                            .a_signed = a_signed,
                            .b_signed = b_signed,
                            .b_packed = b_packed,
                            .threads = RUNG_MAX(call->host->threads, 1)};
  plan->units = rung_i8_units(plan->kernel, plan->k);
  for (int32_t i = 0; i < shape->batch_rank; i++) plan->batch *= (size_t)shape->batch[i];
  if (can_fold(shape)) {
    plan->m *= plan->batch;
    plan->batch = 1;
    plan->shape.batch_rank = 0;
  }
  if (plan->m && plan->n && plan->batch) choose_tiles(plan);
}

/* Scratch: offsets, then for every thread A, B unless packed, sums, sums of rows, what is added to columns, results. */
typedef struct spaces {
  size_t table, a, b, sums, rows, columns, bytes; /* in int32 */
} spaces;

static spaces spaces_of(const rung_product_i8 *plan) {
  size_t n = RUNG_ROUND_UP(plan->tile_n, plan->kernel->cols);
  return (spaces){.table = RUNG_ROUND_UP(plan->units, 16),
                  .a = RUNG_ROUND_UP(plan->tile_m * plan->units, 16),
                  .b = plan->b_packed ? 0 : n * plan->units,
                  .sums = plan->kernel->rows * n,
                  .rows = RUNG_ROUND_UP(plan->tile_m, 16),
                  .columns = 2 * n,
                  .bytes = n};
}

static size_t thread_space(const spaces *s) { return s->a + s->b + s->sums + s->rows + s->columns + s->bytes; }

bool rung_product_i8_scratch(const rung_product_i8 *plan, size_t *out_bytes) {
  spaces s = spaces_of(plan);
  return rung_mul_size(thread_space(&s), plan->threads, out_bytes) && rung_add_size(*out_bytes, s.table, out_bytes) &&
         rung_mul_size(*out_bytes, sizeof(int32_t), out_bytes);
}

/* Running */

typedef struct job {
  const rung_kernel_call *call;
  const rung_product_i8 *plan;
  const rung_product_i8_run *run;
  const int32_t *offsets;
  int32_t *space;
  size_t packed_size; /* int32 of one packed matrix */
} job;

/* Rows [row, row + rows) and columns [col, col + cols) of one matrix. */
typedef struct task {
  size_t a_matrix, b_matrix, c_matrix;
  size_t row, rows, col, cols;
  int32_t *a, *b, *sums, *row_added, *column_added;
  uint8_t *bytes;
} task;

static int32_t moved_a_zero(const job *j) { return j->run->a_zero - (j->plan->a_signed ? 0 : 128); }
static int32_t moved_b_zero(const job *j) { return j->run->b_zero + (j->plan->b_signed ? 128 : 0); }

/* A in panels of rows; what is added to a row: - b_zero' sum a. */
static void pack_a(const job *j, const task *t) {
  const rung_product_i8 *plan = j->plan;
  size_t panels = RUNG_DIV_UP(t->rows, plan->kernel->rows);
  const uint8_t *a = j->run->a + (t->a_matrix * plan->m + t->row) * plan->k;
  for (size_t p = 0, r = 0; p < panels; p++) {
    size_t first = r, end = rung_panel_end(t->rows, panels, p);
    for (; r < end && !rung_kernel_is_cancelled(j->call); r++) {
      int32_t sum = plan->kernel->pack_row(plan->k, a + r * plan->k, plan->a_signed ? 0 : 0x80, end - first,
                                           t->a + first * plan->units + (r - first));
      t->row_added[r] = (int32_t)(0u - (uint32_t)moved_b_zero(j) * (uint32_t)sum);
    }
  }
}

/* Returns the first panel of the task; what is added to a column: - a_zero' sum b + k a_zero' b_zero'. */
static const int32_t *take_b(const job *j, const task *t) {
  const rung_product_i8 *plan = j->plan;
  size_t width = plan->kernel->cols;
  uint32_t a_zero = (uint32_t)moved_a_zero(j), both = (uint32_t)plan->k * a_zero * (uint32_t)moved_b_zero(j);
  const int32_t *sums = t->column_added, *panels = t->b;
  if (plan->b_packed) {
    const int32_t *packed = (const int32_t *)j->run->b + t->b_matrix * j->packed_size;
    sums = packed + t->col;
    panels = packed + RUNG_ROUND_UP(plan->n, width) + t->col * plan->units;
  } else {
    const uint8_t *b = (const uint8_t *)j->run->b + t->b_matrix * plan->k * plan->n + t->col;
    uint8_t flip = plan->b_signed ? 0x80 : 0;
    sum_columns(j->call, plan->k, plan->n, flip, b, t->cols, t->column_added);
    for (size_t c = 0; c < t->cols; c += width)
      pack_panel(j->call, plan->kernel, plan->k, plan->n, flip, b + c, RUNG_MIN(width, t->cols - c),
                 t->b + c * plan->units);
  }
  for (size_t c = 0; c < t->cols; c++) t->column_added[c] = (int32_t)(both - a_zero * (uint32_t)sums[c]);
  return panels;
}

/* `rows` rows of sums, piece by piece of k: the run may be cancelled in between. */
static void sum_rows(const job *j, const int32_t *a, size_t rows, rung_tile_i32 tile) {
  enum { PIECE = 1 << 18 }; /* units: some milliseconds */
  size_t units = j->plan->units, from = 0;
  unsigned last = tile.flags;
  do {
    tile.k = RUNG_MIN(PIECE, units - from);
    tile.a = a + from * rows;
    tile.offsets = j->offsets + from;
    tile.flags = (from ? RUNG_TILE_ACCUMULATE : 0) | (from + tile.k == units ? last : 0);
    j->plan->kernel->tile[rows](&tile);
    from += tile.k;
  } while (from < units && !rung_kernel_is_cancelled(j->call));
}

static void run_task(const job *j, const task *t) {
  const rung_product_i8 *plan = j->plan;
  const rung_requantize *r = &j->run->requantize;
  size_t panels = RUNG_DIV_UP(t->rows, plan->kernel->rows), size = rung_dtype_size(r->dtype);
  size_t at = (t->c_matrix * plan->m + t->row) * plan->n + t->col;
  bool direct = r->dtype == RUNG_I32;
  rung_tile_i32 tile = {.cols = t->cols,
                        .b = take_b(j, t),
                        .b_step = plan->units * plan->kernel->cols,
                        .flags = RUNG_TILE_ROW_BIAS | RUNG_TILE_COLUMN_BIAS,
                        .column_bias = t->column_added,
                        .c_step = direct ? plan->n : RUNG_ROUND_UP(plan->tile_n, plan->kernel->cols)};
  pack_a(j, t);
  for (size_t p = 0, row = 0; p < panels; p++) {
    size_t end = rung_panel_end(t->rows, panels, p);
    tile.row_bias = t->row_added + row;
    tile.c = direct ? (int32_t *)j->run->c + at + row * plan->n : t->sums;
    sum_rows(j, t->a + row * plan->units, end - row, tile);
    for (size_t i = row; i < end && !direct; i++) {
      int32_t *sums = t->sums + (i - row) * tile.c_step;
      rung_requantize_run(r, plan->math, plan->quantize, t->cols, sums, t->col, true, t->bytes);
      memcpy((char *)j->run->c + (at + i * plan->n) * size, size == 1 ? (const void *)t->bytes : sums, t->cols * size);
    }
    row = end;
  }
}

static void run_tasks(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_product_i8 *plan = j->plan;
  spaces s = spaces_of(plan);
  int32_t *own = j->space + rung_pool_slot() * thread_space(&s);
  task t = {.a = own, .b = own + s.a, .sums = own + s.a + s.b};
  t.row_added = t.sums + s.sums;
  t.column_added = t.row_added + s.rows;
  t.bytes = (uint8_t *)(t.column_added + s.columns);
  for (size_t i = begin; i < end; i++) {
    size_t tile_n = i % plan->n_tiles, rest = i / plan->n_tiles, tile_m = rest % plan->m_tiles;
    rest /= plan->m_tiles;
    t.c_matrix = rest;
    rung_matmul_operands(&plan->shape, rest, &t.a_matrix, &t.b_matrix);
    t.row = tile_m * plan->tile_m, t.rows = RUNG_MIN(plan->tile_m, plan->m - t.row);
    t.col = tile_n * plan->tile_n, t.cols = RUNG_MIN(plan->tile_n, plan->n - t.col);
    run_task(j, &t);
  }
}

void rung_product_i8_run_all(const rung_kernel_call *call, const rung_product_i8 *plan, const rung_product_i8_run *run,
                             void *scratch) {
  if (!plan->m || !plan->n || !plan->batch) return;
  spaces s = spaces_of(plan);
  int32_t *offsets = scratch;
  for (size_t u = 0; u < plan->units; u++) offsets[u] = (int32_t)(u * plan->kernel->cols);
  job j = {call, plan, run, offsets, offsets + s.table, RUNG_ROUND_UP(plan->n, plan->kernel->cols) * (plan->units + 1)};
  rung_kernel_parallel(call, plan->batch * plan->m_tiles * plan->n_tiles, plan->grain, run_tasks, &j);
}
