/* Parts of executables, made while they run. Runs meet here in many threads: nothing of the session is written but one
 * flag, and what goes wrong is told to the log alone, as the plan is the user's by then. */
#include "session/cache.h"

struct rung_shelf {
  rung_instance *instance;
  program_step *step; /* its cache.fields are the key of its parts but for their name */
};

rung_status *rung__shelf_make(rung_instance *instance, program_step *step) {
  rung_shelf *shelf = rung_arena_alloc(&instance->arena, 1, sizeof *shelf);
  RUNG_CHECK_ALLOC(shelf);
  *shelf = (rung_shelf){instance, step};
  step->cache.shelf = shelf;
  return NULL;
}

static void warn(rung_instance *instance, rung_status *status) {
  rung_log_line(&instance->env->log, RUNG_LOG_WARNING, "%s", rung_status_message(status));
  rung_status_free(status);
}

static void begin_fields(const rung_shelf *shelf, const char *name, entry_fields *fields) {
  const step_cache *cache = &shelf->step->cache;
  rung__fields_init(fields, shelf->instance->env->allocator);
  rung__fields_add_written(fields, cache->fields, cache->field_count);
  rung__fields_add(fields, true, "part", name);
}

void rung__find_part(rung_shelf *shelf, const char *name, rung_part *out_part) {
  *out_part = (rung_part){.data = NULL};
  if (!shelf) return;
  rung_instance *instance = shelf->instance;
  entry_fields fields;
  char key[RUNG_DIGEST_TEXT];
  begin_fields(shelf, name, &fields);
  rung__fields_key(&fields, key);
  rung_status *status = rung__fields_check(&fields);
  rung__fields_finish(&fields);
  stored_entry *found = status ? NULL : rung_alloc(instance->env->allocator, 1, sizeof *found, "cache");
  if (found) status = rung__store_find(&instance->cache.store, key, true, found);
  if (status) warn(instance, status);
  if (found && found->entry) {
    *out_part = (rung_part){found->entry->payload, found->entry->payload_size, found};
  } else {
    rung_free(instance->env->allocator, found);
  }
}

void rung__release_part(const rung_host *host, rung_part *part) {
  const rung_instance *instance = host->context;
  if (part->held) rung__store_release(&instance->cache.store, part->held);
  rung_free(instance->env->allocator, part->held);
  *part = (rung_part){.data = NULL};
}

void rung__keep_part(rung_shelf *shelf, const char *name, rung_status *(*save)(void *user, const rung_saving *saving),
                     void *user) {
  if (!shelf || !atomic_load(&shelf->instance->cache.writes)) return;
  rung_instance *instance = shelf->instance;
  entry_fields fields;
  begin_fields(shelf, name, &fields);
  rung__cache_add_notes(instance, shelf->step, "part", 0, &fields);
  rung_status *status = rung__cache_write(&instance->cache.store, &fields, save, user);
  rung__fields_finish(&fields);
  if (rung_status_code(status) == RUNG_IO) atomic_store(&instance->cache.writes, false);
  if (status) warn(instance, status);
}
