/* From the options of the command line to an environment, a model and a session. */
#ifndef RUNG_TOOL_SETUP_H
#define RUNG_TOOL_SETUP_H

#include "args.h"

/* What all commands that look at providers take. */
typedef struct env_args {
  int64_t threads;
  text_list libraries, folders;
  bool verbose;
} env_args;

/* 0: the library's default. */
typedef struct limit_values {
  uint64_t nodes, depth, tensor_bytes, run_bytes, loop_trips, cache_bytes; /* depth fits in 32 bits */
} limit_values;

/* What all commands that make a session take. */
typedef struct session_args {
  env_args env; /* first: its options stand in this group, too */
  const char *chain, *passes_off, *contract, *locked, *figures, *external_folder;
  text_list chains;    /* every -p */
  const char *against; /* one more that the command opens; NULL */
  text_list provider_options, dims, shapes, pins;
  limit_values limits;
  bool read_files, lock_warns, legalise;
  bool offline; /* set by the commands that only plan */
  int on_failure;
  int64_t breaker_failures;
  double breaker_seconds, cache_wait;
  const char *cache; /* a folder, or "off"; NULL: the default, see cache_folder */
} session_args;

typedef struct output_args {
  bool json;
} output_args;

extern const option env_options[], session_options[], output_options[];

/* What has been made, and how long it took. Zero it first. */
typedef struct setup {
  rung_env *env;
  rung_model *model;
  rung_session *session;
  double load_seconds, session_seconds;
} setup;

int setup_env(const env_args *args, setup *s);
/* The folder of the engine cache: the one asked for ("off": none), else $XDG_CACHE_HOME/rung, else ~/.cache/rung; NULL:
 * none. */
const char *cache_folder(const char *asked);
/* Environment and model. */
int setup_model(const session_args *args, const char *path, setup *s);

typedef enum purpose { TO_RUN, TO_PLAN, TO_INSPECT } purpose;
/* A session for the model of `s`, which must not have one, to do `why` with. `more` (may be NULL) are options beyond
 * the command line's: its chain, passes, seed and shapes count where they are set. */
int setup_session(const session_args *args, purpose why, const rung_session_options *more, setup *s);
/* Is the chain to be chosen by measurement? */
bool is_auto(const char *chain);
/* Prints the warnings that were held back while the session was made: for commands that do not show its plan. */
void setup_warn(void);
void setup_drop_session(setup *s);
void setup_finish(setup *s);

#endif
