#include "base/str.h"
#include "support/counting.h"
#include "support/test.h"

static void comparison_counts_bytes(void **state) {
  (void)state;
  rung_str zero_inside = {"a\0b", 3};
  assert_true(rung_str_is(rung_str_of("abc"), "abc"));
  assert_false(rung_str_is(zero_inside, "a"));
  assert_true(rung_str_equal((rung_str){NULL, 0}, rung_str_of("")));
  assert_int_equal(rung_str_of(NULL).size, 0);
  assert_int_equal(rung_str_compare(rung_str_of("a"), rung_str_of("b")), -1);
  assert_int_equal(rung_str_compare(rung_str_of("ab"), rung_str_of("a")), 1);
  assert_int_equal(rung_str_compare(rung_str_of("a"), rung_str_of("a")), 0);
  assert_int_equal(rung_str_compare(rung_str_of("\x7f"), rung_str_of("\x80")), -1); /* unsigned */
  assert_int_equal(rung_str_compare((rung_str){NULL, 0}, rung_str_of("a")), -1);
}

static void hash_sees_every_byte(void **state) {
  (void)state;
  unsigned char data[40] = {0};
  uint64_t before = rung_hash_bytes(data, sizeof data, 0);
  assert_true(before == rung_hash_bytes(data, sizeof data, 0));
  assert_true(before != rung_hash_bytes(data, sizeof data, 1));
  assert_true(before != rung_hash_bytes(data, sizeof data - 1, 0));
  for (size_t i = 0; i < sizeof data; i++) {
    data[i] = 1;
    assert_true(rung_hash_bytes(data, sizeof data, 0) != before);
    data[i] = 0;
  }
}

static void text_grows(void **state) {
  (void)state;
  rung_text text;
  rung_text_init(&text, &rung_system_allocator);
  for (int i = 0; i < 1000; i++) rung_text_printf(&text, "%03d,", i);
  rung_text_append(&text, "a\0b", 3);
  assert_false(text.failed);
  assert_int_equal(text.size, 4003);
  assert_memory_equal(text.data, "000,001,", 8);
  assert_memory_equal(text.data + 4000, "a\0b", 4);
  rung_text_finish(&text);
  assert_null(text.data);
}

static bool write_text(const rung_allocator *allocator, void *context) {
  (void)context;
  rung_text text;
  rung_text_init(&text, allocator);
  for (int i = 0; i < 300; i++) rung_text_printf(&text, "line %d\n", i);
  bool done = !text.failed;
  rung_text_append(&text, NULL, 0);
  assert_int_equal(text.failed, !done); /* failure stays */
  rung_text_finish(&text);
  return done;
}

static void text_notes_failure(void **state) {
  (void)state;
  assert_true(counting_fail_each(write_text, NULL) >= 3);
  rung_text text;
  rung_text_init(&text, &rung_system_allocator);
  rung_text_append(&text, "", SIZE_MAX);
  assert_true(text.failed);
  rung_text_finish(&text);
}

static void nearest_name(void **state) {
  (void)state;
  const char *const names[] = {"Conv", "ConvTranspose", "MatMul", "cuda", "openvino"};
  assert_string_equal(rung_nearest("Convv", names, 5), "Conv");
  assert_string_equal(rung_nearest("matmul", names, 5), "MatMul");
  assert_string_equal(rung_nearest("openvinno", names, 5), "openvino");
  assert_string_equal(rung_nearest("Cnov", names, 5), "Conv"); /* neighbours that changed places are one edit */
  assert_null(rung_nearest("Cinu", names, 5));                 /* two edits of four letters */
  assert_null(rung_nearest("Softmax", names, 5));
  assert_null(rung_nearest("x", names, 0));
}

static void shapes_as_text(void **state) {
  (void)state;
  char buffer[RUNG_SHAPE_TEXT];
  int64_t image[] = {1, 3, 224, -2}, longest[RUNG_MAX_RANK];
  assert_string_equal(rung_shape_text(4, image, buffer), "1x3x224x?");
  assert_string_equal(rung_shape_text(0, NULL, buffer), "scalar");
  assert_string_equal(rung_shape_text(-1, NULL, buffer), "unknown rank");
  for (int i = 0; i < RUNG_MAX_RANK; i++) longest[i] = INT64_MAX;
  assert_int_equal(strlen(rung_shape_text(RUNG_MAX_RANK, longest, buffer)), RUNG_MAX_RANK * 20 - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(comparison_counts_bytes),
      cmocka_unit_test(hash_sees_every_byte),
      cmocka_unit_test(text_grows),
      cmocka_unit_test(text_notes_failure),
      cmocka_unit_test(nearest_name),
      cmocka_unit_test(shapes_as_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
