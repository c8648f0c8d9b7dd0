/* Strided copies: every walk against one element at a time, with every instruction set and number of threads, bytes
 * outside of the operands out of bounds. Sorting by keys against an order worked out by hand. */
#include "base/cpu.h"
#include "provider/cpu/form/sort_key.h"
#include "provider/cpu/form/strided.h"
#include "support/kernels.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const rung_cpu_set masks[] = {0, RUNG_CPU_ALL};
enum { MOST_RANK = 4 };

typedef struct problem {
  size_t size;
  int32_t rank;
  int64_t dims[MOST_RANK], from_step[MOST_RANK], to_step[MOST_RANK];
  size_t count, from_count, from_first; /* elements of the source; where the walk begins */
} problem;

/* A source of its own dimensions, permuted, some of them backwards, skipping or repeated. */
static void random_problem(problem *p, uint32_t *random) {
  static const size_t sizes[] = {1, 2, 3, 4, 8, 12, 16, 40};
  static const uint32_t most[] = {0, 3000, 120, 20, 8};
  int order[MOST_RANK] = {0, 1, 2, 3};
  *p = (problem){.size = sizes[random_below(random, RUNG_COUNT(sizes))],
                 .rank = 1 + (int32_t)random_below(random, MOST_RANK)};
  p->count = p->from_count = 1;
  for (int32_t i = p->rank - 1; i > 0; i--) {
    int other = (int)random_below(random, (uint32_t)i + 1), kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
  for (int32_t i = p->rank - 1; i >= 0; i--) {
    p->dims[i] = 1 + random_below(random, most[p->rank]);
    p->to_step[i] = (int64_t)p->count;
    p->count *= (size_t)p->dims[i];
  }
  for (int32_t k = p->rank - 1; k >= 0; k--) {
    int i = order[k];
    uint32_t kind = random_below(random, 8);
    int64_t skip = kind == 0 ? 2 : 1, length = kind == 1 ? 1 : p->dims[i] * skip;
    p->from_step[i] = kind == 1 ? 0 : (int64_t)p->from_count * skip;
    if (kind == 2) {
      p->from_first += (size_t)(p->from_step[i] * (p->dims[i] - 1));
      p->from_step[i] = -p->from_step[i];
    }
    p->from_count *= (size_t)length;
  }
}

static void copy_plainly(const problem *p, const char *from, char *to) {
  for (size_t element = 0; element < p->count; element++) {
    size_t rest = element;
    int64_t at = (int64_t)p->from_first;
    for (int32_t i = p->rank - 1; i >= 0; i--) {
      at += (int64_t)(rest % (size_t)p->dims[i]) * p->from_step[i];
      rest /= (size_t)p->dims[i];
    }
    memcpy(to + element * p->size, from + (size_t)at * p->size, p->size);
  }
}

static void check(const problem *p, uint32_t *random) {
  size_t bytes = p->count * p->size;
  char *from = guarded(p->from_count * p->size, 1), *to = guarded(bytes, 1), *want = malloc(bytes);
  for (size_t i = 0; i < p->from_count * p->size; i++) from[i] = (char)random_below(random, 256);
  copy_plainly(p, from, want);
  for (size_t m = 0; m < RUNG_COUNT(masks); m++)
    for (uint32_t threads = 1; threads <= 3; threads++) {
      test_host host;
      test_host_start(&host, threads, masks[m]);
      rung_kernel_call call = {.host = &host.host};
      rung_strided plan;
      memset(to, 0, bytes);
      rung_strided_make(&plan, p->size, p->rank, p->dims, p->from_step, p->to_step);
      rung_strided_run(&call, &plan, from + p->from_first * p->size, to);
      assert_memory_equal(want, to, bytes);
      test_host_stop(&host);
    }
  free(want);
  guarded_free_all();
}

static void copies_are_right(void **state) {
  (void)state;
  uint32_t random = 3;
  for (int round = 0; round < 400; round++) {
    problem p;
    random_problem(&p, &random);
    check(&p, &random);
  }
}

static void nothing_is_copied(void **state) {
  (void)state;
  test_host host;
  test_host_start(&host, 1, RUNG_CPU_ALL);
  rung_kernel_call call = {.host = &host.host};
  rung_strided plan;
  rung_strided_make(&plan, 4, 2, (int64_t[]){3, 0}, (int64_t[]){0, 1}, (int64_t[]){0, 1});
  rung_strided_run(&call, &plan, NULL, NULL);
  test_host_stop(&host);
}

/* -0 and 0 keep their order, NaN comes last. */
static void keys_are_in_order(void **state) {
  (void)state;
  const float floats[] = {NAN, 1, -0.0f, INFINITY, 0, -INFINITY, -1, -NAN, 1e-40f};
  const int64_t order[] = {5, 6, 2, 4, 8, 1, 3, 0, 7};
  rung_sort_entry entries[RUNG_COUNT(floats)], spare[RUNG_COUNT(floats)];
  test_host host;
  test_host_start(&host, 1, RUNG_CPU_ALL);
  rung_kernel_call call = {.host = &host.host};
  assert_true(rung_sort_entries_make(&call, RUNG_F32, floats, RUNG_COUNT(floats), entries));
  assert_ok(rung_sort_entries(&call, RUNG_COUNT(floats), entries, spare));
  for (size_t i = 0; i < RUNG_COUNT(floats); i++) assert_int_equal(entries[i].index, order[i]);
  test_host_stop(&host);
}

static void sorts_are_stable(void **state) {
  (void)state;
  enum { MOST = 3000 };
  uint32_t random = 1;
  int8_t *numbers = malloc(MOST);
  rung_sort_entry *entries = malloc(2 * MOST * sizeof *entries);
  for (uint32_t threads = 1; threads <= 3; threads++)
    for (size_t n = 0; n < MOST; n = n * 3 / 2 + 1) {
      test_host host;
      test_host_start(&host, threads, RUNG_CPU_ALL);
      rung_kernel_call call = {.host = &host.host};
      for (size_t i = 0; i < n; i++) numbers[i] = (int8_t)random_below(&random, 40);
      assert_true(rung_sort_entries_make(&call, RUNG_I8, numbers, n, entries));
      assert_ok(rung_sort_entries(&call, n, entries, entries + n));
      for (size_t i = 1; i < n; i++) {
        int8_t before = numbers[entries[i - 1].index], now = numbers[entries[i].index];
        assert_true(before < now || (before == now && entries[i - 1].index < entries[i].index));
      }
      test_host_stop(&host);
    }
  free(entries);
  free(numbers);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(copies_are_right), cmocka_unit_test(nothing_is_copied),
                                     cmocka_unit_test(keys_are_in_order), cmocka_unit_test(sorts_are_stable)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
