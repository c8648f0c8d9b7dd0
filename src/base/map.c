#include "base/map.h"

void rung_map_init(rung_map *map, const rung_allocator *allocator) { *map = (rung_map){.allocator = allocator}; }

void rung_map_finish(rung_map *map) {
  rung_free(map->allocator, map->entries);
  rung_map_init(map, map->allocator);
}

/* The entry of `key`, or the empty one where it belongs. */
static rung_map_entry *find(const rung_map *map, rung_str key) {
  size_t mask = map->capacity - 1;
  size_t at = rung_hash_bytes(key.data, key.size, 0) & mask;
  while (map->entries[at].key.data && !rung_str_equal(map->entries[at].key, key)) at = (at + 1) & mask;
  return &map->entries[at];
}

void *rung_map_get(const rung_map *map, rung_str key) { return map->capacity ? find(map, key)->value : NULL; }

static bool grow(rung_map *map) {
  rung_map larger = {map->allocator, NULL, map->count, map->capacity ? map->capacity * 2 : 16};
  larger.entries = rung_alloc(map->allocator, larger.capacity, sizeof *larger.entries, "map");
  if (!larger.entries) return false;
  for (size_t i = 0; i < map->capacity; i++)
    if (map->entries[i].key.data) *find(&larger, map->entries[i].key) = map->entries[i];
  rung_free(map->allocator, map->entries);
  *map = larger;
  return true;
}

bool rung_map_put(rung_map *map, rung_str key, void *value) {
  if ((map->count + 1) * 4 > map->capacity * 3 && !grow(map)) return false;
  if (!key.data) key.data = "";
  rung_map_entry *entry = find(map, key);
  if (!entry->key.data) map->count++;
  *entry = (rung_map_entry){key, value};
  return true;
}
