/* The same inputs for several sessions of one model: those of the command line, or every set of a --data folder. */
#ifndef RUNG_TOOL_INPUT_SETS_H
#define RUNG_TOOL_INPUT_SETS_H

#include "feed.h"

typedef struct input_sets {
  size_t count, input_count, output_count;
  rung_value ***values; /* [set][input] */
  text_list folders;    /* of the sets; none when the inputs are the command line's */
} input_sets;

/* `data` may be NULL. Zero `out` first; free it even after a failure. */
int input_sets_read(const feed_args *args, const setup *s, const char *data, input_sets *out);
/* The first set, for a session that is yet to be made: what chain "auto" is measured on. `more` gets it. */
int input_sets_for_choice(const feed_args *args, const session_args *session, const char *data, const setup *s,
                          input_sets *out, rung_session_options *more);
void input_sets_free(input_sets *sets);

/* Runs one set. `outputs` has room for output_count values and becomes the caller's (release_outputs); NULL: they are
 * dropped. */
rung_status *input_sets_run(const input_sets *sets, size_t set, rung_session *session, rung_cancel *cancel,
                            rung_value **outputs, double *out_seconds);
/* Releases and clears them. */
void release_outputs(rung_value **outputs, size_t count);

#endif
