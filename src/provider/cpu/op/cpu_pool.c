/* Pools: MaxPool, AveragePool, LpPool, MaxUnpool, and those over whole channels.
 *
 * Maxima and sums of float32 planes have a form of their own (form/pool_plane.h). Other channels are walked tap by tap
 * (form/taps.h): y[o] = combine(y[o], x[i]) for runs of neighbours. Narrow floats are widened first, a channel at a
 * time, and rounded once. */
#include "op/pooling.h"

#include "base/pool.h"
#include "op/ms_quantized.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/epilogue.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/pool_plane.h"
#include "provider/cpu/form/stand_in.h"
#include "provider/cpu/form/strided.h"
#include "provider/cpu/form/taps.h"
#include "provider/cpu/kernel/isa.h"
#include "provider/opwise/kernel.h"

#include <math.h>

/* Combining */

typedef enum combine { MAX, SUM, SUM_ABS, SUM_SQUARES, SUM_POWERS } combine;

typedef struct pool_state {
  rung_window window;
  size_t channels, in_count, out_count;
  rung_dtype sum_type; /* of sums, and of what is combined to them */
  bool by_planes;
  rung_pool_plane plane;
  size_t x_space, sums_space,
      space; /* scratch of a thread in bytes: a widened channel, its sums, and all with a line */
} pool_state;

typedef void (*combine_row)(size_t n, size_t step, const void *x, void *sums, double p);

/* NaN is larger than everything, and stays. */
#define LARGER(sum, v) ((v) > (sum) || (v) != (v) ? (v) : (sum))
#define ADD(sum, v) ((sum) + (v))
#define ADD_ABS(sum, v) ((sum) + ((v) < 0 ? -(v) : (v)))
#define ADD_SQUARE(sum, v) ((sum) + (v) * (v))
#define ADD_POWER(sum, v) \
  ((sum) + _Generic((v), float: powf, default: pow)(_Generic((v), float: fabsf, default: fabs)(v), p))

#define COMBINE_ROW(op, NAME, type, ...)                                                \
  static void op##_##NAME(size_t n, size_t step, const void *x, void *sums, double p) { \
    const type *from = x;                                                               \
    type *to = sums;                                                                    \
    (void)p;                                                                            \
    for (size_t i = 0; i < n; i++) {                                                    \
      type v = from[i * step];                                                          \
      to[i] = op(to[i], v);                                                             \
    }                                                                                   \
  }
#define EACH_REAL(X, op) X(op, F32, float, , , ) X(op, F64, double, , , )
EACH_REAL(COMBINE_ROW, LARGER)
COMBINE_ROW(LARGER, I8, int8_t)
COMBINE_ROW(LARGER, U8, uint8_t)
EACH_REAL(COMBINE_ROW, ADD)
EACH_REAL(COMBINE_ROW, ADD_ABS)
EACH_REAL(COMBINE_ROW, ADD_SQUARE)
EACH_REAL(COMBINE_ROW, ADD_POWER)

static const combine_row combine_rows[][RUNG_DTYPE_NUMBERS] = {
    [MAX] = {EACH_REAL(RUNG_TABLE_ENTRY, LARGER)[RUNG_I8] = LARGER_I8, [RUNG_U8] = LARGER_U8},
    [SUM] = {EACH_REAL(RUNG_TABLE_ENTRY, ADD)},
    [SUM_ABS] = {EACH_REAL(RUNG_TABLE_ENTRY, ADD_ABS)},
    [SUM_SQUARES] = {EACH_REAL(RUNG_TABLE_ENTRY, ADD_SQUARE)},
    [SUM_POWERS] = {EACH_REAL(RUNG_TABLE_ENTRY, ADD_POWER)}};

static combine combine_of_norm(int64_t p) { return p == 1 ? SUM_ABS : p == 2 ? SUM_SQUARES : SUM_POWERS; }

/* Preparing */

static rung_dtype sum_type(rung_dtype dtype) { return dtype == RUNG_F16 || dtype == RUNG_BF16 ? RUNG_F32 : dtype; }

