#include "session/cache.h"

#include "base/file.h"
#include "base/os.h"
#include "session/cache_key.h"
#include "session/compile_job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 20 }; /* between two looks at another session's turn */

static rung_instance *instance_of(const rung_compile *compile) { return compile->host->context; }

static const char *copy(rung_instance *instance, const char *text) {
  const char *kept = rung_arena_copy(&instance->arena, text, strlen(text));
  return kept ? kept : "out of memory";
}

/* Opening */

/* The first problem is said once, and stays in the plan. */
static void give_up(rung_instance *instance, rung_status *status, const char *what) {
  engine_cache *cache = &instance->cache;
  if (!cache->why) {
    cache->why = copy(instance, rung_status_message(status));
    rung_log_line(&instance->env->log, RUNG_LOG_WARNING, "%s; %s", cache->why, what);
  }
  cache->writes = false;
  rung_status_free(status);
}

static bool keeps(const rung_provider_api *api) {
  return RUNG_HAS(api, identity) && RUNG_HAS(api, save) && RUNG_HAS(api, load);
}

static bool somebody_keeps(const rung_instance *instance) {
  for (uint32_t i = 0; i < instance->listed; i++)
    if (instance->chain.links.at[i].provider && keeps(instance->chain.links.at[i].api)) return true;
  return false;
}

