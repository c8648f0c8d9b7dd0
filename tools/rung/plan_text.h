/* A plan for people: who runs what, and why not the others. */
#ifndef RUNG_TOOL_PLAN_TEXT_H
#define RUNG_TOOL_PLAN_TEXT_H

#include "rung.h"

#include <stdbool.h>

/* A line per provider of the chain and for the host, and one per kind of refusal; control flow that the session drives
 * counts as none. With `why` everything, node by node. */
/* What happened to providers in runs; nothing when nothing did. */
void print_journal(const rung_session *session);
void print_plan(const rung_session *session, bool why);

/* Nodes that the same provider refused for the same reason. */
typedef struct refusal_group {
  const char *provider, *op_type, *domain, *reason, *words;
  const char *taken_by; /* who runs the first of them; NULL: nobody */
  const char *node;     /* the first of them */
  size_t count;
} refusal_group;

/* Groups in the order of the graph; freed by free. `only_unplaced`: of nodes that nobody runs. */
refusal_group *group_refusals(const rung_plan *plan, bool only_unplaced, size_t *out_count);

#endif
