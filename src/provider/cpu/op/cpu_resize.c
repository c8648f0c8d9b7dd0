/* Resize and Upsample, one axis after the other, those that shrink first.
 *
 * Nearest elements are picked as they are, of any type. All else is computed in float32, in float64 for types that do
 * not fit into it; integers are rounded to the nearest, ties to even, and saturate. */
#include "op/resize.h"

#include "base/element.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/gather.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/resize_plan.h"

#include <math.h>

/* One axis: (outer, in, inner) to (outer, out, inner). */
typedef struct resize_pass {
  int32_t axis;
  const rung_resize_extent *extent;
  double roi[2];
  rung_resize_table table;
  size_t outer, in, out, inner;
} resize_pass;

typedef struct resize_plan {
  bool weighted;  /* else elements are picked */
  bool wide;      /* computed in float64 */
  bool converted; /* the elements are of another type than what is computed in */
  size_t element; /* bytes of what is computed in */
  int32_t rank, pass_count;
  rung_resize_extent extents[RUNG_MAX_RANK];
  resize_pass passes[RUNG_MAX_RANK];
  size_t table_bytes, buffer_bytes[2]; /* scratch: tables, then two buffers for what is between the passes */
} resize_plan;

/* Planning */

static rung_status *read_scales(const rung_kernel_call *call, const float **out_scales, size_t *out_count) {
  const rung_resize_params *p = call->params;
  const rung_tensor *scales = p->scales_input >= 0 ? rung_in(call, (uint32_t)p->scales_input) : NULL;
  *out_scales = scales ? scales->data : p->scales.at;
  *out_count = scales ? rung_tensor_count(scales) : p->scales.count;
  RUNG_RUN_REQUIRE(*out_count == 0 || *out_scales, "the scales are not known");
  return NULL;
}

static rung_status *settle(const rung_kernel_call *call, rung_resize_extent *extents) {
  const rung_resize_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0),
                    *sizes = p->sizes_input >= 0 ? rung_in(call, (uint32_t)p->sizes_input) : NULL;
  const float *scales;
  size_t count;
  if (sizes && rung_tensor_count(sizes)) {
    RUNG_RUN_REQUIRE(sizes->data, "the sizes are not known");
    return rung_resize_settle(p, in->rank, in->dims, NULL, sizes->data, rung_tensor_count(sizes), extents);
  }
  RUNG_TRY(read_scales(call, &scales, &count));
  return rung_resize_settle(p, in->rank, in->dims, scales, NULL, count, extents);
}

/* The part of the axis that tf_crop_and_resize takes: 0 to 1 unless the roi, when it is known, says otherwise. */
static rung_status *read_roi(const rung_kernel_call *call, int32_t axis, double roi[2]) {
  const rung_resize_params *p = call->params;
  const rung_tensor *tensor = rung_in(call, 1);
  int32_t rank = rung_in(call, 0)->rank;
  size_t count = p->axes.count ? p->axes.count : (size_t)rank, place = (size_t)axis;
  roi[0] = 0;
  roi[1] = 1;
  if (p->coordinates != RUNG_COORDINATES_TF_CROP || !tensor || rung_tensor_count(tensor) == 0 || !tensor->data)
    return NULL;
  RUNG_RUN_REQUIRE(rung_tensor_count(tensor) == 2 * count, "the roi has %zu elements, %zu are expected",
                   rung_tensor_count(tensor), 2 * count);
  for (size_t i = 0; i < p->axes.count; i++)
    if (p->axes.at[i] == axis || p->axes.at[i] + rank == axis) place = i;
  roi[0] = rung_element_get(tensor->dtype, tensor->data, place);
  roi[1] = rung_element_get(tensor->dtype, tensor->data, place + count);
  return NULL;
}

/* Does this axis stay as it is? What the roi will be must not decide about the layout of scratch. */
static bool is_untouched(const rung_resize_params *p, const rung_resize_extent *e) {
  return !e->resized || (e->in == e->out && e->scale == 1 && p->coordinates != RUNG_COORDINATES_TF_CROP);
}

/* What the work of a pass depends on: the rows of the others, and whether its own is walked along or across. So: what
 * shrinks first, by its factor; then the last axis, along rows that are few; then what grows. */
static double pass_order(const resize_plan *plan, int32_t axis) {
  const rung_resize_extent *e = &plan->extents[axis];
  return axis == plan->rank - 1 ? 1 : (double)e->out / (double)RUNG_MAX(e->in, 1);
}

