#include "provider/cpu/form/gemm.h"

#include "base/pool.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/kernel/isa.h"

/* A block of A panels (14 x 384 floats: 21 KB) stays in the first-level cache while a block of B (384 x 256 floats:
 * 393 KB) streams past it from the second. */
enum { DEPTH = 384, TILE_PANELS = 8, TILE_COLS = 256 };

/* Packing */

/* n elements, `step` apart, as floats. Constants in a mapped file may begin at any byte: memcpy alone reads them. */
static void widen(rung_dtype dtype, const void *data, size_t at, size_t step, size_t n, float scale, float *to) {
  const char *from = (const char *)data + at * rung_dtype_size(dtype);
  if (dtype == RUNG_F32 && step == 1) {
    memcpy(to, from, n * sizeof *to);
  } else if (dtype == RUNG_F32) {
    for (size_t i = 0; i < n; i++) memcpy(&to[i], from + i * step * sizeof *to, sizeof *to);
  } else {
    uint16_t narrow[64];
    for (size_t done = 0; done < n; done += RUNG_COUNT(narrow)) {
      size_t part = RUNG_MIN(RUNG_COUNT(narrow), n - done);
      for (size_t i = 0; i < part; i++) memcpy(&narrow[i], from + (done + i) * step * sizeof *narrow, sizeof *narrow);
      rung_load_f32(dtype, narrow, 0, 1, part, to + done);
    }
  }
  if (scale != 1)
    for (size_t i = 0; i < n; i++) to[i] *= scale;
}

void rung_pack_panel(rung_dtype dtype, const void *data, size_t at, size_t rows, size_t row_step, size_t depth,
                     size_t depth_step, float scale, float *to) {
  if (row_step == 1) { /* rows lie side by side */
    for (size_t k = 0; k < depth; k++) widen(dtype, data, at + k * depth_step, 1, rows, scale, to + k * rows);
    return;
  }
  float strip[64];
  for (size_t r = 0; r < rows; r++)
    for (size_t k = 0; k < depth; k += RUNG_COUNT(strip)) {
      size_t n = RUNG_MIN(RUNG_COUNT(strip), depth - k);
      widen(dtype, data, at + r * row_step + k * depth_step, depth_step, n, scale, strip);
      for (size_t i = 0; i < n; i++) to[(k + i) * rows + r] = strip[i];
    }
}

/* Columns [from, from + cols) of B, as one panel of `width` columns, the rest zero. */
static void pack_columns(const rung_matrix *b, const void *data, size_t base, size_t from, size_t cols, size_t width,
                         size_t depth_from, size_t depth, float *to) {
  size_t at = base + from * b->column_step + depth_from * b->row_step;
  if (cols == width) {
    rung_pack_panel(b->dtype, data, at, width, b->column_step, depth, b->row_step, 1, to);
    return;
  }
  for (size_t k = 0; k < depth; k++) {
    widen(b->dtype, data, at + k * b->row_step, b->column_step, cols, 1, to + k * width);
    for (size_t j = cols; j < width; j++) to[k * width + j] = 0;
  }
}

/* Packed B: block after block of DEPTH rows; in it panel after panel, each [depth][width]. */
bool rung_gemm_packed_size(rung_cpu_set features, size_t k, size_t n, size_t *out_floats) {
  size_t width = rung_gemm_f32_for(features)->cols;
  return n <= SIZE_MAX - width && rung_mul_size(k, RUNG_ROUND_UP(n, width), out_floats) && *out_floats < SIZE_MAX / 8;
}

void rung_gemm_pack(rung_cpu_set features, size_t k, size_t n, const rung_matrix *layout, const void *b,
                    float *packed) {
  size_t width = rung_gemm_f32_for(features)->cols;
  for (size_t from = 0; from < k; from += DEPTH) {
    size_t depth = RUNG_MIN(DEPTH, k - from);
    for (size_t j = 0; j < n; j += width, packed += depth * width)
      pack_columns(layout, b, 0, j, RUNG_MIN(width, n - j), width, from, depth, packed);
  }
}

/* Planning */

static bool is_direct(const rung_gemm *plan) { return plan->c.dtype == RUNG_F32; }

