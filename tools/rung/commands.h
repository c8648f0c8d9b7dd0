/* Commands: commands.inc lists them. */
#ifndef RUNG_TOOL_COMMANDS_H
#define RUNG_TOOL_COMMANDS_H

#include "args.h"

#define RUNG_COMMAND(name) extern const command name##_cmd;
#include "commands.inc"
#undef RUNG_COMMAND

/* In the order of help; ends with NULL. */
extern const command *const all_commands[];

/* What the doctor starts this program for, in a process of its own: loads the libraries and says how that went. */
int doctor_child(int argc, char **argv);

/* "rung 0.1.0" and the features it was built with. */
void print_version(bool json);

#endif
