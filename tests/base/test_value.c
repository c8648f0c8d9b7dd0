#include "base/value.h"
#include "base/str.h"
#include "support/counting.h"
#include "support/test.h"

static void tensors_own_their_data(void **state) {
  (void)state;
  counting counts;
  counting_init(&counts, 0);
  rung_value *value = NULL;
  assert_ok(rung_value_new_tensor(&counts.allocator, RUNG_F32, 2, (int64_t[]){3, 5}, &value));
  assert_int_equal(value->kind, RUNG_TENSOR);
  assert_int_equal(value->tensor.size, 60);
  assert_int_equal((uintptr_t)value->tensor.data % RUNG_TENSOR_ALIGN, 0);
  memset(value->tensor.data, 1, value->tensor.size);
  rung_value_retain(value);
  rung_value_release(value);
  assert_int_equal(atomic_load(&counts.alive), 2);
  rung_value_release(value);
  assert_int_equal(atomic_load(&counts.alive), 0);
  rung_value_release(NULL);
  assert_null(rung_value_retain(NULL));
}

static void bad_shapes_are_refused(void **state) {
  (void)state;
  rung_tensor tensor;
  int64_t dims[RUNG_MAX_RANK + 1];
  for (int i = 0; i <= RUNG_MAX_RANK; i++) dims[i] = 1;
  assert_ok(rung_tensor_describe(RUNG_F32, RUNG_MAX_RANK, dims, &tensor));
  assert_error(rung_tensor_describe(RUNG_F32, RUNG_MAX_RANK + 1, dims, &tensor), LIMIT, "17");
  assert_error(rung_tensor_describe(RUNG_F32, -1, NULL, &tensor), INVALID_ARGUMENT, "-1");
  assert_error(rung_tensor_describe((rung_dtype)99, 0, NULL, &tensor), INVALID_ARGUMENT, "99");
  assert_error(rung_tensor_describe(RUNG_F64, 2, (int64_t[]){INT64_C(1) << 31, INT64_C(1) << 31}, &tensor),
               INVALID_ARGUMENT, "2147483648x2147483648");
  assert_error(rung_tensor_describe(RUNG_F32, 1, (int64_t[]){-3}, &tensor), INVALID_ARGUMENT, "float32");
}

static int released;
static void on_release(void *user, void *data) {
  assert_ptr_equal(user, &released);
  assert_non_null(data);
  released++;
}

static void wrapped_data_is_borrowed(void **state) {
  (void)state;
  float data[6] = {0};
  rung_value *value = NULL;
  rung_tensor tensor = {.dtype = RUNG_F32, .rank = 2, .dims = {2, 3}, .data = data, .size = sizeof data};
  released = 0;
  assert_ok(rung_value_wrap(&rung_system_allocator, &tensor, on_release, &released, &value));
  assert_ptr_equal(value->tensor.data, data);
  rung_value_release(value);
  assert_int_equal(released, 1);

  value = NULL;
  tensor.size--;
  assert_error(rung_value_wrap(&rung_system_allocator, &tensor, on_release, &released, &value), INVALID_ARGUMENT,
               "23 bytes, its shape needs 24");
  tensor.data = NULL, tensor.size = 24;
  assert_error(rung_value_wrap(&rung_system_allocator, &tensor, NULL, NULL, &value), INVALID_ARGUMENT, "needs 24");
  assert_null(value);
  assert_int_equal(released, 1);
  tensor.dims[0] = 0, tensor.size = 0;
  assert_ok(rung_value_wrap(&rung_system_allocator, &tensor, NULL, NULL, &value));
  rung_value_release(value);
}

static void strings_are_copied(void **state) {
  (void)state;
  char first[] = "one";
  rung_str strings[] = {{first, 3}, {NULL, 0}, {"t\0o", 3}};
  rung_value *value = NULL, *copy = NULL;
  assert_ok(rung_value_new_strings(&rung_system_allocator, 1, (int64_t[]){3}, strings, &value));
  first[0] = 'X';
  assert_ok(rung_value_copy_tensor(&rung_system_allocator, &value->tensor, &copy));
  rung_value_release(value);
  const rung_str *copies = copy->tensor.data;
  assert_true(rung_str_is(copies[0], "one"));
  assert_int_equal(copies[1].size, 0);
  assert_true(rung_str_equal(copies[2], strings[2]));
  rung_value_release(copy);
}

static void compounds_hold_references(void **state) {
  (void)state;
  counting counts;
  counting_init(&counts, 0);
  rung_value *items[2] = {NULL, NULL}, *sequence = NULL, *none = NULL;
  assert_ok(rung_value_new_tensor(&counts.allocator, RUNG_I64, 0, NULL, &items[0]));
  items[1] = items[0];
  assert_ok(rung_value_new_compound(&counts.allocator, RUNG_SEQUENCE, RUNG_I64, items, 2, &sequence));
  rung_value_release(items[0]);
  assert_int_equal(atomic_load(&sequence->items[1]->references), 2);
  assert_ok(rung_value_new_compound(&counts.allocator, RUNG_OPTIONAL, RUNG_I64, NULL, 0, &none));
  assert_int_equal(none->count, 0);
  rung_value_release(none);
  rung_value_release(sequence);
  assert_int_equal(atomic_load(&counts.alive), 0);
}

/* Everything that a value can be made of. */
static rung_status *make_all(const rung_allocator *allocator, rung_value **out) {
  rung_str strings[] = {{"ab", 2}, {"c", 1}};
  rung_status *status = rung_value_new_strings(allocator, 1, (int64_t[]){2}, strings, &out[0]);
  if (!status) status = rung_value_copy_tensor(allocator, &out[0]->tensor, &out[1]);
  if (!status) status = rung_value_new_tensor(allocator, RUNG_F16, 1, (int64_t[]){2}, &out[2]);
  if (!status) status = rung_value_new_compound(allocator, RUNG_MAP, RUNG_STRING, out + 1, 2, &out[3]);
  return status;
}

static bool attempt(const rung_allocator *allocator, void *context) {
  (void)context;
  rung_value *values[4] = {NULL};
  rung_status *status = make_all(allocator, values);
  bool made = !status;
  assert_true(made || rung_status_code(status) == RUNG_OUT_OF_MEMORY);
  rung_status_free(status);
  for (int i = 0; i < 4; i++) rung_value_release(values[i]);
  return made;
}

static void out_of_memory_leaks_nothing(void **state) {
  (void)state;
  assert_int_equal(counting_fail_each(attempt, NULL), 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensors_own_their_data),    cmocka_unit_test(bad_shapes_are_refused),
      cmocka_unit_test(wrapped_data_is_borrowed),  cmocka_unit_test(strings_are_copied),
      cmocka_unit_test(compounds_hold_references), cmocka_unit_test(out_of_memory_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
