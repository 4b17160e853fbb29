/* cmd_import.c: `thaw import`: a run file from a language model's weights as safetensors. */
#include "cli/command.h"
#include "experiment/import.h"

typedef struct import_settings {
  const char *config, *vocabulary, *tokenizer, *output;
  thaw_words sets;
} import_settings;

static const thaw_option options[] = {
    {.name = "config",
     .letter = 'c',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(import_settings, config),
     .value_name = "FILE.yaml",
     .doc = "an experiment with the encoder and the tokenizer that the weights belong to"},
    {.name = "output",
     .letter = 'o',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(import_settings, output),
     .value_name = "RUN.h5",
     .doc = "the run file to write"},
    {.name = "vocabulary",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(import_settings, vocabulary),
     .value_name = "FILE.txt",
     .doc = "the words, one a line, in the order of the weights' rows (FILE.vocab.txt beside the "
            "weights when not given)"},
    {.name = "tokenizer",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(import_settings, tokenizer),
     .value_name = "FILE",
     .doc = "what a tokenizer that learns has learned (FILE.tokenizer beside the weights, where it "
            "is there)"},
    {.name = "set",
     .letter = 's',
     .type = THAW_OPTION_TEXTS,
     .offset = offsetof(import_settings, sets),
     .value_name = "KEY=VALUE",
     .doc = "use this value instead of the config's (encoder.hidden=1152)"},
    {0}};

static thaw_status run(const thaw_call *call) {
  const import_settings *settings = call->settings;
  thaw_experiment *experiment = NULL;
  if (!settings->config) {
    return thaw_fail(call->ctx, THAW_INVALID,
                     "which encoder and tokenizer? thaw import needs --config FILE.yaml");
  }
  if (!settings->output)
    return thaw_fail(call->ctx, THAW_INVALID, "where to? thaw import needs --output RUN.h5");
  const thaw_import what = {.weights = call->operands.words[0],
                            .vocabulary = settings->vocabulary,
                            .tokenizer = settings->tokenizer,
                            .output = settings->output};
  thaw_status status =
      thaw_experiment_load_untrained(call->ctx, settings->config, settings->sets.count,
                                     settings->sets.words, call->registry, &experiment);
  if (status == THAW_OK) status = thaw_import_weights(call->ctx, experiment, &what);
  if (status == THAW_OK) fprintf(call->out, "%s\n", settings->output);
  thaw_experiment_free(experiment);
  return status;
}

const thaw_command thaw_command_import = {
    .name = "import",
    .operands = "FILE.safetensors",
    .summary = "Make a run file of a language model's weights from PyTorch.",
    .description =
        "The config says encoder, sizes and tokenizer; its data need not be there. The run file is "
        "one like any other: a stage takes over from it with transfer: {groups: all, from: "
        "RUN.h5}. Weights whose names, shapes or number of words do not fit are refused with what "
        "to change. tools/fastai-weights.py makes such a file of a fastai model; a model that "
        "reads backwards needs a config whose encoder does.",
    .options = options,
    .settings_size = sizeof(import_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
