/* Running: fences, memories, what goes wrong on a device, threads, and who outlives whom. */
#include "support/fake.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* fake, cpu, fake again, and a second output of the fake's; output 0 is (2x relu + 2x) * 2x */
static const char model[] =
    "x:f32[2,2] -> y, z ; a@p = Add(x, x) ; r@q = Relu(p) ; b@s = Add(q, p) ; m@y = Mul(s, p) ; n@z = Neg(s)";
static const char chain[] = "fake:claim=Add+Mul+Neg,cpu";

static void expect_results(const test_session *t) {
  for (size_t k = 0; k < 4; k++) {
    float x = (float)(k + 1);
    assert_float_equal(session_out(t, 0, k), 8 * x * x, 0);
    assert_float_equal(session_out(t, 1, k), -4 * x, 0);
  }
}

static void values_between_can_be_outputs(void **state) {
  (void)state;
  static const char *const names[] = {"q", "s"};
  test_session t;
  rung_session_options options;
  rung_session_options_init(&options);
  options.extra_outputs = names;
  options.extra_output_count = 2;
  session_begin(&t);
  session_load(&t, model, 0);
  assert_ok(session_open(&t, chain, &options));
  assert_int_equal(rung_session_output_count(t.session), 4);
  rung_slot slot;
  assert_ok(rung_session_output(t.session, 3, &slot));
  assert_string_equal(slot.name, "s");
  session_fill(&t);
  assert_ok(session_run(&t));
  expect_results(&t);
  for (size_t k = 0; k < 4; k++) {
    assert_float_equal(session_out(&t, 2, k), 2 * (k + 1), 0);
    assert_float_equal(session_out(&t, 3, k), 4 * (k + 1), 0);
  }
  session_close(&t);
  options.extra_outputs = (const char *const[]){"nowhere"};
  options.extra_output_count = 1;
  assert_error(session_open(&t, chain, &options), NOT_FOUND, "no value named \"nowhere\"");
  session_end(&t);
}

/* The pieces of a product that threads beside the caller's took. */
static size_t parts_of_others(const char *providers) {
  test_session t;
  session_make(&t, "x:f32[512,512] -> y ; m@y = MatMul(x, x)", providers);
  session_fill(&t);
  rung_run_options run;
  rung_run_options_init(&run);
  run.profile = 1;
  size_t parts = 0;
  for (int round = 0; round < 20; round++) {
    assert_ok(rung_session_run(t.session, &run, t.inputs, 1, t.outputs, 1));
    for (size_t i = 0; i < rung_session_profile_count(t.session); i++) {
      rung_profile_event event = {.struct_size = sizeof event};
      assert_ok(rung_session_profile_event(t.session, i, &event));
      parts += event.thread != 0;
    }
    session_drop_outputs(&t);
  }
  session_end(&t);
  return parts;
}

static void a_chain_caps_threads(void **state) {
  (void)state;
  assert_int_equal(parts_of_others("cpu:num_threads=1"), 0); /* nearly always more with 2 */
  test_session t;
  session_begin(&t);
  session_load(&t, "x:f32[2] -> y ; y = Relu(x)", 0);
  assert_error(session_open(&t, "cpu:num_threads=0", NULL), INVALID_ARGUMENT, "num_threads");
  session_end(&t);
}

static void threads_tell_their_part(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[512,512] -> y ; m@y = MatMul(x, x)", "cpu");
  session_fill(&t);
  rung_run_options run;
  rung_run_options_init(&run);
  run.profile = 1;
  rung_value *output = NULL;
  assert_ok(rung_session_run(t.session, &run, t.inputs, 1, &output, 1));
  rung_value_release(output);
  size_t count = rung_session_profile_count(t.session), parts = 0;
  assert_true(count >= 2); /* the island, the node, and where a second thread came in time, its part */
  for (size_t i = 0; i < count; i++) {
    rung_profile_event event = {.struct_size = sizeof event};
    assert_ok(rung_session_profile_event(t.session, i, &event));
    assert_string_equal(event.provider, "cpu");
    if (event.thread) assert_string_equal(event.node, "m");
    parts += event.thread != 0;
  }
  assert_true(parts <= count - 2);
  rung_profile_event event = {.struct_size = sizeof event};
  assert_error(rung_session_profile_event(t.session, count, &event), INVALID_ARGUMENT, "no event");
  session_end(&t);
}

