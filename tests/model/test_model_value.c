/* Values of test data, there and back: what the writer writes, the reader reads. */
#include "model/model.h"
#include "model/writer.h"
#include "support/counting.h"
#include "support/test.h"

#include <string.h>

static const rung_allocator *const system_memory = &rung_system_allocator;

static rung_value *tensor_of(rung_dtype dtype, int32_t rank, const int64_t *dims, const void *data) {
  rung_value *value = NULL;
  assert_ok(rung_value_new_tensor(system_memory, dtype, rank, dims, &value));
  if (value->tensor.size) memcpy(value->tensor.data, data, value->tensor.size);
  return value;
}

static rung_value *scalar_of(float number) { return tensor_of(RUNG_F32, 0, NULL, &number); }

/* Takes the references of the items. */
static rung_value *compound_of(rung_kind kind, rung_dtype dtype, size_t count, rung_value **items) {
  rung_value *value = NULL;
  assert_ok(rung_value_new_compound(system_memory, kind, dtype, items, count, &value));
  for (size_t i = 0; i < count; i++) rung_value_release(items[i]);
  return value;
}

static void assert_same(const rung_value *a, const rung_value *b) {
  assert_int_equal(a->kind, b->kind);
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->tensor.dtype, b->tensor.dtype);
  assert_true(rung_tensor_same_shape(&a->tensor, &b->tensor));
  for (size_t i = 0; i < a->count; i++) assert_same(a->items[i], b->items[i]);
  if (a->kind != RUNG_TENSOR) return;
  assert_int_equal((uintptr_t)b->tensor.data % RUNG_TENSOR_ALIGN, 0);
  const rung_str *x = a->tensor.data, *y = b->tensor.data;
  for (size_t i = 0; i < rung_tensor_count(&a->tensor) && a->tensor.dtype == RUNG_STRING; i++) {
    assert_int_equal(x[i].size, y[i].size);
    assert_memory_equal(x[i].data, y[i].data, x[i].size);
  }
  if (a->tensor.dtype != RUNG_STRING) assert_memory_equal(a->tensor.data, b->tensor.data, a->tensor.size);
}

/* Writes the value, reads it back, compares; releases it. */
static void round_trip(rung_value *value, const rung_type *type) {
  rung_text bytes;
  rung_text_init(&bytes, system_memory);
  assert_ok(rung_model_write_value(value, NULL, type, &bytes));
  rung_value *back = NULL;
  assert_ok(rung_model_read_value(system_memory, bytes.data, bytes.size, type, &back));
  rung_text_finish(&bytes); /* the value has its own data */
  assert_same(value, back);
  rung_value_release(back);
  rung_value_release(value);
}

static const rung_type of_tensor = {.kind = RUNG_TENSOR, .dtype = RUNG_F32, .rank = -1};
static const rung_type of_sequence = {.kind = RUNG_SEQUENCE, .element = &of_tensor};
static const rung_type of_optional = {.kind = RUNG_OPTIONAL, .element = &of_sequence};

static void tensors_return(void **state) {
  (void)state;
  round_trip(tensor_of(RUNG_F32, 2, (int64_t[]){2, 2}, "abcdefghijklmnop"), NULL);
  round_trip(tensor_of(RUNG_U4, 1, (int64_t[]){3}, "ab"), &of_tensor);
  round_trip(tensor_of(RUNG_BF16, 2, (int64_t[]){0, 7}, ""), &of_tensor);
  round_trip(scalar_of(3), NULL);
  rung_value *strings = NULL;
  assert_ok(rung_value_new_strings(system_memory, 1, (int64_t[]){3},
                                   (rung_str[]){{"a\0b", 3}, {"", 0}, {"long enough to count", 20}}, &strings));
  round_trip(strings, NULL);
}

