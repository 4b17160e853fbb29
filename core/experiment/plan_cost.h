/* plan_cost.h: what a stage that is due costs: its steps and evaluations as measured, and the files
 * that it writes by their size. */
#ifndef THAW_PLAN_COST_H
#define THAW_PLAN_COST_H

#include "experiment/plan.h"
#include "experiment/stages.h"

/* Adds the seconds, and notes the bytes, that the training needs from where it stands to the
 * stage's end. The training is spent afterwards. `plan` has the stage's numbers of steps and
 * groups. */
thaw_status thaw_plan_cost(thaw_context *ctx, const thaw_stages *stages,
                           const thaw_run_options *options, const thaw_stage_work *work,
                           thaw_training *training, thaw_stage_plan *plan);

#endif
