/* run_model.c: see run_model.h. */
#include "experiment/run_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "tensor/blas.h"

thaw_status thaw_run_model_experiment(thaw_context *ctx, const thaw_run_file *run,
                                      thaw_registry *registry, thaw_experiment **experiment) {
  char *resolved = NULL;
  *experiment = NULL;
  thaw_status status = thaw_run_text(ctx, run, "config/resolved", &resolved);
  if (status == THAW_OK)
    status = thaw_experiment_restore(ctx, thaw_run_path(run), resolved, registry, experiment);
  free(resolved);
  return status;
}

static thaw_status load_tokenizer(thaw_context *ctx, const thaw_run_file *run, thaw_run_model *m) {
  const thaw_plugin_use *use = &m->experiment->tokenizer;
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
    status = thaw_tokenizing_create(ctx, plugin->api.tokenizer, use->settings, &m->tokenizing);
  if (status == THAW_OK) status = thaw_run_tokenizer_state(ctx, run, &state, &bytes);
  if (status == THAW_OK) status = thaw_tokenizing_load(ctx, m->tokenizing, state, bytes);
  free(version);
  free(state);
  return status;
}

static thaw_status create_model(thaw_context *ctx, thaw_run_model *m, thaw_params *weights) {
  const thaw_experiment *e = m->experiment;
  const thaw_plugin_use encoder = {e->encoder.plugin, m->stage->encoder_settings};
  const thaw_plugin_use head = {e->head.plugin, m->stage->head_settings};
  const size_t words = thaw_vocabulary_size(m->vocabulary);
  if (m->stage->kind == THAW_STAGE_CLASSIFY)
    return thaw_model_create_classifier(ctx, &encoder, &head, words, m->classes.count, 0, weights,
                                        &m->model);
  return thaw_model_restore_language_model(ctx, &encoder, words, weights, &m->model);
}

/* `kept`: the stage's weights are not the file's own. */
static thaw_status load(thaw_context *ctx, const thaw_run_file *run, bool kept, thaw_run_model *m) {
  const char *stage = kept ? m->stage->name : NULL;
  thaw_params *weights = NULL;
  thaw_status status = load_tokenizer(ctx, run, m);
  if (status == THAW_OK) status = thaw_run_vocabulary(ctx, run, stage, &m->vocabulary);
  if (status == THAW_OK && m->stage->kind == THAW_STAGE_CLASSIFY)
    status = thaw_run_classes(ctx, run, &m->classes);
  if (status == THAW_OK) status = thaw_run_weights(ctx, run, stage, &weights);
  if (status == THAW_OK) {
    status = create_model(ctx, m, weights);
    if (status)
      thaw_explain(ctx, status, "%s: the plugins that are installed make another model",
                   thaw_run_path(run));
  }
  thaw_params_free(weights);
  if (status) return status;
  thaw_numerics_prepare((int)m->experiment->threads);
  m->tape = thaw_tape_create();
  return m->tape ? THAW_OK : thaw_fail_memory(ctx, 0);
}

/* The model of `stage`, or a failure with nothing left. */
static thaw_status open(thaw_context *ctx, const thaw_run_file *run,
                        const thaw_experiment *experiment, thaw_stage_kind stage, bool kept,
                        thaw_run_model *model) {
  *model = (thaw_run_model){.experiment = experiment, .stage = &experiment->stages[stage]};
  const thaw_status status = load(ctx, run, kept, model);
  if (status) thaw_run_model_free(model);
  return status;
}

thaw_status thaw_run_model_classifier(thaw_context *ctx, const thaw_run_file *run,
                                      const thaw_experiment *experiment, thaw_run_model *model) {
  *model = (thaw_run_model){0};
  if (!experiment->stages[THAW_STAGE_CLASSIFY].present) {
    return thaw_fail(ctx, THAW_INVALID,
                     "%s holds a language model: only a run with a classify stage can label text",
                     thaw_run_path(run));
  }
  const thaw_status status = thaw_run_need_complete(ctx, run);
  if (status) return status;
  return open(ctx, run, experiment, THAW_STAGE_CLASSIFY, false, model);
}

/* Which stage's language model the file has. */
static thaw_status find_language_model(thaw_context *ctx, const thaw_run_file *run,
                                       const thaw_experiment *experiment, thaw_stage_kind *stage,
                                       bool *kept) {
  char *last = NULL;
  thaw_status status = thaw_run_text(ctx, run, "environment/stage", &last);
  if (status) return status;
  status = THAW_INVALID;
  for (int k = THAW_STAGE_FINETUNE; k >= THAW_STAGE_PRETRAIN && status; k--) {
    const thaw_stage_config *one = &experiment->stages[k];
    *kept = one->present && strcmp(last, one->name) != 0;
    *stage = (thaw_stage_kind)k;
    if (one->present && (!*kept || thaw_run_has_stage(run, one->name))) status = THAW_OK;
  }
  if (status) {
    thaw_fail(ctx, status,
              "%s holds a classifier and no language model: keep_weights: true in the stage "
              "pretrain or finetune keeps its weights in the run file, and the stage cache has a "
              "file of each",
              thaw_run_path(run));
  }
  free(last);
  return status;
}

thaw_status thaw_run_model_language_model(thaw_context *ctx, const thaw_run_file *run,
                                          const thaw_experiment *experiment,
                                          thaw_run_model *model) {
  thaw_stage_kind stage = THAW_STAGE_PRETRAIN;
  bool kept = false;
  *model = (thaw_run_model){0};
  thaw_status status = thaw_run_need_complete(ctx, run);
  if (status == THAW_OK) status = find_language_model(ctx, run, experiment, &stage, &kept);
  return status ? status : open(ctx, run, experiment, stage, kept, model);
}

void thaw_run_model_free(thaw_run_model *model) {
  thaw_tape_free(model->tape);
  thaw_model_free(model->model);
  thaw_classes_free(&model->classes);
  thaw_vocabulary_free(model->vocabulary);
  thaw_tokenizing_free(model->tokenizing);
  *model = (thaw_run_model){0};
}
