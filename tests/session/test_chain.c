/* The chain: its syntax, and what becomes of a provider that cannot be used. */
#include "rung_provider.h"
#include "support/fake.h"
#include "support/session.h"
#include "support/test.h"

#include <string.h>

static const char model[] = "x:f32[2,2] -> y ; a@t = Add(x, x) ; r@y = Relu(t)";

static void good_chains_are_understood(void **state) {
  (void)state;
  static const struct {
    const char *chain, *first, *second;
  } cases[] = {
      {NULL, "cpu", NULL},
      {"cpu", "cpu", NULL},
      {"CPU", "cpu", NULL},
      {"CPUExecutionProvider", "cpu", NULL},
      {" cpu ", "cpu", NULL},
      {"fake,cpu", "fake", "cpu"},
      {"fake?,cpu", "fake", "cpu"},
      {" fake ? , cpu", "fake", "cpu"},
      {"FakeExecutionProvider?, CPUExecutionProvider", "fake", "cpu"},
      {"fake:claim=Add,cpu", "fake", "cpu"},
      {"fake:claim=Add,mode=sync,cpu", "fake", "cpu"},
      {"fake:claim=\"Add\", mode = sync ,cpu", "fake", "cpu"},
      {"fake:claim=Ad\"d,cpu", NULL, NULL}, /* a quote inside is a character: there is no such operator */
      {"fake:mode=ASYNC,cpu", "fake", "cpu"},
      {"null?,cpu", "null", "cpu"},
  };
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rung_status *status = session_open(&t, cases[i].chain, NULL);
    if (!cases[i].first) {
      assert_error(status, CONTRACT, "provider fake is listed but can run no node");
      continue;
    }
    if (status) fail_msg("%s: %s", cases[i].chain, rung_status_message(status));
    const rung_plan *plan = rung_session_plan(t.session);
    assert_int_equal(plan->provider_count, cases[i].second ? 2 : 1);
    assert_string_equal(plan->providers[0].name, cases[i].first);
    if (cases[i].second) assert_string_equal(plan->providers[1].name, cases[i].second);
  }
  session_end(&t);
}

static void bad_chains_name_the_place(void **state) {
  (void)state;
  static const struct {
    const char *chain;
    rung_code code;
    const char *words;
  } cases[] = {
      {"", RUNG_INVALID_ARGUMENT, "an item is empty"},
      {"cpu,", RUNG_INVALID_ARGUMENT, "an item is empty"},
      {"cpu,,fake", RUNG_INVALID_ARGUMENT, "an item is empty"},
      {"?", RUNG_NOT_FOUND, ""},
      {"cpi", RUNG_NOT_FOUND, "did you mean \"cpu\"?"},
      {"CPUExecutionProvder", RUNG_NOT_FOUND, "did you mean \"CPUExecutionProvider\"?"},
      {"cpuexecutionprovder", RUNG_NOT_FOUND, "did you mean \"CPUExecutionProvider\"?"},
      {"quantum,cpu", RUNG_NOT_FOUND, "no provider is called \"quantum\" (rung providers lists them)"},
      {"cpu,cpu", RUNG_INVALID_ARGUMENT, "cpu is listed twice"},
      {"cpu,CPUExecutionProvider", RUNG_INVALID_ARGUMENT, "cpu is listed twice"},
      {"mode=sync,fake", RUNG_INVALID_ARGUMENT, "before any provider"},
      {"fake:,cpu", RUNG_INVALID_ARGUMENT, "needs the form key=value"},
      {"fake:sync,cpu", RUNG_INVALID_ARGUMENT, "needs the form key=value"},
      {"fake:mod=sync,cpu", RUNG_INVALID_ARGUMENT, "has no option \"mod\"; did you mean \"mode\"?"},
      {"fake:zzz=1,cpu", RUNG_INVALID_ARGUMENT, "has no option \"zzz\""},
      {"fake:mode=snyc,cpu", RUNG_INVALID_ARGUMENT, "must be one of async|sync"},
      {"fake:delay=12x,cpu", RUNG_INVALID_ARGUMENT, "must be a number from 0 to 60000"},
      {"fake:delay=-1,cpu", RUNG_INVALID_ARGUMENT, "must be a number from 0 to 60000"},
      {"fake:delay=,cpu", RUNG_INVALID_ARGUMENT, "must be a number"},
      {"fake:delay=99999999999999999999,cpu", RUNG_INVALID_ARGUMENT, "must be a number"},
      {"fake:claim=\"Add,cpu", RUNG_INVALID_ARGUMENT, "has no end"},
      {"fake:claim=\"Add\"x,cpu", RUNG_INVALID_ARGUMENT, "a comma is expected before \"x,cpu\""},
      {"fake cpu", RUNG_NOT_FOUND, "no provider is called \"fake cpu\""},
  };
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    rung_status *status = session_open(&t, cases[i].chain, NULL);
    const char *message = rung_status_message(status);
    if (rung_status_code(status) != cases[i].code || !strstr(message, cases[i].words))
      fail_msg("\"%s\": %s", cases[i].chain, message);
    rung_status_free(status);
  }
  session_end(&t);
}

