/* plan_plot.h: a stage's schedule as a picture: the rate of every group over the steps, the
 * momentum where it moves, and which groups are trained when. */
#ifndef THAW_PLAN_PLOT_H
#define THAW_PLAN_PLOT_H

#include "experiment/plan.h"

/* Writes the picture as SVG. */
thaw_status thaw_plan_plot(thaw_context *ctx, const thaw_stage_plan *plan, const char *path);

#endif
