/* The folder of the engine cache, shared by any number of processes.
 *
 *     <key>.rung     an entry, see entry.h; it appears whole, by a rename, and is never written again
 *     tmp-*          an entry that is being written; its writer holds a lock on it, so one without is left over
 *     turn-<key>     held by who makes that entry, see rung__turn_take
 *     notes          what is remembered beside entries: a line each, see rung__store_note
 *     lock           held while names in the folder change
 *
 * Readers take no lock: what they have open stays as it is, also when it is evicted. An entry's time of modification is
 * when it was last used; under the lock, those not used for longest make room for a new one. */
#ifndef RUNG_SESSION_STORE_H
#define RUNG_SESSION_STORE_H

#include "base/file.h"
#include "base/log.h"
#include "session/entry.h"

#include <stdatomic.h>

#define RUNG_STORE_SCRATCH ".scratch" /* behind the name of a temporary file: another of the same writer */
#define RUNG_STORE_TURN "turn-"

enum { RUNG_STORE_NOTES = 1024, RUNG_STORE_NOTE = 80 }; /* how many, and bytes of one with the NUL */

typedef struct rung_store {
  const rung_allocator *allocator;
  char *path;
  int folder; /* descriptor; -1: there is none, and nothing is kept in it */
  uint64_t max_bytes;
  bool changes; /* opened to write, too */
} rung_store;

/* `changes`: makes the folder where it is missing (0700), and allows everything but finding and listing. Refused with
 * UNAVAILABLE: what is no folder, belongs to another user, or may be written by others; each message says what mends
 * it. A folder that cannot be written opens all the same, and what needs to write fails later. */
rung_status *rung__store_open(rung_store *store, const rung_allocator *allocator, const char *path, uint64_t max_bytes,
                              bool changes) RUNG_MUST_CHECK;
/* An empty store, to look into when there is no folder. */
void rung__store_open_none(rung_store *store, const rung_allocator *allocator);
/* A zeroed or closed store is allowed. */
void rung__store_close(rung_store *store);

/* An entry that was found: mapped, checked, and the caller's until it is released. */
typedef struct stored_entry {
  cache_entry *entry; /* NULL: there is none */
  void *mapping;
  size_t size;
  uint64_t inode;
} stored_entry;

/* `payload`: its digest is checked, too, and the entry counts as used. A damaged one is IO, with what is wrong. */
rung_status *rung__store_find(const rung_store *store, const char *key, bool payload,
                              stored_entry *out_found) RUNG_MUST_CHECK;
void rung__store_release(const rung_store *store, stored_entry *found);
/* Removes an entry; with `inode`, only while it is that file. NOT_FOUND when it is not there. */
rung_status *rung__store_remove(const rung_store *store, const char *key, uint64_t inode) RUNG_MUST_CHECK;

/* An entry that is being written: begin, write to `sink`, then commit or abandon. */
typedef struct store_writer {
  const rung_store *store;
  const entry_fields *fields;
  int fd;
  char name[64]; /* of the temporary file */
  size_t payload_size;
  rung_digest digest;
} store_writer;

rung_status *rung__writer_begin(store_writer *writer, const rung_store *store,
                                const entry_fields *fields) RUNG_MUST_CHECK;
/* A write of a rung_sink whose user is the writer. */
rung_status *rung__writer_write(void *writer, const void *data, size_t size) RUNG_MUST_CHECK;
/* Makes an empty file beside the temporary one. The caller removes it; if it dies, the next writer does. */
rung_status *rung__writer_scratch(const store_writer *writer, char out_path[RUNG_PATH_MAX]) RUNG_MUST_CHECK;
/* Makes room, and the entry appears. LIMIT when it is larger than the cache may be. Ends the writer either way. */
rung_status *rung__writer_commit(store_writer *writer) RUNG_MUST_CHECK;
void rung__writer_abandon(store_writer *writer);

typedef struct stored_file {
  char key[RUNG_DIGEST_TEXT];
  uint64_t bytes;
  int64_t used; /* nanoseconds since 1970 */
} stored_file;

typedef struct stored_files {
  RUNG_VEC(stored_file) files; /* last used first */
  uint64_t bytes;
} stored_files;

rung_status *rung__store_list(const rung_store *store, stored_files *out_files) RUNG_MUST_CHECK;
void rung__store_list_free(const rung_store *store, stored_files *files);
/* Removes all entries, notes and leftovers. */
rung_status *rung__store_clear(const rung_store *store, uint64_t *out_count) RUNG_MUST_CHECK;

/* Takes the lock of the folder: close the descriptor to give it back. IO when it is held for ten seconds. */
rung_status *rung__store_lock(const rung_store *store, int *out_lock) RUNG_MUST_CHECK;

/* Whose turn it is to make an entry: one session's of all, in any process. `fd` begins as -1; who waits holds the file
 * open. */
typedef struct store_turn {
  int fd;
  atomic_bool held; /* it is this one's */
} store_turn;

typedef enum store_turn_state {
  TURN_MINE,   /* the caller makes it, and ends the turn */
  TURN_OTHERS, /* somebody else does: ask again, or leave */
  TURN_OVER,   /* that has come to its end: look for the entry, and ask again */
  TURN_FREE,   /* nobody takes turns: the folder allows none, or it would be hopeless */
} store_turn_state;

store_turn_state rung__turn_take(store_turn *turn, const rung_store *store, const char *key);
/* Does nothing when it is not held; any thread may call it. `hopeless`: what is made cannot be kept, or not be made, so
 * that nobody need wait for it. */
void rung__turn_end(store_turn *turn, const rung_store *store, const char *key, bool hopeless);
/* Waits no more for a turn that is another's. */
void rung__turn_leave(store_turn *turn);

/* Remembers a word (no spaces, short) under a name (the same). The oldest of too many are forgotten. */
rung_status *rung__store_note(const rung_store *store, const char *name, const char *word) RUNG_MUST_CHECK;
/* False when nothing is remembered, or it is damaged. */
bool rung__store_noted(const rung_store *store, const char *name, char out_word[RUNG_STORE_NOTE]);

#endif
