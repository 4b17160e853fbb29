/* cmd_evaluate.c: `thaw evaluate`: how well a finished run does on data that it has not seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/scores_table.h"
#include "analysis/statistics.h"
#include "base/file.h"
#include "cli/output.h"
#include "experiment/evaluation.h"
#include "train/metrics.h"

/* "run's", then the formats in the order of thaw_format. */
static const char *const data_formats[] = {"run's", "text",   "csv",      "tsv",
                                           "jsonl", "folder", "labelled", NULL};

typedef struct evaluate_settings {
  const char *text, *label, *encoding, *predictions;
  int data_format, format;
} evaluate_settings;

static const thaw_option options[] = {
    {.name = "text",
     .letter = 't',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(evaluate_settings, text),
     .value_name = "COLUMN",
     .doc = "the column (csv, tsv) or member (jsonl) with the text; the run's when not given"},
    {.name = "label",
     .letter = 'l',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(evaluate_settings, label),
     .value_name = "COLUMN",
     .doc = "the same for the label"},
    {.name = "data-format",
     .letter = 'd',
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(evaluate_settings, data_format),
     .value_name = "FORMAT",
     .default_value = "run's",
     .doc = "how DATA is written",
     .choices = data_formats},
    {.name = "encoding",
     .letter = 'e',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(evaluate_settings, encoding),
     .value_name = "NAME",
     .doc = "the text's encoding; the run's when not given"},
    {.name = "predictions",
     .letter = 'p',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(evaluate_settings, predictions),
     .value_name = "FILE.csv",
     .doc = "write label, prediction and the probability of every class for each document"},
    THAW_FORMAT_OPTION(evaluate_settings),
    {0}};

/* What to read: as the data set of the run, but for what the options say. */
static thaw_source source_of(const thaw_call *call, const thaw_dataset *dataset, bool labelled) {
  const evaluate_settings *s = call->settings;
  thaw_source source = dataset->common;
  source.path = call->operands.words[1];
  if (s->data_format > 0) source.format = (thaw_format)(s->data_format - 1);
  if (s->text) source.text = s->text;
  if (s->label) source.label = s->label;
  if (s->encoding) source.encoding = s->encoding;
  if (!labelled) source.label = NULL;
  return source;
}

/* ---- Classifiers ----------------------------------------------------------------------------- */

static thaw_status write_predictions(const thaw_call *call, const thaw_classes *classes,
                                     const thaw_predictions *predictions) {
  const evaluate_settings *s = call->settings;
  thaw_table *table = NULL;
  thaw_buffer text = {0};
  thaw_status status = thaw_predictions_table(call->ctx, classes, predictions, &table);
  if (status == THAW_OK) status = thaw_table_write(call->ctx, table, THAW_TABLE_CSV, 0, &text);
  if (status == THAW_OK) status = thaw_write_file(call->ctx, s->predictions, text.data, text.size);
  thaw_buffer_free(&text);
  thaw_table_free(table);
  return status;
}

static thaw_status print_scores(const thaw_call *call, const thaw_classes *classes,
                                const thaw_predictions *p) {
  const evaluate_settings *s = call->settings;
  thaw_scores scores;
  thaw_table *table = NULL;
  thaw_status status = thaw_score(call->ctx, p->gold, p->predicted, p->count, p->classes, &scores);
  if (status == THAW_OK) status = thaw_scores_table(call->ctx, classes, p, &table);
  if (status) return status;
  const thaw_estimate accuracy = thaw_estimate_proportion(scores.correct, scores.count);
  const double loss = thaw_mean_loss(p->gold, p->probabilities, p->count, p->classes);
  if (s->format == THAW_TABLE_JSON) {
    fprintf(call->out,
            "{\"documents\": %zu, \"accuracy\": %.15g, \"accuracy_low\": %.15g, "
            "\"accuracy_high\": %.15g, \"macro_f1\": %.15g, \"loss\": %.15g, \"classes\": ",
            scores.count, accuracy.value, accuracy.low, accuracy.high, scores.macro_f1, loss);
  } else if (s->format == THAW_TABLE_TEXT || s->format == THAW_TABLE_MARKDOWN) {
    fprintf(call->out, "accuracy %.4f [%.4f, %.4f], macro F1 %.4f, loss %.4f, %zu documents\n\n",
            accuracy.value, accuracy.low, accuracy.high, scores.macro_f1, loss, scores.count);
  }
  status = thaw_print_table(call, table, s->format);
  if (s->format == THAW_TABLE_JSON) fputs("}\n", call->out);
  thaw_table_free(table);
  return status;
}

