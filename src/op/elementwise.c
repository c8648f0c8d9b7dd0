/* Element by element with broadcasting: arithmetic, selection, and what small integer tensors tell of shapes. */
#include "op/elementwise.h"

#include "op/op_infer.h"

#include <float.h>

/* Broadcasting, as it is and as it was */

rung_status *rung_binary_align(const rung_binary_params *params, int32_t rank, int32_t second_rank,
                               int32_t *out_behind) {
  *out_behind = 0;
  if (!params->broadcast || params->axis == INT64_MIN || second_rank == 0) return NULL;
  int64_t axis = params->axis < 0 ? params->axis + rank : params->axis;
  RUNG_MODEL_REQUIRE(axis >= 0 && axis <= rank - second_rank, "axis %lld does not fit ranks %d and %d",
                     (long long)params->axis, rank, second_rank);
  *out_behind = rank - second_rank - (int32_t)axis;
  return NULL;
}

int32_t rung_prelu_align(const rung_node *node, int32_t rank, int32_t slope_rank, int64_t slope_size) {
  return node->version < 7 && slope_rank == 1 && slope_size != 1 && rank > 2 ? rank - 2 : 0;
}

/* Output 0 from inputs 0 and 1, the latter with `behind` dimensions of 1 at its end. */
static rung_status *infer_aligned(rung_infer *infer, int32_t behind) {
  rung_operand operands[2] = {infer->inputs[0], infer->inputs[1]};
  rung_type second = *operands[1].type;
  rung_infer aligned = *infer;
  for (int32_t i = 0; i < behind; i++) second.dims[second.rank++] = 1;
  operands[1].type = &second;
  aligned.inputs = operands;
  return rung_infer_broadcast(&aligned, 0, 1);
}

rung_status *rung_infer_binary(rung_infer *infer) {
  const rung_type *a = rung_infer_input(infer, 0), *b = rung_infer_input(infer, 1);
  int32_t behind;
  if (a->rank < 0 || b->rank < 0) return NULL;
  RUNG_TRY(rung_binary_align(infer->params, a->rank, b->rank, &behind));
  return infer_aligned(infer, behind);
}

const rung_attr rung_binary_attrs[] = {
    {"axis", RUNG_ATTR_KIND_INT, offsetof(rung_binary_params, axis), .int_default = INT64_MIN, .until = 6},
    {"broadcast", RUNG_ATTR_KIND_INT, offsetof(rung_binary_params, broadcast), .until = 6},
    RUNG_ATTR_IGNORED("consumed_inputs"),
    {0}};

/* Arithmetic on small integer tensors: numbers, and symbols that stand for unknown sizes */

enum { MOST_DIMS = 32 };
typedef int64_t (*dim_function)(rung_infer *infer, int64_t a, int64_t b);

/* A result that the element type cannot hold is not what the kernel will say. */
static int64_t fit(rung_infer *infer, int64_t value) {
  bool narrow = infer->outputs[0].dtype == RUNG_I32;
  return !RUNG_IS_SYMBOL(value) && narrow && (int32_t)value != value ? rung_infer_symbol(infer) : value;
}

static bool is_vector(const rung_infer *infer, uint32_t input) {
  const rung_type *type = rung_infer_input(infer, input);
  return type->rank == 0 || type->rank == 1;
}

/* The elements of `count` inputs, each as long as the longest; false when not all of them are known. */
static bool known_inputs(const rung_infer *infer, uint32_t count, int64_t (*elements)[MOST_DIMS], uint32_t *out_n) {
  uint32_t have[3];
  *out_n = 1;
  for (uint32_t k = 0; k < count; k++) {
    if (!is_vector(infer, k) || !rung_infer_elements(infer, k, elements[k], MOST_DIMS, &have[k])) return false;
    if (have[k] != 1) *out_n = have[k];
  }
  for (uint32_t k = 0; k < count; k++) {
    if (have[k] != 1 && have[k] != *out_n) return false;
    for (uint32_t i = have[k]; i < *out_n; i++) elements[k][i] = elements[k][0];
  }
  return true;
}

static rung_status *infer_dims(rung_infer *infer, dim_function combine) {
  int64_t in[2][MOST_DIMS];
  uint32_t n;
  RUNG_TRY(rung_infer_binary(infer));
  if (!known_inputs(infer, 2, in, &n)) return NULL;
  for (uint32_t i = 0; i < n; i++) in[0][i] = fit(infer, combine(infer, in[0][i], in[1][i]));
  rung_infer_known(infer, 0, in[0], n);
  return NULL;
}

static bool are_numbers(int64_t a, int64_t b) { return !RUNG_IS_SYMBOL(a) && !RUNG_IS_SYMBOL(b); }

