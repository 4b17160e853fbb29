/* stage_file.h: the file of a stage: a checkpoint while it trains, its result afterwards.
 *
 * Language models' files lie in the stage cache under their key; a classifier's is the run file
 * itself. A checkpoint is a run file with `complete` 0 whose /state holds what thaw_training calls
 * state:
 *
 *   position          epoch, batch, best epoch
 *   sums              loss sum and count of the epoch so far, seconds
 *   steps             steps taken of every rate group
 *   moment.0, .1      GROUP/TENSOR: the optimizer's moments
 *   carry             SLOT: what the encoder carries
 *   best              GROUP/TENSOR: values after the best epoch
 *   averaged          of how many moments NT-ASGD's averages are; not there before it averages
 *   average           GROUP/TENSOR: these averages
 *
 * The weights in a checkpoint are those that training goes on from; in a finished file they are
 * what was kept: the best epoch's or the last one's, averages where there were some. */
#ifndef THAW_STAGE_FILE_H
#define THAW_STAGE_FILE_H

#include "experiment/stage_data.h"
#include "store/runfile.h"
#include "train/training.h"

/* What stands in the file besides the training; all of it belongs to the caller. */
typedef struct thaw_stage_file {
  const char *path, *key;
  const thaw_experiment *experiment;
  const thaw_stage_config *stage;
  const thaw_stage_data *data;
  const char *resolved;           /* the config's text */
  const char *tokenizer_settings; /* thaw_settings_lines */
  const thaw_text_pair *environment;
  size_t environment_count;
  double seconds_before; /* of the stages that this one builds on */
  const char *key_text;  /* thaw_stage_key */
} thaw_stage_file;

/* What only a finished run has. */
typedef struct thaw_stage_extras {
  const thaw_kept_weights *kept;
  size_t kept_count;
  thaw_series *const *earlier; /* metrics of the stages before */
  size_t earlier_count;
  const thaw_predictions *const *predictions;
  size_t predictions_count;
} thaw_stage_extras;

thaw_status thaw_stage_file_checkpoint(thaw_context *ctx, const thaw_stage_file *file,
                                       const thaw_training *training);
thaw_status thaw_stage_file_finish(thaw_context *ctx, const thaw_stage_file *file,
                                   const thaw_training *training, const thaw_stage_extras *extras);

typedef enum thaw_stage_progress {
  THAW_STAGE_NEW,      /* there is no file */
  THAW_STAGE_BEGUN,    /* a checkpoint */
  THAW_STAGE_FINISHED, /* a result */
} thaw_stage_progress;

/* How far the stage is. THAW_INVALID: the file is no run file, or that of a run with another key
 * (says how the two configs can be kept apart). */
thaw_status thaw_stage_file_look(thaw_context *ctx, const char *path, const char *key,
                                 thaw_stage_progress *progress);
/* Puts the checkpoint's state into a training that has just been created. */
thaw_status thaw_stage_file_resume(thaw_context *ctx, const char *path, thaw_training *training);

#endif
