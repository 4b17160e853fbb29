/* scores_table.c: see scores_table.h. */
#include "analysis/scores_table.h"

#include <stdlib.h>

#include "base/context.h"
#include "train/metrics.h"

static thaw_status create(thaw_context *ctx, const char *const *headings, thaw_table **table) {
  *table = thaw_table_create();
  if (!*table) return thaw_fail_memory(ctx, 0);
  for (; *headings; headings++) thaw_table_column(*table, *headings);
  return THAW_OK;
}

thaw_status thaw_scores_table(thaw_context *ctx, const thaw_classes *classes,
                              const thaw_predictions *p, thaw_table **table) {
  static const char *const headings[] = {"class",  "documents", "predicted", "precision",
                                         "recall", "F1",        NULL};
  *table = NULL;
  thaw_class_scores *scores = calloc(p->classes + 1, sizeof *scores);
  thaw_status status =
      scores ? thaw_score_classes(ctx, p->gold, p->predicted, p->count, p->classes, scores)
             : thaw_fail_memory(ctx, p->classes * sizeof *scores);
  if (status == THAW_OK) status = create(ctx, headings, table);
  for (size_t c = 0; status == THAW_OK && c < p->classes; c++) {
    thaw_table_text(*table, classes->names[c]);
    thaw_table_number(*table, (double)scores[c].gold, 0);
    thaw_table_number(*table, (double)scores[c].predicted, 0);
    thaw_table_number(*table, scores[c].precision, 3);
    thaw_table_number(*table, scores[c].recall, 3);
    thaw_table_number(*table, scores[c].f1, 3);
  }
  free(scores);
  return status;
}

/* ---- Confusions ------------------------------------------------------------------------------ */

/* A document that was taken for another class: sorted, those of one pair stand side by side. */
typedef struct confusion {
  int32_t gold, predicted;
  size_t count;
} confusion;

static int by_pair(const void *a, const void *b) {
  const confusion *x = a, *y = b;
  if (x->gold != y->gold) return x->gold < y->gold ? -1 : 1;
  return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static int by_falling_count(const void *a, const void *b) {
  const confusion *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return by_pair(a, b);
}

/* The pairs among the documents, the most frequent first. Ten thousand classes have more pairs than
 * documents: there is no matrix. */
static size_t find_pairs(const thaw_predictions *p, confusion *pairs) {
  size_t wrong = 0, count = 0;
  for (size_t d = 0; d < p->count; d++) {
    if (p->gold[d] >= 0 && p->gold[d] != p->predicted[d])
      pairs[wrong++] = (confusion){p->gold[d], p->predicted[d], 1};
  }
  qsort(pairs, wrong, sizeof *pairs, by_pair);
  for (size_t i = 0; i < wrong; i++) {
    if (count > 0 && by_pair(&pairs[count - 1], &pairs[i]) == 0)
      pairs[count - 1].count++;
    else
      pairs[count++] = pairs[i];
  }
  qsort(pairs, count, sizeof *pairs, by_falling_count);
  return count;
}

static size_t count_gold(const thaw_predictions *p, int32_t class) {
  size_t count = 0;
  for (size_t d = 0; d < p->count; d++) count += p->gold[d] == class;
  return count;
}

thaw_status thaw_confusions_table(thaw_context *ctx, const thaw_classes *classes,
                                  const thaw_predictions *p, size_t most, thaw_table **table) {
  static const char *const headings[] = {"label", "predicted", "documents", "share", NULL};
  confusion *pairs = malloc((p->count + 1) * sizeof *pairs);
  *table = NULL;
  thaw_status status =
      pairs ? create(ctx, headings, table) : thaw_fail_memory(ctx, p->count * sizeof *pairs);
  const size_t count = status == THAW_OK ? find_pairs(p, pairs) : 0;
  for (size_t i = 0; i < count && i < most; i++) {
    thaw_table_text(*table, classes->names[pairs[i].gold]);
    thaw_table_text(*table, classes->names[pairs[i].predicted]);
    thaw_table_number(*table, (double)pairs[i].count, 0);
    thaw_table_number(*table, (double)pairs[i].count / (double)count_gold(p, pairs[i].gold), 3);
  }
  free(pairs);
  return status;
}

/* ---- Documents ------------------------------------------------------------------------------- */

thaw_status thaw_predictions_table(thaw_context *ctx, const thaw_classes *classes,
                                   const thaw_predictions *p, thaw_table **table) {
  static const char *const headings[] = {"document", "label", "predicted", NULL};
  thaw_status status = create(ctx, headings, table);
  if (status) return status;
  for (size_t c = 0; c < p->classes; c++) thaw_table_column(*table, classes->names[c]);
  for (size_t d = 0; d < p->count; d++) {
    thaw_table_number(*table, (double)d, 0);
    thaw_table_text(*table, p->gold[d] < 0 ? NULL : classes->names[p->gold[d]]);
    thaw_table_text(*table, classes->names[p->predicted[d]]);
    for (size_t c = 0; c < p->classes; c++)
      thaw_table_number(*table, (double)p->probabilities[d * p->classes + c], 6);
  }
  return THAW_OK;
}
