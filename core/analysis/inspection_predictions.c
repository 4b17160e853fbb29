/* inspection_predictions.c: what a classifier got wrong: by class, by pair of classes, and the
 * documents whose class had the least probability. */
#include <stdlib.h>
#include <string.h>

#include "analysis/document_texts.h"
#include "analysis/inspection_parts.h"
#include "analysis/scores_table.h"
#include "base/context.h"
#include "train/metrics.h"

enum { MOST_PAIRS = 10 };

/* Takes a table of scores_table.h as a part. */
static thaw_status take(inspection_reader *r, const char *name, const char *title,
                        thaw_status status, thaw_table *table) {
  if (status == THAW_OK && r->inspection->count < THAW_INSPECTION_MOST) {
    r->inspection->parts[r->inspection->count++] =
        (thaw_inspection_part){name, title, table, true, true};
    return THAW_OK;
  }
  thaw_table_free(table);
  return status;
}

/* ---- The most wrong documents ---------------------------------------------------------------- */

typedef struct wrong {
  double loss;
  size_t document;
} wrong;

static int by_falling_loss(const void *a, const void *b) {
  const wrong *x = a, *y = b;
  if (x->loss != y->loss) return x->loss > y->loss ? -1 : 1;
  return (x->document > y->document) - (x->document < y->document);
}

static size_t find_wrong(const thaw_predictions *p, wrong *all) {
  size_t count = 0;
  for (size_t d = 0; d < p->count; d++) {
    if (p->gold[d] < 0 || p->gold[d] == p->predicted[d]) continue;
    const double loss = thaw_prediction_loss(p->probabilities + d * p->classes, p->gold[d]);
    all[count++] = (wrong){loss, d};
  }
  qsort(all, count, sizeof *all, by_falling_loss);
  return count;
}

static thaw_status add_documents(inspection_reader *r, const thaw_classes *classes,
                                 const thaw_predictions *p, const wrong *all, size_t count) {
  static const char *const headings[] = {"document",    "loss", "label", "predicted",
                                         "probability", "text", NULL};
  size_t *documents = calloc(count + 1, sizeof *documents);
  char **texts = calloc(count + 1, sizeof *texts);
  thaw_table *table =
      thaw_inspection_add(r, "documents", "the most wrong documents", FOR_BOTH, headings);
  thaw_status status =
      documents && texts && table ? THAW_OK : thaw_fail_memory(r->ctx, count * sizeof *texts);
  for (size_t i = 0; i < count && status == THAW_OK; i++) documents[i] = all[i].document;
  if (status == THAW_OK && count > 0)
    status = thaw_document_texts(r->ctx, r->run, r->registry, p->split, documents, count, texts);
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    const size_t d = documents[i];
    const float *probabilities = p->probabilities + d * p->classes;
    thaw_table_number(table, (double)d, 0);
    thaw_table_number(table, all[i].loss, 3);
    thaw_table_text(table, classes->names[p->gold[d]]);
    thaw_table_text(table, classes->names[p->predicted[d]]);
    thaw_table_number(table, (double)probabilities[p->predicted[d]], 3);
    thaw_table_text(table, texts[i]);
  }
  for (size_t i = 0; texts && i < count; i++) free(texts[i]);
  free(texts);
  free(documents);
  return status;
}

static thaw_status inspect_documents(inspection_reader *r, const thaw_classes *classes,
                                     const thaw_predictions *p) {
  wrong *all = malloc((p->count + 1) * sizeof *all);
  if (!all) return thaw_fail_memory(r->ctx, p->count * sizeof *all);
  size_t count = find_wrong(p, all);
  if (count > r->documents) count = r->documents;
  thaw_status status = add_documents(r, classes, p, all, count);
  free(all);
  return status;
}

/* ---- All ------------------------------------------------------------------------------------- */

static thaw_status inspect_split(inspection_reader *r, const thaw_classes *classes,
                                 const thaw_predictions *p) {
  thaw_table *table = NULL;
  thaw_status status = thaw_scores_table(r->ctx, classes, p, &table);
  status = take(
      r, "classes",
      p->split[0] == 't' ? "classes of the test documents" : "classes of the validation documents",
      status, table);
  if (status) return status;
  status = thaw_confusions_table(r->ctx, classes, p, MOST_PAIRS, &table);
  status = take(r, "confusions", "the most confused classes", status, table);
  return status ? status : inspect_documents(r, classes, p);
}

thaw_status thaw_inspect_predictions(inspection_reader *r) {
  const char *split = thaw_run_has_predictions(r->run, "test") ? "test" : "valid";
  thaw_predictions *predictions = NULL;
  thaw_classes classes = {0};
  if (!thaw_run_has_predictions(r->run, split)) return THAW_OK;
  thaw_status status = thaw_run_predictions(r->ctx, r->run, split, &predictions);
  if (status == THAW_OK) status = thaw_run_classes(r->ctx, r->run, &classes);
  if (status == THAW_OK && classes.count != predictions->classes)
    status = thaw_fail(r->ctx, THAW_INVALID, "%s has %zu classes, but predictions for %zu",
                       thaw_run_path(r->run), classes.count, predictions->classes);
  if (status == THAW_OK) status = inspect_split(r, &classes, predictions);
  thaw_classes_free(&classes);
  thaw_predictions_free(predictions);
  return status;
}
