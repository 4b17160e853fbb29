/* progress.h: one line per stage on standard error.
 *
 * On a terminal the line is redrawn in place at most ten times a second, with a bar, the
 * rate and the time left; elsewhere a plain line appears every thirty seconds and at the end.
 *
 * Where the environment's THAW_PROGRESS_FILE names a file, the line as it is now stands there too,
 * in place of the one before, twice a second: so that a program that runs thaw can show it. */
#ifndef THAW_PROGRESS_H
#define THAW_PROGRESS_H

#include <stdio.h>

#include "thaw/base.h"

typedef struct thaw_progress thaw_progress;

/* Bytes of THAW_PROGRESS_FILE: the line, spaces behind it, and a newline. */
enum { THAW_PROGRESS_RECORD = 256 };

/* `label` is copied; `total` steps; `unit` names what is counted per second ("tokens").
 * Returns NULL when there is no memory; every function accepts NULL and then does nothing. */
thaw_progress *thaw_progress_start(FILE *stream, const char *label, size_t total, const char *unit);
/* `done` steps of total are done, `units` units were handled so far in this process; `note` is
 * shown behind the bar ("loss 4.31 perplexity 74.2 rate 0.0031"). */
void thaw_progress_update(thaw_progress *progress, size_t done, double units, const char *note);
/* Ends the line, with `note` as its last word, and frees. */
void thaw_progress_end(thaw_progress *progress, const char *note);
/* Makes room on the terminal for a log line: clears the bar, which the next update redraws. */
void thaw_progress_hide(thaw_progress *progress);

#endif
