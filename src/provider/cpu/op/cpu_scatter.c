/* Kernels that write where indices say: Scatter, ScatterElements, ScatterND, TensorScatter.
 *
 * Indices may name an element more than once. What is written to one element is written in the order of the indices,
 * whatever the number of threads: they share out the elements, not the indices. Sums and products of narrow floats are
 * taken in float32 and rounded at the end. */
#include "op/indexing.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/gather.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/strided.h"

#include <math.h>

/* to[i] = to[i] combined with from[i], n elements of `size` bytes. */
typedef void (*combine_function)(size_t n, size_t size, const void *from, void *to);

static void combine_none(size_t n, size_t size, const void *from, void *to) { memcpy(to, from, n * size); }

#define COMBINE_LOOP(op, NAME, stored, computed, load, store)                                    \
  static void op##_##NAME(size_t n, size_t size, const void *from, void *to) {                   \
    const stored *x = from;                                                                      \
    stored *y = to;                                                                              \
    (void)size;                                                                                  \
    for (size_t i = 0; i < n; i++) y[i] = store(op((computed)load(y[i]), (computed)load(x[i]))); \
  }

#define ADD(x, y) ((x) + (y))
#define MUL(x, y) ((x) * (y))
#define LARGER(x, y) ((x) > (y) || (x) != (x) ? (x) : (y)) /* NaN wins */
#define SMALLER(x, y) ((x) < (y) || (x) != (x) ? (x) : (y))

RUNG_EACH_FLOAT(COMBINE_LOOP, ADD)
RUNG_EACH_WRAPPING(COMBINE_LOOP, ADD)
RUNG_EACH_FLOAT(COMBINE_LOOP, MUL)
RUNG_EACH_WRAPPING(COMBINE_LOOP, MUL)
RUNG_EACH_FLOAT(COMBINE_LOOP, LARGER)
RUNG_EACH_INTEGER(COMBINE_LOOP, LARGER)
RUNG_EACH_FLOAT(COMBINE_LOOP, SMALLER)
RUNG_EACH_INTEGER(COMBINE_LOOP, SMALLER)

#define ALL_LOOPS(op, INTEGERS) {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, op) INTEGERS(RUNG_TABLE_ENTRY, op)}
static const combine_function combine_functions[RUNG_SCATTER_REDUCTIONS][RUNG_DTYPE_NUMBERS] = {
    [RUNG_SCATTER_ADD] = ALL_LOOPS(ADD, RUNG_EACH_WRAPPING),
    [RUNG_SCATTER_MUL] = ALL_LOOPS(MUL, RUNG_EACH_WRAPPING),
    [RUNG_SCATTER_MAX] = ALL_LOOPS(LARGER, RUNG_EACH_INTEGER),
    [RUNG_SCATTER_MIN] = ALL_LOOPS(SMALLER, RUNG_EACH_INTEGER),
};

/* Booleans add as "or" and multiply as "and". */
static combine_function find_combine(int reduction, rung_dtype dtype) {
  if (reduction == RUNG_SCATTER_NONE) return combine_none;
  if (dtype != RUNG_BOOL) return combine_functions[reduction][dtype];
  bool any = reduction == RUNG_SCATTER_ADD || reduction == RUNG_SCATTER_MAX;
  return combine_functions[any ? RUNG_SCATTER_MAX : RUNG_SCATTER_MIN][RUNG_U8];
}

/* Data and updates as the loops see them; plain indices. Widened, all three lie in scratch, else the indices alone. */
typedef struct scatter_operands {
  combine_function combine;
  size_t size;
  const char *updates;
  char *to;
  int64_t *indices;
} scatter_operands;

static bool is_widened(const rung_kernel_call *call, rung_dtype dtype) {
  int reduction = ((const rung_scatter_params *)call->params)->reduction;
  return (reduction == RUNG_SCATTER_ADD || reduction == RUNG_SCATTER_MUL) && (dtype == RUNG_F16 || dtype == RUNG_BF16);
}

static rung_status *prepare_scatter(rung_kernel_call *call, size_t index_count) {
  const rung_tensor *data = rung_in(call, 0);
  size_t floats = is_widened(call, data->dtype) ? rung_tensor_count(data) + rung_tensor_count(rung_in(call, 2)) : 0;
  call->scratch_size = index_count * sizeof(int64_t) + floats * sizeof(float);
  return NULL;
}

