/* process.c: fork and exec. Between the two the child does only what POSIX allows there. Signals
 * wait meanwhile: one that came to the copy of the parent's handler would be lost. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "base/context.h"

extern char **environ;

enum { NOT_STARTED = 127 };

static bool is_replaced(const char *variable, const char *const *by) {
  for (; by && *by; by++) {
    const size_t name = strcspn(*by, "=") + 1;
    if (strncmp(*by, variable, name) == 0) return true;
  }
  return false;
}

/* The caller's environment with these variables in it; malloc'ed, the texts are not copied. */
static const char **make_environment(const char *const *added) {
  size_t count = 0;
  for (char **v = environ; *v; v++) count++;
  for (const char *const *v = added; v && *v; v++) count++;
  const char **all = malloc((count + 1) * sizeof *all);
  if (!all) return NULL;
  count = 0;
  for (char **v = environ; *v; v++) {
    if (!is_replaced(*v, added)) all[count++] = *v;
  }
  for (; added && *added; added++) all[count++] = *added;
  all[count] = NULL;
  return all;
}

static bool move(int descriptor, int number) {
  return descriptor >= 0 && dup2(descriptor, number) == number;
}

/* In the child. Never returns. */
static void become(const thaw_process_plan *plan, const char *const *environment, pid_t parent,
                   const sigset_t *mask) {
  static const char cannot[] = "thaw: error: the program could not be started\n";
  const struct sigaction standard = {.sa_handler = SIG_DFL};
  sigaction(SIGINT, &standard, NULL);
  sigaction(SIGTERM, &standard, NULL);
  setpgid(0, 0);
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
  bool ok = getppid() == parent; /* it may have died before it was asked for */
  ok = ok && move(open("/dev/null", O_RDONLY), 0) && move(plan->out, 1) && move(plan->err, 2);
  if (ok && plan->kept >= 0) ok = fcntl(plan->kept, F_SETFD, 0) == 0;
  sigprocmask(SIG_SETMASK, mask, NULL);
  /* exec takes its texts as char *, and changes none of them. */
  union {
    const char *const *given;
    char *const *taken;
  } arguments = {plan->arguments}, variables = {environment};
  if (ok) execve(plan->program, arguments.taken, variables.taken);
  if (write(2, cannot, sizeof cannot - 1) < 0) _exit(NOT_STARTED);
  _exit(NOT_STARTED);
}

thaw_status thaw_process_start(thaw_context *ctx, const thaw_process_plan *plan,
                               thaw_process *process) {
  const char **environment = make_environment(plan->environment);
  if (!environment) return thaw_fail_memory(ctx, sizeof *environment);
  sigset_t all, mask;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &mask);
  const pid_t parent = getpid();
  *process = (thaw_process){.id = fork()};
  const int why = errno;
  if (process->id == 0) become(plan, environment, parent, &mask);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  free(environment);
  if (process->id > 0) return THAW_OK;
  return thaw_fail(ctx, THAW_FAILED, "cannot start %s: %s", plan->program, strerror(why));
}

bool thaw_process_over(thaw_process *process) {
  int how = 0;
  if (process->over) return true;
  const pid_t ended = waitpid(process->id, &how, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
  process->over = true;
  if (ended < 0)
    process->status = NOT_STARTED;
  else
    process->status = WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
  return true;
}

void thaw_process_signal(const thaw_process *process, int number) {
  if (!process->over) kill(process->id, number);
}
