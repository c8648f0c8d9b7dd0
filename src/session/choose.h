/* Chain "auto": the chain is chosen by measurement.
 *
 *     candidates   cpu; then every other provider that is usable here: alone where it takes the whole model, else with
 *                  cpu behind it
 *     inputs       the caller's (auto_inputs), or drawn from types and shapes, open dimensions 1
 *     guard        the first run's outputs are held against cpu's: who differs is out
 *     race         rung_race; a later candidate has to be faster by enough, and surely
 *     record       an entry of the engine cache: the next session of the same model, shapes, machine and providers
 *                  takes its word
 *
 * A candidate that cannot be made (the contract, a pin, an engine's error) is out, with the reason. */
#ifndef RUNG_SESSION_CHOOSE_H
#define RUNG_SESSION_CHOOSE_H

#include "session/entry.h"
#include "session/session.h"

typedef struct candidate {
  const char *chain;
  rung_session *session; /* NULL: it could not be made */
  rung_value **outputs;  /* of its first run; NULL: there was none */
  double ns;             /* median of a run; 0: not measured */
  const char *words;     /* why it is out; NULL: it is not */
} candidate;

typedef struct chooser {
  rung_env *env;
  rung_model *model;
  const rung_session_options *options;
  rung_instance *look; /* the model's graph, planned only */
  rung_arena arena;    /* texts */
  RUNG_VEC(candidate) candidates;
  candidate judge;     /* cpu, where it is no candidate */
  rung_value **inputs; /* one for each of the graph's */
  size_t output_count;
  const char *chain, *words; /* what was chosen, and why */
  bool remembered;
  uint64_t began;
  entry_fields fields; /* of the record */
  rung_store store;
  const char *unkept; /* why nothing is remembered; NULL: it is */
} chooser;

/* rung_session_create for that chain. */
rung_status *rung__choose_session(rung_env *env, rung_model *model, const rung_session_options *options,
                                  rung_session **out_session) RUNG_MUST_CHECK;

/* choose_record.c. Fails only when memory runs out. */
/* What a choice depends on, and the folder where it is remembered. */
rung_status *rung__record_open(chooser *c) RUNG_MUST_CHECK;
/* Sets chain, words, candidates and `remembered` when there is one. */
rung_status *rung__record_read(chooser *c) RUNG_MUST_CHECK;
rung_status *rung__record_write(chooser *c) RUNG_MUST_CHECK;
void rung__record_close(chooser *c);

/* The user's options of one provider of a candidate; *out_list lies in the arena. */
rung_status *rung__choose_options(chooser *c, const rung_provider_api *api, rung_option **out_list,
                                  size_t *out_count) RUNG_MUST_CHECK;

#endif
