/* metrics.c: accuracy, F1 and confusion counts.
 *
 * F1 needs three counts a class, not the whole confusion matrix: ten thousand classes stay cheap.
 */
#include "train/metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct class_counts {
  size_t gold, predicted, both;
} class_counts;

static thaw_status check(thaw_context *ctx, const int32_t *gold, const int32_t *predicted,
                         size_t count, size_t classes) {
  for (size_t i = 0; i < count; i++) {
    if (gold[i] < -1 || (gold[i] >= 0 && (size_t)gold[i] >= classes)) {
      return thaw_fail(ctx, THAW_INVALID, "document %zu has class %ld, but there are %zu classes",
                       i, (long)gold[i], classes);
    }
    if (predicted[i] < 0 || (size_t)predicted[i] >= classes) {
      return thaw_fail(ctx, THAW_INVALID,
                       "document %zu was predicted as class %ld, but there are %zu classes", i,
                       (long)predicted[i], classes);
    }
  }
  return THAW_OK;
}

static double mean_f1(const class_counts *counts, size_t classes) {
  double sum = 0;
  size_t occurring = 0;
  for (size_t c = 0; c < classes; c++) {
    const size_t either = counts[c].gold + counts[c].predicted;
    if (either == 0) continue;
    sum += 2.0 * (double)counts[c].both / (double)either;
    occurring++;
  }
  return sum / (double)occurring;
}

thaw_status thaw_score(thaw_context *ctx, const int32_t *gold, const int32_t *predicted,
                       size_t count, size_t classes, thaw_scores *scores) {
  *scores = (thaw_scores){.accuracy = NAN, .macro_f1 = NAN};
  thaw_status status = check(ctx, gold, predicted, count, classes);
  if (status) return status;
  class_counts *counts = calloc(classes ? classes : 1, sizeof *counts);
  if (!counts) return thaw_fail_memory(ctx, classes * sizeof *counts);
  for (size_t i = 0; i < count; i++) {
    if (gold[i] < 0) continue;
    scores->count++;
    counts[gold[i]].gold++;
    counts[predicted[i]].predicted++;
    if (gold[i] == predicted[i]) {
      scores->correct++;
      counts[gold[i]].both++;
    }
  }
  if (scores->count > 0) {
    scores->accuracy = (double)scores->correct / (double)scores->count;
    scores->macro_f1 = mean_f1(counts, classes);
  }
  free(counts);
  return THAW_OK;
}

thaw_status thaw_confusion(thaw_context *ctx, const int32_t *gold, const int32_t *predicted,
                           size_t count, size_t classes, size_t *confusion) {
  thaw_status status = check(ctx, gold, predicted, count, classes);
  if (status) return status;
  memset(confusion, 0, classes * classes * sizeof *confusion);
  for (size_t i = 0; i < count; i++) {
    if (gold[i] >= 0) confusion[(size_t)gold[i] * classes + (size_t)predicted[i]]++;
  }
  return THAW_OK;
}

static double share(size_t part, size_t whole) {
  return whole ? (double)part / (double)whole : NAN;
}

thaw_status thaw_score_classes(thaw_context *ctx, const int32_t *gold, const int32_t *predicted,
                               size_t count, size_t classes, thaw_class_scores *scores) {
  thaw_status status = check(ctx, gold, predicted, count, classes);
  if (status) return status;
  for (size_t c = 0; c < classes; c++) scores[c] = (thaw_class_scores){0};
  for (size_t i = 0; i < count; i++) {
    if (gold[i] < 0) continue;
    scores[gold[i]].gold++;
    scores[predicted[i]].predicted++;
    scores[gold[i]].correct += gold[i] == predicted[i];
  }
  for (size_t c = 0; c < classes; c++) {
    thaw_class_scores *s = &scores[c];
    s->precision = share(s->correct, s->predicted);
    s->recall = share(s->correct, s->gold);
    s->f1 = share(2 * s->correct, s->gold + s->predicted);
  }
  return THAW_OK;
}

double thaw_prediction_loss(const float *probabilities, int32_t gold) {
  return -log(fmax((double)probabilities[gold], (double)FLT_MIN));
}

double thaw_mean_loss(const int32_t *gold, const float *probabilities, size_t count,
                      size_t classes) {
  double sum = 0;
  size_t counted = 0;
  for (size_t i = 0; i < count; i++) {
    if (gold[i] < 0) continue;
    sum += thaw_prediction_loss(probabilities + i * classes, gold[i]);
    counted++;
  }
  return counted ? sum / (double)counted : NAN;
}
