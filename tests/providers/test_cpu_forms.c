/* Forms of element-wise kernels: the walk of broadcast operands, conversions between element types. */
#include "base/element.h"
#include "base/macros.h"
#include "provider/cpu/form/broadcast.h"
#include "provider/cpu/form/convert.h"
#include "support/test.h"

#include <math.h>

/* Broadcasting */

enum { RANK = 4, MOST = 4 * 4 * 4 * 4 };

/* Where element `at` of the output lies in an operand, by the definition. */
static size_t place_of(const rung_tensor *out, const rung_tensor *in, size_t at) {
  size_t place = 0, stride = 1;
  for (int32_t i = out->rank - 1; i >= 0; i--) {
    size_t index = at % (size_t)out->dims[i];
    at /= (size_t)out->dims[i];
    int32_t k = i - (out->rank - in->rank);
    if (k < 0) continue;
    if (in->dims[k] != 1) place += index * stride;
    stride *= (size_t)in->dims[k];
  }
  return place;
}

typedef struct walk {
  const rung_tensor *out, *in[2];
  size_t next; /* element that the next row begins with */
} walk;

static void check_row(void *context, size_t n, size_t at, const size_t *from, const ptrdiff_t *step) {
  walk *w = context;
  assert_int_equal(at, w->next);
  w->next += n;
  for (int k = 0; k < 2; k++) {
    assert_true(step[k] == 0 || step[k] == 1);
    for (size_t i = 0; i < n; i++) assert_int_equal(from[k] + i * (size_t)step[k], place_of(w->out, w->in[k], at + i));
  }
}

/* Each dimension of each operand is 1 or that of the output; operands may have fewer dimensions. */
static void broadcasts_walk_as_numpy_says(void **state) {
  (void)state;
  uint32_t random = 1;
  for (int round = 0; round < 3000; round++) {
    rung_tensor out = {.rank = RANK}, in[2];
    for (int i = 0; i < RANK; i++) out.dims[i] = 1 + (random = random * 1664525u + 1013904223u) / 16 % 4;
    for (int k = 0; k < 2; k++) {
      in[k] = (rung_tensor){.rank = (int32_t)((random = random * 1664525u + 1013904223u) / 16 % (RANK + 1))};
      for (int i = 0; i < in[k].rank; i++)
        in[k].dims[i] = (random = random * 1664525u + 1013904223u) / 16 % 2 ? 1 : out.dims[i + RANK - in[k].rank];
    }
    rung_broadcast plan;
    rung_broadcast_make(&plan, &out, (const rung_tensor *[]){&in[0], &in[1]}, 2);
    size_t begin = random / 64 % plan.count, end = begin + random / 4096 % (plan.count - begin + 1);
    walk w = {&out, {&in[0], &in[1]}, begin};
    rung_broadcast_rows(&plan, begin, end, check_row, &w);
    assert_int_equal(w.next, end);
  }
}

/* Conversions */

static void floats_become_integers(void **state) {
  (void)state;
  const float from[] = {1.9f, -1.9f, 300, -1, 3e9f, 1e30f, -1e30f, NAN};
  uint8_t u8[8];
  int32_t i32[8];
  int64_t i64[8];
  uint64_t u64[8];
  rung_convert(&rung_convert_defaults, 8, RUNG_F32, from, RUNG_U8, u8);
  rung_convert(&rung_convert_defaults, 8, RUNG_F32, from, RUNG_I32, i32);
  rung_convert(&rung_convert_defaults, 8, RUNG_F32, from, RUNG_I64, i64);
  rung_convert(&rung_convert_defaults, 8, RUNG_F32, from, RUNG_U64, u64);
  const uint8_t want_u8[] = {1, 255, 44, 255, 0, 255, 0, 0};
  const int32_t want_i32[] = {1, -1, 300, -1, (int32_t)3000000000u, -1, 0, 0};
  const int64_t want_i64[] = {1, -1, 300, -1, 3000000000, INT64_MAX, INT64_MIN, 0};
  const uint64_t want_u64[] = {1, UINT64_MAX, 300, UINT64_MAX, 3000000000, UINT64_MAX, UINT64_C(1) << 63, 0};
  assert_memory_equal(u8, want_u8, sizeof u8);
  assert_memory_equal(i32, want_i32, sizeof i32);
  assert_memory_equal(i64, want_i64, sizeof i64);
  assert_memory_equal(u64, want_u64, sizeof u64);
}

/* 2^63 + 2^55 is a tie of bfloat16, and 2^63 + 2^55 + 1 is not; as a double they are the same number. */
static void integers_are_rounded_once(void **state) {
  (void)state;
  const uint64_t from[] = {(UINT64_C(1) << 63) + (UINT64_C(1) << 55), (UINT64_C(1) << 63) + (UINT64_C(1) << 55) + 1};
  uint16_t to[2];
  rung_convert(&rung_convert_defaults, 2, RUNG_U64, from, RUNG_BF16, to);
  assert_int_equal(to[0], 0x5f00);
  assert_int_equal(to[1], 0x5f01);
}

/* Numbers that every type of integer holds go from any type to any other and back, for odd counts. */
static void packed_types_keep_small_numbers(void **state) {
  (void)state;
  const rung_dtype types[] = {RUNG_U2, RUNG_I2, RUNG_U4, RUNG_I4, RUNG_U8, RUNG_I64, RUNG_F32, RUNG_F4E2M1, RUNG_BOOL};
  enum { COUNT = 1037 };
  for (size_t a = 0; a < RUNG_COUNT(types); a++)
    for (size_t b = 0; b < RUNG_COUNT(types); b++) {
      uint8_t numbers[COUNT], first[8 * COUNT], second[8 * COUNT], back[COUNT] = {0};
      for (size_t i = 0; i < COUNT; i++) numbers[i] = i * i % 3 % 2;
      rung_convert(&rung_convert_defaults, COUNT, RUNG_U8, numbers, types[a], first);
      rung_convert(&rung_convert_defaults, COUNT, types[a], first, types[b], second);
      rung_convert(&rung_convert_defaults, COUNT, types[b], second, RUNG_U8, back);
      assert_memory_equal(numbers, back, COUNT);
      assert_true(rung_element_get(types[b], second, COUNT - 1) == numbers[COUNT - 1]);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(broadcasts_walk_as_numpy_says),
      cmocka_unit_test(floats_become_integers),
      cmocka_unit_test(integers_are_rounded_once),
      cmocka_unit_test(packed_types_keep_small_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