static void order_passes(resize_plan *plan, const rung_resize_params *p) {
  for (int32_t axis = plan->rank - 1; axis >= 0; axis--) {
    if (is_untouched(p, &plan->extents[axis])) continue;
    int32_t at = plan->pass_count++;
    for (; at > 0 && pass_order(plan, plan->passes[at - 1].axis) > pass_order(plan, axis); at--)
      plan->passes[at] = plan->passes[at - 1];
    plan->passes[at] = (resize_pass){.axis = axis, .extent = &plan->extents[axis]};
  }
}

static rung_status *size_passes(resize_plan *plan, const rung_resize_params *p) {
  int64_t dims[RUNG_MAX_RANK];
  size_t total = 0, bytes;
  for (int32_t i = 0; i < plan->rank; i++) dims[i] = plan->extents[i].in;
  for (int32_t k = 0; k < plan->pass_count; k++) {
    resize_pass *pass = &plan->passes[k];
    size_t count, weights;
    pass->in = (size_t)pass->extent->in;
    pass->out = (size_t)pass->extent->out;
    dims[pass->axis] = pass->extent->out;
    pass->outer = pass->inner = 1;
    for (int32_t i = 0; i < pass->axis; i++) pass->outer *= (size_t)dims[i];
    for (int32_t i = pass->axis + 1; i < plan->rank; i++) pass->inner *= (size_t)dims[i];
    pass->table.taps = rung_resize_taps(p, pass->extent);
    RUNG_REQUIRE(rung_mul_size(pass->out, plan->weighted ? pass->table.taps + 1 : 1, &weights) &&
                     rung_mul_size(weights, sizeof(double), &weights) && rung_add_size(total, weights, &total),
                 LIMIT, "a table of %zu positions", pass->out);
    RUNG_REQUIRE(rung_shape_count(plan->rank, dims, &count) && rung_mul_size(count, plan->element, &bytes), LIMIT,
                 "the size overflows");
    bool kept = k + 1 < plan->pass_count || plan->converted; /* the last one writes the output itself */
    if (plan->weighted && kept)
      plan->buffer_bytes[k & 1] = RUNG_MAX(plan->buffer_bytes[k & 1], RUNG_ROUND_UP(bytes, RUNG_TENSOR_ALIGN));
  }
  plan->table_bytes = RUNG_ROUND_UP(total, RUNG_TENSOR_ALIGN);
  return NULL;
}

static rung_status *make_plan(const rung_kernel_call *call, resize_plan *plan) {
  const rung_resize_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0);
  rung_dtypes wide =
      RUNG_SET(RUNG_F64) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64) | RUNG_SET(RUNG_U32) | RUNG_SET(RUNG_U64);
  *plan = (resize_plan){.rank = in->rank,
                        .weighted = p->mode != RUNG_RESIZE_NEAREST || p->coordinates == RUNG_COORDINATES_TF_CROP};
  plan->wide = wide >> in->dtype & 1;
  plan->converted = in->dtype != RUNG_F32 && in->dtype != RUNG_F64;
  plan->element = plan->wide ? sizeof(double) : sizeof(float);
  RUNG_TRY(settle(call, plan->extents));
  order_passes(plan, p);
  RUNG_TRY(size_passes(plan, p));
  if (!plan->weighted || !plan->converted || plan->pass_count == 0) return NULL;
  size_t bytes; /* the input goes where the first pass does not write */
  RUNG_REQUIRE(rung_mul_size(rung_tensor_count(in), plan->element, &bytes), LIMIT, "the size overflows");
  plan->buffer_bytes[1] = RUNG_MAX(plan->buffer_bytes[1], RUNG_ROUND_UP(bytes, RUNG_TENSOR_ALIGN));
  return NULL;
}

static rung_status *prepare_resize(rung_kernel_call *call) {
  resize_plan plan;
  RUNG_TRY(make_plan(call, &plan));
  RUNG_REQUIRE(rung_add_size(plan.table_bytes, plan.buffer_bytes[0], &call->scratch_size) &&
                   rung_add_size(call->scratch_size, plan.buffer_bytes[1], &call->scratch_size),
               LIMIT, "the size overflows");
  return NULL;
}

/* Lays the tables out in scratch and fills them; weights that are needed in float32 are rounded where they are. */
static rung_status *fill_tables(const rung_kernel_call *call, resize_plan *plan) {
  const rung_resize_params *p = call->params;
  char *at = call->scratch;
  for (int32_t k = 0; k < plan->pass_count; k++) {
    resize_pass *pass = &plan->passes[k];
    size_t weights = plan->weighted ? pass->out * pass->table.taps : 0;
    pass->table.first = (int64_t *)at;
    pass->table.weights = plan->weighted ? (double *)at + pass->out : NULL;
    at += (pass->out + weights) * sizeof(double);
    RUNG_TRY(read_roi(call, pass->axis, pass->roi));
    rung_resize_fill(p, pass->extent, pass->roi, &pass->table);
    for (size_t i = 0; i < weights && !plan->wide; i++) {
      float narrow = (float)pass->table.weights[i];
      memcpy((char *)pass->table.weights + i * sizeof narrow, &narrow, sizeof narrow);
    }
  }
  return NULL;
}

