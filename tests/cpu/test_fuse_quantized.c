/* Steps on integers between DequantizeLinear and QuantizeLinear, against the same model whose scale of x is an input,
 * so that nothing is fused: bytes differ by one quantum at most, and hardly ever; floats within rounding. What must not
 * be fused is not, as the number of steps says. */
#include "base/macros.h"
#include "support/fusion.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fusion_case {
  const char *what, *inputs, *constants, *nodes;
  size_t steps;
  int opset;
  const char *more; /* outputs beside y, with a blank in front */
} fusion_case;

static void assert_close(const char *what, const rung_tensor *want, const rung_tensor *got) {
  size_t count = rung_tensor_count(want), other = 0;
  double most = 0;
  assert_int_equal(want->dtype, got->dtype);
  assert_int_equal(count, rung_tensor_count(got));
  for (size_t i = 0; i < count; i++) most = fmax(most, fabs(rung_tensor_get(want, i)));
  for (size_t i = 0; i < count; i++) {
    double a = rung_tensor_get(want, i), b = rung_tensor_get(got, i);
    if (!(fabs(a - b) <= (want->dtype == RUNG_F32 ? 3e-6 * most : 1)))
      fail_msg("%s, number %zu: %g, not %g", what, i, b, a);
    other += a != b;
  }
  if (want->dtype != RUNG_F32 && other > 1 + count / 50) fail_msg("%s: %zu of %zu differ", what, other, count);
}

/* Varied: a model whose results are all 0 or 255 tells nothing. */
static void assert_varied(const char *what, const rung_tensor *t) {
  size_t count = rung_tensor_count(t), changes = 0;
  for (size_t i = 1; i < count; i++) changes += rung_tensor_get(t, i) != rung_tensor_get(t, i - 1);
  if (changes < count / 8) fail_msg("%s: %zu changes in %zu results", what, changes, count);
}

static void check(const fusion_case *c, const char *passes) {
  char inputs[256], outputs[64], constants[512];
  test_session with, without;
  snprintf(outputs, sizeof outputs, "y%s", c->more ? c->more : "");
  snprintf(constants, sizeof constants, "%s xs:f32[]=0.02", c->constants);
  fusion_run(&with, &(fusion_model){c->inputs, outputs, constants, c->nodes, c->opset, passes}, NULL);
  snprintf(inputs, sizeof inputs, "%s xs:f32[]", c->inputs);
  fusion_run(&without, &(fusion_model){inputs, outputs, c->constants, c->nodes, c->opset, passes}, NULL);
  if (fusion_steps(&with) != c->steps) fail_msg("%s: %zu steps, not %zu", c->what, fusion_steps(&with), c->steps);
  assert_true(fusion_steps(&without) >= c->steps);
  for (size_t i = 0; i < rung_session_output_count(with.session); i++)
    assert_close(c->what, fusion_output(&without, i), fusion_output(&with, i));
  assert_varied(c->what, fusion_output(&with, 0));
  session_end(&with);
  session_end(&without);
}

static void check_all(const fusion_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) check(&cases[i], NULL);
}

/* Convolutions */

#define X "x:u8[2,6,7,9]"
#define SX "x:i8[2,6,7,9]"
#define W "w:i8[8,3,3,3] ws:f32[8]=0.003"
#define Y " ys:f32[]=0.1 yz:u8[]=100"
#define XF "xf = DequantizeLinear(x, xs, xz) ;"
#define WF "wf = DequantizeLinear(w, ws, wz) axis=0 ;"
#define CONV "c = Conv(xf, wf) group=2 pads=[1,1,1,1] ;"
#define CONV_B "c = Conv(xf, wf, b) group=2 pads=[1,1,1,1] ;"
#define QUANTIZE(x) "y = QuantizeLinear(" x ", ys, yz)"

