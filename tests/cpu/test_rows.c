/* Rows of float32 that end in one number: the same bits with every instruction set, near sums in double, for lengths 0
 * to 600 and some thousands; bytes outside of the operands are out of bounds. */
#include "base/macros.h"
#include "provider/cpu/kernel/rows_f32.h"
#include "support/kernels.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

static const size_t long_ones[] = {1023, 1024, 1025, 1536, 4096, 5000, 12345};
enum { SHORT = 600, LENGTHS = SHORT + 1 + RUNG_COUNT(long_ones) };

static size_t length(size_t i) { return i <= SHORT ? i : long_ones[i - SHORT - 1]; }

static const rung_rows_f32 *table_of(size_t mask) { return rung_rows_f32_for(rung_cpu_features() & test_masks[mask]); }

static float *floats(size_t n) { return guarded(n * sizeof(float), sizeof(float)); }

static float *random_row(uint32_t seed, size_t n) {
  float *x = floats(n);
  random_floats(seed, n, x);
  return x;
}

/* The sum in double of what a kernel adds, and of its absolute values. */
typedef struct exact {
  double sum, size;
} exact;

static void add(exact *e, double term) {
  e->sum += term;
  e->size += fabs(term);
}

/* `first`: what the first mask gave. */
static void assert_sum(const char *what, size_t n, const exact *e, float first, float got) {
  if (memcmp(&first, &got, sizeof got) != 0)
    fail_msg("%s of %zu: other bits, %a and %a", what, n, (double)first, (double)got);
  if (!(fabs((double)got - e->sum) <= 1e-6 * e->size)) fail_msg("%s of %zu: %a, not %a", what, n, (double)got, e->sum);
}

static void sums_are_near_and_the_same(void **state) {
  (void)state;
  for (size_t l = 0; l < LENGTHS; l++) {
    size_t n = length(l);
    float *x = random_row((uint32_t)l, n), *y = random_row((uint32_t)l + 1, n), shift = 0.3f, first[3];
    exact sum = {0}, squares = {0}, dot = {0};
    for (size_t i = 0; i < n; i++) {
      float d = x[i] - shift;
      add(&sum, (double)x[i]);
      add(&squares, (double)d * (double)d);
      add(&dot, (double)x[i] * (double)y[i]);
    }
    for (size_t m = 0; m < TEST_MASKS; m++) {
      const rung_rows_f32 *t = table_of(m);
      float got[] = {t->sum(n, x), t->squares(n, x, shift), t->dot(n, x, y)};
      if (m == 0) memcpy(first, got, sizeof got);
      assert_sum("sum", n, &sum, first[0], got[0]);
      assert_sum("squares", n, &squares, first[1], got[1]);
      assert_sum("dot", n, &dot, first[2], got[2]);
    }
    guarded_free_all();
  }
}

/* What pairwise sums are for: one after the other, a million equal numbers lose a hundredth. */
static void long_sums_are_near(void **state) {
  (void)state;
  enum { COUNT = 1 << 20 };
  const double want = COUNT * (double)0.1f;
  float *x = floats(COUNT);
  for (size_t i = 0; i < COUNT; i++) x[i] = 0.1f;
  for (size_t m = 0; m < TEST_MASKS; m++) assert_true(fabs((double)table_of(m)->sum(COUNT, x) - want) < 1e-6 * want);
  guarded_free_all();
}

static void maxima_find_every_place(void **state) {
  (void)state;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_rows_f32 *t = table_of(m);
    assert_true(t->max(0, NULL) == -INFINITY);
    for (size_t n = 1; n < 80; n++) {
      float *x = random_row((uint32_t)n, n);
      for (size_t at = 0; at < n; at++) {
        float kept = x[at];
        x[at] = 7;
        assert_true(t->max(n, x) == 7);
        x[at] = NAN;
        assert_true(isnan(t->max(n, x)));
        x[at] = kept;
      }
      for (size_t i = 0; i < n; i++) x[i] = -INFINITY;
      assert_true(t->max(n, x) == -INFINITY);
      guarded_free_all();
    }
    for (size_t l = SHORT; l < LENGTHS; l++) {
      size_t n = length(l), at = n * 5 / 7;
      float *x = random_row((uint32_t)l, n);
      x[at] = 1.5f;
      assert_true(t->max(n, x) == 1.5f);
      x[at] = NAN;
      x[n - 1] = INFINITY;
      assert_true(isnan(t->max(n, x)));
      guarded_free_all();
    }
  }
}

