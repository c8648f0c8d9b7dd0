/* The OpenVINO provider over OpenVINO itself. RUNG_TEST_OPENVINO (environment, or CMake cache) names a folder that
 * holds it: its libraries, or the site-packages that "pip install openvino" filled. Without it all is skipped. */
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* OpenVINO opens one of its libraries with RTLD_DEEPBIND, at which the address and thread sanitizers end the program.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

static char folder[512];

static int find(void **state) {
  (void)state;
  const char *given = SANITIZED ? "" : getenv("RUNG_TEST_OPENVINO");
  snprintf(folder, sizeof folder, "%s", given ? given : TEST_OPENVINO);
  if (!folder[0])
    print_message("skipped: %s\n", SANITIZED ? "OpenVINO does not run under this sanitizer"
                                             : "no RUNG_TEST_OPENVINO names a folder with OpenVINO");
  return 0;
}

/* Skips the test without it. */
static void begin(test_session *t) {
  if (!folder[0]) skip();
  session_begin(t);
}

/* "openvino" with the library, and options that may be "". */
static const char *chain_of(const char *options, char out[1024]) {
  snprintf(out, 1024, "openvino:library=\"%s\"%s%s,cpu", folder, options[0] ? "," : "", options);
  return out;
}

static void make(test_session *t, const char *text, const char *options) {
  char chain[1024];
  begin(t);
  session_load(t, text, 0);
  assert_ok(session_open(t, chain_of(options, chain), NULL));
}

static void set_input(test_session *t, size_t i, rung_dtype dtype, int32_t rank, const int64_t *dims, void *data) {
  rung_tensor view = {.dtype = dtype, .rank = rank, .data = data};
  memcpy(view.dims, dims, (size_t)rank * sizeof *dims);
  view.size = rung_tensor_count(&view) * rung_dtype_size(dtype);
  rung_value_release(t->inputs[i]);
  t->inputs[i] = NULL;
  assert_ok(rung_value_create_view(t->env, &view, NULL, NULL, &t->inputs[i]));
}

static void expect(const test_session *t, size_t output, const double *values, size_t count) {
  assert_int_equal(rung_tensor_count(rung_value_tensor(t->outputs[output])), count);
  for (size_t k = 0; k < count; k++) assert_float_equal(session_out(t, output, k), values[k], 1e-6);
}

static void results_are_right(void **state) {
  (void)state;
  test_session t;
  char islands[64];
  make(&t, "x:f32[2,3] -> y z ; w:f32[3] = 10 -20 30 ; a@s = Add(x, w) ; r@y = Relu(s) ; n@z = Neg(s)", "");
  assert_string_equal(session_islands(&t, islands, sizeof islands), "a+r+n");
  assert_ok(session_run(&t));
  expect(&t, 0, (const double[]){11, 0, 33, 14, 0, 36}, 6);
  expect(&t, 1, (const double[]){-11, 18, -33, -14, 15, -36}, 6);
  session_end(&t);
}

static void bound_outputs_are_filled(void **state) {
  (void)state;
  test_session t;
  float room[6] = {0};
  rung_tensor bound = {.dtype = RUNG_F32, .rank = 2, .dims = {3, 2}, .data = room, .size = sizeof room};
  make(&t, "x:f32[2,3] -> y ; s@y = Transpose(x)", "");
  session_fill(&t);
  assert_ok(rung_value_create_view(t.env, &bound, NULL, NULL, &t.outputs[0]));
  assert_ok(rung_session_run(t.session, NULL, t.inputs, 1, t.outputs, 1));
  static const float turned[] = {1, 4, 2, 5, 3, 6};
  assert_memory_equal(room, turned, sizeof room);
  session_end(&t);
}

/* bfloat16, OpenVINO's own choice on many processors, would be off by a thousandth. */
static void arithmetic_is_float32(void **state) {
  (void)state;
  enum { SIZE = 64 };
  static float a[SIZE * SIZE];
  test_session t;
  for (int i = 0; i < SIZE * SIZE; i++) a[i] = 1 + sinf((float)i) / 3;
  make(&t, "x:f32[64,64] -> y ; m@y = MatMul(x, x)", "");
  set_input(&t, 0, RUNG_F32, 2, (const int64_t[]){SIZE, SIZE}, a);
  assert_ok(session_run(&t));
  for (int i = 0; i < SIZE; i++) {
    double sum = 0;
    for (int k = 0; k < SIZE; k++) sum += (double)a[i * SIZE + k] * a[k * SIZE + i];
    assert_float_equal(session_out(&t, 0, (size_t)i * SIZE + (size_t)i) / sum, 1, 1e-5);
  }
  session_end(&t);
}

