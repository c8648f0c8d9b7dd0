/* Kernels that are strided copies. */
#include "op/filling.h"
#include "op/movement.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/strided.h"

static size_t element_size(const rung_tensor *tensor) { return rung_dtype_size(tensor->dtype); }

/* Copies `dims` elements from `in`, seen with strides `from`, to `out`, seen with strides `to`. Offsets in
 * elements. */
static void copy(const rung_kernel_call *call, const rung_tensor *in, int64_t from_offset, const int64_t *from,
                 const rung_tensor *out, int64_t to_offset, const int64_t *to, int32_t rank, const int64_t *dims) {
  size_t size = element_size(in);
  rung_strided plan;
  rung_strided_make(&plan, size, rank, dims, from, to);
  if (plan.count == 0) return;
  rung_strided_run(call, &plan, (const char *)in->data + from_offset * (int64_t)size,
                   (char *)out->data + to_offset * (int64_t)size);
}

static rung_status *transpose(rung_kernel_call *call) {
  const rung_transpose_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  int64_t dense[RUNG_MAX_RANK], from[RUNG_MAX_RANK], to[RUNG_MAX_RANK];
  rung_strided_dense(in->rank, in->dims, dense);
  rung_strided_dense(out->rank, out->dims, to);
  for (int32_t i = 0; i < in->rank; i++) from[i] = dense[p->perm.count ? p->perm.at[i] : in->rank - 1 - i];
  copy(call, in, 0, from, out, 0, to, in->rank, out->dims);
  return NULL;
}

/* Concat, Split: rows of one tensor are pieces of longer rows of the other. */
static rung_status *concat(rung_kernel_call *call) {
  const rung_concat_params *p = call->params;
  const rung_tensor *out = rung_out(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, out->rank, &axis));
  int64_t outer = rung_tensor_span(out, 0, axis), whole = rung_tensor_span(out, axis, out->rank), at = 0;
  for (uint32_t i = 0; i < call->input_count; i++) {
    const rung_tensor *in = rung_in(call, i);
    int64_t row = rung_tensor_span(in, axis, in->rank);
    copy(call, in, 0, (int64_t[]){row, 1}, out, at, (int64_t[]){whole, 1}, 2, (int64_t[]){outer, row});
    at += row;
  }
  return NULL;
}

/* How much of the dimension output `i` takes, also when nobody wants it. `at` is where it begins. */
static int64_t split_size(const rung_kernel_call *call, uint32_t i, int64_t dim, int64_t at) {
  const rung_split_params *p = call->params;
  const rung_tensor *sizes = rung_in(call, 1);
  int64_t said;
  if (rung_out(call, i)) return rung_out(call, i)->dims[p->axis < 0 ? p->axis + rung_in(call, 0)->rank : p->axis];
  if (sizes) return rung_element_int(sizes, i, &said) ? said : -1;
  if (p->split.count) return p->split.at[i];
  int64_t parts = p->num_outputs ? p->num_outputs : call->output_count;
  return RUNG_MIN(dim / parts + (dim % parts != 0), dim - at);
}

static rung_status *split(rung_kernel_call *call) {
  const rung_split_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, in->rank, &axis));
  int64_t outer = rung_tensor_span(in, 0, axis), inner = rung_tensor_span(in, axis + 1, in->rank);
  int64_t dim = in->dims[axis], at = 0;
  for (uint32_t i = 0; i < call->output_count; i++) {
    const rung_tensor *out = rung_out(call, i);
    int64_t size = split_size(call, i, dim, at);
    RUNG_RUN_REQUIRE(size >= 0 && size <= dim - at, "size %u is %lld, %lld are left", i, (long long)size,
                     (long long)(dim - at));
    int64_t row = size * inner;
    if (out)
      copy(call, in, at * inner, (int64_t[]){dim * inner, 1}, out, 0, (int64_t[]){row, 1}, 2, (int64_t[]){outer, row});
    at += size;
  }
  return NULL;
}

static rung_status *expand(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  int64_t dense[RUNG_MAX_RANK], from[RUNG_MAX_RANK], to[RUNG_MAX_RANK];
  rung_strided_dense(in->rank, in->dims, dense);
  rung_strided_dense(out->rank, out->dims, to);
  for (int32_t i = 0; i < out->rank; i++) {
    int32_t at = i - (out->rank - in->rank);
    from[i] = at < 0 || in->dims[at] == 1 ? 0 : dense[at];
  }
  copy(call, in, 0, from, out, 0, to, out->rank, out->dims);
  return NULL;
}

