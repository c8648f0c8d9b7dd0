/* Unique: items (elements, or the slices along an axis) are sorted, stably, and equal neighbours make a group; the
 * first of a group is then its first occurrence. Single numbers are sorted by their keys, all else by comparing element
 * by element; NaN comes last, and all NaN are equal. */
#include "op/selection.h"
#include "base/str.h"
#include "provider/cpu/form/gather.h"
#include "provider/cpu/form/moved.h"
#include "provider/cpu/form/sort_key.h"
#include "provider/cpu/form/strided.h"

/* -1, 0, 1 by the first of n elements that differ. */
typedef int (*compare_function)(size_t n, const void *a, const void *b);

#define COMPARE_LOOP(op, NAME, stored, computed, load, store)         \
  static int compare_##NAME(size_t n, const void *a, const void *b) { \
    const stored *left = a, *right = b;                               \
    for (size_t i = 0; i < n; i++) {                                  \
      computed x = load(left[i]), y = load(right[i]);                 \
      if (x < y || (x == x && y != y)) return -1;                     \
      if (x > y || (x != x && y == y)) return 1;                      \
    }                                                                 \
    return 0;                                                         \
  }
RUNG_EACH_FLOAT(COMPARE_LOOP, compare)
RUNG_EACH_INTEGER(COMPARE_LOOP, compare)

static int compare_C64(size_t n, const void *a, const void *b) { return compare_F32(2 * n, a, b); }
static int compare_C128(size_t n, const void *a, const void *b) { return compare_F64(2 * n, a, b); }
static int compare_STRING(size_t n, const void *a, const void *b) {
  const rung_str *left = a, *right = b;
  int order = 0;
  for (size_t i = 0; i < n && order == 0; i++) order = rung_str_compare(left[i], right[i]);
  return order;
}

static const compare_function compare_functions[RUNG_DTYPE_NUMBERS] = {
    RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, compare) RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, compare)[RUNG_BOOL] = compare_U8,
    [RUNG_C64] = compare_C64, [RUNG_C128] = compare_C128, [RUNG_STRING] = compare_STRING};

/* Item i has the `inner` elements at (o, i, 0) for each o < outer. */
typedef struct items {
  const char *data;
  compare_function compare;
  size_t outer, count, inner, size;
} items;

static int compare_items(const items *all, int64_t a, int64_t b) {
  size_t row = all->inner * all->size;
  int order = 0;
  for (size_t o = 0; o < all->outer && order == 0; o++) {
    const char *base = all->data + o * all->count * row;
    order = all->compare(all->inner, base + (size_t)a * row, base + (size_t)b * row);
  }
  return order;
}

/* One pass of a merge sort: sorted runs of `run` become runs of twice that. */
typedef struct merge_job {
  const rung_kernel_call *call;
  const items *all;
  const int64_t *from;
  int64_t *to;
  size_t run;
} merge_job;

static void merge_runs(void *context, size_t begin, size_t end) {
  const merge_job *j = context;
  size_t count = j->all->count;
  for (size_t pair = begin; pair < end; pair++) {
    size_t left = 2 * pair * j->run, middle = RUNG_MIN(left + j->run, count), stop = RUNG_MIN(middle + j->run, count);
    size_t right = middle;
    for (size_t to = left; to < stop && !rung_kernel_stops_at(j->call, to); to++) {
      bool take_left = left < middle && (right == stop || compare_items(j->all, j->from[left], j->from[right]) <= 0);
      j->to[to] = j->from[take_left ? left++ : right++];
    }
  }
}

