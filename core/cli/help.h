/* help.h: the texts of --help, made from the commands and their tables of options. */
#ifndef THAW_HELP_H
#define THAW_HELP_H

#include "base/buffer.h"
#include "cli/command.h"

/* `thaw --help`; with `group` ("plugin") only the commands whose first word it is. */
bool thaw_help_all(thaw_buffer *out, const char *group, const thaw_option *global);
/* `thaw COMMAND --help`. */
bool thaw_help_command(thaw_buffer *out, const thaw_command *command, const thaw_option *global);

#endif
