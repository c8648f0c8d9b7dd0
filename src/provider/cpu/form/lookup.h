/* A table from keys to their numbers: strings, or 64-bit patterns. Of equal keys the last counts.
 *
 * Integers are their own pattern; floats that of the double they are, NaN being one key and -0 equal to 0. */
#ifndef RUNG_CPU_FORM_LOOKUP_H
#define RUNG_CPU_FORM_LOOKUP_H

#include "base/alloc.h"
#include "base/status.h"
#include "rung_types.h"

typedef struct rung_lookup {
  size_t count, capacity; /* a power of two, at most half full */
  const uint32_t *slots;  /* number of the key + 1; 0: free */
  const uint64_t *bits;   /* NULL: keys are strings, which the caller keeps */
  const rung_str *strings;
} rung_lookup;

enum { RUNG_LOOKUP_NONE = UINT32_MAX };

/* Bytes after a rung_lookup that a table of `count` keys needs, a multiple of 8; false when there are too many. */
bool rung_lookup_bytes(size_t count, bool strings, size_t *out_bytes) RUNG_MUST_CHECK;
/* `block` is zeroed and aligned for uint64_t. One of `bits` and `strings` is NULL; bits are copied. */
void rung_lookup_make(rung_lookup *lookup, size_t count, const uint64_t *bits, const rung_str *strings, void *block);
uint32_t rung_lookup_bits(const rung_lookup *lookup, uint64_t bits);
uint32_t rung_lookup_string(const rung_lookup *lookup, rung_str string);

uint64_t rung_lookup_of_double(double x);

#endif
