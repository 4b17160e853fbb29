/* run_model.h: the model in a finished run file, with all that it needs to meet new text: what
 * predictor, generator and evaluation share. */
#ifndef THAW_RUN_MODEL_H
#define THAW_RUN_MODEL_H

#include "config/experiment.h"
#include "store/runfile.h"
#include "tensor/tape.h"
#include "text/tokenizing.h"
#include "train/model.h"

typedef struct thaw_run_model {
  const thaw_experiment *experiment;
  const thaw_stage_config *stage; /* whose model it is */
  thaw_tokenizing *tokenizing;
  thaw_vocabulary *vocabulary;
  thaw_classes classes; /* of a classifier */
  thaw_model *model;
  thaw_tape *tape;
} thaw_run_model;

/* What a run file says about itself, without its data; NULL after a failure. */
thaw_status thaw_run_model_experiment(thaw_context *ctx, const thaw_run_file *run,
                                      thaw_registry *registry, thaw_experiment **experiment);

/* Loads the run's classifier, or its language model: the file's own, as in the stage cache, or one
 * that was kept (keep_weights), the last before the earlier ones. `experiment` is the run's and
 * outlives the model. THAW_INVALID: the run is not finished or has no such model; a plugin has
 * another version than the run's or makes another model. */
thaw_status thaw_run_model_classifier(thaw_context *ctx, const thaw_run_file *run,
                                      const thaw_experiment *experiment, thaw_run_model *model);
thaw_status thaw_run_model_language_model(thaw_context *ctx, const thaw_run_file *run,
                                          const thaw_experiment *experiment, thaw_run_model *model);
void thaw_run_model_free(thaw_run_model *model); /* frees the content; may be all zero */

#endif
