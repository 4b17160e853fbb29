/* main.c: the thaw command. Finds the command that is meant, reads its options, runs it, and turns
 * its status into messages and an exit status. Only this file prints errors and decides how the
 * process ends. */
#include <config.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/help.h"
#include "plugin/settings.h"
#include "tensor/loops.h"

enum { EXIT_INTERRUPTED = 130 }; /* as a shell reports a process that SIGINT ended */

/* A signal handler reaches nothing but a variable of the file. */
static atomic_bool interrupted;

typedef struct global_settings {
  const char *plugin_path;
  bool quiet, help, version;
} global_settings;

static const thaw_option global_options[] = {
    {.name = "plugin-path",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(global_settings, plugin_path),
     .value_name = "FOLDERS",
     .doc =
         "search these folders (separated by colons) for plugins before those of THAW_PLUGIN_PATH, "
         "your own (~/.local/share/thaw/plugins) and the installed one"},
    {.name = "quiet",
     .letter = 'q',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(global_settings, quiet),
     .doc = "print warnings and errors only"},
    {.name = "help",
     .letter = 'h',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(global_settings, help),
     .doc = "print this help and exit"},
    {.name = "version",
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(global_settings, version),
     .doc = "print the version and exit"},
    {0}};

static void on_signal(int number) {
  (void)number;
  atomic_store_explicit(&interrupted, true, memory_order_relaxed);
}

/* The first signal asks for a checkpoint; the second finds the default action and ends the process.
 * Without SA_RESTART, so that waiting for a lock or for input ends too. */
static void watch_signals(thaw_context *ctx) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  thaw_context_watch(ctx, &interrupted);
}

static void print_log(void *user, thaw_log_level level, const char *line) {
  const global_settings *global = user;
  if (level == THAW_LOG_WARNING) {
    fprintf(stderr, "thaw: warning: %s\n", line);
  } else if (level == THAW_LOG_INFO && !global->quiet) {
    fprintf(stderr, "thaw: %s\n", line);
  }
}

static bool is_group(const char *word) {
  const size_t length = strlen(word);
  for (size_t i = 0; thaw_commands[i]; i++) {
    const char *name = thaw_commands[i]->name;
    if (strncmp(name, word, length) == 0 && name[length] == ' ') return true;
  }
  return false;
}

/* Says which command there is instead of `given`: second words of `group`, or first words. */
static thaw_status unknown_command(thaw_context *ctx, thaw_arena *arena, const char *group,
                                   const char *given) {
  size_t count = 0;
  while (thaw_commands[count]) count++;
  const char **known = thaw_arena_alloc(arena, (count + 1) * sizeof *known);
  if (!known) return thaw_fail_memory(ctx, count * sizeof *known);
  const size_t length = group ? strlen(group) : 0;
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    const char *name = thaw_commands[i]->name;
    if (group && (strncmp(name, group, length) != 0 || name[length] != ' ')) continue;
    known[found] = group ? name + length + 1 : thaw_arena_strndup(arena, name, strcspn(name, " "));
    if (!known[found++]) return thaw_fail_memory(ctx, strlen(name));
  }
  const char *space = group ? " " : "";
  if (!group) group = "";
  const char *nearest = thaw_nearest(given, known, found);
  if (nearest) {
    return thaw_fail(ctx, THAW_INVALID, "there is no command '%s%s%s'; did you mean '%s%s%s'?",
                     group, space, given, group, space, nearest);
  }
  return thaw_fail(ctx, THAW_INVALID, "there is no command '%s%s%s'; see 'thaw %s%s--help'", group,
                   space, given, group, space);
}

/* The command of this name; `second` is NULL for commands of one word. */
static const thaw_command *find_command(const char *word, const char *second) {
  const size_t length = strlen(word);
  for (size_t i = 0; thaw_commands[i]; i++) {
    const char *name = thaw_commands[i]->name;
    if (strncmp(name, word, length) != 0) continue;
    const char *rest = name + length;
    if (second ? *rest == ' ' && strcmp(rest + 1, second) == 0 : *rest == '\0') {
      return thaw_commands[i];
    }
  }
  return NULL;
}

static thaw_status print_help(thaw_context *ctx, const thaw_command *command, const char *group) {
  thaw_buffer text = {0};
  const bool ok = command ? thaw_help_command(&text, command, global_options)
                          : thaw_help_all(&text, group, global_options);
  thaw_status status = THAW_OK;
  if (ok) {
    fputs(text.data, stdout);
  } else {
    status = thaw_fail_memory(ctx, text.size);
  }
  thaw_buffer_free(&text);
  return status;
}

static thaw_status print_version(void) {
  printf("thaw %s (plugin ABI %u.%u, %s)\n", PACKAGE_VERSION, THAW_ABI_MAJOR(THAW_PLUGIN_ABI),
         THAW_ABI_MINOR(THAW_PLUGIN_ABI), thaw_loops_now()->name);
  return THAW_OK;
}

