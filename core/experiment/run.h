/* run.h: one run, from its config to its run file.
 *
 * The stages that the last one needs are trained in order, each at most once: finished ones come
 * from the stage cache. All data are read and checked before anything is trained. */
#ifndef THAW_RUN_H
#define THAW_RUN_H

#include <stdio.h>

#include "config/experiment.h"

typedef struct thaw_run_options {
  const char *cache;         /* folder of the stage cache; NULL: see store/cache.h */
  const char *output;        /* the run file; NULL: FOLDER/NAME/sSEED-KEY.h5 */
  const char *folder;        /* of run files; NULL: "runs" */
  double checkpoint_seconds; /* between checkpoints */
  FILE *progress;            /* NULL: none */
  const char *until;         /* trains the stages up to that of this name alone: a language model
                                stays in the stage cache, without a run file; NULL: all stages */
} thaw_run_options;

typedef struct thaw_run_outcome {
  char *path; /* of the run file, with `until` of the stage's; malloc'ed */
  bool found; /* it was finished already */
} thaw_run_outcome;

/* THAW_INTERRUPTED: where training had begun a checkpoint was written; the same call goes on from
 * there and ends in the same bits. */
thaw_status thaw_run_experiment(thaw_context *ctx, const thaw_experiment *experiment,
                                const thaw_run_options *options, thaw_run_outcome *outcome);
void thaw_run_outcome_free(thaw_run_outcome *outcome);

#endif
