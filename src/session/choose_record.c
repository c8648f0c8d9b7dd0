/* What chain "auto" chose, remembered as an entry of the engine cache of the kind "choice". Its payload is text:
 *
 *     fake,cpu <tab> nanoseconds <tab> why it was chosen
 *     cpu <tab> nanoseconds <tab> why it is out, or nothing        every candidate, in their order
 *
 * The key holds what decides: the graph, its shapes, its weights, the shapes of the inputs it was measured on, the
 * processor, what the user asked of the session, and each usable provider with all that its probe found. */
#include "base/os.h"
#include "session/cache.h"
#include "session/cache_key.h"
#include "session/choose.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The key */

static uint64_t hash_text(const char *text, uint64_t seed) {
  return rung_hash_bytes(text ? text : "", text ? strlen(text) + 1 : 1, seed);
}

static rung_status *add_provider(chooser *c, const rung_provider_api *api) {
  char name[96], value[128];
  rung_report report;
  rung_state failed;
  rung_option *list;
  size_t count;
  RUNG_TRY(rung__choose_options(c, api, &list, &count));
  RUNG_TRY(rung_registry_probe(api, &c->look->host, list, count, &c->arena, &report));
  if (rung_report_first_failure(&report, &failed)) return NULL;
  uint64_t found = 1;
  for (int i = 0; i < RUNG_STATE_COUNT; i++) found = hash_text(report.steps[i].evidence, found);
  for (size_t i = 0; i < report.device_count; i++) found = hash_text(report.devices[i], found);
  for (size_t i = 0; i < count; i++) found = hash_text(list[i].value, hash_text(list[i].key, found));
  snprintf(name, sizeof name, "provider.%.80s", api->name);
  snprintf(value, sizeof value, "%.80s, %016" PRIx64, api->version ? api->version : "", found);
  rung__fields_add(&c->fields, true, name, value);
  return NULL;
}

static void add_inputs(chooser *c) {
  char name[32];
  for (size_t i = 0; i < c->look->ir->graph->input_count; i++) {
    const rung_tensor *t = &c->inputs[i]->tensor;
    char text[24 * RUNG_MAX_RANK + 32];
    int at = snprintf(text, sizeof text, "%s", rung_dtype_name(t->dtype));
    for (int32_t d = 0; d < t->rank; d++)
      at += snprintf(text + at, sizeof text - (size_t)at, "%c%" PRId64, d ? ',' : ' ', t->dims[d]);
    snprintf(name, sizeof name, "input.%zu", i);
    if (i < RUNG_ENTRY_MOST_FIELDS / 2) rung__fields_add(&c->fields, true, name, text);
  }
}

/* What the user asked, as far as it can change who is faster or who may be chosen. */
static void add_demands(chooser *c) {
  const rung_session_options *o = c->options;
  char text[64];
  uint64_t asked = hash_text(o->contract, hash_text(o->passes_off, hash_text(o->figures, hash_text(o->lock, 1))));
  for (size_t i = 0; i < o->pin_count; i++) asked = hash_text(o->pins[i].provider, hash_text(o->pins[i].nodes, asked));
  for (size_t i = 0; i < o->extra_output_count; i++) asked = hash_text(o->extra_outputs[i], asked);
  snprintf(text, sizeof text, "%016" PRIx64 "%s", asked, o->legalise ? ", legalise" : "");
  rung__fields_add(&c->fields, true, "demands", text);
  size_t all = rung_pool_threads(c->env->pool);
  snprintf(text, sizeof text, "%zu", o->threads ? RUNG_MIN(o->threads, all) : all);
  rung__fields_add(&c->fields, true, "threads", text);
}

static rung_status *make_key(chooser *c) {
  char graph[RUNG_DIGEST_TEXT], processor[160], features[32];
  RUNG_TRY(rung__key_add_graph(c->look, c->look->ir->graph, &c->store, &c->fields, graph));
  rung_os_cpu_name(processor, sizeof processor);
  rung__fields_add(&c->fields, true, "processor", processor);
  snprintf(features, sizeof features, "%" PRIx64, (uint64_t)c->env->cpu_mask);
  rung__fields_add(&c->fields, true, "processor.features", features);
  add_demands(c);
  add_inputs(c);
  for (size_t i = 0; i < c->env->registry.count; i++) RUNG_TRY(add_provider(c, c->env->registry.providers[i]));
  return rung__fields_check(&c->fields);
}