static void scalars_and_flags_come_back(void **state) {
  (void)state;
  test_session t;
  make(&t, "x:f32[3] -> y z ; w:f32[] = 5 ; s@t = ReduceSum(x) keepdims=0 ; l@y = Less(w, t) ; n@z = Neg(t)", "");
  assert_ok(session_run(&t));
  assert_int_equal(rung_value_tensor(t.outputs[0])->rank, 0);
  assert_int_equal(rung_value_tensor(t.outputs[0])->dtype, RUNG_BOOL);
  expect(&t, 0, (const double[]){1}, 1);
  expect(&t, 1, (const double[]){-6}, 1);
  session_end(&t);
}

static void shapes_may_change(void **state) {
  (void)state;
  test_session t;
  float data[12];
  for (int k = 0; k < 12; k++) data[k] = (float)k;
  make(&t, "x:f32[N,M] -> y ; r@y = ReduceSum(x) keepdims=0", "most_shapes=2");
  static const int64_t dims[][2] = {{3, 4}, {4, 3}, {1, 2}, {3, 4}, {12, 1}};
  static const double sums[] = {66, 66, 1, 66, 66};
  for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
    set_input(&t, 0, RUNG_F32, 2, dims[i], data);
    assert_ok(session_run(&t));
    expect(&t, 0, &sums[i], 1);
  }
  session_end(&t);
}

/* A window that overhangs: OpenVINO refuses it when it knows the shape, and returns nothing when it does not. */

static const char pool[] = "x:f32[N,1,H,4] -> y ; p@y = MaxPool(x) kernel_shape=[2,2] strides=[2,2]";

static void overhanging_windows_are_padded(void **state) {
  (void)state;
  test_session t;
  float data[] = {1, 2, 3, 4, 8, 7, 6, 5};
  make(&t, pool, "");
  set_input(&t, 0, RUNG_F32, 4, (const int64_t[]){2, 1, 1, 4}, data);
  assert_ok(session_run(&t));
  assert_int_equal(rung_value_tensor(t.outputs[0])->dims[2], 1);
  expect(&t, 0, (const double[]){2, 4, 8, 6}, 4);
  set_input(&t, 0, RUNG_F32, 4, (const int64_t[]){1, 1, 2, 4}, data);
  assert_ok(session_run(&t));
  expect(&t, 0, (const double[]){8, 6}, 2);
  session_end(&t);
  make(&t, "x:f32[1,1,1,4] -> y ; p@y = MaxPool(x) kernel_shape=[2,2] strides=[2,2]", "");
  assert_string_equal(session_node(&t, "p")->provider, "openvino");
  assert_ok(session_run(&t));
  expect(&t, 0, (const double[]){2, 4}, 2);
  session_end(&t);
}

/* With one thread OpenVINO 2026.4 forgets the error that it makes with more, and the output keeps the shape of the run
 * before. */
static void wrong_shapes_are_caught(void **state) {
  (void)state;
  test_session t;
  float data[] = {1, 2, 3, 4, 8, 7, 6, 5};
  make(&t, pool, "disable_dynamic_shapes=false,num_of_threads=1");
  set_input(&t, 0, RUNG_F32, 4, (const int64_t[]){1, 1, 2, 4}, data);
  assert_ok(session_run(&t));
  expect(&t, 0, (const double[]){8, 6}, 2);
  set_input(&t, 0, RUNG_F32, 4, (const int64_t[]){2, 1, 1, 4}, data);
  rung_status *status = session_run(&t);
  assert_int_equal(rung_status_code(status), RUNG_PROVIDER);
  bool ours = strstr(rung_status_message(status), "from the graph follows 2x1x1x2") != NULL;
  bool its_own = strstr(rung_status_message(status), "Kernel after dilation") != NULL;
  print_message("%s\n", rung_status_message(status));
  assert_true(ours || its_own);
  rung_status_free(status);
  session_end(&t);
}

/* What OpenVINO says only when it reads the model: reflecting further than the input is long. */
static void refusals_are_settled(void **state) {
  (void)state;
  test_session t;
  char islands[64];
  make(&t, "x:f32[3] -> y ; p:i64[2] = 0 5 ; a@s = Abs(x) ; b@t = Pad(s, p) mode='reflect' ; c@y = Neg(t)", "");
  assert_string_equal(session_islands(&t, islands, sizeof islands), "a b c");
  const rung_plan_node *node = session_node(&t, "b");
  assert_string_equal(node->provider, "cpu");
  assert_string_equal(node->refusals[0].reason, "compile");
  assert_non_null(strstr(node->refusals[0].words, "REFLECT"));
  assert_ok(session_run(&t));
  expect(&t, 0, (const double[]){-1, -2, -3, -2, -1, -2, -3, -2}, 8);
  session_end(&t);
}

