/* program.c: see program.h. What the program prints goes into files without a name and is read when
 * it has ended: no pipe can fill up. */
#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Starts it in a process group of its own; 0, or an errno. */
static int start(const char *const *words, FILE *out, FILE *err, pid_t *id) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int why = posix_spawn_file_actions_init(&actions);
  if (why) return why;
  why = posix_spawnattr_init(&attributes);
  if (why == 0) {
    why = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!why) why = posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO);
    if (!why) why = posix_spawn_file_actions_adddup2(&actions, fileno(err), STDERR_FILENO);
    if (!why) why = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (!why) why = posix_spawnp(id, words[0], &actions, &attributes, (char **)words, environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return why;
}

static bool read_all(FILE *file, thaw_buffer *text) {
  char bytes[4096];
  size_t count;
  rewind(file);
  bool ok = thaw_buffer_text(text, "");
  while (ok && (count = fread(bytes, 1, sizeof bytes - 1, file)) > 0) {
    bytes[count] = '\0';
    ok = thaw_buffer_append(text, bytes, count + 1);
    if (ok) text->size--; /* the NUL ends the text and does not count */
  }
  return ok && !ferror(file);
}

static thaw_status run(thaw_context *ctx, const char *const *words, FILE *out, FILE *err,
                       thaw_program_result *result) {
  pid_t id;
  int status = 0;
  const int why = start(words, out, err, &id);
  result->missing = why == ENOENT;
  if (result->missing) return THAW_OK;
  if (why) return thaw_fail(ctx, THAW_FAILED, "%s cannot be run: %s", words[0], strerror(why));
  while (waitpid(id, &status, 0) < 0) {
    if (errno != EINTR)
      return thaw_fail(ctx, THAW_FAILED, "waiting for %s failed: %s", words[0], strerror(errno));
  }
  result->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (read_all(out, &result->out) && read_all(err, &result->err)) return THAW_OK;
  return thaw_fail(ctx, THAW_FAILED, "what %s printed cannot be read", words[0]);
}

thaw_status thaw_program_run(thaw_context *ctx, const char *const *words,
                             thaw_program_result *result) {
  *result = (thaw_program_result){0};
  FILE *out = tmpfile(), *err = out ? tmpfile() : NULL;
  thaw_status status =
      err ? run(ctx, words, out, err, result)
          : thaw_fail(ctx, THAW_FAILED, "cannot make a temporary file: %s", strerror(errno));
  if (out) fclose(out);
  if (err) fclose(err);
  return status;
}

void thaw_program_free(thaw_program_result *result) {
  thaw_buffer_free(&result->out);
  thaw_buffer_free(&result->err);
  *result = (thaw_program_result){0};
}