static void convolutions_are_fused(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"u8 by i8", X, "xz:u8[] w:i8[8,3,3,3] ws:f32[]=0.003 wz:i8[]" Y, XF WF CONV QUANTIZE("c"), 1},
      {"i8 by i8", SX, "xz:i8[] w:i8[8,3,3,3] ws:f32[] wz:i8[]" Y, XF WF CONV QUANTIZE("c"), 1},
      {"u8 by u8", X, "xz:u8[] w:u8[8,3,3,3] ws:f32[] wz:u8[]" Y, XF WF CONV QUANTIZE("c"), 1},
      {"i8 by u8", SX, "xz:i8[] w:u8[8,3,3,3] ws:f32[] wz:u8[]" Y, XF WF CONV QUANTIZE("c"), 1},
      {"to i8", X, "xz:u8[] wz:i8[8] ys:f32[]=0.1 yz:i8[]=-20 " W, XF WF CONV QUANTIZE("c"), 1},
      {"a scale and a zero point per channel", X, "xz:u8[] w:i8[8,3,3,3] ws:f32[8] wz:i8[8]" Y,
       XF WF CONV QUANTIZE("c"), 1},
      {"no zero points", X, "w:i8[8,3,3,3] ws:f32[8] ys:f32[]=0.1",
       "xf = DequantizeLinear(x, xs) ; wf = DequantizeLinear(w, ws) axis=0 ;" CONV "y = QuantizeLinear(c, ys)", 1},
      {"no QuantizeLinear", X, "xz:u8[] w:i8[8,3,3,3] ws:f32[8] wz:i8[8]",
       XF WF "y = Conv(xf, wf) group=2 strides=[2,1] dilations=[1,2]", 1},
      {"a bias of floats", X, "xz:u8[] wz:i8[8] b:f32[8] " W Y, XF WF CONV_B QUANTIZE("c"), 1},
      {"a bias of its own scale", X, "xz:u8[] wz:i8[8] bq:i32[8] bs:f32[]=0.0007 " W Y,
       "b = DequantizeLinear(bq, bs) ;" XF WF CONV_B QUANTIZE("c"), 1},
      {"a bias with a scale per channel", X, "xz:u8[] wz:i8[8] bq:i32[8] bs:f32[8] bz:i32[8]=0 " W Y,
       "b = DequantizeLinear(bq, bs, bz) axis=0 ;" XF WF CONV_B QUANTIZE("c"), 1},
      {"depthwise", X, "xz:u8[] w:i8[6,1,3,3] ws:f32[6] wz:i8[6] b:f32[6]" Y,
       XF WF "c = Conv(xf, wf, b) group=6 ;" QUANTIZE("c"), 1},
      {"one dimension", "x:u8[3,4,50]", "xz:u8[] w:i8[5,4,7] ws:f32[5] wz:i8[5]" Y,
       XF WF "c = Conv(xf, wf) pads=[3,3] ;" QUANTIZE("c"), 1},
      {"four dimensions", "x:u8[1,2,4,4,4,4]", "xz:u8[] w:i8[3,2,2,2,2,2] ws:f32[3] wz:i8[3]" Y,
       XF WF "c = Conv(xf, wf) ;" QUANTIZE("c"), 1},
      {"x read by two", X, "xz:u8[] wz:i8[8] v:u8[4,6,1,1] vs:f32[] vz:u8[] " W Y,
       XF WF CONV "q = QuantizeLinear(c, ys, yz) ; vf = DequantizeLinear(v, vs, vz) ; y = Conv(xf, vf)", 2, 0, " q"},
      {"a chain", X, "xz:u8[] wz:i8[8] v:u8[4,8,1,1] vs:f32[] vz:u8[] us:f32[]=0.2 " W Y,
       XF WF CONV "q = QuantizeLinear(c, ys, yz) ; qf = DequantizeLinear(q, ys, yz) ;"
                  "vf = DequantizeLinear(v, vs, vz) ; d = Conv(qf, vf) ; y = QuantizeLinear(d, us, yz)",
       2},
  };
  check_all(cases, RUNG_COUNT(cases));
}

/* With all passes: constants are folded as far as that leaves the pattern alone. */
static void passes_leave_the_pattern(void **state) {
  (void)state;
  check(&(fusion_case){"all passes", X, "xz:u8[] wz:i8[8] bq:i32[8] bs:f32[]=0.0007 " W Y,
                       "b = DequantizeLinear(bq, bs) ;" XF WF CONV_B "r = Relu(c) ;" QUANTIZE("r"), 1},
        "");
}

