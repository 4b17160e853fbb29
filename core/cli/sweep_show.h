/* sweep_show.h: a sweep at work, on standard error: on a terminal a table that is redrawn in place,
 * elsewhere a line when a job begins and when it ends. */
#ifndef THAW_CLI_SWEEP_SHOW_H
#define THAW_CLI_SWEEP_SHOW_H

#include "cli/sweep_jobs.h"

typedef struct thaw_sweep_show {
  const thaw_sweep_jobs *jobs;
  bool live;     /* the table */
  bool stopping; /* set by the caller once it waits for the last checkpoints alone */
  size_t lines;  /* of the table on the screen */
  double drawn;  /* when */
  thaw_buffer text;
  bool *chosen; /* [jobs->count]: rows of the table */
} thaw_sweep_show;

/* What is finished already and what there is to do. */
thaw_status thaw_show_begin(thaw_sweep_show *show, const thaw_sweep_jobs *jobs);
void thaw_show_started(const thaw_sweep_show *show, const thaw_sweep_job *job);
void thaw_show_ended(const thaw_sweep_show *show, const thaw_sweep_job *job);
/* Redraws the table, at most five times a second. */
void thaw_show_draw(thaw_sweep_show *show);
/* Draws it for the last time, lists what failed, and frees what the struct holds. */
void thaw_show_end(thaw_sweep_show *show);

#endif
