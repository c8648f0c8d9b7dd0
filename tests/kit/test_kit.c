/* The conformance kit can fail: a library (lib/wrong.c) breaks one promise at a time, and the case that is made for it
 * says so. And it can pass. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { OUTPUT = 1 << 16 };

#define WRONG_LIBRARY TEST_LIBRARIES "/libwrong.so"

/* The kit's exit status; what it prints goes to `out`. */
static int run_kit(const char *arguments, char *out) {
  char command[2048];
  snprintf(command, sizeof command, TEST_KIT " %s 2>&1", arguments);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  size_t size = fread(out, 1, OUTPUT - 1, pipe);
  out[size] = 0;
  int how = pclose(pipe);
  return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static int run_wrong(const char *what, const char *arguments, char *out) {
  char all[1024];
  snprintf(all, sizeof all, "--library " WRONG_LIBRARY " wrong %s", arguments);
  if (what)
    setenv("WRONG", what, 1);
  else
    unsetenv("WRONG");
  return run_kit(all, out);
}

/* What the provider does, the case that fails, and what it says. */
static const struct {
  const char *what, *name, *words;
} wrongs[] = {
    {"no-summary", "table/words", "the summary is no line of text"},
    {"size", "table/slots", "the table has"},
    {"no-load", "table/slots", "identity, save and load belong together"},
    {"no-help", "table/options", "\"fast\" has no line of help"},
    {"key", "table/options", "its key is no word"},
    {"knows-everything", "table/support", "it says that it knows no.such.domain.Nothing"},
    {"support", "table/support", "Neg: its types"},
    {"probe-order", "probe/steps", "probe leaves out a step"},
    {"probe-file", "probe/quiet", "files are open"},
    {"probe-variable", "probe/quiet", "the environment's variables have changed"},
    {"probe-twice", "probe/twice", "looked at 2 times"},
    {"fallback", "option/fallback", "option \"fast\" is \"perhaps\""},
    {"leak", "life/sessions", "not given back"},
    {"leak-executable", "life/sessions", "not given back"},
    {"ignores-stop", "life/stop", "it succeeds, CANCELLED was to come"},
    {"precision", "life/precision", "nobody asked for it, and it computes bf16"},
    {"device-memory", "life/memory", "come out of its memory otherwise than they went in"},
    {"claims-all", "claim/domain", "it accepts an operator that does not exist"},
    {"claims-all", "claim/operator", "it accepts an operator that does not exist"},
    {"wordless", "claim/reasons", "without saying what exactly does not fit"},
    {"reason", "claim/reasons", "which is none of rung_reasons.inc"},
    {"stranger", "claim/reasons", "it refuses a node that is not in the graph"},
    {"ignores-domain", "claim/name", "it accepts an operator that does not exist"},
    {"describes-anew", "claim/twice", "the same session twice has two plans"},
    {"unsupported", "run/right", "host->refuse has named no node"},
    {"refuses-and-succeeds", "run/right", "compile refuses a node and succeeds"},
    {"describe", "run/right", "describe does not end its text within a buffer"},
    {"wrong-value", "run/right", "output \"y\": element 1 is"},
    {"forgets-output", "run/outputs", "has not made output"},
    {"twice", "run/outputs", "a run makes output 0 (\"t\") twice"},
    {"overrun", "run/right", "was written past its end"},
    {"overrun", "run/bound", "touched memory past the end of output"},
    {"underrun", "run/right", "was written before its beginning"},
    {"underrun", "run/bound", "the memory around output"},
    {"writes-input", "run/right", "wrote to input \"x\""},
    {"reads-past-input", "run/right", "touched memory past the end of input \"x\""},
    {"alignment", "run/odd-constants", "it needs aligned memory"},
    {"leak-value", "run/right", "not given back"},
    {"wrong-value", "life/threads", "element 1 is"},
    {"wrong-value", "run/file", "element 1 is"},
    {"wrong-value", "Add/same", "element 1 is"},
    {"mutable", "run/repeated", "element 0 is"},
    {"static-shape", "run/shapes", "N = 7"},
    {"empty", "run/empty", "it needs elements"},
    {"event", "run/profile", "an event that ends before it begins"},
    {"crash", "run/right", "ended by signal"},
    {"exit", "run/right", "ended with exit status 3"},
    {"hang", "run/right", "it has not ended after 1 seconds"},
    {"shared-scratch", "stress/at-once", "4 threads at once"},
    {"drops-error", "stress/no-room", "OUT_OF_MEMORY was to come, not PROVIDER"},
    {"no-memory-crash", "stress/no-memory", "FAILED  stress/no-memory: the process"},
    {"ignores-cancel", "stress/cancelled", "never asks host->cancelled"},
    {"cancelled-success", "stress/cancelled", "takes more than a second, and succeeds"},
    {"identity", "cache/loaded", "the same session is compiled again, not loaded"},
    {"load-fails", "cache/loaded", "the same session is compiled again, not loaded"},
    {"load-differs", "cache/constants", "element 0 is"},
    {"half", "MatMul/really_float32", "element 0 is"},
};

static void each_check_can_fail(void **state) {
  (void)state;
  static char out[OUTPUT];
  for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
    char arguments[200];
    bool hangs = strcmp(wrongs[i].what, "hang") == 0;
    snprintf(arguments, sizeof arguments, "--case '%s'%s", wrongs[i].name, hangs ? " --seconds 1" : "");
    int status = run_wrong(wrongs[i].what, arguments, out);
    if (status == 1 && strstr(out, "FAILED") && strstr(out, wrongs[i].words)) continue;
    fail_msg("WRONG=%s --case %s: exit status %d\n%s", wrongs[i].what, wrongs[i].name, status, out);
  }
}