static void activations_are_fused(void **state) {
  (void)state;
  static const char *const names[] = {"Relu(c)",        "Clip(c, lo, hi)",
                                      "Clip(c, _, hi)", "LeakyRelu(c) alpha=0.25",
                                      "HardSwish(c)",   "HardSigmoid(c) alpha=0.15 beta=0.4",
                                      "Sigmoid(c)",     "Tanh(c)"};
  for (size_t i = 0; i < RUNG_COUNT(names); i++)
    for (int quantized = 0; quantized < 2; quantized++) {
      char nodes[512], constants[256];
      snprintf(nodes, sizeof nodes, XF WF CONV_B "%s = %s%s", quantized ? "r" : "y", names[i],
               quantized ? " ; " QUANTIZE("r") : "");
      snprintf(constants, sizeof constants, "xz:u8[] wz:i8[8] b:f32[8] lo:f32[]=-0.7 hi:f32[]=3 " W " %s",
               i < 5 ? Y : "ys:f32[]=0.008 yz:u8[]=120");
      check(&(fusion_case){names[i], X, constants, nodes, 1}, NULL);
    }
}

/* Steps: those that stay are counted one by one. */
static void convolutions_stay(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"a bias with a zero point", X, "xz:u8[] wz:i8[8] bq:i32[8] bs:f32[]=0.0007 bz:i32[] " W Y,
       "b = DequantizeLinear(bq, bs, bz) ;" XF WF CONV_B QUANTIZE("c"), 5},
      {"w along the wrong axis", X, "xz:u8[] w:i8[8,3,3,3] ws:f32[3] wz:i8[3]" Y,
       XF "wf = DequantizeLinear(w, ws, wz) axis=1 ;" CONV QUANTIZE("c"), 4},
      {"w in blocks", X,
       "xz:u8[] w:i8[8,4,1,1] ws:f32[8,2,1,1] wz:i8[8,2,1,1] from:i64[1]=0 to:i64[1]=4 axes:i64[1]=1" Y,
       "sl = Slice(x, from, to, axes) ; xf = DequantizeLinear(sl, xs, xz) ;"
       "wf = DequantizeLinear(w, ws, wz) axis=1 block_size=2 ; c = Conv(xf, wf) ;" QUANTIZE("c"),
       5, 21},
      {"w as an input", X " w:i8[8,3,3,3]", "xz:u8[] ws:f32[] wz:i8[]" Y, XF WF CONV QUANTIZE("c"), 4},
      {"scales of y", X, "xz:u8[] wz:i8[8] ys:f32[8]=0.1 yz:u8[8] " W,
       XF WF CONV "y = QuantizeLinear(c, ys, yz) axis=1", 2},
      {"c read twice", X, "xz:u8[] wz:i8[8] " W Y, XF WF CONV "q = QuantizeLinear(c, ys, yz) ; y = Relu(c)", 3, 0,
       " q"},
      {"c leaves", X, "xz:u8[] wz:i8[8] " W Y, XF WF CONV QUANTIZE("c"), 2, 0, " c"},
      {"x as float leaves", X, "xz:u8[] wz:i8[8] " W Y, XF WF CONV QUANTIZE("c"), 2, 0, " xf"},
      {"two activations", X, "xz:u8[] wz:i8[8] hi:f32[]=2 " W Y,
       XF WF CONV "r = LeakyRelu(c) alpha=0.3 ; d = Clip(r, _, hi) ;" QUANTIZE("d"), 3},
      {"limits that are no constants", X " hi:f32[]", "xz:u8[] wz:i8[8] ys:f32[]=0.0008 yz:u8[]=250 " W,
       XF WF CONV "r = Clip(c, _, hi) ;" QUANTIZE("r"), 3},
      {"an addition", X " a:f32[2,8,7,9]", "xz:u8[] wz:i8[8] " W Y, XF WF CONV "r = Add(c, a) ;" QUANTIZE("r"), 3},
      {"to i8 by an attribute", X, "xz:u8[] wz:i8[8] ys:f32[]=0.1 " W,
       XF WF CONV "y = QuantizeLinear(c, ys) output_dtype=3", 2, 21},
      {"16 bits", X, "xz:u8[] wz:i8[8] ys:f32[]=0.001 " W, XF WF CONV "y = QuantizeLinear(c, ys) output_dtype=5", 2,
       21},
  };
  check_all(cases, RUNG_COUNT(cases));
}

