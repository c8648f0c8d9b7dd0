/* Help, the man page and the words of shell completion, all from the tables of commands.h. */
#ifndef RUNG_TOOL_HELP_H
#define RUNG_TOOL_HELP_H

#include "args.h"

void help_overview(void);
void help_command(const command *self);
/* rung help [COMMAND or topic] */
extern const command help_cmd;

#endif
