#include "provider/cpu/form/sort_key.h"

#include "provider/cpu/form/strided.h"

enum { RUN = 16 }; /* what is sorted by insertion before runs are merged */

typedef struct make_job {
  const void *data;
  rung_sort_entry *entries;
} make_job;

#define MAKE_LOOP(key_of, NAME, stored, computed, load, store)                                                        \
  static void make_##NAME(void *context, size_t begin, size_t end) {                                                  \
    const make_job *j = context;                                                                                      \
    const stored *x = j->data;                                                                                        \
    for (size_t i = begin; i < end; i++) j->entries[i] = (rung_sort_entry){key_of((computed)load(x[i])), (int64_t)i}; \
  }
RUNG_EACH_FLOAT(MAKE_LOOP, RUNG_KEY_OF_FLOATING)
RUNG_EACH_SIGNED(MAKE_LOOP, rung_key_of_signed)
RUNG_EACH_UNSIGNED(MAKE_LOOP, rung_key_of_unsigned)

bool rung_sort_entries_make(const rung_kernel_call *call, rung_dtype dtype, const void *data, size_t n,
                            rung_sort_entry *entries) {
  static void (*const functions[RUNG_DTYPE_NUMBERS])(void *context, size_t begin, size_t end) = {
      RUNG_EACH_FLOAT(RUNG_TABLE_ENTRY, make) RUNG_EACH_INTEGER(RUNG_TABLE_ENTRY, make)[RUNG_BOOL] = make_U8};
  if (!functions[dtype]) return false;
  rung_kernel_parallel(call, n, rung_kernel_grain(2), functions[dtype], &(make_job){data, entries});
  return true;
}

typedef struct merge_job {
  const rung_kernel_call *call;
  const rung_sort_entry *from;
  rung_sort_entry *to;
  size_t count, run;
} merge_job;

static void sort_runs(void *context, size_t begin, size_t end) {
  const merge_job *j = context;
  for (size_t run = begin; run < end; run++) {
    rung_sort_entry *first = j->to + run * RUN;
    size_t n = RUNG_MIN(j->count - run * RUN, RUN);
    for (size_t i = 1; i < n; i++) {
      rung_sort_entry moved = first[i];
      size_t at = i;
      for (; at > 0 && first[at - 1].key > moved.key; at--) first[at] = first[at - 1];
      first[at] = moved;
    }
  }
}

/* Pairs of runs. */
static void merge_runs(void *context, size_t begin, size_t end) {
  const merge_job *j = context;
  for (size_t pair = begin; pair < end; pair++) {
    size_t left = 2 * pair * j->run, middle = RUNG_MIN(left + j->run, j->count), to = left;
    size_t right = middle, stop = RUNG_MIN(middle + j->run, j->count);
    while (left < middle && right < stop && !rung_kernel_stops_at(j->call, to)) {
      bool take_right = j->from[right].key < j->from[left].key;
      j->to[to++] = j->from[take_right ? right : left];
      right += take_right;
      left += !take_right;
    }
    memcpy(j->to + to, j->from + left, (middle - left) * sizeof *j->to);
    to += middle - left;
    memcpy(j->to + to, j->from + right, (stop - right) * sizeof *j->to);
  }
}

rung_status *rung_sort_entries(const rung_kernel_call *call, size_t n, rung_sort_entry *entries,
                               rung_sort_entry *spare) {
  merge_job job = {.call = call, .to = entries, .count = n, .run = RUN};
  if (n < 2) return NULL;
  rung_kernel_parallel(call, RUNG_DIV_UP(n, RUN), rung_kernel_grain(100), sort_runs, &job);
  job.from = entries;
  job.to = spare;
  for (; job.run < n; job.run *= 2) {
    rung_kernel_parallel(call, RUNG_DIV_UP(n, 2 * job.run), rung_kernel_grain(10 * RUNG_MIN(job.run, 2000)), merge_runs,
                         &job);
    rung_sort_entry *merged = job.to;
    job.to = merged == spare ? entries : spare;
    job.from = merged;
    /* Pieces that a cancelled run skips leave no numbers at all. */
    if (rung_kernel_is_cancelled(call)) return RUNG_ERROR(CANCELLED, "the run was cancelled");
  }
  if (job.from != entries) rung_strided_bytes(call, job.from, entries, n * sizeof *entries);
  return NULL;
}
