/* TopK: per line a heap of the k best so far, the worst on top; at the end it is turned into a sorted list. Elements
 * are compared by their keys, equal ones by their index. */
#include "op/selection.h"
#include "provider/cpu/form/sort_key.h"

typedef rung_sort_entry entry; /* of a greater key: better */

enum { STEPS = 1 << 14 }; /* between two looks at whether the run was cancelled */

typedef struct top_job {
  const rung_kernel_call *call;
  const void *from;
  char *values;     /* NULL: not wanted */
  int64_t *indices; /* NULL: not wanted */
  entry *heaps;     /* k per line */
  size_t size, length, inner, k;
  bool smallest;
} top_job;

/* The heap */

static inline bool is_worse(entry a, entry b) { return a.key != b.key ? a.key < b.key : a.index > b.index; }

/* The entry at `at` sinks to where both below it are better. */
static void sink(entry *heap, size_t count, size_t at) {
  entry moved = heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && is_worse(heap[child + 1], heap[child])) child++;
    if (!is_worse(heap[child], moved)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

static void take_out_in_order(const top_job *j, entry *heap) {
  for (size_t left = j->k; left > 1; left--) {
    if (left % STEPS == 0 && rung_kernel_is_cancelled(j->call)) return;
    entry worst = heap[0];
    heap[0] = heap[left - 1];
    heap[left - 1] = worst;
    sink(heap, left - 1, 0);
  }
}

/* Most elements are worse than the worst of the best, which one comparison tells; NaN is never said to be. */
#define SELECT_LOOP(key_of, NAME, stored, computed, load, store)                        \
  static void select_##NAME(const top_job *j, size_t line, entry *heap) {               \
    size_t base = line / j->inner * j->inner * j->length + line % j->inner;             \
    const stored *from = (const stored *)j->from + base;                                \
    uint64_t flip = j->smallest ? UINT64_MAX : 0;                                       \
    for (size_t i = 0; i < j->k; i++)                                                   \
      heap[i] = (entry){key_of((computed)load(from[i * j->inner])) ^ flip, (int64_t)i}; \
    for (size_t i = j->k / 2; i-- > 0;) sink(heap, j->k, i);                            \
    computed worst = load(from[(size_t)heap[0].index * j->inner]);                      \
    for (size_t i = j->k; i < j->length; i++) {                                         \
      if (i % STEPS == 0 && rung_kernel_is_cancelled(j->call)) return;                  \
      computed x = load(from[i * j->inner]);                                            \
      if (j->smallest ? x >= worst : x <= worst) continue;                              \
      uint64_t key = key_of(x) ^ flip;                                                  \
      if (key <= heap[0].key) continue;                                                 \
      heap[0] = (entry){key, (int64_t)i};                                               \
      sink(heap, j->k, 0);                                                              \
      worst = load(from[(size_t)heap[0].index * j->inner]);                             \
    }                                                                                   \
  }
RUNG_EACH_FLOAT(SELECT_LOOP, RUNG_KEY_OF_FLOATING)
RUNG_EACH_SIGNED(SELECT_LOOP, rung_key_of_signed)
RUNG_EACH_UNSIGNED(SELECT_LOOP, rung_key_of_unsigned)

typedef void (*select_function)(const top_job *job, size_t line, entry *heap);

typedef struct lines_job {
  top_job top;
  select_function select;
} lines_job;

static void select_lines(void *context, size_t begin, size_t end) {
  const lines_job *lines = context;
  const top_job *j = &lines->top;
  for (size_t line = begin; line < end; line++) {
    entry *heap = j->heaps + line * j->k;
    lines->select(j, line, heap);
    take_out_in_order(j, heap);
    size_t outer = line / j->inner, inner = line % j->inner;
    for (size_t i = 0; i < j->k; i++) {
      size_t to = (outer * j->k + i) * j->inner + inner;
      size_t from = (outer * j->length + (size_t)heap[i].index) * j->inner + inner;
      if (j->indices) j->indices[to] = heap[i].index;
      if (j->values) memcpy(j->values + to * j->size, (const char *)j->from + from * j->size, j->size);
    }
  }
}

/* The output that is there: both have the same shape. */
static const rung_tensor *some_output(const rung_kernel_call *call) {
  return rung_out(call, 0) ? rung_out(call, 0) : rung_out(call, 1);
}

static rung_status *prepare_TopK(rung_kernel_call *call) {
  size_t count = some_output(call) ? rung_tensor_count(some_output(call)) : 0;
  RUNG_REQUIRE(rung_mul_size(count, sizeof(entry), &call->scratch_size), LIMIT, "%zu elements", count);
  return NULL;
}

static rung_status *run_TopK(rung_kernel_call *call) {
  static const select_function functions[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, select)
                                                                    RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, select)};
  const rung_top_k_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0), *values = rung_out(call, 0), *indices = rung_out(call, 1),
                    *out = some_output(call);
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->axis, in->rank, &axis));
  RUNG_RUN_REQUIRE(out->dims[axis] <= in->dims[axis], "the first %lld of %lld", (long long)out->dims[axis],
                   (long long)in->dims[axis]);
  if (out->size == 0) return NULL;
  lines_job job = {{.call = call,
                    .from = in->data,
                    .values = values ? values->data : NULL,
                    .indices = indices ? indices->data : NULL,
                    .heaps = call->scratch,
                    .size = rung_dtype_size(in->dtype),
                    .length = (size_t)in->dims[axis],
                    .inner = (size_t)rung_tensor_span(in, axis + 1, in->rank),
                    .k = (size_t)out->dims[axis],
                    .smallest = !p->largest},
                   functions[in->dtype]};
  rung_kernel_parallel(call, rung_tensor_count(in) / job.top.length,
                       rung_kernel_grain(2 * RUNG_MIN(job.top.length, 20000)), select_lines, &job);
  return NULL;
}

const rung_kernel rung_cpu_TopK = {.types = {{'T', RUNG_SET_NUMERIC}}, .prepare = prepare_TopK, .run = run_TopK};
