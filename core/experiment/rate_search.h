/* rate_search.h: the learning rate range test on one stage of an experiment. */
#ifndef THAW_RATE_SEARCH_H
#define THAW_RATE_SEARCH_H

#include "experiment/run.h"
#include "train/lr_find.h"

typedef struct thaw_rate_search {
  const char *stage; /* its name; the experiment's */
  thaw_lr_curve curve;
} thaw_rate_search;

/* `stage` NULL: the first stage that is still to be trained, or the last one where none is. What
 * the stage takes over from is trained first, as a run would, where the stage cache does not hold
 * it yet; it stays there. Of the stage itself nothing is kept. THAW_INVALID: there is no such
 * stage. */
thaw_status thaw_search_rate(thaw_context *ctx, const thaw_experiment *experiment,
                             const thaw_run_options *options, const char *stage,
                             const thaw_lr_options *lr, thaw_rate_search *search);
void thaw_rate_search_free(thaw_rate_search *search); /* frees the content */

#endif
