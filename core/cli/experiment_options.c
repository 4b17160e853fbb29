/* experiment_options.c: see experiment_options.h. */
#include "cli/experiment_options.h"

thaw_run_options thaw_options_of(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  return (thaw_run_options){.cache = settings->cache,
                            .output = settings->output,
                            .folder = settings->folder,
                            .checkpoint_seconds = (double)settings->checkpoint,
                            .progress = call->progress};
}
