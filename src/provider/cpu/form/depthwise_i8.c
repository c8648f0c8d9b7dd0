#include "provider/cpu/form/depthwise_i8.h"

#include "base/macros.h"

#include <string.h>

enum { STRIP = 4096, MOST = 4000000 }; /* outputs of a strip, about; bytes of a copy, at most */

static size_t rows_read(const rung_depthwise_i8 *plan, size_t rows) {
  return (rows - 1) * (size_t)plan->y.stride + (size_t)((plan->y.kernel - 1) * plan->y.dilation) + 1;
}

bool rung_depthwise_i8_plan(const rung_gemm_i8 *kernel, const rung_window *window, rung_depthwise_i8 *out) {
  static const rung_window_axis one = {.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
  *out = (rung_depthwise_i8){0};
  if (window->rank > 2) return false;
  rung_depthwise_i8 plan = {.y = window->rank > 1 ? window->axes[0] : one, .x = window->axes[window->rank - 1]};
  const rung_window_axis *y = &plan.y, *x = &plan.x;
  double width = (double)x->out * (double)x->stride + (double)x->kernel + RUNG_I8_GROUP;
  double height = (double)STRIP * (double)y->stride + (double)y->kernel * (double)y->dilation;
  if (y->out <= 0 || x->out <= 0 || x->dilation != 1 || x->stride > RUNG_FILTER_MOST_STEP || width > MOST ||
      height > MOST)
    return false;
  plan.units = RUNG_DIV_UP((size_t)x->kernel, kernel->group);
  plan.strip = (size_t)RUNG_CLAMP(STRIP / x->out, 1, y->out);
  plan.strips = RUNG_DIV_UP((size_t)y->out, plan.strip);
  plan.pitch = (size_t)(x->out - 1) * (size_t)x->stride + plan.units * kernel->group;
  double copied = (double)rows_read(&plan, plan.strip) * (double)plan.pitch;
  if (copied > MOST) return false;
  plan.copied = (size_t)copied + RUNG_FILTER_BEYOND;
  plan.kernel = kernel;
  *out = plan;
  return true;
}

static size_t sums_of(const rung_depthwise_i8 *plan) {
  return RUNG_ROUND_UP(plan->strip * (size_t)plan->x.out + RUNG_FILTER_BEYOND, 16);
}

size_t rung_depthwise_i8_scratch(const rung_depthwise_i8 *plan) {
  return sums_of(plan) + RUNG_ROUND_UP(RUNG_DIV_UP(plan->copied, sizeof(int32_t)), 16);
}

/* Rows of input from `first` on, with what stands for those that are not there. */
static void copy_rows(const rung_depthwise_i8 *plan, const rung_depthwise_channel *channel, int64_t first, size_t rows,
                      uint8_t *to) {
  const rung_window_axis *x = &plan->x;
  int64_t pitch = (int64_t)plan->pitch, begin = RUNG_CLAMP(x->begin, 0, pitch),
          end = RUNG_CLAMP(x->begin + x->in, begin, pitch);
  size_t size = rows * plan->pitch;
  memset(to, channel->pad, size + RUNG_FILTER_BEYOND);
  for (int64_t r = RUNG_MAX(-first, 0); r < (int64_t)rows && first + r < plan->y.in; r++)
    memcpy(to + r * pitch + begin, channel->x + (first + r) * x->in + begin - x->begin, (size_t)(end - begin));
  for (size_t i = 0; i < size && channel->flip; i++) to[i] ^= channel->flip;
}

int32_t *rung_depthwise_i8_run(const rung_depthwise_i8 *plan, const rung_depthwise_channel *channel, size_t strip,
                               int32_t *scratch, size_t *out_count) {
  size_t from = strip * plan->strip, rows = RUNG_MIN(plan->strip, (size_t)plan->y.out - from);
  uint8_t *copy = (uint8_t *)(scratch + sums_of(plan));
  copy_rows(plan, channel, (int64_t)from * plan->y.stride - plan->y.begin, rows_read(plan, rows), copy);
  *out_count = rows * (size_t)plan->x.out;
  plan->kernel->filter(&(rung_filter_i8){.from = copy,
                                         .row = (size_t)plan->y.stride * plan->pitch,
                                         .tap_row = (size_t)plan->y.dilation * plan->pitch,
                                         .step = (size_t)plan->x.stride,
                                         .rows = rows,
                                         .columns = (size_t)plan->x.out,
                                         .taps_y = (size_t)plan->y.kernel,
                                         .units = plan->units,
                                         .weights = channel->weights,
                                         .ones = channel->ones,
                                         .start = channel->start,
                                         .w_zero = channel->w_zero,
                                         .to = scratch});
  return scratch;
}
