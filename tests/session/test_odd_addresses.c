/* Elements that lie at any byte of a model, or of the user's memory: whoever computes gets them where the machine wants
 * them. (Builds with the undefined-behaviour sanitizer see a read at an odd address; results are right everywhere.) */
#include "support/session.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum { SHIFTS = 4 };

/* `format` has one %s: the initializer's name, whose length moves its data. */
static void make_shifted(test_session *t, const char *format, size_t shift) {
  char text[512];
  snprintf(text, sizeof text, format, &"aaaa"[SHIFTS - 1 - shift], &"aaaa"[SHIFTS - 1 - shift]);
  session_make(t, text, "cpu");
  assert_ok(session_run(t));
}

/* y = x w^3 by a Loop whose state begins as a constant: it comes to the body as an ordinary value. */
static void states_of_bodies(void **state) {
  (void)state;
  for (size_t shift = 0; shift < SHIFTS; shift++) {
    test_session t;
    make_shifted(&t,
                 "x:f32[2] -> y ; %s:f32[2] = 2 3 ; n:i64[] = 3 ;"
                 "y = Loop(n, _, %s) body={ i:i64[] c:bool[] s:f32[2] -> d, r ; d = Identity(c) ; r = Mul(s, x) }",
                 shift);
    assert_float_equal(session_out(&t, 0, 0), 2, 0);
    assert_float_equal(session_out(&t, 0, 1), 24, 0);
    session_end(&t);
  }
}

/* W is constant, R is not: nothing is packed, so runs read W. */
static void weights_that_are_not_packed(void **state) {
  (void)state;
  for (size_t shift = 0; shift < SHIFTS; shift++) {
    test_session t;
    make_shifted(&t,
                 "x:f32[1,1,2] r:f32[1,1,1] -> y ; %s:f32[1,1,2] = 0.25 0.125 ;"
                 "all, y = RNN(x, %s, r) hidden_size=1",
                 shift);
    assert_float_equal(session_out(&t, 0, 0), 0.46211716, 1e-6);
    session_end(&t);
  }
}

static void memory_of_the_user(void **state) {
  (void)state;
  for (size_t shift = 0; shift < SHIFTS; shift++) {
    test_session t;
    session_make(&t, "x:f32[3] -> y ; y = Add(x, x)", "cpu");
    char memory[4 * SHIFTS + SHIFTS];
    memcpy(memory + shift, (const float[]){1, 2, 4}, 12);
    rung_tensor tensor = {.dtype = RUNG_F32, .rank = 1, .dims = {3}, .data = memory + shift, .size = 12};
    rung_value *view, *y = NULL;
    assert_ok(rung_value_create_view(t.env, &tensor, NULL, NULL, &view));
    assert_ok(rung_session_run(t.session, NULL, &view, 1, &y, 1));
    for (size_t i = 0; i < 3; i++) assert_float_equal(rung_tensor_get(rung_value_tensor(y), i), (double)(2 << i), 0);
    rung_value_release(y);
    rung_value_release(view);
    session_end(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(states_of_bodies),
      cmocka_unit_test(weights_that_are_not_packed),
      cmocka_unit_test(memory_of_the_user),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
