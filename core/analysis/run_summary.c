/* run_summary.c: reading what a list says of run files, one after the other. How they are chosen
 * and sorted stands in run_summary_choice.c, how they are printed in run_summary_table.c. */
#include "analysis/run_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/ends.h"
#include "base/context.h"
#include "config/yaml.h"
#include "store/tags.h"
#include "train/metrics.h"

typedef struct reader {
  thaw_context *ctx;
  thaw_arena *arena;
  const thaw_run_file *run;
  thaw_run_summary *summary;
} reader;

/* ---- Texts ----------------------------------------------------------------------------------- */

/* A part that a run may lack; NULL then. */
static thaw_status read_text(const reader *r, const char *part, const char **text) {
  char *read = NULL;
  const thaw_status status = thaw_run_text(r->ctx, r->run, part, &read);
  *text = read ? thaw_arena_strdup(r->arena, read) : NULL;
  const bool lost = read && !*text;
  free(read);
  if (lost) return thaw_fail_memory(r->ctx, 1);
  return status == THAW_INVALID ? THAW_OK : status;
}

static thaw_status read_tags(const reader *r) {
  char *tags = NULL;
  thaw_status status = thaw_run_tags(r->ctx, r->run, &tags);
  if (status == THAW_OK) {
    r->summary->tags = thaw_arena_strdup(r->arena, tags);
    if (!r->summary->tags) status = thaw_fail_memory(r->ctx, strlen(tags));
  }
  free(tags);
  return status;
}

/* ---- Results --------------------------------------------------------------------------------- */

static thaw_status read_accuracy(const reader *r, const char *split) {
  thaw_predictions *predictions = NULL;
  thaw_scores scores;
  thaw_status status = thaw_run_predictions(r->ctx, r->run, split, &predictions);
  if (status != THAW_OK) return status;
  status = thaw_score(r->ctx, predictions->gold, predictions->predicted, predictions->count,
                      predictions->classes, &scores);
  thaw_predictions_free(predictions);
  if (status == THAW_OK) r->summary->accuracy = scores.accuracy;
  return status;
}

/* "classify, epoch 3 of 15": the epoch that the checkpoint is in. */
static thaw_status name_state(const reader *r, const char *stage, size_t finished_epochs) {
  thaw_buffer key = {0}, state = {0};
  thaw_node *root = NULL;
  const char *config = r->summary->config;
  const thaw_node *epochs = NULL;
  bool ok = thaw_buffer_format(&key, "stages.%s.epochs", stage) &&
            thaw_buffer_format(&state, "%s, epoch %zu", stage, finished_epochs + 1);
  thaw_status status = THAW_OK;
  if (ok && config) {
    status = thaw_yaml_parse(r->ctx, r->arena, r->summary->path, config, strlen(config), &root);
  }
  if (root) epochs = thaw_node_find(root, key.data);
  if (ok && epochs && epochs->kind == THAW_NODE_SCALAR)
    ok = thaw_buffer_format(&state, " of %s", epochs->text);
  r->summary->state = ok ? thaw_arena_strdup(r->arena, state.data) : NULL;
  thaw_buffer_free(&key);
  thaw_buffer_free(&state);
  return status == THAW_OK && !r->summary->state ? thaw_fail_memory(r->ctx, 1) : status;
}

/* Of the stage that the file is of, the last one: how far it is, and its perplexity. */
static thaw_status read_metrics(const reader *r) {
  thaw_series **series = NULL;
  size_t count = 0;
  thaw_status status = thaw_run_series(r->ctx, r->run, &series, &count);
  const thaw_series *last = count ? series[count - 1] : NULL;
  if (last && last->epoch_count)
    r->summary->perplexity = last->epochs[last->epoch_count - 1].perplexity;
  if (status == THAW_OK && !r->summary->complete)
    status = name_state(r,
                        last                ? last->stage
                        : r->summary->stage ? r->summary->stage
                                            : "training",
                        last ? last->epoch_count : 0);
  for (size_t i = 0; i < count; i++) thaw_series_free(series[i]);
  free(series);
  return status;
}

/* ---- One run --------------------------------------------------------------------------------- */

