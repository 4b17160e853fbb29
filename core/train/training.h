/* training.h: one stage's training: epochs of steps, validation after each, checkpoints in between.
 *
 * The loop is the same for a language model and a classifier; a thaw_task says how a batch becomes
 * a loss and what is measured after an epoch (language_model.h, classifier.h).
 *
 * Random numbers of a step depend on the stage's seed and the step's number alone, batches on the
 * epoch's. So the members of thaw_training that are marked as state are all that a checkpoint needs
 * for the rest of the training to end in the same bits.
 *
 * A step may take several batches (stage->accumulate): the gradient is then the mean of theirs, by
 * the weight of their targets, as that of one batch of all their documents would be, but that
 * dropout and batch norm see each batch alone. Schedules, the tables of metrics and whatever else
 * says "step" count these steps; an epoch's last one has what batches are left.
 *
 * The best epoch is the one with the highest validation accuracy, of equal ones the one with the
 * lowest validation loss; a language model's is the one with the lowest validation loss. Training
 * ends early when stage->patience epochs have passed since.
 *
 * With NT-ASGD, once weights are averaged (optimizer.h), the averages are what is validated and
 * what the training ends with, as the best epoch's and as the last one's. Averaging begins after an
 * epoch whose validation loss is above the lowest of those more than n epochs before it.
 *
 * The series says after every epoch how far each parameter group is from the values that the model
 * had when its training was created: those that were taken over, or else drawn; of new words of an
 * embedding the mean that they started at. It is the distance of the weights that are validated:
 * the averages, once there are some. That of the weights that the stage ends with stands in the row
 * of the best epoch, or of the last one, as `keep` says. A checkpoint need not hold the first
 * values: whoever resumes creates the same model again, and puts the checkpoint into it after the
 * training has been created. */
#ifndef THAW_TRAINING_H
#define THAW_TRAINING_H

#include <stdio.h>

#include "plugin/carry.h"
#include "tensor/tape.h"
#include "text/batch.h"
#include "train/distance.h"
#include "train/optimizer.h"
#include "train/record.h"

typedef struct thaw_training thaw_training;

typedef struct thaw_task {
  /* Records the forward pass on training->tape: a scalar to be minimised, penalties included; NULL
   * when an operation failed. `loss_sum` receives the sum of the losses without penalties over the
   * targets, `weight` what these count for together: their number, unless classes have weights. */
  thaw_tensor *(*loss)(thaw_training *training, const thaw_batch *batch, double *loss_sum,
                       double *weight);
  /* Measures training->valid, which is there, and fills in the row. */
  thaw_status (*validate)(thaw_context *ctx, thaw_training *training, thaw_epoch_row *row);
  /* The batches in which a corpus is evaluated; owned by the caller. */
  thaw_status (*batches)(thaw_context *ctx, const thaw_training *training,
                         const thaw_corpus *corpus, thaw_batches **batches);
  /* "perplexity 81.3", for progress, from a row. */
  void (*describe)(const thaw_epoch_row *row, char *text, size_t space);
} thaw_task;

typedef struct thaw_training_hooks {
  /* Keeps the state; called between steps, at least `checkpoint_seconds` after the last call, and
   * when training is interrupted. NULL: no checkpoints. */
  thaw_status (*checkpoint)(thaw_context *ctx, void *user, const thaw_training *training);
  void *user;
  double checkpoint_seconds;
  const char *checkpoint_path; /* for messages */
  FILE *progress;              /* NULL: none */
} thaw_training_hooks;

struct thaw_training {
  const thaw_stage_config *stage;
  const thaw_task *task;
  const thaw_training_hooks *hooks;
  thaw_batches *batches;    /* of the training documents; owned */
  const thaw_corpus *valid; /* NULL: no validation */
  thaw_tape *tape;
  thaw_rate_group *rate_groups;
  size_t rate_group_count;
  double *rates;            /* [rate_group_count] of this step */
  int64_t *steps_from;      /* [epochs + 1]: the first step of each epoch; last, their number */
  float *class_weights;     /* [classes] of a classifier, set by its maker, owned; NULL: all 1 */
  const char **group_names; /* [rate_group_count] */

  /* State: */
  thaw_model *model; /* the caller's */
  thaw_optimizer *optimizer;
  thaw_carry *carry;    /* what a recurrent encoder carries from batch to batch */
  int64_t epoch, batch; /* the next step */
  double loss_sum;   /* over the epoch's steps so far, without penalties; sampled where the stage's
                        softmax is */
  double loss_count; /* the weight of its targets */
  thaw_series *series;
  thaw_params *best;  /* the values after the best epoch; NULL: none yet, or the last are kept */
  int64_t best_epoch; /* counted from 0; −1: none yet */
  double seconds;     /* spent in training, interruptions left out */

  thaw_distance *distance; /* from the values with which the training was created */
};

/* Prepares training from the first step. Takes `batches`; everything else belongs to the caller and
 * outlives the training. */
thaw_status thaw_training_create(thaw_context *ctx, const thaw_stage_config *stage,
                                 const thaw_task *task, const thaw_training_hooks *hooks,
                                 thaw_model *model, thaw_batches *batches, const thaw_corpus *valid,
                                 thaw_training **training);
void thaw_training_free(thaw_training *training);

/* Lets the training's series, which has none yet, keep distances: for one that was read from a
 * checkpoint of an older version. */
thaw_status thaw_training_follow(thaw_context *ctx, const thaw_training *training);

/* Trains to the end, or until patience is; the model then has the values of the last epoch, or of
 * the best one where the stage says so. THAW_INTERRUPTED: a checkpoint has been written.
 * THAW_FAILED: among others a loss or gradient that is not finite, with step and stage, before it
 * touched a weight. */
thaw_status thaw_training_run(thaw_context *ctx, thaw_training *training);

/* The number of the next step. */
int64_t thaw_training_step(const thaw_training *training);

/* The rates of all rate groups at a step, `rates` [rate_group_count], without what a varied bptt
 * makes of them. */
thaw_status thaw_training_rates(thaw_context *ctx, const thaw_training *training, int64_t step,
                                double *rates);
/* The momentum that the schedule asks for at a step; negative where it asks for none. */
thaw_status thaw_training_momentum(thaw_context *ctx, const thaw_training *training, int64_t step,
                                   double *momentum);

/* The first step of every epoch, and last the number of all: [epochs + 1], malloc'ed. Epochs differ
 * in their numbers of steps where bptt varies. */
thaw_status thaw_training_count_steps(thaw_context *ctx, const thaw_stage_config *stage,
                                      thaw_batches *batches, int64_t **steps_from);

/* For measurements: a step on `batch` with these rates that counts as none, though weights and
 * moments move; with `rates` NULL, the forward pass of an evaluation. */
thaw_status thaw_training_try(thaw_context *ctx, thaw_training *training, const thaw_batch *batch,
                              const double *rates);
/* The same, with rates; `loss` receives the mean loss, without penalties, before the step. It is
 * not finite where that or the gradient is not: then the weights have not moved. */
thaw_status thaw_training_try_step(thaw_context *ctx, thaw_training *training,
                                   const thaw_batch *batch, const double *rates, double *loss);

#endif