static void work_is_queued_and_waited_for(void **state) {
  (void)state;
  static const char *const modes[] = {"", ",mode=sync", ",delay=5", ",memory=visible,delay=5", ",memory=host"};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    test_session t;
    char text[128];
    snprintf(text, sizeof text, "fake:claim=Add+Mul+Neg%s,cpu", modes[i]);
    session_make(&t, model, text);
    for (int run = 0; run < 3; run++) {
      assert_ok(session_run(&t));
      expect_results(&t);
    }
    session_end(&t);
  }
}

/* Nodes whose results nobody reads: the fence has no output to hang on. */
static void islands_without_outputs_are_waited_for(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2] -> y ; a@lost = Add(x, x) ; r@y = Relu(x)", "fake:claim=Add,delay=5,cpu");
  assert_ok(session_run(&t));
  session_close(&t);
  assert_ok(session_open(&t, "fake:claim=Add,fail_work=1,cpu", NULL));
  assert_error(session_run(&t), PROVIDER, "provider fake: the fake's work failed");
  session_end(&t);
}

/* A failure leaves no output, and the next run begins anew. */
static void expect_failure(const char *command, rung_code code, const char *words, bool for_good) {
  test_session t;
  char text[160];
  snprintf(text, sizeof text, "fake:claim=Add+Mul+Neg,%s,cpu", command);
  session_make(&t, model, text);
  rung_status *status = session_run(&t);
  const char *message = rung_status_message(status);
  if (rung_status_code(status) != code || !strstr(message, "provider fake: ") || !strstr(message, words))
    fail_msg("%s: %s", command, message);
  rung_status_free(status);
  assert_null(t.outputs[0]);
  assert_null(t.outputs[1]);
  status = session_run(&t);
  assert_int_equal(rung_status_code(status), for_good ? code : RUNG_OK);
  rung_status_free(status);
  if (!for_good) expect_results(&t);
  session_end(&t);
}

static void failures_of_a_provider_are_typed(void **state) {
  (void)state;
  expect_failure("fail_run=1", RUNG_PROVIDER, "fails run 1", false);
  expect_failure("fail_run=2", RUNG_PROVIDER, "fails run 2", false);
  expect_failure("fail_work=1", RUNG_PROVIDER, "work failed", false);
  expect_failure("fail_work=2", RUNG_PROVIDER, "work failed", false);
  expect_failure("fail_work=2,mode=sync", RUNG_PROVIDER, "work failed", false);
  expect_failure("device_lost=1", RUNG_DEVICE_LOST, "the fake device is gone", true);
  expect_failure("device_lost=2", RUNG_DEVICE_LOST, "the fake device is gone", true);
  expect_failure("wrong=shape", RUNG_PROVIDER, "has the shape 3x2, the graph says 2x2", true);
  expect_failure("wrong=type", RUNG_PROVIDER, "output \"p\" is float64, the graph says float32", true);
  expect_failure("wrong=missing", RUNG_PROVIDER, "output \"p\" is missing", true);
  static const char *const impossible[] = {"wrong=negative", "wrong=huge", "wrong=rank", "wrong=dtype"};
  for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
    expect_failure(impossible[i], RUNG_PROVIDER, "it asks for output 0 in a shape", true);
  expect_failure("wrong=twice", RUNG_PROVIDER, "asked for twice", true);
}

/* Every allocation and every copy of the run fails in turn. */
static void crossings_fail_cleanly(void **state) {
  (void)state;
  static const struct {
    const char *option;
    rung_code code;
    int count; /* of them in one run: x p q y z here, p y z there */
  } cases[] = {{"out_of_memory", RUNG_OUT_OF_MEMORY, 5}, {"fail_copy", RUNG_PROVIDER, 3}};
  for (size_t i = 0; i < 2; i++)
    for (int n = 1; n <= cases[i].count + 1; n++) {
      test_session t;
      char text[128];
      snprintf(text, sizeof text, "fake:claim=Add+Mul+Neg,%s=%d,cpu", cases[i].option, n);
      session_make(&t, model, text);
      rung_status *status = session_run(&t);
      if (rung_status_code(status) != (n <= cases[i].count ? cases[i].code : RUNG_OK))
        fail_msg("%s: %s", text, rung_status_message(status));
      rung_status_free(status);
      assert_ok(n <= cases[i].count ? session_run(&t) : NULL);
      expect_results(&t);
      session_end(&t);
    }
}