static bool lay_out(pool_state *s, rung_dtype dtype, size_t threads, size_t *out_bytes) {
  size_t size = rung_dtype_size(s->sum_type), line = 0;
  if (!rung_mul_size(s->sum_type == dtype ? 0 : s->in_count, size, &s->x_space) ||
      !rung_mul_size(s->out_count, size, &s->sums_space) || s->x_space > SIZE_MAX / 4 || s->sums_space > SIZE_MAX / 4)
    return false;
  s->x_space = RUNG_ROUND_UP(s->x_space, 64);
  s->sums_space = RUNG_ROUND_UP(s->sums_space, 64);
  if (s->by_planes) line = RUNG_ROUND_UP(s->plane.line_size * sizeof(float), 64);
  s->space = s->x_space + s->sums_space + line;
  return rung_mul_size(s->space, RUNG_MAX(threads, 1), out_bytes);
}

static rung_status *prepare_pool(rung_kernel_call *call, bool is_max, bool is_sum) {
  const rung_pool_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0);
  pool_state *state = call->state;
  RUNG_RUN_REQUIRE(x->rank >= 3 && p->window.kernel_shape.count == (size_t)x->rank - 2,
                   "\"kernel_shape\" has %zu entries, the input rank %d", p->window.kernel_shape.count, x->rank);
  RUNG_TRY(rung_window_make(&p->window, x->rank, x->dims, p->window.kernel_shape.at, &state->window));
  state->channels = (size_t)(x->dims[0] * x->dims[1]);
  state->in_count = (size_t)rung_tensor_span(x, 2, x->rank);
  state->out_count = 1;
  for (int32_t i = 0; i < state->window.rank; i++) state->out_count *= (size_t)state->window.axes[i].out;
  state->sum_type = sum_type(x->dtype);
  state->by_planes = (is_max || is_sum) && state->sum_type == RUNG_F32 &&
                     rung_pool_plane_make(&state->window, is_max, rung_isa(call->host), &state->plane);
  RUNG_REQUIRE(lay_out(state, x->dtype, call->host->threads, &call->scratch_size), LIMIT, "the pool is too large");
  return NULL;
}

/* Running */

typedef struct pool_job {
  const rung_kernel_call *call;
  const pool_state *state;
  const rung_pool_params *params;
  const rung_tensor *x;
  rung_tensor *y, *indices;
  combine how;
  combine_row row;
  const rung_math *math;
  char *space;
  void (*finish)(const struct pool_job *j, size_t at, void *sums);
} pool_job;

typedef struct channel {
  const pool_job *j;
  const char *x;
  char *sums;
  size_t tap; /* of the last row */
  bool is_cancelled;
} channel;

static void add_row(void *context, size_t tap, size_t n, size_t in, size_t step, size_t out) {
  channel *c = context;
  size_t size = rung_dtype_size(c->j->state->sum_type);
  if (tap != c->tap) c->is_cancelled = rung_kernel_is_cancelled(c->j->call);
  c->tap = tap;
  if (c->is_cancelled) return;
  c->j->row(n, step, c->x + in * size, c->sums + out * size, (double)c->j->params->p);
}

static void start_sums(const pool_job *j, void *sums) {
  size_t n = j->state->out_count;
  rung_dtype dtype = j->state->sum_type;
  if (j->how != MAX || dtype == RUNG_U8)
    memset(sums, 0, n * rung_dtype_size(dtype));
  else if (dtype == RUNG_I8)
    memset(sums, INT8_MIN, n);
  else if (dtype == RUNG_F64)
    for (size_t i = 0; i < n; i++) ((double *)sums)[i] = -(double)INFINITY;
  else
    for (size_t i = 0; i < n; i++) ((float *)sums)[i] = -INFINITY;
}

