/* comparison_metric.c: how well one run did, and which share each document has in that.
 *
 * An accuracy is a mean over documents, and so is a loss. Macro F1 is not; its shares are the
 * jackknife's pseudo-values (Quenouille 1956, "Notes on bias in estimation"; Tukey 1958), n·F −
 * (n − 1)·F without the document, whose mean is nearly F and whose spread is that of F over
 * documents. Of an accuracy they are the 0 and 1 of wrong and right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/comparison_parts.h"
#include "base/context.h"

/* ---- Shares ---------------------------------------------------------------------------------- */

static thaw_status keep_right(thaw_context *ctx, thaw_arena *arena, const thaw_predictions *p,
                              thaw_compared_run *run) {
  uint8_t *right = thaw_arena_alloc(arena, run->scores.count + 1);
  if (!right) return thaw_fail_memory(ctx, run->scores.count);
  size_t next = 0;
  for (size_t d = 0; d < p->count; d++) {
    if (p->gold[d] >= 0) right[next++] = p->predicted[d] == p->gold[d];
  }
  run->right = right;
  return THAW_OK;
}

static void find_losses(const thaw_predictions *p, float *shares) {
  size_t next = 0;
  for (size_t d = 0; d < p->count; d++) {
    const float *probabilities = p->probabilities + d * p->classes;
    if (p->gold[d] >= 0) shares[next++] = (float)thaw_prediction_loss(probabilities, p->gold[d]);
  }
}

/* A class's F1 when `gold`, `predicted` and `correct` documents are left of it; `*seen` counts the
 * classes that occur. */
static double f1(size_t gold, size_t predicted, size_t correct, size_t *seen) {
  if (gold + predicted == 0) return 0;
  ++*seen;
  return 2 * (double)correct / (double)(gold + predicted);
}

/* Macro F1's pseudo-values: without a document only its two classes change. */
static void find_pseudo_values(const thaw_predictions *p, const thaw_class_scores *scores,
                               float *shares, size_t count) {
  double sum = 0;
  size_t seen = 0, next = 0;
  for (size_t c = 0; c < p->classes; c++)
    sum += f1(scores[c].gold, scores[c].predicted, scores[c].correct, &seen);
  const double whole = sum / (double)seen, n = (double)count;
  for (size_t d = 0; d < p->count; d++) {
    if (p->gold[d] < 0) continue;
    const thaw_class_scores *g = &scores[p->gold[d]], *q = &scores[p->predicted[d]];
    size_t before = 0, after = 0;
    double change;
    if (g == q) {
      change = f1(g->gold - 1, g->predicted - 1, g->correct - 1, &after) -
               f1(g->gold, g->predicted, g->correct, &before);
    } else {
      change = f1(g->gold - 1, g->predicted, g->correct, &after) -
               f1(g->gold, g->predicted, g->correct, &before);
      change += f1(q->gold, q->predicted - 1, q->correct, &after) -
                f1(q->gold, q->predicted, q->correct, &before);
    }
    const size_t left = seen - before + after;
    const double without = left ? (sum + change) / (double)left : 0;
    shares[next++] = (float)(n * whole - (n - 1) * without);
  }
}

static thaw_status keep_shares(thaw_context *ctx, thaw_arena *arena, thaw_metric metric,
                               const thaw_predictions *p, thaw_compared_run *run) {
  const size_t bytes = (run->scores.count + 1) * sizeof(float);
  float *shares = thaw_arena_alloc(arena, bytes);
  if (!shares) return thaw_fail_memory(ctx, bytes);
  thaw_status status = THAW_OK;
  if (metric == THAW_METRIC_LOSS) {
    find_losses(p, shares);
  } else {
    thaw_class_scores *scores = calloc(p->classes + 1, sizeof *scores);
    status = scores ? thaw_score_classes(ctx, p->gold, p->predicted, p->count, p->classes, scores)
                    : thaw_fail_memory(ctx, p->classes * sizeof *scores);
    if (status == THAW_OK) find_pseudo_values(p, scores, shares, run->scores.count);
    free(scores);
  }
  run->shares = shares;
  return status;
}

