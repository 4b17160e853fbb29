/* probe.c: loading plugins in a child process first.
 *
 * A shared object runs code of its own while it is loaded. If that code crashes, hangs or ends the
 * process, it does so in the child, and what is left to us is to say so. The child silences its
 * output and leaves by _exit: nothing of the parent's (buffers, exit handlers, files) is touched.
 */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/context.h"
#include "plugin/loader.h"

enum { SURVIVED = 87 }; /* the child's exit status; a number that a plugin will not choose */

/* The child: a crash shall end it by the signal itself, without a report and without a core file.
 */
static _Noreturn void load_and_leave(const char *const *paths, size_t count) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGTERM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = open("/dev/null", O_RDWR);
  for (int i = 0; nowhere >= 0 && i < 3; i++) dup2(nowhere, i);
  for (size_t i = 0; i < count; i++) {
    thaw_module module;
    (void)thaw_module_open(NULL, paths[i], &module); /* stays open: the end is near */
  }
  _exit(SURVIVED);
}

/* Why the wait for the child ended. */
typedef enum verdict { ENDED, TOO_SLOW, INTERRUPTED, UNKNOWN } verdict;

/* Waits for the child, at most `seconds`; afterwards it is gone. */
static verdict wait_for(const thaw_context *ctx, pid_t child, double seconds, int *status) {
  const double end = thaw_seconds_now() + seconds;
  long pause = 200000; /* nanoseconds: a good plugin is loaded in a millisecond */
  verdict result = ENDED;
  for (;;) {
    const pid_t got = waitpid(child, status, WNOHANG);
    if (got == child) return result;
    /* A program that ignores SIGCHLD never learns how its children ended. */
    if (got < 0 && errno != EINTR) return UNKNOWN;
    if (result == ENDED) {
      if (thaw_interrupted(ctx)) result = INTERRUPTED;
      if (thaw_seconds_now() > end) result = TOO_SLOW;
      if (result != ENDED) kill(child, SIGKILL);
    }
    nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    if (pause < 10000000) pause *= 2;
  }
}

/* "SIGSEGV, Segmentation fault" */
static void add_signal(thaw_buffer *text, int number) {
  static const struct {
    int number;
    const char *name;
  } names[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
               {SIGFPE, "SIGFPE"},   {SIGABRT, "SIGABRT"}, {SIGTRAP, "SIGTRAP"},
               {SIGSYS, "SIGSYS"},   {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}};
  const char *name = "signal";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].number == number) name = names[i].name;
  }
  thaw_buffer_format(text, "%s, %s", name, strsignal(number));
}

static thaw_status report(thaw_context *ctx, const char *path, size_t count, int status) {
  const char *others = count > 1 ? " (or one of the files after it)" : "";
  if (WIFSIGNALED(status)) {
    thaw_buffer name = {0};
    add_signal(&name, WTERMSIG(status));
    const thaw_status failed =
        thaw_fail(ctx, THAW_INVALID, "plugin %s%s crashes while it is loaded (%s)", path, others,
                  name.data ? name.data : "signal");
    thaw_buffer_free(&name);
    return failed;
  }
  return thaw_fail(ctx, THAW_INVALID,
                   "plugin %s%s ends the process with status %d while it is loaded", path, others,
                   WEXITSTATUS(status));
}

thaw_status thaw_module_probe(thaw_context *ctx, const char *const *paths, size_t count,
                              double seconds) {
  if (count == 0) return THAW_OK;
  const pid_t child = fork();
  if (child < 0) {
    return thaw_fail(ctx, THAW_FAILED, "cannot start a process that tries plugin %s: %s", paths[0],
                     strerror(errno));
  }
  if (child == 0) load_and_leave(paths, count);
  int status = 0;
  switch (wait_for(ctx, child, seconds, &status)) {
    case TOO_SLOW:
      return thaw_fail(ctx, THAW_INVALID, "plugin %s hangs: it was not loaded within %g seconds",
                       paths[0], seconds);
    case INTERRUPTED:
      return thaw_fail(ctx, THAW_INTERRUPTED, "interrupted while loading plugin %s", paths[0]);
    case UNKNOWN:
      return THAW_OK;
    case ENDED:
      break;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED) return THAW_OK;
  return report(ctx, paths[0], count, status);
}
