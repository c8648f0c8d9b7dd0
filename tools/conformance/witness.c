/* Objects that cross the border get a coat, a struct of the witness's with the real one inside: for rung, what the
 * provider makes (provider, executable); for the provider, what rung makes (host, report, claims, compile, run).
 * Values, graphs, memories and fences pass as they are. */
#include "witness.h"

#include "process.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void complain(witness *w, const char *format, ...) {
  if (atomic_exchange(&w->broken, true)) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(w->words, sizeof w->words, format, arguments);
  va_end(arguments);
}

#define RULE(w, holds, ...)                 \
  do {                                      \
    if (!(holds)) complain(w, __VA_ARGS__); \
  } while (0)

static witness *witness_of(const rung_host *host) { return host->allocator->user; }

/* Requests count, and fail on command, only while the provider is at work. */
static void enter(witness *w) { atomic_store(&w->memory.counting, true); }
static void leave(witness *w) { atomic_store(&w->memory.counting, false); }

/* Reports of probe */

typedef struct watched_report {
  witness *w;
  const rung_host *host;
  rung_report *real;
  int last; /* the step that was told last */
  bool failed;
} watched_report;

static void note(witness *w, const char *format, ...) {
  size_t at = strlen(w->report);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(w->report + at, sizeof w->report - at, format, arguments);
  va_end(arguments);
}

static bool begins_with_name(const witness *w, const char *code) {
  size_t size = strlen(w->inner->name);
  return strncmp(code, w->inner->name, size) == 0 && code[size] == '.' && code[size + 1];
}

static void watch_step(rung_report *coat, rung_state state, int ok, const char *code, const char *evidence,
                       const char *fix) {
  watched_report *report = (watched_report *)coat;
  witness *w = report->w;
  RULE(w, state > RUNG_STATE_KNOWN && state <= RUNG_STATE_USABLE, "probe tells of a step %d, which there is not",
       (int)state);
  RULE(w, (int)state > report->last, "probe tells the steps in another order than that of rung_state");
  RULE(w, report->failed || (int)state == report->last + 1, "probe leaves out a step before %d", (int)state);
  RULE(w, ok || (code && begins_with_name(w, code)), "a step of probe fails without a code \"%s.what-is-missing\"",
       w->inner->name);
  RULE(w, ok || (evidence && evidence[0]),
       "a step of probe fails without evidence: what was looked at, what was found");
  RULE(w, ok || report->failed || (fix && fix[0]), "a step of probe fails without the fix that mends it");
  RULE(w, !(ok && report->failed && state == RUNG_STATE_USABLE), "probe says usable behind a step that fails");
  report->last = (int)state;
  report->failed |= !ok;
  note(w, "%d %d %s: %s\n", (int)state, ok, code ? code : "", evidence ? evidence : "");
  report->host->step(report->real, state, ok, code, evidence, fix);
}

static void watch_device(rung_report *coat, const char *id, const char *name) {
  watched_report *report = (watched_report *)coat;
  RULE(report->w, id && id[0] && name && name[0], "probe tells of a device without id or name");
  note(report->w, "%s: %s\n", id, name);
  report->host->device(report->real, id, name);
}

static void compare_process(witness *w, const process_state *before) {
  process_state after;
  char words[200];
  if (!process_look(&after)) return;
  process_compare(before, &after, words, sizeof words);
  RULE(w, !words[0], "after probe %s", words);
}

static rung_status *watch_probe(const rung_host *host, const rung_option *options, size_t count, rung_report *report) {
  witness *w = witness_of(host);
  rung_host coat = *host;
  coat.step = watch_step;
  coat.device = watch_device;
  watched_report told = {w, host, report, RUNG_STATE_KNOWN, false};
  process_state before;
  bool looked = w->watch_process && process_look(&before);
  w->report[0] = 0;
  enter(w);
  rung_status *status = w->inner->probe(&coat, options, count, (rung_report *)&told);
  leave(w);
  if (looked) compare_process(w, &before);
  RULE(w, status || told.failed || told.last == RUNG_STATE_USABLE,
       "probe stops before the step usable, and none fails");
  return status;
}

/* Claims */

typedef struct watched_claims {
  witness *w;
  const rung_host *host;
  rung_claims *real;
  const rung_graph *graph;
  size_t refused;
} watched_claims;

/* compile: a node in the body of a claimed one stands for that. */
static bool belongs(const watched_claims *claims, const rung_node *node) {
  for (; node; node = node->graph->parent)
    for (uint32_t n = 0; n < claims->graph->node_count; n++)
      if (claims->graph->nodes[n] == node) return true;
  return false;
}

