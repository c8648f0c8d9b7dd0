/* The engine cache of a session: compiled islands are kept in a folder, and found there by what they depend on.
 *
 * It never fails a session. A folder that cannot be used, a full disk, a damaged entry: the island is compiled as it is
 * without a cache, the log warns, and the plan says what happened. After one write that fails nothing more is written.
 *
 * Sessions that want the same island at the same time take turns: one compiles, the others wait and load.
 *
 * What an engine refused is kept, too, as an entry without an executable: else each session would compile the island
 * that was refused before it comes to those that are kept. */
#ifndef RUNG_SESSION_CACHE_H
#define RUNG_SESSION_CACHE_H

#include "session/place.h"
#include "session/store.h"

#define RUNG_CACHE_DEFAULT_BYTES (UINT64_C(4) << 30)
#define RUNG_CACHE_DEFAULT_WAIT UINT64_C(600000000000) /* nanoseconds */

/* Fails only when memory runs out. */
rung_status *rung__cache_open(rung_instance *instance, const rung_session_options *options) RUNG_MUST_CHECK;
void rung__cache_close(rung_instance *instance);
/* From another thread than the engine's: its work will not be kept, so that others need not wait for it. */
void rung__cache_abandon(rung_instance *instance, program_step *step);

/* In the place of the provider's compile: loads what is kept, else compiles and keeps. Sets step->executable and
 * step->cache. */
rung_status *rung__cache_compile(program_step *step, const rung_compile *compile) RUNG_MUST_CHECK;
/* Looks what rung__cache_compile would find, and refuses what the engine is known to refuse. */
rung_status *rung__cache_peek(program_step *step, const rung_compile *compile) RUNG_MUST_CHECK;

/* cache_parts.c: the shelf of an island whose fields are known, in the session's arena. */
rung_status *rung__shelf_make(rung_instance *instance, program_step *step) RUNG_MUST_CHECK;
/* Slots of rung_host. */
void rung__find_part(rung_shelf *shelf, const char *name, rung_part *out_part);
void rung__keep_part(rung_shelf *shelf, const char *name, rung_status *(*save)(void *user, const rung_saving *saving),
                     void *user);
void rung__release_part(const rung_host *host, rung_part *part);

/* Writes an entry: what `fill` writes, under the fields. */
typedef rung_status *(*entry_filler)(void *user, const rung_saving *saving);
rung_status *rung__cache_write(const rung_store *store, const entry_fields *fields, entry_filler fill,
                               void *user) RUNG_MUST_CHECK;
/* Notes of an entry: its kind, whose it is, how long it took. */
void rung__cache_add_notes(const rung_instance *instance, const program_step *step, const char *kind, uint64_t took_ns,
                           entry_fields *fields);

/* cache_describe.c: what rung_session_cache_json, rung_cache_json and rung_cache_clear say. */
rung_status *rung__cache_session_json(const rung_instance *instance, rung_text *text) RUNG_MUST_CHECK;
rung_status *rung__cache_folder_json(const rung_env *env, const char *folder, bool verify,
                                     rung_text *text) RUNG_MUST_CHECK;
rung_status *rung__cache_clear(const rung_env *env, const char *folder, const char *entry,
                               uint64_t *out_count) RUNG_MUST_CHECK;

#endif