/* Picking */

/* Dimensions from the innermost on; those next to each other that stay as they are count as one. */
typedef struct pick_job {
  const char *from;
  char *to;
  size_t size; /* bytes of an element, trailing untouched dimensions included */
  int32_t rank;
  size_t repeat;                                    /* every element of a row as many times; 0: as the table says */
  size_t out[RUNG_MAX_RANK], stride[RUNG_MAX_RANK]; /* stride: bytes, in the input */
  const int64_t *first[RUNG_MAX_RANK];              /* NULL: untouched */
} pick_job;

/* Constants to the compiler: a load and some stores, of many elements at once. */
#define REPEAT_CASE(bytes, times)                                                                       \
  if (size == bytes && repeat == times) {                                                               \
    for (size_t i = 0; i < count; i++)                                                                  \
      for (size_t k = 0; k < times; k++) memcpy(to + (times * i + k) * bytes, from + i * bytes, bytes); \
    return true;                                                                                        \
  }

static bool repeat_row(size_t count, size_t repeat, size_t size, const char *from, char *to) {
  REPEAT_CASE(1, 2)
  REPEAT_CASE(2, 2)
  REPEAT_CASE(4, 2)
  REPEAT_CASE(1, 4)
  REPEAT_CASE(2, 4)
  REPEAT_CASE(4, 4)
  return false;
}

static void pick_row(const pick_job *j, const char *from, char *to) {
  if (j->repeat && repeat_row(j->out[0] / j->repeat, j->repeat, j->size, from, to)) return;
  rung_gather_row(from, to, j->first[0], j->out[0], j->size);
}

static void pick_rows(void *context, size_t begin, size_t end) {
  const pick_job *j = context;
  size_t bytes = j->out[0] * j->size, before = 0;
  for (size_t row = begin; row < end; row++) {
    size_t rest = row, from = 0;
    for (int32_t i = 1; i < j->rank; i++) {
      size_t at = rest % j->out[i];
      rest /= j->out[i];
      from += (j->first[i] ? (size_t)j->first[i][at] : at) * j->stride[i];
    }
    char *to = j->to + row * bytes;
    if (row > begin && from == before)
      memcpy(to, to - bytes, bytes); /* enlarged: the same row again */
    else
      pick_row(j, j->from + from, to);
    before = from;
  }
}

static size_t find_repeat(size_t in, size_t out, const int64_t *first) {
  if (in == 0 || out % in != 0) return 0;
  for (size_t i = 0; i < out; i++)
    if ((size_t)first[i] != i / (out / in)) return 0;
  return out / in;
}

static void pick(const rung_kernel_call *call, const resize_plan *plan) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  const int64_t *first[RUNG_MAX_RANK] = {NULL};
  pick_job job = {.from = in->data, .to = out->data, .size = rung_dtype_size(in->dtype)};
  for (int32_t k = 0; k < plan->pass_count; k++) first[plan->passes[k].axis] = plan->passes[k].table.first;
  int32_t last = plan->rank - 1;
  for (; !first[last]; last--) job.size *= (size_t)in->dims[last];
  size_t stride = job.size, rows = 1;
  for (int32_t i = last; i >= 0; i--) {
    size_t dim = (size_t)out->dims[i];
    if (i < last) rows *= dim;
    if (!first[i] && job.rank && !job.first[job.rank - 1]) {
      job.out[job.rank - 1] *= dim;
    } else {
      job.out[job.rank] = dim;
      job.first[job.rank] = first[i];
      job.stride[job.rank++] = stride;
    }
    stride *= (size_t)in->dims[i];
  }
  job.repeat = find_repeat((size_t)in->dims[last], job.out[0], job.first[0]);
  rung_kernel_parallel(call, rows, rung_kernel_grain(20 + job.out[0] * (1 + job.size / 16)), pick_rows, &job);
}

/* Weighing */

typedef struct weigh_job {
  const resize_pass *pass;
  const void *from;
  void *to;
  double outside; /* the extrapolation value */
} weigh_job;

