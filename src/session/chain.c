#include "session/chain.h"

#include "base/str.h"

#include <ctype.h>
#include <strings.h>

void rung_chain_init(rung_chain *chain, const rung_allocator *allocator) {
  *chain = (rung_chain){.allocator = allocator};
  rung_arena_init(&chain->arena, allocator);
}

void rung_chain_finish(rung_chain *chain) {
  for (size_t i = 0; i < chain->links.count; i++) rung_vec_free(chain->allocator, &chain->links.at[i].options);
  rung_vec_free(chain->allocator, &chain->links);
  rung_arena_finish(&chain->arena);
}

static void skip_space(const char **at) {
  while (isspace((unsigned char)**at)) (*at)++;
}

/* Reads up to a character of `stops`, or a quoted text; *out is a copy without quotes and surrounding space. */
static rung_status *read_word(rung_chain *chain, const char **at, const char *stops, const char **out) {
  skip_space(at);
  bool quoted = **at == '"';
  const char *begin = quoted ? ++*at : *at;
  char *word = rung_arena_copy(&chain->arena, begin, strlen(begin)), *end = word;
  RUNG_CHECK_ALLOC(word);
  for (; **at && (quoted ? **at != '"' : !strchr(stops, **at)); (*at)++) {
    if (quoted && **at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\')) (*at)++;
    *end++ = **at;
  }
  if (quoted) {
    RUNG_REQUIRE(**at == '"', INVALID_ARGUMENT, "chain: a quoted value has no end: \"%s", begin);
    (*at)++;
    skip_space(at);
  } else {
    while (end > word && isspace((unsigned char)end[-1])) end--;
  }
  *end = 0;
  *out = word;
  return NULL;
}

static rung_status *add_option(rung_chain *chain, rung_link *link, const char *key, const char *value) {
  return rung_vec_push(chain->allocator, &link->options, (rung_option){key, value}) ? NULL
                                                                                    : rung_status_out_of_memory();
}

static rung_status *read_option(rung_chain *chain, const char **at, const char *key) {
  const char *value;
  RUNG_REQUIRE(chain->links.count, INVALID_ARGUMENT, "chain: option \"%s\" comes before any provider", key);
  RUNG_TRY(read_word(chain, at, ",", &value));
  return add_option(chain, &chain->links.at[chain->links.count - 1], key, value);
}

static rung_status *add_link(rung_chain *chain, const rung_registry *registry, const char *name) {
  rung_str bare = rung_str_of(name);
  rung_link link = {0};
  link.optional = bare.size && name[bare.size - 1] == '?';
  bare.size -= link.optional;
  while (bare.size && isspace((unsigned char)name[bare.size - 1])) bare.size--;
  RUNG_TRY(rung_registry_find(registry, bare, &link.api));
  RUNG_REQUIRE(chain->links.count < RUNG_MOST_LINKS, LIMIT, "chain: more than %d providers", RUNG_MOST_LINKS);
  return rung_vec_push(chain->allocator, &chain->links, link) ? NULL : rung_status_out_of_memory();
}

/* One item: "name", "name:key=value" or "key=value". */
static rung_status *read_item(rung_chain *chain, const rung_registry *registry, const char **at) {
  const char *word;
  RUNG_TRY(read_word(chain, at, ",:=", &word));
  if (**at == '=') {
    (*at)++;
    return read_option(chain, at, word);
  }
  RUNG_REQUIRE(word[0], INVALID_ARGUMENT, "chain: an item is empty");
  RUNG_TRY(add_link(chain, registry, word));
  if (**at != ':') return NULL;
  (*at)++;
  RUNG_TRY(read_word(chain, at, ",=", &word));
  RUNG_REQUIRE(**at == '=', INVALID_ARGUMENT, "chain: \"%s\" after ':' needs the form key=value", word);
  (*at)++;
  return read_option(chain, at, word);
}

static rung_status *add_extra(rung_chain *chain, const rung_registry *registry, const rung_provider_option *extra) {
  const rung_provider_api *api;
  RUNG_TRY(rung_registry_find(registry, rung_str_of(extra->provider), &api));
  const char *key = rung_arena_copy(&chain->arena, extra->key, strlen(extra->key));
  const char *value = rung_arena_copy(&chain->arena, extra->value, strlen(extra->value));
  RUNG_CHECK_ALLOC(key);
  RUNG_CHECK_ALLOC(value);
  bool found = false;
  for (size_t i = 0; i < chain->links.count; i++) {
    if (chain->links.at[i].api != api) continue;
    RUNG_TRY(add_option(chain, &chain->links.at[i], key, value));
    found = true;
  }
  RUNG_REQUIRE(found, INVALID_ARGUMENT, "option \"%s\" is for provider %s, which is not in the chain", extra->key,
               api->name);
  return NULL;
}

/* The last one given counts. */
static const char *option_value(const rung_link *link, const rung_option_spec *spec) {
  for (size_t i = link->options.count; i-- > 0;)
    if (strcmp(link->options.at[i].key, spec->key) == 0) return link->options.at[i].value;
  return spec->fallback ? spec->fallback : "";
}

static rung_status *check_devices(const rung_chain *chain, const rung_link *link) {
  for (const rung_link *other = chain->links.at; other < link; other++) {
    if (other->api != link->api) continue;
    bool differ = false;
    for (const rung_option_spec *s = link->api->options; s && s->key; s++)
      differ |= s->selects_device && strcasecmp(option_value(link, s), option_value(other, s)) != 0;
    RUNG_REQUIRE(differ, INVALID_ARGUMENT, "chain: provider %s is listed twice for the same device", link->api->name);
  }
  return NULL;
}

rung_status *rung_chain_parse(rung_chain *chain, const rung_registry *registry, const char *text,
                              const rung_provider_option *extra, size_t extra_count) {
  for (const char *at = text;; at++) {
    RUNG_TRY(read_item(chain, registry, &at));
    if (!*at) break;
    RUNG_REQUIRE(*at == ',', INVALID_ARGUMENT, "chain: a comma is expected before \"%s\"", at);
  }
  for (size_t i = 0; i < extra_count; i++) RUNG_TRY(add_extra(chain, registry, &extra[i]));
  for (size_t i = 0; i < chain->links.count; i++) {
    const rung_link *link = &chain->links.at[i];
    RUNG_TRY(rung_registry_check_options(link->api, link->options.at, link->options.count));
    RUNG_TRY(check_devices(chain, link));
  }
  return NULL;
}
