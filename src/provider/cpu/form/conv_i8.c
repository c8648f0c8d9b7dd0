#include "provider/cpu/form/conv_i8.h"

#include "base/pool.h"
#include "provider/cpu/kernel/isa.h"

/* Weights */

/* With one channel per group, elements hold taps of a row instead of channels. */
static bool along_rows(const rung_conv_i8_weights *w) { return w->channels == 1; }

bool rung_conv_i8_weights_make(rung_cpu_set features, size_t group, const rung_tensor *w, rung_conv_i8_weights *out) {
  if (w->rank < 3 || rung_tensor_count(w) == 0) return false;
  *out = (rung_conv_i8_weights){.kernel = rung_gemm_i8_for(features),
                                .group = group,
                                .out_channels = (size_t)w->dims[0] / group,
                                .channels = (size_t)w->dims[1],
                                .taps = (size_t)rung_tensor_span(w, 2, w->rank),
                                .row = (size_t)w->dims[w->rank - 1],
                                .is_signed = w->dtype == RUNG_I8};
  size_t count = out->kernel->group, rows = (size_t)w->dims[0];
  out->k = along_rows(out) ? RUNG_DIV_UP(out->row, count) * (out->taps / out->row)
                           : RUNG_DIV_UP(out->channels, count) * out->taps;
  out->row_bytes = out->k * count;
  out->ones_at = rows;
  out->panels_at = rows + out->k;
  return rows < SIZE_MAX / 64 && out->k < SIZE_MAX / 64 && rung_mul_size(rows, out->k, &out->size) &&
         rung_add_size(out->size, out->panels_at, &out->size) && out->size < SIZE_MAX / 8;
}

/* Which number of w's channel or row a byte of an element is, and whether there is one. */
static bool place_of(const rung_conv_i8_weights *w, size_t byte, size_t *at) {
  size_t element = byte / w->kernel->group, g = byte % w->kernel->group;
  if (along_rows(w)) {
    size_t rows = w->taps / w->row, column = element / rows * w->kernel->group + g;
    *at = element % rows * w->row + column;
    return column < w->row;
  }
  size_t channel = element / w->taps * w->kernel->group + g;
  *at = channel * w->taps + element % w->taps;
  return channel < w->channels;
}

void rung_conv_i8_pack(const rung_conv_i8_weights *weights, const uint8_t *w, int32_t *packed, uint8_t *scratch) {
  size_t panels = RUNG_DIV_UP(weights->out_channels, weights->kernel->rows), at;
  uint8_t flip = weights->is_signed ? 0 : 0x80;
  for (size_t g = 0; g < weights->group; g++)
    for (size_t p = 0, first = 0; p < panels; p++) {
      size_t end = rung_panel_end(weights->out_channels, panels, p);
      int32_t *panel = packed + weights->panels_at + (g * weights->out_channels + first) * weights->k;
      for (size_t m = first; m < end; m++) {
        size_t channel = g * weights->out_channels + m;
        const uint8_t *row = w + channel * weights->channels * weights->taps;
        for (size_t i = 0; i < weights->row_bytes; i++) scratch[i] = place_of(weights, i, &at) ? row[at] : flip;
        packed[channel] =
            weights->kernel->pack_row(weights->row_bytes, scratch, flip, end - first, panel + (m - first));
      }
      first = end;
    }
  for (size_t i = 0; i < weights->row_bytes; i++) scratch[i] = place_of(weights, i, &at);
  weights->kernel->pack_row(weights->row_bytes, scratch, 0, 1, packed + weights->ones_at);
}

/* Planning */

bool rung_conv_i8_plan(const rung_kernel_call *call, const rung_conv_shape *shape, const rung_tensor *x,
                       const rung_tensor *w, rung_conv_i8 *plan) {
  rung_cpu_set features = rung_isa(call->host);
  rung_conv_shape parts = *shape;
  *plan = (rung_conv_i8){.math = rung_math_for(features), .quantize = rung_quantize_for(features), .x_type = x->dtype};
  rung_conv_i8_weights *weights = &plan->weights;
  if (!rung_conv_i8_weights_make(features, (size_t)shape->group, w, weights)) return false;
  const rung_gemm_i8 *kernel = weights->kernel;
  plan->batch = (size_t)shape->batch;
  plan->threads = RUNG_MAX(call->host->threads, 1);
  if (weights->channels == 1 && weights->out_channels == 1 && plan->batch &&
      rung_depthwise_i8_plan(kernel, &shape->window, &plan->depthwise))
    return true;
  rung_window_axis *last = &parts.window.axes[shape->window.rank - 1];
  if (along_rows(weights)) {
    plan->tap_step = (size_t)last->dilation;
    last->kernel = last->dilation = 1;
  }
  if (!rung_conv_axes_make(&plan->boxes, &parts, NULL, !plan->tap_step)) return false;
  size_t elements =
      along_rows(weights) ? RUNG_DIV_UP(weights->row, kernel->group) : RUNG_DIV_UP(weights->channels, kernel->group);
  plan->boxes.in_channels = elements;
  plan->boxes.k = elements * plan->boxes.taps;
  if (!rung_conv_boxes_make(&plan->boxes, (rung_conv_panels){kernel->rows, kernel->cols}, plan->threads)) return false;
  double line = (double)plan->boxes.pitch * (double)plan->boxes.x.window.stride +
                (double)weights->row_bytes * (double)plan->tap_step;
  if (line > 1e7) return false;
  plan->line = (size_t)line + 64;
  return true;
}

