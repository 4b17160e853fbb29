/* sweep_slurm.h: what the files of `thaw sweep --launcher slurm` share.
 *
 *   sweep_slurm.c         the whole, and what is printed of it
 *   sweep_slurm_queue.c   Slurm's commands: what is queued already, submitting, cancelling
 *   sweep_slurm_tasks.c   what of the sweep's jobs is to be submitted, after what
 *   sweep_slurm_arrays.c  which tasks share a job array, and what the array waits for
 *   sweep_slurm_script.c  the files of a submission
 *
 * A task is one `thaw run` command that makes one file: a language model in the stage cache or a
 * run file. Whatever happens to jobs, a task that is done twice does no harm: it finds its file
 * finished, or waits for the lock of whoever is making it. So what decides is always the files;
 * the queue is only asked in order not to submit things twice. */
#ifndef THAW_SWEEP_SLURM_H
#define THAW_SWEEP_SLURM_H

#include "cli/sweep.h"

#define THAW_NO_TASK SIZE_MAX

/* ---- Slurm's commands ------------------------------------------------------------------------ */

/* A task of an earlier submission that waits or runs. */
typedef struct thaw_queued_task {
  const char *file; /* that it makes */
  const char *job;  /* "12_3" */
} thaw_queued_task;

typedef struct thaw_queue {
  thaw_queued_task *tasks; /* by file */
  size_t count;
  size_t array_limit; /* the most tasks of an array */
} thaw_queue;

/* What stands before the path of a task list in the comment of every job. */
#define THAW_SLURM_COMMENT "thaw "

/* Asks for the user's tasks and the limit. `needed`: fails where Slurm's commands are missing or
 * say no; otherwise the queue is then empty, with a warning. All lives in call->arena. */
thaw_status thaw_queue_read(const thaw_call *call, bool needed, thaw_queue *queue);
/* The task that makes this file: "12_3"; NULL: none. */
const char *thaw_queue_find(const thaw_queue *queue, const char *file);
/* Runs an sbatch command, whose words end with NULL; `*job` is the id of the job. */
thaw_status thaw_slurm_submit(const thaw_call *call, const char *const *words, const char **job);
/* Cancels these jobs; false: that failed. */
bool thaw_slurm_cancel(const thaw_call *call, const char *const *jobs, size_t count);

/* ---- What is to be submitted ----------------------------------------------------------------- */

typedef struct thaw_slurm_task {
  const char *stage;         /* "pretrain" … */
  const char *file;          /* that it makes; absolute */
  const char *command;       /* for a shell, on one line */
  size_t request;            /* what it asks for: a number in the submission's list */
  size_t before;             /* the task whose file it needs; THAW_NO_TASK: none of these */
  const char *queued_before; /* the same in an earlier submission: "12_3"; NULL: none */
  size_t array, index;       /* where it was put */
} thaw_slurm_task;

typedef struct thaw_slurm_array {
  const char *name;  /* "2-finetune" */
  const char *stage; /* of its tasks, as are: */
  size_t request;
  const char *queued_before;
  size_t before;       /* array; THAW_NO_TASK: none */
  size_t before_index; /* the task in it that all wait for; THAW_NO_TASK: each for the one with its
                          own index */
  const size_t *tasks; /* [count] in the order of their indices */
  size_t count;
  const char *job; /* its id when it has been submitted; before, "${job2}" */
} thaw_slurm_array;

typedef struct thaw_submission {
  const thaw_sweep_work *work;
  const thaw_call *call; /* the sweep's; its arena owns everything */
  const char *name;      /* of the experiment */
  const char *folder;    /* for scripts, task lists and logs; absolute */
  const char *current;   /* the folder in which the command was given */
  const char *cache;     /* the folder of the stage cache; absolute */
  thaw_slurm_job *requests;
  size_t request_count;
  thaw_slurm_task *tasks; /* none before the one whose file it needs */
  size_t task_count;
  thaw_slurm_array *arrays; /* none before the one that it waits for */
  size_t array_count;
  size_t runs, finished, queued; /* of the sweep; of these; queued earlier */
} thaw_submission;

/* Fills in tasks, requests, the numbers of runs and the name. */
thaw_status thaw_slurm_tasks(thaw_submission *s, const thaw_queue *queue);
/* Fills in arrays of at most `limit` tasks each. */
thaw_status thaw_slurm_arrays(thaw_submission *s, size_t limit);

/* ---- Files ----------------------------------------------------------------------------------- */

/* Appends a word as a shell reads it back, on one line: an end of a line becomes "$newline". */
bool thaw_slurm_quote(thaw_buffer *out, const char *word);
/* The array's sbatch command, which ends with NULL. */
thaw_status thaw_slurm_words(const thaw_submission *s, const thaw_slurm_array *array,
                             const char *const **words);
/* Appends its job script, and its list of tasks. */
thaw_status thaw_slurm_script(const thaw_submission *s, const thaw_slurm_array *array,
                              thaw_buffer *out);
thaw_status thaw_slurm_task_list(const thaw_submission *s, const thaw_slurm_array *array,
                                 thaw_buffer *out);
/* What it waits for, as --dependency has it: "afterok:12_0"; "" : nothing; NULL: no memory. */
const char *thaw_slurm_dependency(const thaw_submission *s, const thaw_slurm_array *array);
/* Makes the submission's folder; where there is one of its name, one of the same name and -2 … */
thaw_status thaw_slurm_make_folder(thaw_submission *s);
/* Writes script and task list into it. */
thaw_status thaw_slurm_write_files(const thaw_submission *s, const thaw_slurm_array *array);

#endif