/* What stands behind failed work fails with it, and is not used. */
static void a_failure_spreads_to_what_reads_it(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2] -> y ; a@p = Add(x, x) ; b@q = Mul(p, p) ; c@y = Neg(q)",
               "fake:device=0,claim=Add+Neg,fail_work=1,fake:device=1,claim=Mul");
  assert_error(session_run(&t), PROVIDER, "work failed");
  assert_ok(session_run(&t));
  session_end(&t);
}

static const char loop[] =
    "x:f32[2] -> y ; trips:i64[] = 4 ; go:bool[] = 1 ; r@p = Relu(x) ;"
    "l@y = Loop(trips, go, p) body={ i:i64[] g:bool[] s:f32[2] -> h:bool[], n:f32[2] ;"
    "  h = Identity(g) ; a@k = Add(s, p) ; b@n = Relu(k) }";

static void loops_run_on_devices(void **state) {
  (void)state;
  test_session t;
  session_make(&t, loop, "fake:claim=Add,cpu");
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 1), 2 + 4 * 2, 0);
  session_close(&t);
  assert_ok(session_open(&t, "fake:claim=Add,fail_work=3,cpu", NULL));
  assert_error(session_run(&t), PROVIDER, "node \"l\" (Loop): trip 2: body \"graph\": provider fake");
  session_close(&t);
  assert_ok(session_open(&t, "fake:claim=Add,device_lost=2,cpu", NULL));
  assert_error(session_run(&t), DEVICE_LOST, "trip 1");
  session_end(&t);
}

static void scans_keep_nothing(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[3,2] -> last, all ; zero:f32[2] = 0 0 ;"
               "s@last, all = Scan(zero, x) num_scan_inputs=1"
               " body={ sum:f32[2] row:f32[2] -> next:f32[2], out:f32[2] ; a@next = Add(sum, row) ; out = Relu(next) }",
               "fake:claim=Add,cpu");
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 0), 1 + 3 + 5, 0);
  assert_float_equal(session_out(&t, 1, 2), 1 + 3, 0);
  session_close(&t);
  assert_ok(session_open(&t, "fake:claim=Add,fail_run=2,cpu", NULL));
  assert_error(session_run(&t), PROVIDER, "trip 1");
  session_end(&t);
}

/* The limit is on what lives at a time: a loop that keeps nothing may turn for ever. */
static void bytes_count_while_they_live(void **state) {
  (void)state;
  static const char *const chains[] = {"cpu", "fake:claim=Add,cpu", "fake:memory=visible,claim=Add,cpu"};
  rung_session_options options;
  rung_session_options_init(&options);
  test_session t;
  session_begin(&t);
  for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
    session_load(&t,
                 "x:f32[64] -> y ; n:i64[] = 1000 ;"
                 "l@y = Loop(n, _, x) body={ i:i64[] g:bool[] s:f32[64] -> h:bool[], t:f32[64] ;"
                 "  h = Identity(g) ; a@k = Add(s, s) ; r@t = Relu(k) }",
                 0);
    options.max_bytes = 8192;
    assert_ok(session_open(&t, chains[i], &options));
    session_fill(&t);
    for (int run = 0; run < 3; run++) assert_ok(session_run(&t));
    options.max_bytes = 256;
    assert_ok(session_open(&t, chains[i], &options));
    for (int run = 0; run < 3; run++)
      assert_error(session_run(&t), LIMIT, "the run needs more than 256 bytes of tensors at a time");
  }
  session_load(&t, "x:f32[64] -> y ; r@y = Relu(x)", 0);
  assert_ok(session_open(&t, "cpu", &options));
  assert_error(session_run(&t), LIMIT, "output \"y\" of node \"r\": the run needs more than 256 bytes");
  /* steps whose shapes show in the run, one after the other in one island; what is stacked does not go */
  session_load(&t,
               "x:f32[64] -> y ; a = NonZero(x) ; b = Neg(a) ; c = Neg(b) ; d = Neg(c) ; e = Neg(d) ; f = Neg(e) ;"
               "g = Neg(f) ; y = Neg(g)",
               0);
  options.max_bytes = 4 * 512;
  assert_ok(session_open(&t, "cpu", &options));
  session_fill(&t);
  for (int run = 0; run < 3; run++) assert_ok(session_run(&t));
  session_load(&t,
               "x:f32[64] -> y ; n:i64[] = 100 ;"
               "l@y = Loop(n, _) body={ i:i64[] g:bool[] -> h:bool[], t:f32[64] ; h = Identity(g) ; t = Neg(x) }",
               0);
  options.max_bytes = 8192;
  assert_ok(session_open(&t, "cpu", &options));
  assert_error(session_run(&t), LIMIT, "bytes of tensors at a time");
  session_end(&t);
}