/* Tiles as large as the caches like, then smaller until every thread has some. */
static void choose_tiles(rung_gemm *plan) {
  const rung_gemm_f32 *kernel = plan->kernel;
  plan->tile_m = RUNG_MIN(plan->m, kernel->rows * TILE_PANELS);
  plan->tile_n = RUNG_MIN(RUNG_ROUND_UP(plan->n, kernel->cols), TILE_COLS);
  for (;;) {
    plan->m_tiles = RUNG_DIV_UP(plan->m, plan->tile_m);
    plan->n_tiles = RUNG_DIV_UP(plan->n, plan->tile_n);
    double work = (double)plan->tile_m * (double)plan->tile_n * (double)plan->k; /* 60 or more per nanosecond */
    if (plan->threads == 1 || work < 2e6 || plan->m_tiles * plan->n_tiles * plan->batch >= 4 * plan->threads) break;
    if (plan->tile_n > 2 * kernel->cols && plan->tile_n * 2 > plan->tile_m)
      plan->tile_n = RUNG_ROUND_UP(plan->tile_n / 2, kernel->cols);
    else if (plan->tile_m > kernel->rows)
      plan->tile_m = RUNG_ROUND_UP(plan->tile_m / 2, kernel->rows);
    else
      break;
  }
  double work = (double)plan->tile_m * (double)plan->tile_n * (double)plan->k;
  plan->grain = work >= 1e6 ? 1 : (size_t)(1e6 / RUNG_MAX(work, 1000));
}

void rung_gemm_plan(const rung_kernel_call *call, rung_gemm *plan) {
  rung_cpu_set features = rung_isa(call->host);
  plan->kernel = rung_gemm_f32_for(features);
  plan->math = rung_math_for(features);
  plan->threads = RUNG_MAX(call->host->threads, 1);
  plan->batch = 1;
  for (int32_t i = 0; i < plan->stack.rank; i++) plan->batch *= (size_t)plan->stack.dims[i];
  if (plan->m && plan->n && plan->batch) choose_tiles(plan);
}

/* Scratch: tables of offsets, in panels and in B as it lies, then for every thread a block of A, of B unless packed, of
 * C unless float32. */
typedef struct thread_space {
  size_t a, b, c; /* floats */
} thread_space;

static thread_space space_of(const rung_gemm *plan) {
  size_t depth = RUNG_MIN(plan->k, DEPTH), n = RUNG_ROUND_UP(plan->tile_n, plan->kernel->cols);
  return (thread_space){.a = RUNG_ROUND_UP(plan->tile_m * depth, 16),
                        .b = plan->b_packed ? 0 : RUNG_ROUND_UP(n * depth, 16),
                        .c = is_direct(plan) ? 0 : RUNG_ROUND_UP(plan->tile_m * plan->tile_n, 16)};
}

bool rung_gemm_scratch(const rung_gemm *plan, size_t *out_bytes) {
  thread_space space = space_of(plan);
  return rung_mul_size((space.a + space.b + space.c) * sizeof(float), plan->threads, out_bytes) &&
         rung_add_size(*out_bytes, 2 * DEPTH * sizeof(int32_t), out_bytes);
}

/* Running */

typedef struct job {
  const rung_kernel_call *call;
  const rung_gemm *plan;
  const rung_gemm_run *run;
  const int32_t *offsets, *rows_of_b;
  float *space;       /* of all threads */
  size_t packed_size; /* floats of one packed matrix */
} job;

/* One task: rows [row, row + rows), columns [col, col + cols) of one matrix of the stack. */
typedef struct task {
  size_t a, b, c; /* where the matrices begin, in elements */
  size_t row, rows, col, cols;
  float *a_block, *b_block, *c_block;
} task;

static void pack_a(const rung_gemm *plan, const rung_gemm_run *run, const task *t, size_t from, size_t depth) {
  size_t panels = rung_panel_count(plan->kernel, t->rows);
  for (size_t p = 0, r = 0; p < panels; p++) {
    size_t end = rung_panel_end(t->rows, panels, p);
    rung_pack_panel(plan->a.dtype, run->a, t->a + (t->row + r) * plan->a.row_step + from * plan->a.column_step, end - r,
                    plan->a.row_step, depth, plan->a.column_step, plan->alpha, t->a_block + r * depth);
    r = end;
  }
}