static bool is_reason(rung_reason reason) {
  switch (reason) {
#define RUNG_REASON(name, value, text, meaning) case RUNG_REASON_##name:
#include "rung_reasons.inc"
#undef RUNG_REASON
    return reason != RUNG_REASON_NOT_CONSIDERED;
  }
  return false;
}

static const char *reason_text(rung_reason reason) {
  switch (reason) {
#define RUNG_REASON(name, value, text, meaning) \
  case RUNG_REASON_##name:                      \
    return text;
#include "rung_reasons.inc"
#undef RUNG_REASON
  }
  return "?";
}

static void watch_accept(rung_claims *coat, const rung_node *node) {
  watched_claims *claims = (watched_claims *)coat;
  RULE(claims->w, belongs(claims, node), "it accepts a node that is not in the graph");
  atomic_fetch_add(&claims->w->accepted, 1);
  claims->host->accept(claims->real, node);
}

static void watch_accept_group(rung_claims *coat, const rung_node *const *nodes, size_t count) {
  watched_claims *claims = (watched_claims *)coat;
  for (size_t i = 0; i < count; i++)
    RULE(claims->w, belongs(claims, nodes[i]), "it accepts a group with a node that is not in the graph");
  atomic_fetch_add(&claims->w->accepted, (long)count);
  claims->host->accept_group(claims->real, nodes, count);
}

static bool has_body(const rung_node *node) {
  for (uint32_t i = 0; i < node->attribute_count; i++)
    if (node->attributes[i].type == RUNG_ATTRIBUTE_GRAPH) return true;
  return false;
}

static void note_refusal(witness *w, const rung_node *node, const char *reason, const char *words) {
  if (w->refusal[0] && !w->refusal_is_driven) return;
  snprintf(w->refusal, sizeof w->refusal, "%s: %s: %s", node->op_type, reason, words);
  w->refusal_is_driven = has_body(node);
}

static void watch_refuse(rung_claims *coat, const rung_node *node, rung_reason reason, const char *format, ...) {
  watched_claims *claims = (watched_claims *)coat;
  witness *w = claims->w;
  char text[WITNESS_WORDS / 2];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  RULE(w, belongs(claims, node), "it refuses a node that is not in the graph");
  RULE(w, is_reason(reason), "it refuses %s with the reason %d, which is none of rung_reasons.inc", node->op_type,
       (int)reason);
  RULE(w, text[0], "it refuses %s (%s) without saying what exactly does not fit", node->op_type, reason_text(reason));
  claims->refused++;
  note_refusal(w, node, reason_text(reason), text);
  claims->host->refuse(claims->real, node, reason, "%s", text);
}

/* Runs */

typedef struct watched_run {
  rung_run run; /* first: what the provider sees */
  const rung_run *real;
  witness *w;
  const rung_graph *island;
  bool *made; /* per output */
} watched_run;

static const char *output_name(const watched_run *r, uint32_t index) {
  return index < r->island->output_count ? r->island->outputs[index]->name : "?";
}

static void note_output(watched_run *r, uint32_t index) {
  RULE(r->w, index < r->run.output_count, "a run makes output %u of %u", index, r->run.output_count);
  if (index >= r->run.output_count) return;
  RULE(r->w, !r->made[index], "a run makes output %u (\"%s\") twice", index, output_name(r, index));
  r->made[index] = true;
}

static rung_status *watch_output(const rung_run *run, uint32_t index, rung_dtype dtype, int32_t rank,
                                 const int64_t *dims, rung_tensor *out_tensor) {
  watched_run *r = (watched_run *)run;
  witness *w = r->w;
  atomic_fetch_add(&w->outputs, 1);
  if (atomic_load(&w->refused_output) && atomic_fetch_sub(&w->refused_output, 1) == 1)
    return r->real->host->error(RUNG_OUT_OF_MEMORY, __FILE__, __LINE__, "the kit has no room for this output");
  note_output(r, index);
  return r->real->host->output(r->real, index, dtype, rank, dims, out_tensor);
}

static rung_status *watch_give(const rung_run *run, uint32_t index, rung_value *value) {
  watched_run *r = (watched_run *)run;
  RULE(r->w, value, "a run gives NULL as output %u (\"%s\")", index, output_name(r, index));
  note_output(r, index);
  return r->real->host->give(r->real, index, value);
}

