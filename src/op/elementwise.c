/* Element by element: arithmetic with broadcasting, and functions of one argument. */
#include "op/op_infer.h"

/* Before opset 7, broadcasting was asked for by attributes; without them both shapes are equal. */
typedef struct legacy_broadcast {
  int64_t axis, broadcast;
} legacy_broadcast;

static const rung_attr binary_attrs[] = {
    {"axis", RUNG_ATTR_KIND_INT, offsetof(legacy_broadcast, axis), .int_default = INT64_MIN, .until = 6},
    {"broadcast", RUNG_ATTR_KIND_INT, offsetof(legacy_broadcast, broadcast), .until = 6},
    RUNG_ATTR_IGNORED("consumed_inputs"),
    {0}};

/* An axis other than the last ones would need the second operand reshaped. */
static rung_status *check_binary(const rung_node *node, void *params) {
  const legacy_broadcast *legacy = params;
  if (legacy->axis == INT64_MIN || node->input_count < 2) return NULL;
  const rung_type *a = &node->inputs[0]->type, *b = &node->inputs[1]->type;
  RUNG_REQUIRE(a->rank >= 0 && b->rank >= 0 && (legacy->axis < 0 ? legacy->axis + a->rank : legacy->axis) + b->rank == a->rank,
               UNSUPPORTED, "broadcasting along axis %lld (opset %lld); convert the model to opset 7 or newer",
               (long long)legacy->axis, (long long)node->opset);
  return NULL;
}

/* Shape arithmetic on small integer tensors, symbols included. */
typedef int64_t (*dim_function)(rung_infer *infer, int64_t a, int64_t b);

static rung_status *infer_dims(rung_infer *infer, dim_function combine) {
  enum { MOST = 32 };
  int64_t a[MOST], b[MOST], result[MOST];
  uint32_t na, nb;
  RUNG_TRY(rung_infer_broadcast_all(infer));
  if (!rung_infer_elements(infer, 0, a, MOST, &na) || !rung_infer_elements(infer, 1, b, MOST, &nb)) return NULL;
  if (na != nb && na != 1 && nb != 1) return NULL;
  uint32_t n = na == 1 ? nb : na;
  for (uint32_t i = 0; i < n; i++) result[i] = combine(infer, a[na == 1 ? 0 : i], b[nb == 1 ? 0 : i]);
  rung_infer_known(infer, 0, result, n);
  return NULL;
}

static int64_t subtract(rung_infer *infer, int64_t a, int64_t b) {
  int64_t difference;
  if (b == 0) return a;
  if (a == b && RUNG_IS_SYMBOL(a)) return 0;
  if (RUNG_IS_SYMBOL(a) || RUNG_IS_SYMBOL(b) || __builtin_sub_overflow(a, b, &difference)) return rung_infer_symbol(infer);
  return difference;
}

static int64_t divide(rung_infer *infer, int64_t a, int64_t b) {
  if (b == 1) return a;
  if (a == b && RUNG_IS_SYMBOL(a)) return 1;
  if (RUNG_IS_SYMBOL(a) || RUNG_IS_SYMBOL(b) || b == 0 || (a == INT64_MIN && b == -1)) return rung_infer_symbol(infer);
  return a / b;
}

static rung_status *infer_Add(rung_infer *infer) { return infer_dims(infer, rung_infer_add); }
static rung_status *infer_Sub(rung_infer *infer) { return infer_dims(infer, subtract); }
static rung_status *infer_Mul(rung_infer *infer) { return infer_dims(infer, rung_infer_mul); }
static rung_status *infer_Div(rung_infer *infer) { return infer_dims(infer, divide); }

#define BINARY(symbol)                                                                                       \
  const rung_op rung_op_##symbol = {.name = #symbol, .domain = "", .since = 1, .signature = "A:T B:T -> C:T", \
                                    .params_size = sizeof(legacy_broadcast), .attributes = binary_attrs,     \
                                    .check = check_binary, .infer = infer_##symbol};
BINARY(Add)
BINARY(Sub)
BINARY(Mul)
BINARY(Div)

static const rung_attr unary_attrs[] = {RUNG_ATTR_IGNORED("consumed_inputs"), {0}};

#define UNARY(symbol)                                                                                        \
  const rung_op rung_op_##symbol = {.name = #symbol, .domain = "", .since = 1, .signature = "X:T -> Y:T",     \
                                    .attributes = unary_attrs, .infer = rung_infer_elementwise};
UNARY(Abs)
UNARY(Exp)
UNARY(Neg)
UNARY(Relu)
UNARY(Sigmoid)
UNARY(Sqrt)
