/* training.c: see training.h. */
#include "train/training.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/file.h"
#include "base/progress.h"
#include "train/schedule.h"

/* ---- Life ---------------------------------------------------------------------------------- */

static int64_t batches_a_step(const thaw_stage_config *stage) {
  return stage->accumulate > 1 ? stage->accumulate : 1;
}

/* Steps for so many batches, the last of which may have fewer than the others. */
static int64_t steps_for(const thaw_stage_config *stage, int64_t batches) {
  const int64_t each = batches_a_step(stage);
  return (batches + each - 1) / each;
}

thaw_status thaw_training_count_steps(thaw_context *ctx, const thaw_stage_config *stage,
                                      thaw_batches *batches, int64_t **steps_from) {
  const size_t epochs = (size_t)stage->epochs;
  int64_t *from = calloc(epochs + 1, sizeof *from);
  *steps_from = from;
  if (!from) return thaw_fail_memory(ctx, epochs * sizeof *from);
  for (size_t e = 0; e < epochs; e++) {
    thaw_status status = thaw_batches_begin(ctx, batches, e);
    if (status) return status;
    from[e + 1] = from[e] + steps_for(stage, (int64_t)thaw_batches_count(batches));
  }
  return THAW_OK;
}

static thaw_status name_groups(thaw_context *ctx, thaw_training *training) {
  const size_t most = training->model->params->count + 1;
  training->rate_groups = calloc(most, sizeof *training->rate_groups);
  training->rates = calloc(most, sizeof *training->rates);
  training->group_names = calloc(most, sizeof *training->group_names);
  const char **names = training->group_names;
  if (training->rate_groups && training->rates && names) {
    training->rate_group_count = thaw_model_rate_groups(training->model, training->rate_groups);
    for (size_t g = 0; g < training->rate_group_count; g++)
      names[g] = training->rate_groups[g].name;
    training->series = thaw_series_create(training->stage->name, training->rate_group_count, names);
  }
  return training->series ? THAW_OK : thaw_fail_memory(ctx, most * sizeof(thaw_rate_group));
}

thaw_status thaw_training_follow(thaw_context *ctx, const thaw_training *training) {
  const thaw_params *params = training->model->params;
  const char **names = calloc(params->count + 1, sizeof *names);
  bool *taken = calloc(params->count + 1, sizeof *taken);
  bool ok = names && taken;
  for (size_t g = 0; ok && g < params->count; g++) {
    names[g] = params->groups[g].name;
    taken[g] = params->groups[g].taken;
  }
  ok = ok && thaw_series_follow(training->series, params->count, names, taken);
  free(names);
  free(taken);
  return ok ? THAW_OK : thaw_fail_memory(ctx, params->count * sizeof *names);
}

/* Beside the checkpoints, or where there are none in a folder for temporary files. */
static thaw_status keep_first(thaw_context *ctx, thaw_training *training) {
  const thaw_training_hooks *hooks = training->hooks;
  char *folder = NULL;
  if (hooks->checkpoint_path) {
    folder = thaw_path_beside(hooks->checkpoint_path, ".");
    if (!folder) return thaw_fail_memory(ctx, strlen(hooks->checkpoint_path));
  }
  const thaw_status status =
      thaw_distance_create(ctx, training->model->params, folder, &training->distance);
  free(folder);
  return status;
}

