/* schedule.c: see schedule.h. */
#include "train/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

thaw_moment thaw_timetable_moment(const thaw_timetable *table, int64_t step, int64_t group) {
  const int64_t *from = table->epoch_steps;
  int64_t low = 0, high = table->epochs;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    if (from[middle] <= step)
      low = middle;
    else
      high = middle;
  }
  return (thaw_moment){.step = step,
                       .steps = from[table->epochs],
                       .steps_per_epoch = from[low + 1] - from[low],
                       .epoch = low,
                       .epochs = table->epochs,
                       .group = group,
                       .groups = table->groups,
                       .group_name = table->group_names[group],
                       .epoch_steps = from};
}

static const thaw_plugin_descriptor *plugin_of(const thaw_stage_config *stage, size_t i) {
  return stage->schedule[i].plugin->descriptor;
}

static const thaw_schedule *schedule_of(const thaw_stage_config *stage, size_t i) {
  return plugin_of(stage, i)->api.schedule;
}

/* What number `i` of the chain sees. */
static thaw_moment seen_by(const thaw_stage_config *stage, size_t i, const thaw_moment *moment) {
  thaw_moment seen = *moment;
  for (size_t other = 0; other < stage->schedule_count; other++) {
    if (other == i || !schedule_of(stage, other)->view) continue;
    const thaw_moment before = seen;
    schedule_of(stage, other)->view(stage->schedule[other].settings, &before, &seen);
  }
  return seen;
}

/* ---- Rates and momentum --------------------------------------------------------------------- */

thaw_status thaw_schedule_rate(thaw_context *ctx, const thaw_stage_config *stage,
                               const thaw_moment *moment, double *rate) {
  double product = stage->optimizer.lr;
  for (size_t i = 0; i < stage->schedule_count; i++) {
    const thaw_moment seen = seen_by(stage, i, moment);
    double factor = schedule_of(stage, i)->multiplier(stage->schedule[i].settings, &seen);
    if (!isfinite(factor) || factor < 0)
      return thaw_fail(ctx, THAW_FAILED,
                       "stage %s: the schedule %s gives the multiplier %g at step %" PRId64
                       " for group %" PRId64 " of %" PRId64 "; it must be finite and not negative",
                       stage->name, plugin_of(stage, i)->name, factor, moment->step, moment->group,
                       moment->groups);
    product *= factor;
  }
  *rate = product;
  return THAW_OK;
}

/* As thaw_schedule_momentum; `by` receives which of the chain has said it. */
static thaw_status find_momentum(thaw_context *ctx, const thaw_stage_config *stage,
                                 const thaw_moment *moment, double *momentum, size_t *by) {
  *momentum = -1;
  for (size_t i = 0; i < stage->schedule_count; i++) {
    if (!schedule_of(stage, i)->momentum) continue;
    const thaw_moment seen = seen_by(stage, i, moment);
    const double said = schedule_of(stage, i)->momentum(stage->schedule[i].settings, &seen);
    if (said < 0) continue;
    if (!(said < 1))
      return thaw_fail(ctx, THAW_FAILED,
                       "stage %s: the schedule %s gives the momentum %g at step %" PRId64
                       "; it must be less than 1",
                       stage->name, plugin_of(stage, i)->name, said, moment->step);
    if (*momentum >= 0) {
      const size_t first = *by;
      *by = i;
      return thaw_fail(ctx, THAW_INVALID,
                       "two schedules of the chain set the momentum (at step %" PRId64
                       " %s %g, and %s %g): only one may",
                       moment->step, plugin_of(stage, first)->name, *momentum,
                       plugin_of(stage, i)->name, said);
    }
    *momentum = said;
    *by = i;
  }
  return THAW_OK;
}

thaw_status thaw_schedule_momentum(thaw_context *ctx, const thaw_stage_config *stage,
                                   const thaw_moment *moment, double *momentum) {
  size_t by = 0;
  return find_momentum(ctx, stage, moment, momentum, &by);
}

/* ---- Checking ------------------------------------------------------------------------------- */

/* Adds the groups to the message that is there. */
static thaw_status add_groups(thaw_context *ctx, thaw_status status, const thaw_timetable *table) {
  thaw_buffer text = {0};
  bool ok =
      thaw_buffer_format(&text, "%s; the groups, from the input to the output: ", thaw_error(ctx));
  for (int64_t g = 0; g < table->groups && ok; g++)
    ok = thaw_buffer_format(&text, "%s%s", g ? ", " : "", table->group_names[g]);
  if (ok) thaw_fail(ctx, status, "%s", text.data);
  thaw_buffer_free(&text);
  return status;
}