static void sequences_and_optionals_return(void **state) {
  (void)state;
  round_trip(compound_of(RUNG_SEQUENCE, RUNG_F32, 2, (rung_value *[]){scalar_of(1), scalar_of(2)}), &of_sequence);
  round_trip(compound_of(RUNG_SEQUENCE, RUNG_F32, 0, NULL), &of_sequence); /* what it would hold is known by type */
  round_trip(compound_of(RUNG_OPTIONAL, RUNG_UNDEFINED, 0, NULL), &of_optional);
  rung_value *sequence = compound_of(RUNG_SEQUENCE, RUNG_F32, 1, (rung_value *[]){scalar_of(1)});
  round_trip(compound_of(RUNG_OPTIONAL, RUNG_UNDEFINED, 1, &sequence), &of_optional);
}

static void sparse_tensors_return(void **state) {
  (void)state;
  rung_value *items[] = {tensor_of(RUNG_F32, 1, (int64_t[]){2}, "abcdefgh"),
                         tensor_of(RUNG_I64, 1, (int64_t[]){2}, (int64_t[]){3, 5})};
  rung_value *sparse = compound_of(RUNG_SPARSE, RUNG_F32, 2, items);
  sparse->tensor.rank = 2;
  sparse->tensor.dims[0] = 2;
  sparse->tensor.dims[1] = 3;
  round_trip(sparse, &(rung_type){.kind = RUNG_SPARSE});
}

static void maps_return(void **state) {
  (void)state;
  const rung_type type = {.kind = RUNG_MAP, .dtype = RUNG_I64, .element = &of_tensor};
  rung_value *numbers[] = {tensor_of(RUNG_I64, 1, (int64_t[]){2}, (int64_t[]){-7, INT64_MAX}),
                           tensor_of(RUNG_F32, 1, (int64_t[]){2}, (float[]){0.5f, 2})};
  round_trip(compound_of(RUNG_MAP, RUNG_UNDEFINED, 2, numbers), &type);

  rung_value *named[2] = {0};
  assert_ok(rung_value_new_strings(system_memory, 1, (int64_t[]){2}, (rung_str[]){{"cat", 3}, {"dog", 3}}, &named[0]));
  named[1] = compound_of(RUNG_SEQUENCE, RUNG_F32, 2,
                         (rung_value *[]){tensor_of(RUNG_F32, 1, (int64_t[]){1}, "abcd"), scalar_of(4)});
  round_trip(compound_of(RUNG_MAP, RUNG_UNDEFINED, 2, named), &type);

  rung_value *bytes[] = {tensor_of(RUNG_I8, 1, (int64_t[]){2}, "\xff\x03"),
                         tensor_of(RUNG_I64, 1, (int64_t[]){2}, (int64_t[]){1, 2})};
  round_trip(compound_of(RUNG_MAP, RUNG_UNDEFINED, 2, bytes), &type);
}

/* ---- what is refused ---- */

static rung_status *try(rung_kind kind, const char *bytes, size_t size) {
  rung_value *value = NULL;
  rung_status *status = rung_model_read_value(system_memory, bytes, size, &(rung_type){.kind = kind}, &value);
  rung_value_release(value);
  return status;
}
#define TRY(kind, bytes) try(kind, bytes, sizeof(bytes) - 1)

#define U8_TENSOR "\x10\x02\x4a\x01x" /* uint8 scalar 'x' */
#define I8_TENSOR "\x10\x03\x4a\x01x"

