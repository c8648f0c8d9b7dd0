/* Element by element: out[i] = f(a[i], b[i]) with broadcasting, out[i] = f(x[i]). */
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/broadcast.h"

#include <math.h>

/* Two operands: n elements, steps in elements (0: the operand repeats). */
typedef void (*binary_loop)(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out);

typedef struct binary_job {
  binary_loop loop;
  const char *a, *b;
  char *out;
  size_t size, out_size; /* of an element */
} binary_job;

static void binary_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const binary_job *j = context;
  j->loop(n, j->a + from[0] * j->size, step[0], j->b + from[1] * j->size, step[1], j->out + at * j->out_size);
}

static rung_status *run_binary(rung_kernel_call *call, const binary_loop *loops, size_t nanoseconds) {
  const rung_tensor *a = rung_in(call, 0), *b = rung_in(call, 1);
  rung_tensor *out = rung_out(call, 0);
  rung_broadcast plan;
  rung_broadcast_make(&plan, out, (const rung_tensor *[]){a, b}, 2);
  binary_job job = {loops[a->dtype], a->data, b->data, out->data, rung_dtype_size(a->dtype), rung_dtype_size(out->dtype)};
  rung_broadcast_run(call, &plan, nanoseconds, binary_row, &job);
  return NULL;
}

/* The common steps are written out, so that the compiler vectorises them. */
#define BINARY_LOOP(op, NAME, stored, computed, load, store)                                                      \
  static void op##_##NAME(size_t n, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *out) { \
    const stored *x = a, *y = b;                                                                                  \
    stored *z = out;                                                                                              \
    if (a_step == 1 && b_step == 1) {                                                                             \
      for (size_t i = 0; i < n; i++) z[i] = store(op((computed)load(x[i]), (computed)load(y[i])));                \
    } else if (a_step == 1 && b_step == 0) {                                                                      \
      computed second = (computed)load(*y);                                                                       \
      for (size_t i = 0; i < n; i++) z[i] = store(op((computed)load(x[i]), second));                              \
    } else {                                                                                                      \
      for (size_t i = 0; i < n; i++, x += a_step, y += b_step)                                                    \
        z[i] = store(op((computed)load(*x), (computed)load(*y)));                                                 \
    }                                                                                                             \
  }

#define ADD(x, y) ((x) + (y))
#define SUB(x, y) ((x) - (y))
#define MUL(x, y) ((x) * (y))
#define DIV(x, y) ((x) / (y))
/* Division by zero gives 0, and the one overflow wraps: defined, as docs/numerics.md says. */
#define DIV_UNSIGNED(x, y) ((y) == 0 ? 0 : (x) / (y))
#define DIV_SIGNED(x, y) ((y) == 0 ? 0 : (y) == -1 ? 0 - (uint64_t)(x) : (uint64_t)((x) / (y)))

RUNG_EACH_FLOAT(BINARY_LOOP, ADD)
RUNG_EACH_WRAPPING(BINARY_LOOP, ADD)
RUNG_EACH_FLOAT(BINARY_LOOP, SUB)
RUNG_EACH_WRAPPING(BINARY_LOOP, SUB)
RUNG_EACH_FLOAT(BINARY_LOOP, MUL)
RUNG_EACH_WRAPPING(BINARY_LOOP, MUL)
RUNG_EACH_FLOAT(BINARY_LOOP, DIV)
RUNG_EACH_UNSIGNED(BINARY_LOOP, DIV_UNSIGNED)
#define DIV_SIGNED_LOOP(op, NAME, stored, computed, load, store) BINARY_LOOP(op, NAME, stored, computed, load, (stored))
RUNG_EACH_SIGNED(DIV_SIGNED_LOOP, DIV_SIGNED)

static const binary_loop add_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, ADD) RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, ADD)};
static const binary_loop sub_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, SUB) RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, SUB)};
static const binary_loop mul_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, MUL) RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, MUL)};
static const binary_loop div_loops[RUNG_DTYPE_NUMBERS] = {RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, DIV) RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, DIV_UNSIGNED)
                                                              RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, DIV_SIGNED)};

#define BINARY_KERNEL(symbol, loops)                                                              \
  static rung_status *run_##symbol(rung_kernel_call *call) { return run_binary(call, loops, 1); } \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', RUNG_SET_NUMERIC}}, .run = run_##symbol};
