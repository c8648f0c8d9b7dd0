/* Which providers there are, and in which state they are on this machine.
 *
 * Built-in ones are found by their folder (the build lists them in providers.inc); others come from libraries loaded
 * by path. Core code never names a provider: it asks for a name that the user gave, or for a slot that is filled. */
#ifndef RUNG_PROVIDER_REGISTRY_H
#define RUNG_PROVIDER_REGISTRY_H

#include "base/arena.h"
#include "base/dylib.h"
#include "base/status.h"
#include "rung_provider.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RUNG_STATE_COUNT = RUNG_STATE_USABLE + 1, RUNG_MOST_DEVICES = 16, RUNG_MOST_PROVIDERS = 128 };

/* Providers are only ever added, and `count` is raised when the new one stands: who reads needs no lock. */
typedef struct rung_registry {
  const rung_allocator *allocator;
  pthread_mutex_t lock; /* one library is loaded at a time */
  atomic_size_t count;
  const rung_provider_api *providers[RUNG_MOST_PROVIDERS];
  rung_dylib *libraries[RUNG_MOST_PROVIDERS]; /* NULL: built in, or the program's own */
} rung_registry;

void rung_registry_init(rung_registry *registry, const rung_allocator *allocator);
void rung_registry_finish(rung_registry *registry);
/* `path` is a file's; the loader does not search. The file is checked before it is loaded (elf.h), its table before it
 * is used: version, size, required slots, names that are free. */
rung_status *rung_registry_load(rung_registry *registry, const char *path) RUNG_MUST_CHECK;
/* A provider that the program itself holds; its table is checked in the same way. */
rung_status *rung_registry_add(rung_registry *registry, const rung_provider_api *api) RUNG_MUST_CHECK;
/* By either name, without regard to case. NOT_FOUND names the nearest. */
rung_status *rung_registry_find(const rung_registry *registry, rung_str name,
                                const rung_provider_api **out_api) RUNG_MUST_CHECK;

/* What a probe found. */
struct rung_report {
  rung_arena *arena;
  struct {
    int ok; /* 1, 0, or -1: not looked at */
    const char *code, *evidence, *fix;
  } steps[RUNG_STATE_COUNT];
  size_t device_count;
  const char *devices[RUNG_MOST_DEVICES];
  bool failed; /* out of memory: a text is missing */
};

/* What the provider says of an option; NULL: it has none of that name. */
const rung_option_spec *rung_registry_option(const rung_provider_api *api, const char *key);
/* Looks; texts live in `arena`. */
rung_status *rung_registry_probe(const rung_provider_api *api, const rung_host *host, const rung_option *options,
                                 size_t option_count, rung_arena *arena, rung_report *out_report) RUNG_MUST_CHECK;
/* Is there a step that does not hold, and which is the first? */
bool rung_report_first_failure(const rung_report *report, rung_state *out_state);
const char *rung_state_name(rung_state state);
void rung_report_step(rung_report *report, rung_state state, int ok, const char *code, const char *evidence,
                      const char *fix);
void rung_report_device(rung_report *report, const char *id, const char *name);

/* Checks options against the provider's list; an unknown key or bad value is an error that names the nearest right
 * spelling. */
rung_status *rung_registry_check_options(const rung_provider_api *api, const rung_option *options,
                                         size_t count) RUNG_MUST_CHECK;

const char *rung_reason_text(rung_reason reason);
const char *rung_reason_meaning(rung_reason reason);

#endif
