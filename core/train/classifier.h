/* classifier.h: predicting a document's class, once. */
#ifndef THAW_CLASSIFIER_H
#define THAW_CLASSIFIER_H

#include "train/training.h"

extern const thaw_task thaw_classifier_task;

/* How documents are classified. */
typedef struct thaw_classifier {
  const thaw_model *model;
  const void *encoder_settings, *head_settings;
  size_t batch;      /* documents at once; does not change results */
  size_t max_length; /* of longer ones the max_length tokens that are read last */
} thaw_classifier;

/* Class probabilities of every document; `predictions` has the corpus' count and receives gold
 * labels, most probable classes and probabilities. `loss` (may be NULL) receives the mean of −log
 * p[gold] over the documents with a label. */
thaw_status thaw_classify(thaw_context *ctx, const thaw_classifier *classifier, thaw_tape *tape,
                          const thaw_corpus *corpus, thaw_predictions *predictions, double *loss);

#endif
