/* comparison.c: reading the runs that are compared. How well one did is found in
 * comparison_metric.c, how rows are made of them in comparison_rows.c, how they are printed in
 * comparison_table.c.
 *
 * A run file is open only while it is read. What is kept of it is small, whatever it holds: scores,
 * a hash of its documents' classes, a byte or a float a document, and its settings, of which
 * thousands of runs share nearly all (differences.c). */
#include "analysis/comparison.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/comparison_parts.h"
#include "analysis/ends.h"
#include "analysis/where.h"
#include "base/context.h"

/* Headings that a setting's heading must not repeat. */
static const char *const taken[] = {"run",        "row",          "seed",          "seeds",
                                    "runs",       "split",        "test",          "documents",
                                    "accuracy",   "accuracy_low", "accuracy_high", "macro F1",
                                    "macro_f1",   "macro_f1_low", "macro_f1_high", "loss",
                                    "perplexity", "sd",           "difference",    "p",
                                    "verdict",    "seconds"};
enum { TAKEN = sizeof taken / sizeof *taken };

typedef struct reader {
  thaw_context *ctx;
  thaw_comparison *comparison;
  thaw_configs *configs;
  bool models; /* language models are compared */
} reader;

/* ---- One run --------------------------------------------------------------------------------- */

static thaw_status read_config(reader *r, const thaw_run_file *file, const char *path) {
  char *resolved;
  thaw_status status = thaw_run_text(r->ctx, file, "config/resolved", &resolved);
  if (status == THAW_OK) status = thaw_configs_add(r->ctx, r->configs, path, resolved);
  free(resolved);
  return status;
}

/* What the setting "keep" of a stage of the run that is being read is. */
static const char *kept_of(void *user, const char *stage) {
  const reader *r = user;
  char key[128];
  snprintf(key, sizeof key, "stages.%s.keep", stage);
  const char **values = thaw_configs_values(r->configs, key);
  return values ? values[r->comparison->run_count] : NULL;
}

/* Why the run cannot be compared; NULL: it can. */
static const char *flaw(const reader *r, const thaw_run_file *file) {
  if (!thaw_run_complete(file)) return "is not finished";
  const bool labels =
      thaw_run_has_predictions(file, "test") || thaw_run_has_predictions(file, "valid");
  if (r->models && labels) {
    return "ends with a classifier; perplexities are compared of language models alone";
  }
  if (r->models || labels) return NULL;
  return "has no predictions; compare needs runs with a classify stage, or --metric perplexity";
}

/* Adds the run, which has no flaw, but for counting it. */
static thaw_status read_compared(reader *r, const thaw_run_file *file, const char *path) {
  thaw_comparison *c = r->comparison;
  thaw_compared_run *run = &c->runs[c->run_count];
  *run = (thaw_compared_run){.path = thaw_arena_strdup(c->arena, path),
                             .seed = thaw_run_seed(file),
                             .seconds = thaw_run_seconds(file),
                             .split = thaw_run_has_predictions(file, "test") ? "test" : "valid",
                             .scores = {.accuracy = NAN, .macro_f1 = NAN},
                             .metric = NAN};
  if (!run->path) return thaw_fail_memory(r->ctx, strlen(path));
  thaw_status status = read_config(r, file, run->path);
  if (status != THAW_OK) return status;
  if (!r->models) return thaw_compared_scores(r->ctx, c->arena, c->metric, file, run);
  return thaw_compared_perplexity(r->ctx, file, kept_of, r, &run->metric);
}

static thaw_status read_run(reader *r, const thaw_listed_run *listed) {
  thaw_run_file *file;
  thaw_status status = thaw_run_open(r->ctx, listed->path, &file);
  if (status != THAW_OK) return status;
  const char *why = flaw(r, file);
  if (why && listed->found) {
    thaw_log(r->ctx, THAW_LOG_INFO, "%s is left out: it %s", listed->path, why);
  } else if (why) {
    status = thaw_fail(r->ctx, THAW_INVALID, "%s %s", listed->path, why);
  } else {
    status = read_compared(r, file, listed->path);
    r->comparison->run_count++;
  }
  thaw_run_close(file);
  return status;
}

