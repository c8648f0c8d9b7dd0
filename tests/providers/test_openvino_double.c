/* The OpenVINO provider over a double of its library: refusals settled by parts, shape keys, outputs that break the
 * promise, runs that are cancelled. Needs no OpenVINO. */
#include "support/fake_openvino.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The double, and a folder in which it looks like an installation. */
static fake_openvino *fake;
static temp_folder home;
static char chain[FOLDER_PATH + 64], dynamic_chain[FOLDER_PATH + 128];

static int set_up(void **state) {
  (void)state;
  void *handle = dlopen(FAKE_OPENVINO, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return 1;
  fake = dlsym(handle, "fake_openvino_state");
  folder_make(&home);
  folder_symlink(&home, FAKE_OPENVINO, "libopenvino_c.so");
  folder_write(&home, "libopenvino_onnx_frontend.so", "", 0);
  folder_write(&home, "libopenvino_intel_cpu_plugin.so", "", 0);
  snprintf(chain, sizeof chain, "openvino:library=%s,cpu", home.path);
  snprintf(dynamic_chain, sizeof dynamic_chain, "openvino:library=%s,disable_dynamic_shapes=false,cpu", home.path);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  folder_remove(&home);
  return 0;
}

static int before(void **state) {
  (void)state;
  memset(fake, 0, sizeof *fake);
  return 0;
}

static void end(test_session *t) {
  session_end(t);
  assert_int_equal(fake->alive, 0);
}

static const char three[] = "x:f32[2,3] -> y ; a@s = Abs(x) ; e@t = Exp(s) ; r@y = Relu(t)";

static void islands_run_whole(void **state) {
  (void)state;
  test_session t;
  char islands[64];
  session_make(&t, three, chain);
  assert_string_equal(session_islands(&t, islands, sizeof islands), "a+e+r");
  assert_ok(session_run(&t));
  for (size_t k = 0; k < 6; k++) assert_float_equal(session_out(&t, 0, k), 7, 0);
  assert_int_equal(fake->compiles, 1);
  end(&t);
}

/* Where the user binds memory, it is OpenVINO that writes there. */
static void outputs_are_written_in_place(void **state) {
  (void)state;
  test_session t;
  float room[6] = {0};
  rung_tensor bound = {.dtype = RUNG_F32, .rank = 2, .dims = {2, 3}, .data = room, .size = sizeof room};
  session_make(&t, three, chain);
  session_fill(&t);
  assert_ok(rung_value_create_view(t.env, &bound, NULL, NULL, &t.outputs[0]));
  assert_ok(rung_session_run(t.session, NULL, t.inputs, 1, t.outputs, 1));
  for (size_t k = 0; k < 6; k++) assert_float_equal(room[k], 7, 0);
  end(&t);
}

/* Refusals */

static void expect_refused(const char *name) {
  test_session t;
  char islands[64];
  session_make(&t, three, chain);
  assert_string_equal(session_islands(&t, islands, sizeof islands), "a e r");
  const rung_plan_node *node = session_node(&t, name);
  assert_string_equal(node->provider, "cpu");
  assert_int_equal(node->refusal_count, 1);
  assert_string_equal(node->refusals[0].reason, "compile");
  assert_non_null(strstr(node->refusals[0].words, ": it is a double"));
  assert_null(strstr(node->refusals[0].words, "src/fake.cpp"));
  assert_ok(session_run(&t));
  end(&t);
}

static void unreadable_nodes_are_refused(void **state) {
  (void)state;
  fake->unreadable = "Exp";
  expect_refused("e");
  assert_true(fake->compiles == 2); /* what was read only */
}

static void uncompilable_nodes_are_refused(void **state) {
  (void)state;
  fake->uncompilable = "Exp";
  expect_refused("e");
}

/* One of 64: found by halves, not one by one. */
static void culprits_are_found_by_halves(void **state) {
  (void)state;
  enum { NODES = 64 };
  char text[64 * NODES] = "x:f32[2] -> y ; ";
  test_session t;
  for (int n = 0; n < NODES; n++) {
    char line[64], from[8] = "x", to[8] = "y";
    if (n) snprintf(from, sizeof from, "v%d", n - 1);
    if (n + 1 < NODES) snprintf(to, sizeof to, "v%d", n);
    snprintf(line, sizeof line, "n%d@%s = %s(%s)%s", n, to, n == 41 ? "Exp" : "Abs", from, n + 1 < NODES ? " ; " : "");
    strcat(text, line);
  }
  fake->unreadable = "Exp";
  session_make(&t, text, chain);
  assert_string_equal(session_node(&t, "n41")->provider, "cpu");
  assert_string_equal(session_node(&t, "n40")->provider, "openvino");
  assert_true(fake->reads <= 2 + 6 + 1 + 2); /* the whole twice, the halves, the others, the islands left and right */
  end(&t);
}

static void several_culprits_are_found(void **state) {
  (void)state;
  test_session t;
  char islands[64];
  fake->unreadable = "Exp";
  session_make(&t, "x:f32[2] -> y ; a@p = Exp(x) ; b@q = Abs(p) ; c@r = Exp(q) ; d@y = Exp(r)", chain);
  assert_string_equal(session_islands(&t, islands, sizeof islands), "a b c+d");
  end(&t);
}

/* An island that another round leaves as it was is not compiled again. */
static void engines_are_kept_between_rounds(void **state) {
  (void)state;
  test_session t;
  char islands[64];
  fake->uncompilable = "Exp";
  session_make(&t, "x:f32[2] -> y ; a@p = Abs(x) ; m@q = ReduceMax(p) ; e@r = Exp(q) ; n@y = Neg(r)", chain);
  assert_string_equal(session_islands(&t, islands, sizeof islands), "a m+e n");
  /* a; e and n, twice together; e; n alone; and in the next round n only */
  assert_int_equal(fake->compiles, 1 + 2 + 1 + 1 + 1);
  end(&t);
}

/* Shapes */

static const char open_shape[] = "x:f32[N,3] -> y ; a@t = Abs(x) ; r@y = Relu(t)";

static rung_status *run_with(test_session *t, int64_t rows) {
  rung_tensor view = {.dtype = RUNG_F32, .rank = 2, .dims = {rows, 3}, .size = (size_t)rows * 12};
  static float zeros[3000];
  view.data = zeros;
  rung_value_release(t->inputs[0]);
  t->inputs[0] = NULL;
  assert_ok(rung_value_create_view(t->env, &view, NULL, NULL, &t->inputs[0]));
  return session_run(t);
}

static void every_shape_is_compiled_once(void **state) {
  (void)state;
  test_session t;
  session_make(&t, open_shape, chain);
  assert_int_equal(fake->compiles, 1); /* with open dimensions, to see that it can be */
  for (int round = 0; round < 2; round++)
    for (int64_t rows = 1; rows <= 4; rows++) {
      assert_ok(run_with(&t, rows));
      assert_int_equal(rung_value_tensor(t.outputs[0])->dims[0], rows);
      assert_float_equal(session_out(&t, 0, (size_t)rows * 3 - 1), 7, 0);
    }
  assert_int_equal(fake->compiles, 1 + 4);
  end(&t);
}

static void few_shapes_are_kept(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, open_shape, 0);
  rung_provider_option few = {"openvino", "most_shapes", "2"};
  rung_session_options options;
  rung_session_options_init(&options);
  options.provider_options = &few;
  options.provider_option_count = 1;
  assert_ok(session_open(&t, chain, &options));
  static const int64_t rows[] = {1, 2, 1, 3, 1, 2}; /* 2 goes when 3 comes, 3 when 2 comes back */
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_ok(run_with(&t, rows[i]));
  assert_int_equal(fake->compiles, 1 + 4);
  end(&t);
}