static rung_status *begin_scatter(rung_kernel_call *call, size_t index_count, scatter_operands *s) {
  int reduction = ((const rung_scatter_params *)call->params)->reduction;
  const rung_tensor *data = rung_in(call, 0), *updates = rung_in(call, 2), *out = rung_out(call, 0);
  s->indices = call->scratch;
  if (is_widened(call, data->dtype)) {
    float *to = (float *)(s->indices + index_count), *from = to + rung_tensor_count(data);
    void (*widen)(size_t, const uint16_t *, float *) = data->dtype == RUNG_F16 ? rung_f16_to_f32_n : rung_bf16_to_f32_n;
    widen(rung_tensor_count(data), data->data, to);
    widen(rung_tensor_count(updates), updates->data, from);
    *s = (scatter_operands){find_combine(reduction, RUNG_F32), sizeof(float), (char *)from, (char *)to, s->indices};
    return NULL;
  }
  rung_strided_bytes(call, data->data, out->data, out->size);
  *s = (scatter_operands){find_combine(reduction, data->dtype), rung_dtype_size(data->dtype), updates->data, out->data,
                          s->indices};
  RUNG_REQUIRE(s->combine, UNSUPPORTED, "a reduction of %s", rung_dtype_name(data->dtype));
  return NULL;
}

static void end_scatter(const rung_kernel_call *call, const scatter_operands *s) {
  const rung_tensor *out = rung_out(call, 0);
  if (!is_widened(call, out->dtype)) return;
  void (*narrow)(size_t, const float *, uint16_t *) = out->dtype == RUNG_F16 ? rung_f32_to_f16_n : rung_f32_to_bf16_n;
  narrow(rung_tensor_count(out), (const float *)s->to, out->data);
}

/* ScatterElements: lines along the axis never meet. */

enum { BLOCK = 64 };

typedef struct elements_job {
  const rung_kernel_call *call;
  scatter_operands s;
  rung_lines lines;
} elements_job;

static void scatter_lines(void *context, size_t begin, size_t end) {
  const elements_job *j = context;
  const scatter_operands *s = &j->s;
  size_t index_at[BLOCK], data_at[BLOCK], step = (size_t)j->lines.data_step;
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, j->lines.step == 1 ? 1 : BLOCK); /* lines across memory go side by side */
    rung_lines_begin(&j->lines, begin, n, index_at, data_at);
    for (size_t k = 0; k < j->lines.length; k++) {
      if (rung_kernel_stops_at(j->call, k * n)) return;
      for (size_t i = 0; i < n; i++) {
        size_t at = index_at[i] + k * j->lines.step;
        s->combine(1, s->size, s->updates + at * s->size,
                   s->to + (data_at[i] + (size_t)s->indices[at] * step) * s->size);
      }
    }
  }
}

static rung_status *prepare_elements(rung_kernel_call *call) {
  return prepare_scatter(call, rung_tensor_count(rung_in(call, 1)));
}

static rung_status *scatter_elements(rung_kernel_call *call) {
  const rung_scatter_params *p = call->params;
  const rung_tensor *data = rung_in(call, 0), *indices = rung_in(call, 1), *updates = rung_in(call, 2);
  elements_job job = {.call = call};
  RUNG_RUN_REQUIRE(rung_tensor_same_shape(indices, updates), "indices and updates differ in shape");
  RUNG_TRY(rung_lines_make(&job.lines, indices, data, p->axis));
  RUNG_TRY(begin_scatter(call, rung_tensor_count(indices), &job.s));
  RUNG_TRY(rung_gather_indices(call, indices, data->dims[job.lines.axis], job.s.indices));
  if (job.lines.count && job.lines.length)
    rung_kernel_parallel(call, job.lines.count, rung_kernel_grain(5 + 5 * RUNG_MIN(job.lines.length, 20000)),
                         scatter_lines, &job);
  end_scatter(call, &job.s);
  return NULL;
}

#define INDEX_TYPES {'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}
static rung_status *run_ScatterElements(rung_kernel_call *call) { return rung_moved(call, scatter_elements); }
const rung_kernel rung_cpu_Scatter = {.types = {INDEX_TYPES}, .prepare = prepare_elements, .run = run_ScatterElements};
const rung_kernel rung_cpu_ScatterElements = {
    .types = {INDEX_TYPES}, .prepare = prepare_elements, .run = run_ScatterElements};

/* ScatterND: threads share out the columns of a slice; each goes through all tuples. */

typedef struct slices_job {
  const rung_kernel_call *call;
  scatter_operands s;
  size_t tuples, columns;
} slices_job;

enum { LOOK_TUPLES = 32 }; /* what writing some columns costs more than one element */

static void scatter_slices(void *context, size_t begin, size_t end) {
  const slices_job *j = context;
  const scatter_operands *s = &j->s;
  for (size_t i = 0; i < j->tuples && !rung_kernel_stops_at(j->call, i * LOOK_TUPLES); i++)
    s->combine(end - begin, s->size, s->updates + (i * j->columns + begin) * s->size,
               s->to + ((size_t)s->indices[i] * j->columns + begin) * s->size);
}

static rung_status *prepare_tuples(rung_kernel_call *call) {
  return prepare_scatter(call, rung_gather_tuple_count(rung_in(call, 1)));
}

