/* The walk of windows over one channel, tap by tap: all outputs under the first element of the window, then all under
 * the second, and so on. What lies outside of the input is left out, and costs nothing. */
#ifndef RUNG_CPU_FORM_TAPS_H
#define RUNG_CPU_FORM_TAPS_H

#include "op/window.h"

/* Outputs [out, out + n), neighbours along the last dimension, see inputs in, in + step, ... under tap number `tap`. */
typedef void (*rung_taps_fn)(void *context, size_t tap, size_t n, size_t in, size_t step, size_t out);

void rung_taps_rows(const rung_window *window, rung_taps_fn fn, void *context);

/* Taps [*from, *to) of an axis that read inside of the input, for output o. */
static inline void rung_taps_inside(const rung_window_axis *a, int64_t o, int64_t *from, int64_t *to) {
  int64_t first = a->begin - o * a->stride; /* tap k reads element k * dilation - first */
  *from = first <= 0 ? 0 : RUNG_DIV_UP(first, a->dilation);
  *to = first + a->in <= 0 ? 0 : RUNG_MIN(a->kernel, (first + a->in - 1) / a->dilation + 1);
  if (*from > *to) *from = *to;
}

#endif
