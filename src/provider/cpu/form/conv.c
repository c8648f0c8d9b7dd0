#include "provider/cpu/form/conv.h"

#include "base/pool.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/gemm.h"
#include "provider/cpu/kernel/isa.h"

/* Boxes of about this many columns: enough to make use of a panel of weights in the first-level cache. */
enum { LEAST_COLUMNS = 256, MOST_COLUMNS = 1024 };

/* Floats of a band; beyond, strides and dilations are odd enough for the plain form. */
#define MOST_BAND 1.6e7

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

/* Planning */

static size_t gcd(size_t a, size_t b) {
  while (b) {
    size_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static void set_axis(rung_conv_axis *axis) {
  if (axis->window.out == 1) axis->window.stride = 1; /* it has no next element */
  size_t stride = (size_t)axis->window.stride, dilation = (size_t)axis->window.dilation,
         kernel = (size_t)axis->window.kernel;
  axis->phase_step = gcd(dilation, stride);
  axis->phases = dilation == 1 ? RUNG_MIN(stride, kernel) : stride / axis->phase_step;
  if (kernel <= 1) axis->phases = 1;
  axis->reach = kernel ? (kernel - 1) * dilation / stride : 0;
}

/* Nothing happens in this dimension. */
static bool is_still(const rung_conv_axis *axis) {
  const rung_window_axis *w = &axis->window;
  return w->kernel == 1 && w->stride == 1 && w->begin == 0 && w->in == w->out && axis->place.size == (size_t)w->out;
}

static void set_axes(rung_conv *plan, const rung_window *window, const rung_conv_place *places) {
  static const rung_conv_axis none = {.window = {1, 1, 1, 1, 1, 0, 0}, .place = {0, 1, 1}};
  rung_conv_axis *axes[3] = {&plan->z, &plan->y, &plan->x};
  for (int32_t i = 0; i < 3; i++) {
    int32_t d = i - (3 - window->rank);
    *axes[i] = none;
    if (d < 0) continue;
    axes[i]->window = window->axes[d];
    axes[i]->place = places ? places[d] : (rung_conv_place){0, 1, (size_t)window->axes[d].out};
  }
  for (int32_t i = 1; i >= 0 && is_still(axes[i]) && is_still(&plan->x); i--) { /* such dimensions are one */
    plan->x.window.in = plan->x.window.out *= axes[i]->window.in;
    plan->x.place.size = (size_t)plan->x.window.out;
    *axes[i] = none;
  }
  for (int32_t i = 0; i < 3; i++) set_axis(axes[i]);
}

/* The least pitch at which what a row reads beyond its end is 0, and so is the beginning of the next row. */
static size_t least_pitch(const rung_conv_axis *x, size_t width) {
  int64_t stride = x->window.stride, begin = x->window.begin, need = (int64_t)(width + x->reach);
  if (width < (size_t)x->window.out) return (size_t)need;
  int64_t padded = begin - 1 - (int64_t)((x->phases - 1) * x->phase_step);
  if (padded < 0) return (size_t)need;
  int64_t behind = RUNG_DIV_UP(x->window.in + begin, stride), before = need - 1 - padded / stride;
  return (size_t)RUNG_MIN(need, RUNG_MAX((int64_t)width, RUNG_MAX(behind, before)));
}

/* The band of a box; false when it is too large. */
static bool set_box(rung_conv *plan, size_t tile_y, size_t tile_x) {
  plan->tile_y = tile_y;
  plan->tile_x = tile_x;
  plan->pitch = least_pitch(&plan->x, tile_x);
  double rows = (double)(tile_y + plan->y.reach), need = (double)(tile_x + plan->x.reach);
  double phases = (double)plan->y.phases * (double)plan->x.phases, channels = (double)plan->in_channels;
  if ((rows * need + need + 32) * phases * (double)plan->z.window.kernel * channels > MOST_BAND) return false;
  plan->phase = (tile_y + plan->y.reach) * plan->pitch + (tile_x + plan->x.reach - plan->pitch);
  plan->slice = plan->phase * plan->y.phases * plan->x.phases;
  /* Channels begin in different sets of the first-level cache. */
  plan->plane = (plan->slice * (size_t)plan->z.window.kernel + 31) / 32 * 32 + 16;
  plan->columns = (tile_y - 1) * plan->pitch + tile_x;
  return true;
}

static size_t band_size(const rung_conv *plan) { return plan->plane * plan->in_channels; }

/* Rows until the band fills half of the second-level cache; a part of a row when one is too much. */
static bool choose_box(rung_conv *plan) {
  size_t most = rung_cpu_cache_sizes().l2 / 2 / sizeof(float), width = (size_t)plan->x.window.out;
  size_t rows = (size_t)plan->y.window.out, tile_x = RUNG_MIN(width, MOST_COLUMNS), lanes = plan->kernel->cols;
  size_t tile_y = RUNG_CLAMP(MOST_COLUMNS / tile_x, 1, rows);
  if (tile_x < width) tile_x = RUNG_ROUND_UP(RUNG_DIV_UP(width, RUNG_DIV_UP(width, tile_x)), lanes);
  if (!set_box(plan, tile_y, RUNG_MIN(tile_x, width))) return false;
  while (band_size(plan) > most && plan->tile_y > 1)
    if (!set_box(plan, plan->tile_y - RUNG_MAX(1, plan->tile_y / 8), plan->tile_x)) return false;
  while (band_size(plan) > most && plan->tile_x > 2 * lanes)
    if (!set_box(plan, 1, RUNG_ROUND_UP(plan->tile_x / 2, lanes))) return false;
  return true;
}

static size_t tasks_of(const rung_conv *plan) {
  return plan->batch * plan->group_tasks * (size_t)plan->z.window.out * plan->y_tiles * plan->x_tiles * plan->splits;
}

static double work_of(const rung_conv *plan) { /* multiplications of a task */
  return (double)plan->columns * (double)plan->k * (double)plan->out_channels / (double)plan->splits *
         (double)plan->groups_per_task;
}

/* Enough tasks for all threads: fewer channels per task first, since those cost only another copy of the band. */
static bool choose_tasks(rung_conv *plan) {
  size_t panels = rung_panel_count(plan->kernel, plan->out_channels);
  plan->splits = plan->groups_per_task = 1;
  for (;;) {
    plan->y_tiles = RUNG_DIV_UP((size_t)plan->y.window.out, plan->tile_y);
    plan->x_tiles = RUNG_DIV_UP((size_t)plan->x.window.out, plan->tile_x);
    plan->group_tasks = plan->group;
    if (plan->threads == 1 || work_of(plan) < 2e6 || tasks_of(plan) >= 4 * plan->threads) break;
    if (plan->splits * 4 <= panels)
      plan->splits *= 2;
    else if (plan->tile_y > 1 && plan->columns > LEAST_COLUMNS) {
      if (!set_box(plan, RUNG_DIV_UP(plan->tile_y, 2), plan->tile_x)) return false;
    } else if (plan->splits * 2 <= panels)
      plan->splits *= 2;
    else
      break;
  }
  while (plan->groups_per_task < plan->group && work_of(plan) < 5e5) plan->groups_per_task *= 2;
  plan->groups_per_task = RUNG_MIN(plan->groups_per_task, plan->group);
  plan->group_tasks = RUNG_DIV_UP(plan->group, plan->groups_per_task);
  return true;
}

/* Depthwise: one channel in, one out; tasks are some channels. */

static rung_depthwise_axis depthwise_axis(const rung_conv_axis *axis) {
  const rung_window_axis *w = &axis->window;
  return (rung_depthwise_axis){w->in, w->out, w->kernel, w->stride, w->dilation, w->begin};
}

static bool plan_depthwise(rung_conv *plan, rung_cpu_set features) {
  const rung_depthwise_table *table = rung_depthwise_f32_for(features);
  rung_depthwise_axis y = depthwise_axis(&plan->y), x = depthwise_axis(&plan->x);
  bool plain =
      plan->z.window.in == 1 && plan->z.window.out == 1 && plan->z.window.kernel == 1 && plan->z.window.begin == 0;
  bool dense = plan->x.place.step == 1 && plan->y.place.step == 1 && plan->x.place.size == (size_t)x.out;
  if (plan->in_channels != 1 || plan->out_channels != 1 || plan->dtype != RUNG_F32 || !plain || !dense || y.begin < 0 ||
      x.begin < 0 || !rung_depthwise_scratch(table, &y, &x))
    return false;
  plan->depthwise = table;
  double work = (double)plan->taps * (double)plan->x.window.out * (double)plan->y.window.out + 500;
  plan->groups_per_task = RUNG_CLAMP((size_t)(2e5 / work), 1, plan->group);
  plan->group_tasks = RUNG_DIV_UP(plan->group, plan->groups_per_task);
  plan->splits = plan->y_tiles = plan->x_tiles = 1;
  return true;
}

bool rung_conv_plan(const rung_kernel_call *call, const rung_conv_shape *shape, const rung_conv_place *places,
                    rung_dtype dtype, rung_conv *plan) {
  rung_cpu_set features = rung_isa(call->host);
  if (shape->window.rank > 3) return false;
  *plan = (rung_conv){.kernel = rung_gemm_f32_for(features),
                      .math = rung_math_for(features),
                      .dtype = dtype,
                      .batch = (size_t)shape->batch,
                      .group = (size_t)shape->group,
                      .in_channels = (size_t)(shape->in_channels / shape->group),
                      .out_channels = (size_t)(shape->out_channels / shape->group),
                      .threads = RUNG_MAX(call->host->threads, 1)};
  set_axes(plan, &shape->window, places);
  plan->taps = (size_t)(plan->z.window.kernel * plan->y.window.kernel * plan->x.window.kernel);
  plan->k = plan->taps * plan->in_channels;
  if (plan->batch == 0 || plan->out_channels == 0 || plan->z.window.out == 0 || plan->y.window.out == 0 ||
      plan->x.window.out == 0)
    return false;
  if (plan_depthwise(plan, features)) return true;
  if (!choose_box(plan) || !choose_tasks(plan)) return false;
  plan->direct = dtype == RUNG_F32 && plan->x.place.step == 1 &&
                 (plan->tile_y == 1 || (plan->pitch == plan->x.place.size && plan->y.place.step == 1));
  return true;
}

/* Scratch: offsets, then for every thread a band and the sums of one panel of channels. */
static size_t table_size(const rung_conv *plan) { return RUNG_ROUND_UP(plan->k, 16); }
static size_t band_space(const rung_conv *plan) { return RUNG_ROUND_UP(band_size(plan), 16) + 2 * RUNG_TILE_MOST_COLS; }
static size_t sums_space(const rung_conv *plan) {
  return plan->direct ? 0 : plan->kernel->rows * RUNG_ROUND_UP(plan->columns, 16);
}

static size_t depthwise_space(const rung_conv *plan) {
  rung_depthwise_axis y = depthwise_axis(&plan->y), x = depthwise_axis(&plan->x);
  return RUNG_ROUND_UP(rung_depthwise_scratch(plan->depthwise, &y, &x), 16);
}

bool rung_conv_scratch(const rung_conv *plan, size_t *out_bytes) {
  size_t threads = plan->threads;
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
} job;

/* A box: its place in the output, for one group of one image. */
typedef struct box {
  size_t image, group;
  size_t z, y, x, rows, columns; /* columns: of the output */
  float *band, *sums;
} box;

static size_t tap_offset(const rung_conv_axis *axis, size_t tap, size_t *phase) {
  size_t at = tap * (size_t)axis->window.dilation, stride = (size_t)axis->window.stride;
  *phase = at % stride / axis->phase_step;
  return at / stride;
}

static void fill_offsets(const rung_conv *plan, int32_t *offsets) {
  size_t t = 0;
  for (size_t kz = 0; kz < (size_t)plan->z.window.kernel; kz++)
    for (size_t ky = 0; ky < (size_t)plan->y.window.kernel; ky++)
      for (size_t kx = 0; kx < (size_t)plan->x.window.kernel; kx++, t++) {
        size_t py, px, row = tap_offset(&plan->y, ky, &py), column = tap_offset(&plan->x, kx, &px);
        offsets[t] =
            (int32_t)(kz * plan->slice + (py * plan->x.phases + px) * plan->phase + row * plan->pitch + column);
      }
  for (size_t i = t; i < plan->k; i++) offsets[i] = offsets[i - t] + (int32_t)plan->plane;
}

/* n elements of a row of phase `px`, padding written out; `row` is the index of the row's first element in X. */
static void copy_row(const rung_conv *plan, const void *x, size_t row, int64_t first, size_t n, float *to) {
  int64_t stride = plan->x.window.stride, in = plan->x.window.in, count = (int64_t)n;
  int64_t from = first >= 0 ? 0 : RUNG_DIV_UP(-first, stride);
  int64_t end = first >= in ? 0 : (in - 1 - first) / stride + 1;
  from = RUNG_MIN(from, count);
  end = RUNG_CLAMP(end, from, count);
  for (int64_t i = 0; i < from; i++) to[i] = 0;
  size_t at = row + (size_t)(first + from * stride);
  if (end > from && stride == 1)
    rung_epilogue_load(plan->math, plan->dtype, x, at, (size_t)(end - from), to + from);
  else if (end > from)
    rung_load_f32(plan->dtype, x, at, (size_t)stride, (size_t)(end - from), to + from);
  for (int64_t i = end; i < count; i++) to[i] = 0;
}

/* One slice of one channel: `slice` is the index of its first element, SIZE_MAX outside of the input. */
static void copy_slice(const rung_conv *plan, const box *b, const void *x, size_t slice, float *to) {
  const rung_window_axis *wy = &plan->y.window, *wx = &plan->x.window;
  size_t rows = plan->tile_y + plan->y.reach, tail = plan->tile_x + plan->x.reach - plan->pitch;
  for (size_t py = 0; py < plan->y.phases; py++)
    for (size_t px = 0; px < plan->x.phases; px++) {
      int64_t first = (int64_t)b->x * wx->stride - wx->begin + (int64_t)(px * plan->x.phase_step);
      int64_t line = (int64_t)b->y * wy->stride - wy->begin + (int64_t)(py * plan->y.phase_step);
      for (size_t r = 0; r < rows; r++, line += wy->stride, to += plan->pitch) {
        bool inside = slice != SIZE_MAX && line >= 0 && line < wy->in;
        if (inside)
          copy_row(plan, x, slice + (size_t)(line * wx->in), first, plan->pitch, to);
        else
          memset(to, 0, plan->pitch * sizeof *to);
      }
      memset(to, 0, tail * sizeof *to);
      to += tail;
    }
}

static void fill_band(const rung_conv *plan, const box *b, const void *x) {
  size_t area = (size_t)(plan->y.window.in * plan->x.window.in), volume = area * (size_t)plan->z.window.in;
  size_t channel = (b->image * plan->group + b->group) * plan->in_channels * volume;
  for (size_t c = 0; c < plan->in_channels; c++, channel += volume)
    for (size_t kz = 0; kz < (size_t)plan->z.window.kernel; kz++) {
      int64_t z = (int64_t)b->z * plan->z.window.stride + (int64_t)kz * plan->z.window.dilation - plan->z.window.begin;
      bool inside = z >= 0 && z < plan->z.window.in;
      copy_slice(plan, b, x, inside ? channel + (size_t)z * area : SIZE_MAX,
                 b->band + c * plan->plane + kz * plan->slice);
    }
}

/* Where output channel `m` of the box begins in Y. */
static size_t output_at(const rung_conv *plan, const box *b, size_t m) {
  const rung_conv_place *z = &plan->z.place, *y = &plan->y.place, *x = &plan->x.place;
  size_t channel = (b->image * plan->group + b->group) * plan->out_channels + m;
  return ((channel * z->size + z->first + b->z * z->step) * y->size + y->first + b->y * y->step) * x->size + x->first +
         b->x * x->step;
}

static size_t output_volume(const rung_conv *plan) {
  return plan->z.place.size * plan->y.place.size * plan->x.place.size;
}

/* n neighbouring outputs from element `at` of Y on. */
static void store_run(const rung_conv *plan, const rung_conv_run *run, size_t at, size_t n, float *sums, bool active) {
  const rung_epilogue *epilogue = &run->epilogue;
  size_t step = plan->x.place.step;
  float strip[MOST_COLUMNS];
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
static void store_rows(const rung_conv *plan, const rung_conv_run *run, const box *b, size_t at, float *sums,
                       bool active) {
  for (size_t y = 0; y < b->rows; y++)
    for (size_t x = 0; x < b->columns; x += MOST_COLUMNS)
      store_run(plan, run, at + y * plan->y.place.step * plan->x.place.size + x * plan->x.place.step,
                RUNG_MIN(MOST_COLUMNS, b->columns - x), sums + y * plan->pitch + x, active);
}

/* One panel of output channels [m, m + rows). */
static void run_panel(const job *j, const box *b, rung_tile_f32 *tile, size_t m, size_t rows, bool active) {
  const rung_conv *plan = j->plan;
  const rung_conv_run *run = j->run;
  size_t volume = output_volume(plan), at = output_at(plan, b, m);
  tile->a = run->w + (b->group * plan->out_channels + m) * plan->k;
  if (run->epilogue.bias) tile->bias = run->epilogue.bias + b->group * plan->out_channels + m;
  tile->c = plan->direct ? (float *)run->y + at : b->sums;
  tile->c_step = plan->direct ? volume : RUNG_ROUND_UP(plan->columns, 16);
  if (plan->direct && run->epilogue.residual) {
    tile->residual = (const float *)run->epilogue.residual + at;
    tile->residual_step = volume;
  }
  plan->kernel->tile[rows](tile);
  for (size_t r = 0; r < rows; r++) {
    if (!plan->direct)
      store_rows(plan, run, b, at + r * volume, tile->c + r * tile->c_step, active);
    else if (!active)
      rung_epilogue_activate(plan->math, &run->epilogue.activation, tile->cols, tile->c + r * volume);
  }
}

static void run_box(const job *j, const box *b, size_t split) {
  const rung_conv *plan = j->plan;
  const rung_epilogue *epilogue = &j->run->epilogue;
  size_t panels = rung_panel_count(plan->kernel, plan->out_channels);
  size_t first = split ? rung_panel_end(panels, plan->splits, split - 1) : 0,
         last = rung_panel_end(panels, plan->splits, split);
  fill_band(plan, b, j->run->x);
  rung_tile_f32 tile = {.k = plan->k,
                        .cols = (b->rows - 1) * plan->pitch + b->columns,
                        .b = b->band,
                        .offsets = j->offsets,
                        .b_step = plan->kernel->cols};
  bool active = epilogue->activation.kind == RUNG_ACTIVATION_NONE;
  if (epilogue->bias) tile.flags |= RUNG_TILE_ROW_BIAS;
  if (epilogue->residual && plan->direct) tile.flags |= RUNG_TILE_RESIDUAL;
  if (!epilogue->residual || plan->direct) active = rung_epilogue_clamp(&epilogue->activation, &tile);
  for (size_t p = first, m = p ? rung_panel_end(plan->out_channels, panels, p - 1) : 0; p < last; p++) {
    size_t end = rung_panel_end(plan->out_channels, panels, p);
    run_panel(j, b, &tile, m, end - m, active);
    m = end;
  }
}

static void run_tasks(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_conv *plan = j->plan;
  float *own = j->space + rung_pool_slot() * (band_space(plan) + sums_space(plan));
  for (size_t i = begin; i < end; i++) {
    box b = {.band = own, .sums = own + band_space(plan)};
    size_t rest = i, split = rest % plan->splits;
    rest /= plan->splits;
    b.x = rest % plan->x_tiles * plan->tile_x;
    rest /= plan->x_tiles;
    b.y = rest % plan->y_tiles * plan->tile_y;
    rest /= plan->y_tiles;
    b.z = rest % (size_t)plan->z.window.out;
    rest /= (size_t)plan->z.window.out;
    b.image = rest / plan->group_tasks;
    b.rows = RUNG_MIN(plan->tile_y, (size_t)plan->y.window.out - b.y);
    b.columns = RUNG_MIN(plan->tile_x, (size_t)plan->x.window.out - b.x);
    size_t group = rest % plan->group_tasks * plan->groups_per_task;
    for (b.group = group; b.group < RUNG_MIN(group + plan->groups_per_task, plan->group); b.group++)
      run_box(j, &b, split);
  }
}

static void run_depthwise(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_conv *plan = j->plan;
  const rung_epilogue *epilogue = &j->run->epilogue;
  rung_tile_f32 tile = {0};
  bool active = rung_epilogue_clamp(&epilogue->activation, &tile);
  rung_depthwise_f32 d = {.y = depthwise_axis(&plan->y),
                          .x = depthwise_axis(&plan->x),
                          .low = tile.low,
                          .high = tile.high,
                          .scratch = j->space + rung_pool_slot() * depthwise_space(plan)};
  d.flags = tile.flags | (epilogue->bias ? RUNG_TILE_ROW_BIAS : 0) | (epilogue->residual ? RUNG_TILE_RESIDUAL : 0);
  size_t in = (size_t)(d.y.in * d.x.in), out = (size_t)(d.y.out * d.x.out);
  for (size_t i = begin; i < end; i++) {
    size_t image = i / plan->group_tasks, first = i % plan->group_tasks * plan->groups_per_task;
    for (size_t g = first; g < RUNG_MIN(first + plan->groups_per_task, plan->group); g++) {
      size_t channel = image * plan->group + g;
      d.from = (const float *)j->run->x + channel * in;
      d.to = (float *)j->run->y + channel * out;
      d.weights = j->run->w + g * plan->taps;
      if (epilogue->bias) d.bias = epilogue->bias[g];
      if (epilogue->residual) d.residual = (const float *)epilogue->residual + channel * out;
      plan->depthwise->channel(&d);
      if (!active) rung_epilogue_activate(plan->math, &epilogue->activation, out, d.to);
    }
  }
}

void rung_conv_run_all(const rung_kernel_call *call, const rung_conv *plan, const rung_conv_run *run, void *scratch) {
  if (plan->depthwise) {
    rung_kernel_parallel(call, plan->batch * plan->group_tasks, 1, run_depthwise, &(job){plan, run, NULL, scratch});
    return;
  }
  int32_t *offsets = scratch;
  fill_offsets(plan, offsets);
  job j = {plan, run, offsets, (float *)scratch + table_size(plan)};
  rung_kernel_parallel(call, tasks_of(plan), 1, run_tasks, &j);
}
