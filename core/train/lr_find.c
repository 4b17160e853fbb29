/* lr_find.c: see lr_find.h. */
#include "train/lr_find.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/progress.h"

/* ---- Suggestions ----------------------------------------------------------------------------- */

/* The points that count. */
static size_t first_of(int64_t steps) {
  return (size_t)steps / 10;
}

static size_t end_of(size_t count) {
  return count > 5 ? count - 5 : 0;
}

/* The longest falling subsequence of the losses, which need not be without gaps; the suggestion is
 * half a third behind its first third. The arithmetic is fastai's to the letter. */
static thaw_status find_valley(thaw_context *ctx, const thaw_lr_point *points, size_t count,
                               double *rate) {
  size_t *lengths = calloc(count, sizeof *lengths);
  if (!lengths) return thaw_fail_memory(ctx, count * sizeof *lengths);
  size_t longest = 0; /* where the longest one ends */
  for (size_t i = 0; i < count; i++) {
    lengths[i] = 1;
    for (size_t j = 0; j < i; j++) {
      if (points[i].smooth < points[j].smooth && lengths[i] < lengths[j] + 1)
        lengths[i] = lengths[j] + 1;
    }
    if (lengths[i] > lengths[longest]) longest = i;
  }
  const size_t length = lengths[longest];
  const double third = (double)length / 3;
  const double at = (double)longest - (double)length + floor(third) + floor(third / 2);
  if (length > 1) *rate = points[at > 0 ? (size_t)at : 0].rate;
  free(lengths);
  return THAW_OK;
}

static double find_steepest(const thaw_lr_point *points, size_t count) {
  double steepest = 0, rate = NAN;
  for (size_t i = 0; i + 1 < count; i++) {
    const double slope =
        (points[i + 1].smooth - points[i].smooth) / log(points[i + 1].rate / points[i].rate);
    if (slope >= steepest) continue;
    steepest = slope;
    rate = points[i].rate;
  }
  return rate;
}

thaw_status thaw_lr_suggest(thaw_context *ctx, const thaw_lr_point *points, size_t count,
                            int64_t steps, thaw_lr_suggestion *suggestion) {
  const size_t first = first_of(steps), end = end_of(count);
  *suggestion = (thaw_lr_suggestion){NAN, NAN};
  if (end <= first) return THAW_OK;
  suggestion->steepest = find_steepest(points + first, end - first);
  return find_valley(ctx, points + first, end - first, &suggestion->valley);
}

double thaw_lr_smooth(double *mean, size_t count, double loss) {
  const double keep = 0.98;
  *mean = keep * *mean + (1 - keep) * loss;
  return *mean / (1 - pow(keep, (double)count + 1));
}

bool thaw_lr_diverges(double *best, double smooth) {
  *best = fmin(*best, smooth);
  return !(smooth <= 4 * *best);
}

/* ---- The test -------------------------------------------------------------------------------- */

/* Each group's highest multiplier. */
static thaw_status find_shares(thaw_context *ctx, thaw_training *training, double *shares) {
  const int64_t steps = training->steps_from[training->stage->epochs];
  thaw_status status = THAW_OK;
  for (int64_t step = 0; step < steps && status == THAW_OK; step++) {
    status = thaw_training_rates(ctx, training, step, training->rates);
    for (size_t g = 0; g < training->rate_group_count; g++)
      shares[g] = fmax(shares[g], training->rates[g] / training->stage->optimizer.lr);
  }
  return status;
}

/* The batch after the last one; the first epoch follows on the last. */
static thaw_status next_batch(thaw_context *ctx, thaw_training *training, bool first,
                              const thaw_batch **batch) {
  if (!first) training->batch++;
  const bool ended = !first && training->batch == (int64_t)thaw_batches_count(training->batches);
  if (ended) training->epoch = (training->epoch + 1) % training->stage->epochs;
  if (first || ended) {
    training->batch = 0;
    thaw_carry_reset(training->carry);
    thaw_status status = thaw_batches_begin(ctx, training->batches, (size_t)training->epoch);
    if (status) return status;
  }
  *batch = thaw_batches_get(training->batches, (size_t)training->batch);
  return THAW_OK;
}