/* A channel as what is combined: as it lies, or widened into `space`. */
static const char *channel_of(const pool_job *j, size_t c, char *space) {
  size_t n = j->state->in_count;
  if (j->state->sum_type == j->x->dtype) return (const char *)j->x->data + c * n * rung_dtype_size(j->x->dtype);
  rung_epilogue_load(j->math, j->x->dtype, j->x->data, c * n, n, (float *)space);
  return space;
}

static void pool_channel(const pool_job *j, size_t c, char *space) {
  const pool_state *s = j->state;
  const char *x = channel_of(j, c, space);
  bool straight = j->y && s->sum_type == j->y->dtype;
  size_t n = s->out_count, size = rung_dtype_size(s->sum_type);
  char *sums = straight ? (char *)j->y->data + c * n * size : space + s->x_space;
  if (s->by_planes) {
    rung_pool_plane_run(j->call, &s->plane, (const float *)x, (float *)sums,
                        (float *)(space + s->x_space + s->sums_space));
  } else {
    start_sums(j, sums);
    rung_taps_rows(&s->window, add_row, &(channel){.j = j, .x = x, .sums = sums});
  }
  if (j->finish) j->finish(j, c, sums);
  if (j->y && !straight) rung_epilogue_store(j->math, j->y->dtype, j->y->data, c * n, n, (const float *)sums);
}

static void pool_channels(void *context, size_t begin, size_t end) {
  const pool_job *j = context;
  char *space = j->space + rung_pool_slot() * j->state->space;
  for (size_t c = begin; c < end; c++) pool_channel(j, c, space);
}

static size_t channel_grain(const pool_state *s) {
  size_t taps = 1;
  for (int32_t i = 0; i < s->window.rank; i++) taps *= (size_t)RUNG_MIN(s->window.axes[i].kernel, 64);
  return rung_kernel_grain(RUNG_MAX(taps, 1) * s->out_count / 4);
}

static rung_status *run_pool(rung_kernel_call *call, combine how, void (*finish)(const pool_job *, size_t, void *)) {
  const pool_state *state = call->state;
  pool_job job = {.call = call,
                  .state = state,
                  .params = call->params,
                  .x = rung_in(call, 0),
                  .y = rung_out(call, 0),
                  .indices = rung_out(call, 1),
                  .how = how,
                  .row = combine_rows[how][state->sum_type],
                  .math = rung_math_for(rung_isa(call->host)),
                  .space = call->scratch,
                  .finish = finish};
  if (state->out_count) rung_kernel_parallel(call, state->channels, channel_grain(state), pool_channels, &job);
  return NULL;
}

/* AveragePool */

/* How many taps of an axis count for output o. */
static int64_t count_axis(const rung_window_axis *a, int64_t o, bool include_pad) {
  int64_t from, to;
  if (!include_pad) {
    rung_taps_inside(a, o, &from, &to);
    return to - from;
  }
  int64_t room = a->in + a->begin + a->end - o * a->stride; /* the last window may go on behind the padding */
  return room <= 0 ? 0 : RUNG_MIN(a->kernel, (room - 1) / a->dilation + 1);
}

static void divide_sums(const pool_job *j, size_t c, void *sums) {
  const rung_window *window = &j->state->window;
  const rung_window_axis *inner = &window->axes[window->rank - 1];
  bool include_pad = j->params->count_include_pad;
  (void)c;
  for (size_t at = 0; at < j->state->out_count; at += (size_t)inner->out) {
    double rows = 1;
    size_t rest = at / (size_t)inner->out;
    for (int32_t i = window->rank - 2; i >= 0; i--) {
      rows *= (double)count_axis(&window->axes[i], (int64_t)(rest % (size_t)window->axes[i].out), include_pad);
      rest /= (size_t)window->axes[i].out;
    }
    for (int64_t o = 0; o < inner->out; o++) {
      double count = rows * (double)count_axis(inner, o, include_pad);
      if (count == 0) continue; /* nothing but padding: 0 */
      if (j->state->sum_type == RUNG_F64)
        ((double *)sums)[at + (size_t)o] /= count;
      else
        ((float *)sums)[at + (size_t)o] /= (float)count;
    }
  }
}