static void one_model_may_serve_all_shapes(void **state) {
  (void)state;
  test_session t;
  session_make(&t, open_shape, dynamic_chain);
  fake->rank = 2;
  fake->dims[1] = 3;
  for (fake->dims[0] = 1; fake->dims[0] < 4; fake->dims[0]++) assert_ok(run_with(&t, fake->dims[0]));
  assert_int_equal(fake->compiles, 1);
  assert_int_equal(fake->runs, 3);
  end(&t);
}

static void wrong_shapes_are_caught(void **state) {
  (void)state;
  test_session t;
  session_make(&t, open_shape, dynamic_chain);
  fake->rank = 2;
  fake->dims[1] = 3;
  assert_error(run_with(&t, 2), PROVIDER, "gave output \"y\" the shape 0x3, from the graph follows 2x3");
  fake->rank = 1;
  assert_error(run_with(&t, 2), PROVIDER, "gave output \"y\" the shape 0, from the graph follows 2x3");
  fake->rank = 2;
  fake->dims[0] = 2;
  assert_ok(run_with(&t, 2));
  end(&t);
}

/* Runs */

static void late_runs_are_cancelled(void **state) {
  (void)state;
  test_session t;
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 50 * 1000 * 1000;
  session_make(&t, three, chain);
  session_fill(&t);
  fake->hangs = 1;
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, t.outputs, 1), DEADLINE, "");
  assert_int_equal(fake->cancels, 1);
  fake->hangs = 0;
  assert_ok(session_run(&t));
  end(&t);
}