static thaw_status read_open(const reader *r) {
  thaw_run_summary *s = r->summary;
  s->complete = thaw_run_complete(r->run);
  s->seed = thaw_run_seed(r->run);
  s->seconds = thaw_run_seconds(r->run);
  s->state = "finished";
  const bool test = thaw_run_has_predictions(r->run, "test");
  const bool predicts = test || thaw_run_has_predictions(r->run, "valid");
  thaw_status status = read_text(r, "name", &s->name);
  if (status == THAW_OK) status = read_text(r, "environment/stage", &s->stage);
  if (status == THAW_OK) status = read_text(r, "environment/started", &s->started);
  if (status == THAW_OK) status = read_text(r, "config/resolved", &s->config);
  if (status == THAW_OK) status = read_tags(r);
  if (status == THAW_OK && predicts) status = read_accuracy(r, test ? "test" : "valid");
  if (status == THAW_OK && !(predicts && s->complete)) status = read_metrics(r);
  return status;
}

const char *thaw_run_fault(const thaw_context *ctx, thaw_arena *arena, const char *path) {
  const char *fault = thaw_error(ctx);
  const size_t length = strlen(path);
  if (strncmp(fault, path, length) == 0 && (fault[length] == ' ' || fault[length] == ':')) {
    fault += length + (fault[length] == ':');
    fault += strspn(fault, " ");
  }
  return thaw_arena_strdup(arena, fault);
}

/* What cannot be read is noted. */
static thaw_status read_run(thaw_context *ctx, thaw_arena *arena, const char *path,
                            thaw_run_summary *summary) {
  thaw_run_file *run = NULL;
  struct stat info = {0};
  *summary = (thaw_run_summary){.path = path, .accuracy = NAN, .perplexity = NAN, .seconds = NAN};
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status == THAW_OK) status = read_open(&(reader){ctx, arena, run, summary});
  thaw_run_close(run);
  if (status == THAW_INTERRUPTED) return status;
  if (status != THAW_OK) {
    const char *fault = thaw_run_fault(ctx, arena, path);
    *summary = (thaw_run_summary){.path = path,
                                  .fault = fault ? fault : "out of memory",
                                  .state = "unreadable",
                                  .accuracy = NAN,
                                  .perplexity = NAN,
                                  .seconds = NAN};
  }
  if (stat(path, &info) == 0) summary->bytes = (uint64_t)info.st_size;
  return THAW_OK;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static thaw_status label_runs(thaw_context *ctx, thaw_arena *arena, thaw_run_summary *summaries,
                              size_t count) {
  const char **paths = thaw_arena_alloc(arena, (count + 1) * sizeof *paths);
  const char **ends = thaw_arena_alloc(arena, (count + 1) * sizeof *ends);
  if (!paths || !ends) return thaw_fail_memory(ctx, count * sizeof *paths);
  for (size_t i = 0; i < count; i++) {
    const char *path = summaries[i].path;
    const size_t length = strlen(path);
    const bool typical = length > 3 && strcmp(path + length - 3, ".h5") == 0;
    paths[i] = thaw_arena_strndup(arena, path, typical ? length - 3 : length);
    if (!paths[i]) return thaw_fail_memory(ctx, length);
  }
  if (!thaw_shortest_ends(count, paths, '/', ends)) return thaw_fail_memory(ctx, count);
  for (size_t i = 0; i < count; i++) summaries[i].label = ends[i];
  return THAW_OK;
}

thaw_status thaw_run_summaries(thaw_context *ctx, thaw_arena *arena, const thaw_listed_run *files,
                               size_t count, thaw_run_summary **summaries) {
  *summaries = thaw_arena_alloc(arena, (count + 1) * sizeof **summaries);
  if (!*summaries) return thaw_fail_memory(ctx, count * sizeof **summaries);
  for (size_t i = 0; i < count; i++) {
    if (thaw_interrupted(ctx))
      return thaw_fail(ctx, THAW_INTERRUPTED, "%zu of %zu run files were read", i, count);
    thaw_status status = read_run(ctx, arena, files[i].path, &(*summaries)[i]);
    if (status != THAW_OK) return status;
  }
  return label_runs(ctx, arena, *summaries, count);
}
