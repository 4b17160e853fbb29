/* cmd_run.c: `thaw run`: one run. */
#include "cli/experiment_options.h"

static const thaw_option options[] = {
    THAW_SET_OPTION,
    THAW_OUTPUT_OPTION,
    THAW_FOLDER_OPTION,
    THAW_CACHE_OPTION,
    THAW_CHECKPOINT_OPTION,
    {.name = "until",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(thaw_experiment_settings, until),
     .value_name = "STAGE",
     .doc = "train the stages up to this one alone; a language model stays in the stage cache and "
            "there is no run file"},
    {0}};

static thaw_status run(const thaw_call *call) {
  const thaw_experiment_settings *settings = call->settings;
  return thaw_run_with_sets(call, settings->sets.count, settings->sets.words);
}

const thaw_command thaw_command_run = {
    .name = "run",
    .operands = "FILE.yaml",
    .summary = "Train what an experiment describes and write its run file.",
    .description =
        "Trains the stages that the run needs, pretrain, finetune and classify, and stores "
        "weights, metrics and predictions in one HDF5 file. Finished language models are kept in "
        "the stage cache and are not trained again. After an interruption the same command goes on "
        "where it stopped and ends in the same bits; a finished run is not repeated.\n"
        "Without threads in the experiment, OMP_NUM_THREADS says how many to use, else the "
        "machine's "
        "cores.",
    .options = options,
    .settings_size = sizeof(thaw_experiment_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
