/* distance.c: see distance.h. Sums are in double and have the same bits for any number of threads;
 * a group that has not moved is at exactly 0. */
#include "train/distance.h"

#include <math.h>
#include <stdlib.h>

#include "tensor/kernels.h"

struct thaw_distance {
  thaw_params *first;
  double *squares; /* [first->count]: ‖w₀‖² */
};

thaw_status thaw_distance_create(thaw_context *ctx, const thaw_params *params,
                                 thaw_distance **result) {
  thaw_distance *distance = calloc(1, sizeof *distance);
  *result = distance;
  if (!distance) return thaw_fail_memory(ctx, sizeof *distance);
  distance->squares = calloc(params->count + 1, sizeof *distance->squares);
  if (!distance->squares) return thaw_fail_memory(ctx, params->count * sizeof(double));
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    for (size_t p = 0; p < group->count; p++) {
      const thaw_tensor *tensor = group->params[p].tensor;
      if (group->params[p].trained)
        distance->squares[g] += thaw_sum_of_squares(tensor->data, thaw_size(tensor));
    }
  }
  return thaw_params_clone(ctx, params, &distance->first);
}

void thaw_distance_free(thaw_distance *distance) {
  if (!distance) return;
  thaw_params_free(distance->first);
  free(distance->squares);
  free(distance);
}

void thaw_distance_measure(const thaw_distance *distance, const thaw_params *params,
                           double *distances) {
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *now = &params->groups[g], *first = &distance->first->groups[g];
    double square = 0;
    for (size_t p = 0; p < now->count; p++) {
      const thaw_tensor *tensor = now->params[p].tensor;
      if (now->params[p].trained)
        square +=
            thaw_squared_distance(tensor->data, first->params[p].tensor->data, thaw_size(tensor));
    }
    distances[g] = distance->squares[g] > 0 ? sqrt(square / distance->squares[g]) : NAN;
  }
}
