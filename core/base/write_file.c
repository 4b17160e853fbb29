/* write_file.c: a file made of bytes in memory, which appears whole or not at all. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

thaw_status thaw_write_file(thaw_context *ctx, const char *path, const char *bytes, size_t count) {
  thaw_atomic_file *file = NULL;
  thaw_status status = thaw_atomic_begin(ctx, path, &file);
  if (status) return status;
  FILE *out = fopen(thaw_atomic_path(file), "wbe");
  bool ok = out && fwrite(bytes, 1, count, out) == count;
  if (out && fclose(out) != 0) ok = false;
  if (ok) return thaw_atomic_commit(ctx, file);
  status = thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(errno));
  thaw_atomic_abandon(file);
  return status;
}
