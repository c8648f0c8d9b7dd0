/* Greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020): the largest
 * block first, each into the tightest gap between the blocks already placed that live at the same time, else behind
 * the last of them. In their measurements on networks within a few percent of the lower bound. */
#include "base/offsets.h"

#include <assert.h>
#include <stdlib.h>

static bool live_together(const rung_span *a, const rung_span *b) { return a->first <= b->last && b->first <= a->last; }

static size_t room(const rung_span *span) { return RUNG_ROUND_UP(span->size, (size_t)RUNG_TENSOR_ALIGN); }

/* Largest first; equal ones in order of time, then of the array: qsort itself is not stable. */
static int compare(const void *left, const void *right) {
  const rung_span *a = *(rung_span *const *)left, *b = *(rung_span *const *)right;
  if (a->size != b->size) return a->size > b->size ? -1 : 1;
  if (a->first != b->first) return a->first < b->first ? -1 : 1;
  return a < b ? -1 : a > b;
}

/* The offset for `span` among the placed ones, which are in order of offset. */
static size_t best_fit(rung_span *const *placed, size_t count, const rung_span *span) {
  size_t end = 0, best = SIZE_MAX, tightest = SIZE_MAX, needed = room(span);
  for (size_t i = 0; i < count; i++) {
    if (!live_together(placed[i], span)) continue;
    size_t gap = placed[i]->offset > end ? placed[i]->offset - end : 0;
    if (gap >= needed && gap < tightest) tightest = gap, best = end;
    end = RUNG_MAX(end, placed[i]->offset + room(placed[i]));
  }
  return best == SIZE_MAX ? end : best;
}

/* Inserts `span` in order of offset. */
static void insert(rung_span **placed, size_t count, rung_span *span) {
  size_t at = count;
  while (at > 0 && placed[at - 1]->offset > span->offset) at--;
  memmove(placed + at + 1, placed + at, (count - at) * sizeof *placed);
  placed[at] = span;
}

/* No offset can exceed the sum of all sizes, so checking that sum once makes all later sums safe. */
static rung_status *check_sum(const rung_span *spans, size_t count) {
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    assert(spans[i].first <= spans[i].last);
    size_t rounded;
    RUNG_REQUIRE(rung_add_size(spans[i].size, RUNG_TENSOR_ALIGN, &rounded) && rung_add_size(sum, rounded, &sum) &&
                     sum <= PTRDIFF_MAX,
                 LIMIT, "block %zu of %zu bytes makes the arena larger than the address range", i, spans[i].size);
  }
  return NULL;
}

rung_status *rung_offsets_pack(const rung_allocator *allocator, rung_span *spans, size_t count, size_t *out_size) {
  *out_size = 0;
  if (count == 0) return NULL;
  RUNG_TRY(check_sum(spans, count));
  rung_span **order = rung_alloc(allocator, count, 2 * sizeof *order, "offsets");
  RUNG_CHECK_ALLOC(order);
  rung_span **placed = order + count;
  size_t sized = 0, size = 0;
  for (size_t i = 0; i < count; i++) {
    spans[i].offset = 0;
    if (spans[i].size) order[sized++] = &spans[i];
  }
  qsort(order, sized, sizeof *order, compare);
  for (size_t i = 0; i < sized; i++) {
    order[i]->offset = best_fit(placed, i, order[i]);
    insert(placed, i, order[i]);
    size = RUNG_MAX(size, order[i]->offset + room(order[i]));
  }
  rung_free(allocator, order);
  *out_size = size;
  return NULL;
}

static bool overlap(const rung_span *a, const rung_span *b) {
  return a->size && b->size && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

bool rung_offsets_is_valid(const rung_span *spans, size_t count, size_t size) {
  for (size_t i = 0; i < count; i++) {
    if (spans[i].offset % RUNG_TENSOR_ALIGN || spans[i].offset > size || spans[i].size > size - spans[i].offset)
      return false;
    for (size_t j = 0; j < i; j++)
      if (live_together(&spans[i], &spans[j]) && overlap(&spans[i], &spans[j])) return false;
  }
  return true;
}
