/* Regions of interest: RoiAlign, MaxRoiPool. Computed in float32, in float64 for float64. */
#include "op/sampling.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/widened.h"

#include <math.h>

/* RoiAlign: each bin of a region is the mean, or the largest, of samples spread over it evenly. Coordinates are rounded
 * after each operation as the element type would, since the number of samples jumps with them. */

/* Along one axis: sample k of bin p lies at start + p * bin + (k + 0.5) * bin / count. */
typedef struct roi_axis {
  int64_t length; /* of the input */
  double start, bin;
  int64_t count;
} roi_axis;

typedef struct roi_job {
  const rung_roi_align_params *params;
  const rung_tensor *rois;
  const int64_t *batches;
  const char *from;
  char *to;
  size_t channels, height, width;
  bool wide;
} roi_job;

static double rounded(bool wide, double x) { return wide ? x : (double)(float)x; }

/* Sizes beyond this are as good as it, and as NaN: no sample of theirs that matters is inside. */
#define MOST_SAMPLES (INT64_C(1) << 40)

static roi_axis make_axis(const roi_job *j, double begin, double end, int64_t pooled, int64_t length) {
  const rung_roi_align_params *p = j->params;
  bool half = p->coordinates == RUNG_ROI_HALF_PIXEL;
  double offset = half ? 0.5 : 0;
  double start = rounded(j->wide, rounded(j->wide, begin * (double)p->spatial_scale) - offset);
  double stop = rounded(j->wide, rounded(j->wide, end * (double)p->spatial_scale) - offset);
  double size = rounded(j->wide, stop - start);
  if (!half) size = size > 1 ? size : 1; /* malformed regions become one element */
  roi_axis axis = {length, start, rounded(j->wide, size / (double)pooled), p->sampling_ratio};
  double count = ceil(axis.bin);
  if (p->sampling_ratio == 0)
    axis.count = !(count > 0) ? 0 : count < (double)MOST_SAMPLES ? (int64_t)count : MOST_SAMPLES;
  return axis;
}

static double sample_position(const roi_job *j, const roi_axis *a, int64_t bin, int64_t k) {
  double base = rounded(j->wide, a->start + rounded(j->wide, (double)bin * a->bin));
  double within = rounded(j->wide, rounded(j->wide, ((double)k + 0.5) * a->bin) / (double)a->count);
  return rounded(j->wide, base + within);
}

static bool is_inside(const roi_axis *a, double x) { return x >= -1 && x <= (double)a->length; }

/* Samples [*first, *last) of a bin, which hold all that are inside: positions rise or fall with k. */
static void samples_inside(const roi_axis *a, int64_t bin, int64_t *first, int64_t *last) {
  double base = a->start + (double)bin * a->bin, step = a->bin / (double)RUNG_MAX(a->count, 1);
  double low = (-1 - base) / step - 0.5, high = ((double)a->length - base) / step - 0.5;
  *first = 0;
  *last = a->count;
  if (!(isfinite(low) && isfinite(high))) { /* no step: all are at one place, and there are few */
    if (a->count > INT32_MAX || !isfinite(base)) *last = 0;
    return;
  }
  double from = floor(RUNG_MIN(low, high)) - 2, to = ceil(RUNG_MAX(low, high)) + 3; /* each is looked at again */
  *first = (int64_t)RUNG_CLAMP(from, 0, (double)a->count);
  *last = (int64_t)RUNG_CLAMP(to, 0, (double)a->count);
}

/* Interpolation along one axis: elements low and high, and how far behind low. */
typedef struct roi_tap {
  size_t low, high;
  double behind;
} roi_tap;

static roi_tap make_tap(const roi_axis *a, double x) {
  x = x > 0 ? x : 0;
  int64_t low = (int64_t)x;
  if (low >= a->length - 1) return (roi_tap){(size_t)(a->length - 1), (size_t)(a->length - 1), 0};
  return (roi_tap){(size_t)low, (size_t)low + 1, x - (double)low};
}

