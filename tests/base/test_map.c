#include "base/map.h"
#include "support/counting.h"
#include "support/test.h"

#include <stdio.h>

enum { MANY = 2000 };
static char names[MANY][16];

static int make_names(void **state) {
  (void)state;
  for (int i = 0; i < MANY; i++) snprintf(names[i], sizeof names[i], "n%d", i);
  return 0;
}

static bool fill(const rung_allocator *allocator, void *context) {
  (void)context;
  rung_map map;
  rung_map_init(&map, allocator);
  bool done = true;
  size_t put = 0;
  for (; put < MANY && done; put += done) done = rung_map_put(&map, rung_str_of(names[put]), names[put]);
  assert_int_equal(map.count, put); /* a failed put changes nothing */
  for (size_t i = 0; i < MANY; i++)
    assert_ptr_equal(rung_map_get(&map, rung_str_of(names[i])), i < put ? names[i] : NULL);
  rung_map_finish(&map);
  assert_null(rung_map_get(&map, rung_str_of("n1")));
  return done;
}

static void finds_all_or_fails_whole(void **state) {
  (void)state;
  assert_true(counting_fail_each(fill, NULL) >= 5);
}

static void replaces(void **state) {
  (void)state;
  rung_map map;
  int a, b;
  rung_map_init(&map, &rung_system_allocator);
  assert_null(rung_map_get(&map, rung_str_of("x")));
  assert_true(rung_map_put(&map, rung_str_of("x"), &a));
  assert_true(rung_map_put(&map, rung_str_of("x"), &b));
  assert_int_equal(map.count, 1);
  assert_ptr_equal(rung_map_get(&map, rung_str_of("x")), &b);
  assert_null(rung_map_get(&map, rung_str_of("xx")));
  rung_map_finish(&map);
}

static void empty_names_are_names(void **state) {
  (void)state;
  rung_map map;
  int a;
  rung_map_init(&map, &rung_system_allocator);
  assert_true(rung_map_put(&map, (rung_str){NULL, 0}, &a));
  assert_ptr_equal(rung_map_get(&map, rung_str_of("")), &a);
  assert_int_equal(map.count, 1);
  rung_map_finish(&map);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_all_or_fails_whole),
      cmocka_unit_test(replaces),
      cmocka_unit_test(empty_names_are_names),
  };
  return cmocka_run_group_tests(tests, make_names, NULL);
}