BINARY_KERNEL(Add, add_loops)
BINARY_KERNEL(Sub, sub_loops)
BINARY_KERNEL(Mul, mul_loops)
BINARY_KERNEL(Div, div_loops)

/* One operand. */
typedef void (*unary_loop)(size_t n, const void *x, void *y);

typedef struct unary_job {
  unary_loop loop;
  const char *x;
  char *y;
  size_t size;
} unary_job;

static void unary_piece(void *context, size_t begin, size_t end) {
  const unary_job *j = context;
  j->loop(end - begin, j->x + begin * j->size, j->y + begin * j->size);
}

static rung_status *run_unary(rung_kernel_call *call, const unary_loop *loops, size_t nanoseconds) {
  const rung_tensor *x = rung_in(call, 0);
  unary_job job = {loops[x->dtype], x->data, rung_out(call, 0)->data, rung_dtype_size(x->dtype)};
  rung_kernel_parallel(call, rung_tensor_count(x), rung_kernel_grain(nanoseconds), unary_piece, &job);
  return NULL;
}

#define UNARY_LOOP(op, NAME, stored, computed, load, store)                          \
  static void op##_##NAME(size_t n, const void *in, void *out) {                     \
    const stored *x = in;                                                            \
    stored *y = out;                                                                 \
    for (size_t i = 0; i < n; i++) y[i] = (stored)store(op((computed)load(x[i])));   \
  }

#define FABS(x) (_Generic((x), float: fabsf, default: fabs)(x))
#define EXP(x) (_Generic((x), float: expf, default: exp)(x))
#define SQRT(x) (_Generic((x), float: sqrtf, default: sqrt)(x))
#define SIGMOID(x) (1 / (1 + EXP(-(x))))
#define NEG(x) (-(x))
#define NEG_WRAPPING(x) (0 - (x))
#define ABS_SIGNED(x) ((x) < 0 ? 0 - (uint64_t)(x) : (uint64_t)(x))
#define ABS_UNSIGNED(x) (x)
#define RELU(x) ((x) < 0 ? 0 : (x)) /* NaN stays */

RUNG_EACH_FLOAT(UNARY_LOOP, FABS)
RUNG_EACH_SIGNED(UNARY_LOOP, ABS_SIGNED)
RUNG_EACH_UNSIGNED(UNARY_LOOP, ABS_UNSIGNED)
RUNG_EACH_FLOAT(UNARY_LOOP, EXP)
RUNG_EACH_FLOAT(UNARY_LOOP, SQRT)
RUNG_EACH_FLOAT(UNARY_LOOP, SIGMOID)
RUNG_EACH_FLOAT(UNARY_LOOP, NEG)
RUNG_EACH_WRAPPING(UNARY_LOOP, NEG_WRAPPING)
RUNG_EACH_FLOAT(UNARY_LOOP, RELU)
RUNG_EACH_SIGNED(UNARY_LOOP, RELU)

#define UNARY_KERNEL(symbol, set, nanoseconds, ...)                                                                  \
  static rung_status *run_##symbol(rung_kernel_call *call) {                                                         \
    static const unary_loop loops[RUNG_DTYPE_NUMBERS] = {__VA_ARGS__};                                               \
    return run_unary(call, loops, nanoseconds);                                                                      \
  }                                                                                                                  \
  const rung_kernel rung_cpu_##symbol = {.types = {{'T', set}}, .flags = RUNG_KERNEL_IN_PLACE, .run = run_##symbol};

UNARY_KERNEL(Abs, RUNG_SET_NUMERIC, 1,
             RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, FABS) RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, ABS_SIGNED)
                 RUNG_EACH_UNSIGNED(RUNG_TABLE_ENTRY, ABS_UNSIGNED))
UNARY_KERNEL(Exp, RUNG_SET_FLOAT, 5, RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, EXP))
UNARY_KERNEL(Neg, RUNG_SET_FLOAT | RUNG_SET_SIGNED, 1,
             RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, NEG) RUNG_EACH_WRAPPING(RUNG_TABLE_ENTRY, NEG_WRAPPING))
UNARY_KERNEL(Relu, RUNG_SET_FLOAT | RUNG_SET_SIGNED, 1,
             RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, RELU) RUNG_EACH_SIGNED(RUNG_TABLE_ENTRY, RELU))
UNARY_KERNEL(Sigmoid, RUNG_SET_FLOAT, 5, RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, SIGMOID))
UNARY_KERNEL(Sqrt, RUNG_SET_FLOAT, 1, RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, SQRT))
