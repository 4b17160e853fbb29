/* rate_search.c: see rate_search.h. */
#include "experiment/rate_search.h"

#include <string.h>

#include "base/context.h"
#include "experiment/stage_transfer.h"
#include "experiment/stages.h"
#include "tensor/blas.h"

static thaw_status find_stage(thaw_context *ctx, thaw_stages *stages, const char *name,
                              thaw_stage_work **work) {
  *work = name ? NULL : stages->last;
  for (size_t i = stages->count; i > 0; i--) {
    thaw_stage_work *w = &stages->works[i - 1];
    const bool wanted =
        name ? strcmp(w->stage->name, name) == 0 : w->progress != THAW_STAGE_FINISHED;
    if (wanted) *work = w;
  }
  return *work ? THAW_OK : thaw_stages_fail_missing(ctx, stages, name);
}

/* Only the stage and what it builds on is needed here. */
static void mark_needed(thaw_stages *stages, thaw_stage_work *work) {
  for (size_t i = 0; i < stages->count; i++) stages->works[i].needed = false;
  work->needed = true;
  for (thaw_stage_work *w = work->before; w && w->progress != THAW_STAGE_FINISHED; w = w->before)
    w->needed = true;
}

/* The data of the stage, and of those before it that are due. */
static thaw_status read_data(thaw_context *ctx, thaw_stages *stages, thaw_stage_work *work) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++) {
    thaw_stage_work *w = &stages->works[i];
    if (w == work || thaw_stage_is_due(w)) status = thaw_stage_read(ctx, stages, w);
  }
  return status;
}

/* The test itself, on a model that is then thrown away. */
static thaw_status test(thaw_context *ctx, const thaw_experiment *experiment,
                        const thaw_stage_work *work, const thaw_lr_options *lr,
                        thaw_rate_search *search) {
  const thaw_training_hooks hooks = {0};
  thaw_model *model = NULL;
  thaw_training *training = NULL;
  thaw_buffer taken = {0};
  thaw_status status = thaw_stage_create_model(ctx, experiment, work, &model);
  if (status == THAW_OK) status = thaw_stage_take_over(ctx, experiment, work, model, &taken);
  if (status == THAW_OK) status = thaw_stage_create_training(ctx, work, model, &hooks, &training);
  if (status == THAW_OK) status = thaw_lr_find(ctx, training, lr, &search->curve);
  thaw_training_free(training);
  thaw_model_free(model);
  thaw_buffer_free(&taken);
  return status;
}

thaw_status thaw_search_rate(thaw_context *ctx, const thaw_experiment *experiment,
                             const thaw_run_options *options, const char *stage,
                             const thaw_lr_options *lr, thaw_rate_search *search) {
  thaw_stages stages;
  thaw_stage_work *work = NULL;
  *search = (thaw_rate_search){0};
  thaw_numerics_prepare((int)experiment->threads);
  thaw_status status = thaw_stages_plan(ctx, experiment, options, &stages);
  if (status) return status;
  status = find_stage(ctx, &stages, stage, &work);
  if (status == THAW_OK) {
    search->stage = work->stage->name;
    mark_needed(&stages, work);
    status = thaw_stages_use(ctx, &stages);
  }
  if (status == THAW_OK) status = read_data(ctx, &stages, work);
  if (status == THAW_OK) status = thaw_stages_check_transfers(ctx, &stages);
  if (status == THAW_OK) status = thaw_run_stages_before(ctx, experiment, options, &stages, work);
  if (status == THAW_OK) status = test(ctx, experiment, work, lr, search);
  thaw_stages_free(&stages);
  return status;
}

void thaw_rate_search_free(thaw_rate_search *search) {
  thaw_lr_curve_free(&search->curve);
}
