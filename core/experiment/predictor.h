/* predictor.h: a finished classifier, from its run file alone, at work on new text; or several
 * whose run averages them, from their run files. */
#ifndef THAW_PREDICTOR_H
#define THAW_PREDICTOR_H

#include "config/experiment.h"
#include "text/corpus.h"
#include "train/record.h"

typedef struct thaw_predictor thaw_predictor;

/* Loads the run's tokenizer, vocabulary, weights and classes. THAW_INVALID: no run file, not
 * finished, no classifier, a plugin that is missing or has another version than the run's. */
thaw_status thaw_predictor_open(thaw_context *ctx, const char *path, thaw_registry *registry,
                                thaw_predictor **predictor);
void thaw_predictor_free(thaw_predictor *predictor);
/* The run's experiment, of an average that of its first run. */
const thaw_experiment *thaw_predictor_experiment(const thaw_predictor *predictor);
const thaw_classes *thaw_predictor_classes(const thaw_predictor *predictor);

/* Adds a text to the documents that wait. */
thaw_status thaw_predictor_add(thaw_context *ctx, thaw_predictor *predictor, const char *text,
                               size_t bytes);
size_t thaw_predictor_waiting(const thaw_predictor *predictor);
/* Classifies those that wait, in their order; free the predictions. */
thaw_status thaw_predictor_run(thaw_context *ctx, thaw_predictor *predictor,
                               thaw_predictions **predictions);

#endif