static void claims_have_reasons(void **state) {
  (void)state;
  static const struct {
    const char *text, *reason, *words;
  } cases[] = {
      {"x:f64[3] -> y ; n@y = Abs(x)", "type", "float64"},
      {"x:i64[3,3] -> y ; n@y = Add(x, x)", "type", "int64 (OpenVINO computes in 32 bits)"},
      {"x:f32[3] -> y ; n@y = Identity(x)", "operator", "Identity"},
      {"x:f32[3] -> y ; n@y = Max(x)", "input", "a single input"},
      {"x:f32[3] -> y ; n@y = ReduceMax(x)", "type", "float32"},
      {"x:f32[4] s:i64[2] -> y z ; n@y, z = Split(x, s)", "input", "input 1 must be constant"},
      {"x:f32[0,3] -> y ; n@y = Abs(x)", "input", "x is empty"},
      {"x:i64[70] -> y ; w:i64[] = 5000000000 ; n@y = Equal(x, w)", "input", "holds 5000000000"},
      {"x:f32[1,1,4,4] -> y ; s:f32[4] = 1 1 2 2 ; n@y = Resize(x, _, s) "
       "coordinate_transformation_mode='align_corners'",
       "attribute", "coordinate_transformation_mode is \"align_corners\""},
  };
  test_session t;
  char chain[1024];
  begin(&t);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    session_load(&t, cases[i].text, 0);
    rung_status *status = session_open(&t, strcat(strcpy(chain, "openvino?:library="), folder), NULL);
    if (!status) fail_msg("%s: taken", cases[i].text);
    char expected[128];
    snprintf(expected, sizeof expected, "openvino: %s: ", cases[i].reason);
    if (!strstr(rung_status_message(status), expected) || !strstr(rung_status_message(status), cases[i].words))
      fail_msg("%s: %s", cases[i].text, rung_status_message(status));
    rung_status_free(status);
  }
  session_end(&t);
}

static void long_runs_are_cancelled(void **state) {
  (void)state;
  enum { NODES = 60 };
  char text[64 * (NODES + 3)] = "x:f32[1024,1024] -> y ; ";
  test_session t;
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 30 * 1000 * 1000;
  strcat(text, "v0 = Relu(x) ; ");
  for (int n = 0; n < NODES; n++) {
    char line[64];
    snprintf(line, sizeof line, "v%d = MatMul(x, v%d) ; ", n + 1, n);
    strcat(text, line);
  }
  snprintf(text + strlen(text), 64, "y = Relu(v%d)", NODES);
  make(&t, text, "");
  session_fill(&t);
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, t.outputs, 1), DEADLINE, "");
  session_end(&t);
}

typedef struct runner {
  test_session *t;
  int64_t rows;
  int bad;
} runner;

static void *run_often(void *context) {
  runner *r = context;
  float data[12];
  for (int k = 0; k < 12; k++) data[k] = (float)(k + r->rows);
  rung_tensor view = {.dtype = RUNG_F32, .rank = 2, .dims = {r->rows, 3}, .data = data, .size = (size_t)r->rows * 12};
  for (int i = 0; i < 20; i++) {
    rung_value *in = NULL, *out = NULL;
    rung_status *status = rung_value_create_view(r->t->env, &view, NULL, NULL, &in);
    if (!status) status = rung_session_run(r->t->session, NULL, &in, 1, &out, 1);
    for (size_t k = 0; !status && k < (size_t)r->rows * 3; k++)
      r->bad += rung_tensor_get(rung_value_tensor(out), k) != -2 * data[k];
    r->bad += status != NULL;
    rung_status_free(status);
    rung_value_release(in);
    rung_value_release(out);
  }
  return NULL;
}