/* ---- Predictions ----------------------------------------------------------------------------- */

/* Hashes the names of the classes: their numbers may differ between runs on other parts of the
 * training data. */
static thaw_status hash_gold(thaw_context *ctx, const thaw_run_file *file,
                             const thaw_predictions *predictions, thaw_compared_run *run) {
  thaw_classes classes;
  thaw_status status = thaw_run_classes(ctx, file, &classes);
  if (status != THAW_OK) return status;
  thaw_hash *hash = thaw_hash_create();
  if (!hash) status = thaw_fail_memory(ctx, 0);
  if (status == THAW_OK && classes.count != predictions->classes) {
    status = thaw_fail(ctx, THAW_INVALID, "%s has %zu classes, but predictions for %zu", run->path,
                       classes.count, predictions->classes);
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

static thaw_status measure(thaw_context *ctx, thaw_arena *arena, thaw_metric metric,
                           const thaw_predictions *p, thaw_compared_run *run) {
  switch (metric) {
    case THAW_METRIC_ACCURACY:
      run->metric = run->scores.accuracy;
      return keep_right(ctx, arena, p, run);
    case THAW_METRIC_MACRO_F1:
      run->metric = run->scores.macro_f1;
      return keep_shares(ctx, arena, metric, p, run);
    case THAW_METRIC_LOSS:
      run->metric = thaw_mean_loss(p->gold, p->probabilities, p->count, p->classes);
      return keep_shares(ctx, arena, metric, p, run);
    case THAW_METRIC_SECONDS:
      run->metric = run->seconds;
      return THAW_OK;
    case THAW_METRIC_PERPLEXITY:
      return THAW_OK;
  }
  return THAW_OK;
}

thaw_status thaw_compared_scores(thaw_context *ctx, thaw_arena *arena, thaw_metric metric,
                                 const thaw_run_file *file, thaw_compared_run *run) {
  thaw_predictions *predictions;
  thaw_status status = thaw_run_predictions(ctx, file, run->split, &predictions);
  if (status != THAW_OK) return status;
  status = thaw_score(ctx, predictions->gold, predictions->predicted, predictions->count,
                      predictions->classes, &run->scores);
  if (status != THAW_OK) thaw_explain(ctx, status, "%s", run->path);
  if (status == THAW_OK) status = hash_gold(ctx, file, predictions, run);
  if (status == THAW_OK) status = measure(ctx, arena, metric, predictions, run);
  thaw_predictions_free(predictions);
  return status;
}

/* ---- Language models ------------------------------------------------------------------------- */

/* The epoch whose weights were kept; NULL when none has a perplexity. */
static const thaw_epoch_row *kept_epoch(const thaw_series *series, bool best) {
  const thaw_epoch_row *kept = NULL;
  for (size_t e = 0; e < series->epoch_count; e++) {
    const thaw_epoch_row *row = &series->epochs[e];
    if (!isfinite(row->perplexity)) continue;
    if (!kept || !best || row->valid_loss < kept->valid_loss) kept = row;
  }
  return kept;
}

thaw_status thaw_compared_perplexity(thaw_context *ctx, const thaw_run_file *file,
                                     const char *(*keep)(void *user, const char *stage), void *user,
                                     double *perplexity) {
  thaw_series **series;
  size_t count;
  *perplexity = NAN;
  thaw_status status = thaw_run_series(ctx, file, &series, &count);
  if (status != THAW_OK) return status;
  for (size_t i = 0; i < count; i++) {
    const char *which = keep(user, series[i]->stage);
    const thaw_epoch_row *kept = kept_epoch(series[i], which && strcmp(which, "best") == 0);
    if (kept) *perplexity = kept->perplexity;
    thaw_series_free(series[i]);
  }
  free(series);
  return THAW_OK;
}
