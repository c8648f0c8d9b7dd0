/* Help, the man page and the words of shell completion, all from the tables of commands.h; those of one command:
 * manual.h. */
#ifndef RUNG_TOOL_HELP_H
#define RUNG_TOOL_HELP_H

#include "args.h"

void help_overview(void);
/* rung help [COMMAND or topic] */
extern const command help_cmd;

#endif
