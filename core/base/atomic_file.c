/* atomic_file.c: files that appear whole or not at all.
 *
 * The content is written to NAME.HOST-PID-N.part beside the final name. Two writers never share
 * such a file, and one that a killed process left behind is removed by the next writer of the same
 * name on the same machine. The final name is checked at the beginning already: a computation of
 * hours shall not end with "is a folder". */
#include <config.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "base/host.h"

struct thaw_atomic_file {
  char *path;   /* the final name */
  char *folder; /* that holds it */
  char *part;   /* written until the commit */
};

static void free_file(thaw_atomic_file *file) {
  if (!file) return;
  free(file->path);
  free(file->folder);
  free(file->part);
  free(file);
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Is `tail`, "HOST-PID-N.part", of a process of this machine that has ended? */
static bool is_of_dead(const char *tail, const char *host) {
  const size_t length = strlen(host);
  if (strncmp(tail, host, length) != 0 || tail[length] != '-') return false;
  char *end;
  errno = 0;
  const long pid = strtol(tail + length + 1, &end, 10);
  const size_t rest = strlen(end);
  if (errno || pid <= 0 || pid > INT_MAX || *end != '-') return false;
  if (rest < 5 || strcmp(end + rest - 5, ".part") != 0) return false;
  return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Removes what dead processes of this machine left of the same file. */
static void remove_leftovers(const thaw_atomic_file *file, const char *host) {
  thaw_buffer prefix = {0};
  DIR *folder = opendir(file->folder);
  if (folder && thaw_buffer_format(&prefix, "%s.", last_part(file->path))) {
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
      if (strncmp(entry->d_name, prefix.data, prefix.size) != 0) continue;
      if (is_of_dead(entry->d_name + prefix.size, host)) unlinkat(dirfd(folder), entry->d_name, 0);
    }
  }
  if (folder) closedir(folder);
  thaw_buffer_free(&prefix);
}

/* Was nothing written to the file for a day? */
static bool is_old(const char *folder, const char *name) {
  struct stat info;
  char *path = thaw_path_join(folder, name);
  const bool old = path && stat(path, &info) == 0 && time(NULL) - info.st_mtime > 86400;
  free(path);
  return old;
}

bool thaw_atomic_is_leftover(const char *folder, const char *name) {
  char host[THAW_HOST_TEXT];
  const size_t length = strlen(name);
  if (length < 5 || strcmp(name + length - 5, ".part") != 0) return false;
  const char *tail = name + length - 5;
  while (tail > name && tail[-1] != '.') tail--;
  int end = 0;
  sscanf(tail, "%*[A-Za-z0-9_]-%*[0-9]-%*[0-9].part%n", &end);
  if (tail == name || end == 0 || tail[end] != '\0') return false;
  thaw_host_name(host);
  const bool ours = strncmp(tail, host, strlen(host)) == 0 && tail[strlen(host)] == '-';
  return ours ? is_of_dead(tail, host) : is_old(folder, name);
}

/* Fills in path and folder; a symbolic link is followed, so that it stays a link. */
static thaw_status resolve(thaw_context *ctx, const char *path, thaw_atomic_file *file) {
  struct stat info;
  if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode)) file->path = realpath(path, NULL);
  if (!file->path) file->path = strdup(path);
  file->folder = thaw_path_beside(path, ".");
  if (file->path) {
    free(file->folder);
    file->folder = thaw_path_beside(file->path, ".");
  }
  if (!file->path || !file->folder) return thaw_fail_memory(ctx, strlen(path));
  if (stat(file->path, &info) == 0 && !S_ISREG(info.st_mode)) {
    return thaw_fail(ctx, THAW_INVALID, "cannot write %s: it is %s", path,
                     S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
  }
  return THAW_OK;
}

/* Creates the file to write to, under a name that nobody has. */
static thaw_status create_part(thaw_context *ctx, thaw_atomic_file *file, const char *host) {
  for (int number = 0; number < 1000; number++) {
    thaw_buffer name = {0};
    if (!thaw_buffer_format(&name, "%s.%s-%ld-%d.part", file->path, host, (long)getpid(), number)) {
      return thaw_fail_memory(ctx, strlen(file->path));
    }
    const int descriptor = open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) {
      close(descriptor);
      file->part = name.data;
      return THAW_OK;
    }
    const int why = errno;
    thaw_buffer_free(&name);
    if (why != EEXIST) {
      return thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", file->path, strerror(why));
    }
  }
  return thaw_fail(ctx, THAW_FAILED,
                   "cannot write %s: too many unfinished files of its name beside it", file->path);
}

thaw_status thaw_atomic_begin(thaw_context *ctx, const char *path, thaw_atomic_file **file) {
  char host[THAW_HOST_TEXT];
  thaw_host_name(host);
  *file = NULL;
  thaw_atomic_file *begun = calloc(1, sizeof *begun);
  if (!begun) return thaw_fail_memory(ctx, sizeof *begun);
  thaw_status status = resolve(ctx, path, begun);
  if (status == THAW_OK) {
    remove_leftovers(begun, host);
    status = create_part(ctx, begun, host);
  }
  if (status != THAW_OK) {
    free_file(begun);
    return status;
  }
  *file = begun;
  return THAW_OK;
}

const char *thaw_atomic_path(const thaw_atomic_file *file) {
  return file->part;
}

/* Brings a file's or a folder's content to the disk; true when it is there. */
static bool sync_path(const char *path, int flags) {
  const int descriptor = open(path, flags | O_CLOEXEC);
  if (descriptor < 0) return false;
  int result = fsync(descriptor);
  int why = errno;
  /* Some file systems cannot sync a folder, which is no failure of ours. */
  if (result != 0 && (why == EINVAL || why == ENOTSUP)) result = 0;
  if (close(descriptor) != 0 && result == 0) {
    result = -1;
    why = errno;
  }
  errno = why;
  return result == 0;
}

thaw_status thaw_atomic_commit(thaw_context *ctx, thaw_atomic_file *file) {
  if (!sync_path(file->part, O_RDONLY) || rename(file->part, file->path) != 0) {
    const thaw_status status =
        thaw_fail(ctx, THAW_FAILED, "cannot finish %s: %s", file->path, strerror(errno));
    thaw_atomic_abandon(file);
    return status;
  }
  thaw_status status = THAW_OK;
  if (!sync_path(file->folder, O_RDONLY | O_DIRECTORY)) {
    status = thaw_fail(ctx, THAW_FAILED, "cannot sync the folder of %s: %s", file->path,
                       strerror(errno));
  }
  free_file(file);
  return status;
}

void thaw_atomic_abandon(thaw_atomic_file *file) {
  if (!file) return;
  unlink(file->part);
  free_file(file);
}
