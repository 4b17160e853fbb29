/* distance.c: see distance.h. Sums are in double and have the same bits for any number of threads;
 * a group that has not moved is at exactly 0. */
#include "train/distance.h"

#include <math.h>
#include <stdlib.h>

#include "base/context.h"
#include "base/unnamed_file.h"
#include "tensor/kernels.h"

enum { BLOCK = 1 << 16 }; /* first values that are read at a time */

struct thaw_distance {
  thaw_unnamed_file *first; /* all trained tensors, one after the other */
  float *block;             /* [BLOCK] */
  double *squares;          /* [groups]: ‖w₀‖² */
};

/* Keeps the tensor's values from `*place` on, and moves it. */
static thaw_status keep(thaw_context *ctx, const thaw_distance *distance, const thaw_tensor *tensor,
                        size_t *place) {
  const size_t bytes = thaw_size(tensor) * sizeof *tensor->data;
  const thaw_status status = thaw_unnamed_write(ctx, distance->first, tensor->data, bytes, *place);
  *place += bytes;
  return status;
}

static thaw_status keep_all(thaw_context *ctx, const thaw_distance *distance,
                            const thaw_params *params) {
  thaw_status status = THAW_OK;
  size_t place = 0;
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    for (size_t p = 0; p < group->count && status == THAW_OK; p++) {
      const thaw_tensor *tensor = group->params[p].tensor;
      if (!group->params[p].trained) continue;
      distance->squares[g] += thaw_sum_of_squares(tensor->data, thaw_size(tensor));
      status = keep(ctx, distance, tensor, &place);
    }
  }
  return status;
}

thaw_status thaw_distance_create(thaw_context *ctx, const thaw_params *params, const char *folder,
                                 thaw_distance **result) {
  thaw_distance *distance = calloc(1, sizeof *distance);
  *result = distance;
  if (!distance) return thaw_fail_memory(ctx, sizeof *distance);
  distance->squares = calloc(params->count + 1, sizeof *distance->squares);
  distance->block = malloc(BLOCK * sizeof *distance->block);
  if (!distance->squares || !distance->block)
    return thaw_fail_memory(ctx, BLOCK * sizeof *distance->block);
  const thaw_status status =
      thaw_unnamed_create(ctx, folder, "a stage's first weights", &distance->first);
  return status ? status : keep_all(ctx, distance, params);
}

void thaw_distance_free(thaw_distance *distance) {
  if (!distance) return;
  thaw_unnamed_free(distance->first);
  free(distance->block);
  free(distance->squares);
  free(distance);
}

/* Adds ‖w − w₀‖² of a tensor whose first values stand from `*place` on, and moves it. */
static thaw_status add_tensor(thaw_context *ctx, const thaw_distance *distance,
                              const thaw_tensor *tensor, size_t *place, double *square) {
  const size_t size = thaw_size(tensor);
  for (size_t begin = 0; begin < size; begin += BLOCK) {
    const size_t count = size - begin < BLOCK ? size - begin : BLOCK;
    const size_t bytes = count * sizeof *distance->block;
    const thaw_status status =
        thaw_unnamed_read(ctx, distance->first, distance->block, bytes, *place);
    if (status) return status;
    *square += thaw_squared_distance(tensor->data + begin, distance->block, count);
    *place += bytes;
  }
  return THAW_OK;
}

thaw_status thaw_distance_measure(thaw_context *ctx, const thaw_distance *distance,
                                  const thaw_params *params, double *distances) {
  thaw_status status = THAW_OK;
  size_t place = 0;
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    double square = 0;
    for (size_t p = 0; p < group->count && status == THAW_OK; p++) {
      if (group->params[p].trained)
        status = add_tensor(ctx, distance, group->params[p].tensor, &place, &square);
    }
    distances[g] = distance->squares[g] > 0 ? sqrt(square / distance->squares[g]) : NAN;
  }
  return status;
}