#define WEIGH_LOOPS(T)                                                                                                \
  static void weigh_row_##T(const weigh_job *j, const T *from, T *to, size_t x) {                                     \
    const rung_resize_table *table = &j->pass->table;                                                                 \
    size_t inner = j->pass->inner, taps = table->taps;                                                                \
    const T *w = (const T *)table->weights + x * taps;                                                                \
    if (table->first[x] < 0) {                                                                                        \
      for (size_t i = 0; i < inner; i++) to[i] = (T)j->outside;                                                       \
      return;                                                                                                         \
    }                                                                                                                 \
    from += (size_t)table->first[x] * inner;                                                                          \
    if (taps == 1) {                                                                                                  \
      for (size_t i = 0; i < inner; i++) to[i] = w[0] * from[i];                                                      \
      return;                                                                                                         \
    }                                                                                                                 \
    for (size_t i = 0; i < inner; i++) to[i] = w[0] * from[i] + w[1] * from[inner + i];                               \
    for (size_t t = 2; t < taps; t++)                                                                                 \
      for (size_t i = 0; i < inner; i++) to[i] += w[t] * from[t * inner + i];                                         \
  }                                                                                                                   \
  /* Unit: one output row of `inner` elements. */                                                                     \
  static void weigh_rows_##T(void *context, size_t begin, size_t end) {                                               \
    const weigh_job *j = context;                                                                                     \
    const resize_pass *pass = j->pass;                                                                                \
    for (size_t row = begin; row < end; row++)                                                                        \
      weigh_row_##T(j, (const T *)j->from + row / pass->out * pass->in * pass->inner, (T *)j->to + row * pass->inner, \
                    row % pass->out);                                                                                 \
  }                                                                                                                   \
  /* Four sums side by side, in an order that is always the same. */                                                  \
  static T dot_##T(size_t n, const T *w, const T *x) {                                                                \
    T a = 0, b = 0, c = 0, d = 0;                                                                                     \
    size_t i = 0;                                                                                                     \
    for (; i + 4 <= n; i += 4) {                                                                                      \
      a += w[i] * x[i];                                                                                               \
      b += w[i + 1] * x[i + 1];                                                                                       \
      c += w[i + 2] * x[i + 2];                                                                                       \
      d += w[i + 3] * x[i + 3];                                                                                       \
    }                                                                                                                 \
    for (; i < n; i++) a += w[i] * x[i];                                                                              \
    return (a + b) + (c + d);                                                                                         \
  }                                                                                                                   \
  /* Unit: one line along the last dimension. */                                                                      \
  static void weigh_lines_##T(void *context, size_t begin, size_t end) {                                              \
    const weigh_job *j = context;                                                                                     \
    const resize_pass *pass = j->pass;                                                                                \
    const int64_t *first = pass->table.first;                                                                         \
    const T *w = (const T *)pass->table.weights;                                                                      \
    size_t taps = pass->table.taps;                                                                                   \
    for (size_t line = begin; line < end; line++) {                                                                   \
      const T *from = (const T *)j->from + line * pass->in;                                                           \
      T *to = (T *)j->to + line * pass->out;                                                                          \
      if (taps == 2) {                                                                                                \
        for (size_t x = 0; x < pass->out; x++)                                                                        \
          to[x] = first[x] < 0 ? (T)j->outside : w[2 * x] * from[first[x]] + w[2 * x + 1] * from[first[x] + 1];       \
      } else {                                                                                                        \
        for (size_t x = 0; x < pass->out; x++)                                                                        \
          to[x] = first[x] < 0 ? (T)j->outside : dot_##T(taps, w + x * taps, from + first[x]);                        \
      }                                                                                                               \
    }                                                                                                                 \
  }
WEIGH_LOOPS(float)
WEIGH_LOOPS(double)

static void weigh(const rung_kernel_call *call, const resize_plan *plan, const resize_pass *pass, const void *from,
                  void *to) {
  weigh_job job = {pass, from, to, ((const rung_resize_params *)call->params)->extrapolation_value};
  size_t each = pass->inner * pass->table.taps / 4 + 5;
  if (pass->inner == 1) {
    each = pass->out * pass->table.taps;
    rung_kernel_parallel(call, pass->outer, rung_kernel_grain(each),
                         plan->wide ? weigh_lines_double : weigh_lines_float, &job);
  } else {
    rung_kernel_parallel(call, pass->outer * pass->out, rung_kernel_grain(each),
                         plan->wide ? weigh_rows_double : weigh_rows_float, &job);
  }
}

/* Elements to what is computed in, and back. */

typedef struct convert_job {
  rung_dtype from_type, to_type;
  const char *from;
  char *to;
} convert_job;

