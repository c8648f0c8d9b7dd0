#include "difference_out.h"

#include "json_out.h"
#include "term.h"
#include "text.h"

#include <stdio.h>

void print_difference(const char *name, bool ok, const difference *d) {
  printf("  %s%-6s%s %s: largest difference %.3g", in(ok ? GOOD : BAD), ok ? "ok" : "DIFFER", in(PLAIN), clean(name),
         d->max_abs);
  if (ok)
    putchar('\n');
  else
    printf(", %zu of %zu wrong: %s\n", d->wrong, d->count, clean(d->words));
}

void put_difference(const difference *d) {
  json_number("max_abs", d->max_abs);
  json_number("cosine", d->cosine);
  json_count("elements", (int64_t)d->count);
  json_count("wrong", (int64_t)d->wrong);
  json_text("words", d->words[0] ? d->words : NULL);
}
