/* Elements as unsigned numbers in the same order, so that one sort serves all types: -0 and 0 are equal, NaN is greater
 * than all else and equal to itself. */
#ifndef RUNG_CPU_FORM_SORT_KEY_H
#define RUNG_CPU_FORM_SORT_KEY_H

#include "provider/cpu/cpu_types.h"
#include "provider/opwise/kernel.h"

static inline uint64_t rung_key_of_unsigned(uint64_t x) { return x; }
static inline uint64_t rung_key_of_signed(int64_t x) { return (uint64_t)x ^ (uint64_t)1 << 63; }
static inline uint64_t rung_key_of_float(float x) {
  if (x != x) return UINT64_MAX;
  uint32_t bits = rung_f32_bits(x + 0.0f); /* makes a zero of -0 */
  return bits >> 31 ? ~bits : bits | (uint32_t)1 << 31;
}
static inline uint64_t rung_key_of_double(double x) {
  uint64_t bits;
  if (x != x) return UINT64_MAX;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}
#define RUNG_KEY_OF_FLOATING(x) (_Generic((x), float: rung_key_of_float, default: rung_key_of_double)(x))

typedef struct rung_sort_entry {
  uint64_t key;
  int64_t index;
} rung_sort_entry;

/* Entries of n elements, in their order; false for types that have no keys: strings, complex numbers, float8. */
bool rung_sort_entries_make(const rung_kernel_call *call, rung_dtype dtype, const void *data, size_t n,
                            rung_sort_entry *entries);
static inline bool rung_sort_has_keys(rung_dtype dtype) { return (RUNG_SET_NUMERIC | RUNG_SET_BOOL) >> dtype & 1; }

/* By ascending key, equal ones as they stand, on all threads. `spare` is as large. CANCELLED leaves no order. */
rung_status *rung_sort_entries(const rung_kernel_call *call, size_t n, rung_sort_entry *entries,
                               rung_sort_entry *spare) RUNG_MUST_CHECK;

#endif