static void convert_piece(void *context, size_t begin, size_t end) {
  const convert_job *j = context;
  rung_convert(&rung_convert_defaults, end - begin, j->from_type, j->from + begin * rung_dtype_size(j->from_type),
               j->to_type, j->to + begin * rung_dtype_size(j->to_type));
}

static void convert(const rung_kernel_call *call, size_t count, rung_dtype from_type, const void *from,
                    rung_dtype to_type, void *to) {
  rung_kernel_parallel(call, count, rung_kernel_grain(1), convert_piece, &(convert_job){from_type, to_type, from, to});
}

/* Integers: whole numbers in range, as the conversion expects them; NaN becomes 0. */
static void round_to(rung_dtype dtype, bool wide, size_t count, void *data) {
  int bits = rung_dtype_facts(dtype)->bits;
  bool is_signed = RUNG_SET_SIGNED >> dtype & 1;
  double low = is_signed ? -ldexp(1, bits - 1) : 0, high = ldexp(1, bits - is_signed) - 1; /* of 64 bits: one more */
  double *doubles = data;
  float *floats = data;
  for (size_t i = 0; i < count; i++) {
    double x = wide ? doubles[i] : (double)floats[i];
    x = x != x ? 0 : RUNG_CLAMP(rint(x), low, high);
    if (wide)
      doubles[i] = x;
    else
      floats[i] = (float)x;
  }
}

static void run_passes(const rung_kernel_call *call, const resize_plan *plan) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  rung_dtype computed = plan->wide ? RUNG_F64 : RUNG_F32;
  char *buffers[2] = {(char *)call->scratch + plan->table_bytes,
                      (char *)call->scratch + plan->table_bytes + plan->buffer_bytes[0]};
  const void *from = in->data;
  if (plan->converted) {
    convert(call, rung_tensor_count(in), in->dtype, from, computed, buffers[1]);
    from = buffers[1];
  }
  for (int32_t k = 0; k < plan->pass_count; k++) {
    void *to = k + 1 < plan->pass_count || plan->converted ? buffers[k & 1] : out->data;
    weigh(call, plan, &plan->passes[k], from, to);
    from = to;
  }
  if (!plan->converted) return;
  size_t count = rung_tensor_count(out);
  if (RUNG_SET_INTEGER >> out->dtype & 1) round_to(out->dtype, plan->wide, count, buffers[(plan->pass_count - 1) & 1]);
  convert(call, count, computed, from, out->dtype, out->data);
}

/* Operators */

static rung_status *resize(rung_kernel_call *call) {
  resize_plan plan;
  RUNG_TRY(make_plan(call, &plan));
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  for (int32_t i = 0; i < plan.rank; i++)
    RUNG_RUN_REQUIRE(out && plan.extents[i].out == out->dims[i], "dimension %d becomes another than was expected", i);
  if (out->size == 0) return NULL;
  if (plan.pass_count == 0) {
    memcpy(out->data, in->data, out->size);
    return NULL;
  }
  RUNG_TRY(fill_tables(call, &plan));
  if (plan.weighted)
    run_passes(call, &plan);
  else
    pick(call, &plan);
  return NULL;
}

/* Strings, bits and complex numbers have no weighted mean. */
static const char *refuse_resize(const rung_node *node, rung_reason *out_reason) {
  const rung_resize_params *p = node->params;
  rung_dtype dtype = node->inputs[0]->type.dtype;
  if (p->mode == RUNG_RESIZE_NEAREST && p->coordinates != RUNG_COORDINATES_TF_CROP) return NULL;
  if (!dtype || (RUNG_SET_NUMERIC & RUNG_SET(dtype))) return NULL;
  *out_reason = RUNG_REASON_TYPE;
  return "interpolation of elements that are no numbers";
}

static rung_status *run_resize(rung_kernel_call *call) {
  rung_dtype dtype = rung_in(call, 0)->dtype;
  const rung_resize_params *p = call->params;
  bool weighted = p->mode != RUNG_RESIZE_NEAREST || p->coordinates == RUNG_COORDINATES_TF_CROP;
  RUNG_REQUIRE(!weighted || (RUNG_SET_NUMERIC & RUNG_SET(dtype)), UNSUPPORTED, "interpolation of %s",
               rung_dtype_name(dtype));
  return rung_moved(call, resize);
}

const rung_kernel rung_cpu_Resize = {.refuse = refuse_resize, .prepare = prepare_resize, .run = run_resize};
const rung_kernel rung_cpu_Upsample = {.refuse = refuse_resize, .prepare = prepare_resize, .run = run_resize};