/* Inputs and outputs */

/* Exporters write down scalars for vectors: what only the file claims is no measure of what comes out. */
static void a_false_claim_of_the_file_stops_nothing(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[2] c:bool[] -> y:f32[] ; a = If(c) then_branch={ -> p:f32[] ; p = Identity(x) } "
               "else_branch={ -> q:f32[] ; q = ReduceSum(x) keepdims=0 } ; y = Neg(a)",
               "cpu");
  session_fill(&t);
  assert_ok(session_run(&t));
  assert_int_equal(rung_value_tensor(t.outputs[0])->rank, 1);
  assert_float_equal(session_out(&t, 0, 1), -2, 0);
  session_end(&t);
}

static void wrong_inputs_are_named(void **state) {
  (void)state;
  test_session t;
  int64_t dims[] = {2, 3};
  session_make(&t, model, chain);
  session_fill(&t);
  rung_value *good = t.inputs[0];
  assert_ok(rung_value_create(t.env, RUNG_F32, 2, dims, &t.inputs[0]));
  assert_error(session_run(&t), INVALID_ARGUMENT, "input \"x\" has the shape 2x3, the model takes 2x2");
  rung_value_release(t.inputs[0]);
  assert_ok(rung_value_create(t.env, RUNG_F32, 1, dims, &t.inputs[0]));
  assert_error(session_run(&t), INVALID_ARGUMENT, "has the shape 2, ");
  rung_value_release(t.inputs[0]);
  dims[1] = 2;
  assert_ok(rung_value_create(t.env, RUNG_I64, 2, dims, &t.inputs[0]));
  assert_error(session_run(&t), INVALID_ARGUMENT, "input \"x\" is int64, the model takes float32");
  rung_value_release(t.inputs[0]);
  t.inputs[0] = NULL;
  assert_error(rung_session_run(t.session, NULL, t.inputs, 1, t.outputs, 2), INVALID_ARGUMENT, "\"x\" is missing");
  t.inputs[0] = good;
  assert_error(rung_session_run(t.session, NULL, t.inputs, 2, t.outputs, 2), INVALID_ARGUMENT, "2 inputs");
  assert_error(rung_session_run(t.session, NULL, t.inputs, 1, t.outputs, 1), INVALID_ARGUMENT, "1 outputs");
  assert_ok(session_run(&t));
  expect_results(&t);
  session_end(&t);
}

/* Outputs that the caller has memory for; bytes around them stay as they are. */
static void outputs_go_where_the_caller_says(void **state) {
  (void)state;
  static const char *const chains[] = {chain, "cpu", "fake:memory=host", "fake:memory=visible,claim=Neg,cpu"};
  for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
    test_session t;
    float room[6] = {-1, -1, -1, -1, -1, -1};
    session_make(&t, model, chains[i]);
    session_fill(&t);
    rung_tensor view = {.dtype = RUNG_F32, .rank = 2, .dims = {2, 2}, .data = room + 1, .size = 4 * sizeof(float)};
    assert_ok(rung_value_create_view(t.env, &view, NULL, NULL, &t.outputs[0]));
    rung_value *given = t.outputs[0];
    assert_ok(rung_session_run(t.session, NULL, t.inputs, 1, t.outputs, 2));
    assert_ptr_equal(t.outputs[0], given);
    expect_results(&t);
    assert_float_equal(room[0], -1, 0);
    assert_float_equal(room[5], -1, 0);
    session_drop_outputs(&t);
    view.dims[0] = 1;
    view.size /= 2;
    assert_ok(rung_value_create_view(t.env, &view, NULL, NULL, &t.outputs[0]));
    assert_error(rung_session_run(t.session, NULL, t.inputs, 1, t.outputs, 2), INVALID_ARGUMENT,
                 "output \"y\" is float32 2x2, the given memory is for float32 1x2");
    session_end(&t);
  }
}

/* Stopping */

