#include "base/dtype.h"
#include "base/str.h"
#include "support/test.h"

static void every_type_is_known(void **state) {
  (void)state;
  int count = 0;
#define RUNG_DTYPE(name, number, text, bits_, numpy_)                          \
  assert_int_equal(RUNG_##name, number);                                       \
  assert_string_equal(rung_dtype_name(RUNG_##name), text);                     \
  assert_int_equal(rung_dtype_parse(rung_str_of(text)), RUNG_##name);          \
  assert_int_equal(rung_dtype_facts(RUNG_##name)->bits, bits_);                \
  assert_int_equal(rung_dtype_is_packed(RUNG_##name), bits_ > 0 && bits_ < 8); \
  assert_int_equal(!!(RUNG_SET_ALL & RUNG_SET(RUNG_##name)), 1);               \
  count++;
#include "rung_dtypes.inc"
#undef RUNG_DTYPE
  assert_int_equal(count, 26); /* ONNX 1.22 */
}

static void other_numbers_are_no_types(void **state) {
  (void)state;
  assert_null(rung_dtype_facts(RUNG_UNDEFINED));
  assert_null(rung_dtype_facts((rung_dtype)27));
  assert_null(rung_dtype_facts((rung_dtype)-1));
  assert_string_equal(rung_dtype_name((rung_dtype)1000), "undefined");
  assert_int_equal(rung_dtype_size((rung_dtype)1000), 0);
  assert_int_equal(rung_dtype_parse(rung_str_of("float33")), RUNG_UNDEFINED);
  assert_int_equal(rung_dtype_parse(rung_str_of("")), RUNG_UNDEFINED);
  assert_int_equal(rung_dtype_parse(rung_str_of("bf16")), RUNG_BF16);
}

static void sizes(void **state) {
  (void)state;
  size_t bytes;
  assert_int_equal(rung_dtype_size(RUNG_C128), 16);
  assert_int_equal(rung_dtype_size(RUNG_I4), 1);
  assert_int_equal(rung_dtype_size(RUNG_STRING), sizeof(rung_str));
  assert_true(rung_dtype_bytes(RUNG_I4, 3, &bytes) && bytes == 2);
  assert_true(rung_dtype_bytes(RUNG_U2, 5, &bytes) && bytes == 2);
  assert_true(rung_dtype_bytes(RUNG_U2, SIZE_MAX, &bytes) && bytes == SIZE_MAX / 4 + 1);
  assert_true(rung_dtype_bytes(RUNG_F32, 0, &bytes) && bytes == 0);
  assert_false(rung_dtype_bytes(RUNG_F64, SIZE_MAX / 8 + 1, &bytes));
  assert_false(rung_dtype_bytes(RUNG_U8, SIZE_MAX, &bytes)); /* above INT64_MAX */
  assert_false(rung_dtype_bytes(RUNG_UNDEFINED, 1, &bytes));
}

static void shapes_multiply_checked(void **state) {
  (void)state;
  size_t count = 0;
  assert_true(rung_shape_count(0, NULL, &count) && count == 1);
  assert_true(rung_shape_count(3, (int64_t[]){2, 3, 4}, &count) && count == 24);
  assert_true(rung_shape_count(2, (int64_t[]){0, 7}, &count) && count == 0);
  assert_false(rung_shape_count(2, (int64_t[]){2, -1}, &count));
  assert_false(rung_shape_count(2, (int64_t[]){0, -1}, &count));
  assert_false(rung_shape_count(2, (int64_t[]){INT64_MAX, 2}, &count));
  assert_false(rung_shape_count(3, (int64_t[]){INT64_C(1) << 32, INT64_C(1) << 32, 2}, &count));
  assert_false(rung_shape_count(2, (int64_t[]){INT64_C(1) << 62, 2}, &count)); /* above INT64_MAX */
  /* a 0 does not excuse the other sizes: their product is used for strides */
  assert_false(rung_shape_count(3, (int64_t[]){0, INT64_MAX, 4}, &count));
}

static void tensors_know_their_alignment(void **state) {
  (void)state;
  _Alignas(16) char data[64];
  rung_tensor tensor = {.dtype = RUNG_F32, .rank = 1, .dims = {2}, .data = data, .size = 8};
  assert_true(rung_tensor_is_aligned(&tensor));
  tensor.data = data + 2;
  assert_false(rung_tensor_is_aligned(&tensor));
  tensor.dtype = RUNG_F16;
  assert_true(rung_tensor_is_aligned(&tensor));
  tensor.data = data + 1;
  assert_false(rung_tensor_is_aligned(&tensor));
  tensor.dtype = RUNG_I4;
  assert_true(rung_tensor_is_aligned(&tensor));
  tensor.dtype = RUNG_C64, tensor.data = data + 4;
  assert_true(rung_tensor_is_aligned(&tensor));
  tensor.dtype = RUNG_C128;
  assert_false(rung_tensor_is_aligned(&tensor));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_is_known),
      cmocka_unit_test(other_numbers_are_no_types),
      cmocka_unit_test(sizes),
      cmocka_unit_test(shapes_multiply_checked),
      cmocka_unit_test(tensors_know_their_alignment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
