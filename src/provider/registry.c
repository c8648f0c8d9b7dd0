#include "provider/registry.h"

#include "base/elf.h"
#include "base/file.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#define RUNG_PROVIDER(name) extern const rung_provider_api rung_provider_##name;
#include "providers.inc"
#undef RUNG_PROVIDER

static const rung_provider_api *const built_in[] = {
#define RUNG_PROVIDER(name) &rung_provider_##name,
#include "providers.inc"
#undef RUNG_PROVIDER
};

static_assert(RUNG_COUNT(built_in) < RUNG_MOST_PROVIDERS, "there is room for more");

void rung_registry_init(rung_registry *registry, const rung_allocator *allocator) {
  registry->allocator = allocator;
  pthread_mutex_init(&registry->lock, NULL);
  memcpy(registry->providers, built_in, sizeof built_in);
  memset(registry->libraries, 0, sizeof registry->libraries);
  atomic_init(&registry->count, RUNG_COUNT(built_in));
}

void rung_registry_finish(rung_registry *registry) {
  for (size_t i = 0; i < registry->count; i++) rung_dylib_close(&registry->libraries[i]);
  pthread_mutex_destroy(&registry->lock);
}

static bool is_called(const rung_provider_api *api, rung_str name) {
  const char *names[] = {api->name, api->ort_name};
  for (size_t i = 0; i < 2; i++)
    if (names[i] && strlen(names[i]) == name.size && strncasecmp(names[i], name.data, name.size) == 0) return true;
  return false;
}