static thaw_status check_operands(thaw_context *ctx, const thaw_command *command, size_t count) {
  if (count < command->fewest) {
    return thaw_fail(ctx, THAW_INVALID, "something is missing: thaw %s %s (see 'thaw %s --help')",
                     command->name, command->operands, command->name);
  }
  if (count > command->most) {
    return thaw_fail(ctx, THAW_INVALID,
                     "too many arguments: thaw %s %s takes %zu, found %zu (see 'thaw %s --help')",
                     command->name, command->operands, command->most, count, command->name);
  }
  return THAW_OK;
}

/* Reads the arguments after the command's name and runs it. */
static thaw_status run_command(thaw_call *call, const thaw_command *command,
                               global_settings *global, size_t count,
                               const char *const *arguments) {
  thaw_context *ctx = call->ctx;
  void *settings = thaw_arena_zalloc(call->arena, command->settings_size + 1);
  if (!settings) return thaw_fail_memory(ctx, command->settings_size);
  const thaw_option_set sets[] = {{command->options, settings}, {global_options, global}};
  size_t used;
  thaw_status status = thaw_options_default(ctx, call->arena, sets[0]);
  if (status) return status;
  status = thaw_options_parse(ctx, call->arena, sets, 2, count, arguments, false, &used,
                              &call->operands);
  if (status) return thaw_explain(ctx, status, "thaw %s", command->name);
  if (global->help) return print_help(ctx, command, NULL);
  if (global->version) return print_version();
  status = check_operands(ctx, command, call->operands.count);
  if (status) return status;
  call->settings = settings;
  call->plugin_path = global->plugin_path;
  call->quiet = global->quiet;
  call->progress = global->quiet ? NULL : stderr;
  call->registry = thaw_registry_create(global->plugin_path);
  if (!call->registry) return thaw_fail_memory(ctx, 0);
  status = command->run(call);
  thaw_registry_free(call->registry);
  return status;
}

/* Reads options up to the next operand and steps over them. */
static thaw_status read_options(thaw_call *call, global_settings *global, size_t *count,
                                const char *const **arguments) {
  const thaw_option_set set = {global_options, global};
  size_t used = 0;
  thaw_status status = thaw_options_parse(call->ctx, call->arena, &set, 1, *count, *arguments, true,
                                          &used, &call->operands);
  *count -= used;
  *arguments += used;
  return status;
}

/* Commands of two words: what follows the first. */
static thaw_status run_group(thaw_call *call, global_settings *global, const char *group,
                             size_t count, const char *const *arguments) {
  thaw_status status = read_options(call, global, &count, &arguments);
  if (status) return status;
  if (count == 0 && global->help) return print_help(call->ctx, NULL, group);
  if (count == 0) {
    return thaw_fail(call->ctx, THAW_INVALID, "thaw %s needs one more word; see 'thaw %s --help'",
                     group, group);
  }
  const thaw_command *command = find_command(group, arguments[0]);
  if (!command) return unknown_command(call->ctx, call->arena, group, arguments[0]);
  return run_command(call, command, global, count - 1, arguments + 1);
}

static thaw_status run(thaw_call *call, global_settings *global, size_t count,
                       const char *const *arguments) {
  thaw_status status = read_options(call, global, &count, &arguments);
  if (status) return status;
  if (global->version) return print_version();
  if (count == 0 && global->help) return print_help(call->ctx, NULL, NULL);
  if (count == 0) return thaw_fail(call->ctx, THAW_INVALID, "which command? See 'thaw --help'");
  const char *word = arguments[0];
  if (is_group(word)) return run_group(call, global, word, count - 1, arguments + 1);
  const thaw_command *command = find_command(word, NULL);
  if (!command) return unknown_command(call->ctx, call->arena, NULL, word);
  return run_command(call, command, global, count - 1, arguments + 1);
}

/* Results that could not be written are a failure, however well the rest went. */
static thaw_status flush_results(thaw_context *ctx, thaw_status status) {
  if ((fflush(stdout) != 0 || ferror(stdout)) && status == THAW_OK) {
    return thaw_fail(ctx, THAW_FAILED, "writing to standard output failed");
  }
  return status;
}

int main(int argc, char **argv) {
  global_settings global = {0};
  thaw_context *ctx = thaw_context_create();
  thaw_arena *arena = thaw_arena_create();
  thaw_status status = THAW_FAILED;
  if (ctx && arena) {
    thaw_context_log_to(ctx, print_log, &global);
    watch_signals(ctx);
    thaw_call call = {.ctx = ctx, .arena = arena, .program = argv[0], .out = stdout};
    status = thaw_loops_check(ctx);
    if (status == THAW_OK)
      status = run(&call, &global, argc > 0 ? (size_t)argc - 1 : 0, (const char *const *)argv + 1);
    status = flush_results(ctx, status);
    if (status == THAW_INTERRUPTED) {
      fprintf(stderr, "thaw: interrupted: %s\n", thaw_error(ctx));
    } else if (status && *thaw_error(ctx)) { /* one without has said it in its results */
      fprintf(stderr, "thaw: error: %s\n", thaw_error(ctx));
    }
  } else {
    fprintf(stderr, "thaw: error: out of memory\n");
  }
  thaw_arena_free(arena);
  thaw_context_free(ctx);
  return status == THAW_INTERRUPTED ? EXIT_INTERRUPTED : (int)status;
}
