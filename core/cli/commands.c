/* commands.c: the array of all commands, from the list in command.h. */
#include "cli/command.h"

#define THAW_COMMAND_ROW(name) &thaw_command_##name,
const thaw_command *const thaw_commands[] = {THAW_COMMANDS(THAW_COMMAND_ROW) NULL};
