/* THE list of commands: one file cmd_<name>.c each. */
#ifndef RUNG_TOOL_COMMANDS_H
#define RUNG_TOOL_COMMANDS_H

#include "args.h"

extern const command run_cmd, inspect_cmd, plan_cmd, check_cmd, bench_cmd, measure_cmd, compile_cmd, cache_cmd,
    providers_cmd, ops_cmd, help_cmd;

/* In the order of help; ends with NULL. */
extern const command *const all_commands[];

/* "rung 0.1.0" and the features it was built with. */
void print_version(bool json);

#endif
