/* Elementary functions in float32, as sessions compute them: at most 2 units in the last place from the exact result.
 *
 *   test_cpu_ulp          a sample of all arguments
 *   test_cpu_ulp all      all 2^32 arguments of the functions of one argument; says the largest error of each (an hour)
 *   test_cpu_ulp all Tan  of one function
 *
 * What is exact comes from libm's functions of double, whose own error is a billionth of that. */
#include "base/half.h"
#include "support/session.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 1 << 16 };
static const double bound = 2;
static uint64_t stride = 10007;
static const char *only;

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double gelu(double x) { return 0.5 * x * erfc(-x * 0.70710678118654752440); }
static double gelu_tanh(double x) { return x * sigmoid(2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x)); }
static double swish(double x) { return x * sigmoid(x); }
static double mish(double x) { return x * tanh(softplus(x)); }
static double elu(double x) { return x > 0 ? x : expm1(x); }

static const struct {
  const char *name, *node;
  double (*exact)(double);
} rows[] = {
    {"Exp", "y = Exp(x)", exp},
    {"Log", "y = Log(x)", log},
    {"Sin", "y = Sin(x)", sin},
    {"Cos", "y = Cos(x)", cos},
    {"Tan", "y = Tan(x)", tan},
    {"Asin", "y = Asin(x)", asin},
    {"Acos", "y = Acos(x)", acos},
    {"Atan", "y = Atan(x)", atan},
    {"Sinh", "y = Sinh(x)", sinh},
    {"Cosh", "y = Cosh(x)", cosh},
    {"Tanh", "y = Tanh(x)", tanh},
    {"Asinh", "y = Asinh(x)", asinh},
    {"Acosh", "y = Acosh(x)", acosh},
    {"Atanh", "y = Atanh(x)", atanh},
    {"Erf", "y = Erf(x)", erf},
    {"Sigmoid", "y = Sigmoid(x)", sigmoid},
    {"Softplus", "y = Softplus(x)", softplus},
    {"Gelu", "y = Gelu(x)", gelu},
    {"Gelu-tanh", "y = Gelu(x) approximate='tanh'", gelu_tanh},
    {"Swish", "y = Swish(x)", swish},
    {"Mish", "y = Mish(x)", mish},
    {"Elu", "y = Elu(x)", elu},
};

/* In units of the last place of the exact result, as float32 has it; 0 where both are NaN, or the rounded value. */
static double error_of(float got, double want) {
  int exponent;
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
  if ((float)want == got) return 0;
  if (isinf(got) && fabs(want) >= 0x1.fffffep127) return 0;
  if (fabs(want) < 0x1p-126) return fabs((double)got - want) / 0x1p-149;
  frexp(want, &exponent);
  return fabs((double)got - want) / ldexp(1, exponent - 24);
}

typedef struct worst {
  double error, want;
  float x, y, got;
} worst;

static void look(worst *w, float x, float y, float got, double want) {
  double error = error_of(got, want);
  if (error > w->error) *w = (worst){error, want, x, y, got};
}

static float *data_of(const rung_value *value) { return rung_value_tensor(value)->data; }

static void run_over(const char *node, test_session *t, const char *inputs) {
  char text[128];
  snprintf(text, sizeof text, "%s -> y ; %s", inputs, node);
  session_begin(t);
  session_load(t, text, 24);
  assert_ok(session_open(t, "cpu", NULL));
}

static void one_argument(void **state) {
  (void)state;
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    if (only && strcmp(only, rows[r].name) != 0) continue;
    test_session t;
    worst w = {0};
    run_over(rows[r].node, &t, "x:f32[65536]");
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
      float *x = NULL;
      if (!t.inputs[0]) session_fill(&t);
      x = data_of(t.inputs[0]);
      for (size_t i = 0; i < COUNT; i++, bits += stride) x[i] = rung_f32_from_bits((uint32_t)bits);
      assert_ok(session_run(&t));
      const float *y = data_of(t.outputs[0]);
      for (size_t i = 0; i < COUNT; i++) look(&w, x[i], 0, y[i], rows[r].exact((double)x[i]));
      session_drop_outputs(&t);
    }
    print_message("%-10s %.3f at %a\n", rows[r].name, w.error, (double)w.x);
    if (w.error > bound) fail_msg("%s(%a) is %a, not %a", rows[r].name, (double)w.x, (double)w.got, w.want);
    session_end(&t);
  }
}

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

/* Bases around 1 and of every size, exponents that lead into the range of float32 and out of it. */
static void powers(void **state) {
  (void)state;
  if (only && strcmp(only, "Pow") != 0) return;
  test_session t;
  worst w = {0};
  uint32_t random = 1;
  run_over("y = Pow(x, e)", &t, "x:f32[65536] e:f32[65536]");
  for (int round = 0; round < (stride == 1 ? 4000 : 8); round++) {
    if (!t.inputs[0]) session_fill(&t);
    float *x = data_of(t.inputs[0]), *e = data_of(t.inputs[1]);
    for (size_t i = 0; i < COUNT; i++) {
      x[i] = rung_f32_from_bits(next_random(&random) >> (i & 1));
      if (isnan(x[i])) x[i] = NAN; /* a signalling one to the power 0 is NaN */
      double log_x = log(fabs((double)x[i])), target = (double)next_random(&random) / UINT32_MAX * 180 - 90;
      e[i] = i % 3 ? (float)(target / log_x) : (float)((int)(next_random(&random) % 41) - 20);
    }
    assert_ok(session_run(&t));
    const float *y = data_of(t.outputs[0]);
    for (size_t i = 0; i < COUNT; i++) look(&w, x[i], e[i], y[i], pow((double)x[i], (double)e[i]));
    session_drop_outputs(&t);
  }
  print_message("%-10s %.3f at %a, %a\n", "Pow", w.error, (double)w.x, (double)w.y);
  if (w.error > bound) fail_msg("Pow(%a, %a) is %a, not %a", (double)w.x, (double)w.y, (double)w.got, w.want);
  session_end(&t);
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "all") == 0) stride = 1;
  if (count > 2) only = arguments[2];
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_argument), cmocka_unit_test(powers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
