/* Which change to a model would let the providers of a chain take more: every one is tried, and the nodes are counted.
 */
#ifndef RUNG_TOOL_CHANGES_H
#define RUNG_TOOL_CHANGES_H

#include "setup.h"

/* A change that makes a difference for one provider. */
typedef struct change {
  char *how;            /* "--dim N=1", "--legalise" */
  const char *provider; /* the environment's */
  size_t taken, total;  /* nodes that it runs then, of so many */
  size_t before;        /* that it runs as things are */
} change;

typedef struct change_list {
  change *at;
  size_t count;
} change_list;

/* `s` holds the session as things are, one to inspect. */
void find_changes(const session_args *args, const setup *s, change_list *out);
void free_changes(change_list *list);
void print_changes(const change_list *list);
void json_changes(const change_list *list);

#endif
