/* Margins: Pad, CenterCropPad. The output is made row by row, left margin, middle and right margin of each.
 */
#include "op/padding.h"

#include "base/half.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/strided.h"

/* Output element o of a dimension is input element o - begin, where the input has it: in [low, high).
 * Elsewhere the mode says which one it is. Dimensions without margins are merged with their neighbours. */
typedef struct pad_dim {
  int64_t out, begin, low, high;
  int64_t stride; /* bytes, of the input */
} pad_dim;

typedef struct pad_job {
  int mode;
  int32_t rank; /* >= 1; rows run along the last */
  pad_dim dims[RUNG_MAX_RANK];
  size_t size;       /* bytes of an element, merged dimensions included */
  const void *value; /* what a constant margin holds */
  size_t value_size; /* divides size */
  const char *from;
  char *to;
} pad_job;

/* The input element that stands at `i`, outside of the dimension. */
static int64_t reflected(const pad_job *job, const pad_dim *d, int64_t i) {
  int64_t n = d->high - d->low, at = i - d->low;
  if (job->mode == RUNG_PAD_EDGE) return i < d->low ? d->low : d->high - 1;
  int64_t period = job->mode == RUNG_PAD_WRAP ? n : RUNG_MAX(1, 2 * (n - 1));
  at %= period;
  if (at < 0) at += period;
  return d->low + (at < n ? at : period - at);
}

static void fill(const pad_job *job, char *to, int64_t elements) {
  rung_strided_fill(to, (size_t)elements * (job->size / job->value_size), job->value, job->value_size);
}

/* Output elements [from, to) of a row, all in its margin. */
static void fill_margin(const pad_job *job, const char *row, char *out, int64_t from, int64_t to) {
  const pad_dim *d = &job->dims[job->rank - 1];
  if (from >= to) return;
  if (job->mode == RUNG_PAD_CONSTANT) {
    fill(job, out + (size_t)from * job->size, to - from);
    return;
  }
  for (int64_t o = from; o < to; o++)
    memcpy(out + (size_t)o * job->size, row + reflected(job, d, o - d->begin) * d->stride, job->size);
}

static void pad_rows(void *context, size_t begin, size_t end) {
  const pad_job *job = context;
  const pad_dim *inner = &job->dims[job->rank - 1];
  int64_t middle = RUNG_CLAMP(inner->begin + inner->low, 0, inner->out);
  int64_t right = RUNG_CLAMP(inner->begin + inner->high, middle, inner->out);
  for (size_t row = begin; row < end; row++) {
    const char *from = job->from;
    char *to = job->to + row * (size_t)inner->out * job->size;
    size_t rest = row;
    bool outside = false;
    for (int32_t i = job->rank - 2; i >= 0; i--) {
      const pad_dim *d = &job->dims[i];
      int64_t at = (int64_t)(rest % (size_t)d->out) - d->begin;
      rest /= (size_t)d->out;
      if (at < d->low || at >= d->high) {
        outside |= job->mode == RUNG_PAD_CONSTANT;
        at = outside ? 0 : reflected(job, d, at);
      }
      from += at * d->stride;
    }
    if (outside) {
      fill(job, to, inner->out);
      continue;
    }
    fill_margin(job, from, to, 0, middle);
    if (right > middle)
      memcpy(to + (size_t)middle * job->size, from + (middle - inner->begin) * inner->stride,
             (size_t)(right - middle) * job->size);
    fill_margin(job, from, to, right, inner->out);
  }
}

/* Nothing added, nothing cut. */
static bool is_whole(const pad_dim *d, int64_t in) { return d->begin == 0 && d->out == in; }

/* Merges from the last dimension on: into the element, then among dimensions. */
static void merge_dims(pad_job *job, const rung_tensor *in, const pad_dim *dims) {
  pad_dim merged[RUNG_MAX_RANK];
  int32_t count = 0;
  int64_t stride = (int64_t)job->size;
  bool after_whole = false; /* the last dimension in `merged` is whole */
  for (int32_t i = in->rank - 1; i >= 0; i--) {
    pad_dim d = dims[i];
    bool whole = is_whole(&d, in->dims[i]);
    d.stride = stride;
    stride *= in->dims[i];
    if (whole && count == 0) {
      job->size *= (size_t)d.out;
    } else if (whole && after_whole) {
      merged[count - 1].out *= d.out;
      merged[count - 1].high *= d.out;
    } else {
      merged[count++] = d;
      after_whole = whole;
    }
  }
  job->rank = count;
  for (int32_t i = 0; i < count; i++) job->dims[i] = merged[count - 1 - i];
  if (count == 0) job->dims[job->rank++] = (pad_dim){.out = 1, .high = 1};
}