/* `order` becomes the numbers of the items in ascending order; `spare` is as large. */
static rung_status *sort_items(const rung_kernel_call *call, const items *all, int64_t *order, int64_t *spare) {
  for (size_t i = 0; i < all->count && !rung_kernel_stops_at(call, i); i++) order[i] = (int64_t)i;
  int64_t *from = order, *to = spare;
  for (size_t run = 1; run < all->count; run *= 2) {
    merge_job job = {call, all, from, to, run};
    size_t pairs = RUNG_DIV_UP(all->count, 2 * run);
    rung_kernel_parallel(call, pairs, rung_kernel_grain(20 * RUNG_MIN(run, 1000)), merge_runs, &job);
    /* Pieces that a cancelled run skips leave no numbers at all. */
    if (rung_kernel_is_cancelled(call)) return RUNG_ERROR(CANCELLED, "the run was cancelled");
    int64_t *swap = from;
    from = to;
    to = swap;
  }
  if (from != order && all->count) memcpy(order, from, all->count * sizeof *order);
  return NULL;
}

/* What is found. All arrays have room for one entry per item. */
typedef struct groups {
  size_t count;
  int64_t *first;   /* per group: the item where it first occurs */
  int64_t *members; /* per group */
  int64_t *inverse; /* per item: its group */
} groups;

/* Items are in `order`; with their keys in `sorted`, unless that is NULL. */
static rung_status *find_groups(const rung_kernel_call *call, const items *all, const int64_t *order,
                                const rung_sort_entry *sorted, groups *g) {
  for (size_t i = 0; i < all->count && !rung_kernel_stops_at(call, i); i++) {
    bool same =
        i > 0 && (sorted ? sorted[i - 1].key == sorted[i].key : compare_items(all, order[i - 1], order[i]) == 0);
    if (!same) {
      g->first[g->count] = order[i];
      g->members[g->count++] = 0;
    }
    g->members[g->count - 1]++;
    g->inverse[order[i]] = (int64_t)g->count - 1;
  }
  RUNG_RUN_GOES_ON(call);
  return NULL;
}

/* Groups by first occurrence, which the old list of first items is not needed for. `spare` and `spare_members` have
 * room for all items. */
static rung_status *order_by_occurrence(const rung_kernel_call *call, size_t count, groups *g, int64_t *spare,
                                        int64_t *spare_members) {
  int64_t *renamed = spare;
  size_t next = 0;
  for (size_t i = 0; i < g->count; i++) renamed[i] = -1;
  for (size_t i = 0; i < count && !rung_kernel_stops_at(call, i); i++) {
    int64_t old = g->inverse[i];
    if (renamed[old] < 0) {
      renamed[old] = (int64_t)next;
      spare_members[next] = g->members[old];
      g->first[next++] = (int64_t)i;
    }
    g->inverse[i] = renamed[old];
  }
  RUNG_RUN_GOES_ON(call);
  rung_strided_bytes(call, spare_members, g->members, g->count * sizeof *g->members);
  return NULL;
}

static rung_status *put_list(rung_kernel_call *call, uint32_t output, size_t count, const int64_t *list) {
  rung_tensor *out;
  RUNG_TRY(rung_kernel_output(call, output, RUNG_I64, 1, (int64_t[]){(int64_t)count}, &out));
  if (out) rung_strided_bytes(call, list, out->data, count * sizeof *list);
  return NULL;
}

static rung_status *put_items(rung_kernel_call *call, const items *all, int32_t axis, const groups *g) {
  const rung_unique_params *p = call->params;
  const rung_tensor *in = &call->inputs[0]->tensor;
  int64_t dims[RUNG_MAX_RANK];
  rung_tensor *out;
  memcpy(dims, in->dims, sizeof dims);
  dims[axis] = (int64_t)g->count;
  RUNG_TRY(rung_kernel_output(call, 0, in->dtype, p->axis == RUNG_NO_AXIS ? 1 : in->rank, dims, &out));
  if (!out) return NULL;
  rung_gather_rows(call, &(rung_gather){.from = all->data,
                                        .to = out->data,
                                        .indices = g->first,
                                        .outer = all->outer,
                                        .limit = all->count,
                                        .count = g->count,
                                        .bytes = all->inner * all->size});
  return NULL;
}