static rung_status *tile(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  int64_t dense_in[RUNG_MAX_RANK], dense_out[RUNG_MAX_RANK];
  int64_t dims[RUNG_STRIDED_RANK], from[RUNG_STRIDED_RANK], to[RUNG_STRIDED_RANK];
  if (rung_tensor_count(out) == 0) return NULL;
  rung_strided_dense(in->rank, in->dims, dense_in);
  rung_strided_dense(out->rank, out->dims, dense_out);
  for (int32_t i = 0; i < in->rank; i++) { /* which repeat, and where in it */
    dims[2 * i] = out->dims[i] / in->dims[i];
    from[2 * i] = 0;
    to[2 * i] = dense_out[i] * in->dims[i];
    dims[2 * i + 1] = in->dims[i];
    from[2 * i + 1] = dense_in[i];
    to[2 * i + 1] = dense_out[i];
  }
  copy(call, in, 0, from, out, 0, to, 2 * in->rank, dims);
  return NULL;
}

RUNG_MOVED_KERNEL(Transpose, transpose)
RUNG_MOVED_KERNEL(Concat, concat)
RUNG_MOVED_KERNEL(Split, split)
RUNG_MOVED_KERNEL(Expand, expand)
RUNG_MOVED_KERNEL(Tile, tile)

/* Slice */

/* One list of a Slice: from the attribute, from an input, or left out (count 0). */
static rung_status *read_list(const rung_kernel_call *call, rung_ints attribute, uint32_t input,
                              int64_t list[RUNG_MAX_RANK], size_t *out_count) {
  const rung_tensor *tensor = rung_in(call, input);
  *out_count = 0;
  if (tensor) return rung_kernel_ints(tensor, list, RUNG_MAX_RANK, out_count);
  if (attribute.count) memcpy(list, attribute.at, attribute.count * sizeof *list);
  *out_count = attribute.count;
  return NULL;
}

static rung_status *read_ranges(const rung_kernel_call *call, const rung_tensor *in, rung_slice_range *ranges) {
  const rung_slice_params *p = call->params;
  int64_t starts[RUNG_MAX_RANK], ends[RUNG_MAX_RANK], axes[RUNG_MAX_RANK], steps[RUNG_MAX_RANK];
  size_t count, end_count, axis_count, step_count;
  RUNG_TRY(read_list(call, p->starts, 1, starts, &count));
  RUNG_TRY(read_list(call, p->ends, 2, ends, &end_count));
  RUNG_TRY(read_list(call, p->axes, 3, axes, &axis_count));
  RUNG_TRY(read_list(call, (rung_ints){0}, 4, steps, &step_count));
  RUNG_RUN_REQUIRE(
      count == end_count && (axis_count == 0 || axis_count == count) && (step_count == 0 || step_count == count),
      "%zu starts, %zu ends, %zu axes, %zu steps", count, end_count, axis_count, step_count);
  for (int32_t i = 0; i < in->rank; i++) ranges[i] = (rung_slice_range){0, 1, in->dims[i]};
  for (size_t i = 0; i < count; i++) {
    int32_t axis;
    RUNG_TRY(rung_kernel_axis(axis_count ? axes[i] : (int64_t)i, in->rank, &axis));
    RUNG_RUN_REQUIRE(!step_count || steps[i] != 0, "step %zu is 0", i);
    ranges[axis] = rung_slice_settle(in->dims[axis], starts[i], ends[i], step_count ? steps[i] : 1);
  }
  return NULL;
}

static rung_status *slice(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  rung_slice_range ranges[RUNG_MAX_RANK];
  int64_t from[RUNG_MAX_RANK], to[RUNG_MAX_RANK], offset = 0;
  RUNG_TRY(read_ranges(call, in, ranges));
  rung_strided_dense(in->rank, in->dims, from);
  rung_strided_dense(out->rank, out->dims, to);
  for (int32_t i = 0; i < in->rank; i++) {
    RUNG_RUN_REQUIRE(ranges[i].count == out->dims[i], "dimension %d is %lld, %lld was expected", i,
                     (long long)ranges[i].count, (long long)out->dims[i]);
    offset += ranges[i].start * from[i];
    from[i] *= ranges[i].step;
  }
  copy(call, in, offset, from, out, 0, to, in->rank, out->dims);
  return NULL;
}