static rung_status *run_AveragePool(rung_kernel_call *call) { return run_pool(call, SUM, divide_sums); }

/* LpPool */

static void take_roots(const pool_job *j, size_t c, void *sums) {
  double p = (double)j->params->p;
  (void)c;
  for (size_t i = 0; i < j->state->out_count && p != 1; i++) {
    if (j->x->dtype == RUNG_F64)
      ((double *)sums)[i] = p == 2 ? sqrt(((double *)sums)[i]) : pow(((double *)sums)[i], 1 / p);
    else
      ((float *)sums)[i] = p == 2 ? sqrtf(((float *)sums)[i]) : powf(((float *)sums)[i], (float)(1 / p));
  }
}

static rung_status *run_LpPool(rung_kernel_call *call) {
  return run_pool(call, combine_of_norm(((const rung_pool_params *)call->params)->p), take_roots);
}

/* MaxPool */

/* The index of an input element in the whole input; storage_order 1 counts the first spatial dimension fastest. */
static int64_t stored_index(const pool_job *j, size_t c, const int64_t *at) {
  const rung_window *window = &j->state->window;
  int64_t index = 0;
  for (int32_t i = 0; i < window->rank; i++) {
    int32_t d = j->params->storage_order ? window->rank - 1 - i : i;
    index = index * window->axes[d].in + at[d];
  }
  return (int64_t)(c * j->state->in_count) + index;
}

/* Where the first largest element of the window at `o` lies, or -1. */
static int64_t find_largest(const pool_job *j, size_t c, const int64_t *o) {
  const rung_window *window = &j->state->window;
  int64_t from[RUNG_MAX_RANK], to[RUNG_MAX_RANK], tap[RUNG_MAX_RANK], best[RUNG_MAX_RANK] = {0};
  double largest = 0;
  bool found = false;
  for (int32_t i = 0; i < window->rank; i++) {
    rung_taps_inside(&window->axes[i], o[i], &from[i], &to[i]);
    if (from[i] >= to[i]) return -1;
    tap[i] = from[i];
  }
  for (;;) {
    int64_t at[RUNG_MAX_RANK], flat = (int64_t)c;
    for (int32_t i = 0; i < window->rank; i++) {
      const rung_window_axis *a = &window->axes[i];
      at[i] = o[i] * a->stride + tap[i] * a->dilation - a->begin;
      flat = flat * a->in + at[i];
    }
    double v;
    rung_load_f64(j->x->dtype, j->x->data, (size_t)flat, 1, 1, &v);
    if (!found || v > largest || (v != v && largest == largest)) {
      largest = v;
      memcpy(best, at, sizeof best);
    }
    found = true;
    int32_t i = window->rank - 1;
    while (i >= 0 && ++tap[i] == to[i]) tap[i] = from[i], i--;
    if (i < 0) return stored_index(j, c, best);
  }
}

enum { LOOK_WINDOWS = 256 }; /* one costs as much as so many elements, or less */

static void find_indices(const pool_job *j, size_t c, void *sums) {
  const rung_window *window = &j->state->window;
  int64_t *to = (int64_t *)j->indices->data + c * j->state->out_count, o[RUNG_MAX_RANK] = {0};
  (void)sums;
  for (size_t n = 0; n < j->state->out_count && !rung_kernel_stops_at(j->call, n * LOOK_WINDOWS); n++) {
    to[n] = find_largest(j, c, o);
    for (int32_t i = window->rank - 1; i >= 0 && ++o[i] == window->axes[i].out; i--) o[i] = 0;
  }
}

static rung_status *run_MaxPool(rung_kernel_call *call) {
  return run_pool(call, MAX, rung_out(call, 1) ? find_indices : NULL);
}

#define POOL_KERNEL(symbol, set, is_max, is_sum)                                                              \
  static rung_status *prepare_##symbol(rung_kernel_call *call) { return prepare_pool(call, is_max, is_sum); } \
  const rung_kernel rung_cpu_##symbol = {                                                                     \
      .types = {{'T', set}}, .state_size = sizeof(pool_state), .prepare = prepare_##symbol, .run = run_##symbol};