rung_status *rung__cache_open(rung_instance *instance, const rung_session_options *options) {
  engine_cache *cache = &instance->cache;
  if (!options->cache_folder || options->inspect_only || options->offline || !somebody_keeps(instance)) return NULL;
  cache->folder = rung_arena_copy(&instance->arena, options->cache_folder, strlen(options->cache_folder));
  RUNG_CHECK_ALLOC(cache->folder);
  uint64_t most = options->cache_max_bytes ? options->cache_max_bytes : RUNG_CACHE_DEFAULT_BYTES;
  bool changes = !options->plan_only;
  rung_status *status = rung__store_open(&cache->store, instance->env->allocator, cache->folder, most, changes);
  if (rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  if (rung_status_code(status) == RUNG_NOT_FOUND && !changes) { /* nothing was kept yet */
    rung_status_free(status);
    status = NULL;
    rung__store_open_none(&cache->store, instance->env->allocator);
  }
  cache->most_wait = options->cache_wait_ns ? options->cache_wait_ns : RUNG_CACHE_DEFAULT_WAIT;
  cache->usable = !status;
  cache->peeks = !status && !changes;
  cache->writes = !status && changes;
  if (status) give_up(instance, status, "the session goes on without the cache");
  return NULL;
}

void rung__cache_close(rung_instance *instance) { rung__store_close(&instance->cache.store); }

/* One island */

typedef struct build {
  rung_instance *instance;
  const rung_provider_api *api;
  void *provider;
  program_step *step;
  rung_compile compile; /* the caller's, with a shelf */
  entry_fields fields;
  char key[RUNG_DIGEST_TEXT];
  char time_note[RUNG_DIGEST_TEXT], rate_note[RUNG_DIGEST_TEXT]; /* names of notes */
  uint64_t took;                                                 /* nanoseconds of compiling */
} build;

static void say(build *b, const char *state, const char *words) {
  b->step->cache.state = state;
  b->step->cache.words = words ? copy(b->instance, words) : NULL;
}

static void name_note(const char *kind, const char *provider, const char *graph, char out[RUNG_DIGEST_TEXT]) {
  rung_digest digest;
  rung_digest_init(&digest);
  rung_digest_add(&digest, kind, strlen(kind) + 1);
  rung_digest_add(&digest, provider, strlen(provider) + 1);
  rung_digest_add(&digest, graph, strlen(graph));
  rung_digest_end_text(&digest, out);
}

/* What the island depends on. False when it cannot be kept: step->cache says why. */
static rung_status *make_key(build *b, bool *out_known) {
  char graph[RUNG_DIGEST_TEXT];
  rung__job_stage(&b->compile, "key", 0);
  rung_status *status = rung__key_add(b->instance, b->step, &b->instance->cache.store, &b->fields, graph);
  *out_known = !status;
  if (rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  if (status) {
    say(b, "not-kept", rung_status_message(status));
    rung_status_free(status);
    return NULL;
  }
  rung__fields_key(&b->fields, b->key);
  name_note("time", b->api->name, graph, b->time_note);
  name_note("rate", b->api->name, "", b->rate_note);
  b->step->cache.key = rung_arena_copy(&b->instance->arena, b->key, RUNG_DIGEST_TEXT - 1);
  b->step->cache.fields.data = rung_arena_copy(&b->instance->arena, b->fields.text.data, b->fields.text.size);
  b->step->cache.fields.size = b->fields.text.size;
  b->step->cache.field_count = b->fields.count;
  if (!b->step->cache.key || !b->step->cache.fields.data) return rung_status_out_of_memory();
  if (!b->instance->cache.peeks) RUNG_TRY(rung__shelf_make(b->instance, b->step));
  b->compile.shelf = b->step->cache.shelf;
  return NULL;
}

/* Refusals: per node its number in the island, the reason, the words. */

typedef struct kept_refusal {
  uint32_t node, reason, words;
} kept_refusal;

static rung_status *read_refusals(build *b, const uint8_t *data, size_t size) {
  const rung_graph *island = b->step->island;
  for (size_t at = 0; at < size;) {
    kept_refusal r;
    RUNG_REQUIRE(size - at >= sizeof r, IO, "a refusal is cut off");
    memcpy(&r, data + at, sizeof r);
    at += sizeof r;
    RUNG_REQUIRE(r.words <= size - at && r.node < island->node_count && r.reason <= RUNG_REASON_LIBRARY, IO,
                 "a refusal speaks of what is not there");
    const char *words = rung_arena_copy(&b->instance->arena, (const char *)data + at, r.words);
    RUNG_CHECK_ALLOC(words);
    rung__refuse_compiled(b->compile.claims, island->nodes[r.node], (rung_reason)r.reason, words);
    at += r.words;
  }
  RUNG_REQUIRE(b->compile.claims->refused, IO, "it refuses nothing");
  return NULL;
}

/* False when a refusal has to do with this moment rather than with the node. */
static bool write_refusals(const build *b, size_t from, rung_text *text) {
  for (size_t i = from; i < b->instance->refusals.count; i++) {
    const refusal *r = &b->instance->refusals.at[i];
    kept_refusal head = {UINT32_MAX, r->reason, (uint32_t)strlen(r->words)};
    for (uint32_t n = 0; n < b->step->island->node_count; n++)
      if (b->step->island->nodes[n] == r->node) head.node = n;
    if (head.node == UINT32_MAX || r->reason == RUNG_REASON_MEMORY) return false;
    rung_text_append(text, (const char *)&head, sizeof head);
    rung_text_append(text, r->words, head.words);
  }
  return !text->failed && text->size;
}

/* Loading */

static rung_status *drop_entry(build *b, uint64_t inode, rung_status *why) {
  rung_log_line(&b->instance->env->log, RUNG_LOG_WARNING, "cache \"%s\": %s; it is dropped, and the island compiled",
                b->instance->cache.folder, rung_status_message(why));
  rung_status_free(why);
  if (b->instance->cache.writes && inode)
    rung_status_free(rung__store_remove(&b->instance->cache.store, b->key, inode));
  return NULL;
}

/* What an entry holds becomes the executable, or refusals, which are the status. */
static rung_status *use_entry(build *b, const cache_entry *e, bool *out_used) {
  if (rung_str_is(rung__entry_value(e, rung_str_of("kind")), "refusal")) {
    RUNG_TRY(read_refusals(b, e->payload, e->payload_size));
    *out_used = true;
    return RUNG_ERROR(UNSUPPORTED, "the engine has refused nodes of the island before");
  }
  rung__job_stage(&b->compile, "load", 0);
  RUNG_TRY(b->api->load(b->provider, b->step->island, &b->compile, e->payload, e->payload_size, &b->step->executable));
  *out_used = true;
  return NULL;
}

static bool is_final(const rung_status *status) {
  rung_code code = rung_status_code(status);
  return code == RUNG_CANCELLED || code == RUNG_OUT_OF_MEMORY;
}

static rung_status *try_entry(build *b, bool *out_used) {
  stored_entry found;
  *out_used = false;
  rung_status *status = rung__store_find(&b->instance->cache.store, b->key, true, &found);
  uint64_t inode = found.inode;
  if (!status && !found.entry) return NULL;
  if (!status) status = use_entry(b, found.entry, out_used);
  if (b->step->executable)
    b->step->cache.loaded = found;
  else
    rung__store_release(&b->instance->cache.store, &found);
  if (*out_used) {
    say(b, "hit", NULL);
    return status;
  }
  return is_final(status) ? status : drop_entry(b, inode, rung_status_prefix(status, "entry %.12s", b->key));
}

/* Keeping */

void rung__cache_add_notes(const rung_instance *instance, const program_step *step, const char *kind, uint64_t took_ns,
                           entry_fields *fields) {
  const rung_model *model = instance->model;
  const char *slash = model->path ? strrchr(model->path, '/') : NULL;
  char number[32];
  rung__fields_add(fields, false, "kind", kind);
  rung__fields_add(fields, false, "model", slash ? slash + 1 : model->path ? model->path : model->graph->name);
  snprintf(number, sizeof number, "%" PRIu32, step->node_count);
  rung__fields_add(fields, false, "nodes", number);
  snprintf(number, sizeof number, "%" PRIu64, took_ns / 1000000);
  rung__fields_add(fields, false, "compile_ms", number);
  snprintf(number, sizeof number, "%lld", (long long)time(NULL));
  rung__fields_add(fields, false, "made", number);
}

static rung_status *fill_writer(store_writer *writer, entry_filler fill, void *user) {
  char scratch[RUNG_PATH_MAX];
  rung_sink sink = {rung__writer_write, writer};
  RUNG_TRY(rung__writer_scratch(writer, scratch));
  rung_saving saving = {.struct_size = sizeof saving, .sink = &sink, .scratch = scratch};
  rung_status *status = fill(user, &saving);
  unlink(scratch);
  return status;
}

rung_status *rung__cache_write(const rung_store *store, const entry_fields *fields, entry_filler fill, void *user) {
  store_writer writer;
  RUNG_TRY(rung__writer_begin(&writer, store, fields));
  rung_status *status = fill_writer(&writer, fill, user);
  if (status)
    rung__writer_abandon(&writer);
  else
    status = rung__writer_commit(&writer);
  return status;
}

static rung_status *fill_with_refusals(void *user, const rung_saving *saving) {
  const rung_text *refusals = user;
  return saving->sink->write(saving->sink->user, refusals->data, refusals->size);
}

/* `refusals` NULL: the executable. */
static rung_status *write_entry(build *b, rung_text *refusals) {
  const rung_store *store = &b->instance->cache.store;
  rung__cache_add_notes(b->instance, b->step, refusals ? "refusal" : "executable", b->took, &b->fields);
  if (refusals) return rung__cache_write(store, &b->fields, fill_with_refusals, refusals);
  return rung__cache_write(store, &b->fields, b->api->save, b->step->executable);
}

static void keep(build *b, rung_text *refusals) {
  engine_cache *cache = &b->instance->cache;
  if (!cache->writes) {
    say(b, "not-kept", cache->why);
    return;
  }
  rung__job_stage(&b->compile, "save", 0);
  rung_status *status = write_entry(b, refusals);
  say(b, status ? "not-kept" : "kept", status ? rung_status_message(status) : NULL);
  if (rung_status_code(status) == RUNG_IO)
    give_up(b->instance, status, "the session goes on, nothing more is kept");
  else
    rung_status_free(status);
}

/* Times: how long this graph took, and a node of this provider's on the whole; both in microseconds. */

static uint64_t read_time(const build *b, const char *name) {
  char word[RUNG_STORE_NOTE];
  return rung__store_noted(&b->instance->cache.store, name, word) ? strtoull(word, NULL, 10) : 0;
}

static uint64_t expected_ns(const build *b) {
  uint64_t whole = read_time(b, b->time_note);
  return 1000 * (whole ? whole : b->step->island->node_count * read_time(b, b->rate_note));
}

static void note_time(build *b) {
  char word[32];
  uint64_t us = b->took / 1000;
  if (!b->instance->cache.writes) return;
  snprintf(word, sizeof word, "%" PRIu64, RUNG_MAX(us, 1));
  rung_status *status = rung__store_note(&b->instance->cache.store, b->time_note, word);
  snprintf(word, sizeof word, "%" PRIu64, RUNG_MAX(us / RUNG_MAX(b->step->island->node_count, 1), 1));
  if (!status) status = rung__store_note(&b->instance->cache.store, b->rate_note, word);
  if (status) give_up(b->instance, status, "the session goes on, nothing more is kept");
}

static rung_status *compile_and_keep(build *b) {
  size_t from = b->instance->refusals.count;
  rung__job_stage(&b->compile, "compile", expected_ns(b));
  uint64_t began = rung_os_now_ns();
  rung_status *status = b->api->compile(b->provider, b->step->island, &b->compile, &b->step->executable);
  b->took = rung_os_now_ns() - began;
  bool refused = rung_status_code(status) == RUNG_UNSUPPORTED && b->compile.claims->refused;
  if (rung__job_stopped(&b->compile) || (status && !refused)) return status;
  rung_text refusals;
  rung_text_init(&refusals, b->instance->env->allocator);
  if (!refused || write_refusals(b, from, &refusals)) keep(b, refused ? &refusals : NULL);
  rung_text_finish(&refusals);
  if (!refused) note_time(b);
  return status;
}

/* Turns */

/* Another session compiles the island at this moment, in this process or another: its entry is waited for, unless that
 * takes too long. */
static rung_status *wait_for_turn(build *b, bool *out_used) {
  const engine_cache *cache = &b->instance->cache;
  uint64_t began = rung_os_now_ns();
  for (bool waits = false;; waits = true) {
    store_turn_state state = rung__turn_take(&b->step->cache.turn, &cache->store, b->key);
    if (state != TURN_OTHERS) RUNG_TRY(try_entry(b, out_used)); /* it may have come since the last look */
    if (*out_used || state == TURN_MINE || state == TURN_FREE) return NULL;
    if (state == TURN_OVER) continue;
    if (!waits) rung__job_stage(&b->compile, "wait", expected_ns(b));
    RUNG_REQUIRE(!rung__job_stopped(&b->compile), CANCELLED, "stopped while another session compiled the island");
    if (rung_os_now_ns() - began > cache->most_wait) {
      rung_log_line(&b->instance->env->log, RUNG_LOG_WARNING,
                    "cache \"%s\": another session has been compiling entry %.12s for %.3g s; it is compiled here, too",
                    cache->folder, b->key, (double)cache->most_wait / 1e9);
      return NULL;
    }
    rung_os_pause(LOOK_MS);
  }
}

static rung_status *compile_in_turn(build *b) {
  store_turn *turn = &b->step->cache.turn;
  bool used = false;
  turn->fd = -1;
  rung_status *status = wait_for_turn(b, &used);
  if (!atomic_load(&turn->held)) rung__turn_leave(turn);
  if (!status && !used) status = compile_and_keep(b);
  bool stopped = rung_status_code(status) == RUNG_CANCELLED || rung__job_stopped(&b->compile);
  bool kept = b->step->cache.state && strcmp(b->step->cache.state, "kept") == 0;
  rung__turn_end(turn, &b->instance->cache.store, b->key, !used && !kept && !stopped);
  return status;
}

void rung__cache_abandon(rung_instance *instance, program_step *step) {
  if (atomic_load(&step->cache.turn.held))
    rung__turn_end(&step->cache.turn, &instance->cache.store, step->cache.key, false);
}

static build begin(program_step *step, const rung_compile *compile) {
  rung_instance *instance = instance_of(compile);
  const rung_link *link = &instance->chain.links.at[step->link];
  build b = {.instance = instance, .api = link->api, .provider = link->provider, .step = step, .compile = *compile};
  rung__fields_init(&b.fields, instance->env->allocator);
  return b;
}

rung_status *rung__cache_compile(program_step *step, const rung_compile *compile) {
  build b = begin(step, compile);
  bool known = false, used = false;
  rung_status *status = b.instance->cache.usable && keeps(b.api) ? make_key(&b, &known) : NULL;
  if (!status && known) status = try_entry(&b, &used);
  if (!status && !used && known) {
    status = compile_in_turn(&b);
  } else if (!status && !used) {
    rung__job_stage(compile, "compile", 0);
    status = b.api->compile(b.provider, step->island, &b.compile, &step->executable);
  }
  rung__fields_finish(&b.fields);
  return status;
}

/* A plan that is not compiled. */
static rung_status *look(build *b) {
  stored_entry found;
  rung_status *status = rung__store_find(&b->instance->cache.store, b->key, false, &found);
  bool refuses = found.entry && rung_str_is(rung__entry_value(found.entry, rung_str_of("kind")), "refusal");
  bool there = found.entry != NULL, used;
  rung__store_release(&b->instance->cache.store, &found);
  if (status) {
    say(b, "miss", rung_status_message(status));
    rung_status_free(status);
    return NULL;
  }
  if (refuses) return try_entry(b, &used);
  say(b, there ? "hit" : "miss", NULL);
  return NULL;
}

rung_status *rung__cache_peek(program_step *step, const rung_compile *compile) {
  build b = begin(step, compile);
  bool known = false;
  rung_status *status = b.instance->cache.usable && keeps(b.api) ? make_key(&b, &known) : NULL;
  if (!status && known) status = look(&b);
  rung__fields_finish(&b.fields);
  return status;
}