static thaw_status evaluate_classifier(const thaw_call *call) {
  const evaluate_settings *s = call->settings;
  thaw_predictor *predictor = NULL;
  thaw_predictions *predictions = NULL;
  thaw_status status =
      thaw_predictor_open(call->ctx, call->operands.words[0], call->registry, &predictor);
  if (status) return status;
  const thaw_classes *classes = thaw_predictor_classes(predictor);
  const thaw_experiment *experiment = thaw_predictor_experiment(predictor);
  const thaw_source source = source_of(call, experiment->stages[THAW_STAGE_CLASSIFY].data, true);
  status = thaw_evaluate_classifier(call->ctx, predictor, &source, &predictions);
  if (status == THAW_OK && s->predictions) status = write_predictions(call, classes, predictions);
  if (status == THAW_OK) status = print_scores(call, classes, predictions);
  thaw_predictions_free(predictions);
  thaw_predictor_free(predictor);
  return status;
}

/* ---- Language models ------------------------------------------------------------------------- */

static thaw_status print_text_score(const thaw_call *call, const thaw_text_score *score) {
  const evaluate_settings *s = call->settings;
  static const char *const headings[] = {"documents", "tokens", "unknown", "loss", "perplexity"};
  const double values[] = {(double)score->documents, (double)score->tokens, (double)score->unknown,
                           score->loss, exp(score->loss)};
  static const int decimals[] = {0, 0, 0, 4, 2};
  thaw_table *table = thaw_table_create();
  if (!table) return thaw_fail_memory(call->ctx, 0);
  for (size_t i = 0; i < 5; i++) thaw_table_column(table, headings[i]);
  for (size_t i = 0; i < 5; i++) thaw_table_number(table, values[i], decimals[i]);
  thaw_status status = thaw_print_table(call, table, s->format);
  thaw_table_free(table);
  return status;
}

static thaw_status evaluate_language_model(const thaw_call *call, const thaw_run_file *run,
                                           const thaw_experiment *experiment) {
  const evaluate_settings *s = call->settings;
  thaw_run_model model;
  thaw_text_score score;
  if (s->label || s->predictions)
    return thaw_fail(call->ctx, THAW_INVALID, "%s holds a language model: --%s is for classifiers",
                     thaw_run_path(run), s->label ? "label" : "predictions");
  thaw_status status = thaw_run_model_language_model(call->ctx, run, experiment, &model);
  if (status) return status;
  const thaw_source source = source_of(call, model.stage->data, false);
  status = thaw_evaluate_language_model(call->ctx, &model, &source, &score);
  if (status == THAW_OK) status = print_text_score(call, &score);
  thaw_run_model_free(&model);
  return status;
}

static thaw_status run(const thaw_call *call) {
  thaw_run_file *file = NULL;
  thaw_experiment *experiment = NULL;
  char *stage = NULL;
  thaw_status status = thaw_run_open(call->ctx, call->operands.words[0], &file);
  if (status == THAW_OK) status = thaw_run_text(call->ctx, file, "environment/stage", &stage);
  const bool language_model =
      stage && (strcmp(stage, "pretrain") == 0 || strcmp(stage, "finetune") == 0);
  if (status == THAW_OK && !language_model) {
    status = evaluate_classifier(call);
  } else if (status == THAW_OK) {
    status = thaw_run_model_experiment(call->ctx, file, call->registry, &experiment);
    if (status == THAW_OK) status = evaluate_language_model(call, file, experiment);
  }
  free(stage);
  thaw_experiment_free(experiment);
  thaw_run_close(file);
  return status;
}

const thaw_command thaw_command_evaluate = {
    .name = "evaluate",
    .operands = "RUN.h5 DATA",
    .summary = "Measure a finished run on new data.",
    .description =
        "DATA is a file or folder that is written as the run's own data set of that stage, unless "
        "the options say otherwise. Of a classifier, or an average of classifiers: accuracy with "
        "its 95 % confidence interval (Wilson's), macro F1, the mean loss (-log of the probability "
        "of a document's class), and precision, recall and F1 of every class; a document with a "
        "label that the run does not know is an error. Of a language model: the perplexity of the "
        "text.",
    .options = options,
    .settings_size = sizeof(evaluate_settings),
    .fewest = 2,
    .most = 2,
    .run = run,
};
