/* average.c: see average.h. One run after the other is read and added up. */
#include "experiment/average.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "experiment/stages.h"
#include "store/environment.h"
#include "train/metrics.h"

enum { SPLITS = 2 };
static const char *const splits[SPLITS] = {"valid", "test"};

/* What is added up. */
typedef struct average {
  thaw_context *ctx;
  const thaw_experiment *experiment;
  thaw_classes classes;
  thaw_predictions *predictions[SPLITS]; /* NULL: there is no such split */
  double *sums[SPLITS];                  /* [count][classes] */
  double seconds;
  char (*hashes)[THAW_HASH_TEXT]; /* of the runs' files */
} average;

static void free_average(average *a) {
  thaw_classes_free(&a->classes);
  for (size_t s = 0; s < SPLITS; s++) {
    thaw_predictions_free(a->predictions[s]);
    free(a->sums[s]);
  }
  free(a->hashes);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* How two runs differ, as a failure; `first` is the one that was read first. */
static thaw_status differ(const average *a, const char *path, const char *format, ...)
    THAW_PRINTF(3, 4);
static thaw_status differ(const average *a, const char *path, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return thaw_fail(a->ctx, THAW_INVALID, "%s and %s cannot be averaged: %s",
                   a->experiment->average.values[0], path, text);
}

static thaw_status compare_classes(const average *a, const char *path, const thaw_classes *other) {
  const thaw_classes *own = &a->classes;
  if (own->count != other->count)
    return differ(a, path, "there are %zu classes in the first and %zu in the other", own->count,
                  other->count);
  for (size_t c = 0; c < own->count; c++) {
    if (strcmp(own->names[c], other->names[c]) != 0)
      return differ(a, path, "class %zu is '%s' in the first and '%s' in the other", c,
                    own->names[c], other->names[c]);
  }
  return THAW_OK;
}

static thaw_status compare_documents(const average *a, const char *path,
                                     const thaw_predictions *own, const thaw_predictions *other) {
  if (own->count != other->count)
    return differ(a, path, "the split %s has %zu documents in the first and %zu in the other",
                  own->split, own->count, other->count);
  for (size_t d = 0; d < own->count; d++) {
    const int32_t x = own->gold[d], y = other->gold[d];
    if (x != y)
      return differ(a, path,
                    "document %zu of the split %s is of class '%s' in the first and '%s' in the "
                    "other",
                    d, own->split, x < 0 ? "" : a->classes.names[x],
                    y < 0 ? "" : a->classes.names[y]);
  }
  return THAW_OK;
}

/* Takes over the first run's predictions, which are then compared with. */
static thaw_status begin_split(average *a, size_t s, thaw_predictions *predictions) {
  const size_t size = predictions->count * predictions->classes;
  a->sums[s] = calloc(size + 1, sizeof *a->sums[s]);
  if (!a->sums[s]) return thaw_fail_memory(a->ctx, size * sizeof *a->sums[s]);
  a->predictions[s] = predictions;
  return THAW_OK;
}

void thaw_average_add(double *sums, const thaw_predictions *predictions) {
  const size_t size = predictions->count * predictions->classes;
  for (size_t i = 0; i < size; i++) sums[i] += (double)predictions->probabilities[i];
}

static thaw_status add_split(average *a, const thaw_run_file *run, size_t number, size_t s) {
  const char *path = thaw_run_path(run);
  const bool there = thaw_run_has_predictions(run, splits[s]);
  if (number > 0 && there != (a->predictions[s] != NULL))
    return differ(a, path, "only the %s has predictions of the split %s", there ? "other" : "first",
                  splits[s]);
  if (!there) return THAW_OK;
  thaw_predictions *predictions = NULL;
  thaw_status status = thaw_run_predictions(a->ctx, run, splits[s], &predictions);
  if (status) return status;
  if (predictions->classes != a->classes.count) {
    status = thaw_fail(a->ctx, THAW_INVALID, "%s has %zu classes, but predictions for %zu", path,
                       a->classes.count, predictions->classes);
  } else if (number > 0) {
    status = compare_documents(a, path, a->predictions[s], predictions);
  }
  if (status == THAW_OK && number == 0) status = begin_split(a, s, predictions);
  if (status == THAW_OK) thaw_average_add(a->sums[s], predictions);
  if (predictions != a->predictions[s]) thaw_predictions_free(predictions);
  return status;
}

static thaw_status add_open_run(average *a, const thaw_run_file *run, size_t number) {
  thaw_classes classes = {0};
  thaw_status status = thaw_run_need_complete(a->ctx, run);
  if (status) return status;
  if (!thaw_run_has_predictions(run, "valid") && !thaw_run_has_predictions(run, "test"))
    return thaw_fail(a->ctx, THAW_INVALID,
                     "%s has no predictions: only runs with a classify stage can be averaged",
                     thaw_run_path(run));
  status = thaw_run_classes(a->ctx, run, &classes);
  if (status) return status;
  if (number > 0) {
    status = compare_classes(a, thaw_run_path(run), &classes);
    thaw_classes_free(&classes);
  } else {
    a->classes = classes;
  }
  for (size_t s = 0; s < SPLITS && status == THAW_OK; s++) status = add_split(a, run, number, s);
  a->seconds += thaw_run_seconds(run);
  return status;
}

/* The failure of a run has the place where the config names it. */
static thaw_status explain(const average *a, thaw_status status) {
  return status ? thaw_experiment_explain(a->ctx, status, a->experiment, "average") : THAW_OK;
}

static thaw_status add_runs(average *a) {
  const thaw_texts *runs = &a->experiment->average;
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < runs->count && status == THAW_OK; i++) {
    thaw_run_file *run = NULL;
    status = thaw_run_open(a->ctx, runs->values[i], &run);
    if (status == THAW_OK) status = add_open_run(a, run, i);
    thaw_run_close(run);
  }
  return explain(a, status);
}

