/* Element by element with broadcasting: comparisons, logic, bits. */
#include "op/elementwise.h"
#include "op/op_infer.h"

#define BINARY(symbol, version, text, function)                                \
  const rung_op rung_op_##symbol = {.name = #symbol,                           \
                                    .domain = "",                              \
                                    .since = version,                          \
                                    .signature = text,                         \
                                    .params_size = sizeof(rung_binary_params), \
                                    .attributes = rung_binary_attrs,           \
                                    .infer = function};

/* Comparisons */

/* Of small integer tensors: shapes are compared with -1. A symbol may stand for any number. */
static rung_status *infer_Equal(rung_infer *infer) {
  enum { MOST = 32 };
  int64_t a[MOST], b[MOST];
  uint32_t na, nb;
  RUNG_TRY(rung_infer_binary(infer));
  if (infer->outputs[0].rank > 1 || !rung_infer_elements(infer, 0, a, MOST, &na) ||
      !rung_infer_elements(infer, 1, b, MOST, &nb))
    return NULL;
  if (na != nb && na != 1 && nb != 1) return NULL;
  uint32_t n = na == 1 ? nb : na;
  int64_t equal[MOST];
  for (uint32_t i = 0; i < n; i++) {
    int64_t x = a[na == 1 ? 0 : i], y = b[nb == 1 ? 0 : i];
    bool open = x != y && (RUNG_IS_SYMBOL(x) || RUNG_IS_SYMBOL(y));
    equal[i] = open ? rung_infer_symbol(infer) : x == y;
  }
  rung_infer_known(infer, 0, equal, n);
  return NULL;
}

BINARY(Equal, 1, "A:T B:T -> C:bool", infer_Equal)
BINARY(Greater, 1, "A:T B:T -> C:bool", rung_infer_binary)
BINARY(GreaterOrEqual, 12, "A:T B:T -> C:bool", rung_infer_binary)
BINARY(Less, 1, "A:T B:T -> C:bool", rung_infer_binary)
BINARY(LessOrEqual, 12, "A:T B:T -> C:bool", rung_infer_binary)

/* Logic */

BINARY(And, 1, "A:bool B:bool -> C:bool", rung_infer_binary)
BINARY(Or, 1, "A:bool B:bool -> C:bool", rung_infer_binary)
BINARY(Xor, 1, "A:bool B:bool -> C:bool", rung_infer_binary)

const rung_op rung_op_Not = {
    .name = "Not", .domain = "", .since = 1, .signature = "X:bool -> Y:bool", .infer = rung_infer_elementwise};

/* Bits */

BINARY(BitwiseAnd, 18, "A:T B:T -> C:T", rung_infer_binary)
BINARY(BitwiseOr, 18, "A:T B:T -> C:T", rung_infer_binary)
BINARY(BitwiseXor, 18, "A:T B:T -> C:T", rung_infer_binary)

const rung_op rung_op_BitwiseNot = {
    .name = "BitwiseNot", .domain = "", .since = 18, .signature = "X:T -> Y:T", .infer = rung_infer_elementwise};

static const rung_attr bitshift_attrs[] = {
    {"direction", RUNG_ATTR_KIND_CHOICE, offsetof(rung_bitshift_params, direction), .text = "LEFT|RIGHT",
     .required = true},
    {0}};

const rung_op rung_op_BitShift = {.name = "BitShift",
                                  .domain = "",
                                  .since = 11,
                                  .signature = "X:T Y:T -> Z:T",
                                  .params_size = sizeof(rung_bitshift_params),
                                  .attributes = bitshift_attrs,
                                  .infer = rung_infer_broadcast_all};
