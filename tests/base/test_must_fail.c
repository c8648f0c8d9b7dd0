/* This test fails, and ctest expects it to: proof that a failing check fails the run. */
#include "support/test.h"

static void fails(void **state) {
  (void)state;
  assert_int_equal(1, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(fails)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