static void deadlines_end_a_run(void **state) {
  (void)state;
  test_session t;
  rung_run_options options;
  rung_run_options_init(&options);
  options.deadline_ns = 30000000;
  session_make(&t, model, "fake:claim=Add+Mul+Neg,hang_run=60000,cpu");
  session_fill(&t);
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, t.outputs, 2), DEADLINE, "deadline");
  assert_null(t.outputs[0]);
  session_end(&t);
}

static void *cancel_soon(void *context) {
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  rung_cancel_request(context);
  return NULL;
}

static void runs_can_be_cancelled(void **state) {
  (void)state;
  test_session t;
  rung_run_options options;
  rung_run_options_init(&options);
  session_make(&t, model, "fake:claim=Add+Mul+Neg,hang_run=60000,cpu");
  session_fill(&t);
  assert_ok(rung_cancel_create(t.env, &options.cancel));
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, options.cancel), 0);
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, t.outputs, 2), CANCELLED, "cancelled");
  pthread_join(thread, NULL);
  assert_error(rung_session_run(t.session, &options, t.inputs, 1, t.outputs, 2), CANCELLED, ""); /* still requested */
  session_close(&t);
  assert_ok(session_open(&t, chain, NULL));
  rung_cancel_reset(options.cancel);
  assert_ok(rung_session_run(t.session, &options, t.inputs, 1, t.outputs, 2));
  expect_results(&t);
  rung_cancel_destroy(&options.cancel);
  session_end(&t);
}

/* Threads */

enum { THREADS = 4, RUNS = 15 };

/* Checks fail the test in its own thread only: here they are counted. */
static atomic_int wrong;

static void note(rung_status *status, rung_code code) {
  if (rung_status_code(status) != code) {
    print_error("%s\n", rung_status_message(status));
    wrong++;
  }
  rung_status_free(status);
}

static void run_once(test_session *t) {
  session_drop_outputs(t);
  note(rung_session_run(t->session, NULL, t->inputs, 1, t->outputs, 2), RUNG_OK);
  for (size_t k = 0; k < 4 && t->outputs[0]; k++) {
    float x = (float)(k + 1);
    wrong += session_out(t, 0, k) != 8 * x * x || session_out(t, 1, k) != -4 * x;
  }
}

static void *run_often(void *context) {
  const test_session *shared = context;
  test_session mine = {.session = shared->session, .inputs = {shared->inputs[0]}};
  for (int i = 0; i < RUNS; i++) run_once(&mine);
  session_drop_outputs(&mine);
  return NULL;
}

static void in_threads(void *(*fn)(void *), test_session *t) {
  pthread_t threads[THREADS];
  wrong = 0;
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, fn, t), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(wrong, 0);
}

static void one_session_runs_in_many_threads(void **state) {
  (void)state;
  test_session t;
  session_make(&t, model, "fake:claim=Add+Mul+Neg,delay=1,cpu");
  session_fill(&t);
  session_fake()->most_at_once = 0;
  in_threads(run_often, &t);
  long most = session_fake()->most_at_once;
  assert_true(most >= 1 && most <= 2); /* max_runs of the fake */
  session_end(&t);
}

static void *make_sessions(void *context) {
  const test_session *shared = context;
  for (int i = 0; i < 4; i++) {
    test_session mine = {.env = shared->env, .model = shared->model, .inputs = {shared->inputs[0]}};
    note(session_open(&mine, i & 1 ? "cpu" : chain, NULL), RUNG_OK);
    run_once(&mine);
    session_drop_outputs(&mine);
    session_close(&mine);
    /* a provider that is there already: the registry is read by all and changed by one */
    note(rung_env_load_provider(shared->env, FAKE_LIBRARY), RUNG_INVALID_ARGUMENT);
  }
  return NULL;
}

static void sessions_share_a_model_in_many_threads(void **state) {
  (void)state;
  test_session t;
  session_make(&t, model, chain);
  session_fill(&t);
  in_threads(make_sessions, &t);
  session_end(&t);
}

