#include "support/counting.h"

#include "support/test.h"

#include <stdlib.h>

static void *count_alloc(void *user, size_t size, size_t align, const char *tag) {
  counting *counts = user;
  long request = atomic_fetch_add(&counts->made, 1) + 1;
  assert_non_null(tag);
  assert_true(size > 0 && align > 0 && (align & (align - 1)) == 0);
  if (counts->fail_at && (counts->once ? request == counts->fail_at : request >= counts->fail_at)) return NULL;
  void *block = NULL;
  if (posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, size) != 0) return NULL;
  atomic_fetch_add(&counts->alive, 1);
  return block;
}

static void count_free(void *user, void *block) {
  counting *counts = user;
  atomic_fetch_sub(&counts->alive, 1);
  free(block);
}

void counting_init(counting *counts, long fail_at) {
  *counts = (counting){.allocator = {count_alloc, count_free, counts}, .fail_at = fail_at};
}

long counting_fail_each(bool (*attempt)(const rung_allocator *allocator, void *context), void *context) {
  enum { PATIENCE = 100000 };
  for (long n = 1; n < PATIENCE; n++) {
    counting counts;
    counting_init(&counts, n);
    bool done = attempt(&counts.allocator, context);
    assert_int_equal(atomic_load(&counts.alive), 0);
    if (atomic_load(&counts.made) < n) {
      assert_true(done);
      return n - 1;
    }
    assert_false(done);
  }
  fail_msg("still failing after %d allocations", PATIENCE);
  return 0;
}
