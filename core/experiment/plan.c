/* plan.c: see plan.h. */
#include "experiment/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "experiment/stage_transfer.h"
#include "experiment/stages.h"
#include "tensor/blas.h"

static const char *state_of(const thaw_stage_work *work) {
  if (work->progress == THAW_STAGE_FINISHED) return "finished";
  if (!work->needed) return "not needed";
  return work->progress == THAW_STAGE_BEGUN ? "begun" : "to train";
}

static size_t parameters_of(const thaw_rate_group *group) {
  size_t count = 0;
  for (size_t i = 0; i < group->group_count; i++) count += thaw_group_size(group->groups[i]);
  return count;
}

/* The rates of all groups at THAW_PLAN_POINTS steps; the highest ones over all steps. */
static thaw_status draw_rates(thaw_context *ctx, const thaw_training *training,
                              thaw_stage_plan *plan) {
  const int64_t last = plan->steps > 1 ? plan->steps - 1 : 0;
  for (int64_t step = 0; step < plan->steps; step++) {
    thaw_status status = thaw_training_rates(ctx, training, step, training->rates);
    if (status) return status;
    for (size_t g = 0; g < plan->group_count; g++)
      plan->groups[g].highest = fmax(plan->groups[g].highest, training->rates[g]);
  }
  for (size_t i = 0; i < THAW_PLAN_POINTS; i++) {
    const int64_t step = last * (int64_t)i / (THAW_PLAN_POINTS - 1);
    thaw_status status = thaw_training_rates(ctx, training, step, training->rates);
    if (status) return status;
    for (size_t g = 0; g < plan->group_count; g++) plan->groups[g].rates[i] = training->rates[g];
  }
  return THAW_OK;
}

static thaw_status describe_groups(thaw_context *ctx, const thaw_training *training,
                                   thaw_stage_plan *plan) {
  plan->groups = calloc(training->rate_group_count, sizeof *plan->groups);
  if (!plan->groups) return thaw_fail_memory(ctx, sizeof *plan->groups);
  plan->group_count = training->rate_group_count;
  for (size_t g = 0; g < plan->group_count; g++) {
    plan->groups[g].name = strdup(training->rate_groups[g].name);
    plan->groups[g].parameters = parameters_of(&training->rate_groups[g]);
    if (!plan->groups[g].name) return thaw_fail_memory(ctx, 1);
  }
  plan->steps = training->steps_from[training->stage->epochs];
  return draw_rates(ctx, training, plan);
}

static thaw_status plan_stage(thaw_context *ctx, const thaw_experiment *experiment,
                              const thaw_stage_work *work, thaw_stage_plan *plan) {
  const thaw_corpus *train = &work->data.train;
  const thaw_training_hooks hooks = {0};
  thaw_model *model = NULL;
  thaw_training *training = NULL;
  *plan = (thaw_stage_plan){.stage = work->stage->name,
                            .state = state_of(work),
                            .data = work->stage->data->name,
                            .documents = train->count,
                            .tokens = train->offsets[train->count],
                            .vocabulary = thaw_vocabulary_size(work->data.vocabulary),
                            .classes = work->data.classes.count,
                            .epochs = work->stage->epochs};
  thaw_status status = thaw_stage_create_model(ctx, experiment, work, &model);
  if (status == THAW_OK) status = thaw_stage_create_training(ctx, work, model, &hooks, &training);
  if (status == THAW_OK) {
    plan->parameters = thaw_params_size(model->params);
    status = describe_groups(ctx, training, plan);
  }
  if (status == THAW_OK) status = thaw_training_measure(ctx, training, &plan->bytes);
  thaw_training_free(training);
  thaw_model_free(model);
  return status;
}

thaw_status thaw_plan_experiment(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_run_options *options, thaw_plan *plan) {
  thaw_stages stages;
  *plan = (thaw_plan){0};
  thaw_numerics_prepare((int)experiment->threads);
  thaw_status status = thaw_stages_plan(ctx, experiment, options, &stages);
  if (status) return status;
  status = thaw_stages_read(ctx, &stages, true);
  if (status == THAW_OK) status = thaw_stages_check_transfers(ctx, &stages);
  for (size_t i = 0; i < stages.count && status == THAW_OK; i++)
    status = plan_stage(ctx, experiment, &stages.works[i], &plan->stages[plan->count++]);
  if (status == THAW_OK) {
    plan->output = strdup(stages.output);
    if (!plan->output) status = thaw_fail_memory(ctx, strlen(stages.output));
  }
  thaw_stages_free(&stages);
  if (status) thaw_plan_free(plan);
  return status;
}

void thaw_plan_free(thaw_plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    for (size_t g = 0; g < plan->stages[i].group_count; g++) free(plan->stages[i].groups[g].name);
    free(plan->stages[i].groups);
  }
  free(plan->output);
  *plan = (thaw_plan){0};
}
