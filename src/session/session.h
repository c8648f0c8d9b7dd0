/* A session: what the user holds. It runs instances of one model and chain: the whole one, and, when a provider fails
 * and the user said on_failure = next, ones without it.
 *
 *     instance  <- which links are in service: one for every set of outages that was needed, made when it is needed
 *     breaker   <- per link: closed (in service), open (out of service for a while), tried by one run, closed again
 *     background <- the whole instance, or one with a lost provider again, compiles while others serve (background.h)
 *     journal   <- what happened
 *
 * An instance whose device was lost, or that only served until another was compiled, is retired: closed when its last
 * run leaves, its plan kept. All of it lasts as long as the session, so that what was borrowed from a plan stays good.
 */
#ifndef RUNG_SESSION_SESSION_H
#define RUNG_SESSION_SESSION_H

#include "session/instance.h"
#include "session/journal.h"

typedef struct session_entry {
  rung_instance *instance;
  uint32_t outage; /* links that it was made without */
  uint32_t runs;   /* under way */
  bool retired;    /* no run enters any more */
} session_entry;

/* See background.h. Under the session's lock, but for `wanted`, `link`, `outage` and `thread`: the thread's while it
 * compiles. */
typedef struct session_background {
  enum { BACKGROUND_NONE, BACKGROUND_COMPILING, BACKGROUND_DONE, BACKGROUND_FAILED } state; /* of the whole */
  rung_instance *wanted; /* the whole, until it serves */
  bool returning;        /* an instance without `outage` compiles, with a link that was lost */
  uint32_t link, outage; /* link: that it has and those that serve have not */
  pthread_t thread;
  bool started, stop;
  rung_compiling now; /* struct_size 0: nothing heard yet; its stage is: */
  char stage[64];
  rung_status *failure;
  bool ends_runs; /* they fail with it */
} session_background;

typedef struct session_breaker {
  uint32_t failures;  /* in a row */
  uint64_t opened_at; /* monotonic time */
  bool open, tried;   /* out of service; one run tries it at this moment */
  const char *cause;  /* of the last failure; the journal's arena */
} session_breaker;

struct rung_session {
  rung_env *env;
  rung_model *model;
  rung_arena arena;               /* of the options, and of: */
  const rung_plan_chosen *chosen; /* what chain "auto" came to; NULL */
  rung_session_options options;   /* a copy */
  rung_journal journal;
  const char *names[RUNG_MOST_LINKS]; /* of the chain's providers */
  session_background background;
  pthread_cond_t settled;            /* an instance was made, or was not to be had; goes with `lock` */
  uint32_t listed, usable;           /* how many; bit i: link i could be used when the session was made */
  pthread_mutex_t lock;              /* of what follows */
  bool making;                       /* by a run, one at a time; `settled` says when that is over */
  RUNG_VEC(session_entry *) entries; /* the first: as it was made */
  session_entry *current;            /* that the last run finished on: the one to tell about */
  session_entry *profiled;           /* the same of profiled runs */
  session_breaker breakers[RUNG_MOST_LINKS];
  uint32_t absent; /* links that compile in the background, or failed to: runs do without */
};

/* With its chain, which "auto" is none of. */
rung_status *rung__session_make(rung_env *env, rung_model *model, const rung_session_options *options,
                                rung_session **out_session) RUNG_MUST_CHECK;
/* Its plans say that from now on, and the journal. `chosen` is the session's. */
void rung__session_announce(rung_session *session, const rung_plan_chosen *chosen);
/* With any chain: "auto" is chosen first (choose.h). */
rung_status *rung__session_create(rung_env *env, rung_model *model, const rung_session_options *options,
                                  rung_session **out_session) RUNG_MUST_CHECK;
void rung__session_free(rung_session *session);
/* An instance that runs may choose, the session's from then on. Under the session's lock, or before anyone has it. */
rung_status *rung__session_add_entry(rung_session *session, rung_instance *instance, uint32_t outage,
                                     session_entry **out_entry) RUNG_MUST_CHECK;
/* The instance without these links, made by `options`: the session's, or a copy with somebody else to watch it. */
rung_status *rung__session_make_entry(rung_session *session, const rung_session_options *options, uint32_t links,
                                      session_entry **out_entry) RUNG_MUST_CHECK;
rung_status *rung__session_run(rung_session *session, const rung_run_options *options, rung_value *const *inputs,
                               size_t input_count, rung_value **outputs, size_t output_count) RUNG_MUST_CHECK;

/* The instance to tell about: plan, graph. Lives as long as the session. */
const rung_instance *rung__session_instance(const rung_session *session);
/* Whose last run was profiled. */
rung_instance *rung__session_profiled(const rung_session *session);
/* See rung_session_figures: of that instance, which is not retired meanwhile. */
rung_status *rung__session_figures(rung_session *session, rung_text *text) RUNG_MUST_CHECK;
rung_status *rung__session_journal_json(rung_session *session, rung_text *text) RUNG_MUST_CHECK;

/* options.c: a copy that owns its texts and lists. */
rung_status *rung__options_copy(rung_arena *arena, const rung_session_options *from,
                                rung_session_options *out) RUNG_MUST_CHECK;

#endif