#define ROI_LOOPS(T)                                                                                              \
  /* One sample added to the bin of all channels; `to` and `from` point at channel 0. */                          \
  static void add_sample_##T(const roi_job *j, roi_tap y, roi_tap x, bool first, const T *from, T *to,            \
                             size_t to_step) {                                                                    \
    size_t plane = j->height * j->width, w = j->width;                                                            \
    T ly = (T)y.behind, lx = (T)x.behind, hy = 1 - ly, hx = 1 - lx;                                               \
    size_t p1 = y.low * w + x.low, p2 = y.low * w + x.high, p3 = y.high * w + x.low, p4 = y.high * w + x.high;    \
    T w1 = hy * hx, w2 = hy * lx, w3 = ly * hx, w4 = ly * lx;                                                     \
    for (size_t c = 0; c < j->channels; c++, from += plane, to += to_step) {                                      \
      T a = w1 * from[p1], b = w2 * from[p2], d = w3 * from[p3], e = w4 * from[p4];                               \
      if (j->params->mode == RUNG_ROI_AVG) {                                                                      \
        *to += a + b + d + e;                                                                                     \
        continue;                                                                                                 \
      }                                                                                                           \
      T largest = RUNG_MAX(RUNG_MAX(a, b), RUNG_MAX(d, e)); /* of the weighed elements: so ONNX has it */         \
      *to = first || largest > *to ? largest : *to;                                                               \
    }                                                                                                             \
  }                                                                                                               \
  static void align_bin_##T(const roi_job *j, const roi_axis axes[2], const int64_t bin[2], const T *from, T *to, \
                            size_t to_step) {                                                                     \
    int64_t range[2][2], seen = 0;                                                                                \
    for (int i = 0; i < 2; i++) samples_inside(&axes[i], bin[i], &range[i][0], &range[i][1]);                     \
    for (size_t c = 0; c < j->channels; c++) to[c * to_step] = 0;                                                 \
    for (int64_t iy = range[0][0]; iy < range[0][1]; iy++) {                                                      \
      double y = sample_position(j, &axes[0], bin[0], iy);                                                        \
      for (int64_t ix = range[1][0]; ix < range[1][1] && is_inside(&axes[0], y); ix++) {                          \
        double x = sample_position(j, &axes[1], bin[1], ix);                                                      \
        if (!is_inside(&axes[1], x)) continue;                                                                    \
        add_sample_##T(j, make_tap(&axes[0], y), make_tap(&axes[1], x), seen++ == 0, from, to, to_step);          \
      }                                                                                                           \
    }                                                                                                             \
    /* Samples outside count as zeros. */                                                                         \
    double all = (double)axes[0].count * (double)axes[1].count;                                                   \
    for (size_t c = 0; c < j->channels; c++, to += to_step) {                                                     \
      if (j->params->mode == RUNG_ROI_AVG)                                                                        \
        *to /= (T)RUNG_MAX(all, 1);                                                                               \
      else if ((double)seen < all && *to < 0)                                                                     \
        *to = 0;                                                                                                  \
    }                                                                                                             \
  }                                                                                                               \
  /* Unit: one row of bins of one region. */                                                                      \
  static void align_rows_##T(void *context, size_t begin, size_t end) {                                           \
    const roi_job *j = context;                                                                                   \
    size_t rows = (size_t)j->params->output_height, columns = (size_t)j->params->output_width;                    \
    for (size_t unit = begin; unit < end; unit++) {                                                               \
      size_t roi = unit / rows, row = unit % rows, input = j->channels * j->height * j->width;                    \
      double box[4];                                                                                              \
      rung_load_f64(j->rois->dtype, j->rois->data, 4 * roi, 1, 4, box);                                           \
      roi_axis axes[2] = {make_axis(j, box[1], box[3], (int64_t)rows, (int64_t)j->height),                        \
                          make_axis(j, box[0], box[2], (int64_t)columns, (int64_t)j->width)};                     \
      T *to = (T *)j->to + (roi * j->channels * rows + row) * columns;                                            \
      for (size_t column = 0; column < columns; column++)                                                         \
        align_bin_##T(j, axes, (int64_t[]){(int64_t)row, (int64_t)column},                                        \
                      (const T *)j->from + (size_t)j->batches[roi] * input, to + column, rows * columns);         \
    }                                                                                                             \
  }
ROI_LOOPS(float)
ROI_LOOPS(double)

static rung_status *prepare_regions(rung_kernel_call *call) {
  const rung_tensor *operands[] = {rung_in(call, 0), rung_out(call, 0)};
  rung_dtype computed = rung_widened_type(operands[0]->dtype);
  RUNG_REQUIRE(rung_widened_scratch(computed, operands, RUNG_COUNT(operands), &call->scratch_size), LIMIT,
               "the size overflows");
  return NULL;
}

static rung_status *run_RoiAlign(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0), *rois = rung_in(call, 1), *indices = rung_in(call, 2),
                    *y = rung_out(call, 0);
  rung_dtype computed = rung_widened_type(x->dtype);
  const int64_t *batches = indices->data;
  RUNG_RUN_REQUIRE(indices->dims[0] == rois->dims[0] && rois->dims[1] == 4, "rois and batch_indices do not fit");
  for (int64_t i = 0; i < indices->dims[0]; i++)
    RUNG_RUN_REQUIRE(batches[i] >= 0 && batches[i] < x->dims[0], "batch index %lld is %lld, outside [0, %lld)",
                     (long long)i, (long long)batches[i], (long long)x->dims[0]);
  if (y->size == 0) return NULL;
  RUNG_RUN_REQUIRE(x->dims[2] > 0 && x->dims[3] > 0, "X has no element to sample");
  char *scratch = call->scratch;
  roi_job job = {.params = call->params,
                 .rois = rois,
                 .batches = batches,
                 .from = rung_widened_in(computed, x, &scratch),
                 .to = rung_widened_out(computed, y, &scratch),
                 .channels = (size_t)x->dims[1],
                 .height = (size_t)x->dims[2],
                 .width = (size_t)x->dims[3],
                 .wide = computed == RUNG_F64};
  rung_kernel_parallel(call, (size_t)(y->dims[0] * y->dims[2]),
                       rung_kernel_grain((size_t)y->dims[3] * RUNG_MIN(job.channels, 2000) * 20),
                       computed == RUNG_F64 ? align_rows_double : align_rows_float, &job);
  rung_widened_end(computed, y, job.to);
  return NULL;
}

