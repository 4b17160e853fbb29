/* plan_cost.c: see plan_cost.h. */
#include "experiment/plan_cost.h"

#include <math.h>
#include <sys/stat.h>

#include "train/measure.h"

static bool is_classifier(const thaw_stage_work *work) {
  return work->stage->kind == THAW_STAGE_CLASSIFY;
}

/* ---- Sizes ---------------------------------------------------------------------------------- */

static size_t moments_bytes(const thaw_optimizer *optimizer) {
  const bool averages = optimizer->config->kind == THAW_OPTIMIZER_NT_ASGD;
  size_t floats = 0;
  for (size_t i = 0; i < optimizer->count; i++) {
    const thaw_optimized *entry = &optimizer->tensors[i];
    const size_t moments = (entry->moments[0] != NULL) + (entry->moments[1] != NULL);
    floats += (moments + averages) * thaw_size(entry->tensor);
  }
  return floats * sizeof(float);
}

static size_t predictions_bytes(const thaw_stage_work *work, const thaw_corpus *corpus) {
  const size_t row = 2 * sizeof(int32_t) + work->data.classes.count * sizeof(float);
  return is_classifier(work) ? corpus->count * row : 0;
}

/* Weights of the stages before that go into the last one's file; a file is little more than its
 * weights, but is not there yet where its stage is due: then the models are taken to be alike. */
static size_t kept_bytes(const thaw_stages *stages, const thaw_stage_work *work, size_t weights) {
  size_t bytes = 0;
  for (size_t i = 0; i < stages->count && work == stages->last; i++) {
    const thaw_stage_work *other = &stages->works[i];
    struct stat info;
    if (other == work || !other->stage->keep_weights) continue;
    const bool there = other->progress == THAW_STAGE_FINISHED && stat(other->path, &info) == 0;
    bytes += there ? (size_t)info.st_size : weights;
  }
  return bytes;
}

/* ---- Files ---------------------------------------------------------------------------------- */

/* Bytes of what the files hold. */
typedef struct contents {
  size_t weights, steps; /* of every file */
  size_t best, moments;  /* of checkpoints; moments: averages too */
  size_t results;        /* of the finished file: predictions, and weights of stages before */
} contents;

static contents find_contents(const thaw_stages *stages, const thaw_stage_work *work,
                              const thaw_training *training, const thaw_stage_plan *plan) {
  contents c = {.weights = thaw_params_size(training->model->params) * sizeof(float)};
  c.steps = (size_t)plan->steps * (sizeof(thaw_step_row) + plan->group_count * sizeof(double));
  c.best = work->stage->best_epoch && training->valid ? c.weights : 0;
  c.moments = moments_bytes(training->optimizer);
  c.results = predictions_bytes(work, &work->data.valid) +
              predictions_bytes(work, &work->data.test) + kept_bytes(stages, work, c.weights);
  return c;
}

/* What HDF5 takes when it writes a file, code and buffers, as seen with 1.10. */
static const size_t hdf5_bytes = 5 << 19;

/* The disk is not tried, because nothing is to be written: a slow one is assumed, with checksums
 * and syncing. */
static double seconds_to_write(size_t bytes) {
  const double bytes_per_second = 200e6;
  return (double)bytes / bytes_per_second;
}

thaw_status thaw_plan_cost(thaw_context *ctx, const thaw_stages *stages,
                           const thaw_run_options *options, const thaw_stage_work *work,
                           thaw_training *training, thaw_stage_plan *plan) {
  const int64_t left = training->stage->epochs - training->epoch;
  const int64_t once = is_classifier(work) ? 1 : 0; /* for the predictions in the run file */
  const thaw_evaluation evaluations[] = {{&work->data.valid, left + once},
                                         {&work->data.test, once}};
  const contents c = find_contents(stages, work, training, plan);
  thaw_cost cost;
  thaw_status status = thaw_training_measure(ctx, training, evaluations, 2, &cost);
  if (status) return status;
  const double due = floor(cost.seconds / fmax(options->checkpoint_seconds, 1e-3));
  const double checkpoints = fmin(due, (double)plan->steps);
  /* A checkpoint is made of copies; every file's table of steps is one. */
  const size_t state = checkpoints > 0 ? c.moments + c.best : 0;
  const size_t copies = state > c.results ? state : c.results;
  plan->bytes = cost.bytes + c.best + 2 * c.steps + copies + hdf5_bytes;
  plan->seconds += cost.seconds + seconds_to_write(c.weights + c.steps + c.results) +
                   checkpoints * seconds_to_write(c.weights + c.steps + state);
  return THAW_OK;
}
