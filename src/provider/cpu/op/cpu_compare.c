/* Comparisons, logic and bits. A comparison with NaN is false; a bool is true when any of its bits is set. */
#include "op/elementwise.h"

#include "base/str.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/form/pointwise.h"

#define BINARY_KERNEL(symbol, variable, set, in_place, ...)  \
  static rung_status *run_##symbol(rung_kernel_call *call) { \
    const rung_tensor *a = rung_in(call, 0);                 \
    rung_tensor b;                                           \
    RUNG_TRY(rung_binary_second(call, &b));                  \
    __VA_ARGS__                                              \
  }                                                          \
  const rung_kernel rung_cpu_##symbol = {.types = {{variable, set}}, .flags = in_place, .run = run_##symbol};

/* Comparisons: never in place, since operands of other widths and other shapes may have as many bytes as the output. */

#define EQUAL(x, y) ((x) == (y))
#define LESS(x, y) ((x) < (y))
#define LESS_OR_EQUAL(x, y) ((x) <= (y))
#define COMPARE_LOOP(op, NAME, stored, computed, load, store) \
  RUNG_BINARY_LOOP_TO(uint8_t, op, NAME, stored, computed, load, )
#define EACH_LOGIC(X, op) X(op, BOOL, uint8_t, bool, , (bool))
/* Where the sign makes no difference, the loops of unsigned integers. */
#define SIGNED_ENTRIES(op) [RUNG_I8] = op##_U8, [RUNG_I16] = op##_U16, [RUNG_I32] = op##_U32, [RUNG_I64] = op##_U64

RUNG_EACH_UNSIGNED(COMPARE_LOOP, EQUAL)
EACH_LOGIC(COMPARE_LOOP, EQUAL)
RUNG_EACH_INTEGER(COMPARE_LOOP, LESS)
RUNG_EACH_INTEGER(COMPARE_LOOP, LESS_OR_EQUAL)

static void EQUAL_STRING(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out,
                         const void *p) {
  const rung_str *x = a, *y = b;
  uint8_t *z = out;
  (void)p;
  for (size_t i = 0; i < n; i++, x += a_step, y += b_step) z[i] = rung_str_equal(*x, *y);
}

static const rung_binary_loop equal_loops[RUNG_DTYPE_NUMBERS] = {
    RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, EQUAL) EACH_LOGIC(RUNG_TABLE_ENTRY, EQUAL) SIGNED_ENTRIES(EQUAL),
    [RUNG_STRING] = EQUAL_STRING};
static const rung_binary_loop less_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, LESS)};
static const rung_binary_loop less_or_equal_loops[RUNG_DTYPE_NUMBERS] = {
    RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, LESS_OR_EQUAL)};

static rung_status *compare(rung_kernel_call *call, const rung_tensor *a, const rung_tensor *b,
                            const rung_binary_loop *loops, rung_compare_math function) {
  rung_binary_loop loop = loops[a->dtype] ? loops[a->dtype] : rung_math_of(call, a->dtype)->compare[function];
  return rung_binary_run(call, a, b, loop, NULL, 1);
}

BINARY_KERNEL(Equal, 'T', RUNG_SET_NUMERIC | RUNG_SET_BOOL | RUNG_SET_STRING, 0,
              return compare(call, a, &b, equal_loops, RUNG_MATH_equal);)
BINARY_KERNEL(Less, 'T', RUNG_SET_NUMERIC, 0, return compare(call, a, &b, less_loops, RUNG_MATH_less);)
BINARY_KERNEL(LessOrEqual, 'T', RUNG_SET_NUMERIC, 0,
              return compare(call, a, &b, less_or_equal_loops, RUNG_MATH_less_or_equal);)
BINARY_KERNEL(Greater, 'T', RUNG_SET_NUMERIC, 0, return compare(call, &b, a, less_loops, RUNG_MATH_less);)
BINARY_KERNEL(GreaterOrEqual, 'T', RUNG_SET_NUMERIC, 0,
              return compare(call, &b, a, less_or_equal_loops, RUNG_MATH_less_or_equal);)

/* Logic */

#define AND(x, y) ((x) && (y))
#define OR(x, y) ((x) || (y))
#define XOR(x, y) ((x) != (y))
#define NOT(x) (!(x))

EACH_LOGIC(RUNG_BINARY_LOOP, AND)
EACH_LOGIC(RUNG_BINARY_LOOP, OR)
EACH_LOGIC(RUNG_BINARY_LOOP, XOR)
EACH_LOGIC(RUNG_UNARY_LOOP, NOT)

BINARY_KERNEL(And, 0, 0, RUNG_KERNEL_IN_PLACE, return rung_binary_run(call, a, &b, AND_BOOL, NULL, 1);)
BINARY_KERNEL(Or, 0, 0, RUNG_KERNEL_IN_PLACE, return rung_binary_run(call, a, &b, OR_BOOL, NULL, 1);)
BINARY_KERNEL(Xor, 0, 0, RUNG_KERNEL_IN_PLACE, return rung_binary_run(call, a, &b, XOR_BOOL, NULL, 1);)

static rung_status *run_Not(rung_kernel_call *call) {
  return rung_unary_run(call, rung_in(call, 0), NOT_BOOL, NULL, 1);
}

const rung_kernel rung_cpu_Not = {.flags = RUNG_KERNEL_IN_PLACE, .run = run_Not};

/* Bits: the sign makes no difference. Shifts take unsigned integers only. */

#define BIT_AND(x, y) ((x) & (y))
#define BIT_OR(x, y) ((x) | (y))
#define BIT_XOR(x, y) ((x) ^ (y))
/* By as many bits as there are, or more: 0. */
#define SHIFT_LEFT(x, y) ((y) < 8 * sizeof(x) ? (uint64_t)(x) << (y) : 0)
#define SHIFT_RIGHT(x, y) ((y) < 8 * sizeof(x) ? (x) >> (y) : 0)

RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, BIT_AND)
RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, BIT_OR)
RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, BIT_XOR)
RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, SHIFT_LEFT)
RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, SHIFT_RIGHT)

#define BITWISE_KERNEL(symbol, op)                                                                             \
  static const rung_binary_loop symbol##_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, op) \
                                                                          SIGNED_ENTRIES(op)};                 \
  BINARY_KERNEL(symbol, 'T', RUNG_SET_INTEGER, RUNG_KERNEL_IN_PLACE,                                           \
                return rung_binary_run(call, a, &b, symbol##_loops[a->dtype], NULL, 1);)
BITWISE_KERNEL(BitwiseAnd, BIT_AND)
BITWISE_KERNEL(BitwiseOr, BIT_OR)
BITWISE_KERNEL(BitwiseXor, BIT_XOR)

static rung_status *run_BitShift(rung_kernel_call *call) {
  static const rung_binary_loop left[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, SHIFT_LEFT)};
  static const rung_binary_loop right[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, SHIFT_RIGHT)};
  const rung_bitshift_params *p = call->params;
  const rung_tensor *a = rung_in(call, 0);
  rung_binary_loop loop = (p->direction == RUNG_SHIFT_LEFT ? left : right)[a->dtype];
  return rung_binary_run(call, a, rung_in(call, 1), loop, NULL, 1);
}

const rung_kernel rung_cpu_BitShift = {
    .types = {{'T', RUNG_SET_UNSIGNED}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_BitShift};
