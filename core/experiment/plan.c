/* plan.c: see plan.h. */
#include "experiment/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/resident.h"
#include "experiment/plan_cost.h"
#include "experiment/stage_transfer.h"
#include "store/environment.h"
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

/* ---- Rates ----------------------------------------------------------------------------------- */

static thaw_status create_curves(thaw_context *ctx, thaw_stage_plan *plan) {
  const size_t most = 1000, steps = (size_t)plan->steps;
  plan->curve_count = (steps < most ? steps : most) + 1;
  plan->curve_steps = calloc(plan->curve_count, sizeof *plan->curve_steps);
  plan->momentum = calloc(plan->curve_count, sizeof *plan->momentum);
  bool ok = plan->curve_steps && plan->momentum;
  for (size_t g = 0; g < plan->group_count && ok; g++) {
    plan->groups[g].curve = calloc(plan->curve_count, sizeof(double));
    ok = plan->groups[g].curve;
  }
  return ok ? THAW_OK : thaw_fail_memory(ctx, plan->curve_count * sizeof(double));
}

/* The step of point i of `points`, from the first step to the last. */
static int64_t step_of_point(const thaw_stage_plan *plan, size_t i, size_t points) {
  return points > 1 ? (plan->steps - 1) * (int64_t)i / (int64_t)(points - 1) : 0;
}

static void draw_point(const thaw_training *training, thaw_stage_plan *plan, size_t i, int64_t step,
                       double momentum) {
  plan->curve_steps[i] = (double)step;
  plan->momentum[i] = momentum;
  for (size_t g = 0; g < plan->group_count; g++) plan->groups[g].curve[i] = training->rates[g];
}

/* The highest rates over all steps, and the curves. */
static thaw_status draw_curves(thaw_context *ctx, const thaw_training *training,
                               thaw_stage_plan *plan) {
  const size_t points = plan->curve_count - 1;
  double momentum = -1;
  size_t next = 0;
  for (int64_t step = 0; step < plan->steps; step++) {
    thaw_status status = thaw_training_rates(ctx, training, step, training->rates);
    if (status == THAW_OK) status = thaw_training_momentum(ctx, training, step, &momentum);
    if (status) return status;
    for (size_t g = 0; g < plan->group_count; g++)
      plan->groups[g].highest = fmax(plan->groups[g].highest, training->rates[g]);
    if (next < points && step == step_of_point(plan, next, points))
      draw_point(training, plan, next++, step, momentum);
  }
  draw_point(training, plan, points, plan->steps, momentum);
  return THAW_OK;
}

static void forget_momentum(thaw_stage_plan *plan) {
  for (size_t i = 0; i < plan->curve_count; i++) {
    if (plan->momentum[i] >= 0) return;
  }
  free(plan->momentum);
  plan->momentum = NULL;
}

static thaw_status draw_rates(thaw_context *ctx, const thaw_training *training,
                              thaw_stage_plan *plan) {
  thaw_status status = create_curves(ctx, plan);
  if (status == THAW_OK) status = draw_curves(ctx, training, plan);
  if (status) return status;
  forget_momentum(plan);
  for (size_t i = 0; i < THAW_PLAN_POINTS; i++) {
    const int64_t step = step_of_point(plan, i, THAW_PLAN_POINTS);
    status = thaw_training_rates(ctx, training, step, training->rates);
    if (status) return status;
    for (size_t g = 0; g < plan->group_count; g++) plan->groups[g].rates[i] = training->rates[g];
  }
  return THAW_OK;
}

/* ---- A stage --------------------------------------------------------------------------------- */

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

/* A stage's place in the plan, from its data and its training before the first step. */
static thaw_status describe_stage(thaw_context *ctx, const thaw_stage_work *work,
                                  const thaw_training *training, thaw_stage_plan *plan) {
  const thaw_corpus *train = &work->data.train;
  plan->documents = train->count;
  plan->tokens = train->offsets[train->count];
  plan->vocabulary = thaw_vocabulary_size(work->data.vocabulary);
  plan->classes = work->data.classes.count;
  plan->epochs = work->stage->epochs;
  plan->parameters = thaw_params_size(training->model->params);
  return describe_groups(ctx, training, plan);
}

