/* com.microsoft's UnfoldTensor, DynamicTimeWarping and NGramRepeatBlock. */
#include "op/ms_decoding.h"

#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/strided.h"

#include <math.h>

/* UnfoldTensor: the input, seen with one dimension more */

static rung_status *unfold(rung_kernel_call *call) {
  const rung_unfold_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0);
  rung_tensor *out = rung_out(call, 0);
  int64_t from[RUNG_MAX_RANK + 1], to[RUNG_MAX_RANK + 1];
  rung_strided plan;
  int32_t axis;
  RUNG_TRY(rung_kernel_axis(p->dim, in->rank, &axis));
  rung_strided_dense(in->rank, in->dims, from);
  rung_strided_dense(out->rank, out->dims, to);
  from[in->rank] = from[axis];
  if (out->dims[axis] > 1) from[axis] *= p->step; /* then it is smaller than the dimension */
  rung_strided_make(&plan, rung_dtype_size(in->dtype), out->rank, out->dims, from, to);
  if (plan.count) rung_strided_run(call, &plan, in->data, out->data);
  return NULL;
}

RUNG_MOVED_KERNEL(ms_UnfoldTensor, unfold)

/* DynamicTimeWarping: sums along the cheapest way to each point, and where that came from; then the way back. A way
 * that costs as much as another goes along a row, as in ONNX Runtime. */

enum { FROM_BOTH, FROM_ROW_BEFORE, FROM_COLUMN_BEFORE };

static uint8_t step_to(float both, float row_before, float column_before) {
  if (both < row_before && both < column_before) return FROM_BOTH;
  return row_before < both && row_before < column_before ? FROM_ROW_BEFORE : FROM_COLUMN_BEFORE;
}

/* `sums`: two rows of columns + 1, the first of them before the matrix; `steps`: (rows, columns). */
static void find_steps(const rung_kernel_call *call, const float *costs, size_t rows, size_t columns, float *sums,
                       uint8_t *steps) {
  float *before = sums, *now = sums + columns + 1;
  for (size_t c = 0; c <= columns; c++) before[c] = c ? INFINITY : 0;
  for (size_t r = 0; r < rows && !rung_kernel_is_cancelled(call); r++) {
    now[0] = INFINITY;
    for (size_t c = 0; c < columns; c++) {
      uint8_t step = steps[r * columns + c] = step_to(before[c], before[c + 1], now[c]);
      now[c + 1] = costs[r * columns + c] + (step == FROM_BOTH         ? before[c]
                                             : step == FROM_ROW_BEFORE ? before[c + 1]
                                                                       : now[c]);
    }
    float *swapped = before;
    before = now;
    now = swapped;
  }
}

/* The way from the last point to the first, which begins at the end of `path` (2, most): how many points? */
static size_t walk_back(const uint8_t *steps, size_t rows, size_t columns, int32_t *path, size_t most) {
  size_t r = rows - 1, c = columns - 1, count = 0;
  for (;;) {
    count++;
    path[most - count] = (int32_t)r;
    path[2 * most - count] = (int32_t)c;
    uint8_t step = r == 0 ? FROM_COLUMN_BEFORE : c == 0 ? FROM_ROW_BEFORE : steps[r * columns + c];
    if (r == 0 && c == 0) return count;
    r -= step != FROM_COLUMN_BEFORE;
    c -= step != FROM_ROW_BEFORE;
  }
}

static rung_status *run_DynamicTimeWarping(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0);
  RUNG_RUN_REQUIRE(x->rank == 2 || (x->rank == 3 && x->dims[0] == 1), "the costs must be one matrix");
  size_t rows = (size_t)x->dims[x->rank - 2], columns = (size_t)x->dims[x->rank - 1], bytes, points = 0;
  RUNG_REQUIRE(rows <= INT32_MAX / 2 && columns <= INT32_MAX / 2, LIMIT, "%zu rows of %zu costs", rows, columns);
  size_t most = rows + columns, numbers = 2 * (columns + 1) * sizeof(float) + 2 * most * sizeof(int32_t);
  if (!rung_mul_size(rows, columns, &bytes) || !rung_add_size(bytes, numbers, &bytes))
    return rung_status_out_of_memory();
  float *sums = rung_alloc(call->host->allocator, bytes, 1, "way");
  RUNG_CHECK_ALLOC(sums);
  int32_t *path = (int32_t *)(sums + 2 * (columns + 1));
  uint8_t *steps = (uint8_t *)(path + 2 * most);
  if (rows && columns) {
    memset(steps, 0, rows * columns);
    find_steps(call, x->data, rows, columns, sums, steps);
    points = walk_back(steps, rows, columns, path, most);
  }
  rung_tensor *out;
  rung_status *status = rung_kernel_output(call, 0, RUNG_I32, 2, (const int64_t[]){2, (int64_t)points}, &out);
  for (size_t i = 0; i < 2 && !status && out && points; i++)
    memcpy((int32_t *)out->data + i * points, path + (i + 1) * most - points, points * sizeof *path);
  rung_free(call->host->allocator, sums);
  return status;
}

const rung_kernel rung_cpu_ms_DynamicTimeWarping = {.flags = RUNG_KERNEL_OWN_SHAPE, .run = run_DynamicTimeWarping};

/* NGramRepeatBlock */

static rung_status *block_row(const int64_t *tokens, size_t length, size_t n, float *scores, int64_t words) {
  for (size_t i = 0; i + n <= length; i++) {
    int64_t token = tokens[i + n - 1];
    if (n > 1 && memcmp(tokens + i, tokens + length - (n - 1), (n - 1) * sizeof *tokens) != 0) continue;
    RUNG_RUN_REQUIRE(token >= 0 && token < words, "token %lld is outside [0, %lld)", (long long)token,
                     (long long)words);
    scores[token] = -INFINITY;
  }
  return NULL;
}

static rung_status *run_NGramRepeatBlock(rung_kernel_call *call) {
  const rung_ngram_block_params *p = call->params;
  const rung_tensor *ids = rung_in(call, 0), *scores = rung_in(call, 1);
  rung_tensor *out = rung_out(call, 0);
  RUNG_RUN_REQUIRE(ids->rank == 2 && scores->rank == 2 && ids->dims[0] == scores->dims[0],
                   "input_ids and scores must be matrices of as many rows");
  size_t length = (size_t)ids->dims[1], words = (size_t)scores->dims[1];
  if (out->data != scores->data && scores->size) memcpy(out->data, scores->data, scores->size);
  for (size_t i = 0; i < (size_t)ids->dims[0] && (uint64_t)p->ngram_size <= length; i++)
    RUNG_TRY(block_row((const int64_t *)ids->data + i * length, length, (size_t)p->ngram_size,
                       (float *)out->data + i * words, (int64_t)words));
  return NULL;
}

const rung_kernel rung_cpu_ms_NGramRepeatBlock = {.run = run_NGramRepeatBlock};
