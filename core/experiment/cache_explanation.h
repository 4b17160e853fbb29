/* cache_explanation.h: why a stage of an experiment is, or is not, in the stage cache. */
#ifndef THAW_CACHE_EXPLANATION_H
#define THAW_CACHE_EXPLANATION_H

#include "experiment/run.h"
#include "experiment/stage_key_lines.h"

/* A language model is looked for in the stage cache, a classifier's run file where it would be
 * written. */
typedef struct thaw_stage_explanation {
  const char *stage, *key, *path;
  const char *state;   /* "finished", "begun", "not there"; with "being trained by …" */
  bool is_run_file;    /* a classifier's, which is not in the cache */
  bool found;          /* it is finished or begun, so that nothing is to be explained */
  const char *nearest; /* the file of the stage of the same kind that differs least; NULL */
  const char *nearest_key, *nearest_name; /* its key and experiment */
  thaw_key_difference *differences;       /* between this stage and the nearest */
  size_t difference_count;
  size_t compared; /* stages of the kind that could be compared */
  size_t silent;   /* those that could not, as older files do not say what their keys rest on */
} thaw_stage_explanation;

typedef struct thaw_cache_explanation {
  const char *folder; /* of the cache */
  thaw_stage_explanation stages[THAW_STAGE_KINDS];
  size_t count;
} thaw_cache_explanation;

/* Reads no data but for their hashes, and trains nothing. Everything lives in the arena. */
thaw_status thaw_cache_explain(thaw_context *ctx, thaw_arena *arena,
                               const thaw_experiment *experiment, const thaw_run_options *options,
                               thaw_cache_explanation *explanation);

#endif
