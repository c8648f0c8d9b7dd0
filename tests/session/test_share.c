/* What is packed of weights is packed once for all nodes and sessions that use it alike. */
#include "support/session.h"
#include "support/test.h"

#define HEAD "x:f32[2,2] -> y ; w:f32[2,2] = 1 2 3 4 ; v:f32[2,2] = 1 2 3 4 ; "

/* Blocks that the sessions' environment holds once they are made, and y[0][0] for x = 1 2 3 4. */
static long blocks_of(const char *model, float y) {
  test_session t;
  session_begin(&t);
  session_load(&t, model, 0);
  long before = atomic_load(&t.counts.alive);
  assert_ok(session_open(&t, "cpu", NULL));
  long blocks = atomic_load(&t.counts.alive) - before;
  session_fill(&t);
  assert_ok(session_run(&t));
  assert_float_equal(session_out(&t, 0, 0), y, 0);
  session_end(&t);
  return blocks;
}

static void nodes_share_what_is_packed(void **state) {
  (void)state;
  long same = blocks_of(HEAD "a@u = MatMul(x, w) ; b@y = MatMul(u, w)", 37);
  long other = blocks_of(HEAD "a@u = MatMul(x, w) ; b@y = MatMul(u, v)", 37);
  assert_true(same < other);
}

/* By attributes that packing looks at. */
static void but_not_what_is_packed_otherwise(void **state) {
  (void)state;
  long same = blocks_of(HEAD "a@u = Gemm(x, w) transB=1 ; b@y = Gemm(u, w) transB=1", 27);
  long other = blocks_of(HEAD "a@u = Gemm(x, w) transB=1 ; b@y = Gemm(u, w)", 38);
  assert_true(same < other);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_share_what_is_packed),
                                     cmocka_unit_test(but_not_what_is_packed_otherwise)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
