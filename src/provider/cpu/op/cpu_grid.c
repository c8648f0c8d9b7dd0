/* Sampling on grids: GridSample, AffineGrid.
 *
 * GridSample finds, for each point of the grid, the input elements and weights once, and then goes through all
 * channels. It computes in float32, in float64 for types that do not fit into it; coordinates are taken in the type of
 * the grid, in float32 at least. Integer results are cut off, as a cast does. */
#include "op/sampling.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/widened.h"

#include <math.h>

/* Coordinates */

typedef struct grid_axis {
  int64_t length;
  size_t stride;    /* elements of a channel */
  double low, high; /* the borders that reflection turns at, and beyond which the border mode clamps */
} grid_axis;

typedef struct grid_job {
  int mode, padding;
  bool align, wide_grid;
  int32_t rank; /* spatial */
  grid_axis axes[RUNG_MAX_RANK];
  rung_dtype grid_type;
  const void *grid;
  const char *from;
  char *to;
  size_t most_taps;               /* of a point */
  size_t channels, points, plane; /* points: of the grid, per batch entry; plane: elements of an input channel */
  size_t size;                    /* bytes of an element, when nearest elements are moved */
} grid_job;

/* From [-1, 1] to element positions, in the grid's precision. */
static double to_position(const grid_job *j, double at, int64_t length) {
  if (j->wide_grid) return j->align ? (at + 1) / 2 * (double)(length - 1) : ((at + 1) * (double)length - 1) / 2;
  float x = (float)at, n = (float)length;
  return j->align ? (x + 1) / 2 * (n - 1) : ((x + 1) * n - 1) / 2;
}

static double reflect(const grid_axis *a, double x) {
  double span = a->high - a->low, over;
  if (x >= a->low && x <= a->high) return x;
  if (span <= 0) return a->low;
  over = fmod(fabs(x - a->low), 2 * span); /* mirrored at `low` and periodic */
  return over <= span ? a->low + over : a->high - (over - span);
}

/* The position with the padding mode applied, in a range that integers hold. NaN counts as far outside. */
static double settle(const grid_job *j, const grid_axis *a, double x) {
  double last = (double)(a->length - 1);
  if (j->mode == RUNG_SAMPLE_NEAREST) x = rint(x);
  /* A cubic kernel reads around a position outside as well, clamping each element that it reads, as PyTorch does. */
  bool clamps = j->padding == RUNG_SAMPLE_BORDER && j->mode != RUNG_SAMPLE_CUBIC;
  if (clamps && (x < a->low || x > a->high)) x = RUNG_CLAMP(x, 0, last);
  if (j->padding == RUNG_SAMPLE_REFLECTION) x = reflect(a, x);
  if (!(x > -4)) return -4;
  return RUNG_MIN(x, last + 4);
}

/* The element at position i, or -1 for none. */
static int64_t element_at(const grid_job *j, const grid_axis *a, int64_t i) {
  if (i >= 0 && i < a->length) return i;
  if (j->padding == RUNG_SAMPLE_ZEROS) return -1;
  int64_t within = j->padding == RUNG_SAMPLE_BORDER ? i : (int64_t)reflect(a, (double)i);
  return RUNG_CLAMP(within, 0, a->length - 1);
}

/* Taps */

typedef struct grid_taps {
  size_t count;
  size_t at[RUNG_SAMPLE_MOST_TAPS];
  double weight[RUNG_SAMPLE_MOST_TAPS];
} grid_taps;

