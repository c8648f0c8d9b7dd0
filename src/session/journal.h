/* The journal of a session: what happened to its providers, and counters. One lock guards it all. */
#ifndef RUNG_SESSION_JOURNAL_H
#define RUNG_SESSION_JOURNAL_H

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "rung.h"

#include <pthread.h>

typedef struct rung_journal {
  const rung_allocator *allocator;
  const rung_log *log;
  pthread_mutex_t lock;
  rung_arena arena; /* texts */
  RUNG_VEC(rung_journal_entry) entries;
  rung_counters counters;
} rung_journal;

void rung__journal_init(rung_journal *journal, const rung_allocator *allocator, const rung_log *log);
void rung__journal_finish(rung_journal *journal);
/* Copies the texts, and logs a warning. `node` may be NULL. An entry that finds no memory is counted as dropped. */
void rung__journal_add(rung_journal *journal, const char *event, const char *provider, const char *node,
                       const char *cause);
/* The same for what is no trouble: the log hears of it as information. */
void rung__journal_note(rung_journal *journal, const char *event, const char *provider, const char *cause);
size_t rung__journal_count(const rung_journal *journal);
/* false: there is none of that number. */
bool rung__journal_entry(const rung_journal *journal, size_t index, rung_journal_entry *out_entry);
rung_counters rung__journal_counters(const rung_journal *journal);
void rung__journal_json(rung_journal *journal, rung_json *json);

#endif