static thaw_status check_alone(thaw_context *ctx, const thaw_stage_config *stage,
                               const thaw_timetable *table, size_t i) {
  const thaw_schedule_scope scope = {.group_names = table->group_names,
                                     .groups = table->groups,
                                     .epochs = table->epochs,
                                     .steps = table->epoch_steps[table->epochs]};
  if (!schedule_of(stage, i)->check) return THAW_OK;
  const thaw_status status = schedule_of(stage, i)->check(stage->schedule[i].settings, &scope, ctx);
  return status ? add_groups(ctx, status, table) : THAW_OK;
}

static thaw_status check_decisions(thaw_context *ctx, const thaw_stage_config *stage, size_t i) {
  const char *decides = schedule_of(stage, i)->decides;
  for (size_t before = 0; before < i && decides; before++) {
    const char *decided = schedule_of(stage, before)->decides;
    if (!decided || strcmp(decided, decides) != 0) continue;
    return thaw_fail(ctx, THAW_INVALID,
                     "%s and %s contradict each other: both decide %s; leave one of them out",
                     plugin_of(stage, before)->name, plugin_of(stage, i)->name, decides);
  }
  return THAW_OK;
}

/* Is anything trained at this step? */
static thaw_status find_trained(thaw_context *ctx, const thaw_stage_config *stage,
                                const thaw_timetable *table, int64_t step, bool *trained) {
  thaw_status status = THAW_OK;
  for (int64_t g = 0; g < table->groups && !*trained && status == THAW_OK; g++) {
    const thaw_moment moment = thaw_timetable_moment(table, step, g);
    double rate = 0;
    status = thaw_schedule_rate(ctx, stage, &moment, &rate);
    *trained = rate > 0;
  }
  return status;
}

/* The first step does not count: a warmup may begin at 0. */
static thaw_status check_epoch(thaw_context *ctx, const thaw_stage_config *stage,
                               const thaw_timetable *table, int64_t epoch) {
  const int64_t begin = table->epoch_steps[epoch], end = table->epoch_steps[epoch + 1];
  bool trained = begin == 0 && end == 1;
  thaw_status status = THAW_OK;
  for (int64_t step = begin > 0 ? begin : 1; step < end && !trained && status == THAW_OK; step++)
    status = find_trained(ctx, stage, table, step, &trained);
  if (status || trained) return status;
  thaw_buffer chain = {0};
  for (size_t i = 0; i < stage->schedule_count; i++)
    thaw_buffer_format(&chain, "%s%s", i ? ", " : "", plugin_of(stage, i)->name);
  status = thaw_fail(ctx, THAW_INVALID,
                     "no group is trained in epoch %" PRId64 " of %" PRId64
                     ": what the chain (%s) thaws and what it freezes contradict each other",
                     epoch + 1, table->epochs, chain.data ? chain.data : "");
  thaw_buffer_free(&chain);
  return add_groups(ctx, status, table);
}

static thaw_status check_momentum(thaw_context *ctx, const thaw_stage_config *stage,
                                  const thaw_timetable *table, size_t *by) {
  const int64_t steps = table->epoch_steps[table->epochs];
  size_t speakers = 0;
  for (size_t i = 0; i < stage->schedule_count; i++)
    speakers += schedule_of(stage, i)->momentum != NULL;
  thaw_status status = THAW_OK;
  for (int64_t step = 0; speakers > 0 && step < steps && status == THAW_OK; step++) {
    const thaw_moment moment = thaw_timetable_moment(table, step, table->groups - 1);
    double momentum;
    status = find_momentum(ctx, stage, &moment, &momentum, by);
  }
  return status;
}

thaw_status thaw_schedule_check(thaw_context *ctx, const thaw_stage_config *stage,
                                const thaw_timetable *table, char *place, size_t space) {
  thaw_status status = THAW_OK;
  size_t at = 0;
  for (size_t i = 0; i < stage->schedule_count && status == THAW_OK; i++) {
    at = i;
    status = check_alone(ctx, stage, table, i);
    if (status == THAW_OK) status = check_decisions(ctx, stage, i);
  }
  if (status == THAW_OK) status = check_momentum(ctx, stage, table, &at);
  snprintf(place, space, "stages.%s.schedule.%zu", stage->name, at);
  if (status) return status;
  snprintf(place, space, "stages.%s.schedule", stage->name);
  for (int64_t epoch = 0; epoch < table->epochs && status == THAW_OK; epoch++)
    status = check_epoch(ctx, stage, table, epoch);
  return status;
}