/* Rows of results are finished in whole vectors: what is behind their end is computed, and dropped. */
enum { WHOLE = RUNG_FILTER_BEYOND };

/* Scratch: offsets and what is added to the sums of each output channel; for every thread a band, sums of one panel of
 * channels, sums of b, a row of results and lines of input. */
typedef struct spaces {
  size_t table, added, band, sums, ones, bytes; /* in int32 */
} spaces;

static spaces spaces_of(const rung_conv_i8 *plan) {
  size_t columns = RUNG_ROUND_UP(plan->boxes.columns, WHOLE), group = plan->weights.kernel->group;
  return (spaces){.table = RUNG_ROUND_UP(plan->boxes.k, 16),
                  .added = RUNG_ROUND_UP(plan->weights.ones_at, 16),
                  .band = RUNG_ROUND_UP(rung_conv_band(&plan->boxes), 16) + 2 * RUNG_TILE_MOST_COLS,
                  .sums = plan->weights.kernel->rows * columns,
                  .ones = columns,
                  .bytes = columns + RUNG_ROUND_UP(RUNG_DIV_UP(plan->line * group, sizeof(int32_t)), 16)};
}

static size_t thread_space(const spaces *s) { return s->band + s->sums + s->ones + s->bytes; }

/* Depthwise: what is added, and for every thread a strip of sums and its results as bytes. */
static size_t strip_space(const rung_conv_i8 *plan) {
  const rung_depthwise_i8 *d = &plan->depthwise;
  return rung_depthwise_i8_scratch(d) + RUNG_ROUND_UP(d->strip * (size_t)d->x.out, WHOLE) / sizeof(int32_t);
}

bool rung_conv_i8_scratch(const rung_conv_i8 *plan, size_t *out_bytes) {
  spaces s = plan->depthwise.kernel ? (spaces){.added = RUNG_ROUND_UP(plan->weights.ones_at, 16)} : spaces_of(plan);
  size_t own = plan->depthwise.kernel ? strip_space(plan) : thread_space(&s);
  return rung_mul_size(own, plan->threads, out_bytes) && rung_add_size(*out_bytes, s.table + s.added, out_bytes) &&
         rung_mul_size(*out_bytes, sizeof(int32_t), out_bytes);
}

/* Running */

typedef struct job {
  const rung_conv_i8 *plan;
  const rung_conv_i8_run *run;
  const int32_t *offsets, *added;
  bool needs_ones; /* some w_zero' is not 0 */
  int32_t *space;
  int32_t *band, *sums, *ones; /* of the thread */
  uint8_t *bytes, *lines;
} job;

/* Zero points as the kernel sees them. */
static int32_t moved_x_zero(const job *j) { return j->run->x_zero + (j->plan->x_type == RUNG_I8 ? 128 : 0); }
static int32_t moved_w_zero(const job *j, size_t channel) {
  return (j->run->w_zeros ? j->run->w_zeros[channel] : 0) - (j->plan->weights.is_signed ? 0 : 128);
}

typedef struct plane {
  const job *j;
  const uint8_t *x;     /* the first of the element's channels */
  size_t volume, count; /* bytes of a channel; channels of the element that there are */
  size_t tap;           /* the element's first tap of a row */
  int32_t *to;
} plane;

/* A line of one channel with its padding, from column `first` on. */
static void copy_line(const job *j, const uint8_t *x, size_t line, int64_t first, size_t n, uint8_t *to) {
  int64_t in = j->plan->boxes.x.window.in, count = (int64_t)n;
  int64_t from = RUNG_CLAMP(-first, 0, count), end = RUNG_CLAMP(in - first, from, count);
  memset(to, j->run->x_zero, (size_t)from);
  if (end > from) memcpy(to + from, x + line * (size_t)in + (size_t)(first + from), (size_t)(end - from));
  memset(to + end, j->run->x_zero, (size_t)(count - end));
}

