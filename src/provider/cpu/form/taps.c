#include "provider/cpu/form/taps.h"

/* Taps of an axis under which some output reads inside of the input. */
static void useful_taps(const rung_window_axis *a, int64_t *from, int64_t *to) {
  int64_t last = (a->out - 1) * a->stride; /* tap k reads [k * dilation - begin, ... + last] */
  *from = a->begin <= last ? 0 : RUNG_DIV_UP(a->begin - last, a->dilation);
  *to = RUNG_MIN(a->kernel, (a->in + a->begin - 1) / a->dilation + 1);
}

/* Outputs [from, to) of an axis that read inside of the input under tap k. */
static void valid_outputs(const rung_window_axis *a, int64_t k, int64_t *from, int64_t *to) {
  int64_t shift = k * a->dilation - a->begin; /* in = out * stride + shift */
  *from = shift >= 0 ? 0 : RUNG_DIV_UP(-shift, a->stride);
  *to = shift >= a->in ? 0 : RUNG_MIN(a->out, (a->in - 1 - shift) / a->stride + 1);
}

typedef struct walk {
  const rung_window *window;
  int64_t tap[RUNG_MAX_RANK], first[RUNG_MAX_RANK], end[RUNG_MAX_RANK];
} walk;

static void one_tap(const walk *w, rung_taps_fn fn, void *context) {
  const rung_window *window = w->window;
  int64_t from[RUNG_MAX_RANK], to[RUNG_MAX_RANK], at[RUNG_MAX_RANK];
  int32_t last = window->rank - 1;
  size_t tap = 0;
  for (int32_t i = 0; i <= last; i++) {
    valid_outputs(&window->axes[i], w->tap[i], &from[i], &to[i]);
    if (from[i] >= to[i]) return;
    at[i] = from[i];
    tap = tap * (size_t)window->axes[i].kernel + (size_t)w->tap[i];
  }
  for (;;) {
    int64_t in = 0, out = 0;
    for (int32_t i = 0; i <= last; i++) {
      const rung_window_axis *a = &window->axes[i];
      in = in * a->in + at[i] * a->stride + w->tap[i] * a->dilation - a->begin;
      out = out * a->out + at[i];
    }
    fn(context, tap, (size_t)(to[last] - from[last]), (size_t)in, (size_t)window->axes[last].stride, (size_t)out);
    int32_t i = last - 1;
    while (i >= 0 && ++at[i] == to[i]) at[i] = from[i], i--;
    if (i < 0) return;
  }
}

void rung_taps_rows(const rung_window *window, rung_taps_fn fn, void *context) {
  walk w = {.window = window};
  for (int32_t i = 0; i < window->rank; i++) {
    if (window->axes[i].in == 0 || window->axes[i].out == 0) return;
    useful_taps(&window->axes[i], &w.first[i], &w.end[i]);
    if (w.first[i] >= w.end[i]) return;
    w.tap[i] = w.first[i];
  }
  for (;;) {
    one_tap(&w, fn, context);
    int32_t i = window->rank - 1;
    while (i >= 0 && ++w.tap[i] == w.end[i]) w.tap[i] = w.first[i], i--;
    if (i < 0) return;
  }
}
