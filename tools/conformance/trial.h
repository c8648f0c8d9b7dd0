/* One case on its way: an environment of its own, in which a witness stands before the provider; a model, a session.
 *
 * Checks say what is wrong with trial_fail; the first that fails decides, and the case returns at once. What else can
 * go wrong in any case is looked for at its end, by trial_end: memory that was not given back or was written where it
 * must not be, and rules of the interface that the witness saw broken. */
#ifndef RUNG_KIT_TRIAL_H
#define RUNG_KIT_TRIAL_H

#include "exchange.h"
#include "fail.h"
#include "witness.h"

enum { VERDICT_WORDS = 1000 };

/* How a case ended. The process that runs cases shares it with the one that waits. */
typedef enum outcome { PASSED, FAILED, SKIPPED, OUTCOMES, UNDONE = OUTCOMES } outcome;
typedef struct verdict {
  outcome what;
  bool ran;                  /* the provider was asked to run something */
  char words[VERDICT_WORDS]; /* FAILED: what is wrong; SKIPPED: why */
} verdict;

/* What all cases share. */
typedef struct kit {
  const char *library;             /* of the provider; NULL: it is built in */
  const char *name, *options;      /* "mine", "key=value,key=value" ("": none) */
  const char *const *search_paths; /* ends with NULL */
  const char *folder;              /* for files of cases */
  uint32_t threads;
} kit;

typedef struct trial {
  const kit *kit;
  verdict *verdict;
  witness watch;
  rung_code code; /* of the last status that was not wanted */
  rung_env *env;
  const char *text; /* of the model, with its opset in spec */
  spec spec;
  size_t shift; /* of models to come: their bytes begin so far behind an aligned address */
  char *bytes;  /* of the model */
  rung_model *model;
  rung_session *session;
  exchange x;       /* for the cases that need one only */
  char chain[2048]; /* of trial_chain */
} trial;

/* An environment that knows the provider and its witness. Where it cannot be made, the case has failed. */
bool trial_begin(trial *t, const kit *k, verdict *out_verdict);
/* Frees all, and looks whether all is well. */
void trial_end(trial *t);

/* The text of a model (spec.h) becomes a session with the provider alone. When the provider refuses a node, the case is
 * skipped with its reason. False unless there is a session. */
bool trial_open(trial *t, const char *text, int opset);
/* trial_open in two steps; the options' chain is filled in. */
bool trial_load(trial *t, const char *text, int opset);
rung_status *trial_plan(trial *t, const char *more, rung_session_options *options, rung_session **out_session);
/* "watched-mine:key=value"; `more` (may be NULL) are options besides the user's. Good until the next call. */
const char *trial_chain(trial *t, const char *more);

/* Runs with t->x and compares. */
bool trial_run(trial *t);
/* Makes t->x anew. */
bool trial_feed(trial *t, exchange_kind kind, size_t shift);

/* A session and a run of t->x, again and again: every request for memory that is made while the provider is at work
 * fails in turn. Each time it is OUT_OF_MEMORY, or all is right all the same. */
bool trial_without_memory(trial *t, rung_session_options *options);

/* Words for the verdict, unless there are some. Return false. */
bool trial_fail(trial *t, const char *format, ...) PRINTF(2, 3);
bool trial_skip(trial *t, const char *format, ...) PRINTF(2, 3);
/* Puts words before those of the verdict. Returns false. */
bool trial_prefix(trial *t, const char *format, ...) PRINTF(2, 3);
/* True for NULL; else fails with its message and frees it. */
bool trial_ok(trial *t, rung_status *status);
/* The call must have failed with `code`. Frees the status. */
bool trial_error(trial *t, rung_status *status, rung_code code, const char *what);

/* In a case: leave it when the check fails. */
#define CHECK(t, holds, ...)            \
  do {                                  \
    if (!(holds)) {                     \
      (void)trial_fail(t, __VA_ARGS__); \
      return;                           \
    }                                   \
  } while (0)
#define MUST(expression)       \
  do {                         \
    if (!(expression)) return; \
  } while (0)

#endif
