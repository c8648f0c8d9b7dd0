#include "known.h"

#include <stdio.h>
#include <string.h>

static void apply(verdict *v, const char *reason, size_t size) {
  char words[VERDICT_WORDS];
  if (v->what == FAILED) {
    snprintf(words, sizeof words, "known: %.*s: %.600s", (int)size, reason, v->words);
    v->what = SKIPPED;
  } else if (v->what == PASSED) {
    snprintf(words, sizeof words, "it passes, and is listed as failing: %.*s", (int)size, reason);
    v->what = FAILED;
  } else {
    return;
  }
  memcpy(v->words, words, sizeof words);
}

void known_apply(const char *text, const case_list *list, verdict *verdicts) {
  for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    size_t length = strcspn(line, "\n"), name = strcspn(line, " \n");
    const char *reason = line + name + strspn(line + name, " ");
    if (line[0] == '#') continue;
    for (size_t i = 0; i < list->count; i++)
      if (strlen(list->at[i].name) == name && strncmp(list->at[i].name, line, name) == 0)
        apply(&verdicts[i], reason, (size_t)(line + length - reason));
  }
}
