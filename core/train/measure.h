/* measure.h: what the rest of a training will cost, found by trying a few of its steps here.
 *
 * Time. A step's time depends on its batch's size, time × batch, and on the groups that are frozen.
 * Batches of up to five sizes of one epoch, from the smallest to the largest, are tried with the
 * most groups trained; between them lie straight lines, by which the time of every batch of the
 * epoch is read off; epochs are alike. Then each other set of trained groups that the schedule
 * comes to is tried on a batch of about the mean size, and its steps take that share of the time.
 * Every batch is tried as a step of its own, also where a step takes several: then the optimizer's
 * part is counted once a batch. Training is taken to go on to its last epoch, patience or not, and
 * NT-ASGD to average from now on.
 * An evaluation is read off in the same way from forward passes over batches of its own corpus.
 *
 * Memory. It is looked at after the step on the largest batch, and after the largest evaluation.
 * Where a batch would take more than about two seconds it is not tried: time and memory go on in a
 * straight line from the two largest that were. */
#ifndef THAW_MEASURE_H
#define THAW_MEASURE_H

#include "train/training.h"

/* A corpus that is evaluated `times` times in what is left of the training, or after it. */
typedef struct thaw_evaluation {
  const thaw_corpus *corpus;
  int64_t times;
} thaw_evaluation;

typedef struct thaw_cost {
  double seconds;
  size_t bytes; /* the largest resident size of this process; 0 where it is not known */
} thaw_cost;

/* What the training costs from where it stands to its end, with its evaluations. The weights move:
 * afterwards the training is good for nothing but more measurements. Without the copy of the best
 * epoch's weights, and without what writing files takes. */
thaw_status thaw_training_measure(thaw_context *ctx, thaw_training *training,
                                  const thaw_evaluation *evaluations, size_t evaluation_count,
                                  thaw_cost *cost);

#endif
