#include "provider/cpu/form/pool_plane.h"

#include "provider/cpu/form/taps.h"

#include <math.h>

enum {
  LONGEST_LINE = 1 << 20,
  LONG_ROW = 1 << 12, /* from here on it looks at every row whether the run was cancelled, else at every 16th */
};

bool rung_pool_plane_make(const rung_window *window, bool is_max, rung_cpu_set features, rung_pool_plane *out) {
  const rung_pool_f32_table *table = rung_pool_f32_for(features);
  const rung_window_axis *x = &window->axes[window->rank - 1];
  if (window->rank > 2 || x->dilation > LONGEST_LINE || x->kernel > LONGEST_LINE / x->dilation) return false;
  int64_t reach = (x->out - 1) * x->stride + (x->kernel - 1) * x->dilation + 1, whole = x->begin + x->in;
  *out = (rung_pool_plane){.y = {.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1},
                           .x = *x,
                           .kernel = is_max ? &table->max : &table->sum,
                           .start = is_max ? -INFINITY : 0,
                           .line_size = (size_t)RUNG_MAX(reach, whole)};
  if (window->rank == 2) out->y = window->axes[0];
  return x->in > 0 && x->out > 0 && out->y.in > 0 && out->y.out > 0 && out->line_size <= LONGEST_LINE;
}

void rung_pool_plane_run(const rung_kernel_call *call, const rung_pool_plane *plane, const float *x, float *sums,
                         float *line) {
  const rung_window_axis *y = &plane->y, *columns = &plane->x;
  size_t in = (size_t)columns->in, out = (size_t)columns->out;
  float *inside = line + columns->begin;
  for (size_t i = 0; i < plane->line_size; i++) line[i] = plane->start;
  for (int64_t o = 0; o < y->out; o++) {
    int64_t from, to;
    if ((o % 16 == 15 || in >= LONG_ROW) && rung_kernel_is_cancelled(call)) return;
    rung_taps_inside(y, o, &from, &to);
    if (from < to) {
      const float *first = x + (size_t)(o * y->stride + from * y->dilation - y->begin) * in;
      plane->kernel->rows(in, (size_t)(to - from), (size_t)y->dilation * in, first, inside);
    } else {
      for (size_t i = 0; i < in; i++) inside[i] = plane->start;
    }
    plane->kernel->columns(out, (size_t)columns->kernel, (size_t)columns->stride, (size_t)columns->dilation, line,
                           sums + (size_t)o * out);
  }
}
