/* metrics.h: how good predictions are.
 *
 * Both the trainer, after every epoch, and the comparison of finished runs count here, so that a
 * number means the same in every table. */
#ifndef THAW_METRICS_H
#define THAW_METRICS_H

#include "thaw/base.h"

typedef struct thaw_scores {
  size_t count;    /* documents whose class is known */
  size_t correct;  /* of them */
  double accuracy; /* NaN when count is 0 */
  /* The mean of the classes' F1 over the classes that occur among the gold or the predicted ones,
   * as in scikit-learn: a class that is nowhere says nothing. NaN when count is 0. */
  double macro_f1;
} thaw_scores;

/* `gold` [count] may hold −1, unknown: such documents do not count. THAW_INVALID when any other
 * number is not below `classes`. */
thaw_status thaw_score(thaw_context *ctx, const int32_t *gold, const int32_t *predicted,
                       size_t count, size_t classes, thaw_scores *scores);

/* How well one class is told from the others. */
typedef struct thaw_class_scores {
  size_t gold, predicted, correct; /* documents */
  double precision, recall, f1;    /* NaN where the divisor is 0 */
} thaw_class_scores;
/* The same for each class; `scores` [classes]. */
thaw_status thaw_score_classes(thaw_context *ctx, const int32_t *gold, const int32_t *predicted,
                               size_t count, size_t classes, thaw_class_scores *scores);

/* −log of the probability of a document's class, at most 87.3: of a probability that was rounded to
 * 0 no more is known than that it is below what a float can hold. */
double thaw_prediction_loss(const float *probabilities, int32_t gold);
/* Its mean over the documents with a class; NaN when there are none. `probabilities`
 * [count][classes]. */
double thaw_mean_loss(const int32_t *gold, const float *probabilities, size_t count,
                      size_t classes);

/* How often class g was predicted as class p: `confusion` [classes][classes], gold in rows, is
 * cleared first. */
thaw_status thaw_confusion(thaw_context *ctx, const int32_t *gold, const int32_t *predicted,
                           size_t count, size_t classes, size_t *confusion);

#endif
