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

void rung_broadcast_make(rung_broadcast *plan, const rung_tensor *out, const rung_tensor *const *inputs, int32_t count) {
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

typedef struct job {
  const rung_broadcast *plan;
  rung_broadcast_fn fn;
  void *context;
} job;

static void run_piece(void *context, size_t begin, size_t end) {
  const job *j = context;
  const rung_broadcast *plan = j->plan;
  int32_t inner = plan->rank - 1;
  ptrdiff_t step[RUNG_BROADCAST_OPERANDS];
  for (int32_t k = 0; k < plan->operands; k++) step[k] = (ptrdiff_t)plan->strides[k][inner];
  while (begin < end) {
    size_t from[RUNG_BROADCAST_OPERANDS] = {0}, rest = begin, column = 0;
    for (int32_t i = inner; i >= 0; i--) {
      size_t index = rest % (size_t)plan->dims[i];
      rest /= (size_t)plan->dims[i];
      if (i == inner) column = index;
      for (int32_t k = 0; k < plan->operands; k++) from[k] += index * (size_t)plan->strides[k][i];
    }
    size_t n = RUNG_MIN((size_t)plan->dims[inner] - column, end - begin);
    j->fn(j->context, n, begin, from, step);
    begin += n;
  }
}

void rung_broadcast_run(const rung_kernel_call *call, const rung_broadcast *plan, size_t nanoseconds,
                        rung_broadcast_fn fn, void *context) {
  if (plan->count) rung_kernel_parallel(call, plan->count, rung_kernel_grain(nanoseconds), run_piece, &(job){plan, fn, context});
}
