/* unnamed_file.c: see unnamed_file.h. */
#include "base/unnamed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"

struct thaw_unnamed_file {
  int descriptor;
  char *folder;        /* for messages */
  const char *content; /* for messages */
  void *mapped;        /* NULL: not yet */
  size_t mapped_bytes;
};

/* A descriptor of a new file that no name leads to, or −1. */
static int open_unnamed(const char *folder) {
  char *name = thaw_path_join(folder, "thaw-XXXXXX");
  if (!name) {
    errno = ENOMEM;
    return -1;
  }
  const int descriptor = mkstemp(name);
  if (descriptor >= 0) {
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    unlink(name);
  }
  free(name);
  return descriptor;
}

thaw_status thaw_unnamed_create(thaw_context *ctx, const char *folder, const char *content,
                                thaw_unnamed_file **result) {
  *result = NULL;
  int descriptor = folder ? open_unnamed(folder) : -1;
  if (descriptor < 0) {
    const char *other = getenv("TMPDIR");
    folder = other && *other ? other : "/tmp";
    descriptor = open_unnamed(folder);
  }
  if (descriptor < 0) {
    return thaw_fail(ctx, THAW_FAILED, "cannot make a temporary file in %s for %s: %s", folder,
                     content, strerror(errno));
  }
  thaw_unnamed_file *file = calloc(1, sizeof *file);
  char *copy = strdup(folder);
  if (!file || !copy) {
    close(descriptor);
    free(file);
    free(copy);
    return thaw_fail_memory(ctx, sizeof *file);
  }
  *file = (thaw_unnamed_file){.descriptor = descriptor, .folder = copy, .content = content};
  *result = file;
  return THAW_OK;
}

void thaw_unnamed_free(thaw_unnamed_file *file) {
  if (!file) return;
  if (file->mapped) munmap(file->mapped, file->mapped_bytes);
  close(file->descriptor);
  free(file->folder);
  free(file);
}

thaw_status thaw_unnamed_write(thaw_context *ctx, const thaw_unnamed_file *file, const void *bytes,
                               size_t count, size_t place) {
  for (size_t done = 0; done < count;) {
    const ssize_t written =
        pwrite(file->descriptor, (const char *)bytes + done, count - done, (off_t)(place + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return thaw_fail(ctx, THAW_FAILED,
                       "cannot write %s to a temporary file in %s, after %zu MB: %s", file->content,
                       file->folder, (place + done) >> 20, strerror(written ? errno : ENOSPC));
    }
    done += (size_t)written;
  }
  return THAW_OK;
}

thaw_status thaw_unnamed_read(thaw_context *ctx, const thaw_unnamed_file *file, void *bytes,
                              size_t count, size_t place) {
  for (size_t done = 0; done < count;) {
    const ssize_t got =
        pread(file->descriptor, (char *)bytes + done, count - done, (off_t)(place + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return thaw_fail(ctx, THAW_FAILED, "cannot read %s from a temporary file in %s: %s",
                       file->content, file->folder,
                       got ? strerror(errno) : "it is shorter than it was");
    }
    done += (size_t)got;
  }
  return THAW_OK;
}

thaw_status thaw_unnamed_map(thaw_context *ctx, thaw_unnamed_file *file, size_t count,
                             void **mapped) {
  void *at = mmap(NULL, count, PROT_READ, MAP_SHARED, file->descriptor, 0);
  if (at == MAP_FAILED) {
    return thaw_fail(ctx, THAW_FAILED, "cannot map %zu MB of a temporary file in %s with %s: %s",
                     count >> 20, file->folder, file->content, strerror(errno));
  }
  file->mapped = at;
  file->mapped_bytes = count;
  *mapped = at;
  return THAW_OK;
}

void thaw_unnamed_forget(const thaw_unnamed_file *file) {
  if (file->mapped) madvise(file->mapped, file->mapped_bytes, MADV_DONTNEED);
}
