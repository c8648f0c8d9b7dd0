/* The mask of processor features reaches every kernel, and changes nothing but what docs/numerics.md says. */
#include "base/cpu.h"
#include "base/macros.h"
#include "provider/cpu/form/floats.h"
#include "provider/cpu/form/pointwise.h"
#include "support/fusion.h"
#include "support/kernels.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

static const char *const masks[] = {"", "none", "avx2", "avx512", "-avx512_vnni"};

/* The largest difference to a session without a mask, in units of the largest result; 0 only for the same bits. */
static double difference(const fusion_model *model, const char *mask) {
  test_session all, masked;
  double most = 0, size = 0;
  fusion_run(&all, model, NULL);
  fusion_run(&masked, model, mask);
  for (size_t i = 0; i < rung_session_output_count(all.session); i++) {
    const rung_tensor *want = fusion_output(&all, i), *got = fusion_output(&masked, i);
    assert_int_equal(want->size, got->size);
    if (memcmp(want->data, got->data, want->size) == 0) continue;
    most = fmax(most, 1e-30);
    for (size_t k = 0; k < rung_tensor_count(want); k++) {
      size = fmax(size, fabs(rung_tensor_get(want, k)));
      most = fmax(most, fabs(rung_tensor_get(want, k) - rung_tensor_get(got, k)));
    }
  }
  session_end(&all);
  session_end(&masked);
  return size > 0 ? most / size : most;
}

static void check(const char *what, const fusion_model *model, double bound) {
  for (size_t i = 0; i < RUNG_COUNT(masks); i++) {
    double d = difference(model, masks[i]);
    if (!(d <= bound)) fail_msg("%s with the mask \"%s\" differs by %g", what, masks[i], d);
  }
}

static void elements_have_the_same_bits(void **state) {
  (void)state;
  check("functions",
        &(fusion_model){.inputs = "x:f32[3,7,133] b:f32[133]",
                        .outputs = "y z w",
                        .constants = "lo:f32[]=-0.7 hi:f32[]=0.8 s:f32[7,1]",
                        .nodes = "a = Add(x, b) ; c = Mul(a, s) ; d = Exp(c) ; e = Tanh(d) ; f = Sigmoid(c) ;"
                                 "g = Div(e, d) ; h = Clip(g, lo, hi) ; i = PRelu(c, b) ; j = Max(h, i, f) ;"
                                 "k = Mean(j, a, x) ; y = Erf(k) ; z = Less(x, c) ;"
                                 "w = com.microsoft::BiasGelu(x, b)"},
        0);
  check("float16",
        &(fusion_model){.inputs = "x:f16[5,331] z:f16[331]",
                        .outputs = "y w",
                        .constants = "hi:f16[]=1",
                        .nodes = "a = Mul(x, z) ; b = Exp(a) ; c = Max(b, x) ; y = Clip(c, _, hi) ;"
                                 "d = Softplus(a) ; w = Softmax(d)"},
        0);
}

static void rows_and_windows_have_the_same_bits(void **state) {
  (void)state;
  check("rows",
        &(fusion_model){.inputs = "x:f32[3,5,1037]",
                        .outputs = "y z w v u",
                        .constants = "g:f32[1037] h:f32[1037] s:f32[5] t:f32[5]",
                        .nodes = "a = LayerNormalization(x, g, h) ; y = Softmax(a) ; z = LogSoftmax(x) ;"
                                 "w = Softmax(x) axis=1 ; b = InstanceNormalization(x, s, t) ;"
                                 "v = LpNormalization(b) p=2 ; u = ReduceMean(v) axes=[2]"},
        0);
  check("windows",
        &(fusion_model){.inputs = "x:f32[2,3,31,45]",
                        .outputs = "y z w v",
                        .constants = "",
                        .nodes = "y = MaxPool(x) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] ;"
                                 "z = AveragePool(x) kernel_shape=[2,5] ; w = GlobalMaxPool(x) ;"
                                 "v = GlobalAveragePool(x)"},
        0);
}

static void integers_have_the_same_bits(void **state) {
  (void)state;
  check("integers",
        &(fusion_model){.inputs = "x:u8[2,6,17,19]",
                        .outputs = "y z",
                        .constants = "xs:f32[]=0.02 xz:u8[] w:i8[8,6,3,3] ws:f32[8] wz:i8[8] ys:f32[]=0.1 yz:u8[]=100 "
                                     "v:u8[19,23] vs:f32[] vz:u8[] b:f32[23]",
                        .nodes = "xf = DequantizeLinear(x, xs, xz) ; wf = DequantizeLinear(w, ws, wz) axis=0 ;"
                                 "c = Conv(xf, wf) ; r = Sigmoid(c) ; y = QuantizeLinear(r, ys, yz) ;"
                                 "vf = DequantizeLinear(v, vs, vz) ; d = MatMul(xf, vf) ; e = Add(d, b) ;"
                                 "z = QuantizeLinear(e, ys, yz)"},
        0);
}

static void float_sums_are_near(void **state) {
  (void)state;
  check("sums of products",
        &(fusion_model){.inputs = "x:f32[2,6,17,19]",
                        .outputs = "y",
                        .constants = "w:f32[8,6,3,3] b:f32[8] v:f32[17,23]",
                        .nodes = "c = Conv(x, w, b) ; r = LeakyRelu(c) alpha=0.1 ; y = MatMul(r, v)"},
        1e-6);
}

/* What the processor has makes a difference to the tables, and the mask takes it away again. */
static void tables_obey_the_host(void **state) {
  (void)state;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    test_host host;
    test_host_start(&host, 1, test_masks[m]);
    rung_kernel_call call = {.host = &host.host};
    assert_ptr_equal(rung_math_of(&call, RUNG_F32), rung_math_for(rung_cpu_features() & test_masks[m]));
    assert_ptr_equal(rung_math_of(&call, RUNG_F16), rung_math_for(rung_cpu_features() & test_masks[m]));
    assert_ptr_equal(rung_math_of(&call, RUNG_F64), &rung_math_f64);
    test_host_stop(&host);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(elements_have_the_same_bits),
                                     cmocka_unit_test(rows_and_windows_have_the_same_bits),
                                     cmocka_unit_test(integers_have_the_same_bits),
                                     cmocka_unit_test(float_sums_are_near), cmocka_unit_test(tables_obey_the_host)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