/* The last line of what is printed on standard output. */
static void expect_totals(const char *out, const char *totals) {
  if (!strstr(out, totals)) fail_msg("\"%s\" was to come:\n%s", totals, out);
}

static void a_right_provider_passes(void **state) {
  (void)state;
  static char out[OUTPUT];
  assert_int_equal(run_wrong(NULL, "--min 50", out), 0);
  expect_totals(out, "passed, 0 failed, ");
  assert_null(strstr(out, "FAILED"));
}

/* A crash takes no other case with it. */
static void others_go_on_after_a_crash(void **state) {
  (void)state;
  static char out[OUTPUT];
  assert_int_equal(run_wrong("crash", "--case 'table/*' --case run/right --case run/bound --case claim/domain", out),
                   1);
  expect_totals(out, "\n5 passed, 2 failed, 0 skipped\n");
}

static void nothing_that_runs_is_no_success(void **state) {
  (void)state;
  static char out[OUTPUT];
  assert_int_equal(run_wrong(NULL, "--case 'table/*'", out), 1);
  assert_non_null(strstr(out, "0 cases ran on provider wrong, --min asks for 1"));
  assert_int_equal(run_wrong(NULL, "--case 'table/*' --min 0", out), 0);
  assert_int_equal(run_wrong(NULL, "--case 'Conv/*'", out), 1);
  assert_non_null(strstr(out, "refused: operator"));
}

static void what_cannot_be_tested_says_why(void **state) {
  (void)state;
  static char out[OUTPUT];
  static const struct {
    const char *what, *words;
    int status;
  } cases[] = {{"unusable", "wrong.no-device: there is none", 14},
               {"probe-code", "without a code \"wrong.what-is-missing\"", 14},
               {"probe-evidence", "fails without evidence", 14},
               {"probe-fix", "without the fix", 14},
               {"no-run", "lacks a required slot", 14}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int status = run_wrong(cases[i].what, "", out);
    if (status != cases[i].status || !strstr(out, cases[i].words))
      fail_msg("WRONG=%s: exit status %d\n%s", cases[i].what, status, out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_right_provider_passes),        cmocka_unit_test(each_check_can_fail),
      cmocka_unit_test(others_go_on_after_a_crash),     cmocka_unit_test(nothing_that_runs_is_no_success),
      cmocka_unit_test(what_cannot_be_tested_says_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
