/* stage_transfer.c: see stage_transfer.h. */
#include "experiment/stage_transfer.h"

#include <stdio.h>

#include "base/context.h"

/* The failure of a transfer, with the place in the YAML where it was asked for. */
static thaw_status explain(thaw_context *ctx, thaw_status status, const thaw_experiment *experiment,
                           const thaw_stage_work *work) {
  char key[64];
  snprintf(key, sizeof key, "stages.%s.transfer", work->stage->name);
  return thaw_experiment_explain(ctx, status, experiment, key);
}

/* From the weights in a file. */
static thaw_status check_file(thaw_context *ctx, const thaw_experiment *experiment,
                              const thaw_stage_work *work, const thaw_model *model) {
  thaw_stage_source source;
  bool taken = false;
  thaw_status status = thaw_stage_open_source(ctx, experiment, work, &source, &taken);
  if (status || !taken) return status;
  status = thaw_stage_source_weights(ctx, &source);
  if (status == THAW_OK) {
    const thaw_transfer_source from = {source.name, source.params, source.vocabulary,
                                       source.direction};
    status = thaw_transfer_check(ctx, &work->stage->transfer, &from, model);
    if (status) status = explain(ctx, status, experiment, work);
  }
  thaw_stage_source_free(&source);
  return status;
}

/* From a stage that is still to be trained. */
static thaw_status check_stage(thaw_context *ctx, const thaw_experiment *experiment,
                               const thaw_stage_work *work, const thaw_model *model) {
  const thaw_stage_work *before = work->before;
  thaw_model *other = NULL;
  thaw_status status = thaw_stage_create_model(ctx, experiment, before, &other);
  if (status) return status;
  const thaw_transfer_source from = {before->stage->name, other->params, before->data.vocabulary,
                                     other->info.direction};
  status = thaw_transfer_check(ctx, &work->stage->transfer, &from, model);
  if (status) status = explain(ctx, status, experiment, work);
  thaw_model_free(other);
  return status;
}

thaw_status thaw_stages_check_transfers(thaw_context *ctx, const thaw_stages *stages) {
  const thaw_experiment *experiment = stages->experiment;
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++) {
    const thaw_stage_work *work = &stages->works[i];
    if (!thaw_stage_is_due(work)) continue;
    thaw_model *model = NULL;
    status = thaw_stage_create_model(ctx, experiment, work, &model);
    if (status == THAW_OK && work->before && thaw_stage_is_due(work->before)) {
      status = check_stage(ctx, experiment, work, model);
    } else if (status == THAW_OK) {
      status = check_file(ctx, experiment, work, model);
    }
    thaw_model_free(model);
  }
  return status;
}

thaw_status thaw_stage_take_over(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_stage_work *work, thaw_model *model,
                                 thaw_buffer *summary) {
  thaw_stage_source source;
  bool taken = false;
  thaw_status status = thaw_stage_open_source(ctx, experiment, work, &source, &taken);
  if (status == THAW_OK && taken) status = thaw_stage_source_weights(ctx, &source);
  if (status == THAW_OK) {
    const thaw_transfer_source from = {source.name, source.params, source.vocabulary,
                                       source.direction};
    status = thaw_transfer_weights(ctx, &work->stage->transfer, taken ? &from : NULL, model,
                                   work->data.vocabulary, summary);
    if (status) status = explain(ctx, status, experiment, work);
  }
  thaw_stage_source_free(&source);
  if (status == THAW_OK) thaw_log(ctx, THAW_LOG_INFO, "%s: %s", work->stage->name, summary->data);
  return status;
}
