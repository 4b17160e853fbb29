/* optimizer.c: one update of every trained tensor. The arithmetic is in tensor/kernels.c. */
#include "train/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernels.h"
#include "tensor/touched.h"

static bool is_adam(const thaw_optimizer_config *config) {
  return config->kind == THAW_OPTIMIZER_ADAM;
}

static size_t trained_tensors(const thaw_rate_group *rate_groups, size_t rate_group_count) {
  size_t count = 0;
  for (size_t s = 0; s < rate_group_count; s++)
    for (size_t g = 0; g < rate_groups[s].group_count; g++)
      for (size_t p = 0; p < rate_groups[s].groups[g]->count; p++)
        count += rate_groups[s].groups[g]->params[p].trained;
  return count;
}

/* An account of rows, for a matrix. With momentum SGD's decay reaches every velocity at once. */
static bool keep_rows(const thaw_optimizer_config *config, thaw_optimized *entry) {
  thaw_tensor *tensor = entry->tensor;
  if (tensor->rank != 2) return true;
  if (!is_adam(config) && config->weight_decay > 0) return true;
  tensor->touched = thaw_touched_create(tensor->shape[0]);
  entry->live = calloc(tensor->shape[0], sizeof *entry->live);
  return tensor->touched && entry->live;
}

static thaw_status add(thaw_context *ctx, thaw_optimizer *optimizer, size_t rate_group,
                       const thaw_param_group *group, const thaw_param *param) {
  thaw_optimized *entry = &optimizer->tensors[optimizer->count++];
  size_t size = thaw_size(param->tensor), length = strlen(group->name) + strlen(param->name) + 2;
  const thaw_optimizer_config *config = optimizer->config;
  entry->tensor = param->tensor;
  entry->rate_group = rate_group;
  entry->name = malloc(length);
  param->tensor->grad = calloc(size, sizeof(float));
  bool moments = is_adam(config) || config->momentum > 0;
  if (moments) entry->moments[0] = calloc(size, sizeof(float));
  if (is_adam(config)) entry->moments[1] = calloc(size, sizeof(float));
  bool whole = entry->name && param->tensor->grad && (!moments || entry->moments[0]) &&
               (!is_adam(config) || entry->moments[1]);
  if (!whole || !keep_rows(config, entry)) return thaw_fail_memory(ctx, size * sizeof(float));
  snprintf(entry->name, length, "%s/%s", group->name, param->name);
  return THAW_OK;
}

thaw_status thaw_optimizer_create(thaw_context *ctx, const thaw_optimizer_config *config,
                                  const thaw_rate_group *rate_groups, size_t rate_group_count,
                                  thaw_optimizer **result) {
  *result = NULL;
  size_t count = trained_tensors(rate_groups, rate_group_count);
  thaw_optimizer *optimizer = calloc(1, sizeof *optimizer);
  if (!optimizer) return thaw_fail_memory(ctx, sizeof *optimizer);
  optimizer->config = config;
  optimizer->rate_group_count = rate_group_count;
  optimizer->tensors = calloc(count + 1, sizeof *optimizer->tensors);
  optimizer->steps = calloc(rate_group_count + 1, sizeof *optimizer->steps);
  thaw_status status = optimizer->tensors && optimizer->steps
                           ? THAW_OK
                           : thaw_fail_memory(ctx, count * sizeof *optimizer->tensors);
  for (size_t s = 0; s < rate_group_count; s++)
    for (size_t g = 0; g < rate_groups[s].group_count; g++)
      for (size_t p = 0; p < rate_groups[s].groups[g]->count && status == THAW_OK; p++)
        if (rate_groups[s].groups[g]->params[p].trained)
          status = add(ctx, optimizer, s, rate_groups[s].groups[g],
                       &rate_groups[s].groups[g]->params[p]);
  if (status) {
    thaw_optimizer_free(optimizer);
    return status;
  }
  *result = optimizer;
  return THAW_OK;
}

void thaw_optimizer_free(thaw_optimizer *optimizer) {
  if (!optimizer) return;
  for (size_t i = 0; i < optimizer->count; i++) {
    thaw_optimized *entry = &optimizer->tensors[i];
    free(entry->tensor->grad);
    entry->tensor->grad = NULL;
    thaw_touched_free(entry->tensor->touched);
    entry->tensor->touched = NULL;
    free(entry->live);
    free(entry->moments[0]);
    free(entry->moments[1]);
    free(entry->average);
    free(entry->name);
  }
  free(optimizer->tensors);
  free(optimizer->steps);
  free(optimizer);
}

/* ---- Gradients ------------------------------------------------------------------------------ */

/* The rows of the gradient that were added to, or NULL: it is to be taken as a whole. */
static thaw_touched *touched_rows(const thaw_tensor *tensor) {
  return tensor->touched && !tensor->touched->all ? tensor->touched : NULL;
}

static void clear_gradient(thaw_tensor *tensor) {
  const thaw_touched *touched = touched_rows(tensor);
  const size_t width = thaw_columns(tensor);
  if (!touched) thaw_fill(tensor->grad, 0, thaw_size(tensor));
  for (size_t i = 0; touched && i < touched->count; i++)
    memset(tensor->grad + touched->row[i] * width, 0, width * sizeof(float));
  if (tensor->touched) thaw_touched_clear(tensor->touched);
}

void thaw_optimizer_prepare(thaw_optimizer *optimizer, const double *rates) {
  for (size_t i = 0; i < optimizer->count; i++) {
    thaw_tensor *tensor = optimizer->tensors[i].tensor;
    tensor->wants_grad = rates[optimizer->tensors[i].rate_group] > 0;
    if (tensor->wants_grad) clear_gradient(tensor);
  }
}

