/* comparison.c: reading the runs that are compared. How rows are made of them stands in
 * comparison_rows.c, how they are printed in comparison_table.c.
 *
 * A run file is open only while it is read, and its predictions are kept only as scores and a hash:
 * a thousand runs fit into memory. */
#include "analysis/comparison.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/ends.h"
#include "base/context.h"
#include "store/runfile.h"

/* Headings that a setting's heading must not repeat. */
static const char *const taken[] = {"run",           "seed",      "seeds",    "split",
                                    "test",          "documents", "accuracy", "accuracy_low",
                                    "accuracy_high", "macro F1",  "macro_f1", "macro_f1_low",
                                    "macro_f1_high", "seconds"};
enum { TAKEN = sizeof taken / sizeof *taken };

typedef struct reader {
  thaw_context *ctx;
  thaw_comparison *comparison;
  thaw_configs *configs;
} reader;

/* ---- One run --------------------------------------------------------------------------------- */

/* Hashes the names of the classes: their numbers may differ between runs on other parts of the
 * training data. */
static thaw_status hash_gold(reader *r, const thaw_run_file *file,
                             const thaw_predictions *predictions, thaw_compared_run *run) {
  thaw_classes classes;
  thaw_status status = thaw_run_classes(r->ctx, file, &classes);
  if (status != THAW_OK) return status;
  thaw_hash *hash = thaw_hash_create();
  if (!hash) status = thaw_fail_memory(r->ctx, 0);
  if (status == THAW_OK && classes.count != predictions->classes) {
    status = thaw_fail(r->ctx, THAW_INVALID, "%s has %zu classes, but predictions for %zu",
                       run->path, classes.count, predictions->classes);
  }
  for (size_t d = 0; status == THAW_OK && d < predictions->count; d++) {
    const int32_t gold = predictions->gold[d];
    thaw_hash_add_text(hash, gold < 0 ? "" : classes.names[gold]);
  }
  if (status == THAW_OK) thaw_hash_text(hash, run->gold);
  thaw_hash_free(hash);
  thaw_classes_free(&classes);
  return status;
}

static thaw_status read_predictions(reader *r, const thaw_run_file *file, thaw_compared_run *run) {
  thaw_predictions *predictions;
  thaw_status status = thaw_run_predictions(r->ctx, file, run->split, &predictions);
  if (status != THAW_OK) return status;
  status = thaw_score(r->ctx, predictions->gold, predictions->predicted, predictions->count,
                      predictions->classes, &run->scores);
  if (status != THAW_OK) thaw_explain(r->ctx, status, "%s", run->path);
  if (status == THAW_OK) status = hash_gold(r, file, predictions, run);
  thaw_predictions_free(predictions);
  return status;
}

static thaw_status read_config(reader *r, const thaw_run_file *file, const char *path) {
  char *resolved;
  thaw_status status = thaw_run_text(r->ctx, file, "config/resolved", &resolved);
  if (status == THAW_OK) status = thaw_configs_add(r->ctx, r->configs, path, resolved);
  free(resolved);
  return status;
}

/* Why the run cannot be compared; NULL: it can. */
static const char *flaw(const thaw_run_file *file) {
  if (!thaw_run_complete(file)) return "is not finished";
  if (thaw_run_has_predictions(file, "test") || thaw_run_has_predictions(file, "valid"))
    return NULL;
  return "has no predictions; compare needs runs with a classify stage";
}

static thaw_status read_run(reader *r, const thaw_listed_run *listed) {
  thaw_run_file *file;
  thaw_status status = thaw_run_open(r->ctx, listed->path, &file);
  if (status != THAW_OK) return status;
  const char *why = flaw(file);
  if (why && listed->found) {
    thaw_log(r->ctx, THAW_LOG_INFO, "%s is left out: it %s", listed->path, why);
  } else if (why) {
    status = thaw_fail(r->ctx, THAW_INVALID, "%s %s", listed->path, why);
  } else {
    thaw_compared_run *run = &r->comparison->runs[r->comparison->run_count];
    *run = (thaw_compared_run){.path = thaw_arena_strdup(r->comparison->arena, listed->path),
                               .seed = thaw_run_seed(file),
                               .seconds = thaw_run_seconds(file),
                               .split = thaw_run_has_predictions(file, "test") ? "test" : "valid"};
    if (!run->path) status = thaw_fail_memory(r->ctx, strlen(listed->path));
    if (status == THAW_OK) status = read_predictions(r, file, run);
    if (status == THAW_OK) status = read_config(r, file, run->path);
    r->comparison->run_count++;
  }
  thaw_run_close(file);
  return status;
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
  thaw_shortest_ends(c->run_count, paths, '/', ends);
  for (size_t i = 0; i < c->run_count; i++) c->runs[i].name = ends[i];
  return THAW_OK;
}

static void compare_tests(reader *r) {
  thaw_comparison *c = r->comparison;
  const thaw_compared_run *other = NULL;
  for (size_t i = 0; i < c->run_count; i++) {
    if (strcmp(c->runs[i].split, "test") != 0) c->splits_named = true;
    if (!other && strcmp(c->runs[i].gold, c->runs[0].gold) != 0) other = &c->runs[i];
  }
  if (!other) return;
  c->tests_differ = true;
  thaw_log(r->ctx, THAW_LOG_WARNING,
           "%s and %s were not tested on the same documents: compare only runs that agree in the "
           "column 'test'",
           c->runs[0].path, other->path);
}

static thaw_status read_all(reader *r, const thaw_listed_run *files, size_t count) {
  thaw_comparison *c = r->comparison;
  c->runs = thaw_arena_alloc(c->arena, (count + 1) * sizeof *c->runs);
  r->configs = thaw_configs_create(c->arena, count + 1);
  if (!c->runs || !r->configs) return thaw_fail_memory(r->ctx, count * sizeof *c->runs);
  for (size_t i = 0; i < count; i++) {
    if (thaw_interrupted(r->ctx)) {
      return thaw_fail(r->ctx, THAW_INTERRUPTED, "%zu of %zu run files were read", i, count);
    }
    thaw_status status = read_run(r, &files[i]);
    if (status != THAW_OK) return status;
  }
  if (c->run_count == 0) {
    return thaw_fail(r->ctx, THAW_INVALID,
                     "there is no finished run with predictions among the files");
  }
  compare_tests(r);
  thaw_status status = name_runs(r);
  if (status != THAW_OK) return status;
  return thaw_configs_differences(r->ctx, r->configs, TAKEN, taken, &c->differences,
                                  &c->difference_count);
}

thaw_status thaw_comparison_read(thaw_context *ctx, const thaw_listed_run *files, size_t count,
                                 thaw_comparison **comparison) {
  *comparison = NULL;
  thaw_arena *arena = thaw_arena_create();
  thaw_comparison *read = arena ? thaw_arena_zalloc(arena, sizeof *read) : NULL;
  if (!read) {
    thaw_arena_free(arena);
    return thaw_fail_memory(ctx, sizeof *read);
  }
  read->arena = arena;
  reader r = {.ctx = ctx, .comparison = read};
  thaw_status status = read_all(&r, files, count);
  if (status == THAW_OK) {
    *comparison = read;
  } else {
    thaw_comparison_free(read);
  }
  return status;
}

void thaw_comparison_free(thaw_comparison *comparison) {
  if (comparison) thaw_arena_free(comparison->arena);
}