/* Products */

#define A "x:u8[2,5,30]"
#define B "w:i8[30,11] ws:f32[11]=0.004"
#define BF "wf = DequantizeLinear(w, ws, wz) axis=1 ;"
#define MATMUL "c = MatMul(xf, wf) ;"
#define G "x:i8[7,30]"
#define BT "w:u8[11,30] ws:f32[11]=0.004"
#define BTF "wf = DequantizeLinear(w, ws, wz) axis=0 ;"

static void products_are_fused(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"u8 by i8", A, "xz:u8[] w:i8[30,11] ws:f32[] wz:i8[]" Y, XF BF MATMUL QUANTIZE("c"), 1},
      {"u8 by u8", A, "xz:u8[] w:u8[30,11] ws:f32[] wz:u8[]" Y, XF BF MATMUL QUANTIZE("c"), 1},
      {"i8 by i8 to i8", G, "xz:i8[] w:i8[30,11] ws:f32[] wz:i8[] ys:f32[]=0.1 yz:i8[]=9", XF BF MATMUL QUANTIZE("c"),
       1},
      {"a scale per column", A, "xz:u8[] w:i8[30,11] ws:f32[11] wz:i8[11]=-7" Y, XF BF MATMUL QUANTIZE("c"), 1},
      {"a zero point per column", A, "xz:u8[] w:u8[30,11] ws:f32[11] wz:u8[11]" Y, XF BF MATMUL QUANTIZE("c"), 1},
      {"no zero points", A, "ys:f32[]=0.3 " B,
       "xf = DequantizeLinear(x, xs) ; wf = DequantizeLinear(w, ws) ;" MATMUL "y = QuantizeLinear(c, ys)", 1},
      {"no QuantizeLinear", A, "xz:u8[] wz:i8[11] " B, XF BF "y = MatMul(xf, wf)", 1},
      {"an addition of a bias", A, "xz:u8[] wz:i8[11] b:f32[11] " B Y,
       XF BF MATMUL "d = Add(c, b) ; r = Relu(d) ;" QUANTIZE("r"), 1},
      {"a bias added to", A, "xz:u8[] wz:i8[11] b:f32[11] " B, XF BF MATMUL "y = Add(b, c)", 1},
      {"a bias of its own scale", A, "xz:u8[] wz:i8[11]=3 bq:i32[11] bs:f32[11] " B Y,
       "b = DequantizeLinear(bq, bs) axis=0 ;" XF BF MATMUL "d = Add(c, b) ; r = Tanh(d) ;" QUANTIZE("r"), 1},
      {"both at run time", "x:u8[3,4,5,6] v:i8[4,6,7]", "xz:u8[] vs:f32[]=0.01 vz:i8[]" Y,
       XF "vf = DequantizeLinear(v, vs, vz) ; c = MatMul(xf, vf) ;" QUANTIZE("c"), 1},
      {"one column", A, "xz:u8[] w:i8[30,1] ws:f32[1]=0.004 wz:i8[1]" Y, XF BF MATMUL QUANTIZE("c"), 1},
      {"Gemm", G, "xz:i8[] wz:i8[11] b:f32[11] " B Y, XF BF "c = Gemm(xf, wf, b) ;" QUANTIZE("c"), 1},
      {"Gemm with beta, and nothing to scale", G, "xz:i8[] wz:i8[11] " B Y,
       XF BF "c = Gemm(xf, wf) beta=0.5 ;" QUANTIZE("c"), 1},
      {"Gemm, its bias of a scale", G, "xz:i8[] wz:i8[11] bq:i32[11] bs:f32[]=0.0003 " B Y,
       "b = DequantizeLinear(bq, bs) ;" XF BF "c = Gemm(xf, wf, b) ;" QUANTIZE("c"), 1},
      {"Gemm by a transposed matrix", G, "xz:i8[] wz:u8[11]=130 b:f32[11] us:f32[]=0.004 " BT,
       XF BTF "c = Gemm(xf, wf, b) transB=1 ; r = Sigmoid(c) ; y = QuantizeLinear(r, us)", 1},
  };
  check_all(cases, RUNG_COUNT(cases));
}