/* ---- The result ------------------------------------------------------------------------------ */

void thaw_average_finish(const double *sums, size_t runs, thaw_predictions *p) {
  for (size_t d = 0; d < p->count; d++) {
    float *probabilities = p->probabilities + d * p->classes;
    size_t best = 0;
    for (size_t c = 0; c < p->classes; c++) {
      probabilities[c] = (float)(sums[d * p->classes + c] / (double)runs);
      if (probabilities[c] > probabilities[best]) best = c;
    }
    p->predicted[d] = (int32_t)best;
  }
}

/* What was measured on the validation documents, in the one row of a stage "average". */
static thaw_status measure(const average *a, thaw_series **series) {
  thaw_epoch_row row = {.epoch = 0,
                        .train_loss = NAN,
                        .valid_loss = NAN,
                        .perplexity = NAN,
                        .accuracy = NAN,
                        .macro_f1 = NAN,
                        .seconds = 0};
  const thaw_predictions *valid = a->predictions[0];
  *series = thaw_series_create("average", 0, NULL);
  if (!*series) return thaw_fail_memory(a->ctx, sizeof **series);
  if (valid) {
    thaw_scores scores;
    thaw_status status =
        thaw_score(a->ctx, valid->gold, valid->predicted, valid->count, valid->classes, &scores);
    if (status) return status;
    row.accuracy = scores.accuracy;
    row.macro_f1 = scores.macro_f1;
    row.valid_loss =
        thaw_mean_loss(valid->gold, valid->probabilities, valid->count, valid->classes);
  }
  return thaw_series_add_epoch(*series, &row) ? THAW_OK : thaw_fail_memory(a->ctx, sizeof row);
}

static thaw_status describe(const average *a, const char *key, thaw_arena *arena,
                            const thaw_text_pair **pairs, size_t *count) {
  const size_t runs = a->experiment->average.count;
  const thaw_text_pair *machine = NULL;
  thaw_status status = thaw_environment(a->ctx, arena, 1, &machine, count);
  if (status) return status;
  thaw_text_pair *all = thaw_arena_alloc(arena, (*count + runs + 2) * sizeof *all);
  if (!all) return thaw_fail_memory(a->ctx, (*count + runs + 2) * sizeof *all);
  memcpy(all, machine, *count * sizeof *all);
  all[(*count)++] = (thaw_text_pair){"key", key};
  all[(*count)++] = (thaw_text_pair){"stage", "average"};
  for (size_t i = 0; i < runs; i++) {
    char name[32];
    snprintf(name, sizeof name, "run.%zu", i);
    const char *copy = thaw_arena_strdup(arena, name);
    if (!copy) return thaw_fail_memory(a->ctx, sizeof name);
    all[(*count)++] = (thaw_text_pair){copy, a->hashes[i]};
  }
  *pairs = all;
  return THAW_OK;
}

static thaw_status write_run(const average *a, const char *path, const char *key,
                             const thaw_series *series, thaw_arena *arena) {
  const thaw_series *const all_series[] = {series};
  const thaw_predictions *predictions[SPLITS];
  thaw_buffer resolved = {0};
  thaw_run_content content = {.name = a->experiment->name,
                              .seed = (uint64_t)a->experiment->seed,
                              .seconds = a->seconds,
                              .complete = true,
                              .config_written = a->experiment->written,
                              .classes = &a->classes,
                              .series = all_series,
                              .series_count = 1,
                              .predictions = predictions};
  for (size_t s = 0; s < SPLITS; s++) {
    if (a->predictions[s]) predictions[content.predictions_count++] = a->predictions[s];
  }
  thaw_status status = thaw_node_write(a->ctx, a->experiment->resolved, false, &resolved);
  content.config_resolved = resolved.data;
  if (status == THAW_OK)
    status = describe(a, key, arena, &content.environment, &content.environment_count);
  if (status == THAW_OK) status = thaw_run_write(a->ctx, path, &content);
  thaw_buffer_free(&resolved);
  return status;
}

