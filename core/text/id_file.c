/* id_file.c: written with write(2), not through a mapping: a full disk is an error then, where a
 * mapping would be a signal, and pages that were written do not count as the process's memory. */
#include "text/id_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/context.h"
#include "base/file.h"

enum { BLOCK = 1 << 16 }; /* ids that are renumbered at a time */

struct thaw_id_file {
  int descriptor;
  char *folder; /* for messages */
  size_t count;
  int32_t *ids; /* mapped; NULL: not yet */
};

/* A descriptor of a new file that no name leads to, or −1. */
static int open_unnamed(const char *folder) {
  char *name = thaw_path_join(folder, "thaw-ids-XXXXXX");
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

thaw_status thaw_id_file_create(thaw_context *ctx, const char *folder, thaw_id_file **result) {
  *result = NULL;
  int descriptor = open_unnamed(folder);
  if (descriptor < 0) {
    const char *other = getenv("TMPDIR");
    folder = other && *other ? other : "/tmp";
    descriptor = open_unnamed(folder);
  }
  if (descriptor < 0) {
    return thaw_fail(ctx, THAW_FAILED, "cannot make a temporary file in %s: %s", folder,
                     strerror(errno));
  }
  thaw_id_file *file = calloc(1, sizeof *file);
  char *copy = strdup(folder);
  if (!file || !copy) {
    close(descriptor);
    free(file);
    free(copy);
    return thaw_fail_memory(ctx, sizeof *file);
  }
  *file = (thaw_id_file){.descriptor = descriptor, .folder = copy};
  *result = file;
  return THAW_OK;
}

void thaw_id_file_free(thaw_id_file *file) {
  if (!file) return;
  if (file->ids) munmap(file->ids, file->count * sizeof *file->ids);
  close(file->descriptor);
  free(file->folder);
  free(file);
}

size_t thaw_id_file_count(const thaw_id_file *file) {
  return file->count;
}

static thaw_status write_at(thaw_context *ctx, const thaw_id_file *file, const int32_t *ids,
                            size_t count, size_t place) {
  const char *bytes = (const char *)ids;
  size_t left = count * sizeof *ids;
  off_t offset = (off_t)(place * sizeof *ids);
  while (left > 0) {
    const ssize_t written = pwrite(file->descriptor, bytes, left, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return thaw_fail(ctx, THAW_FAILED,
                       "cannot write the text's ids to a temporary file in %s, after %zu MB: %s",
                       file->folder, (size_t)offset >> 20, strerror(written ? errno : ENOSPC));
    }
    bytes += written;
    left -= (size_t)written;
    offset += written;
  }
  return THAW_OK;
}

static thaw_status read_at(thaw_context *ctx, const thaw_id_file *file, int32_t *ids, size_t count,
                           size_t place) {
  char *bytes = (char *)ids;
  size_t left = count * sizeof *ids;
  off_t offset = (off_t)(place * sizeof *ids);
  while (left > 0) {
    const ssize_t got = pread(file->descriptor, bytes, left, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return thaw_fail(ctx, THAW_FAILED, "cannot read a temporary file in %s: %s", file->folder,
                       got ? strerror(errno) : "it is shorter than it was");
    }
    bytes += got;
    left -= (size_t)got;
    offset += got;
  }
  return THAW_OK;
}

thaw_status thaw_id_file_write(thaw_context *ctx, thaw_id_file *file, const int32_t *ids,
                               size_t count) {
  thaw_status status = write_at(ctx, file, ids, count, file->count);
  if (status == THAW_OK) file->count += count;
  return status;
}

thaw_status thaw_id_file_renumber(thaw_context *ctx, thaw_id_file *file, const int32_t *ids,
                                  size_t *unknown) {
  int32_t *block = malloc(BLOCK * sizeof *block);
  if (!block) return thaw_fail_memory(ctx, BLOCK * sizeof *block);
  thaw_status status = THAW_OK;
  *unknown = 0;
  for (size_t place = 0; place < file->count && status == THAW_OK; place += BLOCK) {
    const size_t left = file->count - place, count = left < BLOCK ? left : BLOCK;
    status = read_at(ctx, file, block, count, place);
    if (status) break;
    for (size_t i = 0; i < count; i++) {
      block[i] = ids[block[i]];
      *unknown += block[i] == 0;
    }
    status = write_at(ctx, file, block, count, place);
  }
  free(block);
  return status;
}

thaw_status thaw_id_file_map(thaw_context *ctx, thaw_id_file *file) {
  const size_t bytes = file->count * sizeof *file->ids;
  void *mapped = mmap(NULL, bytes, PROT_READ, MAP_SHARED, file->descriptor, 0);
  if (mapped == MAP_FAILED) {
    return thaw_fail(ctx, THAW_FAILED, "cannot map %zu MB of a temporary file in %s: %s",
                     bytes >> 20, file->folder, strerror(errno));
  }
  file->ids = mapped;
  return THAW_OK;
}

void thaw_id_file_forget(thaw_id_file *file) {
  if (file->ids) madvise(file->ids, file->count * sizeof *file->ids, MADV_DONTNEED);
}

int32_t *thaw_id_file_ids(const thaw_id_file *file) {
  return file->ids;
}