/* Weights of the elements at floor(x) - 1 .. floor(x) + 2, x behind its floor by t; Keys' kernel with a = -0.75. */
static void cubic_weights(double t, double weights[4]) {
  const double a = -0.75;
  double u = 1 - t;
  weights[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
  weights[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
  weights[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
  weights[3] = ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a;
}

/* What one axis reads: positions from `first` on. */
static int axis_weights(int mode, double x, int64_t *first, double weights[4]) {
  int64_t below = (int64_t)floor(x);
  double t = x - (double)below;
  *first = below - (mode == RUNG_SAMPLE_CUBIC);
  if (mode == RUNG_SAMPLE_CUBIC) {
    cubic_weights(t, weights);
    return 4;
  }
  weights[0] = mode == RUNG_SAMPLE_NEAREST ? 1 : 1 - t;
  weights[1] = t;
  return mode == RUNG_SAMPLE_NEAREST ? 1 : 2;
}

/* Multiplies the taps found so far with those of one more axis. What has no weight, as all outside, is dropped. */
static void add_axis(const grid_job *j, const grid_axis *a, double x, grid_taps *taps) {
  double weights[4];
  int64_t first;
  int n = axis_weights(j->mode, settle(j, a, x), &first, weights);
  size_t before = taps->count, kept = 0;
  for (int k = n - 1; k >= 0; k--) { /* the last one overwrites what the others read */
    int64_t element = element_at(j, a, first + k);
    size_t base = (size_t)k * before;
    for (size_t i = 0; i < before; i++) {
      taps->at[base + i] = taps->at[i] + (element < 0 ? 0 : (size_t)element * a->stride);
      taps->weight[base + i] = element < 0 ? 0 : taps->weight[i] * weights[k];
    }
  }
  for (size_t i = 0; i < before * (size_t)n; i++) {
    if (taps->weight[i] == 0) continue;
    taps->at[kept] = taps->at[i];
    taps->weight[kept++] = taps->weight[i];
  }
  taps->count = kept;
}

/* The common case, without loops over axes: between two rows and two columns. */
static void find_bilinear(const grid_job *j, double y, double x, grid_taps *taps) {
  const grid_axis *rows = &j->axes[0], *columns = &j->axes[1];
  y = settle(j, rows, y);
  x = settle(j, columns, x);
  int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
  double behind[2] = {y - (double)top, x - (double)left};
  taps->count = 0;
  for (int k = 0; k < 4; k++) {
    int64_t row = element_at(j, rows, top + k / 2), column = element_at(j, columns, left + k % 2);
    double weight = (k / 2 ? behind[0] : 1 - behind[0]) * (k % 2 ? behind[1] : 1 - behind[1]);
    if (row < 0 || column < 0 || weight == 0) continue;
    taps->at[taps->count] = (size_t)row * rows->stride + (size_t)column;
    taps->weight[taps->count++] = weight;
  }
}

/* The taps of point `point` of the grid, which names the innermost dimension first. */
static void find_taps(const grid_job *j, size_t point, grid_taps *taps) {
  double at[RUNG_MAX_RANK];
  rung_load_f64(j->grid_type, j->grid, point * (size_t)j->rank, 1, (size_t)j->rank, at);
  for (int32_t i = 0; i < j->rank; i++) at[i] = to_position(j, at[i], j->axes[j->rank - 1 - i].length);
  if (j->rank == 2 && j->mode == RUNG_SAMPLE_LINEAR) {
    find_bilinear(j, at[1], at[0], taps);
    return;
  }
  taps->count = 1;
  taps->at[0] = 0;
  taps->weight[0] = 1;
  for (int32_t i = 0; i < j->rank && taps->count; i++) add_axis(j, &j->axes[i], at[j->rank - 1 - i], taps);
}

/* Some points of one batch entry, their taps one after the other; channel after channel goes through all of them. */
enum { MOST_POINTS = 64 };
typedef struct grid_block {
  size_t count, end[MOST_POINTS]; /* end: of the taps of each point */
  size_t at[RUNG_SAMPLE_MOST_TAPS];
  double weight[RUNG_SAMPLE_MOST_TAPS];
} grid_block;

/* As many points from `point` on as there are, have room, and belong to one batch entry. */
static void fill_block(const grid_job *j, size_t point, size_t end, grid_block *block) {
  grid_taps taps;
  size_t used = 0, last = RUNG_MIN(end, (point / j->points + 1) * j->points);
  block->count = 0;
  while (point < last && block->count < MOST_POINTS && used + j->most_taps <= RUNG_SAMPLE_MOST_TAPS) {
    find_taps(j, point++, &taps);
    memcpy(block->at + used, taps.at, taps.count * sizeof *taps.at);
    memcpy(block->weight + used, taps.weight, taps.count * sizeof *taps.weight);
    used += taps.count;
    block->end[block->count++] = used;
  }
}

#define SAMPLE_LOOP(T)                                                                              \
  static void sample_channel_##T(const grid_block *block, const T *weights, const T *from, T *to) { \
    size_t tap = 0;                                                                                 \
    for (size_t i = 0; i < block->count; i++) {                                                     \
      const size_t *at = block->at + tap;                                                           \
      const T *w = weights + tap;                                                                   \
      size_t n = block->end[i] - tap;                                                               \
      tap = block->end[i];                                                                          \
      if (n == 4) {                                                                                 \
        to[i] = w[0] * from[at[0]] + w[1] * from[at[1]] + w[2] * from[at[2]] + w[3] * from[at[3]];  \
        continue;                                                                                   \
      }                                                                                             \
      T sum = 0;                                                                                    \
      for (size_t k = 0; k < n; k++) sum += w[k] * from[at[k]];                                     \
      to[i] = sum;                                                                                  \
    }                                                                                               \
  }                                                                                                 \
  static void sample_##T(void *context, size_t begin, size_t end) {                                 \
    const grid_job *j = context;                                                                    \
    grid_block block;                                                                               \
    T weights[RUNG_SAMPLE_MOST_TAPS];                                                               \
    for (size_t point = begin; point < end; point += block.count) {                                 \
      size_t batch = point / j->points;                                                             \
      const T *from = (const T *)j->from + batch * j->channels * j->plane;                          \
      T *to = (T *)j->to + batch * j->channels * j->points + point % j->points;                     \
      fill_block(j, point, end, &block);                                                            \
      for (size_t k = 0; k < block.end[block.count - 1]; k++) weights[k] = (T)block.weight[k];      \
      for (size_t c = 0; c < j->channels; c++)                                                      \
        sample_channel_##T(&block, weights, from + c * j->plane, to + c * j->points);               \
    }                                                                                               \
  }
SAMPLE_LOOP(float)
SAMPLE_LOOP(double)

/* Nearest elements of any type; zeros where there is none. */
static void move_nearest(void *context, size_t begin, size_t end) {
  const grid_job *j = context;
  grid_taps taps;
  for (size_t point = begin; point < end; point++) {
    size_t batch = point / j->points;
    const char *from = j->from + batch * j->channels * j->plane * j->size;
    char *to = j->to + (batch * j->channels * j->points + point % j->points) * j->size;
    find_taps(j, point, &taps);
    for (size_t c = 0; c < j->channels; c++, from += j->plane * j->size, to += j->points * j->size) {
      if (taps.count)
        memcpy(to, from + taps.at[0] * j->size, j->size);
      else
        memset(to, 0, j->size);
    }
  }
}

/* GridSample */

/* What interpolation computes in; RUNG_UNDEFINED when elements are moved. */
static rung_dtype computed_type(const rung_kernel_call *call) {
  bool moved = ((const rung_grid_sample_params *)call->params)->mode == RUNG_SAMPLE_NEAREST;
  return moved ? RUNG_UNDEFINED : rung_widened_type(rung_in(call, 0)->dtype);
}

static rung_status *prepare_GridSample(rung_kernel_call *call) {
  const rung_tensor *operands[] = {rung_in(call, 0), rung_out(call, 0)};
  rung_dtype computed = computed_type(call);
  RUNG_REQUIRE(!computed || rung_widened_scratch(computed, operands, RUNG_COUNT(operands), &call->scratch_size), LIMIT,
               "the size overflows");
  return NULL;
}

static void set_axes(grid_job *j, const rung_tensor *x) {
  j->plane = j->most_taps = 1;
  for (int32_t i = j->rank - 1; i >= 0; i--) {
    int64_t length = x->dims[2 + i];
    double half = j->align ? 0 : 0.5;
    j->axes[i] = (grid_axis){length, j->plane, -half, (double)(length - 1) + half};
    j->plane *= (size_t)length;
    j->most_taps *= j->mode == RUNG_SAMPLE_CUBIC ? 4 : j->mode == RUNG_SAMPLE_LINEAR ? 2 : 1;
  }
}

static rung_status *grid_sample(rung_kernel_call *call) {
  const rung_grid_sample_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *grid = rung_in(call, 1), *y = rung_out(call, 0);
  rung_dtype computed = computed_type(call);
  grid_job job = {.mode = p->mode,
                  .padding = p->padding,
                  .align = p->align_corners != 0,
                  .wide_grid = grid->dtype == RUNG_F64,
                  .rank = x->rank - 2,
                  .grid_type = grid->dtype,
                  .grid = grid->data,
                  .from = x->data,
                  .to = y->data,
                  .channels = (size_t)x->dims[1],
                  .points = (size_t)rung_tensor_span(grid, 1, grid->rank - 1),
                  .size = rung_dtype_size(x->dtype)};
  if (y->size == 0) return NULL;
  set_axes(&job, x);
  RUNG_RUN_REQUIRE(job.plane > 0, "X has no element to sample");
  char *scratch = call->scratch;
  if (computed) {
    job.from = rung_widened_in(computed, x, &scratch);
    job.to = rung_widened_out(computed, y, &scratch);
  }
  void (*sample)(void *, size_t, size_t) = !computed              ? move_nearest
                                           : computed == RUNG_F64 ? sample_double
                                                                  : sample_float;
  rung_kernel_parallel(call, (size_t)x->dims[0] * job.points, rung_kernel_grain(50 + 10 * RUNG_MIN(job.channels, 2000)),
                       sample, &job);
  if (computed) rung_widened_end(computed, y, job.to);
  return NULL;
}

static rung_status *run_GridSample(rung_kernel_call *call) {
  rung_dtype dtype = rung_in(call, 0)->dtype;
  RUNG_REQUIRE(!computed_type(call) || (RUNG_SET_NUMERIC & RUNG_SET(dtype)), UNSUPPORTED, "interpolation of %s",
               rung_dtype_name(dtype));
  return rung_moved(call, grid_sample);
}

static const char *refuse_GridSample(const rung_node *node, rung_reason *out_reason) {
  rung_dtype dtype = node->inputs[0]->type.dtype;
  bool nearest = ((const rung_grid_sample_params *)node->params)->mode == RUNG_SAMPLE_NEAREST;
  if (nearest || !dtype || (RUNG_SET_NUMERIC & RUNG_SET(dtype))) return NULL;
  *out_reason = RUNG_REASON_TYPE;
  return "interpolation of elements that are no numbers";
}

const rung_kernel rung_cpu_GridSample = {.types = {{'G', RUNG_SET_FLOAT}},
                                         .refuse = refuse_GridSample,
                                         .prepare = prepare_GridSample,
                                         .run = run_GridSample};

/* AffineGrid: the rows of theta times (x, y[, z], 1) */

typedef struct affine_job {
  const rung_tensor *theta, *grid;
  bool align;
} affine_job;

/* Position i of n, from -1 to 1: between the centres of the outermost elements, or between their outer edges. */
static double base_position(const affine_job *j, size_t i, int64_t n) {
  if (j->align) return n > 1 ? 2 * (double)i / (double)(n - 1) - 1 : 0;
  return (2 * (double)i + 1) / (double)n - 1;
}

static void affine_points(void *context, size_t begin, size_t end) {
  const affine_job *j = context;
  int32_t rank = j->grid->rank - 2;
  size_t points = (size_t)rung_tensor_span(j->grid, 1, rank + 1), columns = (size_t)rank + 1;
  for (size_t point = begin; point < end; point++) {
    double base[4], matrix[12], out[3];
    size_t rest = point % points, matrices = (size_t)rank * columns;
    for (int32_t i = 0; i < rank; i++) { /* the innermost dimension comes first */
      int64_t n = j->grid->dims[rank - i];
      base[i] = base_position(j, rest % (size_t)n, n);
      rest /= (size_t)n;
    }
    base[rank] = 1;
    rung_load_f64(j->theta->dtype, j->theta->data, point / points * matrices, 1, matrices, matrix);
    for (int32_t r = 0; r < rank; r++) {
      out[r] = 0;
      for (size_t c = 0; c < columns; c++) out[r] += matrix[(size_t)r * columns + c] * base[c];
    }
    rung_store_f64(j->grid->dtype, j->grid->data, point * (size_t)rank, 1, (size_t)rank, out);
  }
}

static rung_status *run_AffineGrid(rung_kernel_call *call) {
  const rung_affine_grid_params *p = call->params;
  affine_job job = {rung_in(call, 0), rung_out(call, 0), p->align_corners != 0};
  RUNG_RUN_REQUIRE(job.theta->dims[0] == job.grid->dims[0] && job.theta->dims[1] == job.grid->rank - 2 &&
                       job.theta->dims[2] == job.grid->rank - 1,
                   "theta does not fit the size");
  if (job.grid->size == 0) return NULL;
  rung_kernel_parallel(call, (size_t)rung_tensor_span(job.grid, 0, job.grid->rank - 1), rung_kernel_grain(40),
                       affine_points, &job);
  return NULL;
}

const rung_kernel rung_cpu_AffineGrid = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_AffineGrid};