/* ---- Where ----------------------------------------------------------------------------------- */

/* What a run has beside its settings. */
static const char *const results[] = {"path",     "split",   "documents", "accuracy",
                                      "macro_f1", "seconds", "loss",      "perplexity"};
enum { RESULTS = sizeof results / sizeof *results, VALUE_TEXT = 64 };

/* One run, while it is asked for its values. */
typedef struct asked_run {
  const thaw_comparison *comparison;
  size_t run;
  char text[VALUE_TEXT];
} asked_run;

static const char *number_text(asked_run *asked, double value) {
  if (!isfinite(value)) return NULL;
  snprintf(asked->text, sizeof asked->text, "%.17g", value);
  return asked->text;
}

static const char *find_value(void *user, const char *key) {
  asked_run *asked = user;
  const thaw_compared_run *run = &asked->comparison->runs[asked->run];
  const char **values = thaw_configs_values(asked->comparison->configs, key);
  if (values) return values[asked->run];
  if (strcmp(key, "path") == 0) return run->path;
  if (strcmp(key, "split") == 0) return run->split;
  if (strcmp(key, "documents") == 0) return number_text(asked, (double)run->scores.count);
  if (strcmp(key, "accuracy") == 0) return number_text(asked, run->scores.accuracy);
  if (strcmp(key, "macro_f1") == 0) return number_text(asked, run->scores.macro_f1);
  if (strcmp(key, "seconds") == 0) return number_text(asked, run->seconds);
  const char *metric = thaw_metric_about(asked->comparison->metric)->name;
  return strcmp(key, metric) == 0 ? number_text(asked, run->metric) : NULL;
}

thaw_status thaw_comparison_where(thaw_context *ctx, const thaw_comparison *c, size_t count,
                                  const char *const *expressions, bool *holds) {
  thaw_where *where;
  size_t setting_count, varied_count;
  thaw_status status = thaw_where_parse(ctx, c->arena, count, expressions, &where);
  if (status != THAW_OK) return status;
  const char *const *settings = thaw_configs_keys(c->configs, &setting_count);
  const char *const *varied = thaw_configs_varied_keys(c->configs, &varied_count);
  const size_t bytes = (setting_count + RESULTS) * sizeof(char *);
  const char **known = settings && varied ? thaw_arena_alloc(c->arena, bytes) : NULL;
  if (!known) return thaw_fail_memory(ctx, bytes);
  thaw_where_prefer(where, varied_count, varied);
  memcpy(known, settings, setting_count * sizeof *known);
  memcpy(known + setting_count, results, sizeof results);
  status = thaw_where_resolve(ctx, where, setting_count + RESULTS, known);
  for (size_t i = 0; status == THAW_OK && i < c->run_count; i++) {
    asked_run asked = {.comparison = c, .run = i};
    holds[i] = thaw_where_holds(where, find_value, &asked);
  }
  return status;
}