static thaw_status take_step(thaw_context *ctx, thaw_training *training, const double *shares,
                             bool first, thaw_lr_point *point) {
  const thaw_stage_config *stage = training->stage;
  const size_t groups = training->rate_group_count;
  const thaw_batch *batch;
  thaw_status status = next_batch(ctx, training, first, &batch);
  double *rates = status == THAW_OK ? malloc((groups + 1) * sizeof *rates) : NULL;
  if (status) return status;
  if (!rates) return thaw_fail_memory(ctx, groups * sizeof *rates);
  const double length = stage->vary_bptt > 0 ? (double)batch->time / (double)stage->bptt : 1;
  for (size_t g = 0; g < groups; g++) rates[g] = point->rate * shares[g] * length;
  status = thaw_training_try_step(ctx, training, batch, rates, &point->loss);
  free(rates);
  return status;
}

static thaw_status take_steps(thaw_context *ctx, thaw_training *training,
                              const thaw_lr_options *options, const double *shares,
                              thaw_progress *progress, thaw_lr_curve *curve) {
  double mean = 0, best = INFINITY;
  while ((int64_t)curve->count < options->steps) {
    char note[64];
    thaw_lr_point *point = &curve->points[curve->count];
    const double part = (double)curve->count / (double)(options->steps - 1);
    if (thaw_interrupted(ctx))
      return thaw_fail(ctx, THAW_INTERRUPTED,
                       "stage %s: stopped after %zu of %" PRId64 " steps; nothing was kept",
                       training->stage->name, curve->count, options->steps);
    point->rate = options->from * pow(options->to / options->from, part);
    thaw_status status = take_step(ctx, training, shares, curve->count == 0, point);
    if (status) return status;
    curve->diverged = !isfinite(point->loss);
    if (curve->diverged) return THAW_OK;
    point->smooth = thaw_lr_smooth(&mean, curve->count, point->loss);
    curve->diverged = thaw_lr_diverges(&best, point->smooth);
    curve->count++;
    snprintf(note, sizeof note, "rate %.2g, loss %.3f", point->rate, point->smooth);
    thaw_progress_update(progress, curve->count, 0, note);
    if (curve->diverged) return THAW_OK;
  }
  return THAW_OK;
}

thaw_status thaw_lr_find(thaw_context *ctx, thaw_training *training, const thaw_lr_options *options,
                         thaw_lr_curve *curve) {
  const size_t most = (size_t)options->steps;
  *curve = (thaw_lr_curve){.points = calloc(most, sizeof *curve->points)};
  double *shares = calloc(training->rate_group_count + 1, sizeof *shares);
  thaw_progress *progress = NULL;
  if (options->progress)
    progress = thaw_progress_start(options->progress, training->stage->name, most, "");
  thaw_status status =
      curve->points && shares ? THAW_OK : thaw_fail_memory(ctx, most * sizeof *curve->points);
  if (status == THAW_OK) status = find_shares(ctx, training, shares);
  if (status == THAW_OK) status = take_steps(ctx, training, options, shares, progress, curve);
  if (status == THAW_OK && curve->count == 0)
    status = thaw_fail(ctx, THAW_FAILED,
                       "stage %s: the first loss, at the rate %g, is not finite: start lower",
                       training->stage->name, options->from);
  thaw_progress_end(progress, status == THAW_OK ? "done" : "stopped");
  free(shares);
  if (status == THAW_OK)
    status = thaw_lr_suggest(ctx, curve->points, curve->count, options->steps, &curve->suggestion);
  if (status) thaw_lr_curve_free(curve);
  return status;
}

void thaw_lr_curve_free(thaw_lr_curve *curve) {
  free(curve->points);
  *curve = (thaw_lr_curve){0};
}
