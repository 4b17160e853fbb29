/* comparison_parts.h: what the files that read runs for a comparison share. */
#ifndef THAW_COMPARISON_PARTS_H
#define THAW_COMPARISON_PARTS_H

#include "analysis/comparison.h"
#include "store/runfile.h"

/* Reads run->split's predictions: scores, the hash of the classes, the metric, and each document's
 * share in it. `arena` owns the shares. */
thaw_status thaw_compared_scores(thaw_context *ctx, thaw_arena *arena, thaw_metric metric,
                                 const thaw_run_file *file, thaw_compared_run *run);

/* The perplexity of the language model that the run ended with: of the epoch that its last stage
 * kept. NaN when it has none. `keep` finds what a stage's key `keep` says; NULL: nothing. */
thaw_status thaw_compared_perplexity(thaw_context *ctx, const thaw_run_file *file,
                                     const char *(*keep)(void *user, const char *stage), void *user,
                                     double *perplexity);

#endif
