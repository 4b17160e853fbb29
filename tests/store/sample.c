/* sample.c: the sample run and helpers for files. */
#include "sample.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static void need(bool ok) {
  if (ok) return;
  fputs("the sample run could not be made\n", stderr);
  abort();
}

float sample_weight(size_t group, size_t tensor, size_t k) {
  return (float)group + 0.25F * (float)tensor - 0.5F * (float)k;
}

static thaw_params *make_weights(size_t first_group) {
  thaw_params *params = thaw_params_create(7);
  const size_t table[] = {5, 3}, matrix[] = {8, 4}, vector[] = {8};
  const thaw_init zeros = {THAW_INIT_CONSTANT, 0, 0};
  need(params && thaw_params_add(params, NULL, "rnn.1", "w_hh", 2, matrix, zeros));
  need(thaw_params_add(params, NULL, "rnn.1", "bias", 1, vector, zeros));
  need(thaw_params_add(params, NULL, "embedding", "weight", 2, table, zeros));
  need(thaw_params_add_buffer(params, NULL, "head", "running_mean", 1, vector, zeros));
  need(thaw_params_add(params, NULL, "head", "scale", 0, NULL, zeros));
  for (size_t g = 0; g < params->count; g++) {
    for (size_t i = 0; i < params->groups[g].count; i++) {
      thaw_tensor *tensor = params->groups[g].params[i].tensor;
      const size_t count =
          tensor->shape[0] * tensor->shape[1] * tensor->shape[2] * tensor->shape[3];
      for (size_t k = 0; k < count; k++) tensor->data[k] = sample_weight(first_group + g, i, k);
    }
  }
  return params;
}

static thaw_vocabulary *make_vocabulary(size_t count) {
  static const char *const pieces[] = {"xxunk", "xxpad", "xxbos", "the", "größe", "字", "a/b"};
  static const uint64_t counts[] = {0, 0, 12, 11, 5, 3, 1ULL << 40};
  thaw_vocabulary *vocabulary = NULL;
  need(thaw_vocabulary_from_list(NULL, pieces, counts, count, &vocabulary) == THAW_OK);
  return vocabulary;
}

static thaw_series *make_series(const char *stage, size_t group_count, const char *const *groups,
                                int64_t steps) {
  thaw_series *series = thaw_series_create(stage, group_count, groups);
  const bool taken[] = {true, false, true};
  need(series != NULL);
  /* That without steps is as older files have it. */
  if (steps > 0) need(thaw_series_follow(series, group_count, groups, taken));
  for (int64_t i = 0; i < steps; i++) {
    const double x = (double)i;
    const double rates[] = {0.5 * x, 0.25 * x, 0};
    const thaw_step_row row = {i, i / 4, 1 / (x + 1), x * x, 1000 + x};
    need(thaw_series_add_step(series, &row, rates));
  }
  for (int64_t i = 0; i < steps / 4; i++) {
    const double x = (double)i;
    const thaw_epoch_row row = {i, 4 * i + 4, 2 - x, 3 - x, exp(x), NAN, 0.5, 1.5 * x};
    need(thaw_series_add_epoch(series, &row));
    for (size_t g = 0; g < series->moved_count; g++)
      thaw_series_last_distances(series)[g] = g == 1 ? NAN : x + 0.25 * (double)g;
  }
  return series;
}

static thaw_predictions *make_predictions(const char *split, size_t count, size_t classes) {
  thaw_predictions *predictions = thaw_predictions_create(split, count, classes);
  need(predictions != NULL);
  for (size_t d = 0; d < count; d++) {
    predictions->gold[d] = (int32_t)(d % classes);
    predictions->predicted[d] = (int32_t)(d * d % classes);
    for (size_t c = 0; c < classes; c++) {
      predictions->probabilities[d * classes + c] = (float)(d + 1) / (float)(c + 2);
    }
  }
  return predictions;
}

static void make_state(thaw_state *state) {
  const float moments[] = {1.5F, -2.25F, 3};
  const int64_t position[] = {17, -1, INT64_MAX, INT64_MIN};
  const double sums[] = {0.1, -1e300};
  const bool put =
      thaw_state_put(NULL, state, "optimizer/rnn.1/m", THAW_ARRAY_FLOAT, 3, moments) == THAW_OK &&
      thaw_state_put(NULL, state, "position", THAW_ARRAY_INT64, 4, position) == THAW_OK &&
      thaw_state_put(NULL, state, "sums", THAW_ARRAY_DOUBLE, 2, sums) == THAW_OK &&
      thaw_state_put(NULL, state, "nothing", THAW_ARRAY_FLOAT, 0, NULL) == THAW_OK;
  need(put);
}

