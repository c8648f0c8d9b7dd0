/* Convolutions and products that take in what follows them give the bits of the steps that they replace: against the
 * same model whose values between are outputs, too, so that nothing is fused. */
#include "base/macros.h"
#include "support/fusion.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

typedef struct fusion_case {
  const char *what, *inputs, *constants, *nodes, *between; /* y is the result; between: values, a blank before each */
  size_t steps;
} fusion_case;

static void check(const fusion_case *c) {
  char outputs[64];
  test_session with, without;
  snprintf(outputs, sizeof outputs, "y%s", c->between);
  fusion_run(&with, &(fusion_model){c->inputs, "y", c->constants, c->nodes, 0, NULL}, NULL);
  fusion_run(&without, &(fusion_model){c->inputs, outputs, c->constants, c->nodes, 0, NULL}, NULL);
  const rung_tensor *got = fusion_output(&with, 0), *want = fusion_output(&without, 0);
  if (fusion_steps(&with) != c->steps) fail_msg("%s: %zu steps, not %zu", c->what, fusion_steps(&with), c->steps);
  assert_true(fusion_steps(&without) >= c->steps);
  assert_int_equal(got->size, want->size);
  if (memcmp(got->data, want->data, want->size) != 0) fail_msg("%s: other bits than step by step", c->what);
  session_end(&with);
  session_end(&without);
}

static void check_all(const fusion_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) check(&cases[i]);
}

#define X "x:f32[2,6,7,9]"
#define W "w:f32[8,3,3,3] b:f32[8]"
#define Z " z:f32[2,8,7,9]"
#define CONV "c = Conv(x, w, b) group=2 pads=[1,1,1,1] ;"

/* Behind a convolution by boxes, one channel by channel, and a product. */
static void activations_are_fused(void **state) {
  (void)state;
  static const char *const names[] = {"Relu(c)",
                                      "Clip(c, lo, hi)",
                                      "Clip(c, _, hi)",
                                      "Clip(c)",
                                      "LeakyRelu(c) alpha=0.25",
                                      "HardSigmoid(c) alpha=0.3 beta=0.4",
                                      "Sigmoid(c)",
                                      "HardSwish(c)",
                                      "Tanh(c)"};
  static const fusion_case mains[] = {
      {"", X, W " lo:f32[]=-0.5 hi:f32[]=1", CONV, "", 1},
      {"", X, "w:f32[6,1,3,3] b:f32[6] lo:f32[]=-0.5 hi:f32[]=1", "c = Conv(x, w, b) group=6 ;", "", 1},
      {"", "x:f32[2,13,30]", "w:f32[30,17] lo:f32[]=-0.5 hi:f32[]=1", "c = MatMul(x, w) ;", "", 1},
  };
  for (size_t i = 0; i < RUNG_COUNT(names); i++)
    for (size_t k = 0; k < RUNG_COUNT(mains); k++) {
      char nodes[256];
      snprintf(nodes, sizeof nodes, "%s y = %s", mains[k].nodes, names[i]);
      check(&(fusion_case){names[i], mains[k].inputs, mains[k].constants, nodes, " c", 1});
    }
}

static void convolutions_are_fused(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"a residual", X Z, W, CONV "y = Add(c, z)", " c", 1},
      {"a residual and an activation", X Z, W, CONV "s = Add(z, c) ; y = Relu(s)", " c s", 1},
      {"depthwise", "x:f32[2,8,9,11]" Z, "w:f32[8,1,3,3] b:f32[8] hi:f32[]=0.5",
       "c = Conv(x, w, b) group=8 ; s = Add(c, z) ; y = Clip(s, _, hi)", " c s", 1},
      {"a residual that comes late", X Z, W, CONV "n = Neg(z) ; s = Add(c, n) ; y = Tanh(s)", " c s", 2},
      {"the sum of two", X, W " v:f32[8,6,1,1]", CONV "d = Conv(x, v) ; s = Add(c, d) ; y = Relu(s)", " c d s", 2},
      {"its own input", "x:f32[1,4,6,6]", "w:f32[4,4,1,1]", "c = Conv(x, w) ; s = Add(c, x) ; y = Relu(s)", " c s", 1},
      {"a chain", X Z, W " v:f32[5,8,2,2]",
       CONV "s = Add(c, z) ; r = Relu(s) ; d = Conv(r, v) strides=[2,2] ; y = LeakyRelu(d) alpha=0.5", " c s r d", 2},
      {"four dimensions", "x:f32[1,2,4,4,4,4]", "w:f32[3,2,2,2,2,2]", "c = Conv(x, w) ; y = Relu(c)", " c", 1},
      {"f16", "x:f16[2,6,7,9]", "w:f16[8,3,3,3] b:f16[8]", CONV "y = Relu(c)", " c", 1},
  };
  check_all(cases, RUNG_COUNT(cases));
}

