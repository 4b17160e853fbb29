/* sweep.h: what the files of `thaw sweep` share: the sweep that is executed, and its jobs.
 *
 * cmd_sweep.c loads and checks; a launcher executes: sweep_local.c on this machine, sweep_slurm.c
 * on a cluster. */
#ifndef THAW_CLI_SWEEP_H
#define THAW_CLI_SWEEP_H

#include "cli/experiment_options.h"
#include "experiment/sweep_tree.h"

typedef struct thaw_sweep_settings {
  thaw_experiment_settings common; /* comes first: the options that commands share are in it */
  int64_t jobs;
  bool dry_run, yes;
  const char *shard; /* "I/N"; NULL: all runs */
  int launcher;
} thaw_sweep_settings;

/* A sweep that has been checked and planned. */
typedef struct thaw_sweep_work {
  const thaw_call *call;
  const thaw_sweep_settings *settings;
  const char *path; /* of the YAML file */
  const thaw_sweep *sweep;
  thaw_sweep_tree *tree;
  const char **labels; /* [tree->run_count]: the settings that not all runs share, "" for none */
  const char **briefs; /* the same in fewer words: "head=max schedule=[stlr]" */
} thaw_sweep_work;

/* ---- Settings (sweep_settings.c) ------------------------------------------------------------- */

/* Fills in labels and briefs, in the arena. */
thaw_status thaw_sweep_label_runs(thaw_sweep_work *work, thaw_arena *arena);
/* Settings that all runs below a stage share and not all runs of the sweep, appended as
 * "key=value key=value". */
thaw_status thaw_sweep_stage_label(const thaw_sweep_work *work, size_t stage, bool brief,
                                   thaw_buffer *text);

/* ---- Dry run (sweep_print.c) ----------------------------------------------------------------- */

thaw_status thaw_sweep_print_tree(const thaw_sweep_work *work);

/* ---- Launchers ------------------------------------------------------------------------------- */

/* Trains what is due and reports what it does. THAW_FAILED, with counts, when runs failed;
 * THAW_INTERRUPTED, with how to go on. */
thaw_status thaw_sweep_run_local(const thaw_sweep_work *work);
/* Submits what is not finished as job arrays of Slurm that wait for each other, and prints them as
 * a table; does not wait for them. A dry run writes and submits nothing, and prints the scripts
 * too. When Slurm refuses an array, those before it are cancelled: THAW_FAILED. */
thaw_status thaw_sweep_run_slurm(const thaw_sweep_work *work);

#endif
