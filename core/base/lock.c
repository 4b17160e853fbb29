/* lock.c: locks between processes by flock(2), which die with their holder. The wait asks again
 * every tenth of a second, so that an interrupt ends it. */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"

struct thaw_lock {
  int descriptor;
};

/* Whether `path` still names the open file: a cleaner may have removed it while we waited. */
static bool still_there(int descriptor, const char *path) {
  struct stat held, named;
  return fstat(descriptor, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

/* Tries once: a descriptor, or −1 with errno; EWOULDBLOCK when another has the lock. */
static int try_once(const char *path) {
  const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return -1;
  int why = EWOULDBLOCK;
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
    if (still_there(descriptor, path)) return descriptor;
  } else if (errno != EINTR) {
    why = errno;
  }
  close(descriptor);
  errno = why;
  return -1;
}

thaw_status thaw_lock_take(thaw_context *ctx, const char *path, void (*waiting)(void *user),
                           void *user, thaw_lock **lock) {
  *lock = NULL;
  thaw_lock *taken = malloc(sizeof *taken);
  if (!taken) return thaw_fail_memory(ctx, sizeof *taken);
  while ((taken->descriptor = try_once(path)) < 0) {
    thaw_status status = THAW_OK;
    if (errno != EWOULDBLOCK) {
      status = thaw_fail(ctx, THAW_FAILED, "cannot lock %s: %s", path, strerror(errno));
    } else if (thaw_interrupted(ctx)) {
      status = thaw_fail(ctx, THAW_INTERRUPTED, "interrupted while waiting for the lock %s", path);
    }
    if (status != THAW_OK) {
      free(taken);
      return status;
    }
    if (waiting) waiting(user);
    waiting = NULL;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  *lock = taken;
  return THAW_OK;
}

void thaw_lock_release(thaw_lock *lock) {
  if (!lock) return;
  close(lock->descriptor);
  free(lock);
}