static void convolutions_stay(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"read twice", X, W, CONV "r = Relu(c) ; y = Mul(c, r)", " c", 3},
      {"added to itself", X, W, CONV "y = Add(c, c)", " c", 2},
      {"a sum with another shape", X " z:f32[1,8,7,9]", W, CONV "y = Add(c, z)", " c", 2},
      {"a sum with a row", X, W " r:f32[9]", CONV "y = Add(c, r)", " c", 2},
      {"behind an activation", X Z, W, CONV "r = Relu(c) ; y = Add(r, z)", " c r", 2},
      {"two residuals", X Z, W, CONV "s = Add(c, z) ; y = Add(s, z)", " c s", 2},
      {"two activations", X, W " hi:f32[]=0.5", CONV "r = Relu(c) ; y = Clip(r, _, hi)", " c r", 2},
      {"limits that are no constants", X " hi:f32[]", W, CONV "y = Clip(c, _, hi)", " c", 2},
      {"limits the wrong way round", X, W " lo:f32[]=1 hi:f32[]=0", CONV "y = Clip(c, lo, hi)", " c", 2},
      {"f16, which is rounded between", "x:f16[2,6,7,9] z:f16[2,8,7,9]", "w:f16[8,3,3,3] b:f16[8]",
       CONV "s = Add(c, z) ; y = Sigmoid(s)", " c s", 3},
  };
  check_all(cases, RUNG_COUNT(cases));
}

/* Products */

#define A "x:f32[13,30]"
#define B "w:f32[30,17] b:f32[17]"
#define MATMUL "c = MatMul(x, w) ;"
#define ZZ " z:f32[13,17]"

static void products_are_fused(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"a bias", A, B, MATMUL "y = Add(c, b)", " c", 1},
      {"a bias added to", A, B, MATMUL "s = Add(b, c) ; y = Relu(s)", " c s", 1},
      {"a residual", A ZZ, B, MATMUL "y = Add(c, z)", " c", 1},
      {"a bias, a residual, an activation", A ZZ, B, MATMUL "s = Add(c, b) ; t = Add(z, s) ; y = Sigmoid(t)", " c s t",
       1},
      {"stacks", "x:f32[2,5,30] z:f32[2,5,17]", B, MATMUL "s = Add(c, b) ; y = Add(s, z)", " c s", 1},
      {"stacks of both", "x:f32[2,1,5,7] w:f32[3,7,4] z:f32[2,3,5,4]", "b:f32[4]",
       MATMUL "s = Add(c, b) ; t = Add(s, z) ; y = Tanh(t)", " c s t", 1},
      {"a row times a matrix", "x:f32[30] z:f32[17]", B, MATMUL "s = Add(c, b) ; t = Add(s, z) ; y = Relu(t)", " c s t",
       1},
      {"Gemm", A ZZ, B, "c = Gemm(x, w, b) alpha=0.3 beta=0.7 ; s = Add(c, z) ; y = LeakyRelu(s) alpha=0.1", " c s", 1},
      {"Gemm, transposed", "x:f32[30,13]" ZZ, "w:f32[17,30] b:f32[17]",
       "c = Gemm(x, w) transA=1 transB=1 beta=0.5 alpha=0.3 ; s = Add(c, b) ; t = Add(s, z) ; y = Relu(t)", " c s t",
       1},
      {"Gemm with C per row", A ZZ, B " v:f32[13,1]", "c = Gemm(x, w, v) beta=0.25 ; s = Add(c, z) ; y = Relu(s)",
       " c s", 1},
      {"Gemm with one number", A ZZ, B " v:f32[1]", "c = Gemm(x, w, v) ; s = Add(c, z) ; y = Relu(s)", " c s", 1},
      {"Gemm with C of all, an activation", A ZZ, B, "c = Gemm(x, w, z) beta=0.5 ; y = Relu(c)", " c", 1},
      {"f16", "x:f16[13,30]", "w:f16[30,17]", MATMUL "y = Relu(c)", " c", 1},
      {"times a vector, whose rows have a residual", A, "w:f32[30] b:f32[13]", MATMUL "y = Add(c, b)", " c", 1},
      {"one column", "x:f32[13,30]", "w:f32[30,1] b:f32[1]", MATMUL "s = Add(c, b) ; y = Relu(s)", " c s", 1},
      {"nothing to sum", "x:f32[4,0]", "w:f32[0,3]=0 b:f32[3]", MATMUL "y = Add(c, b)", " c", 1},
  };
  check_all(cases, RUNG_COUNT(cases));
}

static void products_stay(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"Gemm with C of all, and a residual", A ZZ " v:f32[13,17]", B, "c = Gemm(x, w, v) ; s = Add(c, z) ; y = Relu(s)",
       " c s", 3},
      {"a stack times a column", "x:f32[2,5,30]", "w:f32[30] b:f32[5]", MATMUL "y = Add(c, b)", " c", 2},
      {"a bias that is an input", A " b:f32[17]", "w:f32[30,17]", MATMUL "y = Add(c, b)", " c", 2},
      {"a bias per row", A, B " v:f32[13,1]", MATMUL "y = Add(c, v)", " c", 2},
      {"f16, which is rounded between", "x:f16[13,30]", "w:f16[30,17] b:f16[17]", MATMUL "y = Add(c, b)", " c", 2},
      {"read twice", A, B, MATMUL "s = Add(c, b) ; y = Add(s, c)", " c", 3},
  };
  check_all(cases, RUNG_COUNT(cases));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(activations_are_fused), cmocka_unit_test(convolutions_are_fused),
                                     cmocka_unit_test(convolutions_stay), cmocka_unit_test(products_are_fused),
                                     cmocka_unit_test(products_stay)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
