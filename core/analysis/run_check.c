/* run_check.c: see run_check.h. */
#include "analysis/run_check.h"

#include "analysis/run_summary.h"
#include "base/context.h"
#include "store/runfile.h"

static thaw_status check_all(thaw_context *ctx, thaw_arena *arena, const thaw_listed_run *files,
                             size_t count, thaw_table *faults) {
  for (size_t i = 0; i < count; i++) {
    if (thaw_interrupted(ctx))
      return thaw_fail(ctx, THAW_INTERRUPTED, "%zu of %zu run files were checked", i, count);
    const thaw_status status = thaw_run_verify(ctx, files[i].path);
    if (status == THAW_OK) continue;
    if (status == THAW_INTERRUPTED) return status;
    thaw_table_text(faults, files[i].path);
    thaw_table_text(faults, thaw_run_fault(ctx, arena, files[i].path));
  }
  return THAW_OK;
}

thaw_status thaw_runs_check(thaw_context *ctx, thaw_arena *arena, const thaw_listed_run *files,
                            size_t count, thaw_table **faults) {
  *faults = thaw_table_create();
  if (!*faults) return thaw_fail_memory(ctx, 0);
  thaw_table_column(*faults, "file");
  thaw_table_column(*faults, "what is wrong");
  const thaw_status status = check_all(ctx, arena, files, count, *faults);
  if (status == THAW_OK) return THAW_OK;
  thaw_table_free(*faults);
  *faults = NULL;
  return status;
}
