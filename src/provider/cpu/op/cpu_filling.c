/* Kernels that make tensors from little: ConstantOfShape, Range, Size, EyeLike, Trilu, OneHot. */
#include "op/filling.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/strided.h"

/* ConstantOfShape */

typedef struct fill_job {
  char *to;
  const void *element;
  size_t size;
} fill_job;

static void fill_piece(void *context, size_t begin, size_t end) {
  const fill_job *j = context;
  rung_strided_fill(j->to + begin * j->size, end - begin, j->element, j->size);
}

static rung_status *run_ConstantOfShape(rung_kernel_call *call) {
  const rung_constant_of_shape_params *p = call->params;
  const rung_tensor *out = rung_out(call, 0), *value = p->value ? &p->value->tensor : NULL;
  static const char zeros[16];
  size_t count = rung_tensor_count(out);
  fill_job job = {out->data, value ? value->data : zeros, rung_dtype_size(out->dtype)};
  uint8_t packed = 0;
  if (rung_dtype_is_packed(out->dtype)) { /* a byte of equal elements; those behind the last do not matter */
    uint8_t same[4], bits = (uint8_t)rung_dtype_facts(out->dtype)->bits;
    rung_unpack(out->dtype, job.element, 1, same);
    memset(same, same[0], sizeof same);
    rung_pack(out->dtype, same, 8u / bits, &packed);
    job.element = &packed;
    count = out->size;
  }
  if (count) rung_kernel_parallel(call, count, (256 << 10) / job.size, fill_piece, &job);
  return NULL;
}

const rung_kernel rung_cpu_ConstantOfShape = {.run = run_ConstantOfShape};

/* Range: start + i * delta, floats each in one go, so that nothing adds up. Integers wrap, but never within the limit.
 */

typedef struct range_job {
  const void *start, *delta;
  void *out;
} range_job;

#define RANGE_LOOP(op, NAME, stored, computed, load, store)                           \
  static void range_##NAME(void *context, size_t begin, size_t end) {                 \
    const range_job *j = context;                                                     \
    computed start = (computed)load(*(const stored *)j->start);                       \
    computed delta = (computed)load(*(const stored *)j->delta);                       \
    stored *out = j->out;                                                             \
    for (size_t i = begin; i < end; i++) out[i] = store(start + (computed)i * delta); \
  }
RUNG_EACH_FLOAT(RANGE_LOOP, range)
#define RANGE_INTEGER(op, NAME, stored, computed, load, store)                        \
  static void range_##NAME(void *context, size_t begin, size_t end) {                 \
    const range_job *j = context;                                                     \
    computed delta = (computed)load(*(const stored *)j->delta);                       \
    computed x = (computed)load(*(const stored *)j->start) + (computed)begin * delta; \
    stored *out = j->out;                                                             \
    for (size_t i = begin; i < end; i++, x += delta) out[i] = store(x);               \
  }
RUNG_EACH_WRAPPING(RANGE_INTEGER, range)

static rung_status *run_Range(rung_kernel_call *call) {
  static void (*const loops[RUNG_DTYPE_NUMBERS])(
      void *, size_t, size_t) = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, range) RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, range)};
  const rung_tensor *start = rung_in(call, 0), *limit = rung_in(call, 1), *delta = rung_in(call, 2),
                    *out = rung_out(call, 0);
  int64_t count;
  RUNG_RUN_REQUIRE(
      rung_tensor_count(start) == 1 && rung_tensor_count(limit) == 1 && (!delta || rung_tensor_count(delta) == 1),
      "start, limit and delta must be scalars");
  RUNG_TRY(rung_range_count(start, limit, delta, &count));
  RUNG_RUN_REQUIRE(count == out->dims[0], "%lld elements, %lld were expected", (long long)count,
                   (long long)out->dims[0]);
  uint64_t one; /* room for any element */
  rung_convert(&rung_convert_defaults, 1, RUNG_F64, &(double){1}, out->dtype, &one);
  range_job job = {start->data, delta ? delta->data : &one, out->data};
  rung_kernel_parallel(call, (size_t)count, rung_kernel_grain(1), loops[out->dtype], &job);
  return NULL;
}

#define RANGE_KERNEL(symbol)                                                                           \
  const rung_kernel rung_cpu_##symbol = {                                                              \
      .types = {{'T', RUNG_SET_FLOAT | RUNG_SET(RUNG_I16) | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}}, \
      .run = run_Range};
RANGE_KERNEL(Range)
RANGE_KERNEL(ms_Range)

/* Size */

static rung_status *run_Size(rung_kernel_call *call) {
  *(int64_t *)rung_out(call, 0)->data = (int64_t)rung_tensor_count(rung_in(call, 0));
  return NULL;
}

const rung_kernel rung_cpu_Size = {.run = run_Size};

/* EyeLike */

static void put_one(rung_dtype dtype, void *at) {
  switch (dtype) {
    case RUNG_F16:
      *(uint16_t *)at = 0x3c00;
      break;
    case RUNG_BF16:
      *(uint16_t *)at = 0x3f80;
      break;
    case RUNG_F32:
      *(float *)at = 1;
      break;
    case RUNG_F64:
      *(double *)at = 1;
      break;
    case RUNG_I16:
    case RUNG_U16:
      *(uint16_t *)at = 1;
      break;
    case RUNG_I32:
    case RUNG_U32:
      *(uint32_t *)at = 1;
      break;
    case RUNG_I64:
    case RUNG_U64:
      *(uint64_t *)at = 1;
      break;
    default:
      *(uint8_t *)at = 1;
  }
}

