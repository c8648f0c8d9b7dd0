#include "base/status.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static rung_status *two_frames(void) {
  RUNG_TRY(RUNG_ERROR(NOT_FOUND, "no file '%s'", "m.onnx"));
  return NULL;
}

static void success_is_null(void **state) {
  (void)state;
  assert_int_equal(rung_status_code(NULL), RUNG_OK);
  assert_string_equal(rung_status_message(NULL), "ok");
  rung_status_free(NULL);
  assert_null(rung_status_prefix(NULL, "anything"));
}

static void carries_code_message_and_origin(void **state) {
  (void)state;
  rung_status *status = two_frames();
  int line = 0;
  assert_int_equal(rung_status_code(status), RUNG_NOT_FOUND);
  assert_string_equal(rung_status_message(status), "no file 'm.onnx'");
  assert_non_null(strstr(rung_status_origin(status, &line), "test_status.c"));
  assert_true(line > 0 && line < 20);
  rung_status_free(status);
}

static void prefix_keeps_the_rest(void **state) {
  (void)state;
  rung_status *status = rung_status_prefix(two_frames(), "node %d", 7);
  assert_string_equal(rung_status_message(status), "node 7: no file 'm.onnx'");
  assert_int_equal(rung_status_code(status), RUNG_NOT_FOUND);
  rung_status_free(status);
}

static void long_messages_are_whole(void **state) {
  (void)state;
  char text[5000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  rung_status *status = rung_status_prefix(RUNG_ERROR(IO, "%s", text), "%s", text);
  assert_int_equal(strlen(rung_status_message(status)), 2 * (sizeof text - 1) + 2);
  rung_status_free(status);
}

static void out_of_memory_is_static(void **state) {
  (void)state;
  rung_status *status = rung_status_out_of_memory();
  assert_int_equal(rung_status_code(status), RUNG_OUT_OF_MEMORY);
  assert_ptr_equal(rung_status_prefix(status, "loading"), status);
  rung_status_free(status);
  assert_ptr_equal(rung_status_out_of_memory(), status);
  assert_string_equal(rung_status_message(status), "out of memory");
}

static rung_status *require(bool good) {
  RUNG_REQUIRE(good, LIMIT, "too many");
  return NULL;
}

static rung_status *one_way_out(int *cleaned) {
  rung_status *status = NULL;
  RUNG_TRY_GOTO(done, require(true));
  RUNG_TRY_GOTO(done, require(false));
  *cleaned = -1;
done:
  ++*cleaned;
  return status;
}

static void macros_leave_at_the_first_error(void **state) {
  (void)state;
  int cleaned = 0;
  assert_error(one_way_out(&cleaned), LIMIT, "too many");
  assert_int_equal(cleaned, 1);
}

static void every_code_has_name_and_advice(void **state) {
  (void)state;
#define RUNG_CODE(name, value, advice)                     \
  assert_int_equal(RUNG_##name, value);                    \
  assert_string_equal(rung_code_name(RUNG_##name), #name); \
  assert_string_equal(rung_code_advice(RUNG_##name), advice);
#include "rung_status_codes.inc"
#undef RUNG_CODE
  assert_string_equal(rung_code_name((rung_code)9999), "UNKNOWN");
  assert_string_equal(rung_code_advice((rung_code)9999), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(success_is_null),
      cmocka_unit_test(carries_code_message_and_origin),
      cmocka_unit_test(prefix_keeps_the_rest),
      cmocka_unit_test(long_messages_are_whole),
      cmocka_unit_test(out_of_memory_is_static),
      cmocka_unit_test(macros_leave_at_the_first_error),
      cmocka_unit_test(every_code_has_name_and_advice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
