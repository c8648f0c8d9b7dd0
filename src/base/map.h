/* Hash map from strings to pointers: open addressing, keys borrowed, no removal. */
#ifndef RUNG_BASE_MAP_H
#define RUNG_BASE_MAP_H

#include "base/str.h"

typedef struct rung_map_entry {
  rung_str key; /* .data == NULL: empty */
  void *value;
} rung_map_entry;

typedef struct rung_map {
  const rung_allocator *allocator;
  rung_map_entry *entries;
  size_t count, capacity; /* capacity is 0 or a power of two, at most 3/4 full */
} rung_map;

void rung_map_init(rung_map *map, const rung_allocator *allocator);
void rung_map_finish(rung_map *map);
void *rung_map_get(const rung_map *map, rung_str key); /* NULL when absent */
/* Adds or replaces. `key` must outlive the map; false when out of memory. */
bool rung_map_put(rung_map *map, rung_str key, void *value) RUNG_MUST_CHECK;

#endif
