/* DeformConv: a convolution whose window reads at positions that an operand moves, by linear interpolation.
 *
 * Output positions go by strips. For each strip, the elements under all taps of all channels are put together into
 * columns (channel, tap, position), in scratch of the thread; the sums over channels and taps then run along positions.
 * Computed in float32, in float64 for float64. */
#include "op/columns.h"
#include "base/pool.h"
#include "provider/cpu/form/widened.h"

#include <math.h>

enum { STRIP = 64, MOST_CORNERS = 256 }; /* corners of a cell: 2 to the rank, of 8 dimensions at most */

typedef struct deform_job {
  rung_window window;
  size_t batch, channels, filters, group, offset_group, taps; /* taps: of the kernel */
  size_t inputs, outputs;                                     /* elements of a channel */
  size_t column;                                              /* elements of a thread's scratch */
  const void *x, *w, *offset, *b, *mask;
  void *y, *columns;
} deform_job;

typedef struct corners {
  size_t count, at[MOST_CORNERS];
  double weight[MOST_CORNERS];
} corners;

/* One more dimension: of a position x, the elements before and behind that are inside of [0, length). */
static void add_dimension(corners *c, double x, int64_t length) {
  size_t before = c->count, kept = 0, at[MOST_CORNERS];
  double weight[MOST_CORNERS];
  if (!(x > -1 && x < (double)length)) { /* NaN as well */
    c->count = 0;
    return;
  }
  int64_t low = (int64_t)floor(x);
  double behind = x - (double)low;
  for (int k = 0; k < 2; k++) {
    double share = k ? behind : 1 - behind;
    if (low + k < 0 || low + k >= length || share == 0) continue;
    for (size_t i = 0; i < before; i++) {
      at[kept] = c->at[i] * (size_t)length + (size_t)(low + k);
      weight[kept++] = c->weight[i] * share;
    }
  }
  c->count = kept;
  memcpy(c->at, at, kept * sizeof *at);
  memcpy(c->weight, weight, kept * sizeof *weight);
}

#define DEFORM_LOOPS(T)                                                                                           \
  /* Where tap `tap` of offset group `g` reads for output `out`. `moves` is (coordinate, output), of that tap. */ \
  static void find_corners_##T(const deform_job *j, size_t tap, size_t out, const T *moves, corners *c) {         \
    double x[RUNG_MAX_RANK];                                                                                      \
    for (int32_t i = j->window.rank - 1; i >= 0; i--) {                                                           \
      const rung_window_axis *a = &j->window.axes[i];                                                             \
      size_t o = out % (size_t)a->out, k = tap % (size_t)a->kernel;                                               \
      x[i] = (double)((int64_t)o * a->stride - a->begin + (int64_t)k * a->dilation) +                             \
             (double)moves[(size_t)i * j->outputs];                                                               \
      out /= (size_t)a->out;                                                                                      \
      tap /= (size_t)a->kernel;                                                                                   \
    }                                                                                                             \
    c->count = 1;                                                                                                 \
    c->at[0] = 0;                                                                                                 \
    c->weight[0] = 1;                                                                                             \
    for (int32_t i = 0; i < j->window.rank && c->count; i++) add_dimension(c, x[i], j->window.axes[i].in);        \
  }                                                                                                               \
  /* Columns of n outputs from `first` on: element (channel, tap, i) at (channel * taps + tap) * STRIP + i. */    \
  static void fill_columns_##T(const deform_job *j, size_t image, size_t first, size_t n, T *columns) {           \
    size_t each = j->channels / j->offset_group, rank = (size_t)j->window.rank;                                   \
    corners c;                                                                                                    \
    for (size_t unit = 0; unit < j->offset_group * j->taps; unit++) {                                             \
      size_t g = unit / j->taps, tap = unit % j->taps, map = image * j->offset_group * j->taps + unit;            \
      for (size_t i = 0; i < n; i++) {                                                                            \
        size_t out = first + i;                                                                                   \
        find_corners_##T(j, tap, out, (const T *)j->offset + map * rank * j->outputs + out, &c);                  \
        T share = j->mask ? ((const T *)j->mask)[map * j->outputs + out] : 1;                                     \
        for (size_t channel = g * each; channel < (g + 1) * each; channel++) {                                    \
          const T *x = (const T *)j->x + (image * j->channels + channel) * j->inputs;                             \
          T sum = 0;                                                                                              \
          for (size_t k = 0; k < c.count; k++) sum += (T)c.weight[k] * x[c.at[k]];                                \
          columns[(channel * j->taps + tap) * STRIP + i] = share * sum;                                           \
        }                                                                                                         \
      }                                                                                                           \
    }                                                                                                             \
  }                                                                                                               \
  static void sum_columns_##T(const deform_job *j, size_t image, size_t first, size_t n, const T *columns) {      \
    size_t depth = j->channels / j->group * j->taps, filters = j->filters / j->group;                             \
    for (size_t m = 0; m < j->filters; m++) {                                                                     \
      const T *w = (const T *)j->w + m * depth, *x = columns + m / filters * depth * STRIP;                       \
      T sums[STRIP];                                                                                              \
      for (size_t i = 0; i < n; i++) sums[i] = j->b ? ((const T *)j->b)[m] : 0;                                   \
      for (size_t k = 0; k < depth; k++)                                                                          \
        for (size_t i = 0; i < n; i++) sums[i] += w[k] * x[k * STRIP + i];                                        \
      memcpy((T *)j->y + (image * j->filters + m) * j->outputs + first, sums, n * sizeof *sums);                  \
    }                                                                                                             \
  }                                                                                                               \
  static void strips_##T(void *context, size_t begin, size_t end) {                                               \
    const deform_job *j = context;                                                                                \
    size_t strips = RUNG_DIV_UP(j->outputs, STRIP);                                                               \
    T *columns = (T *)j->columns + rung_pool_slot() * j->column;                                                  \
    for (size_t unit = begin; unit < end; unit++) {                                                               \
      size_t image = unit / strips, first = unit % strips * STRIP, n = RUNG_MIN(j->outputs - first, STRIP);       \
      fill_columns_##T(j, image, first, n, columns);                                                              \
      sum_columns_##T(j, image, first, n, columns);                                                               \
    }                                                                                                             \
  }
