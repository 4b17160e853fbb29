/* cmd_run.c: `thaw run`: one run. */
#include "base/context.h"
#include "cli/experiment_options.h"

static const thaw_option options[] = {THAW_SET_OPTION,   THAW_OUTPUT_OPTION,     THAW_FOLDER_OPTION,
                                      THAW_CACHE_OPTION, THAW_CHECKPOINT_OPTION, {0}};

static thaw_status run(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  const thaw_run_options run_options = thaw_options_of(call);
  thaw_experiment *experiment = NULL;
  thaw_run_outcome outcome = {0};
  thaw_status status =
      thaw_experiment_load(call->ctx, call->operands.words[0], settings->sets.count,
                           settings->sets.words, call->registry, &experiment);
  if (status == THAW_OK)
    status = thaw_run_experiment(call->ctx, experiment, &run_options, &outcome);
  if (status == THAW_OK) status = thaw_print_outcome(call, &outcome);
  thaw_run_outcome_free(&outcome);
  thaw_experiment_free(experiment);
  return status;
}

const thaw_command thaw_command_run = {
    .name = "run",
    .operands = "FILE.yaml",
    .summary = "Train what an experiment describes and write its run file.",
    .description =
        "Trains the stages that the run needs, pretrain, finetune and classify, and stores "
        "weights, metrics and predictions in one HDF5 file. Finished language models are kept in "
        "the stage cache and are not trained again. After an interruption the same command goes on "
        "where it stopped and ends in the same bits; a finished run is not repeated.",
    .options = options,
    .settings_size = sizeof(thaw_experiment_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
