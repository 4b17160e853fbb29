/* folder.c: see folder.h. */
#include "folder.h"

#include <check.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

char *make_folder(void) {
  const char *base = getenv("TMPDIR");
  char *folder = thaw_path_join(base && *base ? base : "/tmp", "thaw-comparison-XXXXXX");
  ck_assert(folder && mkdtemp(folder));
  return folder;
}

void remove_folder(char *folder) {
  char *const paths[] = {folder, NULL};
  FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  const FTSENT *here;
  while ((here = fts_read(walk))) {
    if (here->fts_info != FTS_D) remove(here->fts_path);
  }
  fts_close(walk);
  free(folder);
}

thaw_status compare_folder(thaw_context *ctx, const char *folder,
                           const thaw_comparison_options *options, thaw_comparison **comparison) {
  const thaw_listed_run *files;
  size_t count;
  thaw_arena *arena = thaw_arena_create();
  ck_assert_ptr_nonnull(arena);
  thaw_status status = thaw_runs_list(ctx, arena, 1, &folder, &files, &count);
  if (status == THAW_OK) status = thaw_comparison_read_some(ctx, files, count, options, comparison);
  thaw_arena_free(arena);
  return status;
}
