/* rung check --fix: a model with fixed dimensions and legalising rewrites, written down and proved equal. */
#ifndef RUNG_TOOL_MEND_H
#define RUNG_TOOL_MEND_H

#include "setup.h"

enum { MEND_MOST = 31 }; /* providers of a chain */

typedef struct mend_provider {
  const char *name;
  size_t before, after; /* nodes that it takes */
} mend_provider;

typedef struct mend_pass {
  const char *name;
  size_t changed;
} mend_pass;

/* What was done. */
typedef struct mended {
  const char *path;
  size_t trials; /* random inputs on which both gave the same bits */
  size_t nodes_before, nodes_after;
  mend_provider providers[MEND_MOST];
  size_t provider_count, pass_count;
  mend_pass passes[MEND_MOST]; /* those that changed something */
} mended;

/* Writes the model of `s`, as `args` want it, to `path`. `s` has no session; after it, it has the mended model, and a
 * session of that to inspect. When outputs differ by a bit, nothing is written. */
int mend(const session_args *args, const char *path, setup *s, mended *out);
void print_mended(const mended *m, const session_args *args);
void json_mended(const mended *m); /* NULL: null */

#endif
