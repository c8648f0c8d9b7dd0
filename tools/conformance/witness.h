/* The witness stands between rung and a provider, and watches what both say.
 *
 *     rung  ->  witness.api (a table)  ->  the provider's table
 *     rung  <-  the witness's hosts    <-  the provider
 *
 * It is a provider by the name "watched-NAME": what rung asks of it, it asks of the provider under test, and what that
 * asks of its host, it passes on. Whoever breaks a rule of rung_provider.h on the way is noted in `words`; each rule is
 * a line in witness.c. It can also play a hard fate: a run that is cancelled, an output for which there is no room. */
#ifndef RUNG_KIT_WITNESS_H
#define RUNG_KIT_WITNESS_H

#include "guard.h"
#include "rung_provider.h"

enum { WITNESS_NAME = 80, WITNESS_WORDS = 512, WITNESS_REPORT = 2048 };

typedef struct witness {
  guard memory;                   /* first: the environment's allocator, by which a host leads here */
  rung_provider_api api;          /* what rung gets to see */
  const rung_provider_api *inner; /* of the provider under test */
  char name[WITNESS_NAME];        /* "watched-mine" */
  atomic_bool broken;             /* a rule was: the first one is in `words` */
  char words[WITNESS_WORDS];      /* which */
  char refusal[WITNESS_WORDS];    /* the first since witness_forget, "Abs: operator: Abs"; "" for none */
  bool refusal_is_driven;         /* it is of a node with bodies, which rung then runs itself: others count more */
  char report[WITNESS_REPORT];    /* what probe told last: steps and devices */
  bool watch_process;             /* probe must leave the process as it was; set while there is one thread */
  rung_memory *device;            /* of the session that was opened last; NULL: host memory */
  atomic_long opened, executables, fences;            /* alive */
  atomic_long claims, compiles, runs, outputs, trims; /* calls so far; outputs: of host->output */
  atomic_long saves, loads;                           /* that succeeded */
  atomic_long told;                                   /* host->progress */
  atomic_long accepted, queued;                       /* nodes; runs that set a fence */
  atomic_long questions;                              /* how often runs asked whether they are cancelled */
  /* What the runs to come will meet. */
  atomic_bool cancel;         /* they are cancelled as soon as they ask; and compiling, as soon as it tells progress */
  atomic_long refused_output; /* this host->output since it was set, counted from 1, finds no memory; 0: none */
} witness;

/* Its memory, for an environment to come. */
void witness_init(witness *w);
/* Whom it watches, when the environment has loaded him. */
void witness_watch(witness *w, const rung_provider_api *inner);
/* Forgets refusals. */
void witness_forget(witness *w);
/* NULL when no rule was broken; else which. */
const char *witness_complaint(witness *w);
/* Once the environment is gone: what was opened, compiled or queued and not ended; "" when all is. */
void witness_left(const witness *w, char *words, size_t size);
void witness_finish(witness *w);

#endif
