/* process.h: other programs, started and watched by this one.
 *
 * A child leads a process group of its own, so that what a terminal sends (ctrl-C) reaches it
 * through its parent alone; it reads nothing from standard input; and when its parent dies, kill -9
 * included, it is sent SIGTERM (where the system can do that: Linux). */
#ifndef THAW_PROCESS_H
#define THAW_PROCESS_H

#include <sys/types.h>

#include "thaw/base.h"

/* What is to be started. */
typedef struct thaw_process_plan {
  const char *program;            /* a path */
  const char *const *arguments;   /* ends with NULL; the first is what the program is called */
  const char *const *environment; /* "NAME=VALUE" in place of the caller's; ends with NULL */
  int out, err;                   /* descriptors: its standard output and standard error */
  int kept;                       /* a descriptor that it has under the same number; −1: none */
} thaw_process_plan;

typedef struct thaw_process {
  pid_t id;
  bool over;
  int status; /* once it is over: its exit status, or minus the signal that ended it; 127 where the
                 program could not be started */
} thaw_process;

thaw_status thaw_process_start(thaw_context *ctx, const thaw_process_plan *plan,
                               thaw_process *process);
/* Has it ended? Does not wait. */
bool thaw_process_over(thaw_process *process);
/* Sends a signal, unless it has ended. */
void thaw_process_signal(const thaw_process *process, int number);

#endif
