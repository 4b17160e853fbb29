/* sweep_tree.h: what the runs of a sweep have in common: the tree of their stages.
 *
 * A stage stands in the tree once, however many runs need it; stages are told apart by their keys
 * (stage_key.h), so that two points of the sweep share what the keys between them do not change.
 * Whoever executes a sweep trains the stages that are due, each after the one before it, with
 * `thaw run FILE --set … --until NAME`, and then every run that is not finished, with `thaw run
 * FILE --set …`; the settings are those of the point. */
#ifndef THAW_SWEEP_TREE_H
#define THAW_SWEEP_TREE_H

#include "base/hash.h"
#include "experiment/run.h"
#include "experiment/stage_file.h"

typedef struct thaw_tree_stage {
  char key[THAW_HASH_TEXT];
  const char *name;  /* "pretrain", "finetune", "classify" */
  size_t before;     /* index of the stage that it takes over from, a smaller one; SIZE_MAX: none */
  size_t point;      /* the first point of the sweep that needs it */
  size_t runs;       /* how many runs need it; twins do not count */
  size_t unfinished; /* of these */
  thaw_stage_progress progress;
  const char *path; /* of its file: in the stage cache; a classifier's is the run file */
  bool due;         /* must be trained: it is not finished, and a run that is not either needs it */
} thaw_tree_stage;

typedef struct thaw_tree_run {
  size_t point;
  size_t last;        /* index of its last stage; SIZE_MAX: it averages runs and has no stages */
  const char *output; /* its run file */
  bool finished;
  bool twin;                       /* an earlier point is the same run: it is trained there */
  size_t twin_point;               /* that point */
  size_t stages[THAW_STAGE_KINDS]; /* indices of all stages that it needs, `last` among them */
  size_t stage_count;
  unsigned kept; /* bit i: the weights of stages[i], though it is not the last, go into the file */
} thaw_tree_run;

typedef struct thaw_sweep_tree {
  thaw_tree_stage *stages; /* in the order in which the runs come to need them */
  size_t stage_count;
  thaw_tree_run *runs; /* in the order of their points */
  size_t run_count;
  thaw_arena *arena; /* owns all of the above */
} thaw_sweep_tree;

/* Loads the experiment of every point, which is thereby checked, and looks what is finished. `path`
 * is the YAML file from which the sweep was loaded. THAW_INVALID names the point at fault. A file
 * that is damaged counts as not there, with a warning: its run will say more. Data files are read
 * once, for their hashes. */
thaw_status thaw_sweep_tree_plan(thaw_context *ctx, const char *path, const thaw_sweep *sweep,
                                 thaw_registry *registry, const thaw_run_options *options,
                                 thaw_sweep_tree **tree);
void thaw_sweep_tree_free(thaw_sweep_tree *tree);

/* Leaves part `part` of `parts` in the tree, 1 to `parts`; once, after planning. The parts are
 * equally large, to one run, and depend on the sweep alone, not on what is finished; runs that
 * share stages are in the same part as far as that allows. Stages that no run needs any more stay,
 * with `runs` 0. */
thaw_status thaw_sweep_tree_shard(thaw_context *ctx, thaw_sweep_tree *tree, size_t part,
                                  size_t parts);

#endif
