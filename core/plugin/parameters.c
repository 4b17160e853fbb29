/* parameters.c: a model's tensors by group, and their initial values.
 *
 * Each tensor draws from a generator of its own, made from the seed and the hash of its group's and
 * its own name: adding or removing one tensor leaves the others' values as they were. */
#include "plugin/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/hash.h"
#include "tensor/tape.h"

enum { ALIGNMENT = 64 };

thaw_params *thaw_params_create(uint64_t seed) {
  thaw_params *params = calloc(1, sizeof *params);
  if (params) params->seed = seed;
  return params;
}

void thaw_params_take_from(thaw_params *params, thaw_params *donor) {
  params->donor = donor;
}

static void free_tensor(thaw_tensor *tensor) {
  if (!tensor) return;
  free(tensor->data);
  free(tensor);
}

void thaw_params_free(thaw_params *params) {
  if (!params) return;
  for (size_t g = 0; g < params->count; g++) {
    thaw_param_group *group = &params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      free(group->params[i].name);
      free_tensor(group->params[i].tensor);
    }
    free(group->params);
    free(group->name);
  }
  free(params->groups);
  free(params);
}

thaw_param_group *thaw_params_group(const thaw_params *params, const char *name) {
  for (size_t g = 0; g < params->count; g++) {
    if (strcmp(params->groups[g].name, name) == 0) return &params->groups[g];
  }
  return NULL;
}

static thaw_param *find_in_group(const thaw_param_group *group, const char *name) {
  for (size_t i = 0; i < group->count; i++) {
    if (strcmp(group->params[i].name, name) == 0) return &group->params[i];
  }
  return NULL;
}

thaw_param *thaw_params_find(const thaw_params *params, const char *group, const char *name) {
  const thaw_param_group *found = thaw_params_group(params, group);
  return found ? find_in_group(found, name) : NULL;
}

static size_t element_count(const thaw_tensor *tensor) {
  size_t count = 1;
  for (size_t i = 0; i < tensor->rank; i++) count *= tensor->shape[i];
  return count;
}

size_t thaw_group_size(const thaw_param_group *group) {
  size_t size = 0;
  for (size_t i = 0; i < group->count; i++) {
    if (group->params[i].trained) size += element_count(group->params[i].tensor);
  }
  return size;
}

size_t thaw_params_size(const thaw_params *params) {
  size_t size = 0;
  for (size_t g = 0; g < params->count; g++) size += thaw_group_size(&params->groups[g]);
  return size;
}