thaw_status thaw_training_create(thaw_context *ctx, const thaw_stage_config *stage,
                                 const thaw_task *task, const thaw_training_hooks *hooks,
                                 thaw_model *model, thaw_batches *batches, const thaw_corpus *valid,
                                 thaw_training **result) {
  *result = NULL;
  thaw_training *training = calloc(1, sizeof *training);
  if (!training) {
    thaw_batches_free(batches);
    return thaw_fail_memory(ctx, sizeof *training);
  }
  training->stage = stage;
  training->task = task;
  training->hooks = hooks;
  training->model = model;
  training->batches = batches;
  training->valid = valid;
  training->best_epoch = -1;
  training->tape = thaw_tape_create();
  training->carry = thaw_carry_create();
  thaw_status status = training->tape && training->carry ? THAW_OK : thaw_fail_memory(ctx, 0);
  if (status == THAW_OK)
    status = thaw_training_count_steps(ctx, stage, batches, &training->steps_from);
  if (status == THAW_OK) status = name_groups(ctx, training);
  if (status == THAW_OK) status = thaw_training_follow(ctx, training);
  if (status == THAW_OK) status = keep_first(ctx, training);
  if (status == THAW_OK) {
    status = thaw_optimizer_create(ctx, &stage->optimizer, training->rate_groups,
                                   training->rate_group_count, &training->optimizer);
  }
  if (status) {
    thaw_training_free(training);
    return status;
  }
  *result = training;
  return THAW_OK;
}

void thaw_training_free(thaw_training *training) {
  if (!training) return;
  thaw_optimizer_free(training->optimizer);
  thaw_batches_free(training->batches);
  thaw_tape_free(training->tape);
  thaw_carry_free(training->carry);
  thaw_series_free(training->series);
  thaw_params_free(training->best);
  thaw_distance_free(training->distance);
  free(training->rate_groups);
  free(training->rates);
  free(training->group_names);
  free(training->steps_from);
  free(training->class_weights);
  free(training);
}

/* ---- One step ------------------------------------------------------------------------------ */

int64_t thaw_training_step(const thaw_training *training) {
  return training->steps_from[training->epoch] + steps_for(training->stage, training->batch);
}

static int64_t steps_of(const thaw_training *training) {
  return training->steps_from[training->stage->epochs];
}

static thaw_timetable timetable_of(const thaw_training *training) {
  return (thaw_timetable){.epoch_steps = training->steps_from,
                          .epochs = training->stage->epochs,
                          .group_names = training->group_names,
                          .groups = (int64_t)training->rate_group_count};
}

thaw_status thaw_training_rates(thaw_context *ctx, const thaw_training *training, int64_t step,
                                double *rates) {
  const thaw_timetable table = timetable_of(training);
  for (size_t g = 0; g < training->rate_group_count; g++) {
    const thaw_moment moment = thaw_timetable_moment(&table, step, (int64_t)g);
    thaw_status status = thaw_schedule_rate(ctx, training->stage, &moment, &rates[g]);
    if (status) return status;
  }
  return THAW_OK;
}

thaw_status thaw_training_momentum(thaw_context *ctx, const thaw_training *training, int64_t step,
                                   double *momentum) {
  const thaw_timetable table = timetable_of(training);
  const thaw_moment moment = thaw_timetable_moment(&table, step, table.groups - 1);
  return thaw_schedule_momentum(ctx, training->stage, &moment, momentum);
}

/* What the batches of a step add up to. */
typedef struct step_sums {
  double loss, weight; /* as thaw_task has them */
  size_t tokens, time; /* time: of all batches together */
  int64_t batches;
  double value; /* of the last batch's loss, penalties included */
} step_sums;

/* Steps over fewer tokens move less (Merity et al. 2017, section 5). */
static void scale_rates(thaw_training *training, const step_sums *sums) {
  const thaw_stage_config *stage = training->stage;
  if (stage->vary_bptt <= 0) return;
  const double length = (double)sums->time / ((double)sums->batches * (double)stage->bptt);
  for (size_t g = 0; g < training->rate_group_count; g++) training->rates[g] *= length;
}

/* The random numbers of a step's batch: apart from those of other stages, steps and batches. */
static thaw_rng batch_rng(const thaw_training *training, int64_t number) {
  const uint64_t stream = ((uint64_t)training->stage->kind + 1) << 56;
  const int64_t batch = thaw_training_step(training) * batches_a_step(training->stage) + number;
  return thaw_rng_make((uint64_t)training->stage->seed, stream + (uint64_t)batch);
}

