/* cmd_predict.c: `thaw predict`: labels for text, one line of output for each line of input.
 *
 * Lines are classified as they arrive: labels of those that are there are written before more are
 * waited for. Of a file many lines are taken at once, so that lines of like length share a batch.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "experiment/predictor.h"
#include "text/input.h"

enum { MOST_AT_ONCE = 1024 };

typedef enum predict_format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON } predict_format;
static const char *const formats[] = {"text", "csv", "json", NULL};

typedef struct predict_settings {
  const char *encoding;
  int format;
  bool all;
} predict_settings;

static const thaw_option options[] = {
    {.name = "all",
     .letter = 'a',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(predict_settings, all),
     .doc = "print the probability of every class, not of the label alone"},
    {.name = "format",
     .letter = 'f',
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(predict_settings, format),
     .value_name = "FORMAT",
     .default_value = "text",
     .doc = "text: label and probability, separated by a tab; csv: the same with a header; json: "
            "one object a line",
     .choices = formats},
    {.name = "encoding",
     .letter = 'e',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(predict_settings, encoding),
     .value_name = "NAME",
     .doc = "the text's encoding (UTF-8 when not given)"},
    {0}};

/* ---- Writing -------------------------------------------------------------------------------- */

static void write_quoted(FILE *out, const char *text) {
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"') fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

static void write_heading(const thaw_call *call, const thaw_classes *classes) {
  const predict_settings *settings = call->settings;
  if (settings->format != FORMAT_CSV) return;
  fputs("label,probability", call->out);
  for (size_t c = 0; settings->all && c < classes->count; c++) {
    fputc(',', call->out);
    write_quoted(call->out, classes->names[c]);
  }
  fputc('\n', call->out);
}

static void write_text(const thaw_call *call, const thaw_classes *classes, size_t label,
                       const float *p) {
  const predict_settings *settings = call->settings;
  fprintf(call->out, "%s\t%.4f", classes->names[label], (double)p[label]);
  for (size_t c = 0; settings->all && c < classes->count; c++)
    fprintf(call->out, "\t%s=%.4f", classes->names[c], (double)p[c]);
  fputc('\n', call->out);
}

static void write_csv(const thaw_call *call, const thaw_classes *classes, size_t label,
                      const float *p) {
  const predict_settings *settings = call->settings;
  write_quoted(call->out, classes->names[label]);
  fprintf(call->out, ",%.6g", (double)p[label]);
  for (size_t c = 0; settings->all && c < classes->count; c++)
    fprintf(call->out, ",%.6g", (double)p[c]);
  fputc('\n', call->out);
}

/* Six digits, so that 0.9 is not printed as 0.89999998. */
static json_object *json_number(float p) {
  char text[32];
  snprintf(text, sizeof text, "%.6g", (double)p);
  return json_object_new_double_s((double)p, text);
}

static void write_json(const thaw_call *call, const thaw_classes *classes, size_t label,
                       const float *p) {
  const predict_settings *settings = call->settings;
  json_object *line = json_object_new_object();
  json_object_object_add(line, "label", json_object_new_string(classes->names[label]));
  json_object_object_add(line, "probability", json_number(p[label]));
  if (settings->all) {
    json_object *all = json_object_new_object();
    for (size_t c = 0; c < classes->count; c++)
      json_object_object_add(all, classes->names[c], json_number(p[c]));
    json_object_object_add(line, "probabilities", all);
  }
  const int style = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
  fprintf(call->out, "%s\n", json_object_to_json_string_ext(line, style));
  json_object_put(line);
}

static void write_predictions(const thaw_call *call, const thaw_classes *classes,
                              const thaw_predictions *predictions) {
  static void (*const write[])(const thaw_call *, const thaw_classes *, size_t, const float *) = {
      [FORMAT_TEXT] = write_text, [FORMAT_CSV] = write_csv, [FORMAT_JSON] = write_json};
  const predict_settings *settings = call->settings;
  for (size_t d = 0; d < predictions->count; d++) {
    write[settings->format](call, classes, (size_t)predictions->predicted[d],
                            predictions->probabilities + d * predictions->classes);
  }
}

/* ---- Reading and classifying ----------------------------------------------------------------- */

/* Classifies what waits and writes it out at once. */
static thaw_status flush(const thaw_call *call, thaw_predictor *predictor) {
  thaw_predictions *predictions = NULL;
  if (thaw_predictor_waiting(predictor) == 0) return THAW_OK;
  thaw_status status = thaw_predictor_run(call->ctx, predictor, &predictions);
  if (status) return status;
  write_predictions(call, thaw_predictor_classes(predictor), predictions);
  thaw_predictions_free(predictions);
  if (fflush(call->out) != 0)
    return thaw_fail(call->ctx, THAW_FAILED, "writing to standard output failed");
  return THAW_OK;
}

/* Lines before one that cannot be read get their labels. */
static thaw_status flush_before(const thaw_call *call, thaw_predictor *predictor,
                                thaw_status failure) {
  thaw_status status = flush(call, predictor);
  return status ? status : failure;
}

static thaw_status predict_lines(const thaw_call *call, thaw_predictor *predictor,
                                 thaw_input *input) {
  for (;;) {
    char *line;
    size_t bytes;
    const bool full = thaw_predictor_waiting(predictor) == MOST_AT_ONCE;
    thaw_status status = THAW_OK;
    if (full || !thaw_input_is_ready(input)) status = flush(call, predictor);
    if (status) return status;
    status = thaw_input_line(call->ctx, input, &line, &bytes);
    if (status) return flush_before(call, predictor, status);
    if (!line) return THAW_OK;
    status = thaw_predictor_add(call->ctx, predictor, line, bytes);
    if (status) return status;
  }
}

static thaw_status predict_file(const thaw_call *call, thaw_predictor *predictor,
                                const char *path) {
  const predict_settings *settings = call->settings;
  thaw_input *input = NULL;
  thaw_status status =
      strcmp(path, "-") == 0
          ? thaw_input_attach(call->ctx, STDIN_FILENO, "standard input", settings->encoding, &input)
          : thaw_input_open(call->ctx, path, settings->encoding, &input);
  if (status == THAW_OK) status = predict_lines(call, predictor, input);
  if (status == THAW_OK) status = flush(call, predictor);
  thaw_input_close(input);
  return status;
}

static thaw_status run(const thaw_call *call) {
  thaw_predictor *predictor = NULL;
  thaw_status status =
      thaw_predictor_open(call->ctx, call->operands.words[0], call->registry, &predictor);
  if (status == THAW_OK) write_heading(call, thaw_predictor_classes(predictor));
  if (status == THAW_OK && call->operands.count == 1) status = predict_file(call, predictor, "-");
  for (size_t i = 1; i < call->operands.count && status == THAW_OK; i++)
    status = predict_file(call, predictor, call->operands.words[i]);
  thaw_predictor_free(predictor);
  return status;
}

const thaw_command thaw_command_predict = {
    .name = "predict",
    .operands = "RUN.h5 [FILE…]",
    .summary = "Label text with a finished run: one line of output for each line of input.",
    .description =
        "Reads the files, or standard input (also named -), line by line; files may be compressed "
        "with gzip. Lines are labelled as they arrive, so that the command can stand in a pipe. An "
        "empty line is an empty document and gets a label too. The run file is all that is needed, "
        "with the plugins that the run names.",
    .options = options,
    .settings_size = sizeof(predict_settings),
    .fewest = 1,
    .most = SIZE_MAX,
    .run = run,
};
