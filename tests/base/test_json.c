#include "base/json.h"
#include "support/counting.h"
#include "support/test.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

static rung_text text;

static rung_json *start(rung_json *json, int indent) {
  rung_text_finish(&text);
  rung_json_init(json, &text, indent);
  return json;
}

static int init_text(void **state) {
  (void)state;
  rung_text_init(&text, &rung_system_allocator);
  return 0;
}

static int finish_text(void **state) {
  (void)state;
  rung_text_finish(&text);
  return 0;
}

static void write_sample(rung_json *json) {
  rung_json_begin_object(json);
  rung_json_key(json, "a");
  rung_json_i64(json, INT64_MIN);
  rung_json_key(json, "list");
  rung_json_begin_array(json);
  rung_json_u64(json, UINT64_MAX);
  rung_json_bool(json, true);
  rung_json_begin_object(json);
  rung_json_end_object(json);
  rung_json_begin_array(json);
  rung_json_end_array(json);
  rung_json_end_array(json);
  rung_json_key(json, "b");
  rung_json_string(json, NULL);
  rung_json_end_object(json);
}

static void one_line(void **state) {
  (void)state;
  rung_json json;
  write_sample(start(&json, 0));
  assert_string_equal(text.data, "{\"a\":-9223372036854775808,\"list\":[18446744073709551615,true,{},[]],\"b\":null}");
}

static void indented(void **state) {
  (void)state;
  rung_json json;
  write_sample(start(&json, 2));
  assert_string_equal(text.data,
                      "{\n  \"a\": -9223372036854775808,\n  \"list\": [\n    18446744073709551615,\n    true,\n"
                      "    {},\n    []\n  ],\n  \"b\": null\n}");
}

static void check_string(const char *bytes, size_t size, const char *expected) {
  rung_json json;
  rung_json_str(start(&json, 0), (rung_str){bytes, size});
  assert_string_equal(text.data, expected);
}

static void strings_are_escaped(void **state) {
  (void)state;
  check_string("", 0, "\"\"");
  check_string(NULL, 0, "\"\"");
  check_string("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
  check_string("\b\f\n\r\t\0\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\"");
  rung_json json;
  rung_json_begin_object(start(&json, 0));
  rung_json_key(&json, "\"\xff");
  rung_json_null(&json);
  rung_json_end_object(&json);
  assert_string_equal(text.data, "{\"\\\"\xef\xbf\xbd\":null}");
}

#define BAD "\xef\xbf\xbd"
static void invalid_utf8_is_replaced(void **state) {
  (void)state;
  check_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
  check_string("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80", 10, "\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\"");
  check_string("a\x80z", 3, "\"a" BAD "z\"");
  check_string("\xc0\x80", 2, "\"" BAD BAD "\"");         /* overlong */
  check_string("\xe0\x9f\xbf", 3, "\"" BAD BAD BAD "\""); /* overlong */
  check_string("\xf0\x8f\xbf\xbf", 4, "\"" BAD BAD BAD BAD "\"");
  check_string("\xed\xa0\x80", 3, "\"" BAD BAD BAD "\"");         /* surrogate */
  check_string("\xf4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""); /* beyond U+10FFFF */
  check_string("\xe2\x82", 2, "\"" BAD BAD "\"");                 /* cut off */
  check_string("\xe2\x82z", 3, "\"" BAD BAD "z\"");
  check_string("\xff", 1, "\"" BAD "\"");
}

static const char *number(double value) {
  rung_json json;
  rung_json_f64(start(&json, 0), value);
  return text.data;
}

static void numbers_read_back_the_same(void **state) {
  (void)state;
  assert_string_equal(number(0.1), "0.1");
  assert_string_equal(number(-0.0), "-0");
  assert_string_equal(number(1e300), "1e+300");
  assert_string_equal(number(3), "3");
  assert_string_equal(number(INFINITY), "null");
  assert_string_equal(number(-NAN), "null");
  uint64_t random = 88172645463325252u;
  for (int i = 0; i < 20000; i++) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    double value;
    memcpy(&value, &random, sizeof value);
    if (isfinite(value)) assert_true(strtod(number(value), NULL) == value);
  }
}

/* A program's locale must not reach the file. */
static void decimal_point_is_a_point(void **state) {
  (void)state;
  static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
  for (size_t i = 0; i < RUNG_COUNT(locales); i++) {
    if (!setlocale(LC_NUMERIC, locales[i])) continue;
    assert_string_equal(number(-1234.5), "-1234.5");
    assert_string_equal(number(1.5e-30), "1.5e-30");
  }
  setlocale(LC_NUMERIC, "C");
}

static bool write_all(const rung_allocator *allocator, void *context) {
  (void)context;
  rung_text out;
  rung_json json;
  rung_text_init(&out, allocator);
  rung_json_init(&json, &out, 4);
  rung_json_begin_array(&json);
  for (int i = 0; i < 30; i++) write_sample(&json);
  rung_json_end_array(&json);
  bool done = !out.failed;
  rung_text_finish(&out);
  return done;
}

static void out_of_memory_is_noted(void **state) {
  (void)state;
  assert_true(counting_fail_each(write_all, NULL) >= 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_line),
      cmocka_unit_test(indented),
      cmocka_unit_test(strings_are_escaped),
      cmocka_unit_test(invalid_utf8_is_replaced),
      cmocka_unit_test(numbers_read_back_the_same),
      cmocka_unit_test(decimal_point_is_a_point),
      cmocka_unit_test(out_of_memory_is_noted),
  };
  return cmocka_run_group_tests(tests, init_text, finish_text);
}
