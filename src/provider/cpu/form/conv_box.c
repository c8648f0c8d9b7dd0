#include "provider/cpu/form/conv_box.h"

#include "base/cpu.h"
#include "provider/cpu/kernel/tile.h"

/* Enough to make use of a panel of weights in the first-level cache. */
enum { LEAST_COLUMNS = 256, MOST_COLUMNS = RUNG_CONV_COLUMNS };

/* Elements of a band; beyond, strides and dilations are odd enough for the plain form. */
#define MOST_BAND 1.6e7

/* Shape */

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

static void set_axes(rung_conv_boxes *plan, const rung_window *window, const rung_conv_place *places, bool merges) {
  static const rung_conv_axis none = {.window = {1, 1, 1, 1, 1, 0, 0}, .place = {0, 1, 1}};
  rung_conv_axis *axes[3] = {&plan->z, &plan->y, &plan->x};
  for (int32_t i = 0; i < 3; i++) {
    int32_t d = i - (3 - window->rank);
    *axes[i] = none;
    if (d < 0) continue;
    axes[i]->window = window->axes[d];
    axes[i]->place = places ? places[d] : (rung_conv_place){0, 1, (size_t)window->axes[d].out};
  }
  for (int32_t i = 1; i >= 0 && merges && is_still(axes[i]) && is_still(&plan->x); i--) { /* such dimensions are one */
    plan->x.window.in = plan->x.window.out *= axes[i]->window.in;
    plan->x.place = (rung_conv_place){0, 1, (size_t)plan->x.window.out}; /* one output a row has any step */
    *axes[i] = none;
  }
  for (int32_t i = 0; i < 3; i++) set_axis(axes[i]);
}

bool rung_conv_axes_make(rung_conv_boxes *plan, const rung_conv_shape *shape, const rung_conv_place *places,
                         bool merges) {
  if (shape->window.rank > 3) return false;
  *plan = (rung_conv_boxes){.batch = (size_t)shape->batch,
                            .group = (size_t)shape->group,
                            .in_channels = (size_t)(shape->in_channels / shape->group),
                            .out_channels = (size_t)(shape->out_channels / shape->group)};
  set_axes(plan, &shape->window, places, merges);
  plan->taps = (size_t)(plan->z.window.kernel * plan->y.window.kernel * plan->x.window.kernel);
  plan->k = plan->taps * plan->in_channels;
  return plan->batch && plan->out_channels && plan->z.window.out && plan->y.window.out && plan->x.window.out;
}