static rung_status *scatter_nd(rung_kernel_call *call) {
  const rung_tensor *data = rung_in(call, 0), *indices = rung_in(call, 1), *updates = rung_in(call, 2);
  slices_job job = {.call = call, .tuples = rung_gather_tuple_count(indices)};
  RUNG_TRY(begin_scatter(call, job.tuples, &job.s));
  RUNG_TRY(rung_gather_tuples(call, indices, data, 0, job.s.indices));
  job.columns = (size_t)rung_tensor_span(data, (int32_t)indices->dims[indices->rank - 1], data->rank);
  RUNG_RUN_REQUIRE(rung_tensor_count(updates) == job.tuples * job.columns, "%zu updates where %zu are expected",
                   rung_tensor_count(updates), job.tuples * job.columns);
  if (job.columns && job.tuples)
    rung_kernel_parallel(call, job.columns, RUNG_MAX(64, rung_kernel_grain(RUNG_MIN(job.tuples, 20000))),
                         scatter_slices, &job);
  end_scatter(call, &job.s);
  return NULL;
}

static rung_status *run_ScatterND(rung_kernel_call *call) { return rung_moved(call, scatter_nd); }
const rung_kernel rung_cpu_ScatterND = {.prepare = prepare_tuples, .run = run_ScatterND};

/* TensorScatter: rows (batch, prefix, sequence) of a cache */

typedef struct cache_job {
  const char *from;
  char *to;
  const int64_t *begins;               /* per batch, within the cache */
  size_t prefix, length, limit, bytes; /* prefix: rows of a batch entry before the sequence */
} cache_job;

static void write_sequences(void *context, size_t begin, size_t end) {
  const cache_job *j = context;
  for (size_t i = begin; i < end; i++) {
    size_t at = (size_t)j->begins[i / j->prefix];
    const char *from = j->from + i * j->length * j->bytes;
    char *to = j->to + i * j->limit * j->bytes;
    size_t first = RUNG_MIN(j->length, j->limit - at); /* the rest begins anew */
    memcpy(to + at * j->bytes, from, first * j->bytes);
    memcpy(to, from + first * j->bytes, (j->length - first) * j->bytes);
  }
}

static rung_status *prepare_TensorScatter(rung_kernel_call *call) {
  call->scratch_size = (size_t)rung_in(call, 0)->dims[0] * sizeof(int64_t);
  return NULL;
}

static rung_status *find_begins(const rung_kernel_call *call, int64_t length, int64_t limit, int64_t *begins) {
  const rung_tensor *given = rung_in(call, 2);
  bool circular = ((const rung_tensor_scatter_params *)call->params)->mode == RUNG_TENSOR_SCATTER_CIRCULAR;
  int64_t batch = rung_in(call, 0)->dims[0];
  RUNG_RUN_REQUIRE(!given || (given->rank == 1 && given->dims[0] == batch),
                   "write_indices needs one index for each of %lld", (long long)batch);
  for (int64_t b = 0; b < batch; b++) {
    int64_t at = given ? ((const int64_t *)given->data)[b] : 0;
    if (circular && limit) at = at % limit < 0 ? at % limit + limit : at % limit;
    RUNG_RUN_REQUIRE(at >= 0 && (circular || at <= limit - length),
                     "write index %lld is %lld: %lld rows do not fit into %lld", (long long)b, (long long)at,
                     (long long)length, (long long)limit);
    begins[b] = at;
  }
  return NULL;
}

static rung_status *tensor_scatter(rung_kernel_call *call) {
  const rung_tensor *cache = rung_in(call, 0), *update = rung_in(call, 1), *out = rung_out(call, 0);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(((const rung_tensor_scatter_params *)call->params)->axis, cache->rank, &axis));
  int64_t length = update->dims[axis], limit = cache->dims[axis];
  RUNG_RUN_REQUIRE(length <= limit, "%lld rows do not fit into %lld", (long long)length, (long long)limit);
  RUNG_TRY(find_begins(call, length, limit, call->scratch));
  if (out->size == 0) return NULL;
  rung_strided_bytes(call, cache->data, out->data, out->size);
  cache_job job = {.from = update->data,
                   .to = out->data,
                   .begins = call->scratch,
                   .prefix = (size_t)rung_tensor_span(cache, 1, axis),
                   .length = (size_t)length,
                   .limit = (size_t)limit,
                   .bytes = (size_t)rung_tensor_span(cache, axis + 1, cache->rank) * rung_dtype_size(cache->dtype)};
  if (length)
    rung_kernel_parallel(call, (size_t)cache->dims[0] * job.prefix, rung_kernel_grain(10 + job.length * job.bytes / 16),
                         write_sequences, &job);
  return NULL;
}

static rung_status *run_TensorScatter(rung_kernel_call *call) { return rung_moved(call, tensor_scatter); }
const rung_kernel rung_cpu_TensorScatter = {.prepare = prepare_TensorScatter, .run = run_TensorScatter};