static void runs_may_meet(void **state) {
  (void)state;
  enum { THREADS = 4 };
  test_session t;
  pthread_t threads[THREADS];
  runner runners[THREADS];
  make(&t, "x:f32[N,3] -> y ; a@s = Add(x, x) ; n@y = Neg(s)", "");
  for (int i = 0; i < THREADS; i++) {
    runners[i] = (runner){.t = &t, .rows = 1 + i / 2};
    assert_int_equal(pthread_create(&threads[i], NULL, run_often, &runners[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(runners[i].bad, 0);
  }
  session_end(&t);
}

static void devices_may_be_left_to_it(void **state) {
  (void)state;
  static const char *const types[] = {"device_type=AUTO,model_priority=HIGH", "device_type=\"AUTO:CPU\"",
                                      "device_type=\"HETERO:CPU\""};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    test_session t;
    make(&t, "x:f32[3] -> y ; n@y = Neg(x)", types[i]);
    assert_string_equal(session_node(&t, "n")->provider, "openvino");
    assert_ok(session_run(&t));
    expect(&t, 0, (const double[]){-1, -2, -3}, 3);
    session_end(&t);
  }
}

static void options_that_the_device_lacks_are_errors(void **state) {
  (void)state;
  test_session t;
  char chain[1024];
  begin(&t);
  session_load(&t, "x:f32[3] -> y ; n@y = Neg(x)", 0);
  assert_error(session_open(&t, chain_of("model_priority=HIGH", chain), NULL), INVALID_ARGUMENT, "model_priority");
  assert_error(session_open(&t, chain_of("load_config=\"{\\\"NUM_STREAM\\\":1}\"", chain), NULL), INVALID_ARGUMENT,
               "no property NUM_STREAM");
  assert_error(session_open(&t, chain_of("load_config=\"{\\\"NUM_STREAMS\\\":\\\"x\\\"}\"", chain), NULL),
               INVALID_ARGUMENT, "NUM_STREAMS=x");
  session_end(&t);
}

/* A session with a cache; what its first island has to do with that. */
static const char *open_cached(test_session *t, const char *chain, const char *cache) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = cache;
  assert_ok(session_open(t, chain, &options));
  const rung_plan_island *island = &rung_session_plan(t->session)->islands[0];
  if (strcmp(island->cache, "not-kept") == 0) print_message("not kept: %s\n", island->cache_words);
  return island->cache;
}

/* Fixed shapes; shapes that are seen when it runs; one model for all shapes; amended windows. */
static void executables_outlive_the_session(void **state) {
  (void)state;
  static const struct {
    const char *model, *options;
  } cases[] = {
      {"x:f32[2,3] -> y ; w:f32[3] = 10 -20 30 ; a@s = Add(x, w) ; r@y = Relu(s)", ""},
      {"x:f32[N,3] -> y ; w:f32[3] = 10 -20 30 ; a@s = Add(x, w) ; r@y = Relu(s)", ""},
      {"x:f32[N,3] -> y ; w:f32[3] = 10 -20 30 ; a@s = Add(x, w) ; r@y = Relu(s)", "disable_dynamic_shapes=false"},
  };
  test_session t;
  temp_folder cache;
  char chain[1024];
  begin(&t);
  folder_make(&cache);
  chmod(cache.path, 0700);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int again = 0; again < 3; again++) {
      session_load(&t, cases[i].model, 0);
      assert_string_equal(open_cached(&t, chain_of(cases[i].options, chain), cache.path), again ? "hit" : "kept");
      for (size_t k = 0; k < SESSION_MOST; k++) {
        rung_value_release(t.inputs[k]);
        t.inputs[k] = NULL;
      }
      assert_ok(session_run(&t));
      expect(&t, 0, (const double[]){11, 0, 33, 14, 0, 36}, 6);
    }
  for (int again = 0; again < 2; again++) { /* read anew with the shapes that it is to run with */
    float data[] = {1, 2, 3, 4, 8, 7, 6, 5};
    session_load(&t, pool, 0);
    assert_string_equal(open_cached(&t, chain_of("", chain), cache.path), again ? "hit" : "kept");
    set_input(&t, 0, RUNG_F32, 4, (const int64_t[]){2, 1, 1, 4}, data);
    assert_ok(session_run(&t));
    expect(&t, 0, (const double[]){2, 4, 8, 6}, 4);
  }
  assert_string_equal(t.log, "");
  assert_string_equal(open_cached(&t, chain_of("num_of_threads=1", chain), cache.path), "kept"); /* counts */
  assert_string_equal(open_cached(&t, chain_of("device_type=\"HETERO:CPU\"", chain), cache.path), "not-kept");
  session_end(&t);
  folder_remove(&cache);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(results_are_right),
      cmocka_unit_test(bound_outputs_are_filled),
      cmocka_unit_test(arithmetic_is_float32),
      cmocka_unit_test(scalars_and_flags_come_back),
      cmocka_unit_test(shapes_may_change),
      cmocka_unit_test(overhanging_windows_are_padded),
      cmocka_unit_test(wrong_shapes_are_caught),
      cmocka_unit_test(refusals_are_settled),
      cmocka_unit_test(claims_have_reasons),
      cmocka_unit_test(long_runs_are_cancelled),
      cmocka_unit_test(runs_may_meet),
      cmocka_unit_test(devices_may_be_left_to_it),
      cmocka_unit_test(options_that_the_device_lacks_are_errors),
      cmocka_unit_test(executables_outlive_the_session),
  };
  return cmocka_run_group_tests(tests, find, NULL);
}
