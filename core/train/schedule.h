/* schedule.h: a chain of schedule plugins: the rate of every rate group, and the momentum, at every
 * step.
 *
 * Each schedule of the chain sees the moment as the views of all others make it, one after the
 * other in the chain's order; what they answer is multiplied. */
#ifndef THAW_SCHEDULE_H
#define THAW_SCHEDULE_H

#include "config/experiment.h"

/* The steps of a training and the rate groups that it trains. */
typedef struct thaw_timetable {
  const int64_t *epoch_steps; /* [epochs + 1]: the first step of each epoch; last, their number */
  int64_t epochs;
  const char *const *group_names; /* [groups] */
  int64_t groups;
} thaw_timetable;

/* A step's moment for a group. */
thaw_moment thaw_timetable_moment(const thaw_timetable *table, int64_t step, int64_t group);

/* The product of the chain's multipliers times the stage's base rate. A multiplier that is negative
 * or not finite is the plugin's mistake: THAW_FAILED, naming it and the moment. */
thaw_status thaw_schedule_rate(thaw_context *ctx, const thaw_stage_config *stage,
                               const thaw_moment *moment, double *rate);
/* The momentum that the chain asks for, negative where it asks for none. THAW_INVALID: two of the
 * chain ask for one; THAW_FAILED: it is 1 or more, or not finite. */
thaw_status thaw_schedule_momentum(thaw_context *ctx, const thaw_stage_config *stage,
                                   const thaw_moment *moment, double *momentum);

/* Does the chain fit the training? THAW_INVALID: a schedule's own check says no; two decide the
 * same, or both say something about momentum; or there is an epoch in which nothing is trained.
 * `place` receives where in the config the message belongs: "stages.classify.schedule.1"; `space`
 * bytes. */
thaw_status thaw_schedule_check(thaw_context *ctx, const thaw_stage_config *stage,
                                const thaw_timetable *table, char *place, size_t space);

#endif