static double square_of(const thaw_tensor *tensor) {
  const thaw_touched *touched = touched_rows(tensor);
  if (!touched) return thaw_sum_of_squares(tensor->grad, thaw_size(tensor));
  const size_t width = thaw_columns(tensor);
  double sum = 0;
  for (size_t i = 0; i < touched->count; i++)
    sum += thaw_sum_of_squares(tensor->grad + touched->row[i] * width, width);
  return sum;
}

double thaw_optimizer_norm(const thaw_optimizer *optimizer) {
  double sum = 0;
  for (size_t i = 0; i < optimizer->count; i++) {
    const thaw_tensor *tensor = optimizer->tensors[i].tensor;
    if (tensor->wants_grad) sum += square_of(tensor);
  }
  return sqrt(sum);
}

/* ---- Steps ---------------------------------------------------------------------------------- */

/* One step of one tensor. */
typedef struct update {
  const thaw_optimized *entry;
  bool is_adam;
  thaw_adamw_step adam;
  thaw_sgd_step sgd;
} update;

static void update_elements(const update *u, size_t begin, size_t count) {
  const thaw_optimized *entry = u->entry;
  float *weights = entry->tensor->data + begin, *gradient = entry->tensor->grad + begin;
  float *first = entry->moments[0] ? entry->moments[0] + begin : NULL;
  if (u->is_adam) {
    thaw_adamw(weights, gradient, first, entry->moments[1] + begin, count, &u->adam);
  } else {
    thaw_sgd(weights, gradient, first, count, &u->sgd);
  }
}

/* Rows that are alike are taken together. */
static void update_rows(void *arguments, size_t begin, size_t end) {
  const update *u = arguments;
  const bool *live = u->entry->live;
  const size_t width = thaw_columns(u->entry->tensor);
  const float keep = 1 - u->adam.rate * u->adam.weight_decay; /* 1 for SGD */
  for (size_t row = begin, next; row < end; row = next) {
    next = row + 1;
    while (next < end && live[next] == live[row]) next++;
    float *weights = u->entry->tensor->data + row * width;
    if (live[row]) {
      update_elements(u, row * width, (next - row) * width);
    } else if (keep != 1) {
      thaw_scale(weights, keep, weights, (next - row) * width);
    }
  }
}

/* From now on a row that was touched may have moments other than 0. */
static void mark_live(thaw_optimized *entry) {
  const thaw_touched *touched = touched_rows(entry->tensor);
  for (size_t i = 0; touched && i < touched->count; i++) entry->live[touched->row[i]] = true;
  if (touched) return;
  free(entry->live);
  entry->live = NULL;
}

static void update_tensor(thaw_optimized *entry, update u) {
  u.entry = entry;
  if (entry->live) mark_live(entry);
  if (entry->live) {
    thaw_parallel_rows(entry->tensor->shape[0], entry->tensor->shape[1], update_rows, &u);
  } else {
    update_elements(&u, 0, thaw_size(entry->tensor));
  }
}

static update update_of(const thaw_optimizer_config *config, double rate, int64_t steps,
                        float scale) {
  if (!is_adam(config)) {
    return (update){.sgd = {.rate = (float)rate,
                            .momentum = (float)config->momentum,
                            .weight_decay = (float)config->weight_decay,
                            .gradient_scale = scale,
                            .nesterov = config->nesterov}};
  }
  return (update){.is_adam = true,
                  .adam = {.rate = (float)rate,
                           .beta1 = (float)config->beta1,
                           .beta2 = (float)config->beta2,
                           .epsilon = (float)config->epsilon,
                           .weight_decay = (float)config->weight_decay,
                           .correction1 = (float)(1 - pow(config->beta1, (double)steps)),
                           .correction2 = (float)(1 - pow(config->beta2, (double)steps)),
                           .gradient_scale = scale}};
}

void thaw_optimizer_step(thaw_optimizer *optimizer, const double *rates, double scale,
                         double norm) {
  const thaw_optimizer_config *config = optimizer->config;
  /* clip_grad_norm_ adds 1e-6 to the norm. */
  if (config->clip > 0 && norm > config->clip) scale *= config->clip / (norm + 1e-6);
  for (size_t s = 0; s < optimizer->rate_group_count; s++) optimizer->steps[s] += rates[s] > 0;
  for (size_t i = 0; i < optimizer->count; i++) {
    thaw_optimized *entry = &optimizer->tensors[i];
    const double rate = rates[entry->rate_group];
    if (rate > 0)
      update_tensor(entry,
                    update_of(config, rate, optimizer->steps[entry->rate_group], (float)scale));
  }
  thaw_optimizer_average_add(optimizer);
}

static bool has_moment(const thaw_optimized *entry, size_t row) {
  const size_t width = thaw_columns(entry->tensor);
  for (size_t m = 0; m < 2; m++) {
    const float *moments = entry->moments[m];
    for (size_t i = row * width; moments && i < (row + 1) * width; i++)
      if (moments[i] != 0) return true;
  }
  return false;
}

void thaw_optimizer_moments_changed(thaw_optimizer *optimizer) {
  for (size_t i = 0; i < optimizer->count; i++) {
    thaw_optimized *entry = &optimizer->tensors[i];
    for (size_t row = 0; entry->live && row < entry->tensor->shape[0]; row++)
      entry->live[row] = has_moment(entry, row);
  }
}