static void products_stay(void **state) {
  (void)state;
  static const fusion_case cases[] = {
      {"a transposed matrix of many zero points", G, "xz:i8[] wz:u8[11] " BT Y,
       XF BTF "c = Gemm(xf, wf) transB=1 ;" QUANTIZE("c"), 4},
      {"alpha", G, "xz:i8[] wz:i8[11] b:f32[11] " B Y, XF BF "c = Gemm(xf, wf, b) alpha=0.5 ;" QUANTIZE("c"), 4},
      {"beta", G, "xz:i8[] wz:i8[11] b:f32[11] " B Y, XF BF "c = Gemm(xf, wf, b) beta=0.5 ;" QUANTIZE("c"), 4},
      {"transA", "x:i8[30,7]", "xz:i8[] wz:i8[11] " B Y, XF BF "c = Gemm(xf, wf) transA=1 ;" QUANTIZE("c"), 4},
      {"C of rows", G, "xz:i8[] wz:i8[11] b:f32[7,1] " B Y, XF BF "c = Gemm(xf, wf, b) ;" QUANTIZE("c"), 4},
      {"C of one number", G, "xz:i8[] wz:i8[11] b:f32[1] " B Y, XF BF "c = Gemm(xf, wf, b) ;" QUANTIZE("c"), 4},
      {"a bias that is a matrix", A, "xz:u8[] wz:i8[11] b:f32[1,11] " B Y, XF BF MATMUL "d = Add(c, b) ;" QUANTIZE("d"),
       3},
      {"a bias that is an input", A " b:f32[11]", "xz:u8[] wz:i8[11] " B Y,
       XF BF MATMUL "d = Add(c, b) ;" QUANTIZE("d"), 3},
      {"two biases", A, "xz:u8[] wz:i8[11] b:f32[11] d:f32[11] " B Y,
       XF BF MATMUL "e = Add(c, b) ; f = Add(e, d) ;" QUANTIZE("f"), 3},
      {"a bias behind an activation", A, "xz:u8[] wz:i8[11] b:f32[11] " B Y,
       XF BF MATMUL "r = Relu(c) ; d = Add(r, b) ;" QUANTIZE("d"), 3},
      {"a stack of matrices with scales", A, "xz:u8[] w:i8[2,30,11] ws:f32[11] wz:i8[11]" Y,
       XF "wf = DequantizeLinear(w, ws, wz) axis=2 ;" MATMUL QUANTIZE("c"), 4},
      {"scales per row of w", A, "xz:u8[] w:i8[30,11] ws:f32[30] wz:i8[30]" Y,
       XF "wf = DequantizeLinear(w, ws, wz) axis=0 ;" MATMUL QUANTIZE("c"), 4},
      {"a vector", "x:u8[30]", "xz:u8[] wz:i8[11] " B Y, XF BF MATMUL QUANTIZE("c"), 4},
      {"read twice", A, "xz:u8[] wz:i8[11] b:f32[11] " B Y,
       XF BF MATMUL "d = Add(c, b) ; y = QuantizeLinear(d, ys, yz)", 3, 0, " c"},
      {"added to itself", A, "xz:u8[] wz:i8[11] " B Y, XF BF MATMUL "d = Add(c, c) ;" QUANTIZE("d"), 3},
  };
  check_all(cases, RUNG_COUNT(cases));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolutions_are_fused), cmocka_unit_test(passes_leave_the_pattern),
      cmocka_unit_test(activations_are_fused),  cmocka_unit_test(convolutions_stay),
      cmocka_unit_test(products_are_fused),     cmocka_unit_test(products_stay)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
