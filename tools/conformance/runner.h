/* Runs cases in a process of their own, so that one that crashes or hangs is a failure like others: the process that
 * waits then starts another one, behind it. */
#ifndef RUNG_KIT_RUNNER_H
#define RUNG_KIT_RUNNER_H

#include "cases.h"

/* What the provider says of itself, and whether it can be opened; texts are cut. */
typedef struct introduction {
  bool usable;
  char summary[200], version[60];
  int exit_code;   /* when it is not usable, */
  char words[800]; /* and why */
} introduction;

/* Memory that this process and its children share; zeroed. The program ends when there is none. */
void *shared_memory(size_t size);

/* Loads and opens the provider, in a child: this process stays free of vendors' code. */
void runner_look(const kit *k, introduction *out_shared);
/* One verdict per case, in shared memory. A case may take `seconds`. `here`: in this process, for a debugger. */
void runner_run(const kit *k, const case_list *list, unsigned seconds, bool here, verdict *out_shared);

#endif