/* Inputs are copied to where providers can read them, outputs from where they can write. */
static void memory_of_the_user_begins_anywhere(void **state) {
  (void)state;
  test_session t;
  char in[4 * sizeof(float) + 1], out[sizeof in];
  session_make(&t, "x:f32[2,2] -> y ; a@t = Add(x, x) ; n@y = Neg(t)", "cpu");
  rung_tensor from = {.dtype = RUNG_F32, .rank = 2, .dims = {2, 2}, .data = in + 1, .size = 4 * sizeof(float)},
              to = from;
  to.data = out + 1;
  for (size_t k = 0; k < 4; k++) rung_tensor_set(&from, k, (double)k - 1.5);
  assert_float_equal(rung_tensor_get(&from, 2), 0.5, 0);
  assert_ok(rung_value_create_view(t.env, &from, NULL, NULL, &t.inputs[0]));
  assert_ok(rung_value_create_view(t.env, &to, NULL, NULL, &t.outputs[0]));
  assert_ok(rung_session_run(t.session, NULL, t.inputs, 1, t.outputs, 1));
  for (size_t k = 0; k < 4; k++) assert_float_equal(rung_tensor_get(&to, k), 3 - 2 * (double)k, 0);
  session_end(&t);
}

/* A carried value may grow from trip to trip. */
static void loops_may_grow_what_they_carry(void **state) {
  (void)state;
  test_session t;
  session_make(&t,
               "x:f32[1,2] -> y ; n:i64[] = 3 ; go:bool[] = 1 ;"
               "l@y = Loop(n, go, x) body={ i:i64[] g:bool[] s:f32[R,2] -> h:bool[], u ;"
               " h = Identity(g) ; d@u = Concat(s, s) axis=0 }",
               "cpu");
  assert_ok(session_run(&t));
  const rung_tensor *y = rung_value_tensor(t.outputs[0]);
  assert_int_equal(y->dims[0], 8);
  assert_int_equal(y->dims[1], 2);
  assert_float_equal(session_out(&t, 0, 15), 2, 0);
  session_end(&t);
}

/* Lives */

static void objects_keep_what_they_need(void **state) {
  (void)state;
  test_session t;
  session_make(&t, model, chain);
  session_fill(&t);
  rung_env_destroy(&t.env);
  assert_null(t.env);
  rung_model_destroy(&t.model);
  assert_ok(session_run(&t));
  session_close(&t);
  expect_results(&t); /* outputs outlive all */
  session_end(&t);
}

static void a_model_outlives_its_environment(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  rung_env_destroy(&t.env);
  rung_model_facts facts = {.struct_size = sizeof facts};
  assert_ok(rung_model_get_facts(t.model, &facts));
  assert_int_equal(facts.node_count, 5);
  session_end(&t);
}

/* A weight and an input that are outputs are the user's own copies. */
static void outputs_are_the_users_alone(void **state) {
  (void)state;
  test_session t;
  session_make(&t, "x:f32[2] -> w:f32[3], x:f32[2], y ; w:f32[3] = 7 8 9 ; i@y = Identity(x)", "null,cpu");
  session_fill(&t);
  assert_ok(session_run(&t));
  session_close(&t);
  rung_model_destroy(&t.model);
  free(t.bytes);
  t.bytes = NULL;
  memset(rung_value_tensor(t.inputs[0])->data, 0, 2 * sizeof(float));
  rung_value_release(t.inputs[0]);
  t.inputs[0] = NULL;
  assert_float_equal(session_out(&t, 0, 2), 9, 0);
  assert_float_equal(session_out(&t, 1, 1), 2, 0);
  assert_float_equal(session_out(&t, 2, 1), 2, 0);
  session_end(&t);
}

