/* The cost rule: figures written and read, plans predicted, islands given back. */
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const char row[] = "x:f32[2,2] -> y ; a@u = Add(x, x) ; r@v = Relu(u) ; m@w = Mul(v, v) ; n@y = Neg(w)";

static char text[8192];

static rung_status *open_with(test_session *t, const char *chain, const char *figures) {
  rung_session_options options;
  rung_session_options_init(&options);
  options.figures = figures;
  return session_open(t, chain, &options);
}

/* Adds what a profiled run of `chain` tells to `text`. */
static void add_figures(test_session *t, const char *chain) {
  rung_run_options options;
  rung_run_options_init(&options);
  options.profile = 1;
  assert_ok(session_open(t, chain, NULL));
  session_fill(t);
  rung_value *y = NULL;
  char *figures;
  assert_ok(rung_session_run(t->session, &options, t->inputs, 1, &y, 1));
  rung_value_release(y);
  assert_ok(rung_session_figures(t->session, &figures));
  size_t used = strlen(text);
  snprintf(text + used, sizeof text - used, "%s", figures);
  rung_text_free(figures);
}

/* The figures with those of `subject` ("node cpu") set to so many nanoseconds. */
static void set_figures(const char *subject, const char *ns) {
  char old[sizeof text], *to = text;
  memcpy(old, text, sizeof old);
  for (char *line = strtok(old, "\n"); line; line = strtok(NULL, "\n")) {
    char *number = strrchr(line, ' ');
    if (strncmp(line, subject, strlen(subject)) == 0)
      to += sprintf(to, "%.*s %s\n", (int)(number - line), line, ns);
    else
      to += sprintf(to, "%s\n", line);
  }
}

static void expect(test_session *t, const char *chain, const char *islands, const char *says) {
  char words[256];
  assert_ok(open_with(t, chain, text));
  assert_string_equal(session_islands(t, words, sizeof words), islands);
  const char *choice = rung_session_plan(t->session)->choice;
  assert_non_null(choice);
  if (!strstr(choice, says)) fail_msg("\"%s\" lacks \"%s\"", choice, says);
  session_fill(t);
  assert_ok(session_run(t));
  assert_float_equal(session_out(t, 0, 3), -64, 0);
  session_drop_outputs(t);
}

/* The fake takes 30 ms for each of its islands, the processor next to nothing. */
static void islands_that_lose_are_given_back(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  text[0] = 0;
  add_figures(&t, "fake:claim=Add+Mul,delay=30,mode=sync,cpu");
  add_figures(&t, "cpu");
  assert_non_null(strstr(text, "crossing host fake:0 "));
  assert_non_null(strstr(text, "crossing fake:0 host "));
  expect(&t, "fake?:claim=Add+Mul,delay=30,mode=sync,cpu", "a+r+m+n", "2 islands given back for the crossings");
  assert_string_equal(session_node(&t, "a")->refusals[0].reason, "crossing-too-dear");
  assert_true(rung_session_plan(t.session)->expected_ns > 0);
  assert_true(rung_session_plan(t.session)->expected_ns < 30e6);
  /* A required provider keeps its last island. */
  expect(&t, "fake:claim=Add+Mul,delay=30,mode=sync,cpu", "a+r m n", "1 island given back");
  expect(&t, "fake:claim=Mul,delay=30,mode=sync,cpu", "a+r m n", "");
  session_end(&t);
}

/* Figures as they would be of a fast device and a slow processor. */
static void islands_that_win_stay(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  text[0] = 0;
  add_figures(&t, "fake:claim=Add+Mul,mode=sync,cpu");
  set_figures("island", "1000");
  add_figures(&t, "cpu");
  set_figures("node cpu", "9000000");
  set_figures("launch cpu", "0");
  size_t whole = strlen(text); /* the island of the processor alone is not known: its nodes are */
  while (strncmp(text + whole, "island cpu", 10) != 0) whole--;
  text[whole] = 0;
  expect(&t, "fake?:claim=Add+Mul,mode=sync,cpu", "a r m n", "the greedy plan");
  session_end(&t);
}

/* Without a figure of something nothing is given back, and the plan says of what. */
static void figures_that_are_missing_are_named(void **state) {
  (void)state;
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  snprintf(text, sizeof text, "rung figures 1\n");
  expect(&t, "fake?:claim=Add+Mul,cpu", "a r m n", "there is no figure of island 0 on fake");
  session_end(&t);
}

static void what_is_no_figure_is_an_error(void **state) {
  (void)state;
  static const struct {
    const char *figures, *says;
  } cases[] = {
      {"crossing host fake:0 1 1\n", "line 1"},
      {"rung figures 1\ncrossing host fake:0 1\n", "line 2"},
      {"rung figures 1\nnode cpu 12 -5\n", "line 2"},
      {"rung figures 1\nnode cpu 12 nan\n", "line 2"},
      {"rung figures 1\n\nisland cpu 12 5 6\n", "line 3"},
      {"rung figures 2\n", "line 1"},
  };
  test_session t;
  session_begin(&t);
  session_load(&t, row, 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_error(open_with(&t, "cpu", cases[i].figures), INVALID_ARGUMENT, cases[i].says);
  session_end(&t);
}

/* The same figures, the same plan. */
static void the_choice_is_the_same_every_time(void **state) {
  (void)state;
  test_session t;
  char first[256], again[256];
  session_begin(&t);
  session_load(&t, row, 0);
  text[0] = 0;
  add_figures(&t, "fake:claim=Add+Mul,delay=5,mode=sync,cpu");
  add_figures(&t, "cpu");
  for (int i = 0; i < 5; i++) {
    assert_ok(open_with(&t, "fake?:claim=Add+Mul,delay=5,mode=sync,cpu", text));
    session_islands(&t, i ? again : first, sizeof first);
    if (i) assert_string_equal(first, again);
  }
  session_end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(islands_that_lose_are_given_back),   cmocka_unit_test(islands_that_win_stay),
      cmocka_unit_test(figures_that_are_missing_are_named), cmocka_unit_test(what_is_no_figure_is_an_error),
      cmocka_unit_test(the_choice_is_the_same_every_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