static thaw_status check_finite(thaw_context *ctx, const thaw_training *training, const char *what,
                                double value) {
  if (isfinite(value)) return THAW_OK;
  const char *path = training->hooks->checkpoint_path;
  const bool kept = path && training->seconds > 0;
  return thaw_fail(ctx, THAW_FAILED,
                   "stage %s: the %s became %s at step %" PRId64 " (epoch %" PRId64
                   "); nothing of that step was kept%s%s; lower stages.%s.optimizer.lr (now %g) or "
                   "set stages.%s.optimizer.clip (now %g)",
                   training->stage->name, what, isnan(value) ? "NaN" : "infinite",
                   thaw_training_step(training) + 1, training->epoch + 1,
                   kept ? "; the last good checkpoint is " : "", kept ? path : "",
                   training->stage->name, training->stage->optimizer.lr, training->stage->name,
                   training->stage->optimizer.clip);
}

/* What the tape says went wrong. */
static thaw_status fail_step(thaw_context *ctx, const thaw_training *training) {
  const thaw_status status = thaw_tape_status(training->tape);
  const char *error = thaw_tape_error(training->tape);
  return thaw_fail(ctx, status ? status : THAW_FAILED, "stage %s, step %" PRId64 ": %s",
                   training->stage->name, thaw_training_step(training) + 1,
                   *error ? error : "the encoder or the head failed without a message");
}

static thaw_status backward(thaw_context *ctx, thaw_training *training, thaw_tensor *loss) {
  thaw_status status = thaw_tape_status(training->tape);
  if (status == THAW_OK && loss) status = thaw_tape_backward(training->tape, loss);
  return status == THAW_OK && loss ? THAW_OK : fail_step(ctx, training);
}

/* Forward and backward: adds to the gradients of the groups whose rate is above 0. `alone`: it is
 * the step's only batch; else the gradients of its mean loss are multiplied by its weight. */
static thaw_status add_gradients(thaw_context *ctx, thaw_training *training,
                                 const thaw_batch *batch, bool alone, step_sums *sums) {
  double loss_sum = 0, weight = 0;
  thaw_tape_begin(training->tape, THAW_TAPE_TRAIN, batch_rng(training, sums->batches));
  thaw_tensor *loss = training->task->loss(training, batch, &loss_sum, &weight);
  thaw_tensor *part = alone ? loss : thaw_affine(training->tape, loss, (float)weight, 0);
  thaw_status status = backward(ctx, training, part);
  if (status) return status;
  sums->value = (double)loss->data[0];
  sums->loss += loss_sum;
  sums->weight += weight;
  sums->tokens += batch->tokens;
  sums->time += batch->time;
  sums->batches++;
  return THAW_OK;
}

/* The gradients of all of the step's batches; `scale` makes their mean of them. */
static thaw_status find_gradients(thaw_context *ctx, thaw_training *training, step_sums *sums,
                                  double *scale) {
  const int64_t left = (int64_t)thaw_batches_count(training->batches) - training->batch;
  const int64_t most = batches_a_step(training->stage), count = most < left ? most : left;
  thaw_status status = THAW_OK;
  *sums = (step_sums){0};
  thaw_optimizer_prepare(training->optimizer, training->rates);
  while (status == THAW_OK && sums->batches < count) {
    const size_t index = (size_t)(training->batch + sums->batches);
    const thaw_batch *batch = thaw_batches_get(training->batches, index);
    status = add_gradients(ctx, training, batch, count == 1, sums);
    if (status == THAW_OK) status = check_finite(ctx, training, "loss", sums->value);
  }
  *scale = count > 1 && sums->weight > 0 ? 1 / sums->weight : 1;
  return status;
}

