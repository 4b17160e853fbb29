/* state.c: the named arrays of a checkpoint. There are a few dozen at most: they are found by
 * looking. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "store/runfile.h"

static size_t element_bytes(thaw_array_type type) {
  return type == THAW_ARRAY_FLOAT ? sizeof(float) : 8;
}

static thaw_array *find(const thaw_state *state, const char *name) {
  for (size_t i = 0; i < state->count; i++) {
    if (strcmp(state->arrays[i].name, name) == 0) return &state->arrays[i];
  }
  return NULL;
}

void thaw_state_free(thaw_state *state) {
  if (!state) return;
  for (size_t i = 0; i < state->count; i++) {
    free(state->arrays[i].name);
    free(state->arrays[i].data);
  }
  free(state->arrays);
  *state = (thaw_state){0};
}

/* A new array at the end, without data; NULL: no memory. */
static thaw_array *append(thaw_state *state, const char *name) {
  char *copy = strdup(name);
  thaw_array *arrays = copy ? realloc(state->arrays, (state->count + 1) * sizeof *arrays) : NULL;
  if (!arrays) {
    free(copy);
    return NULL;
  }
  state->arrays = arrays;
  arrays[state->count] = (thaw_array){.name = copy};
  return &arrays[state->count++];
}

thaw_status thaw_state_put(thaw_context *ctx, thaw_state *state, const char *name,
                           thaw_array_type type, size_t count, const void *data) {
  const size_t each = element_bytes(type);
  if (count > SIZE_MAX / each) return thaw_fail_memory(ctx, SIZE_MAX);
  const size_t bytes = count * each;
  void *copy = malloc(bytes ? bytes : 1);
  if (!copy) return thaw_fail_memory(ctx, bytes);
  thaw_array *array = find(state, name);
  if (!array) array = append(state, name);
  if (!array) {
    free(copy);
    return thaw_fail_memory(ctx, sizeof *array);
  }
  if (bytes) memcpy(copy, data, bytes);
  free(array->data);
  array->data = copy;
  array->type = type;
  array->count = count;
  return THAW_OK;
}

const thaw_array *thaw_state_get(const thaw_state *state, const char *name) {
  return find(state, name);
}