static void wide_integers_are_refused(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[4,3] i:i64[5,20] -> y ; g@y = Gather(x, i)", chain);
  session_fill(&t);
  int64_t *index = rung_value_tensor(t.inputs[1])->data;
  index[77] = INT64_C(5000000000);
  assert_error(session_run(&t), PROVIDER, "\"i\" holds 5000000000");
  index[77] = -1;
  assert_ok(session_run(&t));
  end(&t);
}

typedef struct runner {
  test_session *t;
  int64_t rows;
  int bad;
} runner;

static void *run_often(void *context) {
  runner *r = context;
  static float zeros[3000];
  rung_tensor view = {.dtype = RUNG_F32, .rank = 2, .dims = {r->rows, 3}, .data = zeros, .size = (size_t)r->rows * 12};
  for (int i = 0; i < 50; i++) {
    rung_value *in = NULL, *out = NULL;
    rung_status *status = rung_value_create_view(r->t->env, &view, NULL, NULL, &in);
    if (!status) status = rung_session_run(r->t->session, NULL, &in, 1, &out, 1);
    r->bad += status || rung_value_tensor(out)->dims[0] != r->rows || rung_tensor_get(rung_value_tensor(out), 0) != 7;
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
  session_make(&t, open_shape, chain);
  for (int i = 0; i < THREADS; i++) {
    runners[i] = (runner){.t = &t, .rows = 1 + i / 2};
    assert_int_equal(pthread_create(&threads[i], NULL, run_often, &runners[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(runners[i].bad, 0);
  }
  end(&t);
}

/* Options */

static void reduced_precision_is_named(void **state) {
  (void)state;
  test_session t;
  char reduced[FOLDER_PATH + 128];
  snprintf(reduced, sizeof reduced, "openvino:library=%s,precision=BF16,cpu", home.path);
  session_make(&t, three, reduced);
  assert_string_equal(rung_session_plan(t.session)->providers[0].precision, "bfloat16");
  assert_ok(session_open(&t, chain, NULL));
  assert_null(rung_session_plan(t.session)->providers[0].precision);
  end(&t);
}

static void options_that_the_device_lacks_are_errors(void **state) {
  (void)state;
  static const struct {
    const char *option, *words;
  } cases[] = {
      {"model_priority=HIGH", "option model_priority: CPU has no property MODEL_PRIORITY"},
      {"enable_qdq_optimizer=true", "option enable_qdq_optimizer: CPU has no property NPU_QDQ_OPTIMIZATION"},
      {"load_config=\"{\\\"SPEED\\\": 1}\"", "option load_config: CPU has no property SPEED"},
      {"num_of_thread=2", "no option \"num_of_thread\"; did you mean \"num_of_threads\"?"},
      {"num_of_threads=0", "must be a number from 1"},
      {"precision=FP8", "must be one of FP32|FP16|BF16|ACCURACY"},
  };
  test_session t;
  session_begin(&t);
  session_load(&t, three, 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[FOLDER_PATH + 128];
    snprintf(text, sizeof text, "openvino:library=%s,%s,cpu", home.path, cases[i].option);
    assert_error(session_open(&t, text, NULL), INVALID_ARGUMENT, cases[i].words);
  }
  end(&t);
}

/* Every allocation of opening, compiling with a refusal, running and closing fails once. */
static bool live_once(const rung_allocator *allocator, void *context) {
  (void)context;
  size_t size;
  char *bytes = onnx_text(open_shape, ONNX_TEXT_OPSET, &size);
  rung_env_options options;
  rung_env_options_init(&options);
  options.allocator = allocator;
  options.threads = 1;
  rung_session_options session_options;
  rung_session_options_init(&session_options);
  session_options.chain = chain;
  rung_env *env = NULL;
  rung_model *model = NULL;
  rung_session *session = NULL;
  rung_value *in = NULL, *out = NULL;
  static float zeros[6];
  rung_tensor view = {.dtype = RUNG_F32, .rank = 2, .dims = {2, 3}, .data = zeros, .size = sizeof zeros};
  rung_status *status = rung_env_create(&options, &env);
  if (!status) status = rung_model_load_memory(env, bytes, size, NULL, &model);
  if (!status) status = rung_session_create(env, model, &session_options, &session);
  if (!status) status = rung_value_create_view(env, &view, NULL, NULL, &in);
  if (!status) status = rung_session_run(session, NULL, &in, 1, &out, 1);
  bool done = !status;
  if (status) assert_int_equal(rung_status_code(status), RUNG_OUT_OF_MEMORY);
  rung_status_free(status);
  rung_value_release(in);
  rung_value_release(out);
  rung_session_destroy(&session);
  rung_model_destroy(&model);
  rung_env_destroy(&env);
  free(bytes);
  assert_int_equal(fake->alive, 0);
  return done;
}

static void out_of_memory(void **state) {
  (void)state;
  fake->uncompilable = "Relu";
  assert_true(counting_fail_each(live_once, NULL) > 50);
}

/* The cache */

static void open_cached(test_session *t, const char *with, const temp_folder *cache, const char *state) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = cache->path;
  assert_ok(session_open(t, with, &options));
  assert_string_equal(rung_session_plan(t->session)->islands[0].cache, state);
  assert_ok(session_run(t));
}

static void what_it_exports_is_imported(void **state) {
  (void)state;
  static const struct {
    const char *model;
    bool dynamic;
    long exports; /* of a session and its first run */
  } cases[] = {{three, false, 1},
               {"x:f32[N,3] -> y ; a@s = Abs(x) ; e@t = Exp(s) ; r@y = Relu(t)", false, 1},
               {"x:f32[N,3] -> y ; a@s = Abs(x) ; e@t = Exp(s) ; r@y = Relu(t)", true, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    test_session t;
    temp_folder cache;
    memset(fake, 0, sizeof *fake);
    fake->rank = 2, fake->dims[0] = 2, fake->dims[1] = 3;
    folder_make(&cache);
    chmod(cache.path, 0700);
    session_begin(&t);
    session_load(&t, cases[i].model, 0);
    const char *with = cases[i].dynamic ? dynamic_chain : chain;
    open_cached(&t, with, &cache, "kept");
    assert_int_equal(fake->exports, cases[i].exports);
    long reads = fake->reads, compiles = fake->compiles;
    open_cached(&t, with, &cache, "hit");
    assert_int_equal(fake->imports, 1);
    assert_int_equal(fake->compiles, compiles);
    assert_int_equal(fake->reads, reads);
    fake->cannot_load = 1; /* compiled as if there were no cache */
    open_cached(&t, with, &cache, i == 1 ? "hit" : "kept");
    assert_true(session_said(&t, "cannot load what it saved"));
    assert_true(fake->compiles > compiles);
    fake->cannot_load = 0;
    fake->version = "2026.4.1-2-fake"; /* another build is another library */
    open_cached(&t, with, &cache, "kept");
    session_end(&t);
    assert_int_equal(fake->alive, 0);
    folder_remove(&cache);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(islands_run_whole, before),
      cmocka_unit_test_setup(outputs_are_written_in_place, before),
      cmocka_unit_test_setup(unreadable_nodes_are_refused, before),
      cmocka_unit_test_setup(uncompilable_nodes_are_refused, before),
      cmocka_unit_test_setup(culprits_are_found_by_halves, before),
      cmocka_unit_test_setup(several_culprits_are_found, before),
      cmocka_unit_test_setup(engines_are_kept_between_rounds, before),
      cmocka_unit_test_setup(every_shape_is_compiled_once, before),
      cmocka_unit_test_setup(few_shapes_are_kept, before),
      cmocka_unit_test_setup(one_model_may_serve_all_shapes, before),
      cmocka_unit_test_setup(wrong_shapes_are_caught, before),
      cmocka_unit_test_setup(runs_may_meet, before),
      cmocka_unit_test_setup(late_runs_are_cancelled, before),
      cmocka_unit_test_setup(wide_integers_are_refused, before),
      cmocka_unit_test_setup(reduced_precision_is_named, before),
      cmocka_unit_test_setup(options_that_the_device_lacks_are_errors, before),
      cmocka_unit_test_setup(what_it_exports_is_imported, before),
      cmocka_unit_test_setup(out_of_memory, before),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