static int64_t add(rung_infer *infer, int64_t a, int64_t b) {
  int64_t sum;
  return are_numbers(a, b) && rung_add_i64(a, b, &sum) ? sum : rung_infer_add(infer, a, b);
}

static int64_t subtract(rung_infer *infer, int64_t a, int64_t b) {
  int64_t difference;
  if (b == 0) return a;
  if (a == b) return 0;
  return are_numbers(a, b) && !__builtin_sub_overflow(a, b, &difference) ? difference : rung_infer_symbol(infer);
}

static int64_t multiply(rung_infer *infer, int64_t a, int64_t b) {
  int64_t product;
  return are_numbers(a, b) && rung_mul_i64(a, b, &product) ? product : rung_infer_mul(infer, a, b);
}

static int64_t divide(rung_infer *infer, int64_t a, int64_t b) {
  if (b == 1) return a;
  if (!are_numbers(a, b) || b == 0 || (a == INT64_MIN && b == -1)) return rung_infer_symbol(infer);
  return a / b;
}

static int64_t larger(rung_infer *infer, int64_t a, int64_t b) {
  if (a == b) return a;
  return are_numbers(a, b) ? RUNG_MAX(a, b) : rung_infer_symbol(infer);
}

static int64_t smaller(rung_infer *infer, int64_t a, int64_t b) {
  if (a == b) return a;
  return are_numbers(a, b) ? RUNG_MIN(a, b) : rung_infer_symbol(infer);
}

static rung_status *infer_Add(rung_infer *infer) { return infer_dims(infer, add); }
static rung_status *infer_Sub(rung_infer *infer) { return infer_dims(infer, subtract); }
static rung_status *infer_Mul(rung_infer *infer) { return infer_dims(infer, multiply); }
static rung_status *infer_Div(rung_infer *infer) { return infer_dims(infer, divide); }

#define BINARY(symbol, text, function)                                         \
  const rung_op rung_op_##symbol = {.name = #symbol,                           \
                                    .domain = "",                              \
                                    .since = 1,                                \
                                    .signature = text,                         \
                                    .params_size = sizeof(rung_binary_params), \
                                    .attributes = rung_binary_attrs,           \
                                    .infer = function};
BINARY(Add, "A:T B:T -> C:T", infer_Add)
BINARY(Sub, "A:T B:T -> C:T", infer_Sub)
BINARY(Mul, "A:T B:T -> C:T", infer_Mul)
BINARY(Div, "A:T B:T -> C:T", infer_Div)
BINARY(Pow, "X:T Y:U -> Z:T", rung_infer_binary)

/* Mod */

static rung_status *check_Mod(const rung_node *node, void *params) {
  const rung_mod_params *p = params;
  (void)node;
  RUNG_MODEL_REQUIRE(p->fmod == 0 || p->fmod == 1, "fmod is %lld, not 0 or 1", (long long)p->fmod);
  return NULL;
}

static rung_status *infer_Mod(rung_infer *infer) {
  const rung_mod_params *p = infer->params;
  rung_dtype dtype = rung_infer_input(infer, 0)->dtype;
  RUNG_MODEL_REQUIRE(p->fmod || !(RUNG_SET(dtype) & RUNG_SET_FLOAT), "%s needs fmod=1", rung_dtype_name(dtype));
  return rung_infer_broadcast_all(infer);
}

static const rung_attr mod_attrs[] = {RUNG_ATTR_INT(rung_mod_params, fmod, 0), {0}};

const rung_op rung_op_Mod = {.name = "Mod",
                             .domain = "",
                             .since = 10,
                             .signature = "A:T B:T -> C:T",
                             .params_size = sizeof(rung_mod_params),
                             .attributes = mod_attrs,
                             .check = check_Mod,
                             .infer = infer_Mod};

/* PRelu: the slope is broadcast to X, never the other way. */

static rung_status *infer_PRelu(rung_infer *infer) {
  const rung_type *x = rung_infer_input(infer, 0), *slope = rung_infer_input(infer, 1);
  rung_infer_same(infer, 0, 0);
  if (x->rank < 0 || slope->rank < 0) return NULL;
  int32_t behind = rung_prelu_align(infer->node, x->rank, slope->rank, slope->rank == 1 ? slope->dims[0] : 0);
  RUNG_TRY(infer_aligned(infer, behind));
  bool wider = infer->outputs[0].rank > x->rank;
  for (int32_t i = 0; i < x->rank && !wider; i++) wider = x->dims[i] >= 0 && infer->outputs[0].dims[i] != x->dims[i];
  RUNG_MODEL_REQUIRE(!wider, "the slope does not broadcast to the shape of X");
  rung_infer_same(infer, 0, 0);
  return NULL;
}

