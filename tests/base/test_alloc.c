#include "base/alloc.h"
#include "support/counting.h"
#include "support/test.h"

static void blocks_are_zeroed_and_aligned(void **state) {
  (void)state;
  unsigned char *block = rung_alloc(&rung_system_allocator, 1000, 3, "test");
  assert_non_null(block);
  for (size_t i = 0; i < 3000; i++) assert_int_equal(block[i], 0);
  rung_free(&rung_system_allocator, block);
  for (size_t bytes = 0; bytes < 200; bytes += 33) {
    void *data = rung_alloc_data(&rung_system_allocator, bytes, "test");
    assert_non_null(data);
    assert_int_equal((uintptr_t)data % RUNG_TENSOR_ALIGN, 0);
    memset(data, 1, bytes);
    rung_free(&rung_system_allocator, data);
  }
  rung_free(&rung_system_allocator, NULL);
}

static void sizes_do_not_wrap(void **state) {
  (void)state;
  assert_null(rung_alloc(&rung_system_allocator, SIZE_MAX / 2 + 2, 2, "wraps to 2 bytes"));
  assert_null(rung_alloc(&rung_system_allocator, SIZE_MAX, SIZE_MAX, "wraps to 1 byte"));
  assert_null(rung_alloc(&rung_system_allocator, 0, 8, "nothing"));
  assert_null(rung_alloc_data(&rung_system_allocator, SIZE_MAX, "cannot be rounded up"));
}

static void checked_arithmetic(void **state) {
  (void)state;
  size_t out = 77;
  assert_true(rung_mul_size(0, SIZE_MAX, &out) && out == 0);
  assert_true(rung_mul_size(SIZE_MAX, 1, &out) && out == SIZE_MAX);
  assert_false(rung_mul_size(SIZE_MAX / 2 + 1, 2, &out));
  assert_true(out == SIZE_MAX); /* untouched */
  assert_true(rung_add_size(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
  assert_false(rung_add_size(SIZE_MAX, 1, &out));
  int64_t wide;
  assert_true(rung_mul_i64(INT64_MIN, 1, &wide) && wide == INT64_MIN);
  assert_false(rung_mul_i64(INT64_MIN, -1, &wide));
  assert_true(rung_add_i64(INT64_MAX, INT64_MIN, &wide) && wide == -1);
  assert_false(rung_add_i64(INT64_MAX, 1, &wide));
}

static bool push_many(const rung_allocator *allocator, void *context) {
  (void)context;
  RUNG_VEC(int) numbers = {0};
  bool pushed = true;
  for (int i = 0; i < 1000 && pushed; i++) pushed = rung_vec_push(allocator, &numbers, i * 3);
  for (size_t i = 0; i < numbers.count; i++) assert_int_equal(numbers.at[i], (int)i * 3);
  if (pushed) assert_int_equal(numbers.count, 1000);
  rung_vec_free(allocator, &numbers);
  assert_null(numbers.at);
  assert_int_equal(numbers.count + numbers.capacity, 0);
  return pushed;
}

static void vectors_grow_or_fail_whole(void **state) {
  (void)state;
  assert_true(counting_fail_each(push_many, NULL) >= 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_are_zeroed_and_aligned),
      cmocka_unit_test(sizes_do_not_wrap),
      cmocka_unit_test(checked_arithmetic),
      cmocka_unit_test(vectors_grow_or_fail_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
