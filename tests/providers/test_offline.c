/* Plans for providers that are not here: what their tables of capabilities say. */
#include "op/op.h"
#include "provider/descriptor/capability.h"
#include "provider/registry.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Every table */

static void each_table(void (*check)(const rung_provider_api *api)) {
  rung_registry registry;
  size_t tables = 0;
  rung_registry_init(&registry, &rung_system_allocator);
  for (size_t i = 0; i < registry.count; i++)
    if (RUNG_HAS(registry.providers[i], offline)) check(registry.providers[i]), tables++;
  rung_registry_finish(&registry);
  assert_true(tables >= 17);
}

static void has_a_source(const rung_provider_api *api) {
  assert_true(api->offline->source[0]);
  assert_non_null(api->offline->claim);
}

static void tables_name_their_source(void **state) {
  (void)state;
  each_table(has_a_source);
}

/* Every row, whatever its element types */

typedef struct row {
  const char *domain, *op_type;
  int first, last;
  const char *types, *others, *limits;
} row;

static const row rows[] = {
#undef RUNG_MS_CAPABILITY
#undef RUNG_QDQ_CAPABILITY
#define RUNG_CAPABILITY(op_type, first, last, types, others, limits) \
  {"", #op_type, first, last, #types, #others, limits},
#define RUNG_MS_CAPABILITY(op_type, types, others, limits) \
  {"com.microsoft", #op_type, 1, RUNG_NO_LAST_OPSET, #types, #others, limits},
#define RUNG_QDQ_CAPABILITY(op_type, first, last, types, limits) {"", #op_type, first, last, #types, #types, limits},
#include "provider/acl/acl_ops.inc"
#include "provider/cann/cann_ops.inc"
#include "provider/coreml/coreml_network_ops.inc"
#include "provider/coreml/coreml_program_ops.inc"
#include "provider/cuda/cuda_ops.inc"
#include "provider/directml/directml_ops.inc"
#include "provider/dnnl/dnnl_ops.inc"
#include "provider/migraphx/migraphx_ops.inc"
#include "provider/nnapi/nnapi_ops.inc"
#include "provider/qnn/qnn_ops.inc"
#include "provider/tensorrt/tensorrt_ops.inc"
#include "provider/vsinpu/vsinpu_ops.inc"
#include "provider/webgpu/webgpu_ops.inc"
#include "provider/webnn/webnn_ops.inc"
#include "provider/xnnpack/xnnpack_ops.inc"
#undef RUNG_CAPABILITY
#undef RUNG_MS_CAPABILITY
#undef RUNG_QDQ_CAPABILITY
};

static bool is_attribute(const rung_op *op, const char *name, size_t size) {
  for (const rung_attr *a = rung_op_meaning(op)->attributes; a && a->name; a++)
    if (strlen(a->name) == size && memcmp(a->name, name, size) == 0) return true;
  return false;
}

/* A word of the limits, in the language of capability.h, about inputs and attributes that the operator has. */
static bool is_limit(const rung_op *op, const char *word, size_t size) {
  static const char *const about_inputs[] = {"const:", "const32:", "zero:", "given:", "left:", "static:", "inner:"};
  static const char *const about_numbers[] = {"rank:", "outputs:", "after:", "scale:"};
  const char *mark = memchr(word, '?', size), *equals = memchr(word, '=', size);
  if (mark && (!equals || equals > mark || !is_attribute(op, word, (size_t)(equals - word)))) return false;
  if (mark) return is_limit(op, mark + 1, size - (size_t)(mark + 1 - word));
  if (equals) return is_attribute(op, word, (size_t)(equals - word));
  for (size_t i = 0; i < RUNG_COUNT(about_inputs); i++) {
    size_t head = strlen(about_inputs[i]);
    rung_place place;
    if (strncmp(word, about_inputs[i], head) != 0) continue;
    for (size_t k = head; k < size; k += 2)
      if (word[k] < '0' || word[k] > '9' || !rung_op_input(rung_op_meaning(op), (uint32_t)(word[k] - '0'), &place))
        return false;
    return size > head;
  }
  for (size_t i = 0; i < RUNG_COUNT(about_numbers); i++)
    if (strncmp(word, about_numbers[i], strlen(about_numbers[i])) == 0) return size > strlen(about_numbers[i]);
  const char *colon = memchr(word, ':', size);
  if (!colon) return false;
  size_t head = (size_t)(colon + 1 - word);
  return (strncmp(word, "ones:", head) == 0 || strncmp(word, "last:", head) == 0 ||
          strncmp(word, "unset:", head) == 0) &&
         is_attribute(op, colon + 1, size - head);
}

static void check_place(const row *r, const rung_place *place, char *first) {
  if (!place->variable || place->optional) return;
  if (!*first) *first = place->variable;
  if (strcmp(place->variable == *first ? r->types : r->others, "0") == 0)
    fail_msg("%s: no element types for %.*s", r->op_type, (int)place->name.size, place->name.data);
}

/* A variable of the signature without element types would refuse every node. */
static void check_variables(const row *r, const rung_op *op) {
  enum { ENOUGH = 10 };
  char first = 0;
  rung_place place;
  for (uint32_t i = 0; i < ENOUGH && rung_op_input(op, i, &place); i++) check_place(r, &place, &first);
  if (rung_op_output(op, 0, &place)) check_place(r, &place, &first);
}

static void check_row(const row *r) {
  const rung_op *op = rung_op_find(r->domain, r->op_type);
  if (!op) fail_msg("%s%s is no operator", r->domain, r->op_type);
  if (r->first < 1 || r->last < r->first) fail_msg("%s: %d to %d", r->op_type, r->first, r->last);
  check_variables(r, rung_op_meaning(op));
  for (const char *at = r->limits; at && *at;) {
    size_t size = strcspn(at, " ");
    if (!is_limit(op, at, size)) fail_msg("%s: %.*s", r->op_type, (int)size, at);
    at += size + (at[size] == ' ');
  }
}

static void rows_name_what_there_is(void **state) {
  (void)state;
  for (size_t i = 0; i < RUNG_COUNT(rows); i++) check_row(&rows[i]);
  assert_true(is_limit(rung_op_find("", "Pad"), "mode=constant", 13));
  assert_false(is_limit(rung_op_find("", "Pad"), "mood=constant", 13));
  assert_false(is_limit(rung_op_find("", "Relu"), "const:1", 7));
  assert_false(is_limit(rung_op_find("", "Relu"), "contst:0", 8));
}

/* Sessions */

static test_session t;

static rung_status *plan_offline(const char *chain, const char *contract) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.offline = options.plan_only = 1;
  options.contract = contract;
  return session_open(&t, chain, &options);
}

/* Who runs a node of a model, and why not the first provider: "coreml", or "attribute: mode is reflect". */
static void expect_of(const char *name, const char *text, int opset, const char *chain, const char *says) {
  char words[256];
  session_begin(&t);
  session_load(&t, text, opset);
  assert_ok(plan_offline(chain, NULL));
  const rung_plan_node *node = session_node(&t, name);
  assert_non_null(node);
  if (node->refusal_count)
    snprintf(words, sizeof words, "%s: %s", node->refusals[0].reason, node->refusals[0].words);
  else
    snprintf(words, sizeof words, "%s", node->provider);
  assert_string_equal(words, says);
  session_end(&t);
}

static void expect(const char *text, int opset, const char *chain, const char *says) {
  expect_of("n", text, opset, chain, says);
}

static const char pad[] = "x:f32[1,2,4,4] -> y ; p:i64[8] = 0 0 1 1 0 0 1 1 ; n@y = Pad(x, p) mode='reflect'";
static const char relu[] = "x:f32[1,2,4,4] -> y ; n@y = Relu(x)";
static const char open_relu[] = "x:f32[N,2] -> y ; n@y = Relu(x)";

static void tables_say_what_does_not_fit(void **state) {
  (void)state;
  expect(relu, 17, "tensorrt?,cpu", "tensorrt");
  expect(relu, 17, "coreml?,cpu", "coreml");
  expect(relu, 17, "nnapi?,cpu", "nnapi");
  expect(relu, 17, "cuda?,cpu", "cuda");
  expect(relu, 8, "tensorrt?,cpu", "opset: opset 8, it takes 9 to 20");
  expect(open_relu, 17, "nnapi?,cpu", "dynamic-dimension: dimension 0 of X is not known");
  expect(open_relu, 17, "coreml?,cpu", "coreml");
  expect(open_relu, 17, "coreml?:RequireStaticInputShapes=1,cpu", "dynamic-dimension: dimension 0 of X is not known");
  expect(pad, 17, "coreml?,cpu", "attribute: mode is reflect");
  expect(pad, 17, "coreml?:ModelFormat=MLProgram,cpu", "operator: Pad");
  expect(pad, 17, "tensorrt?,cpu", "tensorrt");
  expect(pad, 18, "cuda?,cpu", "cuda");
  expect(pad, 19, "cuda?,cpu", "opset: opset 19, it takes 2 to 18");
  expect("x:f64[2] -> y ; n@y = Relu(x)", 17, "tensorrt?,cpu", "type: X is float64");
  expect("x:f32[1,2,2,2,2,2] -> y ; n@y = Sigmoid(x)", 17, "coreml?,cpu", "rank: X has rank 6, it takes up to 5");
  expect("x:f32[2,3] s:i64[2] -> y ; n@y = Reshape(x, s)", 17, "coreml?,cpu",
         "input: input 1 (shape) must be constant");
  expect("x:f32[2,3] i:i64[2] -> y ; n@y = Gather(x, i)", 17, "nnapi?,cpu",
         "input: input 1 (indices) must be constant, or int32");
  expect("x:f32[2,3] i:i32[2] -> y ; n@y = Gather(x, i)", 17, "nnapi?,cpu", "nnapi");
  expect("x:f32[1,1,4,4] -> y z ; n@y, z = MaxPool(x) kernel_shape=[2,2]", 17, "tensorrt?,cpu",
         "attribute: output 1 is read, it makes 1");
  expect("x:f32[1,4,2,2] -> y ; n@y = DepthToSpace(x) blocksize=2 mode='CRD'", 17, "nnapi?,cpu",
         "attribute: mode is CRD");
  expect("x:f32[1,1,4,4] -> y ; n@y = AveragePool(x) kernel_shape=[2,2] dilations=[2,1]", 19, "tensorrt?,cpu",
         "attribute: dilations are not all 1");
  expect("x:f32[4] -> y ; s:f32[] = 0.5 ; z:u8[] = 3 ; n@y = QuantizeLinear(x, s, z)", 17, "tensorrt?,cpu",
         "type: y_zero_point is uint8");
  expect("x:f32[4] -> y ; s:f32[] = 0.5 ; z:i8[] = 3 ; n@y = QuantizeLinear(x, s, z)", 17, "tensorrt?,cpu",
         "input: input 2 (y_zero_point) is not 0");
  expect("x:f32[4,4] -> y ; n@y = Det(x)", 17, "cuda?,cpu", "operator: Det");
}

static const char conv_relu[] = "x:f32[N,3,8,8] -> y ; w:f32[2,3,1,1] = 1 2 3 4 5 6 ; c = Conv(x, w) ; n@y = Relu(c)";
static const char open_conv[] = "x:f32[1,3,H,8] -> y ; w:f32[2,3,1,1] = 1 2 3 4 5 6 ; n@y = Conv(x, w)";

/* Quantized: the node "n", and the steps before ("d", "v") and behind it ("q"). */
#define QUANTIZED_INPUT(type, shape)                                 \
  "x:f32[" shape "] -> y ; s:f32[] = 0.5 ; t:f32[] = 0.25 ; z:" type \
  "[] = 3 ; "                                                        \
  "i = QuantizeLinear(x, s, z) ; d@j = DequantizeLinear(i, s, z) ; "
#define QUANTIZED_OUTPUT(scale) " ; q@o = QuantizeLinear(c, " scale ", z) ; r@y = DequantizeLinear(o, " scale ", z)"
#define QUANTIZED_CONV(type, weights) \
  QUANTIZED_INPUT(type, "1,2,4,4") weights " ; n@c = Conv(j, w)" QUANTIZED_OUTPUT("t")

static void groups_are_taken_as_one(void **state) {
  (void)state;
  static const char even[] = QUANTIZED_CONV("u8", "k:u8[2,2,1,1] = 1 2 3 4 ; v@w = DequantizeLinear(k, s, z)");
  static const char *const taken[] = {"n", "d", "v", "q"};
  for (size_t i = 0; i < RUNG_COUNT(taken); i++) expect_of(taken[i], even, 17, "xnnpack?,cpu", "xnnpack");
  expect_of("r", even, 17, "xnnpack?,cpu", "operator: DequantizeLinear");
  expect(QUANTIZED_CONV("i8", "k:i8[2,2,1,1] = 1 2 3 4 ; u:f32[2] = 1 2 ; v@w = DequantizeLinear(k, u) axis=0"), 17,
         "xnnpack?,cpu", "xnnpack");
  expect(QUANTIZED_CONV("u8", "k:u8[2,2,1,1] = 1 2 3 4 ; u:f32[2] = 1 2 ; v@w = DequantizeLinear(k, u) axis=0"), 17,
         "xnnpack?,cpu", "input: W has a scale per channel");
  expect(QUANTIZED_CONV("u8", "k:i8[2,2,1,1] = 1 2 3 4 ; v@w = DequantizeLinear(k, s)"), 17, "xnnpack?,cpu",
         "type: W is quantized to int8");
  /* Not all of it is quantized, so it is no group. */
  expect(QUANTIZED_CONV("u8", "w:f32[2,2,1,1] = 1 2 3 4"), 17, "xnnpack?,cpu", "xnnpack");
  expect_of("q", QUANTIZED_CONV("u8", "w:f32[2,2,1,1] = 1 2 3 4"), 17, "xnnpack?,cpu", "operator: QuantizeLinear");
}

static void groups_have_limits(void **state) {
  (void)state;
#define POOL(op, scale) QUANTIZED_INPUT("u8", "1,2,4,4") "n@c = " op "(j) kernel_shape=[2,2]" QUANTIZED_OUTPUT(scale)
  expect(POOL("MaxPool", "s"), 17, "xnnpack?,cpu", "xnnpack");
  expect(POOL("MaxPool", "t"), 17, "xnnpack?,cpu", "input: the output is quantized otherwise than the input");
  expect_of("q", POOL("MaxPool", "t"), 17, "xnnpack?,cpu",
            "operator: QuantizeLinear behind MaxPool that it does not take");
  expect_of("d", POOL("MaxPool", "t"), 17, "xnnpack?,cpu", "operator: DequantizeLinear");
  expect(POOL("MaxPool", "s"), 11, "xnnpack?,cpu", "opset: opset 11, it takes 12 to 21");
  expect(POOL("AveragePool", "s"), 17, "xnnpack?,cpu", "operator: quantized AveragePool");
  expect(POOL("MaxPool", "s"), 17, "coreml?,cpu", "coreml");
#undef POOL
#define SOFTMAX(type, words)                           \
  "x:f32[2,4] -> y ; s:f32[] = 0.5 ; t:f32[] = " words \
  " ; i = QuantizeLinear(x, s, z) ; "                  \
  "d@j = DequantizeLinear(i, s, z) ; n@c = Softmax(j) ; o = QuantizeLinear(c, t, z) ; y = DequantizeLinear(o, t, z)"
  expect(SOFTMAX("u8", "0.00390625 ; z:u8[] = 0"), 17, "xnnpack?,cpu", "xnnpack");
  expect(SOFTMAX("u8", "0.00390625 ; z:u8[] = 1"), 17, "xnnpack?,cpu",
         "input: the output's scale is not 1/256, or its zero point not 0");
  expect(SOFTMAX("u8", "0.5 ; z:u8[] = 0"), 17, "xnnpack?,cpu",
         "input: the output's scale is not 1/256, or its zero point not 0");
  expect(SOFTMAX("i8", "0.00390625 ; z:i8[] = 0"), 17, "xnnpack?,cpu", "type: input is quantized to int8");
#undef SOFTMAX
  /* What others read as well stays: the copy of it that the group gets is none of the model's nodes. */
  static const char shared[] = QUANTIZED_INPUT("u8", "1,2,4,4")
      "n@c = MaxPool(j) kernel_shape=[3,3] pads=[1,1,1,1] ; q@o = QuantizeLinear(c, s, z) ; "
      "p = DequantizeLinear(o, s, z) ; y = Add(p, j)";
  expect(shared, 17, "xnnpack?,cpu", "xnnpack");
  expect_of("d", shared, 17, "xnnpack?,cpu", "operator: DequantizeLinear that others read as well");
}

static void newer_tables_say_it_too(void **state) {
  (void)state;
  static const char *const all[] = {"migraphx", "qnn", "directml", "dnnl", "cann", "vsinpu", "webnn"};
  for (size_t i = 0; i < RUNG_COUNT(all); i++) {
    char chain[64];
    snprintf(chain, sizeof chain, "%s?,cpu", all[i]);
    expect(relu, 17, chain, all[i]);
  }
  expect(relu, 12, "acl?,cpu", "acl");
  expect(relu, 13, "acl?,cpu", "opset: opset 13, it takes 6 to 12");
  /* XNNPACK has no Relu of its own: it hangs on what is before. */
  expect(conv_relu, 17, "xnnpack?,cpu", "xnnpack");
  expect(relu, 17, "xnnpack?,cpu", "operator: Relu that follows no Conv|MaxPool|AveragePool that it takes");
  expect("x:f32[1,3,H,8] -> y ; w:f32[2,3,1,1] = 1 2 3 4 5 6 ; c = Conv(x, w) ; n@y = Relu(c)", 17, "xnnpack?,cpu",
         "operator: Relu that follows no Conv|MaxPool|AveragePool that it takes");
  expect(open_conv, 17, "xnnpack?,cpu", "dynamic-dimension: dimension 2 of X is not known");
  expect("x:f32[1,3,8,8] w:f32[2,3,3,3] -> y ; n@y = Conv(x, w)", 17, "xnnpack?,cpu",
         "input: input 1 (W) must be constant");
  expect("x:f32[1,3,8] -> y ; w:f32[2,3,1] = 1 2 3 4 5 6 ; n@y = Conv(x, w)", 17, "xnnpack?,cpu", "xnnpack");
  expect("x:f32[2,4] -> y ; n@y = Softmax(x) axis=1", 17, "xnnpack?,cpu", "xnnpack");
  expect("x:f32[2,4] -> y ; n@y = Softmax(x) axis=-1", 17, "xnnpack?,cpu", "xnnpack");
  expect("x:f32[2,4] -> y ; n@y = Softmax(x) axis=0", 17, "xnnpack?,cpu", "attribute: axis is 0, not the last one");
  expect("x:f32[1,2,4,4] -> y ; s:f32[4] = 1 1 2 2 ; n@y = Resize(x, _, s) mode='linear'", 17, "xnnpack?,cpu",
         "xnnpack");
  expect("x:f32[1,2,4,4] -> y ; s:f32[4] = 1 1 2 2 ; n@y = Resize(x, _, s)", 17, "xnnpack?,cpu",
         "attribute: mode is not set");
  expect("x:f32[1,2,4,4] -> y ; s:f32[4] = 1 1 2 2 ; n@y = Resize(x, _, s) mode='nearest'", 17, "xnnpack?,cpu",
         "attribute: mode is nearest");
  /* A word of its own per provider. */
  expect("x:f32[2] z:f32[2] -> y ; n@y = Max(x, z)", 17, "qnn?,cpu", "qnn");
  expect("x:f32[2] z:f32[2] -> y ; n@y = Max(x, z, x)", 17, "qnn?,cpu", "input: input 2 (data) must be left out");
  expect("x:f32[2] -> y ; n@y = Max(x)", 17, "qnn?,cpu", "input: input 1 (data) must be given");
  expect(
      "x:f32[1,2,4,4] -> y ; s:f32[4] = 1 1 2 2 ; "
      "n@y = Resize(x, _, s) mode='nearest' coordinate_transformation_mode='asymmetric'",
      17, "qnn?,cpu", "attribute: nearest_mode is not set");
  expect(
      "x:f32[1,2,4,4] -> y ; s:f32[4] = 1 1 2 2 ; "
      "n@y = Resize(x, _, s) mode='nearest' coordinate_transformation_mode='asymmetric' nearest_mode='floor'",
      17, "qnn?,cpu", "qnn");
  expect(
      "x:f32[1,2,4,4] -> y ; s:f32[4] = 1 1 2 2 ; "
      "n@y = Resize(x, _, s) mode='linear' coordinate_transformation_mode='asymmetric'",
      17, "qnn?,cpu", "qnn");
  expect(pad, 17, "migraphx?,cpu", "migraphx");
  expect("x:f32[1,2,4,4] -> y ; p:i64[8] = 0 0 1 1 0 0 1 1 ; n@y = Pad(x, p) mode='edge'", 17, "migraphx?,cpu",
         "attribute: mode is edge");
  expect("x:f32[2,4] -> y ; n@y = IsNaN(x)", 17, "migraphx?,cpu", "operator: IsNaN");
  expect("x:f64[2] -> y ; n@y = Relu(x)", 17, "migraphx?,cpu", "migraphx");
  expect("x:f64[2] -> y ; n@y = Relu(x)", 17, "directml?,cpu", "type: X is float64");
  expect("x:i32[2] -> y ; n@y = Relu(x)", 14, "directml?,cpu", "directml");
  expect("x:i32[2] y:i32[2] -> z ; n@z = Add(x, y)", 17, "directml?,cpu", "directml");
  expect("x:f32[1,2,4,4] -> y ; w:f32[2,2,1,1] = 1 2 3 4 ; n@y = Conv(x, w)", 22, "directml?,cpu",
         "opset: opset 22, it takes 1 to 21");
  expect("x:f32[2,4] -> y ; n@y = com.microsoft::QuickGelu(x)", 17, "directml?,cpu", "directml");
  expect(open_relu, 17, "qnn?,cpu", "dynamic-dimension: dimension 0 of X is not known");
  expect("x:f32[2,3] y:f32[3,2] z:f32[2] -> o ; n@o = Gemm(x, y, z) alpha=0.5", 17, "qnn?,cpu",
         "attribute: alpha is 0.5");
  expect("x:f32[2,4] -> y ; n@y = Relu(x)", 6, "webnn?,cpu", "opset: opset 6, it takes 7 and newer");
  expect("x:f32[1,2,4] -> y ; n@y = MaxPool(x) kernel_shape=[2]", 17, "webnn?,cpu", "rank: rank 3, it takes 4");
  expect("x:f32[4] e:f32[4] -> y ; n@y = Pow(x, e)", 17, "dnnl?,cpu", "input: input 1 (Y) must be constant");
  expect("x:f32[1,2,4,4] -> y ; n@y = MaxPool(x) kernel_shape=[2,2] ceil_mode=1", 17, "dnnl?,cpu",
         "attribute: ceil_mode is 1");
  expect("x:f32[2,4] -> y ; n@y = Tan(x)", 17, "cann?,cpu", "operator: Tan");
  expect("x:f32[1,2,4,4] -> y ; n@y = MaxPool(x) kernel_shape=[2,2] dilations=[1,1]", 17, "vsinpu?,cpu",
         "attribute: dilations is set");
}

/* The plan says so, and the contract binds as anywhere. */
static void an_offline_plan_is_one(void **state) {
  (void)state;
  session_begin(&t);
  session_load(&t, pad, 17);
  assert_ok(plan_offline("tensorrt,cpu", "coverage>=95%,crossings<=2"));
  const rung_plan *plan = rung_session_plan(t.session);
  assert_string_equal(plan->stage, "offline");
  assert_non_null(strstr(plan->providers[0].offline, "TensorRT 10.0"));
  assert_null(plan->providers[1].offline);
  assert_int_equal(plan->crossing_count, 2);
  assert_string_equal(plan->crossings[0].to, "cuda:0");
  char *lock;
  assert_ok(rung_session_plan_lock(t.session, &lock));
  assert_non_null(strstr(lock, "offline"));
  rung_text_free(lock);
  session_close(&t);
  assert_error(plan_offline("tensorrt,cpu", "crossings<=1"), CONTRACT, "crossings<=1");
  assert_error(plan_offline("coreml?,cpu", "coverage>=95%"), CONTRACT, "mode is reflect");
  session_end(&t);
}

static void an_offline_session_only_plans(void **state) {
  (void)state;
  rung_session_options options;
  session_begin(&t);
  session_load(&t, relu, 17);
  rung_session_options_init(&options);
  options.offline = 1;
  assert_error(session_open(&t, "tensorrt,cpu", &options), INVALID_ARGUMENT, "plan_only");
  assert_ok(plan_offline("tensorrt,cpu", NULL));
  session_fill(&t);
  assert_error(session_run(&t), INVALID_ARGUMENT, "plan only");
  session_close(&t);
  /* One without a table is what it was. */
  assert_error(plan_offline("azure,cpu", NULL), UNAVAILABLE, "no table tells what it takes");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_name_their_source),     cmocka_unit_test(rows_name_what_there_is),
      cmocka_unit_test(tables_say_what_does_not_fit), cmocka_unit_test(groups_are_taken_as_one),
      cmocka_unit_test(groups_have_limits),           cmocka_unit_test(newer_tables_say_it_too),
      cmocka_unit_test(an_offline_plan_is_one),       cmocka_unit_test(an_offline_session_only_plans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