/* Where the block of B that begins at row `from` has its first panel of this task. */
static const float *block_of_b(const job *j, const task *t, size_t from, size_t depth) {
  const rung_gemm *plan = j->plan;
  size_t width = plan->kernel->cols;
  if (plan->b_packed) {
    size_t row_of_panels = RUNG_ROUND_UP(plan->n, width);
    return (const float *)j->run->b + t->b * j->packed_size + from * row_of_panels + t->col * depth;
  }
  for (size_t c = 0; c < t->cols && plan->fill_b; c += width)
    plan->fill_b(j->run->b, t->col + c, width, from, depth, t->b_block + c * depth);
  for (size_t c = 0; c < t->cols && !plan->fill_b; c += width)
    pack_columns(&plan->b, j->run->b, t->b, t->col + c, RUNG_MIN(width, t->cols - c), width, from, depth,
                 t->b_block + c * depth);
  return t->b_block;
}

/* Bias, residual and clamp of the last block, as far as the kernel does them. */
static void set_epilogue(const rung_gemm *plan, const rung_epilogue *epilogue, const task *t, rung_tile_f32 *tile) {
  if (epilogue->bias) {
    tile->flags |= epilogue->bias_per_row ? RUNG_TILE_ROW_BIAS : RUNG_TILE_COLUMN_BIAS;
    if (epilogue->bias_per_row)
      tile->row_bias = epilogue->bias + t->row;
    else
      tile->column_bias = epilogue->bias + t->col;
  }
  bool adds = epilogue->residual && epilogue->residual_scale == 1 && is_direct(plan);
  if (adds) {
    tile->flags |= RUNG_TILE_RESIDUAL;
    tile->residual = (const float *)epilogue->residual + t->c + t->row * plan->c.row_step + t->col;
    tile->residual_step = plan->c.row_step;
  }
  if (adds || !epilogue->residual) rung_epilogue_clamp(&epilogue->activation, tile);
}

/* What the kernel has left over, for one row of the task. */
static void finish_row(const rung_gemm *plan, const rung_gemm_run *run, const task *t, size_t r, bool added,
                       bool active) {
  const rung_epilogue *epilogue = &run->epilogue;
  size_t at = t->c + (t->row + r) * plan->c.row_step + t->col;
  float *row = is_direct(plan) ? (float *)run->c + at : t->c_block + r * plan->tile_n;
  float strip[TILE_COLS];
  if (epilogue->residual && !added) {
    rung_epilogue_load(plan->math, plan->c.dtype, epilogue->residual, at, t->cols, strip);
    for (size_t i = 0; i < t->cols; i++) row[i] += epilogue->residual_scale * strip[i];
  }
  if (!active) rung_epilogue_activate(plan->math, &epilogue->activation, t->cols, row);
  if (!is_direct(plan)) rung_epilogue_store(plan->math, plan->c.dtype, run->c, at, t->cols, row);
}

/* One row: its products with B are the B of a product with 1, which has the rest done to them. */
static void multiply_row(const job *j, const task *t, size_t from, size_t depth, float *sums, rung_tile_f32 *tile) {
  size_t width = j->plan->kernel->cols;
  j->plan->multiply_b(j->run->b, t->col, RUNG_DIV_UP(t->cols, width), from, depth, t->a_block, sums);
  t->a_block[0] = 1;
  tile->k = 1;
  tile->b = sums;
  tile->b_step = width;
}

/* Few rows read each element of B once: nothing is won by packing it, where the kernel can read it as it lies. */
static bool reads_in_place(const rung_gemm *plan, const task *t) {
  return !plan->b_packed && !plan->fill_b && plan->b.dtype == RUNG_F32 && plan->b.column_step == 1 &&
         plan->b.row_step <= INT32_MAX / DEPTH && t->rows <= plan->kernel->rows && t->cols % plan->kernel->lanes == 0;
}

