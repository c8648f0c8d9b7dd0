#include "changes.h"

#include "json_out.h"
#include "table.h"
#include "term.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sizes that stand for open dimensions: 1 is what most of them are in use. */
#define TRIED_SIZE "1"

static void add(change_list *list, const char *how, const char *provider, size_t before, size_t taken, size_t total) {
  list->at = grow_memory(list->at, list->count, sizeof *list->at);
  list->at[list->count++] = (change){copy_text(how, strlen(how)), provider, taken, total, before};
}

/* Who takes how many with `args`; a plan that cannot be made changes nothing. The last provider of a chain, which gets
 * what is left, is no one to win for. */
static void try_change(const session_args *args, const setup *s, const char *how, change_list *out) {
  const rung_plan *before = rung_session_plan(s->session);
  setup with = {.env = s->env, .model = s->model};
  if (setup_session(args, TO_INSPECT, NULL, &with)) return;
  const rung_plan *plan = rung_session_plan(with.session);
  size_t count = before->provider_count;
  for (size_t i = 0; i < count && (i + 1 < count || count == 1); i++) {
    const rung_plan_provider *p = &before->providers[i];
    size_t taken = plan->providers[i].node_count;
    if (p->used && taken > p->node_count) add(out, how, p->name, p->node_count, taken, plan->node_count);
  }
  setup_drop_session(&with);
}

static bool is_listed(const text_list *list, const char *text) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->at[i], text) == 0) return true;
  return false;
}

/* "N=1" for every named dimension of the inputs. */
static void list_dimensions(const rung_session *session, text_list *out) {
  for (size_t i = 0; i < rung_session_input_count(session); i++) {
    rung_slot slot;
    rung_status *status = rung_session_input(session, i, &slot);
    rung_status_free(status);
    for (int32_t k = 0; !status && k < slot.type->rank; k++) {
      if (!slot.dimension_names[k]) continue;
      char *text = format_text("%s=" TRIED_SIZE, slot.dimension_names[k]);
      if (is_listed(out, text))
        free(text);
      else
        text_list_add(out, text);
    }
  }
}

/* "--dim N=1 --dim M=1" */
static char *dimension_words(const text_list *dims) {
  char *words = format_text("%s", "");
  for (size_t i = 0; i < dims->count; i++) {
    char *longer = format_text("%s%s--dim %s", words, i ? " " : "", clean(dims->at[i]));
    free(words);
    words = longer;
  }
  return words;
}

static void try_dimensions(const session_args *args, const setup *s, const text_list *dims, bool legalise,
                           change_list *out) {
  session_args with = *args;
  with.dims = (text_list){0};
  for (size_t i = 0; i < args->dims.count; i++) text_list_add(&with.dims, args->dims.at[i]);
  for (size_t i = 0; i < dims->count; i++) text_list_add(&with.dims, dims->at[i]);
  with.legalise |= legalise;
  char *words = dimension_words(dims);
  char *how = format_text("%s%s%s", words, dims->count && legalise ? " " : "", legalise ? "--legalise" : "");
  try_change(&with, s, how, out);
  free(how);
  free(words);
  free(with.dims.at);
}

void find_changes(const session_args *args, const setup *s, change_list *out) {
  text_list dims = {0};
  list_dimensions(s->session, &dims);
  for (size_t i = 0; i < dims.count && dims.count > 1; i++)
    try_dimensions(args, s, &(text_list){&dims.at[i], 1}, false, out);
  if (dims.count) try_dimensions(args, s, &dims, false, out);
  if (!args->legalise) try_dimensions(args, s, &(text_list){0}, true, out);
  if (!args->legalise && dims.count) try_dimensions(args, s, &dims, true, out);
  text_list_free(&dims);
}

void free_changes(change_list *list) {
  for (size_t i = 0; i < list->count; i++) free(list->at[i].how);
  free(list->at);
  *list = (change_list){0};
}

void print_changes(const change_list *list) {
  table t = {.columns = 3, .indent = "  "};
  if (!list->count) return;
  printf("%schanges that let providers take more%s\n", in(BOLD), in(PLAIN));
  for (size_t i = 0; i < list->count; i++) {
    const change *c = &list->at[i];
    char *text = format_text("%zu -> %zu of %zu nodes", c->before, c->taken, c->total);
    table_add(&t, c->how);
    table_add(&t, c->provider);
    table_add(&t, text);
    free(text);
  }
  table_print(&t);
}

void json_changes(const change_list *list) {
  json_array("changes");
  for (size_t i = 0; i < list->count; i++) {
    const change *c = &list->at[i];
    json_object(NULL);
    json_text("change", c->how);
    json_text("provider", c->provider);
    json_count("before", (int64_t)c->before);
    json_count("after", (int64_t)c->taken);
    json_count("nodes", (int64_t)c->total);
    json_end();
  }
  json_end();
}
