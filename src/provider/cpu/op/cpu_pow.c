/* Pow, whose exponent may have another type than the base and the result.
 *
 * A float to a constant power that has a name (2, 3, 1/2, -1) is computed as such. Bases and exponents of one floating
 * type go through libm; mixed ones are computed as double. An integer to an integer power wraps; to a negative power it
 * is what the quotient 1 / x^n is cast to: 0, except for 1, -1 and 0 (the largest integer). */
#include "op/elementwise.h"

#include "base/element.h"
#include "provider/cpu/cpu_types.h"
#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/form/convert.h"
#include "provider/cpu/form/pointwise.h"

#include <math.h>

/* Named powers. pow(x, 1/2) is infinity for -infinity, and 0 for -0. */

#define SQUARE(x) ((x) * (x))
#define CUBE_F32(x) ((float)((double)(x) * (double)(x) * (double)(x)))
#define CUBE_F64(x) (pow(x, 3))
#define ROOT_F32(x) ((x) == -INFINITY ? INFINITY : sqrtf(x) + 0)
#define ROOT_F64(x) ((x) == -INFINITY ? INFINITY : sqrt(x) + 0)
#define INVERSE(x) (1 / (x))

RUNG_UNARY_LOOP(SQUARE, F32, float, float, , )
RUNG_UNARY_LOOP(SQUARE, F64, double, double, , )
RUNG_UNARY_LOOP(CUBE_F32, loop, float, float, , )
RUNG_UNARY_LOOP(CUBE_F64, loop, double, double, , )
RUNG_UNARY_LOOP(ROOT_F32, loop, float, float, , )
RUNG_UNARY_LOOP(ROOT_F64, loop, double, double, , )
RUNG_UNARY_LOOP(INVERSE, F32, float, float, , )
RUNG_UNARY_LOOP(INVERSE, F64, double, double, , )

static rung_unary_loop find_named(double exponent, bool wide) {
  if (exponent == 2) return wide ? SQUARE_F64 : SQUARE_F32;
  if (exponent == 3) return wide ? CUBE_F64_loop : CUBE_F32_loop;
  if (exponent == 0.5) return wide ? ROOT_F64_loop : ROOT_F32_loop;
  if (exponent == -1) return wide ? INVERSE_F64 : INVERSE_F32;
  return NULL;
}

/* One floating type */

RUNG_BINARY_LOOP(powf, F32, float, float, , )
RUNG_BINARY_LOOP(pow, F64, double, double, , )

/* Mixed types: blocks of double */

enum { BLOCK = 256 };

typedef struct pow_job {
  rung_dtype base, exponent;
  const char *x, *y;
  char *out;
} pow_job;

static void pow_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const pow_job *j = context;
  double x[BLOCK], y[BLOCK];
  size_t x_size = rung_dtype_size(j->base), y_size = rung_dtype_size(j->exponent);
  for (size_t i = 0, m; i < n; i += m) {
    m = RUNG_MIN(n - i, BLOCK);
    rung_convert(&rung_convert_defaults, step[0] ? m : 1, j->base, j->x + (from[0] + i * (size_t)step[0]) * x_size,
                 RUNG_F64, x);
    rung_convert(&rung_convert_defaults, step[1] ? m : 1, j->exponent, j->y + (from[1] + i * (size_t)step[1]) * y_size,
                 RUNG_F64, y);
    for (size_t k = m; k-- > 0;) x[k] = pow(x[step[0] ? k : 0], y[step[1] ? k : 0]);
    rung_convert(&rung_convert_defaults, m, RUNG_F64, x, j->base, j->out + (at + i) * x_size);
  }
}

/* Integers */

/* x^n modulo 2^64. */
static uint64_t wrapping_power(uint64_t x, uint64_t n) {
  uint64_t power = 1;
  for (; n; n >>= 1, x *= x)
    if (n & 1) power *= x;
  return power;
}

static int64_t integer_power(int64_t x, int64_t n, bool is_negative, int64_t largest) {
  if (!is_negative) return (int64_t)wrapping_power((uint64_t)x, (uint64_t)n);
  if (x == 0) return largest;
  if (x == 1 || x == -1) return n & 1 ? x : 1;
  return 0;
}

static void integer_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  const pow_job *j = context;
  int64_t y = 0, exponents[BLOCK];
  size_t y_size = rung_dtype_size(j->exponent);
  bool is_signed = RUNG_SET_SIGNED & RUNG_SET(j->exponent);
  for (size_t i = 0; i < n; i++) {
    if (i % BLOCK == 0 && (i == 0 || step[1]))
      rung_convert(&rung_convert_defaults, step[1] ? RUNG_MIN(n - i, BLOCK) : 1, j->exponent,
                   j->y + (from[1] + i * (size_t)step[1]) * y_size, RUNG_I64, exponents);
    y = exponents[step[1] ? i % BLOCK : 0];
    size_t x = from[0] + i * (size_t)step[0];
    bool is_negative = is_signed && y < 0;
    if (j->base == RUNG_I64)
      ((int64_t *)j->out)[at + i] = integer_power(((const int64_t *)j->x)[x], y, is_negative, INT64_MAX);
    else
      ((int32_t *)j->out)[at + i] = (int32_t)integer_power(((const int32_t *)j->x)[x], y, is_negative, INT32_MAX);
  }
}

static rung_status *run_Pow(rung_kernel_call *call) {
  const rung_tensor *x = rung_in(call, 0), *out = rung_out(call, 0);
  bool is_float = RUNG_SET_FLOAT & RUNG_SET(x->dtype);
  rung_tensor y;
  RUNG_TRY(rung_binary_second(call, &y));
  if (!out || !rung_tensor_count(out)) return NULL;
  if (is_float && rung_tensor_count(&y) == 1) {
    rung_unary_loop named = find_named(rung_element_get(y.dtype, y.data, 0), x->dtype == RUNG_F64);
    if (named) return rung_unary_run(call, x, named, NULL, 1);
  }
  if (is_float && x->dtype == y.dtype)
    return rung_binary_run(call, x, &y, x->dtype == RUNG_F64 ? pow_F64 : powf_F32, NULL, 10);
  rung_broadcast plan;
  rung_broadcast_make(&plan, out, (const rung_tensor *[]){x, &y}, 2);
  pow_job job = {x->dtype, y.dtype, x->data, y.data, out->data};
  bool integers = !is_float && (RUNG_SET_INTEGER & RUNG_SET(y.dtype));
  rung_broadcast_run(call, &plan, 10, integers ? integer_row : pow_row, &job);
  return NULL;
}

const rung_kernel rung_cpu_Pow = {
    .types = {{'T', RUNG_SET_FLOAT | RUNG_SET(RUNG_I32) | RUNG_SET(RUNG_I64)}, {'U', RUNG_SET_NUMERIC}},
    .flags = RUNG_KERNEL_IN_PLACE,
    .run = run_Pow};