static int watch_cancelled(const rung_run *run) {
  const watched_run *r = (const watched_run *)run;
  atomic_fetch_add(&r->w->questions, 1);
  return atomic_load(&r->w->cancel) || r->real->host->cancelled(r->real);
}

static void watch_event(const rung_run *run, const rung_node *node, uint64_t began, uint64_t ended) {
  const watched_run *r = (const watched_run *)run;
  RULE(r->w, run->profile, "a run calls host->event though nobody asks what takes time");
  RULE(r->w, began <= ended && ended <= run->host->now(),
       "a run tells of an event that ends before it begins, or later");
  r->real->host->event(r->real, node, began, ended);
}

/* Hosts */

typedef struct watched_host {
  rung_host host; /* first: what the provider sees */
  const rung_host *real;
} watched_host;

/* Pieces of a cancelled run are skipped, as the host does. */
static void watch_parallel(const rung_host *host, const rung_run *run, size_t count, size_t grain,
                           void (*fn)(void *context, size_t begin, size_t end), void *context) {
  const rung_host *real = ((const watched_host *)host)->real;
  const watched_run *r = (const watched_run *)run;
  if (r) atomic_fetch_add(&r->w->questions, 1);
  if (r && atomic_load(&r->w->cancel)) return;
  real->parallel(real, r ? r->real : NULL, count, grain, fn, context);
}

/* compile and load */
typedef struct watched_compile {
  rung_compile compile; /* first: what the provider sees */
  const rung_compile *real;
  watched_claims claims;
} watched_compile;

static int watch_progress(const rung_compile *compile, const char *stage, uint64_t done, uint64_t total) {
  const watched_compile *c = (const watched_compile *)compile;
  witness *w = c->claims.w;
  atomic_fetch_add(&w->told, 1);
  RULE(w, stage && stage[0], "compiling tells progress without the name of a stage");
  return atomic_load(&w->cancel) || c->real->host->progress(c->real, stage, done, total);
}

typedef struct watched_identity {
  witness *w;
  const rung_host *host;
  rung_identity *real;
} watched_identity;

static void watch_depends(rung_identity *coat, const char *name, const char *value) {
  const watched_identity *identity = (const watched_identity *)coat;
  RULE(identity->w, name && name[0] && value, "identity tells something without name or value");
  identity->host->depends(identity->real, name, value);
}

static void coat_host(watched_host *coat, const rung_host *real) {
  coat->real = real;
  coat->host = *real;
  coat->host.accept = watch_accept;
  coat->host.accept_group = watch_accept_group;
  coat->host.refuse = watch_refuse;
  coat->host.parallel = watch_parallel;
  coat->host.progress = watch_progress;
  coat->host.output = watch_output;
  coat->host.give = watch_give;
  coat->host.cancelled = watch_cancelled;
  coat->host.event = watch_event;
  coat->host.depends = watch_depends;
}

/* Providers */

typedef struct watched_provider {
  witness *w;
  watched_host coat;
  void *real;
} watched_provider;

static rung_status *watch_open(const rung_host *host, const rung_option *options, size_t count, void **out_provider) {
  witness *w = witness_of(host);
  watched_provider *p = get_memory(1, sizeof *p);
  p->w = w;
  coat_host(&p->coat, host);
  enter(w);
  rung_status *status = w->inner->open(&p->coat.host, options, count, &p->real);
  leave(w);
  RULE(w, status || p->real, "open succeeds and sets no provider");
  if (status) {
    free(p);
    return status;
  }
  atomic_fetch_add(&w->opened, 1);
  *out_provider = p;
  return NULL;
}

static void watch_close(void *provider) {
  watched_provider *p = provider;
  p->w->inner->close(p->real);
  atomic_fetch_sub(&p->w->opened, 1);
  free(p);
}

static rung_memory *watch_memory(void *provider) {
  watched_provider *p = provider;
  rung_memory *memory = p->w->inner->memory(p->real);
  RULE(p->w, !memory || (memory->kind && memory->kind[0]), "its memory has no kind");
  RULE(p->w, !memory || (memory->alloc && memory->free && memory->copy_in && memory->copy_out),
       "its memory lacks alloc, free, copy_in or copy_out");
  RULE(p->w, !memory || (memory->alignment && !(memory->alignment & (memory->alignment - 1))),
       "the alignment of its memory is no power of two");
  p->w->device = memory;
  return memory;
}

