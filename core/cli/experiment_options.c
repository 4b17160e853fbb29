/* experiment_options.c: see experiment_options.h. */
#include "cli/experiment_options.h"

thaw_run_options thaw_options_of(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  return (thaw_run_options){.cache = settings->cache,
                            .output = settings->output,
                            .folder = settings->folder,
                            .checkpoint_seconds = (double)settings->checkpoint,
                            .progress = call->progress,
                            .until = settings->until};
}

thaw_status thaw_run_with_sets(const thaw_call *call, size_t set_count, const char *const *sets) {
  const thaw_run_options run_options = thaw_options_of(call);
  thaw_experiment *experiment = NULL;
  thaw_run_outcome outcome = {0};
  thaw_status status = thaw_experiment_load(call->ctx, call->operands.words[0], set_count, sets,
                                            call->registry, &experiment);
  if (status == THAW_OK)
    status = thaw_run_experiment(call->ctx, experiment, &run_options, &outcome);
  if (status == THAW_OK) status = thaw_print_outcome(call, &outcome);
  thaw_run_outcome_free(&outcome);
  thaw_experiment_free(experiment);
  return status;
}
