/* stage_source.h: what a stage takes over, loaded from a finished run file. */
#ifndef THAW_STAGE_SOURCE_H
#define THAW_STAGE_SOURCE_H

#include "config/experiment.h"
#include "experiment/stage_data.h"
#include "store/runfile.h"
#include "train/transfer.h"

typedef struct thaw_stage_source {
  char *name; /* for messages: "pretrain", "runs/a.h5 (finetune)" */
  thaw_vocabulary *vocabulary;
  char *tokenizer_state;
  size_t tokenizer_bytes;
  thaw_params *params; /* NULL until thaw_stage_source_weights */
  char *path, *stage;
  thaw_direction direction; /* in which its encoder reads */
} thaw_stage_source;

/* Words and tokenizer of a run file; `stage` NULL: its last one. `name` NULL: after the path.
 * THAW_INVALID: the file is not finished, has no such stage, or its text was cut by another
 * tokenizer than the experiment's (both are named). */
thaw_status thaw_stage_source_open(thaw_context *ctx, const thaw_experiment *experiment,
                                   const char *path, const char *stage, const char *name,
                                   thaw_stage_source *source);
/* Loads the weights as well. */
thaw_status thaw_stage_source_weights(thaw_context *ctx, thaw_stage_source *source);
void thaw_stage_source_free(thaw_stage_source *source); /* frees the content */

thaw_stage_origin thaw_stage_source_origin(const thaw_stage_source *source);

/* A plugin's settings as lines "name: value", as run files hold them; malloc'ed. */
thaw_status thaw_settings_lines(thaw_context *ctx, const thaw_plugin_use *use, char **lines);

#endif
