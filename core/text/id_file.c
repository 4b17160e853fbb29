/* id_file.c: see id_file.h. */
#include "text/id_file.h"

#include <stdlib.h>

#include "base/context.h"
#include "base/unnamed_file.h"

enum { BLOCK = 1 << 16 }; /* ids that are renumbered at a time */

struct thaw_id_file {
  thaw_unnamed_file *file;
  size_t count;
  int32_t *ids; /* mapped; NULL: not yet */
};

thaw_status thaw_id_file_create(thaw_context *ctx, const char *folder, thaw_id_file **result) {
  thaw_id_file *file = calloc(1, sizeof *file);
  *result = file;
  if (!file) return thaw_fail_memory(ctx, sizeof *file);
  const thaw_status status = thaw_unnamed_create(ctx, folder, "the text's ids", &file->file);
  if (status == THAW_OK) return THAW_OK;
  free(file);
  *result = NULL;
  return status;
}

void thaw_id_file_free(thaw_id_file *file) {
  if (!file) return;
  thaw_unnamed_free(file->file);
  free(file);
}

size_t thaw_id_file_count(const thaw_id_file *file) {
  return file->count;
}

thaw_status thaw_id_file_write(thaw_context *ctx, thaw_id_file *file, const int32_t *ids,
                               size_t count) {
  const thaw_status status =
      thaw_unnamed_write(ctx, file->file, ids, count * sizeof *ids, file->count * sizeof *ids);
  if (status == THAW_OK) file->count += count;
  return status;
}

thaw_status thaw_id_file_renumber(thaw_context *ctx, thaw_id_file *file, const int32_t *ids,
                                  size_t *unknown) {
  int32_t *block = malloc(BLOCK * sizeof *block);
  if (!block) return thaw_fail_memory(ctx, BLOCK * sizeof *block);
  thaw_status status = THAW_OK;
  *unknown = 0;
  for (size_t first = 0; first < file->count && status == THAW_OK; first += BLOCK) {
    const size_t left = file->count - first, count = left < BLOCK ? left : BLOCK;
    const size_t bytes = count * sizeof *block, place = first * sizeof *block;
    status = thaw_unnamed_read(ctx, file->file, block, bytes, place);
    if (status) break;
    for (size_t i = 0; i < count; i++) {
      block[i] = ids[block[i]];
      *unknown += block[i] == 0;
    }
    status = thaw_unnamed_write(ctx, file->file, block, bytes, place);
  }
  free(block);
  return status;
}

thaw_status thaw_id_file_map(thaw_context *ctx, thaw_id_file *file) {
  void *mapped = NULL;
  const thaw_status status =
      thaw_unnamed_map(ctx, file->file, file->count * sizeof *file->ids, &mapped);
  if (status == THAW_OK) file->ids = mapped;
  return status;
}

void thaw_id_file_forget(thaw_id_file *file) {
  thaw_unnamed_forget(file->file);
}

int32_t *thaw_id_file_ids(const thaw_id_file *file) {
  return file->ids;
}
