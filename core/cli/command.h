/* command.h: what a command is, and the list of all of them.
 *
 * A command is one file, cmd_NAME.c, that defines a thaw_command, and one row in THAW_COMMANDS
 * below. A command writes its results to call->out and nothing anywhere else: errors stay in the
 * context, log lines go through it. `core/cli/main.c` does the rest. */
#ifndef THAW_COMMAND_H
#define THAW_COMMAND_H

#include <stdio.h>

#include "base/arena.h"
#include "base/context.h"
#include "cli/options.h"
#include "plugin/registry.h"

/* What a command is given. */
typedef struct thaw_call {
  thaw_context *ctx;       /* watches for SIGINT and SIGTERM */
  thaw_arena *arena;       /* dies after the command */
  thaw_registry *registry; /* searches --plugin-path first */
  const char *program;     /* argv[0] */
  bool quiet;              /* no log lines, no progress */
  FILE *out;               /* results: standard output */
  FILE *progress;          /* standard error, or NULL when quiet */
  const void *settings;    /* the command's settings struct, filled in from its table of options */
  thaw_words operands;
  const char *plugin_path; /* --plugin-path; NULL: not given */
} thaw_call;

typedef struct thaw_command {
  const char *name;           /* "compare", or two words: "plugin show" */
  const char *operands;       /* as in the usage line: "RUNS…", "" for none */
  const char *summary;        /* one line */
  const char *description;    /* for --help: paragraphs separated by newlines; may be NULL */
  const thaw_option *options; /* ends with a NULL name; may be NULL */
  size_t settings_size;
  size_t fewest, most; /* operands; most SIZE_MAX: any number */
  thaw_status (*run)(const thaw_call *call);
} thaw_command;

/* Every command, in the order of `thaw --help`: thaw_command_NAME is the variable. */
#define THAW_COMMANDS(row)                                                                         \
  row(run) row(sweep) row(compare) row(plan) row(lr_find) row(predict) row(evaluate) row(generate) \
      row(inspect) row(report) row(list) row(tag) row(diff) row(export) row(import)                \
          row(plugin_list) row(plugin_show) row(plugin_new) row(cache_list) row(cache_explain)     \
              row(cache_prune) row(cache_verify)

#define THAW_DECLARE_COMMAND(name) extern const thaw_command thaw_command_##name;
THAW_COMMANDS(THAW_DECLARE_COMMAND)

extern const thaw_command *const thaw_commands[]; /* ends with NULL */

#endif