static void broken_values_are_refused(void **state) {
  (void)state;
  assert_ok(TRY(RUNG_TENSOR, U8_TENSOR));
  assert_error(TRY(RUNG_TENSOR, ""), INVALID_MODEL, "element type 0");
  assert_error(TRY(RUNG_TENSOR, "\x10\x01\x4a\x01x"), INVALID_MODEL, "tensor 0: raw_data holds 1 bytes");
  assert_error(TRY(RUNG_TENSOR, "\x10\x02\x70\x01\x6a\x0d\x0a\x08location\x12\x01x"), INVALID_MODEL,
               "a single value cannot have its data in another file");
  assert_ok(TRY(RUNG_SEQUENCE, "\x10\x01\x1a\x05" U8_TENSOR "\x1a\x05" U8_TENSOR));
  assert_error(TRY(RUNG_SEQUENCE, "\x1a\x05" U8_TENSOR "\x1a\x05" I8_TENSOR), INVALID_MODEL,
               "tensors of uint8 and of int8");
  assert_error(TRY(RUNG_SEQUENCE, "\x10\x03\x1a\x05" U8_TENSOR), INVALID_MODEL, "not of the kind");
  assert_error(TRY(RUNG_SEQUENCE, "\x10\x06"), INVALID_MODEL, "elem_type 6");
  assert_error(TRY(RUNG_SEQUENCE, "\x1a\x05" U8_TENSOR "\x2a\x00"), INVALID_MODEL, "several kinds");
  assert_error(TRY(RUNG_OPTIONAL, "\x1a\x05" U8_TENSOR "\x1a\x05" U8_TENSOR), INVALID_MODEL, "holds 2 values");
  assert_ok(TRY(RUNG_OPTIONAL, "\x1a\x05" U8_TENSOR));
  assert_ok(TRY(RUNG_MAP, "\x10\x07\x18\x05\x2a\x07\x1a\x05" U8_TENSOR));
  assert_error(TRY(RUNG_MAP, "\x10\x07\x18\x05"), INVALID_MODEL, "1 keys and 0 values");
  assert_error(TRY(RUNG_MAP, "\x10\x01\x18\x05\x2a\x07\x1a\x05" U8_TENSOR), INVALID_MODEL, "key_type 1");
  assert_error(TRY(RUNG_MAP, "\x10\x08\x18\x05\x2a\x07\x1a\x05" U8_TENSOR), INVALID_MODEL, "not of its key_type");
  assert_error(TRY(RUNG_MAP, "\x18\x05\x22\x01k\x2a\x0e\x1a\x05" U8_TENSOR "\x1a\x05" U8_TENSOR), INVALID_MODEL,
               "several types");
}

static void values_do_not_nest_without_end(void **state) {
  (void)state;
  rung_text inner, outer;
  rung_text_init(&inner, system_memory);
  for (int depth = 0; depth < 101; depth++) {
    rung_text_init(&outer, system_memory);
    rung_put_bytes(&outer, 5, inner.data, inner.size);
    rung_text_finish(&inner);
    inner = outer;
    rung_status *status = try(RUNG_SEQUENCE, inner.data, inner.size);
    if (depth < 100)
      assert_ok(status);
    else
      assert_error(status, LIMIT, "depth");
  }
  rung_text_finish(&inner);
}

static const char nested[] = "\x1a\x05" U8_TENSOR "\x1a\x05" U8_TENSOR;
static const char a_map[] = "\x10\x07\x18\x05\x2a\x07\x1a\x05" U8_TENSOR;

static bool read_with(const rung_allocator *allocator, void *context) {
  const rung_kind kind = *(const rung_kind *)context;
  const char *bytes = kind == RUNG_MAP ? a_map : nested;
  size_t size = kind == RUNG_MAP ? sizeof a_map : sizeof nested;
  rung_value *value = NULL;
  rung_status *status = rung_model_read_value(allocator, bytes, size - 1, &(rung_type){.kind = kind}, &value);
  bool done = !status;
  if (status) assert_int_equal(rung_status_code(status), RUNG_OUT_OF_MEMORY);
  rung_status_free(status);
  rung_value_release(value);
  return done;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  assert_true(counting_fail_each(read_with, &(rung_kind){RUNG_SEQUENCE}) > 3);
  assert_true(counting_fail_each(read_with, &(rung_kind){RUNG_MAP}) > 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensors_return),
      cmocka_unit_test(sequences_and_optionals_return),
      cmocka_unit_test(sparse_tensors_return),
      cmocka_unit_test(maps_return),
      cmocka_unit_test(broken_values_are_refused),
      cmocka_unit_test(values_do_not_nest_without_end),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
