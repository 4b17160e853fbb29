/* schedule.c: see schedule.h. */
#include "train/schedule.h"

#include <inttypes.h>
#include <math.h>

thaw_status thaw_schedule_rate(thaw_context *ctx, const thaw_stage_config *stage,
                               const thaw_moment *moment, double *rate) {
  double product = stage->optimizer.lr;
  for (size_t i = 0; i < stage->schedule_count; i++) {
    const thaw_plugin_descriptor *plugin = stage->schedule[i].plugin->descriptor;
    double factor = plugin->api.schedule->multiplier(stage->schedule[i].settings, moment);
    if (!isfinite(factor) || factor < 0)
      return thaw_fail(ctx, THAW_FAILED,
                       "stage %s: the schedule %s gives the multiplier %g at step %" PRId64
                       " for group %" PRId64 " of %" PRId64 "; it must be finite and not negative",
                       stage->name, plugin->name, factor, moment->step, moment->group,
                       moment->groups);
    product *= factor;
  }
  *rate = product;
  return THAW_OK;
}
