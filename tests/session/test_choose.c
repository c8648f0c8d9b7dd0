/* Chain "auto": the fastest of what computes the right thing, and remembered. */
#include "support/fake.h"
#include "support/folder.h"
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Zeros, after much work: some 40 ms, so that a loaded machine does not blur who is faster. The fake may know at once.
 */
#define TWO(a, b, c) #b " = MatMul(" #a ", x) ; " #c " = MatMul(" #b ", x) ; "
#define MANY(a, b) \
  TWO(a, b##0, b##1) TWO(b##1, b##2, b##3) TWO(b##3, b##4, b##5) TWO(b##5, b##6, b##7) TWO(b##7, b##8, b)
#define WORK "p = MatMul(x, x) ; z = Sub(p, p) ; " MANY(z, a) MANY(a, b) MANY(b, c) MANY(c, d) MANY(d, e) MANY(e, t)
static const char heavy[] = "x:f32[400,400] -> y ; " WORK "y = Sub(t, t)";
static const char light[] = "x:f32[8,8] -> y ; y = Sub(x, x)";
static const char with_sigmoid[] = "x:f32[400,400] -> y ; " WORK "y = Sigmoid(t)";

static rung_session_options kept(void) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.cache_folder = own_folder.path;
  return options;
}

/* With options of the fake: key and value in turn, up to NULL. */
static rung_status *open_auto(test_session *t, rung_session_options options, const char *const *fake) {
  rung_provider_option list[8];
  for (size_t i = 0; fake && fake[i]; i += 2) {
    list[options.provider_option_count++] = (rung_provider_option){"fake", fake[i], fake[i + 1]};
    options.provider_options = list;
  }
  return session_open(t, "auto", &options);
}

static const rung_plan_chosen *chosen_of(const test_session *t) {
  const rung_plan_chosen *chosen = rung_session_plan(t->session)->chosen;
  assert_non_null(chosen);
  return chosen;
}

/* Measures until `chain` is chosen: a machine with other work may blur even what is ten times as fast. */
static void choose_until(test_session *t, const char *const *fake, const char *chain) {
  for (int tries = 0; tries < 10; tries++) {
    assert_ok(rung_cache_clear(t->env, own_folder.path, NULL, NULL));
    assert_ok(open_auto(t, kept(), fake));
    if (strcmp(chosen_of(t)->chain, chain) == 0) return;
  }
  fail_msg("%s was never chosen: %s", chain, chosen_of(t)->words);
}

static const rung_plan_candidate *candidate_of(const test_session *t, const char *chain) {
  const rung_plan_chosen *chosen = chosen_of(t);
  for (size_t i = 0; i < chosen->candidate_count; i++)
    if (strcmp(chosen->candidates[i].chain, chain) == 0) return &chosen->candidates[i];
  fail_msg("%s is no candidate", chain);
  return NULL;
}

static void begin(test_session *t, const char *model) {
  session_begin(t);
  session_load(t, model, 0);
}

static const char *const fast[] = {"instant", "yes", NULL}, *const slow[] = {"delay", "20", "instant", "yes", NULL};

static void the_fastest_is_chosen(void **state) {
  (void)state;
  test_session t;
  begin(&t, heavy);
  choose_until(&t, fast, "fake");
  assert_false(chosen_of(&t)->remembered);
  assert_null(chosen_of(&t)->unkept);
  assert_non_null(strstr(chosen_of(&t)->words, "cpu takes "));
  assert_true(candidate_of(&t, "cpu")->ns > candidate_of(&t, "fake")->ns);
  assert_string_equal(rung_session_plan(t.session)->nodes[0].provider, "fake");
  rung_journal_entry entry;
  assert_ok(rung_session_journal_entry(t.session, 0, &entry));
  assert_string_equal(entry.event, "chosen");
  assert_string_equal(entry.provider, "fake");
  char *json;
  assert_ok(rung_session_plan_json(t.session, &json));
  assert_non_null(strstr(json, "\"remembered\": false"));
  rung_text_free(json);
  assert_ok(session_run(&t));
  session_end(&t);
}

