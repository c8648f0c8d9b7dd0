/* What the engine cache holds, and why a session does not find something in it, as JSON. */
#include "base/json.h"
#include "session/cache.h"

/* Entries that are compared with what is wanted. */
enum { MOST_COMPARED = 4096 };

static void put_str(rung_json *json, const char *key, rung_str value) {
  rung_json_key(json, key);
  if (value.data)
    rung_json_str(json, value);
  else
    rung_json_null(json);
}

/* A note that is a number; 0 when it is not there. */
static void put_number(rung_json *json, const char *key, const cache_entry *e) {
  rung_str value = e ? rung__entry_value(e, rung_str_of(key)) : (rung_str){NULL, 0};
  int64_t number = 0;
  for (size_t i = 0; i < value.size && i < 18 && value.data[i] >= '0' && value.data[i] <= '9'; i++)
    number = 10 * number + (value.data[i] - '0');
  rung_json_put_i64(json, key, number);
}

static rung_status *finish(const rung_text *text) { return text->failed ? rung_status_out_of_memory() : NULL; }

/* Folders */

static void put_entry(rung_json *json, const stored_file *file, const cache_entry *e, const char *damage) {
  static const char *const notes[] = {"kind", "provider", "model"}, *const numbers[] = {"nodes", "compile_ms", "made"};
  rung_json_begin_object(json);
  rung_json_put_string(json, "entry", file->key);
  rung_json_put_u64(json, "bytes", file->bytes);
  rung_json_put_i64(json, "used", file->used / 1000000000);
  for (size_t i = 0; i < RUNG_COUNT(notes); i++)
    put_str(json, notes[i], e ? rung__entry_value(e, rung_str_of(notes[i])) : (rung_str){NULL, 0});
  for (size_t i = 0; i < RUNG_COUNT(numbers); i++) put_number(json, numbers[i], e);
  rung_json_put_string(json, "damage", damage);
  rung_json_key(json, "fields");
  rung_json_begin_array(json);
  for (size_t i = 0; e && i < e->field_count; i++) {
    if (!e->fields[i].is_key) continue;
    rung_json_begin_object(json);
    put_str(json, "name", e->fields[i].name);
    put_str(json, "value", e->fields[i].value);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
  rung_json_end_object(json);
}

/* One that went since it was listed is left out. Looking does not count as use. */
static rung_status *describe_entry(const rung_store *store, const stored_file *file, bool verify, rung_json *json) {
  stored_entry found;
  rung_status *status = rung__store_find(store, file->key, false, &found);
  if (!status && !found.entry) return NULL;
  if (!status && verify) status = rung__entry_parse(found.mapping, found.size, true, found.entry);
  if (rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  put_entry(json, file, status ? NULL : found.entry, status ? rung_status_message(status) : NULL);
  rung_status_free(status);
  rung__store_release(store, &found);
  return NULL;
}

static rung_status *describe_folder(const rung_store *store, bool verify, rung_text *text) {
  stored_files all;
  rung_json json;
  RUNG_TRY(rung__store_list(store, &all));
  rung_json_init(&json, text, 2);
  rung_json_begin_object(&json);
  rung_json_put_string(&json, "folder", store->path);
  rung_json_put_u64(&json, "bytes", all.bytes);
  rung_json_key(&json, "entries");
  rung_json_begin_array(&json);
  rung_status *status = NULL;
  for (size_t i = 0; i < all.files.count && !status; i++)
    status = describe_entry(store, &all.files.at[i], verify, &json);
  rung__store_list_free(store, &all);
  if (status) return status;
  rung_json_end_array(&json);
  rung_json_end_object(&json);
  return finish(text);
}

rung_status *rung__cache_folder_json(const rung_env *env, const char *folder, bool verify, rung_text *text) {
  rung_store store;
  RUNG_TRY(rung__store_open(&store, env->allocator, folder, 0, false));
  rung_status *status = describe_folder(&store, verify, text);
  rung__store_close(&store);
  return status;
}

/* Clearing */

/* The one entry whose name begins so. */
static rung_status *find_by_start(const rung_store *store, const char *start, char out_key[RUNG_DIGEST_TEXT]) {
  stored_files all;
  size_t size = strlen(start), count = 0;
  RUNG_TRY(rung__store_list(store, &all));
  for (size_t i = 0; i < all.files.count; i++) {
    if (size >= RUNG_DIGEST_TEXT || strncmp(all.files.at[i].key, start, size) != 0) continue;
    memcpy(out_key, all.files.at[i].key, RUNG_DIGEST_TEXT);
    count++;
  }
  rung__store_list_free(store, &all);
  RUNG_REQUIRE(count, NOT_FOUND, "cache \"%s\" has no entry %s", store->path, start);
  RUNG_REQUIRE(count == 1, INVALID_ARGUMENT, "%zu entries begin with %s; give more of the name", count, start);
  return NULL;
}

static rung_status *clear(const rung_store *store, const char *entry, uint64_t *out_count) {
  char key[RUNG_DIGEST_TEXT];
  if (!entry) return rung__store_clear(store, out_count);
  RUNG_TRY(find_by_start(store, entry, key));
  RUNG_TRY(rung__store_remove(store, key, 0));
  *out_count = 1;
  return NULL;
}

rung_status *rung__cache_clear(const rung_env *env, const char *folder, const char *entry, uint64_t *out_count) {
  rung_store store;
  RUNG_TRY(rung__store_open(&store, env->allocator, folder, 0, false));
  rung_status *status = clear(&store, entry, out_count);
  rung__store_close(&store);
  return status;
}

/* Why */

typedef struct island_list {
  const rung_allocator *allocator;
  RUNG_VEC(const program_step *) steps;
} island_list;

/* In the order of the plan. */
static rung_status *collect(island_list *list, const program *p) {
  for (size_t s = 0; s < p->step_count; s++)
    if (!p->steps[s].node && !rung_vec_push(list->allocator, &list->steps, &p->steps[s]))
      return rung_status_out_of_memory();
  for (size_t s = 0; s < p->step_count; s++)
    for (size_t b = 0; b < p->steps[s].body_count; b++) RUNG_TRY(collect(list, p->steps[s].bodies[b]));
  return NULL;
}

/* The island's own fields: views of step->cache.fields. */
static rung_status *read_wanted(const rung_allocator *allocator, const program_step *step, cache_entry **out_wanted) {
  cache_entry *wanted = rung_alloc(allocator, 1, sizeof *wanted, "cache");
  RUNG_CHECK_ALLOC(wanted);
  rung_status *status = rung__entry_parse_fields(step->cache.fields, wanted);
  if (status)
    rung_free(allocator, wanted);
  else
    *out_wanted = wanted;
  return status;
}

/* How much two entries have in common; the same graph counts most, then the weights. -1: another provider's. */
static int likeness(const cache_entry *wanted, const cache_entry *e) {
  int score = 0;
  for (size_t i = 0; i < wanted->field_count; i++) {
    const entry_field *field = &wanted->fields[i];
    rung_str there = rung__entry_value(e, field->name);
    bool same = there.data && rung_str_equal(there, field->value);
    if (!same && rung_str_is(field->name, "provider")) return -1;
    if (same) score += rung_str_is(field->name, "graph") ? 1000 : rung_str_is(field->name, "weights") ? 100 : 1;
  }
  return score;
}

/* The entry that is most like what is wanted; of two the one used last. */
static rung_status *find_nearest(const rung_store *store, const cache_entry *wanted, stored_entry *out_nearest) {
  stored_files all;
  int best = 0;
  RUNG_TRY(rung__store_list(store, &all));
  for (size_t i = 0; i < RUNG_MIN(all.files.count, MOST_COMPARED); i++) {
    stored_entry found;
    rung_status_free(rung__store_find(store, all.files.at[i].key, false, &found)); /* a damaged one is like nothing */
    int score = found.entry ? likeness(wanted, found.entry) : -1;
    if (score > best) {
      rung__store_release(store, out_nearest);
      *out_nearest = found;
      best = score;
    } else {
      rung__store_release(store, &found);
    }
  }
  rung__store_list_free(store, &all);
  return NULL;
}

static void put_difference(rung_json *json, rung_str name, rung_str wanted, rung_str found) {
  rung_json_begin_object(json);
  put_str(json, "field", name);
  put_str(json, "wanted", wanted);
  put_str(json, "found", found);
  rung_json_end_object(json);
}

static void put_nearest(rung_json *json, const cache_entry *wanted, const cache_entry *e) {
  rung_json_begin_object(json);
  rung_json_put_string(json, "entry", e->key);
  put_str(json, "model", rung__entry_value(e, rung_str_of("model")));
  rung_json_key(json, "differences");
  rung_json_begin_array(json);
  for (size_t i = 0; i < wanted->field_count; i++) {
    rung_str there = rung__entry_value(e, wanted->fields[i].name);
    if (!there.data || !rung_str_equal(there, wanted->fields[i].value))
      put_difference(json, wanted->fields[i].name, wanted->fields[i].value, there);
  }
  for (size_t i = 0; i < e->field_count; i++)
    if (e->fields[i].is_key && !rung__entry_value(wanted, e->fields[i].name).data)
      put_difference(json, e->fields[i].name, (rung_str){NULL, 0}, e->fields[i].value);
  rung_json_end_array(json);
  rung_json_end_object(json);
}

static rung_status *describe_nearest(const rung_instance *instance, const program_step *step, rung_json *json) {
  const rung_allocator *allocator = instance->env->allocator;
  stored_entry nearest = {0};
  cache_entry *wanted = NULL;
  rung_json_key(json, "nearest");
  bool missed = step->cache.key && (!step->cache.state || strcmp(step->cache.state, "hit") != 0);
  rung_status *status = missed && instance->cache.usable ? read_wanted(allocator, step, &wanted) : NULL;
  if (!status && wanted) status = find_nearest(&instance->cache.store, wanted, &nearest);
  if (!status && nearest.entry)
    put_nearest(json, wanted, nearest.entry);
  else
    rung_json_null(json);
  rung__store_release(&instance->cache.store, &nearest);
  rung_free(allocator, wanted);
  return status;
}

static rung_status *describe_island(const rung_instance *instance, const program_step *step, size_t index,
                                    rung_json *json) {
  rung_json_begin_object(json);
  rung_json_put_u64(json, "island", index);
  rung_json_put_string(json, "provider", step->by_host ? "host" : instance->chain.links.at[step->link].api->name);
  rung_json_put_u64(json, "nodes", step->node_count);
  rung_json_put_string(json, "cache", step->cache.state);
  rung_json_put_string(json, "entry", step->cache.key);
  rung_json_put_string(json, "words", step->cache.words);
  RUNG_TRY(describe_nearest(instance, step, json));
  rung_json_end_object(json);
  return NULL;
}

rung_status *rung__cache_session_json(const rung_instance *instance, rung_text *text) {
  island_list list = {.allocator = instance->env->allocator};
  rung_json json;
  rung_json_init(&json, text, 2);
  rung_json_begin_object(&json);
  rung_json_put_string(&json, "folder", instance->cache.folder);
  rung_json_put_string(&json, "why", instance->cache.why);
  rung_json_key(&json, "islands");
  rung_json_begin_array(&json);
  rung_status *status = collect(&list, instance->main);
  for (size_t i = 0; i < list.steps.count && !status; i++)
    status = describe_island(instance, list.steps.at[i], i, &json);
  rung_vec_free(list.allocator, &list.steps);
  if (status) return status;
  rung_json_end_array(&json);
  rung_json_end_object(&json);
  return finish(text);
}