/* Nothing is remembered: why, once. Takes the status. */
static rung_status *forget(chooser *c, rung_status *status) {
  if (!status || rung_status_code(status) == RUNG_OUT_OF_MEMORY) return status;
  const char *words = rung_status_message(status);
  c->unkept = rung_arena_copy(&c->arena, words, strlen(words));
  rung_log_line(&c->env->log, RUNG_LOG_WARNING, "the choice is not remembered: %s", words);
  rung_status_free(status);
  return c->unkept ? NULL : rung_status_out_of_memory();
}

rung_status *rung__record_open(chooser *c) {
  const rung_session_options *o = c->options;
  c->unkept = o->cache_folder ? NULL : "there is no cache folder";
  if (!o->cache_folder) return NULL;
  rung_status *status = rung__store_open(&c->store, c->env->allocator, o->cache_folder,
                                         o->cache_max_bytes ? o->cache_max_bytes : RUNG_CACHE_DEFAULT_BYTES, true);
  if (!status) status = make_key(c);
  return forget(c, status);
}

void rung__record_close(chooser *c) {
  rung__store_close(&c->store);
  rung__fields_finish(&c->fields);
}

/* Reading */

typedef struct record_line {
  const char *chain, *words; /* the arena's */
  double ns;
} record_line;

/* "chain <tab> nanoseconds <tab> words"; false at the end, or where it is none. */
static bool read_line(chooser *c, const char **at, const char *end, record_line *out) {
  const char *newline = memchr(*at, '\n', (size_t)(end - *at));
  const char *tab = newline ? memchr(*at, '\t', (size_t)(newline - *at)) : NULL;
  const char *second = tab ? memchr(tab + 1, '\t', (size_t)(newline - tab - 1)) : NULL;
  if (!second) return false;
  char *line = rung_arena_copy(&c->arena, *at, (size_t)(newline - *at));
  if (!line) return false;
  line[tab - *at] = line[second - *at] = 0;
  *out = (record_line){line, line + (second + 1 - *at), strtod(line + (tab + 1 - *at), NULL)};
  *at = newline + 1;
  return true;
}

static rung_status *read_payload(chooser *c, const cache_entry *e) {
  const char *at = (const char *)e->payload, *end = at + e->payload_size;
  record_line line;
  if (!read_line(c, &at, end, &line)) return NULL;
  const char *chain = line.chain, *words = line.words;
  while (read_line(c, &at, end, &line)) {
    candidate one = {.chain = line.chain, .ns = line.ns, .words = line.words[0] ? line.words : NULL};
    if (!rung_vec_push(c->env->allocator, &c->candidates, one)) return rung_status_out_of_memory();
  }
  c->chain = chain;
  c->words = words;
  c->remembered = true;
  return NULL;
}

rung_status *rung__record_read(chooser *c) {
  char key[RUNG_DIGEST_TEXT];
  stored_entry found;
  if (c->unkept) return NULL;
  rung__fields_key(&c->fields, key);
  rung_status *status = rung__store_find(&c->store, key, true, &found);
  if (status) return rung_status_code(status) == RUNG_OUT_OF_MEMORY ? status : (rung_status_free(status), NULL);
  if (!found.entry) return NULL;
  status = read_payload(c, found.entry);
  rung__store_release(&c->store, &found);
  return status;
}

/* Writing */

static void add_line(rung_text *text, const char *chain, double ns, const char *words) {
  rung_text_printf(text, "%s\t%.0f\t", chain, ns);
  for (; words && *words; words++) rung_text_append(text, *words == '\n' || *words == '\t' ? " " : words, 1);
  rung_text_append(text, "\n", 1);
}

static rung_status *fill(void *user, const rung_saving *saving) {
  const rung_text *text = user;
  return saving->sink->write(saving->sink->user, text->data, text->size);
}

rung_status *rung__record_write(chooser *c) {
  if (c->unkept) return NULL;
  rung_text text;
  program_step whole = {.node_count = c->look->ir->graph->node_count};
  rung_text_init(&text, c->env->allocator);
  add_line(&text, c->chain, 0, c->words);
  for (size_t i = 0; i < c->candidates.count; i++)
    add_line(&text, c->candidates.at[i].chain, c->candidates.at[i].ns, c->candidates.at[i].words);
  rung__fields_add(&c->fields, false, "provider", c->chain);
  rung__cache_add_notes(c->look, &whole, "choice", rung_os_now_ns() - c->began, &c->fields);
  rung_status *status =
      text.failed ? rung_status_out_of_memory() : rung__cache_write(&c->store, &c->fields, fill, &text);
  rung_text_finish(&text);
  return forget(c, status);
}
