/* What a process has, as far as the system tells: to see what a call has left behind. */
#ifndef RUNG_KIT_PROCESS_H
#define RUNG_KIT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct process_state {
  size_t libraries, files, threads; /* libraries: files whose code is mapped */
  unsigned long environment;        /* a hash of the variables */
  char folder[1024];                /* the current one */
} process_state;

/* False where the system does not tell (no /proc). */
bool process_look(process_state *out);
/* What `after` has more, or otherwise; "" when all is as it was. */
void process_compare(const process_state *before, const process_state *after, char *words, size_t size);

#endif