static thaw_status make_run(average *a, const char *path, const char *key) {
  thaw_series *series = NULL;
  thaw_arena *arena = thaw_arena_create();
  thaw_status status = arena ? add_runs(a) : thaw_fail_memory(a->ctx, 0);
  for (size_t s = 0; s < SPLITS && status == THAW_OK; s++) {
    if (a->predictions[s])
      thaw_average_finish(a->sums[s], a->experiment->average.count, a->predictions[s]);
  }
  if (status == THAW_OK) status = measure(a, &series);
  if (status == THAW_OK) status = thaw_output_prepare(a->ctx, path);
  if (status == THAW_OK) status = write_run(a, path, key, series, arena);
  thaw_series_free(series);
  thaw_arena_free(arena);
  return status;
}

/* The key is the hash of the runs' contents, wherever they are. */
static thaw_status find_key(average *a, char key[THAW_HASH_TEXT]) {
  const thaw_texts *runs = &a->experiment->average;
  thaw_hash *hash = thaw_hash_create();
  a->hashes = malloc(runs->count * sizeof *a->hashes);
  thaw_status status = hash && a->hashes ? THAW_OK : thaw_fail_memory(a->ctx, runs->count);
  if (status == THAW_OK) thaw_hash_add_text(hash, "thaw average 1");
  for (size_t i = 0; i < runs->count && status == THAW_OK; i++) {
    status = thaw_run_hash(a->ctx, runs->values[i], a->hashes[i]);
    if (status == THAW_OK) thaw_hash_add_text(hash, a->hashes[i]);
  }
  if (status == THAW_OK) thaw_hash_text(hash, key);
  thaw_hash_free(hash);
  return explain(a, status);
}

/* Where the run file is, and whether it is finished. */
static thaw_status look(average *a, const thaw_run_options *options, char key[THAW_HASH_TEXT],
                        thaw_run_outcome *outcome) {
  thaw_stage_progress progress = THAW_STAGE_NEW;
  thaw_status status = find_key(a, key);
  if (status) return status;
  outcome->path = thaw_output_path(a->experiment, options, key);
  if (!outcome->path) return thaw_fail_memory(a->ctx, strlen(key));
  status = thaw_stage_file_look(a->ctx, outcome->path, key, &progress);
  outcome->found = progress == THAW_STAGE_FINISHED;
  return status;
}

thaw_status thaw_average_look(thaw_context *ctx, const thaw_experiment *experiment,
                              const thaw_run_options *options, thaw_run_outcome *outcome) {
  average a = {.ctx = ctx, .experiment = experiment};
  char key[THAW_HASH_TEXT];
  const thaw_status status = look(&a, options, key, outcome);
  free_average(&a);
  return status;
}

thaw_status thaw_average_experiment(thaw_context *ctx, const thaw_experiment *experiment,
                                    const thaw_run_options *options, thaw_run_outcome *outcome) {
  average a = {.ctx = ctx, .experiment = experiment};
  char key[THAW_HASH_TEXT];
  thaw_status status = look(&a, options, key, outcome);
  if (status == THAW_OK && !outcome->found) status = make_run(&a, outcome->path, key);
  free_average(&a);
  return status;
}

/* ---- Its runs afterwards --------------------------------------------------------------------- */

static bool has_hash(const char *path, const char *hash) {
  char digits[THAW_HASH_TEXT];
  return thaw_path_exists(path) && thaw_run_hash(NULL, path, digits) == THAW_OK &&
         strcmp(digits, hash) == 0;
}

/* A folder that holds an average and its runs may have been moved: the run of that hash at the end
 * of its old path, seen from the folders above the average, the nearest first; malloc'ed. NULL: it
 * is not there. */
static char *find_moved(const char *run, const char *path, const char *hash) {
  char *folder = realpath(run, NULL), *found = NULL;
  for (char *slash; folder && !found && (slash = strrchr(folder, '/'));) {
    *slash = '\0';
    for (const char *end = strchr(path, '/'); end && !found; end = strchr(end + 1, '/')) {
      char *candidate = thaw_path_join(*folder ? folder : "/", end + 1);
      if (candidate && has_hash(candidate, hash)) {
        found = candidate;
      } else {
        free(candidate);
      }
    }
  }
  free(folder);
  return found;
}

thaw_status thaw_average_part(thaw_context *ctx, const thaw_run_file *run,
                              const thaw_experiment *experiment, size_t number, char **path) {
  const char *named = experiment->average.values[number];
  char part[48], now[THAW_HASH_TEXT], *then = NULL;
  *path = NULL;
  snprintf(part, sizeof part, "environment/run.%zu", number);
  thaw_status status = thaw_run_text(ctx, run, part, &then);
  if (status != THAW_OK) return status;
  const thaw_status read = thaw_run_hash(ctx, named, now);
  if (read == THAW_OK && strcmp(now, then) == 0) {
    *path = strdup(named);
    if (!*path) status = thaw_fail_memory(ctx, strlen(named));
  } else if (!(*path = find_moved(thaw_run_path(run), named, then))) {
    status = read ? thaw_explain(ctx, THAW_INVALID, "%s averages runs that are needed for new text",
                                 thaw_run_path(run))
                  : thaw_fail(ctx, THAW_INVALID, "%s is not the run any more that %s was made of",
                              named, thaw_run_path(run));
  }
  free(then);
  return status;
}