/* Names become paths in the run file. */
static bool is_good_name(const char *name) {
  return name && *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Checks rank and shape; `*count` receives the number of elements. */
static bool check_shape(thaw_context *ctx, const char *group, const char *name, size_t rank,
                        const size_t *shape, size_t *count) {
  if (rank > THAW_MAX_RANK) {
    thaw_fail(ctx, THAW_INVALID, "parameter %s/%s has %zu dimensions, at most %d are possible",
              group, name, rank, THAW_MAX_RANK);
    return false;
  }
  *count = 1;
  for (size_t i = 0; i < rank; i++) {
    if (shape[i] == 0) {
      thaw_fail(ctx, THAW_INVALID, "parameter %s/%s is empty: its dimension %zu is 0", group, name,
                i);
      return false;
    }
    if (*count > SIZE_MAX / 2 / sizeof(float) / shape[i]) {
      thaw_fail(ctx, THAW_INVALID, "parameter %s/%s is larger than any memory", group, name);
      return false;
    }
    *count *= shape[i];
  }
  return true;
}

/* Without memory for the values. */
static thaw_tensor *create_tensor(size_t rank, const size_t *shape) {
  thaw_tensor *tensor = calloc(1, sizeof *tensor);
  if (!tensor) return NULL;
  tensor->rank = rank;
  for (size_t i = 0; i < THAW_MAX_RANK; i++) tensor->shape[i] = i < rank ? shape[i] : 1;
  return tensor;
}

static float *create_values(size_t count) {
  return aligned_alloc(ALIGNMENT,
                       (count * sizeof(float) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
}

/* The generator of one tensor's initial values; false: no memory. */
static bool make_generator(uint64_t seed, const char *group, const char *name, thaw_rng *rng) {
  thaw_buffer key = {0};
  const bool ok = thaw_buffer_append(&key, group, strlen(group) + 1) &&
                  thaw_buffer_append(&key, name, strlen(name) + 1);
  if (ok) *rng = thaw_rng_make(seed, thaw_hash64(key.data, key.size));
  thaw_buffer_free(&key);
  return ok;
}

static bool fill(thaw_context *ctx, const thaw_params *params, const char *group, const char *name,
                 thaw_init init, float *values, size_t count) {
  thaw_rng rng;
  if (!make_generator(params->seed, group, name, &rng)) {
    thaw_fail_memory(ctx, strlen(group) + strlen(name) + 2);
    return false;
  }
  switch (init.kind) {
    case THAW_INIT_CONSTANT:
      for (size_t i = 0; i < count; i++) values[i] = init.a;
      return true;
    case THAW_INIT_UNIFORM:
      for (size_t i = 0; i < count; i++) {
        values[i] = init.a + (init.b - init.a) * thaw_rng_uniform(&rng);
      }
      return true;
    case THAW_INIT_NORMAL:
      for (size_t i = 0; i < count; i++) values[i] = init.a + init.b * thaw_rng_normal(&rng);
      return true;
  }
  thaw_fail(ctx, THAW_INVALID, "parameter %s/%s: unknown kind of initial values %d", group, name,
            (int)init.kind);
  return false;
}

static bool draw_values(thaw_context *ctx, const thaw_params *params, const char *group,
                        const char *name, thaw_init init, thaw_tensor *tensor, size_t count) {
  tensor->data = create_values(count);
  if (tensor->data) return fill(ctx, params, group, name, init, tensor->data, count);
  thaw_fail_memory(ctx, count * sizeof(float));
  thaw_explain(ctx, THAW_FAILED, "parameter %s/%s", group, name);
  return false;
}

static bool take_values(thaw_context *ctx, const thaw_params *donor, const char *group,
                        const char *name, thaw_tensor *tensor) {
  const thaw_param *found = thaw_params_find(donor, group, name);
  char wanted[THAW_SHAPE_TEXT], there[THAW_SHAPE_TEXT] = "";
  thaw_shape_text(tensor, wanted);
  if (found) thaw_shape_text(found->tensor, there);
  if (!found || strcmp(wanted, there) != 0) {
    thaw_fail(ctx, THAW_INVALID, "the parameter %s/%s is %s%s, expected %s", group, name,
              found ? "" : "missing", there, wanted);
    return false;
  }
  tensor->data = found->tensor->data;
  found->tensor->data = NULL;
  return true;
}

/* The group of that name, created at the end when there is none; NULL: no memory. */
static thaw_param_group *need_group(thaw_params *params, const char *name) {
  thaw_param_group *group = thaw_params_group(params, name);
  if (group) return group;
  char *copy = strdup(name);
  thaw_param_group *groups =
      copy ? realloc(params->groups, (params->count + 1) * sizeof *groups) : NULL;
  if (!groups) {
    free(copy);
    return NULL;
  }
  params->groups = groups;
  groups[params->count] = (thaw_param_group){.name = copy};
  return &groups[params->count++];
}

/* Puts the tensor, which it then owns, into its group; false: no memory. */
static bool insert(thaw_params *params, const char *group_name, const char *name,
                   thaw_tensor *tensor, bool trained) {
  char *copy = strdup(name);
  thaw_param_group *group = copy ? need_group(params, group_name) : NULL;
  thaw_param *list = group ? realloc(group->params, (group->count + 1) * sizeof *list) : NULL;
  if (!list) {
    free(copy);
    return false;
  }
  group->params = list;
  list[group->count++] = (thaw_param){copy, tensor, trained};
  return true;
}

static thaw_tensor *add(thaw_params *params, thaw_context *ctx, const char *group, const char *name,
                        size_t rank, const size_t *shape, thaw_init init, bool trained) {
  if (!is_good_name(group) || !is_good_name(name)) {
    thaw_fail(ctx, THAW_INVALID, "a parameter's group and name must not be empty nor contain '/'");
    return NULL;
  }
  if (thaw_params_find(params, group, name)) {
    thaw_fail(ctx, THAW_INVALID, "there are two parameters %s/%s", group, name);
    return NULL;
  }
  size_t count;
  if (!check_shape(ctx, group, name, rank, shape, &count)) return NULL;
  thaw_tensor *tensor = create_tensor(rank, shape);
  if (!tensor) {
    thaw_fail_memory(ctx, sizeof *tensor);
    return NULL;
  }
  tensor->wants_grad = trained;
  const bool has_values = params->donor
                              ? take_values(ctx, params->donor, group, name, tensor)
                              : draw_values(ctx, params, group, name, init, tensor, count);
  if (!has_values) {
    free_tensor(tensor);
    return NULL;
  }
  if (!insert(params, group, name, tensor, trained)) {
    free_tensor(tensor);
    thaw_fail_memory(ctx, sizeof(thaw_param));
    return NULL;
  }
  return tensor;
}

thaw_tensor *thaw_params_add(thaw_params *params, thaw_context *ctx, const char *group,
                             const char *name, size_t rank, const size_t *shape, thaw_init init) {
  return add(params, ctx, group, name, rank, shape, init, true);
}

thaw_tensor *thaw_params_add_buffer(thaw_params *params, thaw_context *ctx, const char *group,
                                    const char *name, size_t rank, const size_t *shape,
                                    thaw_init init) {
  return add(params, ctx, group, name, rank, shape, init, false);
}

thaw_status thaw_params_clone(thaw_context *ctx, const thaw_params *params, thaw_params **result) {
  *result = NULL;
  thaw_params *clone = thaw_params_create(params->seed);
  if (!clone) return thaw_fail_memory(ctx, sizeof *clone);
  for (size_t g = 0; g < params->count; g++) {
    const thaw_param_group *group = &params->groups[g];
    for (size_t i = 0; i < group->count; i++) {
      const thaw_param *param = &group->params[i];
      const thaw_tensor *from = param->tensor;
      const thaw_tensor *to = add(clone, ctx, group->name, param->name, from->rank, from->shape,
                                  (thaw_init){THAW_INIT_CONSTANT, 0, 0}, param->trained);
      if (!to) {
        thaw_params_free(clone);
        return THAW_FAILED;
      }
      memcpy(to->data, from->data, element_count(from) * sizeof *from->data);
    }
  }
  *result = clone;
  return THAW_OK;
}