POOL_KERNEL(MaxPool, RUNG_SET_FLOAT | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8), true, false)
POOL_KERNEL(AveragePool, RUNG_SET_FLOAT, false, true)
POOL_KERNEL(LpPool, RUNG_SET_FLOAT, false, false)

/* com.microsoft: channels last, and on quantised numbers */

static const rung_stand_in nhwc_max = {
    .kernel = &rung_cpu_MaxPool, .input_count = 1, .inputs = {{.turned = true}}, .output = {.turned = true}};
RUNG_STAND_IN_KERNEL(ms_NhwcMaxPool, &nhwc_max, sizeof(pool_state),
                     {'T', RUNG_SET_FLOAT | RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8)})

#define QUANTISED(inner, turned)                                                                                \
  {                                                                                                             \
    .kernel = &rung_cpu_##inner, .input_count = 1, .inputs = {{RUNG_STAND_FLOAT, 0, 1, 2, turned}}, .output = { \
      RUNG_STAND_FLOAT,                                                                                         \
      0,                                                                                                        \
      3,                                                                                                        \
      4,                                                                                                        \
      turned                                                                                                    \
    }                                                                                                           \
  }
#define CHANNELS_LAST(call) ((const rung_qlinear_pool_params *)(call)->params)->channels_last

static const rung_stand_in quantised_means[2] = {QUANTISED(AveragePool, false), QUANTISED(AveragePool, true)};
RUNG_STAND_IN_KERNEL(ms_QLinearAveragePool, &quantised_means[CHANNELS_LAST(call) != 0], sizeof(pool_state),
                     {'T', RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8)})

/* Whole channels */

typedef struct global_job {
  rung_rows kernels;
  const rung_tensor *x;
  rung_tensor *y;
  combine how;
  int64_t p;
  size_t count; /* elements of a channel */
} global_job;

enum { STRIP = 2048 };

static double combine_strip(const global_job *j, size_t n, float *x) {
  switch (j->how) {
    case MAX:
      return (double)j->kernels.f32->max(n, x);
    case SUM:
      return (double)j->kernels.f32->sum(n, x);
    case SUM_SQUARES:
      return (double)j->kernels.f32->squares(n, x, 0);
    default:
      break;
  }
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += j->p == 1 ? (double)fabsf(x[i]) : pow((double)fabsf(x[i]), (double)j->p);
  return sum;
}

static double combine_strip_double(const global_job *j, size_t n, double *x) {
  switch (j->how) {
    case MAX:
      return j->kernels.f64->max(n, x);
    case SUM:
      return j->kernels.f64->sum(n, x);
    case SUM_SQUARES:
      return j->kernels.f64->squares(n, x, 0);
    default:
      break;
  }
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += j->p == 1 ? fabs(x[i]) : pow(fabs(x[i]), (double)j->p);
  return sum;
}

static void global_channels(void *context, size_t begin, size_t end) {
  const global_job *j = context;
  for (size_t c = begin; c < end; c++) {
    double result = j->how == MAX ? -(double)INFINITY : 0;
    for (size_t at = 0; at < j->count; at += STRIP) {
      size_t n = RUNG_MIN(STRIP, j->count - at);
      union {
        float narrow[STRIP];
        double wide[STRIP];
      } strip;
      double part;
      if (j->x->dtype == RUNG_F64) {
        rung_load_f64(RUNG_F64, j->x->data, c * j->count + at, 1, n, strip.wide);
        part = combine_strip_double(j, n, strip.wide);
      } else {
        rung_load_f32(j->x->dtype, j->x->data, c * j->count + at, 1, n, strip.narrow);
        part = combine_strip(j, n, strip.narrow);
      }
      result = j->how == MAX ? LARGER(result, part) : result + part;
    }
    if (j->how == SUM)
      result /= (double)j->count;
    else if (j->how == SUM_SQUARES)
      result = sqrt(result);
    else if (j->how == SUM_POWERS)
      result = pow(result, 1 / (double)j->p);
    rung_store_f64(j->y->dtype, j->y->data, c, 1, 1, &result);
  }
}

