/* How a program of rung's ends, and the words of its command line that count before any other. */
#ifndef RUNG_TOOL_ENDING_H
#define RUNG_TOOL_ENDING_H

#include <stdbool.h>

/* Is it among the arguments before "--"? */
bool is_given(int argc, char **argv, const char *word);
/* Prints the JSON that was written, the details of a failure and, last, its reason; with --json a failure is an object,
 * too; with --verbose it says where it was raised. Returns the exit code, which is another one when nothing can be
 * written. */
int end_program(const char *name, int code, int argc, char **argv);

#endif
