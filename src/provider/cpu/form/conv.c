#include "provider/cpu/form/conv.h"

#include "base/pool.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/kernel/isa.h"

void rung_conv_pack(rung_cpu_set features, size_t group, size_t out_channels, size_t k, rung_dtype dtype, const void *w,
                    float *packed) {
  size_t panels = rung_panel_count(rung_gemm_f32_for(features), out_channels);
  for (size_t g = 0; g < group; g++)
    for (size_t p = 0, row = 0; p < panels; p++) {
      size_t end = rung_panel_end(out_channels, panels, p), at = (g * out_channels + row) * k;
      rung_pack_panel(dtype, w, at, end - row, k, k, 1, 1, packed + at);
      row = end;
    }
}

/* Depthwise: one channel in, one out; tasks are some channels. */

static rung_depthwise_axis depthwise_axis(const rung_conv_axis *axis) {
  const rung_window_axis *w = &axis->window;
  return (rung_depthwise_axis){w->in, w->out, w->kernel, w->stride, w->dilation, w->begin};
}

static bool plan_depthwise(rung_conv *plan, const rung_depthwise_table *table) {
  rung_conv_boxes *b = &plan->boxes;
  rung_depthwise_axis y = depthwise_axis(&b->y), x = depthwise_axis(&b->x);
  bool flat = b->z.window.in == 1 && b->z.window.out == 1 && b->z.window.kernel == 1 && b->z.window.begin == 0;
  bool dense = b->x.place.size == (size_t)x.out && b->y.place.size == (size_t)y.out;
  if (b->in_channels != 1 || b->out_channels != 1 || plan->dtype != RUNG_F32 || !flat || !dense || y.begin < 0 ||
      x.begin < 0 || !rung_depthwise_scratch(table, &y, &x))
    return false;
  plan->depthwise = table;
  double work = (double)b->taps * (double)x.out * (double)y.out + 500;
  b->groups_per_task = RUNG_CLAMP((size_t)(2e5 / work), 1, b->group);
  b->group_tasks = RUNG_DIV_UP(b->group, b->groups_per_task);
  return true;
}

static size_t depthwise_space(const rung_conv *plan) {
  rung_depthwise_axis y = depthwise_axis(&plan->boxes.y), x = depthwise_axis(&plan->boxes.x);
  return RUNG_ROUND_UP(rung_depthwise_scratch(plan->depthwise, &y, &x), 16);
}

/* Planning */

bool rung_conv_plan(const rung_kernel_call *call, const rung_conv_shape *shape, const rung_conv_place *places,
                    rung_dtype dtype, rung_conv *plan) {
  rung_cpu_set features = rung_isa(call->host);
  size_t threads = RUNG_MAX(call->host->threads, 1);
  *plan = (rung_conv){.kernel = rung_gemm_f32_for(features), .math = rung_math_for(features), .dtype = dtype};
  if (!rung_conv_axes_make(&plan->boxes, shape, places, true)) return false;
  plan->boxes.threads = threads;
  if (plan_depthwise(plan, rung_depthwise_f32_for(features))) return true;
  if (!rung_conv_boxes_make(&plan->boxes, (rung_conv_panels){plan->kernel->rows, plan->kernel->cols}, threads))
    return false;
  const rung_conv_place *y = &plan->boxes.y.place, *x = &plan->boxes.x.place;
  plan->direct =
      dtype == RUNG_F32 && x->step == 1 && (plan->boxes.tile_y == 1 || (plan->boxes.pitch == x->size && y->step == 1));
  return true;
}

/* Scratch: offsets, then for every thread a band and the sums of one panel of channels. */
static size_t table_size(const rung_conv *plan) { return RUNG_ROUND_UP(plan->boxes.k, 16); }
static size_t band_space(const rung_conv *plan) {
  return RUNG_ROUND_UP(rung_conv_band(&plan->boxes), 16) + 2 * RUNG_TILE_MOST_COLS;
}
static size_t sums_space(const rung_conv *plan) {
  return plan->direct ? 0 : plan->kernel->rows * RUNG_ROUND_UP(plan->boxes.columns, 16);
}

bool rung_conv_scratch(const rung_conv *plan, size_t *out_bytes) {
  size_t threads = plan->boxes.threads;
  if (plan->depthwise) return rung_mul_size(depthwise_space(plan) * sizeof(float), threads, out_bytes);
  return rung_mul_size(band_space(plan) + sums_space(plan), threads, out_bytes) &&
         rung_add_size(*out_bytes, table_size(plan), out_bytes) && rung_mul_size(*out_bytes, sizeof(float), out_bytes);
}

