#include "cache_text.h"

#include "json_in.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHORT = 12 }; /* digits of an entry's name that are shown, and that suffice to name it */

static const char *or_nothing(const char *text) { return text ? clean(text) : ""; }

static void add_short(table *t, const char *name) {
  char *shown = format_text("%.*s", SHORT, name ? name : "");
  table_add(t, shown);
  free(shown);
}

static void add_number(table *t, const json *object, const char *key) {
  char *number = format_text("%.0f", json_get_number(object, key));
  table_add(t, number);
  free(number);
}

/* Islands */

static void print_islands(const json *root) {
  table t = {.titles = {">island", "provider", ">nodes", "cache", "entry", "why"}, .columns = 6, .indent = "  "};
  const json *islands = json_get(root, "islands");
  for (size_t i = 0; i < islands->count; i++) {
    const json *island = &islands->items[i];
    const char *state = json_get_text(island, "cache");
    add_number(&t, island, "island");
    table_add(&t, or_nothing(json_get_text(island, "provider")));
    add_number(&t, island, "nodes");
    table_add(&t, state ? state : "-");
    add_short(&t, json_get_text(island, "entry"));
    table_add(&t, or_nothing(json_get_text(island, "words")));
  }
  table_print(&t);
}

void print_cached_islands(const char *text) {
  json root;
  if (json_read(text, &root)) print_islands(&root);
  json_free(&root);
}

static void print_nearest(const json *island) {
  const json *nearest = json_get(island, "nearest"), *differences = json_get(nearest, "differences");
  const char *state = json_get_text(island, "cache");
  if (!state || strcmp(state, "hit") == 0) return;
  printf("%sisland %.0f%s: ", in(BOLD), json_get_number(island, "island"), in(PLAIN));
  if (nearest->kind != JSON_OBJECT) {
    puts("there is no entry like it");
    return;
  }
  printf("the nearest entry is %.*s of %s; it differs in\n", SHORT, json_get_text(nearest, "entry"),
         or_nothing(json_get_text(nearest, "model")));
  table t = {.titles = {"field", "wanted", "found"}, .columns = 3, .indent = "  "};
  for (size_t i = 0; i < differences->count; i++) {
    const json *d = &differences->items[i];
    table_add(&t, or_nothing(json_get_text(d, "field")));
    table_add(&t, or_nothing(json_get_text(d, "wanted")));
    table_add(&t, or_nothing(json_get_text(d, "found")));
  }
  table_print(&t);
}

void print_cache_why(const char *text) {
  json root;
  if (json_read(text, &root)) {
    print_islands(&root);
    const json *islands = json_get(&root, "islands");
    for (size_t i = 0; i < islands->count; i++) print_nearest(&islands->items[i]);
    if (json_get_text(&root, "why")) printf("%s\n", clean(json_get_text(&root, "why")));
  }
  json_free(&root);
}

/* Entries */

static const char *ago(double seconds) {
  static char text[32];
  static const struct {
    double seconds;
    const char *unit;
  } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
  size_t i = 0;
  while (i < 3 && seconds < 2 * units[i].seconds) i++;
  snprintf(text, sizeof text, "%.0f %s ago", seconds > 0 ? seconds / units[i].seconds : 0, units[i].unit);
  return text;
}

static void print_entries(const json *root, bool verify) {
  table t = {.titles = {"entry", "provider", "model", ">nodes", ">size", ">compiled in", "last used", "what"},
             .columns = 8};
  const json *entries = json_get(root, "entries");
  for (size_t i = 0; i < entries->count; i++) {
    const json *e = &entries->items[i];
    const char *damage = json_get_text(e, "damage"), *kind = json_get_text(e, "kind");
    add_short(&t, json_get_text(e, "entry"));
    table_add(&t, or_nothing(json_get_text(e, "provider")));
    table_add(&t, or_nothing(json_get_text(e, "model")));
    add_number(&t, e, "nodes");
    table_add(&t, bytes_text(json_get_number(e, "bytes")));
    double took = json_get_number(e, "compile_ms") / 1000;
    table_add(&t, took > 0 ? seconds_text(took) : "");
    table_add(&t, ago((double)time(NULL) - json_get_number(e, "used")));
    table_add(&t, damage ? clean(damage) : verify ? "whole" : or_nothing(kind));
  }
  table_print(&t);
  printf("%zu %s, %s in %s\n", entries->count, plural(entries->count, "entry", "entries"),
         bytes_text(json_get_number(root, "bytes")), or_nothing(json_get_text(root, "folder")));
}

size_t count_damaged(const char *text) {
  json root;
  size_t damaged = 0;
  const json *entries = json_read(text, &root) ? json_get(&root, "entries") : &root;
  for (size_t i = 0; i < entries->count; i++) damaged += json_get_text(&entries->items[i], "damage") != NULL;
  json_free(&root);
  return damaged;
}

void print_cache_entries(const char *text, bool verify) {
  json root;
  if (json_read(text, &root)) print_entries(&root, verify);
  json_free(&root);
}