rung_status *rung_registry_find(const rung_registry *registry, rung_str name, const rung_provider_api **out_api) {
  size_t providers = registry->count, count = 0;
  for (size_t i = 0; i < providers; i++)
    if (is_called(registry->providers[i], name)) {
      *out_api = registry->providers[i];
      return NULL;
    }
  const char *names[2 * RUNG_MOST_PROVIDERS];
  for (size_t i = 0; i < providers; i++) {
    names[count++] = registry->providers[i]->name;
    if (registry->providers[i]->ort_name) names[count++] = registry->providers[i]->ort_name;
  }
  char word[64];
  size_t size = RUNG_MIN(name.size, sizeof word - 1);
  memcpy(word, name.data, size);
  word[size] = 0;
  const char *near = rung_nearest(word, names, count);
  return RUNG_ERROR(NOT_FOUND, "no provider is called \"%s\"%s%s%s (rung providers lists them)", word,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Libraries */

static rung_status *check_table(const rung_registry *registry, const rung_provider_api *api, const char *path) {
  RUNG_REQUIRE(api, UNAVAILABLE, "%s: there is no table", path);
  RUNG_REQUIRE(api->abi == RUNG_PROVIDER_ABI, UNAVAILABLE,
               "%s: built for provider interface %u, this is %d; rebuild it", path, api->abi, RUNG_PROVIDER_ABI);
  RUNG_REQUIRE(api->struct_size >= offsetof(rung_provider_api, wait), UNAVAILABLE, "%s: its table is too short", path);
  RUNG_REQUIRE(api->name && api->name[0] && api->probe, UNAVAILABLE, "%s: its table lacks a name or probe", path);
  RUNG_REQUIRE(!api->open || (api->close && api->claim && api->compile && api->free_executable && api->run),
               UNAVAILABLE, "%s: its table lacks a required slot", path);
  const char *names[] = {api->name, api->ort_name ? api->ort_name : api->name};
  for (size_t i = 0; i < registry->count; i++)
    for (size_t k = 0; k < RUNG_COUNT(names); k++)
      RUNG_REQUIRE(!is_called(registry->providers[i], rung_str_of(names[k])), INVALID_ARGUMENT,
                   "%s: a provider called \"%s\" is there already", path, names[k]);
  RUNG_REQUIRE(registry->count < RUNG_MOST_PROVIDERS, LIMIT, "more than %d providers", RUNG_MOST_PROVIDERS);
  return NULL;
}

/* A damaged file would not come back from the loader. */
static rung_status *check_file(const rung_allocator *allocator, const char *path) {
  rung_elf elf;
  RUNG_TRY(rung_status_prefix(rung_elf_open(allocator, path, &elf), "%s", path));
  rung_elf_close(&elf);
  return NULL;
}

static rung_status *load(rung_registry *registry, const char *path) {
  static const char *const symbols[] = {"rung_provider_entry"};
  const rung_provider_api *(*entry)(void) = NULL;
  rung_dylib *library;
  RUNG_TRY(rung_dylib_open(registry->allocator, path, &library));
  rung_status *status = rung_dylib_bind(library, symbols, 1, &entry);
  const rung_provider_api *api = status ? NULL : entry();
  if (!status) status = check_table(registry, api, path);
  if (status) {
    rung_dylib_close(&library);
    return status;
  }
  registry->providers[registry->count] = api;
  registry->libraries[registry->count] = library;
  registry->count++;
  return NULL;
}

rung_status *rung_registry_add(rung_registry *registry, const rung_provider_api *api) {
  pthread_mutex_lock(&registry->lock);
  rung_status *status = check_table(registry, api, "a table of the program's own");
  if (!status) {
    registry->providers[registry->count] = api;
    registry->count++;
  }
  pthread_mutex_unlock(&registry->lock);
  return status;
}

rung_status *rung_registry_load(rung_registry *registry, const char *path) {
  char real[RUNG_PATH_MAX];
  RUNG_TRY(rung_file_real_path(path, real));
  RUNG_TRY(check_file(registry->allocator, real));
  pthread_mutex_lock(&registry->lock);
  rung_status *status = load(registry, real);
  pthread_mutex_unlock(&registry->lock);
  return status;
}

/* States */

static const char *const state_names[RUNG_STATE_COUNT] = {"known",  "built",  "found", "links",
                                                          "driver", "device", "usable"};

const char *rung_state_name(rung_state state) { return state_names[state]; }

static const char *keep(rung_report *report, const char *text) {
  if (!text) return NULL;
  const char *copy = rung_arena_copy(report->arena, text, strlen(text));
  report->failed |= !copy;
  return copy;
}

void rung_report_step(rung_report *report, rung_state state, int ok, const char *code, const char *evidence,
                      const char *fix) {
  if ((unsigned)state >= RUNG_STATE_COUNT) return;
  report->steps[state].ok = ok != 0;
  report->steps[state].code = keep(report, code);
  report->steps[state].evidence = keep(report, evidence);
  report->steps[state].fix = keep(report, fix);
}

void rung_report_device(rung_report *report, const char *id, const char *name) {
  if (report->device_count >= RUNG_MOST_DEVICES) return;
  const char *text = rung_arena_printf(report->arena, "%s: %s", id, name);
  report->failed |= !text;
  if (text) report->devices[report->device_count++] = text;
}

rung_status *rung_registry_probe(const rung_provider_api *api, const rung_host *host, const rung_option *options,
                                 size_t option_count, rung_arena *arena, rung_report *out_report) {
  *out_report = (rung_report){.arena = arena};
  for (size_t i = 0; i < RUNG_STATE_COUNT; i++) out_report->steps[i].ok = -1;
  out_report->steps[RUNG_STATE_KNOWN].ok = 1;
  RUNG_TRY(rung_status_prefix(api->probe(host, options, option_count, out_report), "provider %s", api->name));
  return out_report->failed ? rung_status_out_of_memory() : NULL;
}

bool rung_report_first_failure(const rung_report *report, rung_state *out_state) {
  int i = 0;
  while (i < RUNG_STATE_COUNT && report->steps[i].ok == 1) i++;
  if (i == RUNG_STATE_COUNT) return false;
  *out_state = (rung_state)i;
  return true;
}

/* Options */

static rung_status *unknown_key(const rung_provider_api *api, const char *key) {
  const char *names[128];
  size_t count = 0;
  for (const rung_option_spec *s = api->options; s && s->key && count < RUNG_COUNT(names); s++) names[count++] = s->key;
  const char *near = rung_nearest(key, names, count);
  return RUNG_ERROR(INVALID_ARGUMENT, "provider %s has no option \"%s\"%s%s%s", api->name, key,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bool is_choice(const char *choices, const char *value) {
  size_t size = strlen(value);
  for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
    if (strncasecmp(at, value, size) == 0 && (at[size] == '|' || !at[size])) return true;
  return false;
}

const rung_option_spec *rung_registry_option(const rung_provider_api *api, const char *key) {
  const rung_option_spec *spec = api->options;
  while (spec && spec->key && strcmp(spec->key, key) != 0) spec++;
  return spec && spec->key ? spec : NULL;
}

static rung_status *check_value(const rung_provider_api *api, const rung_option_spec *spec, const char *value) {
  char *end;
  switch (spec->type) {
    case RUNG_OPTION_INT: {
      errno = 0;
      long long number = strtoll(value, &end, 10);
      RUNG_REQUIRE(*value && !*end && !errno && number >= spec->min && number <= spec->max, INVALID_ARGUMENT,
                   "provider %s: option \"%s\" is \"%s\", it must be a number from %" PRId64 " to %" PRId64, api->name,
                   spec->key, value, spec->min, spec->max);
      return NULL;
    }
    case RUNG_OPTION_BOOL:
      RUNG_REQUIRE(is_choice("true|false|1|0|on|off|yes|no", value), INVALID_ARGUMENT,
                   "provider %s: option \"%s\" is \"%s\", it must be true or false", api->name, spec->key, value);
      return NULL;
    case RUNG_OPTION_CHOICE:
      RUNG_REQUIRE(is_choice(spec->choices, value), INVALID_ARGUMENT,
                   "provider %s: option \"%s\" is \"%s\", it must be one of %s", api->name, spec->key, value,
                   spec->choices);
      return NULL;
    default:
      return NULL;
  }
}

rung_status *rung_registry_check_options(const rung_provider_api *api, const rung_option *options, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const rung_option_spec *spec = rung_registry_option(api, options[i].key);
    if (!spec) return unknown_key(api, options[i].key);
    RUNG_TRY(check_value(api, spec, options[i].value));
  }
  return NULL;
}

/* Reasons */

static const struct {
  const char *text, *meaning;
} reasons[] = {
#define RUNG_REASON(name, value, text, meaning) [value] = {text, meaning},
#include "rung_reasons.inc"
#undef RUNG_REASON
};

const char *rung_reason_text(rung_reason reason) {
  return (size_t)reason < RUNG_COUNT(reasons) ? reasons[reason].text : "unknown";
}

const char *rung_reason_meaning(rung_reason reason) {
  return (size_t)reason < RUNG_COUNT(reasons) ? reasons[reason].meaning : "";
}
