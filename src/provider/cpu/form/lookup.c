#include "provider/cpu/form/lookup.h"

#include "base/str.h"

uint64_t rung_lookup_of_double(double x) {
  uint64_t bits;
  if (x != x) return UINT64_C(0x7ff8000000000000);
  if (x == 0) x = 0;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static size_t capacity_for(size_t count) {
  size_t capacity = 4;
  while (capacity < 2 * count) capacity *= 2;
  return capacity;
}

bool rung_lookup_bytes(size_t count, bool strings, size_t *out_bytes) {
  if (count >= UINT32_MAX / 8) return false;
  *out_bytes = capacity_for(count) * sizeof(uint32_t) + (strings ? 0 : count * sizeof(uint64_t));
  return true;
}

static size_t hash_bits(uint64_t bits) {
  bits ^= bits >> 32;
  bits *= UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(bits ^ bits >> 29);
}

static size_t hash_string(rung_str s) { return (size_t)rung_hash_bytes(s.data, s.size, 0); }

/* The slot of a key, or the free one where it would stand. */
static size_t find_bits(const rung_lookup *l, uint64_t bits) {
  size_t at = hash_bits(bits) & (l->capacity - 1);
  while (l->slots[at] && l->bits[l->slots[at] - 1] != bits) at = (at + 1) & (l->capacity - 1);
  return at;
}

static size_t find_string(const rung_lookup *l, rung_str s) {
  size_t at = hash_string(s) & (l->capacity - 1);
  while (l->slots[at] && !rung_str_equal(l->strings[l->slots[at] - 1], s)) at = (at + 1) & (l->capacity - 1);
  return at;
}

void rung_lookup_make(rung_lookup *lookup, size_t count, const uint64_t *bits, const rung_str *strings, void *block) {
  uint64_t *keys = strings ? NULL : block;
  uint32_t *slots = strings ? block : (uint32_t *)(keys + count);
  *lookup =
      (rung_lookup){.count = count, .capacity = capacity_for(count), .slots = slots, .bits = keys, .strings = strings};
  if (keys && count) memcpy(keys, bits, count * sizeof *keys);
  for (size_t i = 0; i < count; i++)
    slots[strings ? find_string(lookup, strings[i]) : find_bits(lookup, keys[i])] = (uint32_t)i + 1;
}

/* A free slot holds 0, which wraps to RUNG_LOOKUP_NONE. */
uint32_t rung_lookup_bits(const rung_lookup *lookup, uint64_t bits) {
  return lookup->slots[find_bits(lookup, bits)] - 1;
}
uint32_t rung_lookup_string(const rung_lookup *lookup, rung_str string) {
  return lookup->slots[find_string(lookup, string)] - 1;
}
