/* plan.h: what a run would do: nothing is trained. */
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
} thaw_group_plan;

typedef struct thaw_stage_plan {
  const char *stage, *state; /* state: "finished", "begun", "to train", "not needed" */
  const char *data;
  size_t documents, tokens, vocabulary, classes, parameters;
  int64_t epochs, steps;
  size_t bytes; /* of memory while it trains; measured on its first step */
  thaw_group_plan *groups;
  size_t group_count;
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
