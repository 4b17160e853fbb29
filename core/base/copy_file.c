/* copy_file.c: a copy of a file that appears whole or not at all. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

/* False, with errno, when reading or writing fails. */
static bool copy_bytes(FILE *from, FILE *to) {
  char bytes[1 << 16];
  size_t count;
  while ((count = fread(bytes, 1, sizeof bytes, from)) > 0) {
    if (fwrite(bytes, 1, count, to) != count) return false;
  }
  return !ferror(from) && fflush(to) == 0;
}

thaw_status thaw_copy_file(thaw_context *ctx, const char *from, const char *to) {
  thaw_atomic_file *file = NULL;
  FILE *in = fopen(from, "rbe");
  if (!in) return thaw_fail(ctx, THAW_FAILED, "cannot read %s: %s", from, strerror(errno));
  thaw_status status = thaw_atomic_begin(ctx, to, &file);
  if (status == THAW_OK) {
    FILE *out = fopen(thaw_atomic_path(file), "wbe");
    bool ok = out && copy_bytes(in, out);
    if (out && fclose(out) != 0) ok = false;
    if (ok) {
      status = thaw_atomic_commit(ctx, file);
    } else {
      status = thaw_fail(ctx, THAW_FAILED, "cannot copy %s to %s: %s", from, to, strerror(errno));
      thaw_atomic_abandon(file);
    }
  }
  fclose(in);
  return status;
}