/* Boxes */

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
static bool set_box(rung_conv_boxes *plan, size_t tile_y, size_t tile_x) {
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

size_t rung_conv_band(const rung_conv_boxes *plan) { return plan->plane * plan->in_channels; }

/* Rows until the band fills half of the second-level cache; a part of a row when one is too much. */
static bool choose_box(rung_conv_boxes *plan) {
  size_t most = rung_cpu_cache_sizes().l2 / 2 / sizeof(float), width = (size_t)plan->x.window.out;
  size_t rows = (size_t)plan->y.window.out, tile_x = RUNG_MIN(width, MOST_COLUMNS), lanes = plan->panel.cols;
  size_t tile_y = RUNG_CLAMP(MOST_COLUMNS / tile_x, 1, rows);
  if (tile_x < width) tile_x = RUNG_ROUND_UP(RUNG_DIV_UP(width, RUNG_DIV_UP(width, tile_x)), lanes);
  if (!set_box(plan, tile_y, RUNG_MIN(tile_x, width))) return false;
  while (rung_conv_band(plan) > most && plan->tile_y > 1)
    if (!set_box(plan, plan->tile_y - RUNG_MAX(1, plan->tile_y / 8), plan->tile_x)) return false;
  while (rung_conv_band(plan) > most && plan->tile_x > 2 * lanes)
    if (!set_box(plan, 1, RUNG_ROUND_UP(plan->tile_x / 2, lanes))) return false;
  return true;
}

size_t rung_conv_tasks(const rung_conv_boxes *plan) {
  return plan->batch * plan->group_tasks * (size_t)plan->z.window.out * plan->y_tiles * plan->x_tiles * plan->splits;
}

static double work_of(const rung_conv_boxes *plan) { /* multiplications of a task */
  return (double)plan->columns * (double)plan->k * (double)plan->out_channels / (double)plan->splits *
         (double)plan->groups_per_task;
}

/* Enough tasks for all threads: fewer channels per task first, since those cost only another copy of the band. */
static bool choose_tasks(rung_conv_boxes *plan) {
  size_t panels = RUNG_DIV_UP(plan->out_channels, plan->panel.rows);
  plan->splits = plan->groups_per_task = 1;
  for (;;) {
    plan->y_tiles = RUNG_DIV_UP((size_t)plan->y.window.out, plan->tile_y);
    plan->x_tiles = RUNG_DIV_UP((size_t)plan->x.window.out, plan->tile_x);
    plan->group_tasks = plan->group;
    if (plan->threads == 1 || work_of(plan) < 2e6 || rung_conv_tasks(plan) >= 4 * plan->threads) break;
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

bool rung_conv_boxes_make(rung_conv_boxes *plan, rung_conv_panels panel, size_t threads) {
  plan->panel = panel;
  plan->threads = threads;
  return choose_box(plan) && choose_tasks(plan);
}

/* Running */

static size_t tap_offset(const rung_conv_axis *axis, size_t tap, size_t *phase) {
  size_t at = tap * (size_t)axis->window.dilation, stride = (size_t)axis->window.stride;
  *phase = at % stride / axis->phase_step;
  return at / stride;
}

void rung_conv_offsets(const rung_conv_boxes *plan, int32_t *offsets) {
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

void rung_conv_each_box(const rung_conv_boxes *plan, size_t task, void (*fn)(void *context, const rung_conv_box *box),
                        void *context) {
  size_t panels = RUNG_DIV_UP(plan->out_channels, plan->panel.rows), split = task % plan->splits;
  rung_conv_box b = {.first_panel = split ? rung_panel_end(panels, plan->splits, split - 1) : 0,
                     .last_panel = rung_panel_end(panels, plan->splits, split)};
  task /= plan->splits;
  b.x = task % plan->x_tiles * plan->tile_x;
  task /= plan->x_tiles;
  b.y = task % plan->y_tiles * plan->tile_y;
  task /= plan->y_tiles;
  b.z = task % (size_t)plan->z.window.out;
  task /= (size_t)plan->z.window.out;
  b.image = task / plan->group_tasks;
  b.rows = RUNG_MIN(plan->tile_y, (size_t)plan->y.window.out - b.y);
  b.columns = RUNG_MIN(plan->tile_x, (size_t)plan->x.window.out - b.x);
  size_t first = task % plan->group_tasks * plan->groups_per_task;
  for (b.group = first; b.group < RUNG_MIN(first + plan->groups_per_task, plan->group); b.group++) fn(context, &b);
}

size_t rung_conv_output(const rung_conv_boxes *plan, const rung_conv_box *b, size_t m) {
  const rung_conv_place *z = &plan->z.place, *y = &plan->y.place, *x = &plan->x.place;
  size_t channel = (b->image * plan->group + b->group) * plan->out_channels + m;
  return ((channel * z->size + z->first + b->z * z->step) * y->size + y->first + b->y * y->step) * x->size + x->first +
         b->x * x->step;
}

size_t rung_conv_volume(const rung_conv_boxes *plan) {
  return plan->z.place.size * plan->y.place.size * plan->x.place.size;
}

void rung_conv_each_row(const rung_conv_boxes *plan, const rung_conv_box *b, rung_conv_row_fn fn, void *context) {
  const rung_window_axis *wz = &plan->z.window, *wy = &plan->y.window, *wx = &plan->x.window;
  size_t rows = plan->tile_y + plan->y.reach, tail = plan->tile_x + plan->x.reach - plan->pitch, to = 0;
  int64_t first = (int64_t)b->x * wx->stride - wx->begin, top = (int64_t)b->y * wy->stride - wy->begin;
  for (int64_t kz = 0; kz < wz->kernel; kz++) {
    int64_t z = (int64_t)b->z * wz->stride + kz * wz->dilation - wz->begin;
    for (size_t py = 0; py < plan->y.phases; py++)
      for (size_t px = 0; px < plan->x.phases; px++) {
        int64_t y = top + (int64_t)(py * plan->y.phase_step), x = first + (int64_t)(px * plan->x.phase_step);
        for (size_t r = 0; r < rows; r++, y += wy->stride, to += plan->pitch) {
          bool inside = z >= 0 && z < wz->in && y >= 0 && y < wy->in;
          fn(context, inside ? (size_t)(z * wy->in + y) : SIZE_MAX, x, plan->pitch, to);
        }
        if (tail) fn(context, SIZE_MAX, x, tail, to);
        to += tail;
      }
  }
}