/* `tokens` receives how many the step's batches had. */
static thaw_status take_step(thaw_context *ctx, thaw_training *training, size_t *tokens) {
  const double begin = thaw_seconds_now();
  const int64_t step = thaw_training_step(training);
  step_sums sums;
  double scale;
  thaw_status status = thaw_training_rates(ctx, training, step, training->rates);
  if (status == THAW_OK)
    status = thaw_training_momentum(ctx, training, step, &training->optimizer->momentum);
  if (status == THAW_OK) status = find_gradients(ctx, training, &sums, &scale);
  if (status) return status;
  scale_rates(training, &sums);
  const double norm = scale * thaw_optimizer_norm(training->optimizer);
  status = check_finite(ctx, training, "gradient", norm);
  if (status) return status;
  thaw_optimizer_step(training->optimizer, training->rates, scale, norm);
  training->loss_sum += sums.loss;
  training->loss_count += sums.weight;
  const double taken = thaw_seconds_now() - begin;
  const thaw_step_row row = {.step = step,
                             .epoch = training->epoch,
                             .loss = sums.weight > 0 ? sums.loss / sums.weight : NAN,
                             .gradient_norm = norm,
                             .tokens_per_second = taken > 0 ? (double)sums.tokens / taken : 0};
  if (!thaw_series_add_step(training->series, &row, training->rates)) {
    return thaw_fail_memory(ctx, sizeof row);
  }
  training->batch += sums.batches;
  *tokens = sums.tokens;
  return THAW_OK;
}

thaw_status thaw_training_try_step(thaw_context *ctx, thaw_training *training,
                                   const thaw_batch *batch, const double *rates, double *loss) {
  step_sums sums = {0};
  memcpy(training->rates, rates, training->rate_group_count * sizeof *rates);
  thaw_optimizer_prepare(training->optimizer, training->rates);
  thaw_status status = add_gradients(ctx, training, batch, true, &sums);
  if (status) return status;
  const double norm = thaw_optimizer_norm(training->optimizer);
  const bool finite = isfinite(sums.value) && isfinite(norm);
  *loss = finite && sums.weight > 0 ? sums.loss / sums.weight : NAN;
  if (finite) thaw_optimizer_step(training->optimizer, training->rates, 1, norm);
  return THAW_OK;
}

thaw_status thaw_training_try(thaw_context *ctx, thaw_training *training, const thaw_batch *batch,
                              const double *rates) {
  double loss = 0, weight = 0;
  if (rates) return thaw_training_try_step(ctx, training, batch, rates, &loss);
  thaw_tape_begin(training->tape, THAW_TAPE_EVALUATE, batch_rng(training, 0));
  return training->task->loss(training, batch, &loss, &weight) ? THAW_OK : fail_step(ctx, training);
}

/* ---- The end of an epoch ------------------------------------------------------------------- */

/* Of equal accuracies the lower loss is the better one: small validation sets have many ties.
 * Language models have no accuracy. */
static bool is_better(const thaw_epoch_row *row, const thaw_epoch_row *best) {
  if (row->accuracy > best->accuracy || row->accuracy < best->accuracy)
    return row->accuracy > best->accuracy;
  return row->valid_loss < best->valid_loss;
}

static thaw_status keep_best(thaw_context *ctx, thaw_training *training) {
  const thaw_series *series = training->series;
  const thaw_epoch_row *row = &series->epochs[series->epoch_count - 1];
  const bool first = training->best_epoch < 0;
  if (!first && !is_better(row, &series->epochs[training->best_epoch])) return THAW_OK;
  training->best_epoch = training->epoch;
  if (!training->stage->best_epoch) return THAW_OK;
  if (!training->best) return thaw_params_clone(ctx, training->model->params, &training->best);
  thaw_params_copy(training->best, training->model->params);
  return THAW_OK;
}

