/* Where two chains part: the first node whose inputs agree and whose output does not. */
#ifndef RUNG_TOOL_BISECT_H
#define RUNG_TOOL_BISECT_H

#include "compare.h"
#include "input_sets.h"

/* A value that a node of the main graph makes. */
typedef struct made_value {
  const char *name;
  const struct rung_node *node;
} made_value;

/* What is looked for, and with what. */
typedef struct bisection {
  const session_args *session;
  const rung_session_options *more; /* of every session that is made: the seed */
  const char *chains[2];
  const setup *setup; /* its session's graph says which values there are */
  const input_sets *sets;
  size_t set; /* the set whose outputs differ */
  const tolerance *allowed;
  rung_cancel *cancel;
} bisection;

typedef struct departure {
  made_value *values; /* all that can be looked at, in the order of the graph */
  size_t count;
  size_t at;          /* the value that differs; count: none was found */
  difference apart;   /* there */
  difference *inputs; /* of its node, and whether they are in `values`: */
  size_t *input_values, input_count;
  bool hidden;  /* when looked at, that value agrees: engines fuse over it, and the difference is made by what they fuse
                 */
  int sessions; /* pairs that were made to find it */
} departure;

/* `output`: the name of a model's output that differs. Free `out` even after a failure. */
int bisect(const bisection *b, const char *output, departure *out);
void departure_free(departure *d);

#endif