/* A copy of the library, so that it really goes when the environment goes. */
static void copy_fake(const temp_folder *folder, char path[FOLDER_PATH]) {
  FILE *file = fopen(FAKE_LIBRARY, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *bytes = malloc((size_t)size);
  assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
  fclose(file);
  folder_write(folder, "libcopy.so", bytes, (size_t)size);
  free(bytes);
  folder_at(folder, "libcopy.so", path);
}

static void a_status_outlives_the_library_that_made_it(void **state) {
  (void)state;
  test_session t = {0};
  temp_folder folder;
  char path[FOLDER_PATH];
  folder_make(&folder);
  copy_fake(&folder, path);
  assert_ok(rung_env_create(NULL, &t.env));
  assert_ok(rung_env_load_provider(t.env, path));
  session_load(&t, model, 0);
  assert_ok(session_open(&t, "fake:claim=Add+Mul+Neg,fail_run=1,cpu", NULL));
  rung_status *status = session_run(&t);
  rung_value_release(t.inputs[0]);
  session_close(&t);
  rung_model_destroy(&t.model);
  rung_env_destroy(&t.env);
  free(t.bytes);
  folder_remove(&folder);
  int line;
  assert_non_null(strstr(rung_status_message(status), "the fake fails run 1"));
  assert_non_null(strstr(rung_status_origin(status, &line), "fake.c"));
  assert_true(line > 0);
  rung_status_free(status);
}

static void cancel_handles_outlive_the_environment(void **state) {
  (void)state;
  test_session t;
  rung_cancel *cancel;
  session_begin(&t);
  assert_ok(rung_cancel_create(t.env, &cancel));
  rung_env_destroy(&t.env);
  rung_cancel_request(cancel);
  rung_cancel_destroy(&cancel);
  session_end(&t);
}

#define SCAN_8                                                 \
  "last, all = Scan(l, s, x) num_scan_inputs=1 directions=[1]" \
  " body={ a:f32[2] b:f32[2] -> c, d ; c = Add(a, b) ; d = Identity(c) }"

/* Scan of opset 8: each item of the batch for as long as it is, backwards; 0 behind its end. */
static void scans_of_batches(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, "l:i64[3] s:f32[3,2] x:f32[3,L,2] -> last, all ; " SCAN_8, 8);
  assert_ok(session_open(&t, "cpu", NULL));
  session_fill(&t); /* lengths 1 and 2 of 2; the third is too long */
  assert_error(session_run(&t), INVALID_ARGUMENT, "batch item 2: sequence_lens is 3 of 2");
  session_close(&t);
  session_load(&t, "l:i64[3] s:f32[3,2] x:f32[3,4,2] -> last, all ; " SCAN_8, 8);
  assert_ok(session_open(&t, "cpu", NULL));
  session_fill(&t); /* lengths 1, 2, 3 of 4 */
  assert_ok(session_run(&t));
  for (size_t item = 0; item < 3; item++)
    for (size_t e = 0; e < 2; e++) {
      double sum = (double)(2 * item + e + 2);
      for (size_t trip = 0; trip < 4; trip++) {
        bool inside = trip <= item;
        if (inside) sum += (double)(8 * item + 2 * (item - trip) + e + 3);
        assert_float_equal(session_out(&t, 1, (item * 4 + trip) * 2 + e), inside ? sum : 0, 0);
      }
      assert_float_equal(session_out(&t, 0, item * 2 + e), sum, 0);
    }
  session_close(&t);
  session_load(&t, "l:i64[2] s:f32[3,2] x:f32[3,4,2] -> last, all ; " SCAN_8, 8);
  assert_ok(session_open(&t, "cpu", NULL));
  session_fill(&t);
  assert_error(session_run(&t), INVALID_ARGUMENT, "sequence_lens must be one int64 per item");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(work_is_queued_and_waited_for),
      cmocka_unit_test(islands_without_outputs_are_waited_for),
      cmocka_unit_test(failures_of_a_provider_are_typed),
      cmocka_unit_test(crossings_fail_cleanly),
      cmocka_unit_test(a_failure_spreads_to_what_reads_it),
      cmocka_unit_test(loops_run_on_devices),
      cmocka_unit_test(scans_keep_nothing),
      cmocka_unit_test(bytes_count_while_they_live),
      cmocka_unit_test(a_false_claim_of_the_file_stops_nothing),
      cmocka_unit_test(wrong_inputs_are_named),
      cmocka_unit_test(outputs_go_where_the_caller_says),
      cmocka_unit_test(deadlines_end_a_run),
      cmocka_unit_test(runs_can_be_cancelled),
      cmocka_unit_test(one_session_runs_in_many_threads),
      cmocka_unit_test(sessions_share_a_model_in_many_threads),
      cmocka_unit_test(memory_of_the_user_begins_anywhere),
      cmocka_unit_test(loops_may_grow_what_they_carry),
      cmocka_unit_test(objects_keep_what_they_need),
      cmocka_unit_test(values_between_can_be_outputs),
      cmocka_unit_test(a_chain_caps_threads),
      cmocka_unit_test(threads_tell_their_part),
      cmocka_unit_test(a_model_outlives_its_environment),
      cmocka_unit_test(outputs_are_the_users_alone),
      cmocka_unit_test(a_status_outlives_the_library_that_made_it),
      cmocka_unit_test(cancel_handles_outlive_the_environment),
      cmocka_unit_test(scans_of_batches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