static void the_least_leaves_nan_aside(void **state) {
  (void)state;
  for (size_t m = 0; m < TEST_MASKS; m++) {
    const rung_rows_f32 *t = table_of(m);
    assert_true(t->least(0, NULL) == INFINITY);
    for (size_t n = 2; n < 80; n++)
      for (size_t at = 0; at < n; at++) {
        float *x = random_row((uint32_t)n, n);
        x[at] = -7;
        x[(at + 1) % n] = NAN;
        assert_true(t->least(n, x) == -7);
        guarded_free_all();
      }
  }
}

/* Rows of w that lie apart; what is added is rounded twice, and in the order of k. */
static void products_have_the_bits_of_the_loop(void **state) {
  (void)state;
  static const size_t terms[] = {0, 1, 2, 7, 33};
  for (size_t n = 0; n < 150; n++)
    for (size_t t = 0; t < RUNG_COUNT(terms); t++) {
      size_t k = terms[t], step = n + t % 2 * 3, last = k ? (k - 1) * step + n : 0;
      float *x = random_row(1, k), *w = random_row(2, last), *start = random_row(3, n), *want = floats(n);
      memcpy(want, start, n * sizeof *want);
      for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++) want[j] += x[i] * w[i * step + j];
      for (size_t m = 0; m < TEST_MASKS; m++) {
        float *y = floats(n);
        memcpy(y, start, n * sizeof *y);
        table_of(m)->add_product(n, k, x, w, step, y);
        assert_memory_equal(want, y, n * sizeof *y);
      }
      guarded_free_all();
    }
}

/* Of x - shift, which is rounded; in place for odd lengths. */
static void exponentials_are_near_and_the_same(void **state) {
  (void)state;
  for (size_t l = 0; l < LENGTHS; l++) {
    size_t n = length(l);
    float *kept = random_row((uint32_t)l, n), *first = floats(n), sum = 0;
    for (size_t i = 0; i < n; i++) kept[i] *= 40;
    if (n > 2) kept[n - 1] = -INFINITY, kept[n / 2] = -500;
    for (size_t m = 0; m < TEST_MASKS; m++) {
      const rung_rows_f32 *t = table_of(m);
      float *x = floats(n), *y = n % 2 ? x : floats(n);
      memcpy(x, kept, n * sizeof *x);
      float got = t->exponentials(n, x, 11.5f, y), again = t->sum(n, y);
      if (m == 0) {
        sum = got;
        memcpy(first, y, n * sizeof *y);
      }
      assert_memory_equal(first, y, n * sizeof *y);
      assert_memory_equal(&sum, &got, sizeof sum);
      assert_memory_equal(&sum, &again, sizeof sum);
    }
    for (size_t i = 0; i < n; i++) {
      double want = exp((double)(kept[i] - 11.5f));
      assert_true(fabs((double)first[i] - want) <= 2e-7 * want + 1e-45);
    }
    guarded_free_all();
  }
}

/* One rounding for a quotient, two for a * x + y. */
static void divide_and_add_scaled_are_exact(void **state) {
  (void)state;
  for (size_t l = 0; l < LENGTHS; l++) {
    size_t n = length(l);
    float a = 1.0f / 3, by = n % 5 ? 0.7f : 0; /* 0 / 0 is not asked for */
    float *x = random_row((uint32_t)l, n), *y = random_row((uint32_t)l + 7, n), *sums = floats(n),
          *quotients = floats(n);
    for (size_t i = 0; i < n; i++) {
      if (x[i] == 0) x[i] = 1;
      float product = a * x[i];
      sums[i] = y[i] + product;
      quotients[i] = x[i] / by;
    }
    for (size_t m = 0; m < TEST_MASKS; m++) {
      float *divided = floats(n), *added = floats(n);
      memcpy(divided, x, n * sizeof *x);
      memcpy(added, y, n * sizeof *y);
      table_of(m)->divide(n, divided, by);
      table_of(m)->add_scaled(n, a, x, added);
      assert_memory_equal(quotients, divided, n * sizeof *x);
      assert_memory_equal(sums, added, n * sizeof *x);
    }
    guarded_free_all();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_are_near_and_the_same),         cmocka_unit_test(long_sums_are_near),
      cmocka_unit_test(products_have_the_bits_of_the_loop), cmocka_unit_test(maxima_find_every_place),
      cmocka_unit_test(the_least_leaves_nan_aside),         cmocka_unit_test(exponentials_are_near_and_the_same),
      cmocka_unit_test(divide_and_add_scaled_are_exact)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
