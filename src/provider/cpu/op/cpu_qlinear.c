/* com.microsoft's QLinear family: the kernels of floats between dequantising and quantising (form/stand_in.h), and what
 * goes code by code through a table of 256. Those of pools are in cpu_pool.c. */
#include "op/ms_quantized.h"

#include "op/elementwise.h"
#include "op/movement.h"
#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/form/quantized.h"
#include "provider/cpu/form/stand_in.h"
#include "provider/cpu/kernel/isa.h"

#define BYTES {'T', RUNG_SET(RUNG_U8) | RUNG_SET(RUNG_I8)}

extern const rung_kernel rung_cpu_Add, rung_cpu_Mul, rung_cpu_ReduceMean, rung_cpu_Softmax, rung_cpu_Where;

/* Floats */

#define TWO(inner)                                                                                                  \
  {                                                                                                                 \
    .kernel = &rung_cpu_##inner, .input_count = 2,                                                                  \
    .inputs = {{.kind = RUNG_STAND_FLOAT, 0, 1, 2, false}, {.kind = RUNG_STAND_FLOAT, 3, 4, 5, false}}, .output = { \
      RUNG_STAND_FLOAT,                                                                                             \
      0,                                                                                                            \
      6,                                                                                                            \
      7,                                                                                                            \
      false                                                                                                         \
    }                                                                                                               \
  }
#define ONE(inner)                                                                                                     \
  {                                                                                                                    \
    .kernel = &rung_cpu_##inner, .input_count = 1, .inputs = {{.kind = RUNG_STAND_FLOAT, 0, 1, 2, false}}, .output = { \
      RUNG_STAND_FLOAT,                                                                                                \
      0,                                                                                                               \
      3,                                                                                                               \
      4,                                                                                                               \
      false                                                                                                            \
    }                                                                                                                  \
  }

static const rung_stand_in sums = TWO(Add), products = TWO(Mul), softmax = ONE(Softmax), means = ONE(ReduceMean);
RUNG_STAND_IN_KERNEL(ms_QLinearAdd, &sums, 0, BYTES)
RUNG_STAND_IN_KERNEL(ms_QLinearMul, &products, 0, BYTES)
RUNG_STAND_IN_KERNEL(ms_QLinearSoftmax, &softmax, 0, BYTES)
RUNG_STAND_IN_KERNEL(ms_QLinearReduceMean, &means, 0, BYTES)

/* Codes */

static const rung_stand_in choice = {.kernel = &rung_cpu_Where,
                                     .input_count = 3,
                                     .inputs = {{RUNG_STAND_AS_IS, 0, 0, 0, false},
                                                {RUNG_STAND_CODE, 1, 2, 3, false},
                                                {RUNG_STAND_CODE, 4, 5, 6, false}},
                                     .output = {RUNG_STAND_AS_IS, 0, 7, 8, false}};
RUNG_STAND_IN_KERNEL(ms_QLinearWhere, &choice, 0, BYTES)

static rung_status *run_function(rung_kernel_call *call, rung_unary_math function) {
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor *y = rung_out(call, 0);
  rung_quantization from, to;
  uint8_t table[RUNG_QUANTIZED_CODES];
  RUNG_TRY(rung_quantization_read(call, 1, 2, &from));
  RUNG_TRY(rung_quantization_read(call, 3, 4, &to));
  RUNG_RUN_REQUIRE(y, "the output is required");
  rung_code_table(call, x->dtype, &from, y->dtype, &to, rung_math_for(rung_isa(call->host))->unary[function],
                  call->params, table);
  rung_code_map(call, table, rung_tensor_count(x), x->data, y->data);
  return NULL;
}

static rung_status *run_QLinearSigmoid(rung_kernel_call *call) { return run_function(call, RUNG_MATH_sigmoid); }
static rung_status *run_QLinearLeakyRelu(rung_kernel_call *call) { return run_function(call, RUNG_MATH_leaky_relu); }
const rung_kernel rung_cpu_ms_QLinearSigmoid = {.types = {BYTES}, .run = run_QLinearSigmoid};
const rung_kernel rung_cpu_ms_QLinearLeakyRelu = {.types = {BYTES}, .run = run_QLinearLeakyRelu};

/* Rows of a part are pieces of the longer rows of the output. */
typedef struct part_job {
  const uint8_t *from;
  uint8_t *to; /* the first piece */
  size_t row, whole;
  uint8_t table[RUNG_QUANTIZED_CODES];
} part_job;

static void copy_rows(void *context, size_t begin, size_t end) {
  const part_job *j = context;
  for (size_t r = begin; r < end; r++)
    for (size_t i = 0; i < j->row; i++) j->to[r * j->whole + i] = j->table[j->from[r * j->row + i]];
}

static rung_status *run_QLinearConcat(rung_kernel_call *call) {
  const rung_concat_params *p = call->params;
  rung_tensor *y = rung_out(call, 0);
  rung_quantization from, to;
  int32_t axis;
  RUNG_RUN_REQUIRE(y, "the output is required");
  RUNG_TRY(rung_kernel_axis(p->axis, y->rank, &axis));
  RUNG_TRY(rung_quantization_read(call, 0, 1, &to));
  size_t outer = (size_t)rung_tensor_span(y, 0, axis), at = 0;
  part_job j = {.whole = (size_t)rung_tensor_span(y, axis, y->rank)};
  for (uint32_t i = RUNG_QLINEAR_PARTS; i + 2 < call->input_count; i += 3) {
    const rung_tensor *x = rung_in(call, i);
    RUNG_RUN_REQUIRE(x->dtype == y->dtype, "input %u is %s", i, rung_dtype_name(x->dtype));
    RUNG_TRY(rung_quantization_read(call, i + 1, i + 2, &from));
    rung_code_table(call, x->dtype, &from, y->dtype, &to, NULL, NULL, j.table);
    j.from = x->data;
    j.to = (uint8_t *)y->data + at;
    j.row = (size_t)rung_tensor_span(x, axis, x->rank);
    rung_kernel_parallel(call, outer, rung_kernel_grain(j.row), copy_rows, &j);
    at += j.row;
  }
  return NULL;
}

const rung_kernel rung_cpu_ms_QLinearConcat = {.types = {BYTES}, .run = run_QLinearConcat};
