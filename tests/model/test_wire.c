#include "model/wire.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* A wire over an array of bytes, which are copied to a block of exactly their size: sanitizers see the end. */
#define OVER(...) over((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
static uint8_t *block;
static rung_wire over(const uint8_t *bytes, size_t size) {
  free(block);
  block = malloc(size);
  assert_non_null(block);
  memcpy(block, bytes, size);
  return rung_wire_over(block, size, 3);
}

static int forget(void **state) {
  (void)state;
  free(block);
  block = NULL;
  return 0;
}

static void an_empty_message_ends_at_once(void **state) {
  (void)state;
  rung_wire wire = rung_wire_over(NULL, 0, 0);
  rung_wire_field field = {.number = 7};
  assert_ok(rung_wire_next(&wire, &field));
  assert_int_equal(field.number, 0);
}

static void every_wire_type_is_read(void **state) {
  (void)state;
  rung_wire wire = OVER(0x08, 0x96, 0x01, /* field 1: varint 150 */
                        0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 2, 'h', 'i', 0x25, 0, 0, 0x80, 0x3f);
  rung_wire_field field;
  assert_ok(rung_wire_next(&wire, &field));
  assert_int_equal(field.number, 1);
  assert_int_equal(field.scalar, 150);
  assert_ok(rung_wire_next(&wire, &field));
  assert_int_equal(field.type, RUNG_WIRE_FIXED64);
  assert_true(field.scalar == 0x0807060504030201);
  assert_ok(rung_wire_next(&wire, &field));
  assert_int_equal(field.bytes.size, 2);
  assert_memory_equal(field.bytes.data, "hi", 2);
  assert_ok(rung_wire_next(&wire, &field));
  assert_int_equal(field.number, 4);
  assert_int_equal(field.scalar, 0x3f800000);
  assert_ok(rung_wire_next(&wire, &field));
  assert_int_equal(field.number, 0);
}

static rung_status *first(rung_wire wire) {
  rung_wire_field field;
  return rung_wire_next(&wire, &field);
}

