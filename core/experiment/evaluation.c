/* evaluation.c: see evaluation.h. */
#include "experiment/evaluation.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/documents.h"
#include "train/language_model.h"

enum { AT_ONCE = 1024, SHORTEST_STREAM = 1000 };

/* What is collected from chunk to chunk. */
typedef struct collection {
  thaw_context *ctx;
  thaw_predictor *predictor;
  size_t classes;
  thaw_buffer gold, predicted, probabilities; /* of int32_t, int32_t, float */
} collection;

/* Classifies the documents that wait. */
static thaw_status flush(collection *c) {
  thaw_predictions *p = NULL;
  if (thaw_predictor_waiting(c->predictor) == 0) return THAW_OK;
  thaw_status status = thaw_predictor_run(c->ctx, c->predictor, &p);
  if (status) return status;
  const size_t bytes = p->count * p->classes * sizeof(float);
  if (!thaw_buffer_append(&c->predicted, p->predicted, p->count * sizeof *p->predicted) ||
      !thaw_buffer_append(&c->probabilities, p->probabilities, bytes)) {
    status = thaw_fail_memory(c->ctx, bytes);
  }
  thaw_predictions_free(p);
  return status;
}

static thaw_status add_document(collection *c, const thaw_document *document) {
  int32_t label = -1;
  thaw_status status =
      thaw_document_label(c->ctx, document, thaw_predictor_classes(c->predictor), &label);
  if (status == THAW_OK && label < 0)
    status = thaw_fail_at(c->ctx, document->file, document->line, 0, "the document has no label");
  if (status == THAW_OK && !thaw_buffer_append(&c->gold, &label, sizeof label))
    status = thaw_fail_memory(c->ctx, sizeof label);
  if (status == THAW_OK)
    status = thaw_predictor_add(c->ctx, c->predictor, document->text, document->bytes);
  return status == THAW_OK && thaw_predictor_waiting(c->predictor) == AT_ONCE ? flush(c) : status;
}

/* Takes the first document, and every one after it. */
static thaw_status walk_source(thaw_context *ctx, const thaw_source *source,
                               thaw_status (*take)(void *user, const thaw_document *document),
                               void *user) {
  thaw_documents documents = {0};
  thaw_documents_walk walk = {.documents = &documents};
  const thaw_document *document = NULL;
  thaw_status status = thaw_documents_add(ctx, &documents, source);
  while (status == THAW_OK) {
    status = thaw_documents_next(ctx, &walk, &document);
    if (status || !document) break;
    status = take(user, document);
  }
  thaw_documents_end(&walk);
  thaw_documents_free(&documents);
  return status;
}

static thaw_status take_labelled(void *user, const thaw_document *document) {
  return add_document(user, document);
}

static thaw_status finish(const collection *c, thaw_predictions **predictions) {
  const size_t count = c->gold.size / sizeof(int32_t);
  thaw_predictions *p = thaw_predictions_create("new", count, c->classes);
  if (!p) return thaw_fail_memory(c->ctx, count * c->classes * sizeof(float));
  memcpy(p->gold, c->gold.data, c->gold.size);
  memcpy(p->predicted, c->predicted.data, c->predicted.size);
  memcpy(p->probabilities, c->probabilities.data, c->probabilities.size);
  *predictions = p;
  return THAW_OK;
}

thaw_status thaw_evaluate_classifier(thaw_context *ctx, thaw_predictor *predictor,
                                     const thaw_source *source, thaw_predictions **predictions) {
  collection c = {
      .ctx = ctx, .predictor = predictor, .classes = thaw_predictor_classes(predictor)->count};
  *predictions = NULL;
  thaw_status status = walk_source(ctx, source, take_labelled, &c);
  if (status == THAW_OK) status = flush(&c);
  if (status == THAW_OK) status = finish(&c, predictions);
  thaw_buffer_free(&c.gold);
  thaw_buffer_free(&c.predicted);
  thaw_buffer_free(&c.probabilities);
  return status;
}

/* ---- Language models ------------------------------------------------------------------------- */

typedef struct cutting {
  thaw_context *ctx;
  const thaw_run_model *model;
  thaw_corpus corpus;
} cutting;

static thaw_status take_text(void *user, const thaw_document *document) {
  cutting *c = user;
  return thaw_corpus_add(c->ctx, &c->corpus, c->model->tokenizing, c->model->vocabulary,
                         document->text, document->bytes, -1);
}

static thaw_status measure(cutting *c, thaw_text_score *score) {
  const thaw_stage_config *stage = c->model->stage;
  const thaw_corpus *corpus = &c->corpus;
  *score = (thaw_text_score){.documents = corpus->count,
                             .tokens = corpus->offsets[corpus->count],
                             .unknown = corpus->unknown};
  if (score->tokens < 2)
    return thaw_fail(c->ctx, THAW_INVALID, "the text has no word, so there is no perplexity");
  size_t streams = score->tokens / SHORTEST_STREAM;
  if (streams > (size_t)stage->batch) streams = (size_t)stage->batch;
  if (streams == 0) streams = 1;
  return thaw_language_model_loss(c->ctx, c->model->model, stage->encoder_settings, c->model->tape,
                                  corpus, streams, (size_t)stage->bptt, &score->loss);
}

thaw_status thaw_evaluate_language_model(thaw_context *ctx, const thaw_run_model *model,
                                         const thaw_source *source, thaw_text_score *score) {
  cutting c = {.ctx = ctx, .model = model};
  thaw_status status = walk_source(ctx, source, take_text, &c);
  if (status == THAW_OK) status = thaw_corpus_finish(ctx, &c.corpus, NULL);
  if (status == THAW_OK) status = measure(&c, score);
  thaw_corpus_free(&c.corpus);
  return status;
}
