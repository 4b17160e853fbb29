/* plan.h: what a run would do, how long it would take and how much memory: nothing is trained, and
 * nothing is written.
 *
 * The plan goes the way of the run: the same data are read, the same models made, and a few steps
 * of every stage that is due are taken (train/measure.h), so that time and memory are those of this
 * machine. */
#ifndef THAW_PLAN_H
#define THAW_PLAN_H

#include "experiment/run.h"

enum { THAW_PLAN_POINTS = 60 };

/* A rate group of a stage. */
typedef struct thaw_group_plan {
  char *name;
  size_t parameters;              /* trained numbers */
  double highest;                 /* rate */
  double rates[THAW_PLAN_POINTS]; /* at evenly spaced steps, from the first to the last */
  double *curve;                  /* [curve_count] rates at the stage's curve_steps */
} thaw_group_plan;

typedef struct thaw_stage_plan {
  const char *stage, *state; /* state: "finished", "begun", "to train", "not needed" */
  const char *data;
  size_t documents, tokens, vocabulary, classes, parameters;
  int64_t epochs, steps;
  /* What is left of it, reading its data included; 0 where nothing is left: */
  double seconds;
  size_t bytes; /* the largest resident size of the process */
  thaw_group_plan *groups;
  size_t group_count;
  /* For a picture: at every step, or at 1,000 evenly spaced ones; the last one's values stand once
   * more for the end of the stage. */
  double *curve_steps, *momentum; /* [curve_count]; momentum NULL: the optimizer's own */
  size_t curve_count;
} thaw_stage_plan;

typedef struct thaw_plan {
  char *output; /* the run file */
  thaw_stage_plan stages[THAW_STAGE_KINDS];
  size_t count;
} thaw_plan;

/* Reads all data, as the run would; the experiment outlives the plan. */
thaw_status thaw_plan_experiment(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_run_options *options, thaw_plan *plan);
void thaw_plan_free(thaw_plan *plan); /* frees the content */

#endif
