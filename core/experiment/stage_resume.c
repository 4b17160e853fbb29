/* stage_resume.c: a checkpoint back into a training. Whatever does not fit is an error: a training
 * that went on from half of its state would end in other bits without saying so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "experiment/stage_file.h"

/* A state that is being read; the first failure stays. */
typedef struct taking {
  thaw_context *ctx;
  const char *path;
  const thaw_state *state;
  thaw_status status;
} taking;

static void lack(taking *t, const char *name) {
  if (t->status == THAW_OK) {
    t->status = thaw_fail(t->ctx, THAW_INVALID,
                          "%s: the checkpoint does not fit this training (%s); remove the file to "
                          "begin again",
                          t->path, name);
  }
}

static void take(taking *t, const char *name, thaw_array_type type, size_t count, void *data) {
  static const size_t sizes[] = {[THAW_ARRAY_FLOAT] = sizeof(float),
                                 [THAW_ARRAY_INT64] = sizeof(int64_t),
                                 [THAW_ARRAY_DOUBLE] = sizeof(double)};
  if (t->status) return;
  const thaw_array *array = thaw_state_get(t->state, name);
  if (!array || array->type != type || array->count != count) {
    lack(t, name);
    return;
  }
  memcpy(data, array->data, count * sizes[type]);
}

static void take_under(taking *t, const char *prefix, const char *name, size_t count, float *data) {
  thaw_buffer full = {0};
  if (!data || t->status) return;
  if (thaw_buffer_format(&full, "%s/%s", prefix, name)) {
    take(t, full.data, THAW_ARRAY_FLOAT, count, data);
  } else {
    t->status = thaw_fail_memory(t->ctx, strlen(name));
  }
  thaw_buffer_free(&full);
}

/* Weights must have been taken before. */
static void take_averages(taking *t, thaw_optimizer *optimizer) {
  if (t->status || !thaw_state_get(t->state, "averaged")) return;
  t->status = thaw_optimizer_average_begin(t->ctx, optimizer);
  take(t, "averaged", THAW_ARRAY_INT64, 1, &optimizer->averaged);
  for (size_t i = 0; i < optimizer->count && t->status == THAW_OK; i++) {
    const thaw_optimized *entry = &optimizer->tensors[i];
    take_under(t, "average", entry->name, thaw_size(entry->tensor), entry->average);
  }
  if (t->status == THAW_OK && optimizer->averaged < 1) lack(t, "averaged");
}

static void take_optimizer(taking *t, thaw_optimizer *optimizer) {
  take(t, "steps", THAW_ARRAY_INT64, optimizer->rate_group_count, optimizer->steps);
  for (size_t i = 0; i < optimizer->count; i++) {
    const thaw_optimized *entry = &optimizer->tensors[i];
    const size_t size = thaw_size(entry->tensor);
    take_under(t, "moment.0", entry->name, size, entry->moments[0]);
    take_under(t, "moment.1", entry->name, size, entry->moments[1]);
  }
  if (t->status == THAW_OK) thaw_optimizer_moments_changed(optimizer);
}

static void take_carry(taking *t, thaw_carry *carry) {
  static const char prefix[] = "carry/";
  for (size_t i = 0; i < t->state->count && t->status == THAW_OK; i++) {
    const thaw_array *array = &t->state->arrays[i];
    if (strncmp(array->name, prefix, sizeof prefix - 1) != 0) continue;
    const size_t slot = strtoul(array->name + sizeof prefix - 1, NULL, 10);
    float *data = thaw_carry_slot(carry, slot, array->count);
    if (data) {
      take(t, array->name, THAW_ARRAY_FLOAT, array->count, data);
    } else {
      t->status = thaw_fail_memory(t->ctx, array->count * sizeof(float));
    }
  }
}

