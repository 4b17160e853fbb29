/* lock.c: locks between processes by flock(2), which die with their holder. The wait asks again
 * every tenth of a second, so that an interrupt ends it.
 *
 * Who has an exclusive lock writes into the file who it is. Nothing depends on that text: it may be
 * missing, or be the last holder's for the moment until the next one has written its own. */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"
#include "base/host.h"

enum { SIGNATURE_TEXT = THAW_HOST_TEXT + 64 };
static const char signature_start[] = "process ";

struct thaw_lock {
  int descriptor;
};

/* What is asked for. */
typedef struct request {
  const char *path;
  int flags;     /* of open(2); a network file system wants a file that is locked for oneself alone
                    to be open for writing */
  int operation; /* of flock(2) */
} request;

/* Whether `path` still names the open file: a cleaner may have removed it while we waited. Opening
 * it asks a network file system's server, where stat(2) may be answered from a cache. */
static bool still_there(int descriptor, const char *path) {
  struct stat held, named;
  const int other = open(path, O_RDONLY | O_CLOEXEC);
  const bool same = other >= 0 && fstat(descriptor, &held) == 0 && fstat(other, &named) == 0 &&
                    held.st_dev == named.st_dev && held.st_ino == named.st_ino;
  if (other >= 0) close(other);
  return same;
}

/* Tries once: a descriptor, or −1 with errno; EWOULDBLOCK when another has the lock. */
static int try_once(const request *r) {
  const int descriptor = open(r->path, r->flags | O_CLOEXEC, 0666);
  if (descriptor < 0) return -1;
  int why = EWOULDBLOCK;
  if (flock(descriptor, r->operation | LOCK_NB) == 0) {
    if (still_there(descriptor, r->path)) return descriptor;
  } else if (errno != EINTR) {
    why = errno;
  }
  close(descriptor);
  errno = why;
  return -1;
}

static thaw_status fail(thaw_context *ctx, const char *path, int why) {
  const bool refused = why == ENOLCK || why == EOPNOTSUPP || why == ENOSYS;
  return thaw_fail(ctx, THAW_FAILED, "cannot lock %s: %s%s", path, strerror(why),
                   refused ? ": its file system does not take flock(2) locks (NFS needs its lock "
                             "service, Lustre the mount option flock); use a folder on another one"
                           : "");
}

static thaw_status wait_for(thaw_context *ctx, const request *r, void (*waiting)(void *user),
                            void *user, thaw_lock *lock) {
  while ((lock->descriptor = try_once(r)) < 0) {
    if (errno != EWOULDBLOCK) return fail(ctx, r->path, errno);
    if (thaw_interrupted(ctx)) {
      return thaw_fail(ctx, THAW_INTERRUPTED, "interrupted while waiting for the lock %s", r->path);
    }
    if (waiting) waiting(user);
    waiting = NULL;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  return THAW_OK;
}

/* Hands the lock over when it was had, and frees it when not. */
static thaw_status hand_over(thaw_status status, thaw_lock *taken, thaw_lock **lock) {
  if (status == THAW_OK && taken->descriptor >= 0) {
    *lock = taken;
  } else {
    free(taken);
  }
  return status;
}

static thaw_status create(thaw_context *ctx, thaw_lock **lock) {
  *lock = calloc(1, sizeof **lock);
  return *lock ? THAW_OK : thaw_fail_memory(ctx, sizeof **lock);
}

/* A disk that takes no more leaves a lock without a name in it, which is as good. */
static void sign(const thaw_lock *lock) {
  char host[THAW_HOST_TEXT], text[SIGNATURE_TEXT];
  thaw_host_name(host);
  const int length =
      snprintf(text, sizeof text, "%s%ld on %s\n", signature_start, (long)getpid(), host);
  if (ftruncate(lock->descriptor, 0) != 0) return;
  if (pwrite(lock->descriptor, text, (size_t)length, 0) == length) fdatasync(lock->descriptor);
}

/* ---- Lock files ------------------------------------------------------------------------------ */

static request exclusive(const char *path) {
  return (request){path, O_RDWR | O_CREAT, LOCK_EX};
}

thaw_status thaw_lock_take(thaw_context *ctx, const char *path, void (*waiting)(void *user),
                           void *user, thaw_lock **lock) {
  const request r = exclusive(path);
  thaw_lock *taken = NULL;
  *lock = NULL;
  thaw_status status = create(ctx, &taken);
  if (status) return status;
  status = wait_for(ctx, &r, waiting, user, taken);
  if (status == THAW_OK) sign(taken);
  return hand_over(status, taken, lock);
}

thaw_status thaw_lock_try(thaw_context *ctx, const char *path, thaw_lock **lock) {
  const request r = exclusive(path);
  thaw_lock *taken = NULL;
  *lock = NULL;
  thaw_status status = create(ctx, &taken);
  if (status) return status;
  taken->descriptor = try_once(&r);
  if (taken->descriptor >= 0) {
    sign(taken);
  } else if (errno != EWOULDBLOCK) {
    status = fail(ctx, path, errno);
  }
  return hand_over(status, taken, lock);
}

bool thaw_lock_is_taken(const char *path) {
  /* Shared, so that two who ask at once do not see each other. */
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool taken = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(descriptor);
  return taken;
}

char *thaw_lock_holder(const char *path) {
  char text[SIGNATURE_TEXT] = "";
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return NULL;
  const ssize_t count = read(descriptor, text, sizeof text - 1);
  close(descriptor);
  const size_t start = sizeof signature_start - 1;
  char *end = count > 0 ? strchr(text, '\n') : NULL;
  if (!end || strncmp(text, signature_start, start) != 0) return NULL;
  *end = '\0';
  return strdup(text);
}

void thaw_lock_release(thaw_lock *lock) {
  if (!lock) return;
  close(lock->descriptor);
  free(lock);
}

/* ---- Files that are in use ------------------------------------------------------------------- */

thaw_status thaw_file_hold(thaw_context *ctx, const char *path, thaw_lock **lock) {
  const request r = {path, O_RDONLY, LOCK_SH};
  thaw_lock *taken = NULL;
  *lock = NULL;
  thaw_status status = create(ctx, &taken);
  if (status) return status;
  status = wait_for(ctx, &r, NULL, NULL, taken);
  if (status == THAW_FAILED && !thaw_path_exists(path)) {
    thaw_error_clear(ctx);
    status = THAW_OK;
  }
  return hand_over(status, taken, lock);
}

thaw_status thaw_file_seize(thaw_context *ctx, const char *path, thaw_lock **lock) {
  const request r = {path, O_RDWR, LOCK_EX};
  thaw_lock *taken = NULL;
  *lock = NULL;
  thaw_status status = create(ctx, &taken);
  if (status) return status;
  taken->descriptor = try_once(&r);
  if (taken->descriptor < 0 && errno != EWOULDBLOCK && errno != ENOENT)
    status = fail(ctx, path, errno);
  return hand_over(status, taken, lock);
}
