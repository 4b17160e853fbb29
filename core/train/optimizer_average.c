/* optimizer_average.c: the mean of the weights over steps, for NT-ASGD. A running mean: after the
 * n-th weights w, average += (w − average)/n. Groups that a step leaves frozen count with the
 * weights that they have. */
#include <stdlib.h>
#include <string.h>

#include "tensor/kernels.h"
#include "train/optimizer.h"

thaw_status thaw_optimizer_average_begin(thaw_context *ctx, thaw_optimizer *optimizer) {
  if (optimizer->averaged > 0) return THAW_OK;
  for (size_t i = 0; i < optimizer->count; i++) {
    thaw_optimized *entry = &optimizer->tensors[i];
    const size_t bytes = thaw_size(entry->tensor) * sizeof *entry->average;
    entry->average = malloc(bytes);
    if (!entry->average) return thaw_fail_memory(ctx, bytes);
    memcpy(entry->average, entry->tensor->data, bytes);
  }
  optimizer->averaged = 1;
  return THAW_OK;
}

void thaw_optimizer_average_add(thaw_optimizer *optimizer) {
  if (optimizer->averaged == 0) return;
  const float share = (float)(1 / (double)++optimizer->averaged);
  for (size_t i = 0; i < optimizer->count; i++) {
    const thaw_optimized *entry = &optimizer->tensors[i];
    thaw_approach(entry->average, share, entry->tensor->data, thaw_size(entry->tensor));
  }
}

void thaw_optimizer_average_swap(thaw_optimizer *optimizer) {
  if (optimizer->averaged == 0) return;
  for (size_t i = 0; i < optimizer->count; i++) {
    const thaw_optimized *entry = &optimizer->tensors[i];
    float *weights = entry->tensor->data, *average = entry->average;
    for (size_t k = 0; k < thaw_size(entry->tensor); k++) {
      const float weight = weights[k];
      weights[k] = average[k];
      average[k] = weight;
    }
  }
}