static void fill_row(void *context, size_t line, int64_t first, size_t n, size_t at) {
  const plane *p = context;
  const rung_conv_i8 *plan = p->j->plan;
  const rung_gemm_i8 *kernel = plan->weights.kernel;
  const uint8_t *from[RUNG_I8_GROUP];
  uint8_t flip = plan->x_type == RUNG_I8 ? 0x80 : 0;
  size_t stride = (size_t)plan->boxes.x.window.stride, reach = (n - 1) * stride + 1;
  int32_t *to = p->to + at;
  if (line == SIZE_MAX) {
    uint8_t zero = (uint8_t)p->j->run->x_zero;
    for (size_t g = 0; g < kernel->group; g++) from[g] = &zero;
    kernel->interleave(1, from, 1, flip, to);
    for (size_t i = 1; i < n; i++) to[i] = to[0];
    return;
  }
  if (plan->tap_step) {
    size_t taps = (kernel->group - 1) * plan->tap_step;
    copy_line(p->j, p->x, line, first + (int64_t)(p->tap * plan->tap_step), reach + taps, p->j->lines);
    for (size_t g = 0; g < kernel->group; g++) from[g] = p->j->lines + g * plan->tap_step;
  } else {
    bool inside = first >= 0 && first + (int64_t)reach <= plan->boxes.x.window.in;
    for (size_t g = 0; g < kernel->group; g++) {
      const uint8_t *x = p->x + RUNG_MIN(g, p->count - 1) * p->volume; /* what is filled up meets weights of 0 */
      from[g] = inside ? x + line * (size_t)plan->boxes.x.window.in + (size_t)first : p->j->lines + g * plan->line;
      if (!inside) copy_line(p->j, x, line, first, reach, p->j->lines + g * plan->line);
    }
  }
  kernel->interleave(n, from, stride, flip, to);
}

static void fill_band(const job *j, const rung_conv_box *box) {
  const rung_conv_boxes *b = &j->plan->boxes;
  const rung_conv_i8_weights *w = &j->plan->weights;
  size_t volume = (size_t)(b->z.window.in * b->y.window.in * b->x.window.in), group = w->kernel->group;
  const uint8_t *x = j->run->x + (box->image * b->group + box->group) * w->channels * volume;
  for (size_t e = 0; e < b->in_channels; e++) {
    plane p = {.j = j, .x = x, .volume = volume, .count = 1, .tap = e * group, .to = j->band + e * b->plane};
    if (!j->plan->tap_step) {
      p.x = x + e * group * volume;
      p.count = RUNG_MIN(group, w->channels - e * group);
    }
    rung_conv_each_row(b, box, fill_row, &p);
  }
}

/* Takes the sums of one channel to Y. */
static void store_rows(const job *j, const rung_conv_box *box, size_t at, size_t channel, size_t columns,
                       int32_t *sums) {
  const rung_conv_boxes *b = &j->plan->boxes;
  const rung_requantize *r = &j->run->requantize;
  int32_t w_zero = moved_w_zero(j, channel);
  if (w_zero)
    for (size_t i = 0; i < columns; i++)
      sums[i] = (int32_t)((uint32_t)sums[i] - (uint32_t)w_zero * (uint32_t)j->ones[i]);
  rung_requantize_run(r, j->plan->math, j->plan->quantize, RUNG_ROUND_UP(columns, WHOLE), sums, channel, false,
                      j->bytes);
  size_t size = rung_dtype_size(r->dtype);
  const char *from = size == 1 ? (const char *)j->bytes : (const char *)sums;
  for (size_t y = 0; y < box->rows; y++)
    memcpy((char *)j->run->y + (at + y * b->x.place.size) * size, from + y * b->pitch * size, box->columns * size);
}

static void run_box(void *context, const rung_conv_box *box) {
  const job *j = context;
  const rung_conv_boxes *b = &j->plan->boxes;
  const rung_conv_i8_weights *w = &j->plan->weights;
  size_t panels = RUNG_DIV_UP(b->out_channels, w->kernel->rows), volume = rung_conv_volume(b);
  rung_tile_i32 tile = {.k = b->k,
                        .cols = (box->rows - 1) * b->pitch + box->columns,
                        .b = j->band,
                        .offsets = j->offsets,
                        .b_step = w->kernel->cols,
                        .c_step = RUNG_ROUND_UP(b->columns, WHOLE),
                        .flags = RUNG_TILE_ROW_BIAS};
  fill_band(j, box);
  if (j->needs_ones) {
    rung_tile_i32 ones = tile;
    ones.a = j->run->w + w->ones_at;
    ones.c = j->ones;
    ones.flags = 0;
    w->kernel->tile[1](&ones);
  }
  tile.c = j->sums;
  for (size_t p = box->first_panel, m = p ? rung_panel_end(b->out_channels, panels, p - 1) : 0; p < box->last_panel;
       p++) {
    size_t end = rung_panel_end(b->out_channels, panels, p), channel = box->group * b->out_channels + m;
    tile.a = j->run->w + w->panels_at + channel * b->k;
    tile.row_bias = j->added + channel;
    w->kernel->tile[end - m](&tile);
    size_t at = rung_conv_output(b, box, m);
    for (size_t r = 0; r < end - m; r++)
      store_rows(j, box, at + r * volume, channel + r, tile.cols, j->sums + r * tile.c_step);
    m = end;
  }
}

