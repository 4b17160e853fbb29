/* experiment_options.h: what commands that take an experiment's YAML file share. */
#ifndef THAW_EXPERIMENT_OPTIONS_H
#define THAW_EXPERIMENT_OPTIONS_H

#include "cli/command.h"
#include "experiment/run.h"

typedef struct thaw_experiment_settings {
  thaw_words sets;
  const char *output, *folder, *cache;
  int64_t checkpoint;
  int format;
  const char *until;
} thaw_experiment_settings;

/* Rows of a table of options; the settings struct of the command is thaw_experiment_settings. */
#define THAW_SET_OPTION                                                            \
  {                                                                                \
    .name = "set", .letter = 's', .type = THAW_OPTION_TEXTS,                       \
    .offset = offsetof(thaw_experiment_settings, sets), .value_name = "KEY=VALUE", \
    .doc = "use this value instead of the file's (stages.classify.epochs=2)"       \
  }
#define THAW_OUTPUT_OPTION                                                         \
  {                                                                                \
    .name = "output", .letter = 'o', .type = THAW_OPTION_TEXT,                     \
    .offset = offsetof(thaw_experiment_settings, output), .value_name = "FILE.h5", \
    .doc = "the run file (runs/NAME/sSEED-KEY.h5 when not given)"                  \
  }
#define THAW_FOLDER_OPTION                                                                       \
  {                                                                                              \
    .name = "runs", .letter = 'r', .type = THAW_OPTION_TEXT,                                     \
    .offset = offsetof(thaw_experiment_settings, folder), .value_name = "FOLDER",                \
    .default_value = "runs", .doc = "put run files into folders of the experiments' names there" \
  }
#define THAW_CACHE_OPTION                                                        \
  {                                                                              \
    .name = "cache", .type = THAW_OPTION_TEXT,                                   \
    .offset = offsetof(thaw_experiment_settings, cache), .value_name = "FOLDER", \
    .doc = "the stage cache ($THAW_CACHE, else ~/.cache/thaw when not given)"    \
  }
#define THAW_CHECKPOINT_OPTION                                                                   \
  {                                                                                              \
    .name = "checkpoint", .type = THAW_OPTION_COUNT,                                             \
    .offset = offsetof(thaw_experiment_settings, checkpoint), .value_name = "SECONDS",           \
    .default_value = "60", .doc = "time between checkpoints; 0: after every step", .minimum = 0, \
    .maximum = 86400                                                                             \
  }

thaw_run_options thaw_options_of(const thaw_call *call);

/* Loads the experiment that is the call's first operand with these overrides, runs it and prints
 * the outcome. */
thaw_status thaw_run_with_sets(const thaw_call *call, size_t set_count, const char *const *sets);

/* Prints where the run file is and what the run reached. */
thaw_status thaw_print_outcome(const thaw_call *call, const thaw_run_outcome *outcome);

#endif
