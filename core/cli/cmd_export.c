/* cmd_export.c: `thaw export`: a run's weights as safetensors, with PyTorch's names. */
#include <stdlib.h>

#include "cli/command.h"
#include "experiment/export.h"

typedef struct export_settings {
  const char *output, *stage;
  bool encoder;
} export_settings;

static const thaw_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(export_settings, output),
     .value_name = "FILE.safetensors",
     .doc = "the file to write; FILE.vocab.txt is written beside it"},
    {.name = "stage",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(export_settings, stage),
     .value_name = "STAGE",
     .doc = "the weights of an earlier stage, which the run kept (keep_weights: true)"},
    {.name = "encoder",
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(export_settings, encoder),
     .doc = "the encoder alone, without a decoder or a head"},
    {0}};

static thaw_status run(const thaw_call *call) {
  const export_settings *settings = call->settings;
  if (!settings->output) {
    return thaw_fail(call->ctx, THAW_INVALID,
                     "where to? thaw export needs --output FILE.safetensors");
  }
  const thaw_export what = {.run = call->operands.words[0],
                            .stage = settings->stage,
                            .encoder_only = settings->encoder,
                            .output = settings->output};
  const thaw_status status = thaw_export_weights(call->ctx, &what, call->registry);
  if (status == THAW_OK) fprintf(call->out, "%s\n", settings->output);
  return status;
}

const thaw_command thaw_command_export = {
    .name = "export",
    .operands = "RUN.h5",
    .summary = "Write a run's weights as safetensors, with PyTorch's names.",
    .description =
        "Names and layouts are those that the encoder's reference has in PyTorch: fastai's for "
        "awd_lstm. The vocabulary is written beside the file, as FILE.vocab.txt: one piece a line, "
        "in the order of the rows; its first three are the unknown piece, padding and the start of "
        "a document. What a tokenizer has learned is written to FILE.tokenizer. A head's tensors "
        "go by thaw's own names.",
    .options = options,
    .settings_size = sizeof(export_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
