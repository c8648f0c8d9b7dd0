#include "provider/cpu/form/resize_plan.h"

#include <math.h>

/* Coordinates */

static double aligned(const rung_resize_extent *e, double x) {
  double length = e->from_size ? (double)e->out : e->scale * (double)e->in;
  return length == 1 ? 0 : x * (double)(e->in - 1) / (length - 1);
}

/* In float32, as everybody else: what lies exactly on the last position must not come to lie behind it. */
static double cropped(const rung_resize_extent *e, const double roi[2], double x) {
  float begin = (float)roi[0], end = (float)roi[1], last = (float)(e->in - 1);
  if (e->out <= 1) return 0.5f * (begin + end) * last;
  return begin * last + (float)x * (end - begin) * last / (float)(e->out - 1);
}

/* The input coordinate of output position x. */
static double coordinate(const rung_resize_params *p, const rung_resize_extent *e, const double roi[2], double x) {
  double in = (double)e->in, out = (double)e->out;
  double half = e->from_size ? (x + 0.5) * in / out - 0.5 : (x + 0.5) / e->scale - 0.5;
  switch (p->coordinates) {
    case RUNG_COORDINATES_HALF_PIXEL_SYMMETRIC:
      return half + in / 2 * (1 - out / (e->scale * in));
    case RUNG_COORDINATES_PYTORCH:
      return e->out > 1 ? half : 0;
    case RUNG_COORDINATES_ALIGN_CORNERS:
      return aligned(e, x);
    case RUNG_COORDINATES_ASYMMETRIC:
      return e->from_size ? x * in / out : x / e->scale;
    case RUNG_COORDINATES_TF_NEAREST:
      return half + 0.5;
    case RUNG_COORDINATES_TF_CROP:
      return cropped(e, roi, x);
    default:
      return half;
  }
}

static double nearest(const rung_resize_params *p, const rung_resize_extent *e, double x) {
  switch (p->nearest) {
    case RUNG_NEAREST_ROUND_DOWN:
      return ceil(x - 0.5);
    case RUNG_NEAREST_ROUND_UP:
      return floor(x + 0.5);
    case RUNG_NEAREST_CEIL:
      return ceil(x);
    case RUNG_NEAREST_OLD:
      return e->scale < 1 ? ceil(x) : floor(x);
    default:
      return floor(x);
  }
}

/* Weights */

/* How far to either side the kernel reaches, in input positions. */
static double reach(const rung_resize_params *p, const rung_resize_extent *e) {
  double support = p->mode == RUNG_RESIZE_CUBIC ? 2 : 1;
  return p->antialias && e->scale < 1 ? support / e->scale : support;
}

/* Positions from floor(x) + first_offset on may have a weight. */
static int64_t first_offset(const rung_resize_params *p, const rung_resize_extent *e) {
  return (int64_t)floor(-reach(p, e)) + 1;
}

static size_t width(const rung_resize_params *p, const rung_resize_extent *e) {
  return (size_t)(2 - 2 * first_offset(p, e));
}

size_t rung_resize_taps(const rung_resize_params *params, const rung_resize_extent *extent) {
  if (params->mode == RUNG_RESIZE_NEAREST || extent->out == 0) return 1;
  return RUNG_MIN(width(params, extent), (size_t)extent->in);
}

static double kernel(const rung_resize_params *p, double x) {
  double a = p->cubic_coeff_a;
  x = fabs(x);
  if (p->mode == RUNG_RESIZE_LINEAR) return x < 1 ? 1 - x : 0;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* The weights of output position `at`, whose input coordinate is x. */
static void fill_weights(const rung_resize_params *p, const rung_resize_extent *e, double x, size_t at,
                         rung_resize_table *table) {
  double stretch = p->antialias && e->scale < 1 ? e->scale : 1, below = floor(x), total = 0;
  int64_t base = (int64_t)below + first_offset(p, e);
  int64_t count = (int64_t)width(p, e), last = e->in - (int64_t)table->taps;
  double *weights = table->weights + at * table->taps;
  int64_t first = table->first[at] = RUNG_CLAMP(base, 0, last);
  for (size_t t = 0; t < table->taps; t++) weights[t] = 0;
  for (int64_t i = base; i < base + count; i++) {
    bool outside = i < 0 || i >= e->in;
    if (outside && p->exclude_outside) continue;
    double weight = kernel(p, ((double)i - x) * stretch);
    weights[RUNG_CLAMP(i, 0, e->in - 1) - first] += weight;
    total += weight;
  }
  if ((!p->antialias && !p->exclude_outside) || total == 0) return;
  for (size_t t = 0; t < table->taps; t++) weights[t] /= total;
}

void rung_resize_fill(const rung_resize_params *params, const rung_resize_extent *extent, const double roi[2],
                      rung_resize_table *table) {
  double last = (double)(extent->in - 1);
  for (int64_t i = 0; i < extent->out; i++) {
    double x = coordinate(params, extent, roi, (double)i);
    bool inside = x >= 0 && x <= last; /* false for NaN */
    if (params->coordinates == RUNG_COORDINATES_TF_CROP && !inside) {
      table->first[i] = -1;
      continue;
    }
    x = fmin(fmax(x, -last - 4), 2 * last + 4); /* far outside is as good as this; a finite number fits an integer */
    if (params->mode == RUNG_RESIZE_NEAREST) {
      table->first[i] = (int64_t)RUNG_CLAMP(nearest(params, extent, x), 0, last);
      if (table->weights) table->weights[i] = 1;
    } else {
      fill_weights(params, extent, x, (size_t)i, table);
    }
  }
}
