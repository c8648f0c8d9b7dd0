/* The loops of every instruction set give the bits of the plain ones (but for those of a NaN), for any length and in
 * place, and touch nothing else. The functions keep their bounds on a sample of all floats (fastmath.h names those of
 * all). */
#include "provider/cpu/form/cpu_math.h"
#include "provider/cpu/form/fastmath.h"
#include "support/test.h"

enum { MOST = 77, GUARD = 16, SIZE = MOST + 2 * GUARD };

static const char *const unary_names[] = {
#define NAME(name, ...) #name,
    RUNG_EACH_UNARY_MATH(NAME, )};
static const char *const binary_names[] = {RUNG_EACH_BINARY_MATH(NAME, )};

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 4;
}

/* Small and large numbers, zeros, infinities, NaN, subnormals. */
static void fill(float *x, size_t n, uint32_t seed) {
  static const float special[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e-41f, -1e-41f, 3e38f, -3e38f, 0.5f, -2.5f};
  for (size_t i = 0; i < n; i++) {
    uint32_t random = next_random(&seed);
    bool is_special = random % 5 == 0;
    x[i] = is_special ? special[random % 11] : ((float)(random % 20001) - 10000) / (1 << random % 16);
  }
}

static void check_same(const char *name, const float *plain, const float *other) {
  for (size_t i = 0; i < SIZE; i++)
    if (rung_f32_bits(plain[i]) != rung_f32_bits(other[i]) && !(isnan(plain[i]) && isnan(other[i])))
      fail_msg("%s, number %zu: %a, not %a", name, i, (double)other[i], (double)plain[i]);
}

static const rung_cpu_set sets[] = {RUNG_CPU_AVX2, RUNG_CPU_AVX2 | RUNG_CPU_AVX512};

/* The tables that this processor can run, but for the plain one. */
static const rung_math *table_of(size_t set) {
  const rung_math *table = rung_math_for(rung_cpu_features() & sets[set]);
  return (rung_cpu_features() & sets[set]) == sets[set] && table != rung_math_for(0) ? table : NULL;
}

static void unary_loops_agree(void **state) {
  (void)state;
  const float parameters[2] = {0.3f, 0.7f};
  for (size_t set = 0; set < RUNG_COUNT(sets); set++) {
    const rung_math *table = table_of(set), *plain = rung_math_for(0);
    for (size_t f = 0; table && f < RUNG_UNARY_MATH_COUNT; f++)
      for (size_t n = 0; n <= MOST; n++) {
        float x[SIZE], want[SIZE], got[SIZE];
        fill(x, SIZE, (uint32_t)(n * 131 + f));
        memcpy(want, x, sizeof x);
        memcpy(got, x, sizeof x);
        plain->unary[f](n, x + GUARD, want + GUARD, parameters);
        table->unary[f](n, got + GUARD, got + GUARD, parameters);
        check_same(unary_names[f], want, got);
      }
  }
}

static void binary_loops_agree(void **state) {
  (void)state;
  for (size_t set = 0; set < RUNG_COUNT(sets); set++) {
    const rung_math *table = table_of(set), *plain = rung_math_for(0);
    for (size_t f = 0; table && f < RUNG_BINARY_MATH_COUNT; f++)
      for (size_t n = 0; n <= 4 * MOST; n++) {
        float x[SIZE], y[SIZE], want[SIZE], got[SIZE];
        ptrdiff_t x_step = n & 1, y_step = n >> 1 & 1;
        fill(x, SIZE, (uint32_t)(n * 137 + f));
        fill(y, SIZE, (uint32_t)(n * 139 + f));
        memcpy(want, x, sizeof x);
        memcpy(got, x, sizeof x);
        plain->binary[f](n / 4, x + GUARD, x_step, y + GUARD, y_step, want + GUARD, NULL);
        table->binary[f](n / 4, (x_step ? got : x) + GUARD, x_step, y + GUARD, y_step, got + GUARD, NULL);
        check_same(binary_names[f], want, got);
      }
  }
}

static void conversions_agree(void **state) {
  (void)state;
  for (size_t set = 0; set < RUNG_COUNT(sets); set++) {
    const rung_math *table = table_of(set);
    for (size_t n = 0; table && n <= MOST; n++) {
      float x[SIZE], back[SIZE] = {0}, want_back[SIZE] = {0};
      uint16_t got[SIZE] = {0}, want[SIZE] = {0};
      fill(x, SIZE, (uint32_t)n);
      table->f32_to_f16(n, x, got);
      rung_f32_to_f16_n(n, x, want);
      assert_memory_equal(got, want, sizeof got);
      table->f16_to_f32(n, got, back);
      rung_f16_to_f32_n(n, got, want_back);
      check_same("f16_to_f32", want_back, back);
      table->f32_to_bf16(n, x, got);
      rung_f32_to_bf16_n(n, x, want);
      assert_memory_equal(got, want, sizeof got);
      table->bf16_to_f32(n, got, back);
      rung_bf16_to_f32_n(n, got, want_back);
      check_same("bf16_to_f32", want_back, back);
    }
  }
}

/* Errors in units in the last place. */

static double last_place(double y) {
  int exponent;
  if (fabs(y) < 0x1p-126) return 0x1p-149;
  frexp(y, &exponent);
  return ldexp(1, exponent - 24);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void functions_keep_their_bounds(void **state) {
  (void)state;
  static const struct {
    const char *name;
    rung_unary_math function;
    double (*exact)(double);
    double bound;
  } rows[] = {{"exp", RUNG_MATH_exp, exp, 1.01},
              {"log", RUNG_MATH_log, log, 0.92},
              {"tanh", RUNG_MATH_tanh, tanh, 1.42},
              {"sigmoid", RUNG_MATH_sigmoid, sigmoid, 1.97},
              {"erf", RUNG_MATH_erf, erf, 1.32}};
  const rung_math *math = rung_math_for(rung_cpu_features());
  for (size_t r = 0; r < RUNG_COUNT(rows); r++)
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 10007) {
      float x = rung_f32_from_bits((uint32_t)bits), y;
      math->unary[rows[r].function](1, &x, &y, NULL);
      double want = rows[r].exact((double)x);
      bool good =
          isnan(want) ? isnan(y) : (float)want == y || fabs((double)y - want) <= rows[r].bound * last_place(want);
      if (!good) fail_msg("%s(%a) is %a, not %a", rows[r].name, (double)x, (double)y, want);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unary_loops_agree),
      cmocka_unit_test(binary_loops_agree),
      cmocka_unit_test(conversions_agree),
      cmocka_unit_test(functions_keep_their_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