static void run_block(const job *j, const task *t, size_t from, size_t depth) {
  const rung_gemm *plan = j->plan;
  float sums[TILE_COLS];
  size_t panels = rung_panel_count(plan->kernel, t->rows);
  rung_tile_f32 tile = {.k = depth,
                        .cols = t->cols,
                        .offsets = j->offsets,
                        .b_step = depth * plan->kernel->cols,
                        .flags = from ? RUNG_TILE_ACCUMULATE : 0};
  float *c = is_direct(plan) ? (float *)j->run->c + t->c + t->row * plan->c.row_step + t->col : t->c_block;
  tile.c_step = is_direct(plan) ? plan->c.row_step : plan->tile_n;
  pack_a(plan, j->run, t, from, depth);
  if (t->rows == 1 && plan->multiply_b) {
    multiply_row(j, t, from, depth, sums, &tile);
  } else if (reads_in_place(plan, t)) {
    tile.b = (const float *)j->run->b + t->b + from * plan->b.row_step + t->col;
    tile.b_step = plan->kernel->cols;
    tile.offsets = j->rows_of_b;
  } else {
    tile.b = block_of_b(j, t, from, depth);
  }
  if (from + depth == plan->k) set_epilogue(plan, &j->run->epilogue, t, &tile);
  for (size_t p = 0, r = 0; p < panels; p++) {
    size_t end = rung_panel_end(t->rows, panels, p);
    tile.a = t->a_block + r * depth;
    tile.c = c + r * tile.c_step;
    plan->kernel->tile[end - r](&tile);
    if (tile.flags & RUNG_TILE_ROW_BIAS) tile.row_bias += end - r;
    if (tile.flags & RUNG_TILE_RESIDUAL) tile.residual += (end - r) * tile.residual_step;
    r = end;
  }
  if (from + depth < plan->k) return;
  bool added = tile.flags & RUNG_TILE_RESIDUAL;
  bool active = (tile.flags & RUNG_TILE_CLAMP) || j->run->epilogue.activation.kind == RUNG_ACTIVATION_NONE;
  if (is_direct(plan) && active && (added || !j->run->epilogue.residual)) return;
  for (size_t r = 0; r < t->rows; r++) finish_row(plan, j->run, t, r, added, active);
}

static void run_tasks(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_gemm *plan = j->plan;
  thread_space space = space_of(plan);
  float *own = j->space + rung_pool_slot() * (space.a + space.b + space.c);
  for (size_t i = begin; i < end; i++) {
    size_t rest = i, tile_n = rest % plan->n_tiles, tile_m = (rest /= plan->n_tiles) % plan->m_tiles;
    rest /= plan->m_tiles;
    task t = {.a_block = own, .b_block = own + space.a, .c_block = own + space.a + space.b};
    for (int32_t d = plan->stack.rank - 1; d >= 0; d--) {
      size_t index = rest % (size_t)plan->stack.dims[d];
      rest /= (size_t)plan->stack.dims[d];
      t.a += index * (size_t)plan->stack.a[d];
      t.b += index * (size_t)plan->stack.b[d];
      t.c += index * (size_t)plan->stack.c[d];
    }
    t.row = tile_m * plan->tile_m, t.rows = RUNG_MIN(plan->tile_m, plan->m - t.row);
    t.col = tile_n * plan->tile_n, t.cols = RUNG_MIN(plan->tile_n, plan->n - t.col);
    size_t from = 0;
    do { /* once for k = 0, too: then the sums are 0 */
      size_t depth = RUNG_MIN(DEPTH, plan->k - from);
      run_block(j, &t, from, depth);
      from += depth;
    } while (from < plan->k && !rung_kernel_is_cancelled(j->call)); /* millions of rows of B take seconds */
  }
}

void rung_gemm_run_all(const rung_kernel_call *call, const rung_gemm *plan, const rung_gemm_run *run, void *scratch) {
  if (!plan->m || !plan->n || !plan->batch) return;
  int32_t *offsets = scratch, *rows_of_b = offsets + DEPTH;
  for (size_t k = 0; k < DEPTH; k++) {
    offsets[k] = (int32_t)(k * plan->kernel->cols);
    rows_of_b[k] = (int32_t)(k * RUNG_MIN(plan->b.row_step, INT32_MAX / DEPTH));
  }
  job j = {.call = call,
           .plan = plan,
           .run = run,
           .offsets = offsets,
           .rows_of_b = rows_of_b,
           .space = (float *)(rows_of_b + DEPTH),
           .packed_size = plan->k * RUNG_ROUND_UP(plan->n, plan->kernel->cols)};
  rung_kernel_parallel(call, plan->batch * plan->m_tiles * plan->n_tiles, plan->grain, run_tasks, &j);
}
