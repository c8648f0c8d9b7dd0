/* Arithmetic on two operands: Add, Sub, Mul, Div, Mod, PRelu. Integers wrap; division by zero gives 0, and so does its
 * remainder. */
#include "op/elementwise.h"

#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/pointwise.h"

#include <math.h>

/* What the integer loops compute. */
#define ADD(x, y) ((x) + (y))
#define SUB(x, y) ((x) - (y))
#define MUL(x, y) ((x) * (y))
#define DIV_UNSIGNED(x, y) ((y) == 0 ? 0 : (x) / (y))
#define DIV_SIGNED(x, y) ((y) == 0 ? 0 : (y) == -1 ? 0 - (uint64_t)(x) : (uint64_t)((x) / (y)))

RUNG_EACH_WRAPPING(RUNG_BINARY_LOOP, ADD)
RUNG_EACH_WRAPPING(RUNG_BINARY_LOOP, SUB)
RUNG_EACH_WRAPPING(RUNG_BINARY_LOOP, MUL)
RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, DIV_UNSIGNED)
RUNG_EACH_SIGNED(RUNG_BINARY_LOOP, DIV_SIGNED)

static const rung_binary_loop add_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, ADD)};
static const rung_binary_loop sub_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, SUB)};
static const rung_binary_loop mul_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, MUL)};
static const rung_binary_loop div_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, DIV_UNSIGNED)
                                                                   RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, DIV_SIGNED)};

static rung_status *run_arithmetic(rung_kernel_call *call, rung_binary_math function, const rung_binary_loop *loops) {
  rung_tensor b;
  const rung_tensor *a = rung_in(call, 0);
  RUNG_TRY(rung_binary_second(call, &b));
  rung_binary_loop loop = loops[a->dtype] ? loops[a->dtype] : rung_math_of(call, a->dtype)->binary[function];
  return rung_binary_run(call, a, &b, loop, NULL, 1);
}

#define ARITHMETIC(symbol, name)                                 \
  static rung_status *run_##symbol(rung_kernel_call *call) {     \
    return run_arithmetic(call, RUNG_MATH_##name, name##_loops); \
  }                                                              \
  const rung_kernel rung_cpu_##symbol = {                        \
      .types = {{'T', RUNG_SET_NUMERIC}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_##symbol};
ARITHMETIC(Add, add)
ARITHMETIC(Sub, sub)
ARITHMETIC(Mul, mul)
ARITHMETIC(Div, div)

/* Mod: with the divisor's sign, or with the dividend's (fmod=1). */

#define REMAINDER(x, y) ((y) == 0 || (y) == -1 ? 0 : (x) % (y))
#define MOD_UNSIGNED(x, y) ((y) == 0 ? 0 : (x) % (y))
#define MOD_SIGNED(x, y) \
  (REMAINDER(x, y) != 0 && (REMAINDER(x, y) < 0) != ((y) < 0) ? REMAINDER(x, y) + (y) : REMAINDER(x, y))
#define FMOD_F32(x, y) fmodf(x, y)
#define FMOD_F64(x, y) fmod(x, y)

RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, MOD_UNSIGNED)
RUNG_EACH_SIGNED(RUNG_BINARY_LOOP, MOD_SIGNED)
RUNG_EACH_SIGNED(RUNG_BINARY_LOOP, REMAINDER)
RUNG_BINARY_LOOP(FMOD_F32, loop, float, float, , )
RUNG_BINARY_LOOP(FMOD_F64, loop, double, double, , )

static rung_status *run_Mod(rung_kernel_call *call) {
  static const rung_binary_loop mod_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, MOD_UNSIGNED)
                                                                     RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, MOD_SIGNED)};
  static const rung_binary_loop fmod_loops[RUNG_DTYPE_NUMBERS] = {[RUNG_F32] = FMOD_F32_loop,
                                                                  [RUNG_F16] = FMOD_F32_loop,
                                                                  [RUNG_BF16] = FMOD_F32_loop,
                                                                  [RUNG_F64] = FMOD_F64_loop,
                                                                  RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, MOD_UNSIGNED)
                                                                      RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, REMAINDER)};
  const rung_mod_params *p = call->params;
  const rung_tensor *a = rung_in(call, 0);
  rung_binary_loop loop = (p->fmod ? fmod_loops : mod_loops)[a->dtype];
  return rung_binary_run(call, a, rung_in(call, 1), loop, NULL, 5);
}

const rung_kernel rung_cpu_Mod = {.types = {{'T', RUNG_SET_NUMERIC}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_Mod};

/* PRelu */

#define PRELU_SIGNED(x, slope) ((x) < 0 ? (uint64_t)(x) * (uint64_t)(slope) : (uint64_t)(x))
#define PRELU_UNSIGNED(x, slope) (x)

RUNG_EACH_SIGNED(RUNG_BINARY_LOOP, PRELU_SIGNED)
RUNG_EACH_UNSIGNED(RUNG_BINARY_LOOP, PRELU_UNSIGNED)

static rung_status *run_PRelu(rung_kernel_call *call) {
  static const rung_binary_loop loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, PRELU_SIGNED)
                                                                 RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, PRELU_UNSIGNED)};
  const rung_tensor *x = rung_in(call, 0);
  rung_tensor slope = *rung_in(call, 1);
  int32_t behind = rung_prelu_align(call->node, x->rank, slope.rank, slope.rank ? slope.dims[0] : 1);
  for (int32_t i = 0; i < behind; i++) slope.dims[slope.rank++] = 1;
  rung_binary_loop loop = loops[x->dtype] ? loops[x->dtype] : rung_math_of(call, x->dtype)->binary[RUNG_MATH_prelu];
  return rung_binary_run(call, x, &slope, loop, NULL, 1);
}

const rung_kernel rung_cpu_PRelu = {
    .types = {{'T', RUNG_SET_NUMERIC}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_PRelu};