/* How many items there are, and along which axis. */
static rung_status *find_items(const rung_kernel_call *call, items *all, int32_t *out_axis) {
  const rung_unique_params *p = call->params;
  const rung_tensor *in = rung_in(call, 0);
  *all = (items){in->data, compare_functions[in->dtype], 1, rung_tensor_count(in), 1, rung_dtype_size(in->dtype)};
  *out_axis = 0;
  if (p->axis == RUNG_NO_AXIS) return NULL;
  RUNG_TRY(rung_kernel_axis(p->axis, in->rank, out_axis));
  all->outer = (size_t)rung_tensor_span(in, 0, *out_axis);
  all->count = (size_t)in->dims[*out_axis];
  all->inner = (size_t)rung_tensor_span(in, *out_axis + 1, in->rank);
  return NULL;
}

static bool has_keys(const rung_kernel_call *call) {
  return ((const rung_unique_params *)call->params)->axis == RUNG_NO_AXIS &&
         rung_sort_has_keys(rung_in(call, 0)->dtype);
}

/* Scratch: five lists of numbers, and the entries to sort with as many again. */
enum { LISTS = 5 };

static rung_status *prepare_Unique(rung_kernel_call *call) {
  items all;
  int32_t axis;
  RUNG_TRY(find_items(call, &all, &axis));
  size_t each = LISTS * sizeof(int64_t) + (has_keys(call) ? 2 * sizeof(rung_sort_entry) : 0);
  RUNG_REQUIRE(rung_mul_size(all.count, each, &call->scratch_size), LIMIT, "%zu items", all.count);
  return NULL;
}

static rung_status *sort_keys(const rung_kernel_call *call, const items *all, rung_sort_entry *entries,
                              int64_t *order) {
  rung_sort_entries_make(call, rung_in(call, 0)->dtype, all->data, all->count, entries);
  RUNG_TRY(rung_sort_entries(call, all->count, entries, entries + all->count));
  for (size_t i = 0; i < all->count && !rung_kernel_stops_at(call, i); i++) order[i] = entries[i].index;
  RUNG_RUN_GOES_ON(call);
  return NULL;
}

/* Outputs: where the first indices, the inverse and the counts go. */
static rung_status *find_unique(rung_kernel_call *call, const uint32_t outputs[3]) {
  const rung_unique_params *p = call->params;
  items all;
  int32_t axis;
  RUNG_TRY(find_items(call, &all, &axis));
  int64_t *list = call->scratch, *order = list, *spare = list + all.count;
  groups g = {0, list + 2 * all.count, list + 3 * all.count, list + 4 * all.count};
  rung_sort_entry *entries = has_keys(call) ? (rung_sort_entry *)(list + LISTS * all.count) : NULL;
  RUNG_TRY(entries ? sort_keys(call, &all, entries, order) : sort_items(call, &all, order, spare));
  RUNG_TRY(find_groups(call, &all, order, entries, &g));
  if (!p->sorted) RUNG_TRY(order_by_occurrence(call, all.count, &g, spare, order));
  RUNG_TRY(put_items(call, &all, axis, &g));
  RUNG_TRY(put_list(call, outputs[0], g.count, g.first));
  RUNG_TRY(put_list(call, outputs[1], all.count, g.inverse));
  return put_list(call, outputs[2], g.count, g.members);
}

#define UNIQUE_KERNEL(symbol, first, inverse, counts)                                                    \
  static rung_status *unique_##symbol(rung_kernel_call *call) {                                          \
    return find_unique(call, (const uint32_t[]){first, inverse, counts});                                \
  }                                                                                                      \
  static rung_status *run_##symbol(rung_kernel_call *call) { return rung_moved(call, unique_##symbol); } \
  const rung_kernel rung_cpu_##symbol = {                                                                \
      .flags = RUNG_KERNEL_OWN_SHAPE,                                                                    \
      .types = {{'T', RUNG_SET_NUMERIC | RUNG_SET_BOOL | RUNG_SET_COMPLEX | RUNG_SET_STRING}},           \
      .prepare = prepare_Unique,                                                                         \
      .run = run_##symbol};
UNIQUE_KERNEL(Unique, 1, 2, 3)
UNIQUE_KERNEL(ms_Unique, UINT32_MAX, 1, 2)
