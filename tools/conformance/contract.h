/* What rung_provider.h asks of every provider, promise by promise: contract_*.c. */
#ifndef RUNG_KIT_CONTRACT_H
#define RUNG_KIT_CONTRACT_H

#include "trial.h"

typedef struct contract {
  const char *name;    /* "run/repeated" */
  const char *promise; /* one line */
  void (*check)(trial *t);
  /* Texts of models (spec.h), ends with NULL: `check` gets a session of the first that the provider takes, and is
   * skipped when it takes none. NULL: no session. */
  const char *const *models;
} contract;

/* Tables, ended by a NULL name. */
extern const contract table_contracts[], life_contracts[], claim_contracts[], run_contracts[], stress_contracts[],
    cache_contracts[];

/* Models that many providers take, all float32: what they compute hardly matters. */
extern const char *const small_models[];  /* x[3,5] -> y: two nodes in a row */
extern const char *const open_models[];   /* x[N,5] -> y, N not known before the run */
extern const char *const joined_models[]; /* x[3,5] -> y, z, t: an output that is used inside, too */

extern const char *const constant_models[]; /* with constants in raw bytes, */
extern const char *const field_models[];    /* in typed fields, */
extern const char *const file_models[];     /* and in a file */

#endif
