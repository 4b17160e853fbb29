/* run_list.h: the run files that a command line means. */
#ifndef THAW_RUN_LIST_H
#define THAW_RUN_LIST_H

#include "base/arena.h"
#include "thaw/base.h"

typedef struct thaw_listed_run {
  const char *path;
  bool found; /* in a folder; otherwise it was named by itself */
} thaw_listed_run;

/* `operands` are files, in their order, and folders, each of which stands for all *.h5 below it,
 * sorted by name; hidden files and folders are left out. A file comes once, however often it is
 * meant. The list lives in the arena. THAW_INVALID: a file or folder that is not there or cannot be
 * read, or no file at all. */
thaw_status thaw_runs_list(thaw_context *ctx, thaw_arena *arena, size_t operand_count,
                           const char *const *operands, const thaw_listed_run **runs,
                           size_t *count);

#endif