DEFORM_LOOPS(float)
DEFORM_LOOPS(double)

/* Elements of the columns of one thread; false on overflow. */
static bool column_size(const rung_tensor *x, const rung_tensor *w, size_t *out) {
  size_t taps = (size_t)rung_tensor_span(w, 2, w->rank);
  return rung_mul_size((size_t)x->dims[1], taps, out) && rung_mul_size(*out, STRIP, out);
}

enum { OPERANDS = 6 };

static void list_operands(const rung_kernel_call *call, const rung_tensor *operands[OPERANDS]) {
  for (uint32_t i = 0; i < OPERANDS - 1; i++) operands[i] = rung_in(call, i);
  operands[OPERANDS - 1] = rung_out(call, 0);
}

static rung_status *prepare_DeformConv(rung_kernel_call *call) {
  const rung_tensor *operands[OPERANDS];
  size_t columns;
  list_operands(call, operands);
  rung_dtype computed = rung_widened_type(operands[0]->dtype);
  bool fits = rung_widened_scratch(computed, operands, OPERANDS, &call->scratch_size) &&
              column_size(operands[0], operands[1], &columns) &&
              rung_mul_size(columns, RUNG_MAX(call->host->threads, 1) * rung_dtype_size(computed), &columns) &&
              rung_add_size(call->scratch_size, columns, &call->scratch_size);
  RUNG_REQUIRE(fits, LIMIT, "the size overflows");
  return NULL;
}

static rung_type type_of(const rung_tensor *tensor) {
  rung_type type = {.kind = RUNG_TENSOR, .dtype = tensor->dtype, .rank = tensor->rank};
  memcpy(type.dims, tensor->dims, sizeof type.dims);
  return type;
}

static rung_status *run_DeformConv(rung_kernel_call *call) {
  const rung_deform_conv_params *p = call->params;
  const rung_tensor *operands[OPERANDS];
  list_operands(call, operands);
  const rung_tensor *x = operands[0], *w = operands[1], *b = operands[3], *mask = operands[4], *y = operands[5];
  rung_type types[] = {type_of(x), type_of(w), type_of(operands[2]), b ? type_of(b) : (rung_type){0},
                       mask ? type_of(mask) : (rung_type){0}};
  deform_job job = {.batch = (size_t)x->dims[0],
                    .channels = (size_t)x->dims[1],
                    .filters = (size_t)w->dims[0],
                    .group = (size_t)p->group,
                    .offset_group = (size_t)p->offset_group,
                    .taps = (size_t)rung_tensor_span(w, 2, w->rank),
                    .inputs = (size_t)rung_tensor_span(x, 2, x->rank),
                    .outputs = (size_t)rung_tensor_span(y, 2, y->rank)};
  RUNG_TRY(rung_deform_conv_window(p, &types[0], &types[1], &types[2], b ? &types[3] : NULL, mask ? &types[4] : NULL,
                                   &job.window));
  RUNG_REQUIRE(job.window.rank <= 8, UNSUPPORTED, "%d spatial dimensions", job.window.rank);
  if (y->size == 0) return NULL;
  rung_dtype computed = rung_widened_type(x->dtype);
  char *scratch = call->scratch;
  job.x = rung_widened_in(computed, x, &scratch);
  job.w = rung_widened_in(computed, w, &scratch);
  job.offset = rung_widened_in(computed, operands[2], &scratch);
  job.b = rung_widened_in(computed, b, &scratch);
  job.mask = rung_widened_in(computed, mask, &scratch);
  job.y = rung_widened_out(computed, y, &scratch);
  job.columns = scratch;
  RUNG_REQUIRE(column_size(x, w, &job.column), LIMIT, "the size overflows");
  rung_kernel_parallel(call, job.batch * RUNG_DIV_UP(job.outputs, STRIP), 1,
                       computed == RUNG_F64 ? strips_double : strips_float, &job);
  rung_widened_end(computed, y, job.y);
  return NULL;
}

const rung_kernel rung_cpu_DeformConv = {
    .types = {{'T', RUNG_SET_FLOAT}}, .prepare = prepare_DeformConv, .run = run_DeformConv};
