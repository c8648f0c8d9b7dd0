/* Kernels whose output is as large as the data says: Compress, NonZero. */
#include "op/selection.h"
#include "provider/cpu/form/gather.h"
#include "provider/cpu/form/moved.h"

/* Compress. Scratch: the numbers of the rows that stay. */

static rung_status *prepare_Compress(rung_kernel_call *call) {
  call->scratch_size = rung_tensor_count(rung_in(call, 1)) * sizeof(int64_t);
  return NULL;
}

static rung_status *compress(rung_kernel_call *call) {
  const rung_compress_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *condition = rung_in(call, 1);
  int64_t dims[RUNG_MAX_RANK], *kept = call->scratch;
  int32_t axis = 0, rank = in->rank;
  rung_gather plan = {.from = in->data,
                      .indices = kept,
                      .outer = 1,
                      .limit = rung_tensor_count(in),
                      .bytes = rung_dtype_size(in->dtype)};
  memcpy(dims, in->dims, sizeof dims);
  if (p->axis == RUNG_NO_AXIS) {
    rank = 1;
  } else {
    RUNG_TRY(rung_kernel_axis(p->axis, in->rank, &axis));
    plan.outer = (size_t)rung_tensor_span(in, 0, axis);
    plan.limit = (size_t)in->dims[axis];
    plan.bytes *= (size_t)rung_tensor_span(in, axis + 1, in->rank);
  }
  const uint8_t *marks = condition->data;
  size_t count = RUNG_MIN(rung_tensor_count(condition), plan.limit); /* marks behind the end mark nothing */
  for (size_t i = 0; i < count && !rung_kernel_stops_at(call, i); i++)
    if (marks[i]) kept[plan.count++] = (int64_t)i;
  RUNG_RUN_GOES_ON(call);
  dims[axis] = (int64_t)plan.count;
  rung_tensor *out;
  RUNG_TRY(rung_kernel_output(call, 0, in->dtype, rank, dims, &out));
  plan.to = out->data;
  rung_gather_rows(call, &plan);
  return NULL;
}

static rung_status *run_Compress(rung_kernel_call *call) { return rung_moved(call, compress); }
const rung_kernel rung_cpu_Compress = {
    .flags = RUNG_KERNEL_OWN_SHAPE, .prepare = prepare_Compress, .run = run_Compress};

/* NonZero */

/* Which of n elements are not zero; `mask` has the bits that count: not the sign of a float. */
#define MARK_LOOP(bits)                                                             \
  static void mark_##bits(size_t n, const void *from, uint64_t mask, bool *marks) { \
    const uint##bits##_t *x = from;                                                 \
    for (size_t i = 0; i < n; i++) marks[i] = (x[i] & (uint##bits##_t)mask) != 0;   \
  }
MARK_LOOP(8)
MARK_LOOP(16)
MARK_LOOP(32)
MARK_LOOP(64)

static void mark_pairs(size_t n, const void *from, uint64_t mask, bool *marks) {
  const uint64_t *x = from;
  for (size_t i = 0; i < n; i++) marks[i] = ((x[2 * i] | x[2 * i + 1]) & mask) != 0;
}

static void mark_strings(size_t n, const void *from, uint64_t mask, bool *marks) {
  const rung_str *x = from;
  (void)mask;
  for (size_t i = 0; i < n; i++) marks[i] = x[i].size != 0;
}

typedef void (*mark_function)(size_t n, const void *from, uint64_t mask, bool *marks);

static mark_function find_marks(rung_dtype dtype, uint64_t *out_mask) {
  *out_mask = UINT64_MAX;
  if (dtype == RUNG_F64 || dtype == RUNG_C128) *out_mask = UINT64_MAX >> 1;
  if (dtype == RUNG_F32 || dtype == RUNG_C64) *out_mask = 0x7fffffff7fffffff;
  if (dtype == RUNG_F16 || dtype == RUNG_BF16) *out_mask = 0x7fff;
  if (dtype == RUNG_STRING) return mark_strings;
  switch (rung_dtype_size(dtype)) {
    case 1:
      return mark_8;
    case 2:
      return mark_16;
    case 4:
      return mark_32;
    case 8:
      return mark_64;
    default:
      return mark_pairs;
  }
}

enum { BLOCK = 1024 };

static size_t count_marks(const bool *marks, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += marks[i];
  return count;
}

/* The coordinates of element `at` become column `column` of (rank, count). */
static void put_coordinates(const rung_tensor *in, size_t at, int64_t *column, size_t count) {
  for (int32_t i = in->rank - 1; i >= 0; i--) {
    column[(size_t)i * count] = (int64_t)(at % (size_t)in->dims[i]);
    at /= (size_t)in->dims[i];
  }
  if (in->rank == 0) *column = 0;
}

static rung_status *run_NonZero(rung_kernel_call *call) {
  const rung_tensor *in = rung_in(call, 0);
  size_t elements = rung_tensor_count(in), size = rung_dtype_size(in->dtype), count = 0, column = 0;
  bool marks[BLOCK];
  uint64_t mask;
  mark_function mark = find_marks(in->dtype, &mask);
  const char *from = in->data;
  for (size_t i = 0; i < elements && !rung_kernel_stops_at(call, i); i += BLOCK) {
    size_t n = RUNG_MIN(elements - i, BLOCK);
    mark(n, from + i * size, mask, marks);
    count += count_marks(marks, n);
  }
  RUNG_RUN_GOES_ON(call);
  rung_tensor *out;
  RUNG_TRY(rung_kernel_output(call, 0, RUNG_I64, 2, (int64_t[]){RUNG_MAX(1, in->rank), (int64_t)count}, &out));
  for (size_t i = 0; i < elements && !rung_kernel_stops_at(call, i); i += BLOCK) {
    size_t n = RUNG_MIN(elements - i, BLOCK);
    mark(n, from + i * size, mask, marks);
    for (size_t k = 0; k < n; k++)
      if (marks[k]) put_coordinates(in, i + k, (int64_t *)out->data + column++, count);
  }
  return NULL;
}

const rung_kernel rung_cpu_NonZero = {
    .flags = RUNG_KERNEL_OWN_SHAPE, .types = {{'T', RUNG_SET_BYTES | RUNG_SET_STRING}}, .run = run_NonZero};
