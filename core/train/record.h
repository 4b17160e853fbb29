/* record.h: what training leaves behind: tables of numbers, and predictions. Plain data; the store
 * writes it. */
#ifndef THAW_RECORD_H
#define THAW_RECORD_H

#include "thaw/base.h"

typedef struct thaw_step_row {
  int64_t step, epoch;
  double loss;
  double gradient_norm; /* before clipping */
  double tokens_per_second;
} thaw_step_row;

/* NaN stands for "not measured". */
typedef struct thaw_epoch_row {
  int64_t epoch, step; /* step: after how many steps */
  double train_loss, valid_loss, perplexity, accuracy, macro_f1, seconds;
} thaw_epoch_row;

/* The metrics of one stage. */
typedef struct thaw_series {
  char *stage;   /* "pretrain", "finetune", "classify" */
  char **groups; /* names of the schedule's groups, input first */
  size_t group_count;
  thaw_step_row *steps;
  double *rates; /* [step_count][group_count] */
  size_t step_count, step_space;
  thaw_epoch_row *epochs;
  size_t epoch_count, epoch_space;
  /* How far the model's parameter groups are after each epoch from where the stage began
   * (distance.h): */
  char **moved;       /* [moved_count] their names, input first */
  bool *taken;        /* [moved_count]: the group began with values taken over from elsewhere */
  size_t moved_count; /* 0: not known, as in files of older versions */
  double *distances;  /* [epoch_count][moved_count] */
} thaw_series;

thaw_series *thaw_series_create(const char *stage, size_t group_count, const char *const *groups);
void thaw_series_free(thaw_series *series);
/* False when there is no memory. `rates` [group_count]. */
bool thaw_series_add_step(thaw_series *series, const thaw_step_row *row, const double *rates);
bool thaw_series_add_epoch(thaw_series *series, const thaw_epoch_row *row);
/* From now on the series has distances of these groups, once; those of epochs that are there
 * already, and of new ones until they are filled in, are not known. False when there is no memory.
 */
bool thaw_series_follow(thaw_series *series, size_t count, const char *const *names,
                        const bool *taken);
/* Those of the last epoch, to be filled in: [moved_count]. */
double *thaw_series_last_distances(const thaw_series *series);

/* Predictions for one split, documents in the order of the data. */
typedef struct thaw_predictions {
  char *split; /* "valid", "test" */
  size_t count, classes;
  int32_t *gold;        /* [count]; −1 unknown */
  int32_t *predicted;   /* [count] */
  float *probabilities; /* [count][classes] */
} thaw_predictions;

thaw_predictions *thaw_predictions_create(const char *split, size_t count, size_t classes);
void thaw_predictions_free(thaw_predictions *predictions);

#endif
