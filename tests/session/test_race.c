/* Sessions side by side: what is measured, and which is recommended. */
#include "support/session.h"
#include "support/test.h"

#include <math.h>

static const char model[] = "x:f32[2,2] -> y ; u = Add(x, x) ; y = Mul(u, u)";

static rung_lane lane_of(double first, double step, bool out) {
  rung_lane lane = {.out = out, .rounds = 10};
  for (size_t i = 0; i < lane.rounds; i++) lane.medians[i] = first + step * (double)i;
  return lane;
}

static void the_best_is_faster_by_enough_and_surely(void **state) {
  (void)state;
  double ratio;
  int certain;
  rung_lane lanes[] = {lane_of(1, 0, false), lane_of(0.98, 0, false), lane_of(0.5, 0, true), lane_of(0.6, 0.09, false),
                       lane_of(0.9, 0, false)};
  assert_int_equal(rung_race_best(lanes, 1), 0);
  assert_int_equal(rung_race_best(lanes, 2), 0); /* 2 % are not worth it */
  assert_int_equal(rung_race_best(lanes, 3), 0); /* wrong outputs */
  assert_int_equal(rung_race_best(lanes, 4), 0); /* only half of the rounds */
  assert_int_equal(rung_race_best(lanes, 5), 4);
  assert_int_equal(rung_race_best(&lanes[2], 1), 1); /* nobody */
  assert_false(rung_lane_is_faster(&lanes[3], &lanes[0], &ratio, &certain));
  assert_false(certain);
  assert_true(rung_lane_is_faster(&lanes[4], &lanes[0], &ratio, &certain));
  assert_true(certain && fabs(ratio - 0.9) < 1e-9);
}

typedef struct race {
  test_session fast, slow;
  rung_lane lanes[2];
  rung_value *const *sets[1];
  rung_race_options options;
} race;

static void begin(race *r) {
  *r = (race){0};
  session_make(&r->fast, model, "cpu");
  session_make(&r->slow, model, "fake:delay=3,cpu");
  session_fill(&r->fast);
  r->lanes[0].session = r->slow.session;
  r->lanes[1].session = r->fast.session;
  r->sets[0] = r->fast.inputs;
  rung_race_options_init(&r->options);
  r->options.inputs = r->sets;
  r->options.set_count = r->options.input_count = 1;
}

static void end(race *r) {
  session_end(&r->slow);
  session_end(&r->fast);
}

static int stop_at_once(void *user, const char *stage, uint64_t done, uint64_t total) {
  (void)user;
  assert_string_equal(stage, "measure");
  assert_true(done <= total);
  return 1;
}

static void rounds_take_turns(void **state) {
  (void)state;
  race r;
  begin(&r);
  for (uint32_t parallel = 0; parallel < 3; parallel++) {
    r.options.parallel = parallel;
    r.options.runs = 25;
    assert_ok(rung_race(&r.options, r.lanes, 2));
    for (size_t i = 0; i < 2; i++) {
      const rung_lane *l = &r.lanes[i];
      assert_int_equal(l->runs, 25 * (parallel ? parallel : 1));
      assert_int_equal(l->rounds, RUNG_RACE_ROUNDS);
      assert_true(l->min > 0 && l->min <= l->median && l->median <= l->p90 && l->p90 <= l->p99);
      assert_true(l->ratio_low <= l->ratio && l->ratio <= l->ratio_high);
    }
    assert_float_equal(r.lanes[0].ratio, 1, 0);
    assert_int_equal(rung_race_best(r.lanes, 2), 1); /* three milliseconds against none */
  }
  r.options.runs = 0;
  r.options.seconds = 0.01;
  assert_ok(rung_race(&r.options, r.lanes, 2));
  assert_true(r.lanes[0].rounds >= 3 && r.lanes[0].rounds == r.lanes[1].rounds);
  end(&r);
}

static void it_can_be_stopped_and_fail(void **state) {
  (void)state;
  race r;
  begin(&r);
  r.options.runs = 3;
  r.options.progress = stop_at_once;
  assert_error(rung_race(&r.options, r.lanes, 2), CANCELLED, "measuring was cancelled");
  r.options.progress = NULL;
  r.options.set_count = 0;
  assert_error(rung_race(&r.options, r.lanes, 2), INVALID_ARGUMENT, "sessions and inputs");
  r.options.set_count = 1;
  r.options.input_count = 0;
  assert_error(rung_race(&r.options, r.lanes, 2), INVALID_ARGUMENT, "input");
  end(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_best_is_faster_by_enough_and_surely),
      cmocka_unit_test(rounds_take_turns),
      cmocka_unit_test(it_can_be_stopped_and_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
