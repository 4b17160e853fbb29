/* parameters.h: the tensors of one model, in ordered groups (see thaw/plugin.h, thaw_params_add).
 *
 * Groups stand in the order in which they were first named; transfer, unfreezing and rates speak of
 * them. Each tensor has its own memory and keeps its address for the life of the model. */
#ifndef THAW_PARAMETERS_H
#define THAW_PARAMETERS_H

#include "thaw/plugin.h"

typedef struct thaw_param {
  char *name; /* unique in its group */
  thaw_tensor *tensor;
  bool trained; /* false for buffers such as running statistics */
} thaw_param;

typedef struct thaw_param_group {
  char *name;
  thaw_param *params;
  size_t count;
  bool taken; /* its values were taken over from elsewhere, not drawn */
} thaw_param_group;

struct thaw_params {
  thaw_param_group *groups;
  size_t count;
  uint64_t seed;
  thaw_params *donor; /* whose values new tensors take over, or NULL: they draw their own */
};

/* Initial values depend on `seed`, the group's name and the tensor's name. NULL: no memory. */
thaw_params *thaw_params_create(uint64_t seed);
/* From now on a tensor that is added takes the memory and the values of the donor's of that name,
 * which must have its shape, instead of initial values. The donor outlives the last addition. */
void thaw_params_take_from(thaw_params *params, thaw_params *donor);
void thaw_params_free(thaw_params *params);
/* NULL when there is none of that name. */
thaw_param_group *thaw_params_group(const thaw_params *params, const char *name);
thaw_param *thaw_params_find(const thaw_params *params, const char *group, const char *name);
/* New tensors of the same groups, names, shapes and values, that own their memory. */
thaw_status thaw_params_clone(thaw_context *ctx, const thaw_params *params, thaw_params **clone);
/* Number of trained elements in a group, and in all. */
size_t thaw_group_size(const thaw_param_group *group);
size_t thaw_params_size(const thaw_params *params);

#endif
