/* optimizer.c: one update of every trained tensor. The arithmetic is in tensor/kernels.c. */
#include "train/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernels.h"

static size_t trained_tensors(const thaw_rate_group *rate_groups, size_t rate_group_count) {
  size_t count = 0;
  for (size_t s = 0; s < rate_group_count; s++)
    for (size_t g = 0; g < rate_groups[s].group_count; g++)
      for (size_t p = 0; p < rate_groups[s].groups[g]->count; p++)
        count += rate_groups[s].groups[g]->params[p].trained;
  return count;
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
  bool moments = config->kind == THAW_OPTIMIZER_ADAM || config->momentum > 0;
  if (moments) entry->moments[0] = calloc(size, sizeof(float));
  if (config->kind == THAW_OPTIMIZER_ADAM) entry->moments[1] = calloc(size, sizeof(float));
  bool whole = entry->name && param->tensor->grad && (!moments || entry->moments[0]) &&
               (config->kind != THAW_OPTIMIZER_ADAM || entry->moments[1]);
  if (!whole) return thaw_fail_memory(ctx, size * sizeof(float));
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
    free(entry->moments[0]);
    free(entry->moments[1]);
    free(entry->name);
  }
  free(optimizer->tensors);
  free(optimizer->steps);
  free(optimizer);
}

void thaw_optimizer_prepare(thaw_optimizer *optimizer, const double *rates) {
  for (size_t i = 0; i < optimizer->count; i++) {
    thaw_tensor *tensor = optimizer->tensors[i].tensor;
    tensor->wants_grad = rates[optimizer->tensors[i].rate_group] > 0;
    if (tensor->wants_grad) thaw_fill(tensor->grad, 0, thaw_size(tensor));
  }
}

double thaw_optimizer_norm(const thaw_optimizer *optimizer) {
  double sum = 0;
  for (size_t i = 0; i < optimizer->count; i++) {
    const thaw_tensor *tensor = optimizer->tensors[i].tensor;
    if (tensor->wants_grad) sum += thaw_sum_of_squares(tensor->grad, thaw_size(tensor));
  }
  return sqrt(sum);
}

static void adam(const thaw_optimizer_config *config, thaw_optimized *entry, double rate,
                 int64_t steps, float scale) {
  thaw_adamw_step step = {.rate = (float)rate,
                          .beta1 = (float)config->beta1,
                          .beta2 = (float)config->beta2,
                          .epsilon = (float)config->epsilon,
                          .weight_decay = (float)config->weight_decay,
                          .correction1 = (float)(1 - pow(config->beta1, (double)steps)),
                          .correction2 = (float)(1 - pow(config->beta2, (double)steps)),
                          .gradient_scale = scale};
  thaw_adamw(entry->tensor->data, entry->tensor->grad, entry->moments[0], entry->moments[1],
             thaw_size(entry->tensor), &step);
}

static void sgd(const thaw_optimizer_config *config, thaw_optimized *entry, double rate,
                float scale) {
  thaw_sgd_step step = {.rate = (float)rate,
                        .momentum = (float)config->momentum,
                        .weight_decay = (float)config->weight_decay,
                        .gradient_scale = scale};
  thaw_sgd(entry->tensor->data, entry->tensor->grad, entry->moments[0], thaw_size(entry->tensor),
           &step);
}

void thaw_optimizer_step(thaw_optimizer *optimizer, const double *rates, double norm) {
  const thaw_optimizer_config *config = optimizer->config;
  /* clip_grad_norm_ adds 1e-6 to the norm. */
  float scale = config->clip > 0 && norm > config->clip ? (float)(config->clip / (norm + 1e-6)) : 1;
  for (size_t s = 0; s < optimizer->rate_group_count; s++) optimizer->steps[s] += rates[s] > 0;
  for (size_t i = 0; i < optimizer->count; i++) {
    thaw_optimized *entry = &optimizer->tensors[i];
    double rate = rates[entry->rate_group];
    if (!(rate > 0)) continue;
    if (config->kind == THAW_OPTIMIZER_ADAM)
      adam(config, entry, rate, optimizer->steps[entry->rate_group], scale);
    else
      sgd(config, entry, rate, scale);
  }
}