static void options_come_from_the_program_too(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  rung_session_options options;
  rung_session_options_init(&options);
  rung_provider_option given[] = {{"FakeExecutionProvider", "claim", "Relu"}, {"fake", "precision", "odd, \"quoted\""}};
  options.provider_options = given;
  options.provider_option_count = 2;
  assert_ok(session_open(&t, "fake:claim=Add,cpu", &options)); /* the later one counts */
  assert_string_equal(session_node(&t, "r")->provider, "fake");
  assert_string_equal(session_node(&t, "a")->provider, "cpu");
  assert_string_equal(rung_session_plan(t.session)->providers[0].precision, "odd, \"quoted\"");
  assert_null(rung_session_plan(t.session)->providers[1].precision);
  assert_ok(session_open(&t, "fake:precision=\"a \\\"b\\\" \\\\ c,d:e=f\",cpu", NULL));
  assert_string_equal(rung_session_plan(t.session)->providers[0].precision, "a \"b\" \\ c,d:e=f");
  given[0].provider = "cpu?";
  assert_error(session_open(&t, "fake,cpu", &options), NOT_FOUND, "no provider is called \"cpu?\"");
  given[0].provider = "fake";
  assert_error(session_open(&t, "cpu", &options), INVALID_ARGUMENT, "provider fake, which is not in the chain");
  given[0].key = "clam";
  assert_error(session_open(&t, "fake,cpu", &options), INVALID_ARGUMENT, "did you mean \"claim\"?");
  session_end(&t);
}

/* The same provider may stand for several devices. */
static void a_provider_is_listed_once_per_device(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  assert_error(session_open(&t, "fake:device=1,fake:device=1,claim=Add,cpu", NULL), INVALID_ARGUMENT, "listed twice");
  assert_error(session_open(&t, "fake,fake:device=0,cpu", NULL), INVALID_ARGUMENT, "listed twice"); /* the default */
  assert_ok(session_open(&t, "fake:device=1,claim=Add,fake:claim=Relu,device=0,cpu", NULL));
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 3), 2 * 4, 0);
  const rung_plan *plan = rung_session_plan(t.session);
  assert_int_equal(plan->crossing_count, 3);
  assert_string_equal(plan->crossings[0].to, "fake:1");
  assert_string_equal(plan->crossings[1].from, "fake:1");
  assert_string_equal(plan->crossings[1].to, "fake:0");
  assert_string_equal(plan->crossings[2].to, "host");
  session_end(&t);
}

static void a_required_provider_must_be_usable(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  rung_status *status = session_open(&t, "fake:unusable=driver,cpu", NULL);
  const char *message = rung_status_message(status);
  assert_int_equal(rung_status_code(status), RUNG_UNAVAILABLE);
  static const char *const parts[] = {"provider fake", "\"links\"",           "\"driver\"",
                                      "fake.told-so",  "the option unusable", "take the option away",
                                      "fake?"};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (!strstr(message, parts[i])) fail_msg("\"%s\" lacks %s", message, parts[i]);
  rung_status_free(status);
  assert_null(t.session);
  assert_error(session_open(&t, "fake:open=unavailable,cpu", NULL), UNAVAILABLE, "provider fake: the fake was told");
  assert_error(session_open(&t, "fake:open=broken,cpu", NULL), PROVIDER, "told to break");
  session_end(&t);
}

static void an_optional_one_steps_down_and_says_so(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  assert_ok(session_open(&t, "fake?:unusable=device,cpu", NULL));
  const rung_plan_provider *fake = &rung_session_plan(t.session)->providers[0];
  assert_true(fake->optional && !fake->used && fake->node_count == 0);
  assert_non_null(strstr(fake->why, "fake.told-so"));
  assert_string_equal(fake->fix, "take the option away");
  assert_string_equal(session_node(&t, "a")->provider, "cpu");
  assert_int_equal(session_node(&t, "a")->refusal_count, 0); /* it was not asked */
  assert_true(session_said(&t, "provider fake is skipped"));
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 0), 2, 0);
  assert_ok(session_open(&t, "fake?:open=unavailable,cpu", NULL));
  assert_non_null(strstr(rung_session_plan(t.session)->providers[0].why, "told to be unavailable"));
  assert_error(session_open(&t, "fake?:open=broken,cpu", NULL), PROVIDER, "told to break"); /* no ordinary answer */
  assert_error(session_open(&t, "fake?:unusable=device", NULL), UNAVAILABLE, "no provider of the chain can be used");
  session_end(&t);
}

