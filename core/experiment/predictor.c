/* predictor.c: see predictor.h. The predictor of an average has one of each of its runs, which are
 * asked one after the other. */
#include "experiment/predictor.h"

#include <stdlib.h>

#include "base/context.h"
#include "experiment/average.h"
#include "experiment/run_model.h"
#include "train/classifier.h"

/* Documents at once, and their tokens, so that memory is bounded whatever their lengths. */
enum { BATCH = 64, MOST_TOKENS = 1 << 15 };

struct thaw_predictor {
  thaw_experiment *experiment;
  thaw_run_model m;
  thaw_corpus waiting;
  /* Of an average instead of a model: */
  thaw_predictor **parts;
  size_t part_count;
};

static thaw_status open_parts(thaw_context *ctx, const thaw_run_file *run, thaw_registry *registry,
                              thaw_predictor *p) {
  const thaw_texts *runs = &p->experiment->average;
  thaw_status status = thaw_run_need_complete(ctx, run);
  p->parts = calloc(runs->count, sizeof(thaw_predictor *));
  if (status == THAW_OK && !p->parts) status = thaw_fail_memory(ctx, runs->count * sizeof *p);
  while (p->part_count < runs->count && status == THAW_OK) {
    char *path = NULL;
    status = thaw_average_part(ctx, run, p->experiment, p->part_count, &path);
    if (status == THAW_OK)
      status = thaw_predictor_open(ctx, path, registry, &p->parts[p->part_count]);
    if (status == THAW_OK) p->part_count++;
    free(path);
  }
  return status;
}

static thaw_status open_file(thaw_context *ctx, const thaw_run_file *run, thaw_registry *registry,
                             thaw_predictor *p) {
  thaw_status status = thaw_run_model_experiment(ctx, run, registry, &p->experiment);
  if (status) return status;
  if (p->experiment->average.count > 0) return open_parts(ctx, run, registry, p);
  return thaw_run_model_classifier(ctx, run, p->experiment, &p->m);
}

thaw_status thaw_predictor_open(thaw_context *ctx, const char *path, thaw_registry *registry,
                                thaw_predictor **predictor) {
  *predictor = NULL;
  thaw_run_file *run = NULL;
  thaw_predictor *p = calloc(1, sizeof *p);
  thaw_status status = p ? thaw_run_open(ctx, path, &run) : thaw_fail_memory(ctx, sizeof *p);
  if (status == THAW_OK) status = open_file(ctx, run, registry, p);
  thaw_run_close(run);
  if (status) {
    thaw_predictor_free(p);
    return status;
  }
  *predictor = p;
  return THAW_OK;
}

void thaw_predictor_free(thaw_predictor *predictor) {
  if (!predictor) return;
  for (size_t i = 0; i < predictor->part_count; i++) thaw_predictor_free(predictor->parts[i]);
  free(predictor->parts);
  thaw_corpus_free(&predictor->waiting);
  thaw_run_model_free(&predictor->m);
  thaw_experiment_free(predictor->experiment);
  free(predictor);
}

const thaw_experiment *thaw_predictor_experiment(const thaw_predictor *predictor) {
  return predictor->part_count ? thaw_predictor_experiment(predictor->parts[0])
                               : predictor->experiment;
}

const thaw_classes *thaw_predictor_classes(const thaw_predictor *predictor) {
  return predictor->part_count ? thaw_predictor_classes(predictor->parts[0])
                               : &predictor->m.classes;
}

thaw_status thaw_predictor_add(thaw_context *ctx, thaw_predictor *predictor, const char *text,
                               size_t bytes) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < predictor->part_count && status == THAW_OK; i++)
    status = thaw_predictor_add(ctx, predictor->parts[i], text, bytes);
  if (predictor->part_count) return status;
  return thaw_corpus_add(ctx, &predictor->waiting, predictor->m.tokenizing, predictor->m.vocabulary,
                         text, bytes, -1);
}

size_t thaw_predictor_waiting(const thaw_predictor *predictor) {
  return predictor->part_count ? thaw_predictor_waiting(predictor->parts[0])
                               : predictor->waiting.count;
}

/* The first part's predictions, with the means of all in the place of its own. */
static thaw_status run_parts(thaw_context *ctx, thaw_predictor *predictor,
                             thaw_predictions **predictions) {
  const size_t count = thaw_predictor_waiting(predictor);
  const size_t size = count * thaw_predictor_classes(predictor)->count;
  double *sums = calloc(size + 1, sizeof *sums);
  thaw_status status = sums ? THAW_OK : thaw_fail_memory(ctx, size * sizeof *sums);
  for (size_t i = 0; i < predictor->part_count && status == THAW_OK; i++) {
    thaw_predictions *own = NULL;
    status = thaw_predictor_run(ctx, predictor->parts[i], &own);
    if (status) break;
    thaw_average_add(sums, own);
    if (i == 0) *predictions = own;
    if (i > 0) thaw_predictions_free(own);
  }
  if (status == THAW_OK) thaw_average_finish(sums, predictor->part_count, *predictions);
  free(sums);
  return status;
}

static thaw_status run_model(thaw_context *ctx, thaw_predictor *predictor,
                             thaw_predictions **predictions) {
  thaw_classifier classifier = thaw_classifier_of(predictor->m.model, predictor->m.stage);
  classifier.batch = BATCH;
  if (classifier.batch_tokens == 0 || classifier.batch_tokens > MOST_TOKENS)
    classifier.batch_tokens = MOST_TOKENS;
  *predictions =
      thaw_predictions_create("new", predictor->waiting.count, predictor->m.classes.count);
  if (!*predictions) return thaw_fail_memory(ctx, predictor->waiting.count * sizeof(float));
  thaw_status status =
      thaw_classify(ctx, &classifier, predictor->m.tape, &predictor->waiting, *predictions, NULL);
  thaw_corpus_free(&predictor->waiting);
  return status;
}

thaw_status thaw_predictor_run(thaw_context *ctx, thaw_predictor *predictor,
                               thaw_predictions **predictions) {
  *predictions = NULL;
  const thaw_status status = predictor->part_count ? run_parts(ctx, predictor, predictions)
                                                   : run_model(ctx, predictor, predictions);
  if (status) {
    thaw_predictions_free(*predictions);
    *predictions = NULL;
  }
  return status;
}