static void take_best(taking *t, thaw_training *training) {
  if (t->status || !training->stage->best_epoch || training->best_epoch < 0) return;
  t->status = thaw_params_clone(t->ctx, training->model->params, &training->best);
  for (size_t g = 0; t->status == THAW_OK && g < training->best->count; g++) {
    const thaw_param_group *group = &training->best->groups[g];
    char under[256];
    snprintf(under, sizeof under, "best/%s", group->name);
    for (size_t p = 0; p < group->count; p++) {
      thaw_tensor *tensor = group->params[p].tensor;
      take_under(t, under, group->params[p].name, thaw_size(tensor), tensor->data);
    }
  }
}

static bool same_layout(const thaw_params *a, const thaw_params *b) {
  if (a->count != b->count) return false;
  for (size_t g = 0; g < a->count; g++) {
    if (strcmp(a->groups[g].name, b->groups[g].name) != 0) return false;
    if (a->groups[g].count != b->groups[g].count) return false;
    for (size_t p = 0; p < a->groups[g].count; p++) {
      const thaw_param *x = &a->groups[g].params[p], *y = &b->groups[g].params[p];
      if (strcmp(x->name, y->name) != 0) return false;
      if (thaw_size(x->tensor) != thaw_size(y->tensor)) return false;
    }
  }
  return true;
}

static void take_weights(taking *t, const thaw_run_file *run, const thaw_training *training) {
  thaw_params *weights = NULL;
  if (t->status == THAW_OK) t->status = thaw_run_weights(t->ctx, run, NULL, &weights);
  if (t->status == THAW_OK && !same_layout(training->model->params, weights)) lack(t, "weights");
  if (t->status == THAW_OK) thaw_params_copy(training->model->params, weights);
  thaw_params_free(weights);
}

static void take_series(taking *t, const thaw_run_file *run, thaw_training *training) {
  thaw_series **series = NULL;
  size_t count = 0;
  if (t->status == THAW_OK) t->status = thaw_run_series(t->ctx, run, &series, &count);
  if (t->status == THAW_OK &&
      (count != 1 || series[0]->group_count != training->series->group_count)) {
    lack(t, "metrics");
  }
  const size_t moved = count == 1 ? series[0]->moved_count : 0;
  if (t->status == THAW_OK && moved != 0 && moved != training->series->moved_count)
    lack(t, "metrics");
  for (size_t i = 0; i < count; i++) {
    if (i == 0 && t->status == THAW_OK) {
      thaw_series_free(training->series);
      training->series = series[0];
    } else {
      thaw_series_free(series[i]);
    }
  }
  free(series);
  if (t->status == THAW_OK && moved == 0) t->status = thaw_training_follow(t->ctx, training);
}

static void take_all(taking *t, const thaw_run_file *run, thaw_training *training) {
  int64_t position[3] = {0};
  double sums[3] = {0};
  take(t, "position", THAW_ARRAY_INT64, 3, position);
  take(t, "sums", THAW_ARRAY_DOUBLE, 3, sums);
  if (t->status == THAW_OK && (position[0] < 0 || position[0] > training->stage->epochs))
    lack(t, "position");
  training->epoch = position[0];
  training->batch = position[1];
  training->best_epoch = position[2];
  training->loss_sum = sums[0];
  training->loss_count = sums[1];
  training->seconds = sums[2];
  take_weights(t, run, training);
  take_series(t, run, training);
  if (t->status == THAW_OK && training->best_epoch >= (int64_t)training->series->epoch_count)
    lack(t, "position");
  take_optimizer(t, training->optimizer);
  take_averages(t, training->optimizer);
  take_carry(t, training->carry);
  take_best(t, training);
}

thaw_status thaw_stage_file_resume(thaw_context *ctx, const char *path, thaw_training *training) {
  thaw_run_file *run = NULL;
  thaw_state state = {0};
  taking t = {.ctx = ctx, .path = path, .state = &state};
  t.status = thaw_run_open(ctx, path, &run);
  if (t.status == THAW_OK) t.status = thaw_run_state(ctx, run, &state);
  if (t.status == THAW_OK) take_all(&t, run, training);
  thaw_state_free(&state);
  thaw_run_close(run);
  return t.status;
}
