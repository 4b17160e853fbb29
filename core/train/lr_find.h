/* lr_find.h: the learning rate range test: a stage's steps at rates that rise exponentially, and
 * what the losses say about a good rate.
 *
 * Smith 2017 (arXiv 1506.01186), section 3.3, as fastai 2's lr_find has it: losses are smoothed
 * exponentially (0.98, without bias), and the test ends when the smoothed loss is more than 4 times
 * the best one. */
#ifndef THAW_LR_FIND_H
#define THAW_LR_FIND_H

#include "train/training.h"

typedef struct thaw_lr_point {
  double rate; /* base rate */
  double loss; /* mean over the step's targets, without penalties */
  double smooth;
} thaw_lr_point;

typedef struct thaw_lr_options {
  double from, to; /* base rates of the first step and the last one; 0 < from < to */
  int64_t steps;   /* at least 2 */
  FILE *progress;  /* NULL: none */
} thaw_lr_options;

/* Rates that the losses suggest; NaN where the smoothed loss does not fall. The first tenth of the
 * steps and the last five count for nothing, as in fastai. */
typedef struct thaw_lr_suggestion {
  double valley;   /* half way down the longest fall: fastai's valley, its default */
  double steepest; /* where the loss falls fastest with the logarithm of the rate: fastai's steep */
} thaw_lr_suggestion;

typedef struct thaw_lr_curve {
  thaw_lr_point *points;
  size_t count;
  bool diverged; /* it ended before the last step */
  thaw_lr_suggestion suggestion;
} thaw_lr_curve;

/* Takes the steps on the training's own batches, from the first one on, as often as it takes. Each
 * group has its share of the base rate: the highest that the schedule ever gives it. The weights
 * move: afterwards the training is good for nothing. THAW_INTERRUPTED when asked to stop;
 * THAW_FAILED among others where the first loss is not finite. */
thaw_status thaw_lr_find(thaw_context *ctx, thaw_training *training, const thaw_lr_options *options,
                         thaw_lr_curve *curve);
void thaw_lr_curve_free(thaw_lr_curve *curve); /* frees the content */

/* What the points of a test that was to have so many steps suggest. */
thaw_status thaw_lr_suggest(thaw_context *ctx, const thaw_lr_point *points, size_t count,
                            int64_t steps, thaw_lr_suggestion *suggestion);
/* The next smoothed loss of `count` so far; `*mean`, at first 0, is kept between calls. */
double thaw_lr_smooth(double *mean, size_t count, double loss);
/* Has the loss exploded? `*best` is kept between calls, at first infinite. */
bool thaw_lr_diverges(double *best, double smooth);

#endif