static rung_status *watch_claim(void *provider, const rung_graph *graph, rung_claims *claims) {
  watched_provider *p = provider;
  watched_claims coat = {p->w, p->coat.real, claims, graph, 0};
  atomic_fetch_add(&p->w->claims, 1);
  enter(p->w);
  rung_status *status = p->w->inner->claim(p->real, graph, (rung_claims *)&coat);
  leave(p->w);
  return status;
}

static rung_status *watch_infer(void *provider, const rung_node *node, rung_type *outputs) {
  watched_provider *p = provider;
  return p->w->inner->infer(p->real, node, outputs);
}

static const char *watch_precision(void *provider) {
  watched_provider *p = provider;
  return p->w->inner->precision(p->real);
}

static void watch_trim(void *provider) {
  watched_provider *p = provider;
  atomic_fetch_add(&p->w->trims, 1);
  p->w->inner->trim(p->real);
}

static rung_status *watch_wait(void *provider, rung_fence *fence) {
  watched_provider *p = provider;
  return p->w->inner->wait(p->real, fence);
}

static void watch_free_fence(void *provider, rung_fence *fence) {
  watched_provider *p = provider;
  atomic_fetch_sub(&p->w->fences, 1);
  p->w->inner->free_fence(p->real, fence);
}

/* Executables */

typedef struct watched_executable {
  watched_provider *owner;
  const rung_graph *island;
  void *real;
} watched_executable;

static void coat_compile(watched_compile *coat, watched_provider *p, const rung_graph *island,
                         const rung_compile *real) {
  *coat = (watched_compile){*real, real, {p->w, p->coat.real, real->claims, island, 0}};
  coat->compile.host = &p->coat.host;
  coat->compile.claims = (rung_claims *)&coat->claims;
}

/* What compile and load answer. Takes `e`. */
static rung_status *judge_compile(watched_executable *e, const watched_compile *coat, rung_status *status,
                                  const char *what, void **out_executable) {
  witness *w = e->owner->w;
  size_t refused = coat->claims.refused;
  RULE(w, status || e->real, "%s succeeds and sets no executable", what);
  RULE(w, status || !refused, "%s refuses a node and succeeds: then it returns UNSUPPORTED", what);
  RULE(w, !status || refused || rung_status_code(status) != RUNG_UNSUPPORTED,
       "%s returns UNSUPPORTED, and host->refuse has named no node: %s", what, rung_status_message(status));
  if (status) {
    free(e);
    return status;
  }
  atomic_fetch_add(&w->executables, 1);
  *out_executable = e;
  return NULL;
}

static watched_executable *coat_executable(watched_provider *p, const rung_graph *island) {
  watched_executable *e = get_memory(1, sizeof *e);
  *e = (watched_executable){p, island, NULL};
  return e;
}

static rung_status *watch_compile(void *provider, const rung_graph *island, const rung_compile *compile,
                                  void **out_executable) {
  watched_provider *p = provider;
  watched_executable *e = coat_executable(p, island);
  watched_compile coat;
  coat_compile(&coat, p, island, compile);
  atomic_fetch_add(&p->w->compiles, 1);
  enter(p->w);
  rung_status *status = p->w->inner->compile(p->real, island, &coat.compile, &e->real);
  leave(p->w);
  return judge_compile(e, &coat, status, "compile", out_executable);
}

static rung_status *watch_load(void *provider, const rung_graph *island, const rung_compile *compile, const void *data,
                               size_t size, void **out_executable) {
  watched_provider *p = provider;
  watched_executable *e = coat_executable(p, island);
  watched_compile coat;
  coat_compile(&coat, p, island, compile);
  enter(p->w);
  rung_status *status = p->w->inner->load(p->real, island, &coat.compile, data, size, &e->real);
  leave(p->w);
  atomic_fetch_add(&p->w->loads, !status);
  return judge_compile(e, &coat, status, "load", out_executable);
}

static rung_status *watch_identity(void *provider, rung_identity *identity) {
  watched_provider *p = provider;
  watched_identity coat = {p->w, p->coat.real, identity};
  enter(p->w);
  rung_status *status = p->w->inner->identity(p->real, (rung_identity *)&coat);
  leave(p->w);
  return status;
}

static rung_status *watch_save(void *executable, const rung_saving *saving) {
  watched_executable *e = executable;
  witness *w = e->owner->w;
  enter(w);
  rung_status *status = w->inner->save(e->real, saving);
  leave(w);
  atomic_fetch_add(&w->saves, !status);
  return status;
}

static void watch_free_executable(void *executable) {
  watched_executable *e = executable;
  witness *w = e->owner->w;
  w->inner->free_executable(e->real);
  atomic_fetch_sub(&w->executables, 1);
  free(e);
}

