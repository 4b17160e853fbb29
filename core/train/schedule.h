/* schedule.h: a chain of schedule plugins: the rate of every rate group at every step. */
#ifndef THAW_SCHEDULE_H
#define THAW_SCHEDULE_H

#include "config/experiment.h"

/* The product of the chain's multipliers times the stage's base rate. A multiplier that is negative
 * or not finite is the plugin's mistake: THAW_FAILED, naming it and the moment. */
thaw_status thaw_schedule_rate(thaw_context *ctx, const thaw_stage_config *stage,
                               const thaw_moment *moment, double *rate);

#endif