static rung_status *run_EyeLike(rung_kernel_call *call) {
  const rung_eye_like_params *p = call->params;
  const rung_tensor *out = rung_out(call, 0);
  size_t size = rung_dtype_size(out->dtype);
  if (out->size == 0) return NULL;
  rung_strided_zero(call, out->data, out->size);
  int64_t rows = out->dims[0], columns = out->dims[1], k = RUNG_CLAMP(p->k, -rows, columns);
  for (int64_t row = RUNG_MAX(0, -k); row < rows && row + k < columns; row++)
    put_one(out->dtype, (char *)out->data + (size_t)(row * columns + row + k) * size);
  return NULL;
}

const rung_kernel rung_cpu_EyeLike = {.types = {{'U', RUNG_SET_NUMERIC | RUNG_SET_BOOL}}, .run = run_EyeLike};

/* Trilu */

typedef struct trilu_job {
  const char *from;
  char *to;
  int64_t rows, columns, k; /* of a matrix; k within [-rows, columns] */
  size_t size;
  bool upper;
} trilu_job;

static void trilu_rows(void *context, size_t begin, size_t end) {
  const trilu_job *j = context;
  for (size_t row = begin; row < end; row++) {
    int64_t diagonal = (int64_t)(row % (size_t)j->rows) + j->k;
    size_t first = (size_t)(j->upper ? RUNG_CLAMP(diagonal, 0, j->columns) : 0) * j->size;
    size_t last = (size_t)(j->upper ? j->columns : RUNG_CLAMP(diagonal + 1, 0, j->columns)) * j->size;
    size_t bytes = (size_t)j->columns * j->size;
    const char *from = j->from + row * bytes;
    char *to = j->to + row * bytes;
    memset(to, 0, first);
    memcpy(to + first, from + first, last - first);
    memset(to + last, 0, bytes - last);
  }
}

static rung_status *trilu(rung_kernel_call *call) {
  const rung_trilu_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *k = rung_in(call, 1), *out = rung_out(call, 0);
  RUNG_RUN_REQUIRE(!k || rung_tensor_count(k) == 1, "k has %zu elements, 1 is expected", k ? rung_tensor_count(k) : 0);
  if (out->size == 0) return NULL;
  trilu_job job = {.from = in->data,
                   .to = out->data,
                   .rows = in->dims[in->rank - 2],
                   .columns = in->dims[in->rank - 1],
                   .size = rung_dtype_size(in->dtype),
                   .upper = p->upper != 0};
  job.k = k ? RUNG_CLAMP(*(const int64_t *)k->data, -job.rows, job.columns) : 0;
  size_t bytes = (size_t)job.columns * job.size;
  rung_kernel_parallel(call, out->size / bytes, RUNG_MAX(1, (128 << 10) / bytes), trilu_rows, &job);
  return NULL;
}

RUNG_MOVED_KERNEL(Trilu, trilu)

/* OneHot: (outer, depth, inner) from indices (outer, inner) */

typedef struct one_hot_job {
  const rung_tensor *indices;
  const char *values; /* off, on */
  char *to;
  int64_t depth;
  size_t inner, size;
} one_hot_job;

static void one_hot_rows(void *context, size_t begin, size_t end) {
  const one_hot_job *j = context;
  for (size_t i = begin; i < end; i++) {
    size_t outer = i / j->inner, inner = i % j->inner, step = j->inner * j->size;
    char *to = j->to + (outer * (size_t)j->depth * j->inner + inner) * j->size;
    int64_t index;
    for (int64_t k = 0; k < j->depth; k++) memcpy(to + (size_t)k * step, j->values, j->size);
    if (!rung_element_int(j->indices, i, &index)) continue;
    if (index < 0) index += j->depth;
    if (index >= 0 && index < j->depth) memcpy(to + (size_t)index * step, j->values + j->size, j->size);
  }
}

static rung_status *one_hot(rung_kernel_call *call) {
  const rung_one_hot_params *p = call->params;
  const rung_tensor *indices = rung_in(call, 0), *values = rung_in(call, 2), *out = rung_out(call, 0);
  int32_t axis;
  RUNG_RUN_REQUIRE(rung_tensor_count(rung_in(call, 1)) == 1, "depth must be a scalar");
  RUNG_RUN_REQUIRE(values->rank == 1 && values->dims[0] == 2, "values must be two: off and on");
  RUNG_TRY(rung_kernel_axis(p->axis, out->rank, &axis));
  if (out->size == 0) return NULL;
  one_hot_job job = {.indices = indices,
                     .values = values->data,
                     .to = out->data,
                     .depth = out->dims[axis],
                     .inner = (size_t)rung_tensor_span(out, axis + 1, out->rank),
                     .size = rung_dtype_size(out->dtype)};
  rung_kernel_parallel(call, rung_tensor_count(indices), rung_kernel_grain(5 + (size_t)RUNG_MIN(job.depth, 20000)),
                       one_hot_rows, &job);
  return NULL;
}

static rung_status *run_OneHot(rung_kernel_call *call) { return rung_moved(call, one_hot); }
const rung_kernel rung_cpu_OneHot = {.types = {{'T', RUNG_SET_NUMERIC}, {'U', RUNG_SET_NUMERIC}}, .run = run_OneHot};
