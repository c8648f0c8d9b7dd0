#include "base/offsets.h"
#include "support/counting.h"
#include "support/test.h"

enum { MOST = 120 };

static uint64_t random_state = 1;
static size_t below(size_t limit) {
  random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
  return (size_t)(random_state % limit);
}

static size_t make_spans(rung_span *spans) {
  size_t count = below(MOST + 1), steps = 1 + below(60), largest = 1 + below(1 << below(20));
  for (size_t i = 0; i < count; i++) {
    size_t first = below(steps);
    spans[i] = (rung_span){below(largest), first, first + below(steps - first), SIZE_MAX};
  }
  return count;
}

/* The most bytes alive at once: no packing can be smaller. */
static size_t lower_bound(const rung_span *spans, size_t count) {
  size_t most = 0;
  for (size_t i = 0; i < count; i++) { /* a maximum begins where some span begins */
    size_t alive = 0;
    for (size_t j = 0; j < count; j++)
      if (spans[j].first <= spans[i].first && spans[i].first <= spans[j].last)
        alive += RUNG_ROUND_UP(spans[j].size, (size_t)RUNG_TENSOR_ALIGN);
    most = RUNG_MAX(most, alive);
  }
  return most;
}

static void random_spans_do_not_overlap(void **state) {
  (void)state;
  size_t total = 0, bound = 0;
  for (int round = 0; round < 2000; round++) {
    rung_span spans[MOST] = {{0}}, again[MOST];
    size_t count = make_spans(spans), size = 1, second = 2;
    memcpy(again, spans, sizeof spans);
    assert_ok(rung_offsets_pack(&rung_system_allocator, spans, count, &size));
    assert_true(rung_offsets_is_valid(spans, count, size));
    assert_true(size >= lower_bound(spans, count) && size % RUNG_TENSOR_ALIGN == 0);
    assert_ok(rung_offsets_pack(&rung_system_allocator, again, count, &second));
    assert_int_equal(size, second);
    if (count) assert_memory_equal(spans, again, count * sizeof *spans);
    total += size, bound += lower_bound(spans, count);
  }
  assert_true(total < bound + bound / 10); /* seen: 2 % above */
}

static void a_chain_needs_two_buffers(void **state) {
  (void)state;
  rung_span chain[10];
  size_t size;
  for (size_t i = 0; i < 10; i++) chain[i] = (rung_span){1000, i, i + 1, 0};
  assert_ok(rung_offsets_pack(&rung_system_allocator, chain, 10, &size));
  assert_int_equal(size, 2048);
}

static void the_tightest_gap_is_taken(void **state) {
  (void)state;
  /* The four large ones stack up from 0. When the second and the last died, the small one fits in both gaps.
   */
  rung_span spans[] = {{1024, 0, 9, 0}, {512, 0, 4, 0}, {448, 0, 9, 0}, {384, 0, 4, 0}, {320, 0, 9, 0}, {300, 5, 9, 0}};
  size_t size;
  assert_ok(rung_offsets_pack(&rung_system_allocator, spans, 6, &size));
  assert_int_equal(spans[3].offset, 1024 + 512 + 448);
  assert_int_equal(spans[5].offset, spans[3].offset);
  assert_int_equal(size, 1024 + 512 + 448 + 384 + 320);
}

static void edges(void **state) {
  (void)state;
  size_t size = 5;
  assert_ok(rung_offsets_pack(&rung_system_allocator, NULL, 0, &size));
  assert_int_equal(size, 0);
  rung_span empty[] = {{0, 0, 5, 9}, {0, 0, 5, 9}};
  assert_ok(rung_offsets_pack(&rung_system_allocator, empty, 2, &size));
  assert_true(size == 0 && empty[0].offset == 0 && empty[1].offset == 0);
  rung_span huge[] = {{SIZE_MAX / 4, 0, 0, 0}, {SIZE_MAX / 4 + 1, 0, 0, 0}, {SIZE_MAX, 0, 0, 0}};
  assert_error(rung_offsets_pack(&rung_system_allocator, huge, 2, &size), LIMIT, "block 1");
  assert_error(rung_offsets_pack(&rung_system_allocator, huge + 2, 1, &size), LIMIT, "block 0");
}

static void the_walker_sees_faults(void **state) {
  (void)state;
  rung_span spans[] = {{64, 0, 2, 0}, {64, 2, 3, 64}};
  assert_true(rung_offsets_is_valid(spans, 2, 128));
  assert_false(rung_offsets_is_valid(spans, 2, 127)); /* outside */
  spans[1].offset = 0;
  assert_false(rung_offsets_is_valid(spans, 2, 128)); /* overlap in step 2 */
  spans[1].first = 3;
  assert_true(rung_offsets_is_valid(spans, 2, 128));
  spans[1].offset = 32;
  assert_false(rung_offsets_is_valid(spans, 2, 128)); /* unaligned */
  spans[1].offset = (SIZE_MAX - 63);
  assert_false(rung_offsets_is_valid(spans, 2, 128));
}

static bool pack(const rung_allocator *allocator, void *context) {
  rung_span span = {64, 0, 0, 0};
  rung_status *status = rung_offsets_pack(allocator, &span, 1, context);
  return !status;
}

static void out_of_memory(void **state) {
  (void)state;
  size_t size;
  assert_int_equal(counting_fail_each(pack, &size), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_spans_do_not_overlap), cmocka_unit_test(a_chain_needs_two_buffers),
      cmocka_unit_test(the_tightest_gap_is_taken),   cmocka_unit_test(edges),
      cmocka_unit_test(the_walker_sees_faults),      cmocka_unit_test(out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
