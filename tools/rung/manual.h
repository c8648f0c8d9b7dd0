/* What the table of a command (args.h) says of it: help, the parts of a manual page, words for completion. All print.
 */
#ifndef RUNG_TOOL_MANUAL_H
#define RUNG_TOOL_MANUAL_H

#include "args.h"

void help_command(const command *self);
/* The exit codes that stand for statuses. */
void help_codes(void);
/* Options, with a tab before what each does. */
void help_words(const command *self);

/* In man(7) macros: text as it is, options, exit codes that stand for statuses. */
void man_verbatim(const char *text);
void man_options(const command *self);
void man_codes(void);

#endif
