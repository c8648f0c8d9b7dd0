#include "provider/cpu/form/broadcast.h"

/* Strides of an operand, seen with the output's rank. */
static void set_strides(rung_broadcast *plan, int32_t operand, const rung_tensor *in, const rung_tensor *out) {
  int64_t stride = 1;
  for (int32_t i = out->rank - 1; i >= 0; i--) {
    int32_t at = i - (out->rank - in->rank);
    bool repeats = at < 0 || in->dims[at] == 1;
    plan->strides[operand][i] = repeats ? 0 : stride;
    if (at >= 0) stride *= in->dims[at];
  }
}

/* Dimension i continues dimension i - 1 when every operand steps from one row to the next without a jump. */
static bool can_merge(const rung_broadcast *plan, int32_t outer, int32_t inner) {
  for (int32_t k = 0; k < plan->operands; k++)
    if (plan->strides[k][outer] != plan->strides[k][inner] * plan->dims[inner]) return false;
  return true;
}

static void merge_dims(rung_broadcast *plan) {
  int32_t last = -1;
  for (int32_t i = 0; i < plan->rank; i++) {
    if (plan->dims[i] == 1) continue;
    if (last >= 0 && can_merge(plan, last, i)) {
      plan->dims[last] *= plan->dims[i];
    } else {
      last++;
      plan->dims[last] = plan->dims[i];
    }
    for (int32_t k = 0; k < plan->operands; k++) plan->strides[k][last] = plan->strides[k][i];
  }
  plan->rank = last + 1;
}

void rung_broadcast_make(rung_broadcast *plan, const rung_tensor *out, const rung_tensor *const *inputs,
                         int32_t count) {
  plan->count = rung_tensor_count(out);
  plan->rank = out->rank;
  plan->operands = count;
  memcpy(plan->dims, out->dims, sizeof plan->dims);
  for (int32_t k = 0; k < count; k++) set_strides(plan, k, inputs[k], out);
  merge_dims(plan);
  if (plan->rank > 0) return;
  plan->rank = 1; /* a single element */
  plan->dims[0] = 1;
  for (int32_t k = 0; k < count; k++) plan->strides[k][0] = 0;
}

/* Where a walk stands: indices of the row that comes next, and where each operand begins in it. */
typedef struct walk {
  size_t index[RUNG_MAX_RANK], from[RUNG_BROADCAST_OPERANDS];
} walk;

/* Returns the column of element `at` in its row. */
static size_t start(const rung_broadcast *plan, walk *w, size_t at) {
  size_t column = at % (size_t)plan->dims[plan->rank - 1];
  at /= (size_t)plan->dims[plan->rank - 1];
  for (int32_t k = 0; k < plan->operands; k++) w->from[k] = 0;
  for (int32_t i = plan->rank - 2; i >= 0; i--) {
    w->index[i] = at % (size_t)plan->dims[i];
    at /= (size_t)plan->dims[i];
    for (int32_t k = 0; k < plan->operands; k++) w->from[k] += w->index[i] * (size_t)plan->strides[k][i];
  }
  return column;
}

static void next_row(const rung_broadcast *plan, walk *w) {
  for (int32_t i = plan->rank - 2; i >= 0; i--) {
    bool more = ++w->index[i] < (size_t)plan->dims[i];
    size_t back = more ? 0 : (size_t)plan->dims[i];
    for (int32_t k = 0; k < plan->operands; k++) w->from[k] += (1 - back) * (size_t)plan->strides[k][i];
    if (more) return;
    w->index[i] = 0;
  }
}

void rung_broadcast_rows(const rung_broadcast *plan, size_t begin, size_t end, rung_broadcast_fn fn, void *context) {
  walk w;
  ptrdiff_t step[RUNG_BROADCAST_OPERANDS];
  size_t length = (size_t)plan->dims[plan->rank - 1], column = start(plan, &w, begin);
  for (int32_t k = 0; k < plan->operands; k++) {
    step[k] = (ptrdiff_t)plan->strides[k][plan->rank - 1];
    w.from[k] += column * (size_t)step[k];
  }
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(length - column, end - begin);
    fn(context, n, begin, w.from, step);
    for (int32_t k = 0; k < plan->operands; k++) w.from[k] -= column * (size_t)step[k];
    column = 0;
    next_row(plan, &w);
  }
}

typedef struct job {
  const rung_broadcast *plan;
  rung_broadcast_fn fn;
  void *context;
} job;

static void run_piece(void *context, size_t begin, size_t end) {
  const job *j = context;
  rung_broadcast_rows(j->plan, begin, end, j->fn, j->context);
}

void rung_broadcast_run(const rung_kernel_call *call, const rung_broadcast *plan, size_t nanoseconds,
                        rung_broadcast_fn fn, void *context) {
  if (plan->count)
    rung_kernel_parallel(call, plan->count, rung_kernel_grain(nanoseconds), run_piece, &(job){plan, fn, context});
}
