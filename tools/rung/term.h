/* What a terminal gets and a file does not: colour, and a line that says how far long work is. */
#ifndef RUNG_TOOL_TERM_H
#define RUNG_TOOL_TERM_H

#include "rung.h"

typedef enum ink { PLAIN, BOLD, DIM, GOOD, BAD } ink;

/* The sequence that switches to it on standard output; "" when that is no terminal or NO_COLOR is set. */
const char *in(ink which);

/* Columns of the terminal that standard output is; 120 when it is none. */
int line_width(void);

/* Work that may take long: `what` appears on standard error after a second, when that is a terminal, with a fraction
 * when the work tells one, and goes with progress_end. */
void progress_begin(const char *what);
void progress_end(void);
/* How far it is. */
void progress_tell(uint64_t done, uint64_t total);
/* A rung_compiling_fn; `user` is not used. Non-zero once the user has interrupted. */
int progress_compiling(void *user, const rung_compiling *state);

/* Prints a line on standard error, past a progress line. */
void say(const char *line);

#endif
