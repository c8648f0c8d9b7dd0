#include "session/journal.h"

#include "base/os.h"

#include <string.h>

enum { MOST_ENTRIES = 10000 };

void rung__journal_init(rung_journal *journal, const rung_allocator *allocator, const rung_log *log) {
  *journal = (rung_journal){.allocator = allocator, .log = log};
  journal->counters.struct_size = sizeof journal->counters;
  pthread_mutex_init(&journal->lock, NULL);
  rung_arena_init(&journal->arena, allocator);
}

void rung__journal_finish(rung_journal *journal) {
  rung_vec_free(journal->allocator, &journal->entries);
  rung_arena_finish(&journal->arena);
  pthread_mutex_destroy(&journal->lock);
}

static const char *keep(rung_journal *journal, const char *text) {
  return text ? rung_arena_copy(&journal->arena, text, strlen(text)) : NULL;
}

static void add(rung_journal *journal, rung_log_level level, const char *event, const char *provider, const char *node,
                const char *cause) {
  rung_log_line(journal->log, level, "provider %s: %s%s%s%s: %s", provider, event, node ? " (node " : "",
                node ? node : "", node ? ")" : "", cause);
  pthread_mutex_lock(&journal->lock);
  bool kept = journal->entries.count < MOST_ENTRIES;
  if (kept) {
    rung_journal_entry entry = {.time_ns = rung_os_wall_ns(),
                                .event = event,
                                .provider = keep(journal, provider),
                                .node = keep(journal, node),
                                .cause = keep(journal, cause)};
    kept = entry.provider && entry.cause && (entry.node || !node) &&
           rung_vec_push(journal->allocator, &journal->entries, entry);
  }
  journal->counters.journal_dropped += !kept;
  pthread_mutex_unlock(&journal->lock);
}

void rung__journal_add(rung_journal *journal, const char *event, const char *provider, const char *node,
                       const char *cause) {
  add(journal, RUNG_LOG_WARNING, event, provider, node, cause);
}

void rung__journal_note(rung_journal *journal, const char *event, const char *provider, const char *cause) {
  add(journal, RUNG_LOG_INFO, event, provider, NULL, cause);
}

/* A reader takes the lock, too. */
static pthread_mutex_t *lock_of(const rung_journal *journal) { return (pthread_mutex_t *)&journal->lock; }

size_t rung__journal_count(const rung_journal *journal) {
  pthread_mutex_lock(lock_of(journal));
  size_t count = journal->entries.count;
  pthread_mutex_unlock(lock_of(journal));
  return count;
}

bool rung__journal_entry(const rung_journal *journal, size_t index, rung_journal_entry *out_entry) {
  pthread_mutex_lock(lock_of(journal));
  bool found = index < journal->entries.count;
  if (found) *out_entry = journal->entries.at[index];
  pthread_mutex_unlock(lock_of(journal));
  return found;
}

rung_counters rung__journal_counters(const rung_journal *journal) {
  pthread_mutex_lock(lock_of(journal));
  rung_counters counters = journal->counters;
  pthread_mutex_unlock(lock_of(journal));
  return counters;
}

void rung__journal_json(rung_journal *journal, rung_json *json) {
  pthread_mutex_lock(&journal->lock);
  const rung_counters *c = &journal->counters;
  rung_json_put_u64(json, "runs", c->runs);
  rung_json_put_u64(json, "failed_runs", c->failed_runs);
  rung_json_put_u64(json, "stepped_runs", c->stepped_runs);
  rung_json_put_u64(json, "failures", c->failures);
  rung_json_put_u64(json, "crossings", c->crossings);
  rung_json_put_u64(json, "crossed_bytes", c->crossed);
  rung_json_put_u64(json, "journal_dropped", c->journal_dropped);
  rung_json_key(json, "journal");
  rung_json_begin_array(json);
  for (size_t i = 0; i < journal->entries.count; i++) {
    const rung_journal_entry *entry = &journal->entries.at[i];
    rung_json_begin_object(json);
    rung_json_put_u64(json, "time_ns", entry->time_ns);
    rung_json_put_string(json, "event", entry->event);
    rung_json_put_string(json, "provider", entry->provider);
    rung_json_put_string(json, "node", entry->node);
    rung_json_put_string(json, "cause", entry->cause);
    rung_json_end_object(json);
  }
  rung_json_end_array(json);
  pthread_mutex_unlock(&journal->lock);
}
