/* evaluation.h: how well a finished run does on new data. */
#ifndef THAW_EVALUATION_H
#define THAW_EVALUATION_H

#include "experiment/predictor.h"
#include "experiment/run_model.h"

/* Predictions for the labelled documents of a source, with their classes, in the order of the
 * source; free them. THAW_INVALID, with file and line: a document without a label, or with one that
 * is not among the run's classes, which the message lists. */
thaw_status thaw_evaluate_classifier(thaw_context *ctx, thaw_predictor *predictor,
                                     const thaw_source *source, thaw_predictions **predictions);

typedef struct thaw_text_score {
  size_t documents, tokens; /* with a token for the start of each document */
  size_t unknown;           /* of the tokens */
  double loss;              /* mean −log p of a token; its exponential is the perplexity */
} thaw_text_score;

/* How well a language model foretells the text of a source. It is read in order, in at most as many
 * streams as in training and each at least 1,000 tokens long, so that little context is lost. */
thaw_status thaw_evaluate_language_model(thaw_context *ctx, const thaw_run_model *model,
                                         const thaw_source *source, thaw_text_score *score);

#endif