/* With what it costs where it is due. */
static thaw_status plan_stage(thaw_context *ctx, const thaw_stages *stages,
                              const thaw_run_options *options, const thaw_stage_work *work,
                              thaw_stage_plan *plan) {
  const thaw_training_hooks hooks = {0};
  thaw_model *model = NULL;
  thaw_training *training = NULL;
  const double begin = thaw_seconds_now();
  thaw_status status = thaw_stage_create_model(ctx, stages->experiment, work, &model);
  if (status == THAW_OK) status = thaw_stage_create_training(ctx, work, model, &hooks, &training);
  if (status == THAW_OK && work->progress == THAW_STAGE_BEGUN)
    status = thaw_stage_file_resume(ctx, work->path, training);
  const double taken = thaw_seconds_now() - begin;
  if (status == THAW_OK) status = describe_stage(ctx, work, training, plan);
  if (status == THAW_OK && thaw_stage_is_due(work)) {
    plan->seconds += taken;
    status = thaw_plan_cost(ctx, stages, options, work, training, plan);
  }
  thaw_training_free(training);
  thaw_model_free(model);
  return status;
}

/* ---- All stages ------------------------------------------------------------------------------ */

/* Reads a stage's data, which needs more memory than what is kept of them. */
static thaw_status read_stage(thaw_context *ctx, const thaw_stages *stages, thaw_stage_work *work,
                              thaw_stage_plan *plan, size_t *peak) {
  const double begin = thaw_seconds_now();
  thaw_resident_forget();
  thaw_status status = thaw_stage_read(ctx, stages, work);
  plan->seconds = thaw_seconds_now() - begin;
  *peak = thaw_resident_peak();
  return status;
}

/* Describes the machine as a run does before it trains: the libraries that are asked take memory.
 */
static thaw_status load_libraries(thaw_context *ctx, int threads) {
  const thaw_text_pair *pairs = NULL;
  size_t count = 0;
  thaw_arena *arena = thaw_arena_create();
  if (!arena) return thaw_fail_memory(ctx, 0);
  thaw_status status = thaw_environment(ctx, arena, threads, &pairs, &count);
  thaw_arena_free(arena);
  return status;
}

/* In the order of a run, so that as much is held at every moment as there: the data of all stages
 * that are due, then these stages one after the other. */
static thaw_status plan_due_stages(thaw_context *ctx, thaw_stages *stages,
                                   const thaw_run_options *options, thaw_plan *plan) {
  size_t peaks[THAW_STAGE_KINDS] = {0};
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++) {
    if (thaw_stage_is_due(&stages->works[i]))
      status = read_stage(ctx, stages, &stages->works[i], &plan->stages[i], &peaks[i]);
  }
  thaw_resident_forget();
  if (status == THAW_OK) status = thaw_stages_check_transfers(ctx, stages);
  const size_t checked = thaw_resident_peak();
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++) {
    thaw_stage_plan *stage = &plan->stages[i];
    if (!thaw_stage_is_due(&stages->works[i])) continue;
    status = plan_stage(ctx, stages, options, &stages->works[i], stage);
    if (peaks[i] > stage->bytes) stage->bytes = peaks[i];
    if (checked > stage->bytes) stage->bytes = checked;
  }
  return status;
}

/* The others, of which only numbers are wanted. */
static thaw_status plan_other_stages(thaw_context *ctx, thaw_stages *stages,
                                     const thaw_run_options *options, thaw_plan *plan) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < stages->count && status == THAW_OK; i++) {
    thaw_stage_work *work = &stages->works[i];
    if (thaw_stage_is_due(work)) continue;
    status = thaw_stage_read(ctx, stages, work);
    if (status == THAW_OK) status = plan_stage(ctx, stages, options, work, &plan->stages[i]);
  }
  return status;
}

thaw_status thaw_plan_experiment(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_run_options *options, thaw_plan *plan) {
  thaw_stages stages;
  *plan = (thaw_plan){0};
  const int threads = thaw_numerics_prepare((int)experiment->threads);
  thaw_status status = thaw_stages_plan(ctx, experiment, options, &stages);
  if (status) return status;
  for (; plan->count < stages.count; plan->count++) {
    const thaw_stage_work *work = &stages.works[plan->count];
    plan->stages[plan->count] = (thaw_stage_plan){
        .stage = work->stage->name, .state = state_of(work), .data = work->stage->data->name};
  }
  status = load_libraries(ctx, threads);
  if (status == THAW_OK) status = plan_due_stages(ctx, &stages, options, plan);
  if (status == THAW_OK) status = plan_other_stages(ctx, &stages, options, plan);
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
    thaw_stage_plan *stage = &plan->stages[i];
    for (size_t g = 0; g < stage->group_count; g++) {
      free(stage->groups[g].name);
      free(stage->groups[g].curve);
    }
    free(stage->groups);
    free(stage->curve_steps);
    free(stage->momentum);
  }
  free(plan->output);
  *plan = (thaw_plan){0};
}
