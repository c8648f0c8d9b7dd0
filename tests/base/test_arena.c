#include "base/arena.h"
#include "support/counting.h"
#include "support/test.h"

static void blocks_are_separate_zeroed_and_aligned(void **state) {
  (void)state;
  counting counts;
  counting_init(&counts, 0);
  rung_arena arena;
  rung_arena_init(&arena, &counts.allocator);
  unsigned char *blocks[500];
  for (size_t i = 0; i < 500; i++) {
    blocks[i] = rung_arena_alloc(&arena, i, 7);
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
    for (size_t j = 0; j < i * 7; j++) assert_int_equal(blocks[i][j], 0);
    memset(blocks[i], (int)(i & 255), i * 7);
  }
  for (size_t i = 0; i < 500; i++)
    for (size_t j = 0; j < i * 7; j++) assert_int_equal(blocks[i][j], i & 255);
#ifndef RUNG_ARENA_SINGLE
  assert_true(atomic_load(&counts.alive) > 1 && atomic_load(&counts.alive) < 30);
#endif
  rung_arena_finish(&arena);
  assert_int_equal(atomic_load(&counts.alive), 0);
  rung_arena_finish(&arena);
}

static void large_blocks_get_their_own(void **state) {
  (void)state;
  rung_arena arena;
  rung_arena_init(&arena, &rung_system_allocator);
  char *large = rung_arena_alloc(&arena, 5 << 20, 1), *small = rung_arena_alloc(&arena, 16, 1);
  assert_non_null(large);
  assert_non_null(small);
  memset(large, 1, 5 << 20);
  assert_int_equal(small[0], 0);
  rung_arena_finish(&arena);
}

static void sizes_do_not_wrap(void **state) {
  (void)state;
  rung_arena arena;
  rung_arena_init(&arena, &rung_system_allocator);
  assert_null(rung_arena_alloc(&arena, SIZE_MAX / 2 + 2, 2));
  assert_null(rung_arena_alloc(&arena, SIZE_MAX, 1));
  assert_null(rung_arena_alloc(&arena, SIZE_MAX - 7, 1));
  assert_null(rung_arena_copy(&arena, "", SIZE_MAX));
  assert_non_null(rung_arena_alloc(&arena, 0, 8));
  rung_arena_finish(&arena);
}

static void copies_end_with_nul(void **state) {
  (void)state;
  rung_arena arena;
  rung_arena_init(&arena, &rung_system_allocator);
  assert_string_equal(rung_arena_copy(&arena, "abcdef", 3), "abc");
  assert_string_equal(rung_arena_copy(&arena, NULL, 0), "");
  assert_string_equal(rung_arena_printf(&arena, "%s-%d", "node", 12), "node-12");
  rung_arena_finish(&arena);
}

static bool fill(const rung_allocator *allocator, void *context) {
  (void)context;
  rung_arena arena;
  rung_arena_init(&arena, allocator);
  bool done = true;
  for (int i = 0; i < 300 && done; i++)
    done = rung_arena_alloc(&arena, 100, 1) && rung_arena_copy(&arena, "name", 4) && rung_arena_printf(&arena, "%d", i);
  rung_arena_finish(&arena);
  return done;
}

static void out_of_memory_is_null(void **state) {
  (void)state;
  assert_true(counting_fail_each(fill, NULL) >= 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_are_separate_zeroed_and_aligned),
      cmocka_unit_test(large_blocks_get_their_own),
      cmocka_unit_test(sizes_do_not_wrap),
      cmocka_unit_test(copies_end_with_nul),
      cmocka_unit_test(out_of_memory_is_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