/* `value`: one element, or NULL for zeros. */
static rung_status *pad(const rung_kernel_call *call, int mode, const int64_t *begin, const int64_t *end,
                        const void *value) {
  static const char zeros[16];
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  size_t size = rung_dtype_size(in->dtype), rows = 1;
  pad_job job = {.mode = mode,
                 .size = size,
                 .value_size = size,
                 .value = value ? value : zeros,
                 .from = in->data,
                 .to = out->data};
  pad_dim dims[RUNG_MAX_RANK];
  for (int32_t i = 0; i < in->rank; i++) {
    dims[i] = (pad_dim){.out = out->dims[i], .begin = begin[i], .low = RUNG_MAX(0, -begin[i])};
    dims[i].high = RUNG_MIN(in->dims[i], in->dims[i] + end[i]);
    RUNG_RUN_REQUIRE(out->dims[i] == in->dims[i] + begin[i] + end[i], "dimension %d is not what the pads make of it",
                     i);
    RUNG_RUN_REQUIRE(mode == RUNG_PAD_CONSTANT || out->size == 0 || dims[i].high > dims[i].low,
                     "dimension %d has nothing to pad with", i);
  }
  if (out->size == 0) return NULL;
  merge_dims(&job, in, dims);
  for (int32_t i = 0; i < job.rank - 1; i++) rows *= (size_t)job.dims[i].out;
  size_t bytes = (size_t)job.dims[job.rank - 1].out * job.size;
  rung_kernel_parallel(call, rows, RUNG_MAX(1, (128 << 10) / RUNG_MAX(bytes, 64)), pad_rows, &job);
  return NULL;
}

/* Pad */

typedef union pad_value {
  float f32;
  double f64;
  uint16_t half;
} pad_value;

/* Before opset 11 the value is an attribute, and the elements are floats. */
static rung_status *attribute_value(rung_dtype dtype, float value, pad_value *out) {
  switch (dtype) {
    case RUNG_F32:
      out->f32 = value;
      break;
    case RUNG_F64:
      out->f64 = value;
      break;
    case RUNG_F16:
      out->half = rung_f32_to_f16(value);
      break;
    case RUNG_BF16:
      out->half = rung_f32_to_bf16(value);
      break;
    default:
      RUNG_REQUIRE(value == 0, UNSUPPORTED, "a margin of %g in %s; convert the model to opset 11 or newer",
                   (double)value, rung_dtype_name(dtype));
      *out = (pad_value){0};
  }
  return NULL;
}

static rung_status *run_pad(rung_kernel_call *call) {
  const rung_pad_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *pads = rung_in(call, 1), *constant = rung_in(call, 2),
                    *axes = rung_in(call, 3);
  int64_t list[2 * RUNG_MAX_RANK], axis_list[RUNG_MAX_RANK], begin[RUNG_MAX_RANK], end[RUNG_MAX_RANK];
  size_t count = p->pads.count, axis_count = 0;
  pad_value value[8] = {{0}}; /* room for the largest element, zero */
  if (pads) RUNG_TRY(rung_kernel_ints(pads, list, RUNG_COUNT(list), &count));
  if (axes) RUNG_TRY(rung_kernel_ints(axes, axis_list, RUNG_COUNT(axis_list), &axis_count));
  RUNG_TRY(rung_pad_spread(in->rank, pads ? list : p->pads.at, count, axes ? axis_list : NULL, axis_count, begin, end));
  RUNG_RUN_REQUIRE(!constant || rung_tensor_count(constant) == 1, "constant_value has %zu elements, 1 is expected",
                   rung_tensor_count(constant));
  if (!pads) RUNG_TRY(attribute_value(in->dtype, p->value, value));
  return pad(call, p->mode, begin, end, constant ? constant->data : value);
}

RUNG_MOVED_KERNEL(Pad, run_pad)

/* CenterCropPad */

static rung_status *center_crop_pad(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  int64_t begin[RUNG_MAX_RANK], end[RUNG_MAX_RANK];
  for (int32_t i = 0; i < in->rank; i++) {
    int64_t more = out->dims[i] - in->dims[i];
    begin[i] = more / 2; /* towards zero: the odd element is added, or cut, at the end */
    end[i] = more - begin[i];
  }
  return pad(call, RUNG_PAD_CONSTANT, begin, end, NULL);
}

RUNG_MOVED_KERNEL(CenterCropPad, center_crop_pad)