static void run_tasks(void *context, size_t begin, size_t end) {
  job own = *(const job *)context;
  spaces s = spaces_of(own.plan);
  own.band = own.space + rung_pool_slot() * thread_space(&s);
  own.sums = own.band + s.band;
  own.ones = own.sums + s.sums;
  own.bytes = (uint8_t *)(own.ones + s.ones);
  own.lines = own.bytes + RUNG_ROUND_UP(own.plan->boxes.columns, WHOLE) * sizeof(int32_t);
  for (size_t i = begin; i < end; i++) rung_conv_each_box(&own.plan->boxes, i, run_box, &own);
}

/* Per output channel: bias - x_zero' sum a + count x_zero' w_zero'. Wraps, as sums do. */
static void fill_added(job *j, int32_t *added) {
  const rung_conv_i8_weights *w = &j->plan->weights;
  uint32_t x_zero = (uint32_t)moved_x_zero(j), count = (uint32_t)(w->channels * w->taps);
  for (size_t m = 0; m < w->ones_at; m++) {
    uint32_t w_zero = (uint32_t)moved_w_zero(j, m), bias = j->run->bias ? (uint32_t)j->run->bias[m] : 0;
    added[m] = (int32_t)(bias - x_zero * (uint32_t)j->run->w[m] + count * x_zero * w_zero);
    j->needs_ones |= w_zero != 0;
  }
}

/* Strips of one channel after the other. */
static void run_strips(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_conv_i8 *plan = j->plan;
  const rung_depthwise_i8 *d = &plan->depthwise;
  const rung_conv_i8_weights *w = &plan->weights;
  const rung_requantize *r = &j->run->requantize;
  size_t in = (size_t)(d->y.in * d->x.in), out = (size_t)(d->y.out * d->x.out), size = rung_dtype_size(r->dtype), n;
  int32_t *space = j->space + rung_pool_slot() * strip_space(plan);
  uint8_t *bytes = (uint8_t *)(space + rung_depthwise_i8_scratch(d));
  for (size_t i = begin; i < end; i++) {
    size_t image_channel = i / d->strips, strip = i % d->strips, m = image_channel % w->group;
    rung_depthwise_channel channel = {.x = j->run->x + image_channel * in,
                                      .pad = (uint8_t)j->run->x_zero,
                                      .flip = plan->x_type == RUNG_I8 ? 0x80 : 0,
                                      .weights = j->run->w + w->panels_at + m * w->k,
                                      .ones = j->run->w + w->ones_at,
                                      .start = j->added[m],
                                      .w_zero = moved_w_zero(j, m)};
    int32_t *sums = rung_depthwise_i8_run(d, &channel, strip, space, &n);
    rung_requantize_run(r, plan->math, plan->quantize, RUNG_ROUND_UP(n, WHOLE), sums, m, false, bytes);
    memcpy((char *)j->run->y + (image_channel * out + strip * d->strip * (size_t)d->x.out) * size,
           size == 1 ? (const void *)bytes : sums, n * size);
  }
}

static void run_depthwise(const rung_kernel_call *call, const rung_conv_i8 *plan, const rung_conv_i8_run *run,
                          int32_t *scratch) {
  const rung_depthwise_i8 *d = &plan->depthwise;
  job j = {.plan = plan, .run = run, .added = scratch};
  j.space = scratch + RUNG_ROUND_UP(plan->weights.ones_at, 16);
  fill_added(&j, scratch);
  size_t count = plan->batch * plan->weights.group * d->strips;
  size_t work = d->strip * (size_t)d->x.out * plan->weights.k;
  rung_kernel_parallel(call, count, RUNG_CLAMP(200000 / (work + 500), 1, count), run_strips, &j);
}

void rung_conv_i8_run_all(const rung_kernel_call *call, const rung_conv_i8 *plan, const rung_conv_i8_run *run,
                          void *scratch) {
  if (plan->depthwise.kernel) {
    run_depthwise(call, plan, run, scratch);
    return;
  }
  spaces s = spaces_of(plan);
  int32_t *offsets = scratch, *added = offsets + s.table;
  job j = {.plan = plan, .run = run, .offsets = offsets, .added = added, .space = added + s.added};
  rung_conv_offsets(&plan->boxes, offsets);
  fill_added(&j, added);
  rung_kernel_parallel(call, rung_conv_tasks(&plan->boxes), 1, run_tasks, &j);
}
