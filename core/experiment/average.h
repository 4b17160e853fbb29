/* average.h: a run that averages the class probabilities of finished ones, such as a forward and a
 * backward classifier (Howard and Ruder 2018, section 3.3).
 *
 * Its run file has predictions, the metrics of its validation, classes, config and environment, and
 * no weights: /environment/run.N is the hash of the file that is the config's average N. */
#ifndef THAW_AVERAGE_H
#define THAW_AVERAGE_H

#include "experiment/run.h"
#include "store/runfile.h"

/* THAW_INVALID, with the place in the YAML and what differs: runs that are not finished, or whose
 * classes, splits, documents or their classes are not the same. */
thaw_status thaw_average_experiment(thaw_context *ctx, const thaw_experiment *experiment,
                                    const thaw_run_options *options, thaw_run_outcome *outcome);

/* Where its run file is, and whether it is finished; makes nothing. */
thaw_status thaw_average_look(thaw_context *ctx, const thaw_experiment *experiment,
                              const thaw_run_options *options, thaw_run_outcome *outcome);

/* Where the run is that this average names as `number`: at its path, or where a folder with both
 * was moved to; malloc'ed. THAW_INVALID: it is not there, or not the run any more of which the
 * average was made. */
thaw_status thaw_average_part(thaw_context *ctx, const thaw_run_file *run,
                              const thaw_experiment *experiment, size_t number, char **path);

/* Adds the probabilities to the sums [count][classes]; the sums of so many runs become means, and
 * the largest of a document its prediction. */
void thaw_average_add(double *sums, const thaw_predictions *predictions);
void thaw_average_finish(const double *sums, size_t runs, thaw_predictions *predictions);

#endif