static rung_status *run_global(rung_kernel_call *call, combine how, int64_t p) {
  const rung_tensor *x = rung_in(call, 0);
  RUNG_RUN_REQUIRE(x->rank >= 2, "an input of rank %d has no channels", x->rank);
  global_job job = {rung_rows_for(rung_isa(call->host)),    x, rung_out(call, 0), how, p,
                    (size_t)rung_tensor_span(x, 2, x->rank)};
  rung_kernel_parallel(call, (size_t)(x->dims[0] * x->dims[1]), rung_kernel_grain(job.count / 8), global_channels,
                       &job);
  return NULL;
}

static rung_status *run_GlobalAveragePool(rung_kernel_call *call) { return run_global(call, SUM, 1); }
static rung_status *run_GlobalMaxPool(rung_kernel_call *call) { return run_global(call, MAX, 1); }
static rung_status *run_GlobalLpPool(rung_kernel_call *call) {
  int64_t p = ((const rung_pool_params *)call->params)->p;
  return run_global(call, combine_of_norm(p), p);
}

const rung_kernel rung_cpu_GlobalAveragePool = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_GlobalAveragePool};
const rung_kernel rung_cpu_GlobalMaxPool = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_GlobalMaxPool};
const rung_kernel rung_cpu_GlobalLpPool = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_GlobalLpPool};

static const rung_stand_in quantised_global[2] = {QUANTISED(GlobalAveragePool, false),
                                                  QUANTISED(GlobalAveragePool, true)};
RUNG_STAND_IN_KERNEL(ms_QLinearGlobalAveragePool, &quantised_global[CHANNELS_LAST(call) != 0], 0,
                     {'T', RUNG_SET(RUNG_I8) | RUNG_SET(RUNG_U8)})

/* MaxUnpool */

/* Indices count elements of the tensor that was pooled; when the output asked for is larger, they keep their place. */
static rung_status *run_MaxUnpool(rung_kernel_call *call) {
  const rung_pool_params *p = call->params;
  const rung_tensor *x = rung_in(call, 0), *indices = rung_in(call, 1);
  rung_tensor *y = rung_out(call, 0);
  RUNG_RUN_REQUIRE(x->rank >= 3 && y->rank == x->rank && rung_tensor_same_shape(x, indices),
                   "indices are not shaped like the input");
  int64_t pooled[RUNG_MAX_RANK] = {x->dims[0], x->dims[1]};
  size_t count, size = rung_dtype_size(x->dtype), n = rung_tensor_count(x);
  for (int32_t i = 2; i < x->rank; i++)
    RUNG_TRY(rung_unpool_axis_make(&p->window, x->rank - 2, i - 2, x->dims[i], &pooled[i]));
  RUNG_REQUIRE(rung_shape_count(x->rank, pooled, &count), LIMIT, "the output is too large");
  rung_strided_zero(call, y->data, y->size);
  for (size_t i = 0; i < n && !rung_kernel_stops_at(call, i); i++) {
    int64_t index = ((const int64_t *)indices->data)[i], rest = index, at = 0, step = 1;
    RUNG_RUN_REQUIRE(index >= 0 && (size_t)index < count, "index %lld is outside [0, %zu)", (long long)index, count);
    bool inside = true;
    for (int32_t d = x->rank - 1; d >= 0; d--) {
      int64_t coordinate = rest % pooled[d];
      rest /= pooled[d];
      inside &= coordinate < y->dims[d];
      at += coordinate * step;
      step *= y->dims[d];
    }
    if (inside) memcpy((char *)y->data + (size_t)at * size, (const char *)x->data + i * size, size);
  }
  return NULL;
}

const rung_kernel rung_cpu_MaxUnpool = {.types = {{'T', RUNG_SET_FLOAT}}, .run = run_MaxUnpool};