/* Running */

typedef struct job {
  const rung_conv *plan;
  const rung_conv_run *run;
  const int32_t *offsets;
  float *space;
  float *band, *sums; /* of the thread */
} job;

typedef struct plane {
  const rung_conv *plan;
  const void *x;
  size_t channel; /* element of X that it begins with */
  float *to;
} plane;

static void copy_row(void *context, size_t line, int64_t first, size_t n, size_t at) {
  const plane *p = context;
  const rung_conv_axis *x = &p->plan->boxes.x;
  float *to = p->to + at;
  size_t from = 0, end = 0, stride = (size_t)x->window.stride;
  if (line != SIZE_MAX) rung_conv_inside(x, first, n, &from, &end);
  memset(to, 0, from * sizeof *to);
  if (end > from) {
    size_t source = p->channel + line * (size_t)x->window.in + (size_t)(first + (int64_t)(from * stride));
    if (stride == 1)
      rung_epilogue_load(p->plan->math, p->plan->dtype, p->x, source, end - from, to + from);
    else
      rung_load_f32(p->plan->dtype, p->x, source, stride, end - from, to + from);
  }
  memset(to + end, 0, (n - end) * sizeof *to);
}

static void fill_band(const job *j, const rung_conv_box *box) {
  const rung_conv_boxes *b = &j->plan->boxes;
  size_t volume = (size_t)(b->z.window.in * b->y.window.in * b->x.window.in);
  size_t first = (box->image * b->group + box->group) * b->in_channels;
  for (size_t c = 0; c < b->in_channels; c++)
    rung_conv_each_row(b, box, copy_row, &(plane){j->plan, j->run->x, (first + c) * volume, j->band + c * b->plane});
}

/* n neighbouring outputs from element `at` of Y on. */
static void store_run(const rung_conv *plan, const rung_conv_run *run, size_t at, size_t n, float *sums, bool active) {
  const rung_epilogue *epilogue = &run->epilogue;
  size_t step = plan->boxes.x.place.step;
  float strip[RUNG_CONV_COLUMNS];
  if (epilogue->residual) {
    if (step == 1)
      rung_epilogue_load(plan->math, plan->dtype, epilogue->residual, at, n, strip);
    else
      rung_load_f32(plan->dtype, epilogue->residual, at, step, n, strip);
    for (size_t i = 0; i < n; i++) sums[i] += strip[i];
  }
  if (!active) rung_epilogue_activate(plan->math, &epilogue->activation, n, sums);
  if (step == 1)
    rung_epilogue_store(plan->math, plan->dtype, run->y, at, n, sums);
  else
    rung_store_f32(plan->dtype, run->y, at, step, n, sums);
}

/* Takes the sums of one channel to Y, row by row. */
static void store_rows(const job *j, const rung_conv_box *box, size_t at, float *sums, bool active) {
  const rung_conv_boxes *b = &j->plan->boxes;
  for (size_t y = 0; y < box->rows; y++)
    for (size_t x = 0; x < box->columns; x += RUNG_CONV_COLUMNS)
      store_run(j->plan, j->run, at + y * b->y.place.step * b->x.place.size + x * b->x.place.step,
                RUNG_MIN(RUNG_CONV_COLUMNS, box->columns - x), sums + y * b->pitch + x, active);
}

/* One panel of output channels [m, m + rows). */
static void run_panel(const job *j, const rung_conv_box *box, rung_tile_f32 *tile, size_t m, size_t rows, bool active) {
  const rung_conv *plan = j->plan;
  const rung_conv_run *run = j->run;
  size_t volume = rung_conv_volume(&plan->boxes), at = rung_conv_output(&plan->boxes, box, m);
  size_t channel = box->group * plan->boxes.out_channels + m;
  tile->a = run->w + channel * plan->boxes.k;
  if (run->epilogue.bias) tile->row_bias = run->epilogue.bias + channel;
  tile->c = plan->direct ? (float *)run->y + at : j->sums;
  tile->c_step = plan->direct ? volume : RUNG_ROUND_UP(plan->boxes.columns, 16);
  if (plan->direct && run->epilogue.residual) {
    tile->residual = (const float *)run->epilogue.residual + at;
    tile->residual_step = volume;
  }
  plan->kernel->tile[rows](tile);
  for (size_t r = 0; r < rows; r++) {
    if (!plan->direct)
      store_rows(j, box, at + r * volume, tile->c + r * tile->c_step, active);
    else if (!active)
      rung_epilogue_activate(plan->math, &run->epilogue.activation, tile->cols, tile->c + r * volume);
  }
}

