/* Running totals: CumSum, CumProd. Lines that lie side by side are walked together; narrow floats are carried on in
 * float32 and each result rounded once; integers wrap. */
#include "op/selection.h"
#include "provider/cpu/cpu_types.h"
#include "provider/opwise/kernel.h"

enum { BLOCK = 64, STEPS = 4096 }; /* lines of a walk; its steps between two looks at whether the run was cancelled */

typedef struct cumulative_job {
  const rung_kernel_call *call;
  const void *from;
  void *to;
  size_t length, inner; /* elements of a line, and how far apart they lie */
  bool exclusive, reverse;
} cumulative_job;

/* Lines first to first + n, which lie side by side. */
#define CUMULATIVE_LOOP(op, NAME, stored, computed, load, store)               \
  static void op##_##NAME(const cumulative_job *j, size_t first, size_t n) {   \
    size_t at = first / j->inner * j->inner * j->length + first % j->inner;    \
    const stored *from = (const stored *)j->from + at;                         \
    stored *to = (stored *)j->to + at;                                         \
    computed total[BLOCK];                                                     \
    for (size_t i = 0; i < n; i++) total[i] = op##_START;                      \
    for (size_t k = 0; k < j->length; k++) {                                   \
      if (k % STEPS == STEPS - 1 && rung_kernel_is_cancelled(j->call)) return; \
      size_t row = (j->reverse ? j->length - 1 - k : k) * j->inner;            \
      for (size_t i = 0; i < n; i++) {                                         \
        computed before = total[i];                                            \
        total[i] = op(before, (computed)load(from[row + i]));                  \
        to[row + i] = store(j->exclusive ? before : total[i]);                 \
      }                                                                        \
    }                                                                          \
  }

#define SUM(x, y) ((x) + (y))
#define SUM_START 0
#define PRODUCT(x, y) ((x) * (y))
#define PRODUCT_START 1
RUNG_EACH_FLOAT(CUMULATIVE_LOOP, SUM)
RUNG_EACH_WRAPPING(CUMULATIVE_LOOP, SUM)
RUNG_EACH_FLOAT(CUMULATIVE_LOOP, PRODUCT)
RUNG_EACH_WRAPPING(CUMULATIVE_LOOP, PRODUCT)

typedef void (*lines_function)(const cumulative_job *job, size_t first, size_t n);

typedef struct lines_job {
  cumulative_job job;
  lines_function lines;
} lines_job;

static void walk_lines(void *context, size_t begin, size_t end) {
  const lines_job *j = context;
  while (begin < end) {
    size_t n = RUNG_MIN(RUNG_MIN(end - begin, BLOCK), j->job.inner - begin % j->job.inner);
    j->lines(&j->job, begin, n);
    begin += n;
  }
}

static rung_status *run_cumulative(rung_kernel_call *call, const lines_function *functions) {
  const rung_cumulative_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0);
  int64_t given;
  size_t count;
  int32_t axis = 0;
  RUNG_TRY(rung_kernel_ints(rung_in(call, 1), &given, 1, &count));
  RUNG_RUN_REQUIRE(count == 1, "one axis is expected");
  if (in->rank > 0) RUNG_TRY(rung_kernel_axis(given, in->rank, &axis));
  if (in->size == 0) return NULL;
  lines_job job = {
      {call, in->data, rung_out(call, 0)->data, in->rank ? (size_t)in->dims[axis] : 1,
       (size_t)rung_tensor_span(in, RUNG_MIN(axis + 1, in->rank), in->rank), p->exclusive != 0, p->reverse != 0},
      functions[in->dtype]};
  rung_kernel_parallel(call, rung_tensor_count(in) / job.job.length,
                       rung_kernel_grain(2 * RUNG_MIN(job.job.length, 20000)), walk_lines, &job);
  return NULL;
}

#define CUMULATIVE_KERNEL(symbol, op)                                                                           \
  static rung_status *run_##symbol(rung_kernel_call *call) {                                                    \
    static const lines_function functions[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, op)          \
                                                                     RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, op)}; \
    return run_cumulative(call, functions);                                                                     \
  }                                                                                                             \
  const rung_kernel rung_cpu_##symbol = {                                                                       \
      .types = {{'T', RUNG_SET_NUMERIC}, {'I', RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}}, .run = run_##symbol};
CUMULATIVE_KERNEL(CumSum, SUM)
CUMULATIVE_KERNEL(CumProd, PRODUCT)
