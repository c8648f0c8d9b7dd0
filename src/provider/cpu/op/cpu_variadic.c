/* Max, Min, Sum, Mean of any number of operands: block by block, one operand after the other. The narrow floats are
 * combined as float32 and rounded at the end. */
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/form/pointwise.h"

enum { BLOCK = RUNG_NARROW_BLOCK };

#define MAX(x, y) RUNG_MAX(x, y)
#define MIN(x, y) RUNG_MIN(x, y)
RUNG_EACH_INTEGER(RUNG_BINARY_LOOP, MAX)
RUNG_EACH_INTEGER(RUNG_BINARY_LOOP, MIN)

typedef struct variadic_job {
  const rung_kernel_call *call;
  const rung_broadcast *plans; /* one per operand */
  rung_binary_loop combine;
  rung_binary_loop divide; /* by the number of operands; NULL: not */
  size_t size, out_size;   /* bytes of an element as combined, and as stored */
  bool is_narrow;
  rung_narrow narrow;
} variadic_job;

/* One operand and the block that collects. */
typedef struct operand_job {
  const variadic_job *all;
  const char *data;
  bool first;
  size_t begin; /* output element that `block` begins with */
  char *block;
} operand_job;

static void combine_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const operand_job *j = context;
  const variadic_job *all = j->all;
  float widened[BLOCK];
  const void *x = j->data + from[0] * all->out_size;
  char *to = j->block + (at - j->begin) * all->size;
  if (all->is_narrow) {
    all->narrow.widen(step[0] ? n : 1, x, widened);
    x = widened;
  }
  if (!j->first)
    all->combine(n, to, 1, x, step[0], to, NULL);
  else if (step[0])
    memcpy(to, x, n * all->size);
  else
    for (size_t i = 0; i < n; i++) memcpy(to + i * all->size, x, all->size);
}

static void combine_piece(void *context, size_t begin, size_t end) {
  const variadic_job *j = context;
  const rung_kernel_call *call = j->call;
  double block[BLOCK];
  for (size_t n; begin < end; begin += n) {
    n = RUNG_MIN(end - begin, BLOCK);
    for (uint32_t k = 0; k < call->input_count; k++) {
      operand_job operand = {j, rung_in(call, k)->data, k == 0, begin, (char *)block};
      rung_broadcast_rows(&j->plans[k], begin, begin + n, combine_row, &operand);
    }
    if (j->divide && j->size == sizeof(float))
      j->divide(n, block, 1, &(float){(float)call->input_count}, 0, block, NULL);
    if (j->divide && j->size == sizeof(double))
      j->divide(n, block, 1, &(double){(double)call->input_count}, 0, block, NULL);
    char *out = (char *)rung_out(call, 0)->data + begin * j->out_size;
    if (j->is_narrow)
      j->narrow.narrow(n, (const float *)block, (uint16_t *)out);
    else
      memcpy(out, block, n * j->size);
  }
}

static rung_status *prepare_variadic(rung_kernel_call *call) {
  RUNG_REQUIRE(rung_mul_size(call->input_count, sizeof(rung_broadcast), &call->scratch_size), LIMIT, "%u operands",
               call->input_count);
  return NULL;
}

static rung_status *run_variadic(rung_kernel_call *call, const rung_binary_loop *loops, rung_binary_math function,
                                 bool mean) {
  const rung_tensor *out = rung_out(call, 0);
  if (!out || !rung_tensor_count(out)) return NULL;
  rung_binary_loop combine =
      loops && loops[out->dtype] ? loops[out->dtype] : rung_math_of(call, out->dtype)->binary[function];
  if (call->input_count == 2 && !mean)
    return rung_binary_run(call, rung_in(call, 0), rung_in(call, 1), combine, NULL, 1);
  rung_broadcast *plans = call->scratch;
  for (uint32_t k = 0; k < call->input_count; k++)
    rung_broadcast_make(&plans[k], out, (const rung_tensor *[]){rung_in(call, k)}, 1);
  variadic_job job = {.call = call, .plans = plans, .combine = combine, .out_size = rung_dtype_size(out->dtype)};
  job.is_narrow = rung_narrow_of(rung_math_of(call, out->dtype), out->dtype, &job.narrow);
  job.size = job.is_narrow ? sizeof(float) : job.out_size;
  if (mean) job.divide = rung_math_of(call, out->dtype)->binary[RUNG_MATH_div];
  rung_kernel_parallel(call, rung_tensor_count(out), rung_kernel_grain(call->input_count), combine_piece, &job);
  return NULL;
}

static const rung_binary_loop max_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, MAX)};
static const rung_binary_loop min_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, MIN)};

#define VARIADIC_KERNEL(symbol, set, ...)                                                              \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_variadic(call, __VA_ARGS__); } \
  const rung_kernel rung_cpu_##symbol = {                                                              \
      .types = {{'T', set}}, .flags = RUNG_KERNEL_IN_PLACE, .prepare = prepare_variadic, .run = run_##symbol};
VARIADIC_KERNEL(Max, RUNG_SET_NUMERIC, max_loops, RUNG_MATH_max, false)
VARIADIC_KERNEL(Mean, RUNG_SET_FLOAT, NULL, RUNG_MATH_add, true)
VARIADIC_KERNEL(Min, RUNG_SET_NUMERIC, min_loops, RUNG_MATH_min, false)
VARIADIC_KERNEL(Sum, RUNG_SET_FLOAT, NULL, RUNG_MATH_add, false)