static void cpu_stands_behind_who_does_not_take_all(void **state) {
  (void)state;
  test_session t;
  begin(&t, with_sigmoid);
  choose_until(&t, fast, "fake,cpu");
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 5), 0.5, 0);
  session_end(&t);
}

static void who_is_slow_is_not_chosen(void **state) {
  (void)state;
  test_session t;
  begin(&t, light);
  assert_ok(open_auto(&t, kept(), slow));
  assert_string_equal(chosen_of(&t)->chain, "cpu");
  assert_true(candidate_of(&t, "fake")->ns > candidate_of(&t, "cpu")->ns);
  assert_null(candidate_of(&t, "fake")->words);
  session_end(&t);
}

static void who_computes_something_else_is_out(void **state) {
  (void)state;
  test_session t;
  static const char *const wrong[] = {"instant", "yes", "wrong", "values", NULL}; /* sums where it should subtract */
  begin(&t, "x:f32[400,400] -> y ; " WORK "y = Sub(t, x)");
  assert_ok(open_auto(&t, kept(), wrong));
  assert_string_equal(chosen_of(&t)->chain, "cpu");
  assert_non_null(strstr(candidate_of(&t, "fake")->words, "output \"y\" differs from that of cpu"));
  assert_non_null(strstr(chosen_of(&t)->words, "fake is out: output \"y\" differs"));
  assert_float_equal(candidate_of(&t, "fake")->ns, 0, 0);
  session_end(&t);
}

static void who_fails_is_out(void **state) {
  (void)state;
  static const char *const compile[] = {"fail_compile", "yes", NULL}, *const run[] = {"fail_run", "1", NULL},
                           *const unusable[] = {"unusable", "driver", NULL};
  test_session t;
  begin(&t, light);
  assert_ok(open_auto(&t, kept(), compile));
  assert_non_null(strstr(candidate_of(&t, "fake")->words, "the fake's engine fails in compiling"));
  assert_ok(open_auto(&t, kept(), run));
  assert_non_null(strstr(candidate_of(&t, "fake")->words, "its run failed: "));
  assert_ok(open_auto(&t, kept(), unusable));
  assert_string_equal(chosen_of(&t)->chain, "cpu");
  assert_int_equal(chosen_of(&t)->candidate_count, 1);
  session_end(&t);
}

/* The next session takes its word, until something that decides is another. */
static void choices_are_remembered(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = kept();
  begin(&t, light);
  assert_ok(open_auto(&t, options, slow));
  double ns = candidate_of(&t, "fake")->ns;
  long runs = session_fake()->runs;
  assert_ok(open_auto(&t, options, slow));
  assert_true(chosen_of(&t)->remembered);
  assert_string_equal(chosen_of(&t)->chain, "cpu");
  assert_int_equal(session_fake()->runs, runs);
  assert_in_range(candidate_of(&t, "fake")->ns, (uint64_t)ns, (uint64_t)ns + 1);
  assert_ok(open_auto(&t, options, fast)); /* other options */
  assert_false(chosen_of(&t)->remembered);
  options.plan_only = 1;
  assert_ok(open_auto(&t, options, fast));
  assert_true(chosen_of(&t)->remembered);
  assert_string_equal(rung_session_plan(t.session)->stage, "claimed");
  options.plan_only = 0;
  session_load(&t, with_sigmoid, 0);
  assert_ok(open_auto(&t, options, slow)); /* another model */
  assert_false(chosen_of(&t)->remembered);
  options.contract = "only=cpu";
  assert_ok(open_auto(&t, options, slow)); /* other demands */
  assert_false(chosen_of(&t)->remembered);
  char *json;
  uint64_t count;
  assert_ok(rung_cache_json(t.env, own_folder.path, 1, &json));
  assert_non_null(strstr(json, "\"kind\": \"choice\""));
  assert_null(strstr(json, "\"damage\": \""));
  rung_text_free(json);
  assert_ok(rung_cache_clear(t.env, own_folder.path, NULL, &count));
  assert_true(count >= 4);
  options.contract = NULL;
  assert_ok(open_auto(&t, options, slow));
  assert_false(chosen_of(&t)->remembered);
  session_end(&t);
}