static void cpu_is_in_the_chain_only_when_it_is_written(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  assert_error(session_open(&t, "fake:claim=Add", NULL), UNSUPPORTED, "1 node no provider of the chain can run");
  session_end(&t);
}

/* Listed, usable, and without a single node: the user has not got what was asked for. */
static void a_required_provider_must_be_used(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  assert_error(session_open(&t, "fake:claim=Mul,cpu", NULL), CONTRACT, "fake is listed but can run no node");
  assert_error(session_open(&t, "null,cpu", NULL), CONTRACT, "null is listed");
  assert_ok(session_open(&t, "fake?:claim=Mul,cpu", NULL));
  assert_true(rung_session_plan(t.session)->providers[0].used);
  assert_ok(session_open(&t, "fake,cpu", NULL)); /* cpu was left nothing: that is no failure of its own */
  session_end(&t);
}

static void every_provider_can_be_looked_at(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  size_t count = rung_env_provider_count(t.env), usable = 0;
  bool fake = false;
  for (size_t i = 0; i < count; i++) {
    const rung_provider_info *info;
    assert_ok(rung_env_provider(t.env, i, &info));
    usable += info->usable != 0;
    fake |= strcmp(info->name, "fake") == 0;
    assert_string_equal(info->steps[0].name, "known");
    assert_int_equal(info->steps[0].ok, 1);
    for (size_t s = 0; s < info->step_count; s++)
      if (info->steps[s].ok == 0) assert_non_null(info->steps[s].code);
    assert_true(info->usable == (strcmp(info->state, "usable") == 0));
  }
  assert_true(fake && usable >= 2);
  const rung_provider_info *info;
  assert_error(rung_env_provider(t.env, count, &info), INVALID_ARGUMENT, "there is no provider");
  session_end(&t);
}

static const rung_provider_api *table_of(const rung_env *env, const char *name) {
  for (size_t i = 0; i < rung_env_provider_count(env); i++)
    if (strcmp(rung_env_provider_api(env, i)->name, name) == 0) return rung_env_provider_api(env, i);
  return NULL;
}

/* A program may hold a provider itself: here the fake, under another name. */
static void a_program_adds_its_own_provider(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  rung_provider_api own = *table_of(t.env, "fake");
  assert_null(table_of(t.env, "own"));
  assert_null(rung_env_provider_api(t.env, rung_env_provider_count(t.env)));
  own.name = "own";
  assert_error(rung_env_add_provider(t.env, &own), INVALID_ARGUMENT, "\"FakeExecutionProvider\" is there already");
  own.ort_name = NULL;
  own.run = NULL;
  assert_error(rung_env_add_provider(t.env, &own), UNAVAILABLE, "lacks a required slot");
  own.run = table_of(t.env, "fake")->run;
  assert_ok(rung_env_add_provider(t.env, &own));
  assert_ptr_equal(table_of(t.env, "own"), &own);
  session_load(&t, model, 0);
  assert_ok(session_open(&t, "own", NULL));
  assert_ok(session_run(&t));
  assert_string_equal(session_node(&t, "a")->provider, "own");
  session_end(&t);
}

/* Whatever a provider says, the session names it and goes on. */
static void providers_that_keep_no_word_are_named(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, "x:f32[2] -> y ; a@y = Add(x, x)", 0);
  assert_error(session_open(&t, "fake:wrong=known,cpu", NULL), UNAVAILABLE,
               "it is \"unknown\", and the step \"known\" fails: fake.told-so");
  assert_ok(session_open(&t, "fake?:wrong=known,cpu", NULL));
  assert_error(session_open(&t, "fake:wrong=executable,cpu", NULL), PROVIDER,
               "provider fake: it says that it compiled, but gives no executable");
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_chains_are_understood),
      cmocka_unit_test(bad_chains_name_the_place),
      cmocka_unit_test(options_come_from_the_program_too),
      cmocka_unit_test(a_provider_is_listed_once_per_device),
      cmocka_unit_test(a_required_provider_must_be_usable),
      cmocka_unit_test(an_optional_one_steps_down_and_says_so),
      cmocka_unit_test(cpu_is_in_the_chain_only_when_it_is_written),
      cmocka_unit_test(a_required_provider_must_be_used),
      cmocka_unit_test(every_provider_can_be_looked_at),
      cmocka_unit_test(a_program_adds_its_own_provider),
      cmocka_unit_test(providers_that_keep_no_word_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