const rung_kernel rung_cpu_RoiAlign = {
    .types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_regions, .run = run_RoiAlign};

/* MaxRoiPool: regions are rounded to whole elements and divided into bins that may overlap; an empty bin is 0. */

typedef struct pool_job {
  const rung_tensor *rois, *y;
  double scale;
  const char *from;
  char *to;
  size_t channels, height, width;
} pool_job;

/* A coordinate on the feature map; far outside is as good as this, and NaN too. */
static int64_t map_coordinate(double x, double scale) { return (int64_t)RUNG_CLAMP(round(x * scale), -0x1p30, 0x1p30); }

/* Elements [*first, *last) of bin `bin` of `bins` that are inside. */
static void bin_range(int64_t begin, int64_t end, size_t bin, size_t bins, size_t length, size_t *first, size_t *last) {
  int64_t size = RUNG_MAX(end - begin + 1, 1), count = (int64_t)bins, at = (int64_t)bin;
  *first = (size_t)RUNG_CLAMP(begin + at * size / count, 0, (int64_t)length);
  *last = (size_t)RUNG_CLAMP(begin + RUNG_DIV_UP((at + 1) * size, count), 0, (int64_t)length);
}

#define POOL_LOOP(T)                                                                                                  \
  /* Unit: one channel of one region. */                                                                              \
  static void pool_channels_##T(void *context, size_t begin, size_t end) {                                            \
    const pool_job *j = context;                                                                                      \
    size_t rows = (size_t)j->y->dims[2], columns = (size_t)j->y->dims[3];                                             \
    for (size_t unit = begin; unit < end; unit++) {                                                                   \
      double box[5];                                                                                                  \
      rung_load_f64(j->rois->dtype, j->rois->data, unit / j->channels * 5, 1, 5, box);                                \
      size_t plane = (size_t)box[0] * j->channels + unit % j->channels, top, bottom, left, right;                     \
      const T *from = (const T *)j->from + plane * j->height * j->width;                                              \
      for (size_t bin = 0; bin < rows * columns; bin++) {                                                             \
        bin_range(map_coordinate(box[2], j->scale), map_coordinate(box[4], j->scale), bin / columns, rows, j->height, \
                  &top, &bottom);                                                                                     \
        bin_range(map_coordinate(box[1], j->scale), map_coordinate(box[3], j->scale), bin % columns, columns,         \
                  j->width, &left, &right);                                                                           \
        bool empty = top >= bottom || left >= right;                                                                  \
        T largest = empty ? 0 : from[top * j->width + left];                                                          \
        for (size_t h = top; h < bottom; h++)                                                                         \
          for (size_t w = left; w < right; w++)                                                                       \
            if (from[h * j->width + w] > largest) largest = from[h * j->width + w];                                   \
        ((T *)j->to)[unit * rows * columns + bin] = largest;                                                          \
      }                                                                                                               \
    }                                                                                                                 \
  }
POOL_LOOP(float)
POOL_LOOP(double)

static rung_status *run_MaxRoiPool(rung_kernel_call *call) {
  const rung_max_roi_pool_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *rois = rung_in(call, 1), *y = rung_out(call, 0);
  rung_dtype computed = rung_widened_type(x->dtype);
  RUNG_RUN_REQUIRE(rois->dims[1] == 5, "a roi has %lld numbers, 5 are expected", (long long)rois->dims[1]);
  for (int64_t i = 0; i < rois->dims[0]; i++) {
    double batch;
    rung_load_f64(rois->dtype, rois->data, (size_t)i * 5, 1, 1, &batch);
    RUNG_RUN_REQUIRE(batch >= 0 && batch < (double)x->dims[0], "roi %lld is of batch entry %g, outside [0, %lld)",
                     (long long)i, batch, (long long)x->dims[0]);
  }
  if (y->size == 0) return NULL;
  char *scratch = call->scratch;
  pool_job job = {.rois = rois,
                  .y = y,
                  .scale = (double)p->spatial_scale,
                  .from = rung_widened_in(computed, x, &scratch),
                  .to = rung_widened_out(computed, y, &scratch),
                  .channels = (size_t)x->dims[1],
                  .height = (size_t)x->dims[2],
                  .width = (size_t)x->dims[3]};
  rung_kernel_parallel(call, (size_t)(y->dims[0] * y->dims[1]),
                       rung_kernel_grain((size_t)(y->dims[2] * y->dims[3]) * 50),
                       computed == RUNG_F64 ? pool_channels_double : pool_channels_float, &job);
  rung_widened_end(computed, y, job.to);
  return NULL;
}

const rung_kernel rung_cpu_MaxRoiPool = {
    .types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_regions, .run = run_MaxRoiPool};