RUNG_MOVED_KERNEL(Slice, slice)

/* DepthToSpace, SpaceToDepth: the channel holds a block of b x b, and which channel of a pixel that is. */

static rung_status *depth_to_space(rung_kernel_call *call) {
  const rung_depth_space_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  int64_t b = p->blocksize, channels = out->dims[1], height = in->dims[2], width = in->dims[3], plane = height * width;
  int64_t row = p->mode == RUNG_DEPTH_DCR ? b * channels * plane : b * plane;
  int64_t column = p->mode == RUNG_DEPTH_DCR ? channels * plane : plane;
  int64_t channel = p->mode == RUNG_DEPTH_DCR ? plane : b * b * plane;
  int64_t dims[] = {in->dims[0], channels, height, b, width, b}, to[RUNG_COUNT(dims)];
  rung_strided_dense(RUNG_COUNT(dims), dims, to);
  copy(call, in, 0, (int64_t[]){in->dims[1] * plane, channel, width, row, 1, column}, out, 0, to, RUNG_COUNT(dims),
       dims);
  return NULL;
}

static rung_status *space_to_depth(rung_kernel_call *call) {
  const rung_depth_space_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *out = rung_out(call, 0);
  int64_t b = p->blocksize, channels = in->dims[1], width = in->dims[3], plane = in->dims[2] * width;
  int64_t dims[] = {in->dims[0], b, b, channels, out->dims[2], out->dims[3]}, to[RUNG_COUNT(dims)];
  rung_strided_dense(RUNG_COUNT(dims), dims, to);
  copy(call, in, 0, (int64_t[]){channels * plane, width, 1, plane, b * width, b}, out, 0, to, RUNG_COUNT(dims), dims);
  return NULL;
}

RUNG_MOVED_KERNEL(DepthToSpace, depth_to_space)
RUNG_MOVED_KERNEL(SpaceToDepth, space_to_depth)

/* ReverseSequence: rows (time, batch) or (batch, time); the first length[batch] of each sequence are turned
 * round. */
typedef struct reverse_job {
  const char *from;
  char *to;
  const int64_t *lengths;
  size_t columns, bytes; /* of the second dimension; of a row */
  bool time_first;
} reverse_job;

static void reverse_rows(void *context, size_t begin, size_t end) {
  const reverse_job *j = context;
  for (size_t row = begin; row < end; row++) {
    size_t first = row / j->columns, second = row % j->columns;
    size_t time = j->time_first ? first : second, batch = j->time_first ? second : first;
    size_t length = (size_t)j->lengths[batch], source = time < length ? length - 1 - time : time;
    source = j->time_first ? source * j->columns + batch : batch * j->columns + source;
    memcpy(j->to + row * j->bytes, j->from + source * j->bytes, j->bytes);
  }
}

static rung_status *reverse_sequence(rung_kernel_call *call) {
  const rung_reverse_sequence_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *lengths = rung_in(call, 1), *out = rung_out(call, 0);
  const int64_t *length = lengths->data;
  int64_t times = in->dims[p->time_axis], batch = in->dims[p->batch_axis];
  RUNG_RUN_REQUIRE(lengths->rank == 1 && lengths->dims[0] == batch, "sequence_lens needs one length for each of %lld",
                   (long long)batch);
  for (int64_t i = 0; i < batch; i++)
    RUNG_RUN_REQUIRE(length[i] >= 0 && length[i] <= times, "length %lld is %lld, outside [0, %lld]", (long long)i,
                     (long long)length[i], (long long)times);
  if (out->size == 0) return NULL;
  size_t bytes = (size_t)rung_tensor_span(in, 2, in->rank) * element_size(in);
  reverse_job job = {in->data, out->data, length, (size_t)in->dims[1], bytes, p->time_axis == 0};
  rung_kernel_parallel(call, (size_t)(times * batch), rung_kernel_grain(5 + bytes / 16), reverse_rows, &job);
  return NULL;
}

RUNG_MOVED_KERNEL(ReverseSequence, reverse_sequence)