/* Measures the weights, or their averages where there are some, and keeps the row. */
static thaw_status measure_epoch(thaw_context *ctx, thaw_training *training, double began) {
  const double loss = training->loss_sum / training->loss_count;
  thaw_epoch_row row = {.epoch = training->epoch,
                        .step = training->steps_from[training->epoch + 1],
                        .train_loss = loss,
                        .valid_loss = NAN,
                        .perplexity = NAN,
                        .accuracy = NAN,
                        .macro_f1 = NAN};
  thaw_status status = training->valid ? training->task->validate(ctx, training, &row) : THAW_OK;
  if (status == THAW_OK && training->valid)
    status = check_finite(ctx, training, "validation loss", row.valid_loss);
  if (status) return status;
  row.seconds = training->seconds + thaw_seconds_now() - began;
  if (!thaw_series_add_epoch(training->series, &row)) return thaw_fail_memory(ctx, sizeof row);
  status = thaw_distance_measure(ctx, training->distance, training->model->params,
                                 thaw_series_last_distances(training->series));
  return status == THAW_OK && training->valid ? keep_best(ctx, training) : status;
}

static thaw_status end_epoch(thaw_context *ctx, thaw_training *training, double began) {
  thaw_optimizer_average_swap(training->optimizer);
  thaw_status status = measure_epoch(ctx, training, began);
  thaw_optimizer_average_swap(training->optimizer);
  if (status) return status;
  training->epoch++;
  training->batch = 0;
  training->loss_sum = training->loss_count = 0;
  return THAW_OK;
}

/* ---- The loop ------------------------------------------------------------------------------ */

typedef struct run {
  double began; /* the clock when training->seconds was last brought up to date */
  double last_checkpoint;
  double tokens; /* of this process */
  thaw_progress *progress;
} run;

static void show(const thaw_training *training, run *r) {
  char note[160], measured[64] = "";
  const thaw_series *series = training->series;
  double highest = 0;
  for (size_t g = 0; g < training->rate_group_count; g++)
    highest = fmax(highest, training->rates[g]);
  if (series->epoch_count > 0 && training->valid)
    training->task->describe(&series->epochs[series->epoch_count - 1], measured, sizeof measured);
  const int64_t epochs = training->stage->epochs;
  const int64_t epoch = training->epoch < epochs ? training->epoch + 1 : epochs;
  const double loss = series->step_count ? series->steps[series->step_count - 1].loss : NAN;
  snprintf(note, sizeof note, "epoch %" PRId64 "/%" PRId64 ", %sloss %.3f, rate %.2g%s%s", epoch,
           epochs, training->stage->sampled_softmax ? "sampled " : "", loss, highest,
           *measured ? ", validation " : "", measured);
  const int64_t done = training->epoch < epochs ? thaw_training_step(training) : steps_of(training);
  thaw_progress_update(r->progress, (size_t)done, r->tokens, note);
}

static void count_seconds(thaw_training *training, run *r) {
  const double now = thaw_seconds_now();
  training->seconds += now - r->began;
  r->began = now;
}

static thaw_status checkpoint(thaw_context *ctx, thaw_training *training, run *r) {
  if (!training->hooks->checkpoint) return THAW_OK;
  count_seconds(training, r);
  thaw_status status = training->hooks->checkpoint(ctx, training->hooks->user, training);
  r->last_checkpoint = thaw_seconds_now();
  return status;
}

/* Called between steps. */
static thaw_status look_around(thaw_context *ctx, thaw_training *training, run *r) {
  const bool due = thaw_seconds_now() - r->last_checkpoint >= training->hooks->checkpoint_seconds;
  const bool stop = thaw_interrupted(ctx);
  if (!due && !stop) return THAW_OK;
  thaw_status status = checkpoint(ctx, training, r);
  if (status || !stop) return status;
  return thaw_fail(ctx, THAW_INTERRUPTED,
                   "stage %s stopped after %" PRId64 " of %" PRId64
                   " steps; the same command goes on from there",
                   training->stage->name, thaw_training_step(training), steps_of(training));
}

/* Is the last validation loss above the best before the n before it? Of Merity et al. 2017,
 * algorithm 1: t > n and v > min(v_0 … v_(t−n−1)). */
static bool is_stuck(const thaw_series *series, int64_t n) {
  const int64_t last = (int64_t)series->epoch_count - 1;
  for (int64_t i = 0; i < last - n; i++) {
    if (series->epochs[last].valid_loss > series->epochs[i].valid_loss) return true;
  }
  return false;
}

