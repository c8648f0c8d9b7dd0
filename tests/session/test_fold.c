/* What folding makes ahead of the run, and what it leaves for it: by size, and by what a value is made of. */
#include "support/session.h"
#include "support/test.h"

#include <string.h>

/* How many nodes stay, of those that do not depend on an input, and Add, which does. */
static size_t nodes_left(const char *model) {
  test_session t;
  rung_session_options options;
  rung_session_options_init(&options);
  options.passes_off = "";
  options.plan_only = 1;
  session_begin(&t);
  session_load(&t, model, 0);
  assert_ok(session_open(&t, "cpu", &options));
  size_t left = rung_session_plan(t.session)->node_count;
  session_end(&t);
  return left;
}

#define ROW "a:i64[] = 0 ; n:i64[] = 400 ; s:i64[] = 1 ; w:i64[1] = 1 ; i = Range(a, n, s) ; r = Cast(i) to=1 ;"

static void a_table_of_a_row_and_a_column_is_made_once(void **state) {
  (void)state;
  assert_int_equal(
      nodes_left("x:f32[400,400] -> y ; " ROW "c = Unsqueeze(r, w) ; p = Mul(r, c) ; q = Cos(p) ; y = Add(x, q)"), 1);
}

static void weights_of_a_short_type_are_cast_once(void **state) {
  (void)state;
  assert_int_equal(
      nodes_left("x:f32[9] -> y ; a:i64[] = 0 ; n:i64[] = 5000 ; s:i64[] = 1 ; k:f32[] = 0.5 ; i = Range(a, n, s) ;"
                 "b = Cast(i) to=3 ; t = Identity(b) ; r = Concat(t, t, t, t) axis=0 ; f = Cast(r) to=1 ;"
                 "q = Mul(f, k) ; m = ReduceMax(q) keepdims=0 ; y = Add(x, m)"),
      1);
}

static void what_only_repeats_is_not_enlarged(void **state) {
  (void)state;
  assert_int_equal(nodes_left("x:f32[400,400] -> y ; h:i64[2] = 400 400 ; " ROW "q = Expand(r, h) ; y = Add(x, q)"), 2);
  assert_int_equal(nodes_left("x:f32[400,400] -> y ; h:i64[2] = 400 400 ; q = ConstantOfShape(h) ; y = Add(x, q)"), 2);
}

static void very_large_tables_are_left_for_the_run(void **state) {
  (void)state;
  assert_int_equal(
      nodes_left("x:f32[2000,2000] -> y ; a:i64[] = 0 ; n:i64[] = 2000 ; s:i64[] = 1 ; w:i64[1] = 1 ;"
                 "i = Range(a, n, s) ; r = Cast(i) to=1 ; c = Unsqueeze(r, w) ; q = Mul(r, c) ; y = Add(x, q)"),
      2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_table_of_a_row_and_a_column_is_made_once),
      cmocka_unit_test(weights_of_a_short_type_are_cast_once),
      cmocka_unit_test(what_only_repeats_is_not_enlarged),
      cmocka_unit_test(very_large_tables_are_left_for_the_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
