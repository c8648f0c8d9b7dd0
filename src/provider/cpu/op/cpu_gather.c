/* Kernels that read where indices say: Gather, GatherElements, GatherND. */
#include "op/indexing.h"
#include "provider/cpu/form/gather.h"
#include "provider/cpu/form/moved.h"

#define INDEX_TYPES {'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}

/* Scratch: plain indices. */
static rung_status *prepare_indices(rung_kernel_call *call) {
  call->scratch_size = rung_tensor_count(rung_in(call, 1)) * sizeof(int64_t);
  return NULL;
}

static rung_status *gather(rung_kernel_call *call) {
  const rung_gather_params *p = call->params;
  const rung_tensor *data = rung_in(call, 0), *indices = rung_in(call, 1);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, data->rank, &axis));
  RUNG_TRY(rung_gather_indices(call, indices, data->dims[axis], call->scratch));
  rung_gather plan = {.from = data->data,
                      .to = rung_out(call, 0)->data,
                      .indices = call->scratch,
                      .outer = (size_t)rung_tensor_span(data, 0, axis),
                      .limit = (size_t)data->dims[axis],
                      .count = rung_tensor_count(indices),
                      .bytes = (size_t)rung_tensor_span(data, axis + 1, data->rank) * rung_dtype_size(data->dtype)};
  rung_gather_rows(call, &plan);
  return NULL;
}

static rung_status *run_Gather(rung_kernel_call *call) { return rung_moved(call, gather); }
const rung_kernel rung_cpu_Gather = {.types = {INDEX_TYPES}, .prepare = prepare_indices, .run = run_Gather};

static rung_status *gather_nd(rung_kernel_call *call) {
  const rung_gather_nd_params *p = call->params;
  const rung_tensor *data = rung_in(call, 0), *indices = rung_in(call, 1);
  int32_t batch = (int32_t)p->batch_dims, behind = batch + (int32_t)indices->dims[indices->rank - 1];
  RUNG_TRY(rung_gather_tuples(call, indices, data, batch, call->scratch));
  rung_gather plan = {.from = data->data,
                      .to = rung_out(call, 0)->data,
                      .indices = call->scratch,
                      .outer = 1,
                      .limit = (size_t)rung_tensor_span(data, 0, behind),
                      .count = rung_gather_tuple_count(indices),
                      .bytes = (size_t)rung_tensor_span(data, behind, data->rank) * rung_dtype_size(data->dtype)};
  rung_gather_rows(call, &plan);
  return NULL;
}

static rung_status *prepare_tuples(rung_kernel_call *call) {
  call->scratch_size = rung_gather_tuple_count(rung_in(call, 1)) * sizeof(int64_t);
  return NULL;
}

static rung_status *run_GatherND(rung_kernel_call *call) { return rung_moved(call, gather_nd); }
const rung_kernel rung_cpu_GatherND = {.prepare = prepare_tuples, .run = run_GatherND};
const rung_kernel rung_cpu_ms_GatherND = {.types = {INDEX_TYPES}, .prepare = prepare_tuples, .run = run_GatherND};

/* GatherElements */

enum { BLOCK = 64 }; /* lines that are walked side by side */

typedef struct elements_job {
  const rung_kernel_call *call;
  rung_lines lines;
  const int64_t *indices;
  const char *from;
  char *to;
  size_t size;
} elements_job;

#define ELEMENT_LOOP(bytes)                                                                            \
  for (size_t i = 0; i < n; i++) {                                                                     \
    size_t at = index_at[i] + k * j->lines.step;                                                       \
    memcpy(j->to + at * bytes, j->from + (data_at[i] + (size_t)j->indices[at] * step) * bytes, bytes); \
  }
/* The same where all lines are neighbours in both tensors. */
#define DENSE_LOOP(bytes) \
  for (size_t i = 0; i < n; i++) memcpy(to + i * bytes, from + ((size_t)indices[i] * step + i) * bytes, bytes);

#define EACH_SIZE(LOOP) \
  switch (j->size) {    \
    case 4:             \
      LOOP(4) break;    \
    case 8:             \
      LOOP(8) break;    \
    default:            \
      LOOP(j->size)     \
  }

static void gather_block(const elements_job *j, size_t n, const size_t *index_at, const size_t *data_at) {
  size_t step = (size_t)j->lines.data_step;
  bool dense = index_at[n - 1] - index_at[0] == n - 1 && data_at[n - 1] - data_at[0] == n - 1;
  for (size_t k = 0; k < j->lines.length; k++) {
    if (rung_kernel_stops_at(j->call, k * BLOCK)) return;
    if (!dense) {
      EACH_SIZE(ELEMENT_LOOP)
      continue;
    }
    size_t at = index_at[0] + k * j->lines.step;
    const int64_t *indices = j->indices + at;
    const char *from = j->from + data_at[0] * j->size;
    char *to = j->to + at * j->size;
    EACH_SIZE(DENSE_LOOP)
  }
}

static void gather_line(const elements_job *j, size_t index_at, size_t data_at) {
  enum { PIECE = 1 << 16 };
  for (size_t k = 0; k < j->lines.length && !rung_kernel_stops_at(j->call, k); k += PIECE)
    rung_gather_row(j->from + data_at * j->size, j->to + (index_at + k) * j->size, j->indices + index_at + k,
                    RUNG_MIN(j->lines.length - k, (size_t)PIECE), j->size);
}

/* Lines that lie across memory go side by side; those along it one after the other. */
static void gather_lines(void *context, size_t begin, size_t end) {
  const elements_job *j = context;
  size_t index_at[BLOCK], data_at[BLOCK];
  bool along = j->lines.step == 1 && j->lines.data_step == 1;
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, along ? 1 : BLOCK);
    rung_lines_begin(&j->lines, begin, n, index_at, data_at);
    if (along)
      gather_line(j, index_at[0], data_at[0]);
    else
      gather_block(j, n, index_at, data_at);
  }
}

static rung_status *gather_elements(rung_kernel_call *call) {
  const rung_gather_params *p = call->params;
  const rung_tensor *data = rung_in(call, 0), *indices = rung_in(call, 1);
  elements_job job = {.call = call,
                      .indices = call->scratch,
                      .from = data->data,
                      .to = rung_out(call, 0)->data,
                      .size = rung_dtype_size(data->dtype)};
  RUNG_TRY(rung_lines_make(&job.lines, indices, data, p->axis));
  RUNG_TRY(rung_gather_indices(call, indices, data->dims[job.lines.axis], call->scratch));
  if (job.lines.count && job.lines.length)
    rung_kernel_parallel(call, job.lines.count, rung_kernel_grain(5 + 3 * RUNG_MIN(job.lines.length, 20000)),
                         gather_lines, &job);
  return NULL;
}

static rung_status *run_GatherElements(rung_kernel_call *call) { return rung_moved(call, gather_elements); }
const rung_kernel rung_cpu_GatherElements = {
    .types = {INDEX_TYPES}, .prepare = prepare_indices, .run = run_GatherElements};