static void varints_have_at_most_64_bits(void **state) {
  (void)state;
  rung_wire wire = OVER(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
  uint64_t value;
  assert_ok(rung_wire_varint(&wire, &value));
  assert_true(value == UINT64_MAX);
  wire = OVER(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
  assert_ok(rung_wire_varint(&wire, &value)); /* long-winded, but allowed */
  assert_true(value == 0);
  wire = OVER(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02);
  assert_error(rung_wire_varint(&wire, &value), INVALID_MODEL, "more than 64 bits");
  wire = OVER(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
  assert_error(rung_wire_varint(&wire, &value), INVALID_MODEL, "more than 64 bits");
  wire = OVER(0x80, 0x80);
  assert_error(rung_wire_varint(&wire, &value), INVALID_MODEL, "ends inside a number at byte 0");
}

static void damage_is_named_with_its_place(void **state) {
  (void)state;
  assert_error(first(OVER(0x00, 0x01)), INVALID_MODEL, "tag 0 at byte 0");
  assert_error(first(OVER(0x0e)), INVALID_MODEL, "wire type 6 at byte 0");
  assert_error(first(OVER(0x0f)), INVALID_MODEL, "wire type 7");
  assert_error(first(OVER(0xf8, 0xff, 0xff, 0xff, 0x1f, 0x00)), INVALID_MODEL, "tag");
  assert_error(first(OVER(0x0a, 3, 'h', 'i')), INVALID_MODEL, "claims 3 bytes, its message has 2 left");
  assert_error(first(OVER(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)), INVALID_MODEL, "claims");
  assert_error(first(OVER(0x0d, 1, 2, 3)), INVALID_MODEL, "4-byte number at byte 1");
  assert_error(first(OVER(0x09, 1, 2, 3, 4, 5, 6, 7)), INVALID_MODEL, "8-byte number");
}

static void groups_are_stepped_over(void **state) {
  (void)state;
  /* group 2 { 1: 5; group 3 { } } then 1: 7 */
  rung_wire wire = OVER(0x13, 0x08, 0x05, 0x1b, 0x1c, 0x14, 0x08, 0x07);
  rung_wire_field field;
  assert_ok(rung_wire_next(&wire, &field));
  assert_int_equal(field.number, 1);
  assert_int_equal(field.scalar, 7);
  assert_error(first(OVER(0x14)), INVALID_MODEL, "never began");
  assert_error(first(OVER(0x13, 0x08, 0x05)), INVALID_MODEL, "inside group 2");
  assert_error(first(OVER(0x13, 0x1c)), INVALID_MODEL, "group 2 ends as group 3");
  assert_ok(first(OVER(0x13, 0x13, 0x13, 0x14, 0x14, 0x14)));
  assert_error(first(OVER(0x13, 0x13, 0x13, 0x13, 0x14, 0x14, 0x14, 0x14)), LIMIT, "depth");
}

static void nesting_is_limited(void **state) {
  (void)state;
  rung_wire wire = OVER(0x0a, 6, 0x0a, 4, 0x0a, 2, 0x0a, 0), inner;
  rung_wire_field field;
  for (int i = 0; i < 3; i++) {
    assert_ok(rung_wire_next(&wire, &field));
    assert_ok(rung_wire_enter(&wire, &field, &inner));
    wire = inner;
  }
  assert_ok(rung_wire_next(&wire, &field));
  assert_error(rung_wire_enter(&wire, &field, &inner), LIMIT, "at byte 8");
}

/* All elements of field 1, which are counted first, as the reader does. */
static rung_status *collect(rung_wire wire, rung_wire_type type, size_t size, void *out, rung_wire_list *list) {
  *list = (rung_wire_list){.message = wire};
  for (;;) {
    rung_wire_field field;
    RUNG_TRY(rung_wire_next(&wire, &field));
    if (field.number == 0) break;
    if (field.number == 1) RUNG_TRY(rung_wire_list_add(list, &wire, &field, type));
  }
  return rung_wire_list_decode(list, size, out);
}

static void lists_may_be_packed_or_not(void **state) {
  (void)state;
  uint64_t numbers[8] = {0};
  rung_wire_list list;
  /* 1: 5; 2: 9; 1: packed 1, 300; 1: 6; 1: packed nothing */
  assert_ok(
      collect(OVER(0x08, 5, 0x10, 9, 0x0a, 3, 1, 0xac, 0x02, 0x08, 6, 0x0a, 0), RUNG_WIRE_VARINT, 8, numbers, &list));
  assert_int_equal(list.count, 4);
  assert_int_equal(list.parts, 4);
  assert_memory_equal(numbers, ((uint64_t[]){5, 1, 300, 6, 0}), 40);

  uint8_t bytes[4] = {0}; /* a negative int32 is ten bytes long */
  assert_ok(collect(OVER(0x0a, 11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 7), RUNG_WIRE_VARINT, 1,
                    bytes, &list));
  assert_memory_equal(bytes, ((uint8_t[]){0xff, 7, 0, 0}), 4);

  uint32_t fixed[3] = {0};
  assert_ok(collect(OVER(0x0a, 8, 1, 0, 0, 0, 2, 0, 0, 0, 0x0d, 3, 0, 0, 0), RUNG_WIRE_FIXED32, 4, fixed, &list));
  assert_memory_equal(fixed, ((uint32_t[]){1, 2, 3}), 12);
}

static void broken_lists_are_refused(void **state) {
  (void)state;
  uint64_t numbers[8];
  rung_wire_list list;
  assert_error(collect(OVER(0x0a, 2, 1, 0x80), RUNG_WIRE_VARINT, 8, numbers, &list), INVALID_MODEL,
               "end inside a number");
  assert_error(collect(OVER(0x0a, 11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), RUNG_WIRE_VARINT,
                       8, numbers, &list),
               INVALID_MODEL, "more than 64 bits");
  assert_error(collect(OVER(0x0a, 3, 1, 2, 3), RUNG_WIRE_FIXED32, 4, numbers, &list), INVALID_MODEL, "multiple of 4");
  assert_error(collect(OVER(0x0d, 1, 2, 3, 4), RUNG_WIRE_VARINT, 8, numbers, &list), INVALID_MODEL,
               "32-bit instead of varint");
}

static void peeking_forgives(void **state) {
  (void)state;
  rung_wire wire = OVER(0x08, 1, 0x12, 2, 'o', 'k', 0x0f);
  assert_int_equal(rung_wire_peek(wire, 2).size, 2);
  assert_int_equal(rung_wire_peek(wire, 3).size, 0);
  assert_non_null(rung_wire_peek(wire, 3).data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_message_ends_at_once),
      cmocka_unit_test_teardown(every_wire_type_is_read, forget),
      cmocka_unit_test_teardown(varints_have_at_most_64_bits, forget),
      cmocka_unit_test_teardown(damage_is_named_with_its_place, forget),
      cmocka_unit_test_teardown(groups_are_stepped_over, forget),
      cmocka_unit_test_teardown(nesting_is_limited, forget),
      cmocka_unit_test_teardown(lists_may_be_packed_or_not, forget),
      cmocka_unit_test_teardown(broken_lists_are_refused, forget),
      cmocka_unit_test_teardown(peeking_forgives, forget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
