/* Maximum and sum pools of planes of float32: windows of one or two dimensions, row by row. */
#ifndef RUNG_CPU_FORM_POOL_PLANE_H
#define RUNG_CPU_FORM_POOL_PLANE_H

#include "op/window.h"
#include "provider/cpu/kernel/pool_f32.h"
#include "provider/opwise/kernel.h"

typedef struct rung_pool_plane {
  rung_window_axis y, x;
  const rung_pool_f32 *kernel;
  float start;      /* what padding counts as: -infinity, or 0 */
  size_t line_size; /* floats of scratch */
} rung_pool_plane;

/* False when the window is none for this form. */
bool rung_pool_plane_make(const rung_window *window, bool is_max, rung_cpu_set features, rung_pool_plane *out);
/* x: (y.in, x.in) to sums: (y.out, x.out). Of a run that is cancelled the rest is left undone. */
void rung_pool_plane_run(const rung_kernel_call *call, const rung_pool_plane *plane, const float *x, float *sums,
                         float *line);

#endif