static rung_status *watch_run(void *executable, const rung_run *run, rung_fence **out_fence) {
  watched_executable *e = executable;
  witness *w = e->owner->w;
  watched_run coat = {*run, run, w, e->island, get_memory((size_t)run->output_count + 1, sizeof *coat.made)};
  coat.run.host = &e->owner->coat.host;
  coat.run.cancellable |= atomic_load(&w->cancel);
  atomic_fetch_add(&w->runs, 1);
  enter(w);
  rung_status *status = w->inner->run(e->real, &coat.run, out_fence);
  leave(w);
  for (uint32_t i = 0; i < run->output_count && !status; i++)
    RULE(w, coat.made[i], "a run succeeds and has not made output %u (\"%s\")", i, output_name(&coat, i));
  RULE(w, !*out_fence || (RUNG_HAS(w->inner, wait) && RUNG_HAS(w->inner, free_fence)),
       "a run sets a fence, and the table has no wait or no free_fence");
  if (*out_fence) atomic_fetch_add(&w->fences, 1), atomic_fetch_add(&w->queued, 1);
  free(coat.made);
  return status;
}

/* Into buffers of all sizes, the caller's at last: the text ends within each. */
static void watch_describe(void *executable, char *buffer, size_t size) {
  watched_executable *e = executable;
  witness *w = e->owner->w;
  enum { FILL = 0x5a, MOST = 24 };
  for (size_t small = 1; small < MOST; small++) {
    char room[MOST + 1];
    memset(room, FILL, sizeof room);
    w->inner->describe(e->real, room, small);
    RULE(w, memchr(room, 0, small), "describe does not end its text within a buffer of %zu bytes", small);
    RULE(w, room[small] == FILL, "describe writes past the end of a buffer of %zu bytes", small);
  }
  w->inner->describe(e->real, buffer, size);
  RULE(w, memchr(buffer, 0, size), "describe does not end its text within a buffer of %zu bytes", size);
}

/* The whole */

void witness_init(witness *w) {
  *w = (witness){0};
  guard_init(&w->memory);
}

void witness_watch(witness *w, const rung_provider_api *inner) {
  w->inner = inner;
  snprintf(w->name, sizeof w->name, "watched-%s", inner->name);
  w->api = (rung_provider_api){.struct_size = sizeof w->api,
                               .abi = RUNG_PROVIDER_ABI,
                               .name = w->name,
                               .summary = inner->summary,
                               .version = inner->version,
                               .options = inner->options,
                               .max_runs = inner->max_runs,
                               .probe = watch_probe,
                               .open = inner->open ? watch_open : NULL,
                               .close = watch_close,
                               .memory = inner->memory ? watch_memory : NULL,
                               .claim = watch_claim,
                               .infer = inner->infer ? watch_infer : NULL,
                               .compile = watch_compile,
                               .free_executable = watch_free_executable,
                               .run = watch_run,
                               .wait = RUNG_HAS(inner, wait) ? watch_wait : NULL,
                               .free_fence = RUNG_HAS(inner, free_fence) ? watch_free_fence : NULL,
                               .describe = RUNG_HAS(inner, describe) ? watch_describe : NULL,
                               .precision = RUNG_HAS(inner, precision) ? watch_precision : NULL,
                               .support = RUNG_HAS(inner, support) ? inner->support : NULL,
                               .trim = RUNG_HAS(inner, trim) ? watch_trim : NULL,
                               .identity = RUNG_HAS(inner, identity) ? watch_identity : NULL,
                               .save = RUNG_HAS(inner, save) ? watch_save : NULL,
                               .load = RUNG_HAS(inner, load) ? watch_load : NULL,
                               .offline = RUNG_HAS(inner, offline) ? inner->offline : NULL,
                               .wants = RUNG_HAS(inner, wants) ? inner->wants : NULL};
}

void witness_forget(witness *w) { w->refusal[0] = 0; }

const char *witness_complaint(witness *w) { return atomic_load(&w->broken) ? w->words : NULL; }

void witness_left(const witness *w, char *words, size_t size) {
  long opened = atomic_load(&w->opened), executables = atomic_load(&w->executables), fences = atomic_load(&w->fences);
  words[0] = 0;
  if (opened || executables || fences)
    snprintf(words, size, "left behind: %ld provider objects, %ld executables, %ld fences", opened, executables,
             fences);
}

void witness_finish(witness *w) { guard_finish(&w->memory); }
