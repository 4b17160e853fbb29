/* runfile_verify.c: is a run file all that was written? The seal vouches for everything but weights
 * and checkpoint arrays, which have checksums of their own and are compared when they are read. */
#include <stdlib.h>
#include <string.h>

#include "store/runfile.h"

static thaw_status verify_weights(thaw_context *ctx, const thaw_run_file *run, const char *stage) {
  thaw_params *params = NULL;
  const thaw_status status = thaw_run_weights(ctx, run, stage, &params);
  thaw_params_free(params);
  return status;
}

static thaw_status verify_kept(thaw_context *ctx, const thaw_run_file *run) {
  char *stages = thaw_run_stages(run), *rest = stages;
  thaw_status status = stages ? THAW_OK : thaw_fail_memory(ctx, 0);
  while (status == THAW_OK && rest && *rest) {
    const char *stage = strsep(&rest, ",");
    status = verify_weights(ctx, run, stage);
    if (rest) rest += strspn(rest, " ");
  }
  free(stages);
  return status;
}

thaw_status thaw_run_verify(thaw_context *ctx, const char *path) {
  thaw_run_file *run;
  thaw_state state = {0};
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status != THAW_OK) return status;
  if (thaw_run_has_stage(run, NULL)) status = verify_weights(ctx, run, NULL);
  if (status == THAW_OK) status = verify_kept(ctx, run);
  if (status == THAW_OK) status = thaw_run_state(ctx, run, &state);
  thaw_state_free(&state);
  thaw_run_close(run);
  return status;
}
