#include "base/printable.h"
#include "support/test.h"

#include <string.h>

static const char *printable(const char *text, size_t size) {
  static char buffer[RUNG_PRINTABLE];
  return rung_printable((rung_str){text, size}, buffer);
}

static void good_text_stays(void **state) {
  (void)state;
  assert_string_equal(printable("", 0), "");
  assert_string_equal(printable("conv1/W:0", 9), "conv1/W:0");
  assert_string_equal(printable("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void bad_bytes_are_escaped(void **state) {
  (void)state;
  assert_string_equal(printable("a\nb\0\x1b[2J\x7f", 9), "a\\x0ab\\x00\\x1b[2J\\x7f");
  assert_string_equal(printable("\x80\xff", 2), "\\x80\\xff");
  assert_string_equal(printable("\xc3", 1), "\\xc3");          /* cut off */
  assert_string_equal(printable("\xc0\xaf", 2), "\\xc0\\xaf"); /* over-long */
  assert_string_equal(printable("\xe0\x80\xaf", 3), "\\xe0\\x80\\xaf");
  assert_string_equal(printable("\xed\xa0\x80", 3), "\\xed\\xa0\\x80"); /* a surrogate */
  assert_string_equal(printable("\xf4\x90\x80\x80", 4), "\\xf4\\x90\\x80\\x80");
  assert_string_equal(printable("\xc2\x9b", 2), "\\xc2\\x9b"); /* a control character of terminals */
}

static void long_text_is_cut(void **state) {
  (void)state;
  char text[1000];
  memset(text, 'x', sizeof text);
  assert_int_equal(strlen(printable(text, sizeof text)), RUNG_PRINTABLE - 4);
  memset(text, 1, sizeof text);
  const char *out = printable(text, sizeof text);
  assert_true(strlen(out) < RUNG_PRINTABLE);
  assert_string_equal(out + strlen(out) - 3, "...");
  for (size_t size = 1; size < 200; size++) assert_true(strlen(printable(text, size)) < RUNG_PRINTABLE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_text_stays),
      cmocka_unit_test(bad_bytes_are_escaped),
      cmocka_unit_test(long_text_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