/* Called after an epoch. */
static thaw_status average_if_stuck(thaw_context *ctx, thaw_training *training, const run *r) {
  const thaw_optimizer_config *config = &training->stage->optimizer;
  if (config->kind != THAW_OPTIMIZER_NT_ASGD || training->optimizer->averaged > 0) return THAW_OK;
  if (!is_stuck(training->series, config->n)) return THAW_OK;
  thaw_status status = thaw_optimizer_average_begin(ctx, training->optimizer);
  if (status) return status;
  thaw_progress_hide(r->progress);
  thaw_log(ctx, THAW_LOG_INFO,
           "%s: validation no longer improves: weights are averaged from epoch %" PRId64 " on",
           training->stage->name, training->epoch + 1);
  return THAW_OK;
}

static thaw_status run_epoch(thaw_context *ctx, thaw_training *training, run *r) {
  thaw_status status = thaw_batches_begin(ctx, training->batches, (size_t)training->epoch);
  if (status) return status;
  if (training->batch == 0) thaw_carry_reset(training->carry);
  const int64_t count = (int64_t)thaw_batches_count(training->batches);
  while (training->batch < count) {
    status = look_around(ctx, training, r);
    if (status) return status;
    size_t tokens = 0;
    status = take_step(ctx, training, &tokens);
    if (status) return status;
    r->tokens += (double)tokens;
    show(training, r);
  }
  status = end_epoch(ctx, training, r->began);
  if (status == THAW_OK) status = average_if_stuck(ctx, training, r);
  /* All steps are done: a checkpoint taken now begins with the validation. */
  return status == THAW_INTERRUPTED ? look_around(ctx, training, r) : status;
}

/* All epochs are done, or patience is at its end. */
static bool is_over(const thaw_training *training) {
  const thaw_stage_config *stage = training->stage;
  if (training->epoch >= stage->epochs) return true;
  if (stage->patience <= 0 || training->best_epoch < 0) return false;
  return training->epoch - 1 - training->best_epoch >= stage->patience;
}

/* The values that the stage ends with. */
static void settle(const thaw_training *training) {
  if (training->best) {
    thaw_params_copy(training->model->params, training->best);
  } else {
    thaw_optimizer_average_swap(training->optimizer);
  }
}

/* "accuracy 0.8712", of the epoch that was kept. */
static void describe_end(const thaw_training *training, char *note, size_t space) {
  const thaw_series *series = training->series;
  if (!training->valid || series->epoch_count == 0) return;
  const size_t kept = training->best ? (size_t)training->best_epoch : series->epoch_count - 1;
  training->task->describe(&series->epochs[kept], note, space);
}

thaw_status thaw_training_run(thaw_context *ctx, thaw_training *training) {
  run r = {.began = thaw_seconds_now()};
  r.last_checkpoint = r.began;
  if (training->hooks->progress) {
    r.progress = thaw_progress_start(training->hooks->progress, training->stage->name,
                                     (size_t)steps_of(training), "tokens");
  }
  thaw_status status = THAW_OK;
  while (status == THAW_OK && !is_over(training)) {
    status = run_epoch(ctx, training, &r);
    if (status == THAW_OK) show(training, &r);
  }
  count_seconds(training, &r);
  char note[64] = "done";
  if (status == THAW_OK) settle(training);
  if (status == THAW_OK) describe_end(training, note, sizeof note);
  thaw_progress_end(r.progress, status == THAW_OK ? note : "stopped");
  if (status == THAW_OK && training->epoch < training->stage->epochs) {
    thaw_log(
        ctx, THAW_LOG_INFO,
        "%s: ended after epoch %" PRId64 " of %" PRId64 ": none since epoch %" PRId64 " was better",
        training->stage->name, training->epoch, training->stage->epochs, training->best_epoch + 1);
  }
  return status;
}
