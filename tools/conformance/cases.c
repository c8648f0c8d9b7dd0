#include "cases.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* The files of cases/, one text each; made by CMakeLists.txt. Ends with NULL. */
extern const char *const case_texts[];

static const contract *const contracts[] = {table_contracts, life_contracts,   claim_contracts,
                                            run_contracts,   stress_contracts, cache_contracts};

static kit_case *add(case_list *list) {
  list->at = grow_memory(list->at, list->count, sizeof *list->at);
  kit_case *c = &list->at[list->count++];
  *c = (kit_case){.opset = 17};
  return c;
}

/* "Add/rows opset 14" */
static bool read_header(const char *line, kit_case *c) {
  size_t length = strcspn(line, " \n");
  if (!length || length >= sizeof c->name) return false;
  memcpy(c->name, line, length);
  const char *rest = line + length;
  rest += strspn(rest, " ");
  if (*rest == '\n' || !*rest) return true;
  char *end;
  if (strncmp(rest, "opset ", 6) != 0) return false;
  c->opset = (int)strtol(rest + 6, &end, 10);
  return end > rest + 6 && (*end == '\n' || !*end);
}

bool cases_add(case_list *list, const char *text) {
  while (*text) {
    size_t length = strcspn(text, "\n");
    const char *next = text + length + (text[length] == '\n');
    if (text[0] != ' ' && text[0] != '#' && length) {
      kit_case *c = add(list);
      if (!read_header(text, c)) return false;
      c->text = next;
    } else if (list->count && list->at[list->count - 1].text) {
      kit_case *c = &list->at[list->count - 1];
      if (text[0] == ' ') c->size = (size_t)(text + length - c->text);
    }
    text = next;
  }
  return true;
}

void cases_collect(case_list *list) {
  for (size_t i = 0; i < sizeof contracts / sizeof contracts[0]; i++)
    for (const contract *c = contracts[i]; c->name; c++) {
      kit_case *one = add(list);
      strncpy(one->name, c->name, sizeof one->name - 1);
      one->contract = c;
    }
  for (size_t i = 0; case_texts[i]; i++) cases_add(list, case_texts[i]);
}

static bool fits(const kit_case *c, const text_list *patterns) {
  for (size_t i = 0; i < patterns->count; i++)
    if (fnmatch(patterns->at[i], c->name, 0) == 0) return true;
  return patterns->count == 0;
}

void cases_choose(case_list *list, const text_list *patterns) {
  size_t kept = 0;
  for (size_t i = 0; i < list->count; i++)
    if (fits(&list->at[i], patterns)) list->at[kept++] = list->at[i];
  list->count = kept;
}

void cases_free(case_list *list) {
  free(list->at);
  *list = (case_list){0};
}

/* Running */

/* With the first of its models that the provider takes. */
static void run_contract(trial *t, const contract *c) {
  bool opened = !c->models;
  for (size_t i = 0; c->models && c->models[i] && !opened && t->verdict->what != FAILED; i++) {
    opened = trial_open(t, c->models[i], 17);
    if (opened) *t->verdict = (verdict){PASSED, false, ""}; /* others were refused */
  }
  if (opened) c->check(t);
}

/* Twice: into new outputs, and into memory of the caller's. */
static void run_operator(trial *t, const char *text, int opset) {
  MUST(trial_open(t, text, opset));
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  MUST(trial_run(t));
  MUST(trial_feed(t, EXCHANGE_BOUND, 0));
  MUST(trial_run(t));
}

void case_run(const kit_case *self, const kit *k, verdict *out_verdict) {
  trial *t = get_memory(1, sizeof *t);
  char *text = self->text ? copy_text(self->text, self->size) : NULL;
  if (trial_begin(t, k, out_verdict)) {
    if (self->contract)
      run_contract(t, self->contract);
    else
      run_operator(t, text, self->opset);
  }
  trial_end(t);
  free(text);
  free(t);
}