static void run_box(void *context, const rung_conv_box *box) {
  const job *j = context;
  const rung_conv *plan = j->plan;
  const rung_conv_boxes *b = &plan->boxes;
  const rung_epilogue *epilogue = &j->run->epilogue;
  size_t panels = rung_panel_count(plan->kernel, b->out_channels);
  rung_tile_f32 tile = {.k = b->k,
                        .cols = (box->rows - 1) * b->pitch + box->columns,
                        .b = j->band,
                        .offsets = j->offsets,
                        .b_step = plan->kernel->cols};
  bool active = epilogue->activation.kind == RUNG_ACTIVATION_NONE;
  if (epilogue->bias) tile.flags |= RUNG_TILE_ROW_BIAS;
  if (epilogue->residual && plan->direct) tile.flags |= RUNG_TILE_RESIDUAL;
  if (!epilogue->residual || plan->direct) active = rung_epilogue_clamp(&epilogue->activation, &tile);
  fill_band(j, box);
  for (size_t p = box->first_panel, m = p ? rung_panel_end(b->out_channels, panels, p - 1) : 0; p < box->last_panel;
       p++) {
    size_t end = rung_panel_end(b->out_channels, panels, p);
    run_panel(j, box, &tile, m, end - m, active);
    m = end;
  }
}

static void run_tasks(void *context, size_t begin, size_t end) {
  job own = *(const job *)context;
  own.band = own.space + rung_pool_slot() * (band_space(own.plan) + sums_space(own.plan));
  own.sums = own.band + band_space(own.plan);
  for (size_t i = begin; i < end; i++) rung_conv_each_box(&own.plan->boxes, i, run_box, &own);
}

static void run_depthwise(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_conv_boxes *b = &j->plan->boxes;
  const rung_epilogue *epilogue = &j->run->epilogue;
  rung_tile_f32 tile = {0};
  bool active = rung_epilogue_clamp(&epilogue->activation, &tile);
  rung_depthwise_f32 d = {.y = depthwise_axis(&b->y),
                          .x = depthwise_axis(&b->x),
                          .low = tile.low,
                          .high = tile.high,
                          .scratch = j->space + rung_pool_slot() * depthwise_space(j->plan)};
  d.flags = tile.flags | (epilogue->bias ? RUNG_TILE_ROW_BIAS : 0) | (epilogue->residual ? RUNG_TILE_RESIDUAL : 0);
  size_t in = (size_t)(d.y.in * d.x.in), out = (size_t)(d.y.out * d.x.out);
  for (size_t i = begin; i < end; i++) {
    size_t image = i / b->group_tasks, first = i % b->group_tasks * b->groups_per_task;
    for (size_t g = first; g < RUNG_MIN(first + b->groups_per_task, b->group); g++) {
      size_t channel = image * b->group + g;
      d.from = (const float *)j->run->x + channel * in;
      d.to = (float *)j->run->y + channel * out;
      d.weights = j->run->w + g * b->taps;
      if (epilogue->bias) d.bias = epilogue->bias[g];
      if (epilogue->residual) d.residual = (const float *)epilogue->residual + channel * out;
      j->plan->depthwise->channel(&d);
      if (!active) rung_epilogue_activate(j->plan->math, &epilogue->activation, out, d.to);
    }
  }
}

void rung_conv_run_all(const rung_kernel_call *call, const rung_conv *plan, const rung_conv_run *run, void *scratch) {
  if (plan->depthwise) {
    job j = {.plan = plan, .run = run, .space = scratch};
    rung_kernel_parallel(call, plan->boxes.batch * plan->boxes.group_tasks, 1, run_depthwise, &j);
    return;
  }
  int32_t *offsets = scratch;
  rung_conv_offsets(&plan->boxes, offsets);
  job j = {.plan = plan, .run = run, .offsets = offsets, .space = (float *)scratch + table_size(plan)};
  rung_kernel_parallel(call, rung_conv_tasks(&plan->boxes), 1, run_tasks, &j);
}