static const rung_attr prelu_attrs[] = {RUNG_ATTR_IGNORED("consumed_inputs"), {0}};

const rung_op rung_op_PRelu = {.name = "PRelu",
                               .domain = "",
                               .since = 1,
                               .signature = "X:T slope:T -> Y:T",
                               .attributes = prelu_attrs,
                               .infer = infer_PRelu};

/* Any number of operands */

static rung_status *infer_extreme(rung_infer *infer, dim_function combine) {
  int64_t in[2][MOST_DIMS];
  uint32_t n;
  RUNG_TRY(rung_infer_broadcast_all(infer));
  if (infer->input_count != 2 || !rung_infer_has(infer, 1) || !known_inputs(infer, 2, in, &n)) return NULL;
  for (uint32_t i = 0; i < n; i++) in[0][i] = combine(infer, in[0][i], in[1][i]);
  rung_infer_known(infer, 0, in[0], n);
  return NULL;
}

static rung_status *infer_Max(rung_infer *infer) { return infer_extreme(infer, larger); }
static rung_status *infer_Min(rung_infer *infer) { return infer_extreme(infer, smaller); }

static const rung_attr variadic_attrs[] = {RUNG_ATTR_IGNORED("consumed_inputs"), {0}};

/* An operand with an empty name among the others would have no meaning. */
static rung_status *check_variadic(const rung_node *node, void *params) {
  (void)params;
  RUNG_MODEL_REQUIRE(node->input_count > 0, "%s needs an input", node->op_type);
  for (uint32_t i = 0; i < node->input_count; i++) RUNG_MODEL_REQUIRE(node->inputs[i], "input %u is left out", i);
  return NULL;
}

#define VARIADIC(symbol, result, function)                                    \
  const rung_op rung_op_##symbol = {.name = #symbol,                          \
                                    .domain = "",                             \
                                    .since = 1,                               \
                                    .signature = "data:T... -> " result ":T", \
                                    .attributes = variadic_attrs,             \
                                    .check = check_variadic,                  \
                                    .infer = function};
VARIADIC(Max, "max", infer_Max)
VARIADIC(Mean, "mean", rung_infer_broadcast_all)
VARIADIC(Min, "min", infer_Min)
VARIADIC(Sum, "sum", rung_infer_broadcast_all)

/* Where */

static rung_status *infer_Where(rung_infer *infer) {
  int64_t in[3][MOST_DIMS];
  uint32_t n;
  RUNG_TRY(rung_infer_broadcast_all(infer));
  if (!known_inputs(infer, 3, in, &n)) return NULL;
  for (uint32_t i = 0; i < n; i++) {
    bool open = RUNG_IS_SYMBOL(in[0][i]) && in[1][i] != in[2][i];
    in[0][i] = open ? rung_infer_symbol(infer) : in[0][i] ? in[1][i] : in[2][i];
  }
  rung_infer_known(infer, 0, in[0], n);
  return NULL;
}

const rung_op rung_op_Where = {
    .name = "Where", .domain = "", .since = 9, .signature = "condition:bool X:T Y:T -> output:T", .infer = infer_Where};

/* Clip */

static rung_status *infer_Clip(rung_infer *infer) {
  bool integer = RUNG_SET_INTEGER & RUNG_SET(rung_infer_input(infer, 0)->dtype);
  RUNG_MODEL_REQUIRE(infer->node->version >= 11 || !integer, "integers need opset 12, this is %lld",
                     (long long)infer->node->version);
  for (uint32_t i = 1; i < 3; i++) {
    const rung_type *bound = rung_infer_has(infer, i) ? rung_infer_input(infer, i) : NULL;
    for (int32_t k = 0; bound && k < bound->rank; k++)
      RUNG_MODEL_REQUIRE(RUNG_IS_SYMBOL(bound->dims[k]) || bound->dims[k] == 1, "input %u is not a scalar", i);
  }
  return rung_infer_elementwise(infer);
}

static const rung_attr clip_attrs[] = {
    {"min", RUNG_ATTR_KIND_FLOAT, offsetof(rung_clip_params, min), .float_default = -FLT_MAX, .until = 10},
    {"max", RUNG_ATTR_KIND_FLOAT, offsetof(rung_clip_params, max), .float_default = FLT_MAX, .until = 10},
    RUNG_ATTR_IGNORED("consumed_inputs"),
    {0}};

const rung_op rung_op_Clip = {.name = "Clip",
                              .domain = "",
                              .since = 1,
                              .signature = "input:T min:T? max:T? -> output:T",
                              .params_size = sizeof(rung_clip_params),
                              .attributes = clip_attrs,
                              .infer = infer_Clip};
