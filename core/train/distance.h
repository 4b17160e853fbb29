/* distance.h: how far training moves a model's parameter groups.
 *
 * What is really taken over shows in how little of it is changed: a group's relative distance from
 * the values w₀ that it began with, ‖w − w₀‖₂ / ‖w₀‖₂, over all of its trained tensors together. */
#ifndef THAW_DISTANCE_H
#define THAW_DISTANCE_H

#include "plugin/parameters.h"

typedef struct thaw_distance thaw_distance;

/* Distances from the values that `params` have now, of which it keeps a copy in a file without a
 * name in `folder` (thaw_unnamed_create), so that it takes no memory. Also on an error the caller
 * frees what `*distance` receives. */
thaw_status thaw_distance_create(thaw_context *ctx, const thaw_params *params, const char *folder,
                                 thaw_distance **distance);
void thaw_distance_free(thaw_distance *distance);

/* How far the groups of `params`, which has the same layout, are now: `distances` [params->count].
 * NaN for a group whose first values are all 0, or that has nothing to train. */
thaw_status thaw_distance_measure(thaw_context *ctx, const thaw_distance *distance,
                                  const thaw_params *params, double *distances);

#endif
