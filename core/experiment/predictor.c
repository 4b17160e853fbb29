/* predictor.c: see predictor.h. */
#include "experiment/predictor.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "config/experiment.h"
#include "store/runfile.h"
#include "tensor/blas.h"
#include "text/tokenizing.h"
#include "train/classifier.h"

/* Documents at once, and their tokens, so that memory is bounded whatever their lengths. */
enum { BATCH = 64, MOST_TOKENS = 1 << 15 };

struct thaw_predictor {
  thaw_experiment *experiment;
  thaw_tokenizing *tokenizing;
  thaw_vocabulary *vocabulary;
  thaw_classes classes;
  thaw_model *model;
  thaw_tape *tape;
  thaw_corpus waiting;
};

static const thaw_stage_config *stage_of(const thaw_predictor *p) {
  return &p->experiment->stages[THAW_STAGE_CLASSIFY];
}

static thaw_status check_run(thaw_context *ctx, const thaw_run_file *run, const thaw_predictor *p) {
  if (!stage_of(p)->present) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s holds a language model: only a run with a classify stage can label text",
                     thaw_run_path(run));
  }
  return thaw_run_need_complete(ctx, run);
}

static thaw_status load_tokenizer(thaw_context *ctx, const thaw_run_file *run, thaw_predictor *p) {
  const thaw_plugin_use *use = &p->experiment->tokenizer;
  const thaw_plugin_descriptor *plugin = use->plugin->descriptor;
  char *version = NULL, *state = NULL;
  size_t bytes = 0;
  thaw_status status = thaw_run_text(ctx, run, "tokenizer/version", &version);
  if (status == THAW_OK && strcmp(version, plugin->version) != 0) {
    status = thaw_fail(ctx, THAW_INVALID,
                       "%s was made with version %s of the tokenizer %s, this one is %s: it would "
                       "cut text in another way",
                       thaw_run_path(run), version, plugin->name, plugin->version);
  }
  if (status == THAW_OK)
    status = thaw_tokenizing_create(ctx, plugin->api.tokenizer, use->settings, &p->tokenizing);
  if (status == THAW_OK) status = thaw_run_tokenizer_state(ctx, run, &state, &bytes);
  if (status == THAW_OK) status = thaw_tokenizing_load(ctx, p->tokenizing, state, bytes);
  free(version);
  free(state);
  return status;
}

static thaw_status load_model(thaw_context *ctx, const thaw_run_file *run, thaw_predictor *p) {
  const thaw_experiment *e = p->experiment;
  const thaw_plugin_use encoder = {e->encoder.plugin, stage_of(p)->encoder_settings};
  const thaw_plugin_use head = {e->head.plugin, stage_of(p)->head_settings};
  thaw_params *weights = NULL;
  thaw_status status = thaw_run_vocabulary(ctx, run, NULL, &p->vocabulary);
  if (status == THAW_OK) status = thaw_run_classes(ctx, run, &p->classes);
  if (status == THAW_OK) status = thaw_run_weights(ctx, run, NULL, &weights);
  if (status == THAW_OK) {
    status = thaw_model_create_classifier(ctx, &encoder, &head, thaw_vocabulary_size(p->vocabulary),
                                          p->classes.count, 0, weights, &p->model);
    if (status)
      thaw_explain(ctx, status, "%s: the plugins that are installed make another model",
                   thaw_run_path(run));
  }
  thaw_params_free(weights);
  return status;
}

static thaw_status load(thaw_context *ctx, const thaw_run_file *run, thaw_registry *registry,
                        thaw_predictor *p) {
  char *resolved = NULL;
  thaw_status status = thaw_run_text(ctx, run, "config/resolved", &resolved);
  if (status == THAW_OK) {
    status = thaw_experiment_restore(ctx, thaw_run_path(run), resolved, registry, &p->experiment);
  }
  free(resolved);
  if (status == THAW_OK) status = check_run(ctx, run, p);
  if (status == THAW_OK) status = load_tokenizer(ctx, run, p);
  if (status == THAW_OK) status = load_model(ctx, run, p);
  if (status) return status;
  thaw_numerics_prepare((int)p->experiment->threads);
  p->tape = thaw_tape_create();
  return p->tape ? THAW_OK : thaw_fail_memory(ctx, 0);
}

thaw_status thaw_predictor_open(thaw_context *ctx, const char *path, thaw_registry *registry,
                                thaw_predictor **predictor) {
  *predictor = NULL;
  thaw_run_file *run = NULL;
  thaw_predictor *p = calloc(1, sizeof *p);
  thaw_status status = p ? thaw_run_open(ctx, path, &run) : thaw_fail_memory(ctx, sizeof *p);
  if (status == THAW_OK) status = load(ctx, run, registry, p);
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
  thaw_corpus_free(&predictor->waiting);
  thaw_tape_free(predictor->tape);
  thaw_model_free(predictor->model);
  thaw_classes_free(&predictor->classes);
  thaw_vocabulary_free(predictor->vocabulary);
  thaw_tokenizing_free(predictor->tokenizing);
  thaw_experiment_free(predictor->experiment);
  free(predictor);
}

const thaw_classes *thaw_predictor_classes(const thaw_predictor *predictor) {
  return &predictor->classes;
}

thaw_status thaw_predictor_add(thaw_context *ctx, thaw_predictor *predictor, const char *text,
                               size_t bytes) {
  return thaw_corpus_add(ctx, &predictor->waiting, predictor->tokenizing, predictor->vocabulary,
                         text, bytes, -1);
}

size_t thaw_predictor_waiting(const thaw_predictor *predictor) {
  return predictor->waiting.count;
}

thaw_status thaw_predictor_run(thaw_context *ctx, thaw_predictor *predictor,
                               thaw_predictions **predictions) {
  const thaw_stage_config *stage = stage_of(predictor);
  thaw_classifier classifier = thaw_classifier_of(predictor->model, stage);
  classifier.batch = BATCH;
  if (classifier.batch_tokens == 0 || classifier.batch_tokens > MOST_TOKENS)
    classifier.batch_tokens = MOST_TOKENS;
  *predictions = thaw_predictions_create("new", predictor->waiting.count, predictor->classes.count);
  if (!*predictions) return thaw_fail_memory(ctx, predictor->waiting.count * sizeof(float));
  thaw_status status =
      thaw_classify(ctx, &classifier, predictor->tape, &predictor->waiting, *predictions, NULL);
  thaw_corpus_free(&predictor->waiting);
  if (status) {
    thaw_predictions_free(*predictions);
    *predictions = NULL;
  }
  return status;
}