sample *sample_create(void) {
  static const thaw_text_pair environment[] = {{"thaw_version", "0.0"},
                                               {"processor", "Prozessor µ"},
                                               {"hash/train.csv", "abc"},
                                               {"empty", ""}};
  static const char *const groups[] = {"embedding", "rnn.1", "head"};
  static const char state[] = "to\0ken\nizer";
  sample *run = calloc(1, sizeof *run);
  need(run != NULL);
  run->vocabulary = make_vocabulary(7);
  run->kept_vocabulary = make_vocabulary(5);
  need(thaw_classes_add(NULL, &run->classes, "NUM") == THAW_OK);
  need(thaw_classes_add(NULL, &run->classes, "no") == THAW_OK);
  need(thaw_classes_add(NULL, &run->classes, "été") == THAW_OK);
  run->weights = make_weights(0);
  run->kept_weights = make_weights(10);
  run->kept[0] = (thaw_kept_weights){"pretrain", run->kept_weights, run->kept_vocabulary};
  run->kept[1] = (thaw_kept_weights){"finetune", run->kept_weights, run->vocabulary};
  run->series[0] = make_series("pretrain", 2, groups, 0);
  run->series[1] = make_series("classify", 3, groups, 12);
  run->predictions[0] = make_predictions("valid", 0, 3);
  run->predictions[1] = make_predictions("test", 4, 3);
  make_state(&run->state);
  run->content =
      (thaw_run_content){.name = "trec6 größer",
                         .seed = 0xfedcba9876543210,
                         .seconds = 12.75,
                         .complete = false,
                         .config_written = "name: trec6 größer\n",
                         .config_resolved = "name: trec6 größer\nseed: 1\n",
                         .environment = environment,
                         .environment_count = 4,
                         .tokenizer_plugin = "word",
                         .tokenizer_version = "1",
                         .tokenizer_settings = "",
                         .tokenizer_state = state,
                         .tokenizer_state_bytes = sizeof state,
                         .vocabulary = run->vocabulary,
                         .classes = &run->classes,
                         .weights = run->weights,
                         .kept = run->kept,
                         .kept_count = 2,
                         .series = (const thaw_series *const *)run->series,
                         .series_count = 2,
                         .predictions = (const thaw_predictions *const *)run->predictions,
                         .predictions_count = 2,
                         .state = &run->state};
  return run;
}

void sample_free(sample *run) {
  thaw_vocabulary_free(run->vocabulary);
  thaw_vocabulary_free(run->kept_vocabulary);
  thaw_classes_free(&run->classes);
  thaw_params_free(run->weights);
  thaw_params_free(run->kept_weights);
  for (size_t i = 0; i < 2; i++) {
    thaw_series_free(run->series[i]);
    thaw_predictions_free(run->predictions[i]);
  }
  thaw_state_free(&run->state);
  free(run);
}

/* ---- Reading everything ---------------------------------------------------------------------- */

static thaw_status read_texts(thaw_context *ctx, const thaw_run_file *run) {
  static const char *const parts[] = {"name",
                                      "config/written",
                                      "config/resolved",
                                      "tokenizer/plugin",
                                      "tokenizer/version",
                                      "tokenizer/settings",
                                      "environment/processor"};
  thaw_status status = THAW_OK;
  for (size_t i = 0; status == THAW_OK && i < sizeof parts / sizeof *parts; i++) {
    char *text;
    status = thaw_run_text(ctx, run, parts[i], &text);
    free(text);
  }
  char *state;
  size_t bytes;
  if (status == THAW_OK) {
    status = thaw_run_tokenizer_state(ctx, run, &state, &bytes);
    free(state);
  }
  return status;
}

static thaw_status read_weights(thaw_context *ctx, const thaw_run_file *run) {
  static const char *const stages[] = {NULL, "pretrain", "finetune"};
  thaw_status status = THAW_OK;
  for (size_t i = 0; status == THAW_OK && i < 3; i++) {
    thaw_params *params;
    thaw_vocabulary *vocabulary = NULL;
    status = thaw_run_weights(ctx, run, stages[i], &params);
    thaw_params_free(params);
    if (status == THAW_OK) status = thaw_run_vocabulary(ctx, run, stages[i], &vocabulary);
    thaw_vocabulary_free(vocabulary);
  }
  return status;
}

static thaw_status read_records(thaw_context *ctx, const thaw_run_file *run) {
  thaw_classes classes = {0};
  thaw_series **series = NULL;
  thaw_predictions *predictions = NULL;
  thaw_state state = {0};
  size_t count = 0;
  thaw_status status = thaw_run_classes(ctx, run, &classes);
  thaw_classes_free(&classes);
  if (status == THAW_OK) status = thaw_run_series(ctx, run, &series, &count);
  for (size_t i = 0; i < count; i++) thaw_series_free(series[i]);
  free(series);
  if (status == THAW_OK) status = thaw_run_predictions(ctx, run, "test", &predictions);
  thaw_predictions_free(predictions);
  if (status == THAW_OK) status = thaw_run_state(ctx, run, &state);
  thaw_state_free(&state);
  return status;
}

thaw_status sample_read_all(thaw_context *ctx, const char *path) {
  thaw_run_file *run;
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status != THAW_OK) return status;
  status = read_texts(ctx, run);
  if (status == THAW_OK) status = read_weights(ctx, run);
  if (status == THAW_OK) status = read_records(ctx, run);
  free(thaw_run_stages(run));
  thaw_run_close(run);
  return status;
}

/* ---- Files ----------------------------------------------------------------------------------- */

char *sample_folder(void) {
  const char *base = getenv("TMPDIR");
  char *folder = thaw_path_join(base && *base ? base : "/tmp", "thaw-store-XXXXXX");
  need(folder && mkdtemp(folder));
  return folder;
}

/* Calls `each`, if not NULL, on every file's path and returns their number. */
static size_t visit(const char *folder, int (*each)(const char *path)) {
  size_t count = 0;
  DIR *open = opendir(folder);
  need(open != NULL);
  const struct dirent *entry;
  while ((entry = readdir(open))) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char *path = thaw_path_join(folder, entry->d_name);
    count++;
    if (each) each(path);
    free(path);
  }
  closedir(open);
  return count;
}

void sample_remove(char *folder) {
  visit(folder, remove);
  rmdir(folder);
  free(folder);
}

size_t sample_file_count(const char *folder) {
  return visit(folder, NULL);
}

unsigned char *sample_slurp(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  need(file && fseek(file, 0, SEEK_END) == 0);
  *size = (size_t)ftell(file);
  unsigned char *bytes = malloc(*size + 1);
  rewind(file);
  need(bytes && fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

void sample_spill(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  need(file && (size == 0 || fwrite(bytes, 1, size, file) == size) && fclose(file) == 0);
}