static thaw_status choose_runs(reader *r, const thaw_comparison_options *options) {
  thaw_comparison *c = r->comparison;
  bool *kept = thaw_arena_alloc(c->arena, (c->run_count + 1) * sizeof *kept);
  if (!kept) return thaw_fail_memory(r->ctx, c->run_count * sizeof *kept);
  thaw_status status = thaw_comparison_where(r->ctx, c, options->where_count, options->where, kept);
  if (status != THAW_OK) return status;
  size_t left = 0;
  for (size_t i = 0; i < c->run_count; i++) {
    if (kept[i]) c->runs[left++] = c->runs[i];
  }
  thaw_configs_keep(r->configs, kept);
  if (left == 0) {
    return thaw_fail(r->ctx, THAW_INVALID, "none of %zu runs fulfils '%s'%s", c->run_count,
                     options->where[0],
                     options->where_count > 1 ? " and the other conditions" : "");
  }
  c->run_count = left;
  return THAW_OK;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static thaw_status name_runs(reader *r) {
  thaw_comparison *c = r->comparison;
  const char **paths = thaw_arena_alloc(c->arena, c->run_count * sizeof *paths);
  const char **ends = thaw_arena_alloc(c->arena, c->run_count * sizeof *ends);
  if (!paths || !ends) return thaw_fail_memory(r->ctx, c->run_count * sizeof *paths);
  for (size_t i = 0; i < c->run_count; i++) {
    const char *path = c->runs[i].path;
    const size_t length = strlen(path);
    const bool typical = length > 3 && strcmp(path + length - 3, ".h5") == 0;
    paths[i] = thaw_arena_strndup(c->arena, path, typical ? length - 3 : length);
    if (!paths[i]) return thaw_fail_memory(r->ctx, length);
  }
  if (!thaw_shortest_ends(c->run_count, paths, '/', ends)) {
    return thaw_fail_memory(r->ctx, c->run_count * sizeof *paths);
  }
  for (size_t i = 0; i < c->run_count; i++) c->runs[i].name = ends[i];
  return THAW_OK;
}

static void compare_tests(reader *r) {
  thaw_comparison *c = r->comparison;
  const thaw_compared_run *other = NULL;
  for (size_t i = 0; i < c->run_count; i++) {
    if (!r->models && strcmp(c->runs[i].split, "test") != 0) c->splits_named = true;
    if (!other && strcmp(c->runs[i].gold, c->runs[0].gold) != 0) other = &c->runs[i];
  }
  if (!other) return;
  c->tests_differ = true;
  thaw_log(r->ctx, THAW_LOG_WARNING,
           "%s and %s were not tested on the same documents: compare only runs that agree in the "
           "column 'test'",
           c->runs[0].path, other->path);
}

static thaw_status read_all(reader *r, const thaw_listed_run *files, size_t count,
                            const thaw_comparison_options *options) {
  thaw_comparison *c = r->comparison;
  c->runs = thaw_arena_alloc(c->arena, (count + 1) * sizeof *c->runs);
  c->configs = r->configs = thaw_configs_create(c->arena, count + 1);
  if (!c->runs || !r->configs) return thaw_fail_memory(r->ctx, count * sizeof *c->runs);
  for (size_t i = 0; i < count; i++) {
    if (thaw_interrupted(r->ctx)) {
      return thaw_fail(r->ctx, THAW_INTERRUPTED, "%zu of %zu run files were read", i, count);
    }
    thaw_status status = read_run(r, &files[i]);
    if (status != THAW_OK) return status;
  }
  if (c->run_count == 0) {
    return thaw_fail(r->ctx, THAW_INVALID, "there is no finished %s among the files",
                     r->models ? "language model" : "run with predictions");
  }
  thaw_status status = options->where_count ? choose_runs(r, options) : THAW_OK;
  if (status == THAW_OK) {
    compare_tests(r);
    status = name_runs(r);
  }
  if (status != THAW_OK) return status;
  return thaw_configs_differences(r->ctx, r->configs, TAKEN, taken, &c->differences,
                                  &c->difference_count);
}

thaw_status thaw_comparison_read_some(thaw_context *ctx, const thaw_listed_run *files, size_t count,
                                      const thaw_comparison_options *options,
                                      thaw_comparison **comparison) {
  *comparison = NULL;
  thaw_arena *arena = thaw_arena_create();
  thaw_comparison *read = arena ? thaw_arena_zalloc(arena, sizeof *read) : NULL;
  if (!read) {
    thaw_arena_free(arena);
    return thaw_fail_memory(ctx, sizeof *read);
  }
  read->arena = arena;
  read->metric = options->metric;
  reader r = {
      .ctx = ctx, .comparison = read, .models = thaw_metric_about(options->metric)->of_models};
  thaw_status status = read_all(&r, files, count, options);
  if (status == THAW_OK) {
    *comparison = read;
  } else {
    thaw_comparison_free(read);
  }
  return status;
}

thaw_status thaw_comparison_read(thaw_context *ctx, const thaw_listed_run *files, size_t count,
                                 thaw_comparison **comparison) {
  const thaw_comparison_options options = {.metric = THAW_METRIC_ACCURACY};
  return thaw_comparison_read_some(ctx, files, count, &options, comparison);
}

void thaw_comparison_free(thaw_comparison *comparison) {
  if (comparison) thaw_arena_free(comparison->arena);
}
