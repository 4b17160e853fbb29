/* sweep_jobs.h: a sweep as jobs, each a thaw command for a process of its own: a stage into the
 * stage cache, or a run into its file. A job is ready when those that it needs are done. */
#ifndef THAW_CLI_SWEEP_JOBS_H
#define THAW_CLI_SWEEP_JOBS_H

#include "base/process.h"
#include "cli/sweep.h"

typedef enum thaw_job_state {
  THAW_JOB_WAITS,
  THAW_JOB_RUNS,
  THAW_JOB_DONE,
  THAW_JOB_FAILED,
  THAW_JOB_LEFT_OUT, /* a job that it needs failed */
  THAW_JOB_STOPPED,  /* by an interruption of the sweep */
} thaw_job_state;
#define THAW_JOB_STATES 6

typedef struct thaw_sweep_job {
  size_t stage;      /* index in the tree; SIZE_MAX: the job is a run */
  size_t run;        /* index in the tree; of a stage the first run that needs it */
  const char *name;  /* "pretrain" or "run 3 of 40" */
  const char *label; /* the settings that tell it apart; "": none */
  const char *brief; /* the same in fewer words */
  const char *log;   /* where its messages go: a path */
  size_t needs[THAW_STAGE_KINDS];
  size_t need_count;
  size_t unlocks; /* unfinished runs that need it */
  thaw_job_state state;
  size_t cause;        /* LEFT_OUT: index of the job that failed */
  const char *message; /* FAILED: why */
  const char *result;  /* DONE: what it printed */
  const char *now;     /* RUNS: how far it is, a line */
  double began;        /* RUNS: when, by thaw_seconds_now */
  double seconds;      /* after that: how long it took */
} thaw_sweep_job;

typedef struct thaw_sweep_jobs {
  const thaw_sweep_work *work;
  thaw_arena *arena; /* owns all texts */
  thaw_sweep_job *jobs;
  size_t count;
  size_t runs, found;                 /* runs of the sweep, and those that were finished before */
  size_t states[THAW_JOB_STATES];     /* how many jobs are in each state */
  size_t run_states[THAW_JOB_STATES]; /* how many of these are runs */
} thaw_sweep_jobs;

/* The jobs of all stages that are due and all runs that are not finished; what is needed stands
 * before what needs it. Texts go to the arena. */
thaw_status thaw_sweep_jobs_create(const thaw_sweep_work *work, thaw_arena *arena,
                                   thaw_sweep_jobs *jobs);
bool thaw_job_is_run(const thaw_sweep_job *job);

/* Of the waiting jobs that need nothing more, the one that unlocks most; NULL: none is ready. */
thaw_sweep_job *thaw_sweep_jobs_next(thaw_sweep_jobs *jobs);
void thaw_sweep_jobs_set(thaw_sweep_jobs *jobs, thaw_sweep_job *job, thaw_job_state state);
/* Sets FAILED; what needs the job is left out. */
void thaw_sweep_jobs_fail(thaw_sweep_jobs *jobs, thaw_sweep_job *job, const char *message);

/* The arguments of `thaw` for a job, ends with NULL; in the arena. */
thaw_status thaw_sweep_job_arguments(const thaw_sweep_jobs *jobs, const thaw_sweep_job *job,
                                     const char *const **arguments);

#endif