static void without_a_folder_nothing_is_remembered(void **state) {
  (void)state;
  test_session t;
  rung_session_options options;
  rung_session_options_init(&options);
  begin(&t, light);
  assert_ok(open_auto(&t, options, slow));
  assert_string_equal(chosen_of(&t)->unkept, "there is no cache folder");
  folder_write(&own_folder, "file", "", 0);
  char path[FOLDER_PATH];
  options.cache_folder = folder_at(&own_folder, "file", path);
  assert_ok(open_auto(&t, options, slow));
  assert_non_null(strstr(chosen_of(&t)->unkept, "cannot open the folder"));
  session_end(&t);
}

static void the_contract_chooses_too(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = kept();
  begin(&t, light);
  options.contract = "only=fake";
  assert_ok(open_auto(&t, options, slow));
  assert_string_equal(chosen_of(&t)->chain, "fake");
  assert_non_null(strstr(candidate_of(&t, "cpu")->words, "\"fake\", which is not in the chain"));
  options.contract = "islands<=0";
  assert_error(open_auto(&t, options, slow), UNAVAILABLE, "chain auto: no provider runs the model: cpu: ");
  session_end(&t);
}

static void inputs_are_given_or_drawn(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = kept();
  begin(&t, "x:f32[n,4] i:i64[] -> y ; y = Gather(x, i)");
  assert_ok(open_auto(&t, options, NULL));
  assert_string_equal(chosen_of(&t)->chain, "cpu");
  session_fill(&t);
  options.auto_inputs = t.inputs;
  options.auto_input_count = 1;
  assert_error(open_auto(&t, options, NULL), INVALID_ARGUMENT, "there are 1 auto_inputs, and the model has 2");
  options.auto_input_count = 2;
  assert_error(open_auto(&t, options, NULL), UNAVAILABLE, "cpu: its run failed: "); /* i = 2 of two rows */
  ((int64_t *)rung_value_tensor(t.inputs[1])->data)[0] = 1;
  assert_ok(open_auto(&t, options, NULL));
  assert_false(chosen_of(&t)->remembered); /* x is [2,4] here, was [1,4] */
  assert_ok(open_auto(&t, options, NULL));
  assert_true(chosen_of(&t)->remembered);
  options.inspect_only = 1;
  assert_error(open_auto(&t, options, NULL), INVALID_ARGUMENT, "chain auto is chosen by running it");
  session_end(&t);
}

static int stop(void *user, const rung_compiling *state) {
  (void)user;
  return strcmp(state->stage, "measure") == 0;
}

static void choosing_can_be_cancelled(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = kept();
  options.compiling = stop;
  begin(&t, light);
  assert_error(open_auto(&t, options, slow), CANCELLED, "measuring was cancelled");
  session_end(&t);
}

/* Up to the race: nothing is lost, and nothing else is said. */
static void memory_may_run_out(void **state) {
  (void)state;
  test_session t;
  rung_session_options options = kept();
  begin(&t, "x:f32[2,2] -> y ; y = Sub(x, x)");
  long n = 0, runs;
  do {
    long alive = t.counts.alive;
    runs = session_fake()->runs;
    n += 1 + n / 10;
    t.counts.fail_at = t.counts.made + n;
    rung_status *status = open_auto(&t, options, fast);
    t.counts.fail_at = 0;
    assert_int_equal(rung_status_code(status), RUNG_OUT_OF_MEMORY);
    rung_status_free(status);
    assert_int_equal(t.counts.alive, alive);
  } while (session_fake()->runs <= runs + 1); /* until it comes to the race */
  assert_true(n > 100);
  session_end(&t);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, own_folder_set_up, own_folder_tear_down)
  const struct CMUnitTest tests[] = {
      TEST(the_fastest_is_chosen),
      TEST(cpu_stands_behind_who_does_not_take_all),
      TEST(who_is_slow_is_not_chosen),
      TEST(who_computes_something_else_is_out),
      TEST(who_fails_is_out),
      TEST(choices_are_remembered),
      TEST(without_a_folder_nothing_is_remembered),
      TEST(the_contract_chooses_too),
      TEST(inputs_are_given_or_drawn),
      TEST(choosing_can_be_cancelled),
      TEST(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
