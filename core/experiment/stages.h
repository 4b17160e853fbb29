/* stages.h: the stages of a run: what each builds on, its key and its file, and which of them still
 * have to be trained. */
#ifndef THAW_STAGES_H
#define THAW_STAGES_H

#include "base/file.h"
#include "base/hash.h"
#include "experiment/run.h"
#include "experiment/stage_file.h"
#include "experiment/stage_source.h"

typedef struct thaw_stage_work {
  const thaw_stage_config *stage;
  struct thaw_stage_work *before; /* that it takes over from; NULL: from none, or from a run file */
  char key[THAW_HASH_TEXT];
  char *path; /* of its file */
  thaw_stage_progress progress;
  bool needed;          /* by the last stage */
  thaw_stage_data data; /* thaw_stages_read fills it in */
  char *key_text;       /* whose hash the key is */
  thaw_lock *used;      /* keeps its file in the stage cache; NULL: nothing does */
} thaw_stage_work;

typedef struct thaw_stages {
  const thaw_experiment *experiment;
  thaw_stage_work works[THAW_STAGE_KINDS]; /* those that are there, in order */
  size_t count;
  thaw_stage_work *last;
  char *cache;  /* folder */
  char *output; /* the run file; that of the last stage where no run file is wanted */
  thaw_stage_progress progress; /* of the run file */
} thaw_stages;

/* Where the run file goes: what the options say, or FOLDER/NAME/sSEED-KEY.h5; malloc'ed; NULL: no
 * memory. */
char *thaw_output_path(const thaw_experiment *experiment, const thaw_run_options *options,
                       const char *key);
/* Makes its folder, and asks whether it can be written there: better now than after hours. */
thaw_status thaw_output_prepare(thaw_context *ctx, const char *path);

/* Finds keys and files without looking at them. */
thaw_status thaw_stages_find(thaw_context *ctx, const thaw_experiment *experiment,
                             const thaw_run_options *options, thaw_stages *stages);
/* The same, and looks how far each stage is. */
thaw_status thaw_stages_plan(thaw_context *ctx, const thaw_experiment *experiment,
                             const thaw_run_options *options, thaw_stages *stages);
/* Keeps a finished stage in the stage cache until thaw_stages_free, so that nobody removes it
 * meanwhile; a stage that is not finished is left alone. THAW_FAILED: it is needed and has just
 * been removed. */
thaw_status thaw_stage_use(thaw_context *ctx, const thaw_stages *stages, thaw_stage_work *work);
/* The same for all of them. */
thaw_status thaw_stages_use(thaw_context *ctx, thaw_stages *stages);
/* Reads the data of every stage that has to be trained. */
thaw_status thaw_stages_read(thaw_context *ctx, thaw_stages *stages);
/* Reads the data of one. */
thaw_status thaw_stage_read(thaw_context *ctx, const thaw_stages *stages, thaw_stage_work *work);
void thaw_stages_free(thaw_stages *stages); /* frees the content */

/* There is no stage `name`: THAW_INVALID, with those that there are. */
thaw_status thaw_stages_fail_missing(thaw_context *ctx, const thaw_stages *stages,
                                     const char *name);

/* Must it be trained? */
bool thaw_stage_is_due(const thaw_stage_work *work);
/* A fresh model for the stage, whose data have been read. */
thaw_status thaw_stage_create_model(thaw_context *ctx, const thaw_experiment *experiment,
                                    const thaw_stage_work *work, thaw_model **model);
/* Its training, before the first step. */
thaw_status thaw_stage_create_training(thaw_context *ctx, const thaw_stage_work *work,
                                       thaw_model *model, const thaw_training_hooks *hooks,
                                       thaw_training **training);
/* Trains the due stages, whose data have been read, that come before `work`, into the stage cache
 * (run.c). */
thaw_status thaw_run_stages_before(thaw_context *ctx, const thaw_experiment *experiment,
                                   const thaw_run_options *options, thaw_stages *stages,
                                   const thaw_stage_work *work);
/* Does its schedule fit its model's groups and its steps? THAW_INVALID, with the place in the YAML,
 * where it does not. */
thaw_status thaw_stage_check_schedule(thaw_context *ctx, const thaw_experiment *experiment,
                                      const thaw_stage_work *work, const thaw_model *model);
/* Opens what the stage takes over: the finished stage before, or a run file. Nothing is opened, and
 * `*taken` is false, where it takes over nothing. */
thaw_status thaw_stage_open_source(thaw_context *ctx, const thaw_experiment *experiment,
                                   const thaw_stage_work *work, thaw_stage_source *source,
                                   bool *taken);

#endif
