#include "manual.h"

#include "table.h"
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *option_words(const option *o) {
  char letter[8] = "    ";
  if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
  return format_text("%s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
}

void help_command(const command *self) {
  bool has_options = self->groups[0].options != NULL;
  printf("usage: %s%s%s%s\n\n%s\n", call_text(self), self->operands[0] ? " " : "", self->operands,
         has_options ? " [options]" : "", self->story);
  for (size_t g = 0; g < MOST_GROUPS && self->groups[g].options; g++) {
    printf("\n%s%s%s\n", in(BOLD), self->groups[g].title, in(PLAIN));
    table t = {.columns = 2, .indent = "  "};
    for (const option *o = self->groups[g].options; o->name; o++) {
      char *words = option_words(o);
      table_add(&t, words);
      table_add(&t, o->help);
      free(words);
    }
    table_print(&t);
  }
}

/* Manual page */

/* Text as roff takes it: '-' and '\' are escaped, a '.' or ''' that begins a line is made harmless. */
static void put_roff(const char *text) {
  for (bool begins = true; *text; text++) {
    if (begins && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
    begins = *text == '\n';
    if (*text == '\\')
      fputs("\\e", stdout);
    else if (*text == '-')
      fputs("\\-", stdout);
    else if (*text == '\'')
      fputs("\\(aq", stdout);
    else
      putchar(*text);
  }
}

void man_verbatim(const char *text) {
  fputs(".nf\n", stdout);
  put_roff(text);
  fputs("\n.fi\n", stdout);
}

void man_options(const command *self) {
  for (size_t g = 0; g < MOST_GROUPS && self->groups[g].options; g++) {
    printf(".PP\n%s:\n", self->groups[g].title);
    for (const option *o = self->groups[g].options; o->name; o++) {
      char *words = option_words(o);
      fputs(".TP\n.B ", stdout);
      put_roff(words + strspn(words, " "));
      putchar('\n');
      put_roff(o->help);
      putchar('\n');
      free(words);
    }
  }
}

void help_codes(void) {
#define RUNG_CODE(name, value, advice) \
  if (value) printf("  %3d  %s: %s\n", EXIT_STATUS + value, #name, advice);
#include "rung_status_codes.inc"
#undef RUNG_CODE
}

void man_codes(void) {
#define RUNG_CODE(name, value, advice) \
  if (value) printf(".TP\n.B %d\n%s: %s\n", EXIT_STATUS + value, #name, advice);
#include "rung_status_codes.inc"
#undef RUNG_CODE
}

/* Words for completion */

void help_words(const command *self) {
  for (size_t g = 0; g < MOST_GROUPS; g++)
    for (const option *o = self->groups[g].options; o && o->name; o++) printf("--%s\t%s\n", o->name, o->help);
}
