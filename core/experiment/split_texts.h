/* split_texts.h: what the documents of a finished run's predictions say. A run file does not hold
 * its data: they are read again where they were, if they are still what they were. */
#ifndef THAW_SPLIT_TEXTS_H
#define THAW_SPLIT_TEXTS_H

#include "config/experiment.h"
#include "store/runfile.h"

/* `texts` [count] receive the texts of the documents with these numbers in the split, malloc'ed.
 * `experiment` is the run's, which has a classify stage. THAW_INVALID, with what is wrong: the data
 * are not there, or not the same (their hash is in the run file). */
thaw_status thaw_split_texts(thaw_context *ctx, const thaw_run_file *run,
                             const thaw_experiment *experiment, const char *split,
                             const size_t *documents, size_t count, char **texts);

#endif
