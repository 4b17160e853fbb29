/* classes.c: names of classes, always in byte order. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/corpus.h"

void thaw_classes_free(thaw_classes *classes) {
  for (size_t i = 0; i < classes->count; i++) free(classes->names[i]);
  free(classes->names);
  *classes = (thaw_classes){0};
}

/* The first name that is not before `name`. */
static size_t place_of(const thaw_classes *classes, const char *name) {
  size_t low = 0, high = classes->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (strcmp(classes->names[middle], name) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

thaw_status thaw_classes_add(thaw_context *ctx, thaw_classes *classes, const char *name) {
  const size_t place = place_of(classes, name);
  if (place < classes->count && strcmp(classes->names[place], name) == 0) return THAW_OK;
  if (classes->count >= INT32_MAX)
    return thaw_fail(ctx, THAW_INVALID, "there are too many classes");
  char *copy = strdup(name);
  char **names = copy ? realloc(classes->names, (classes->count + 1) * sizeof *names) : NULL;
  if (!names) {
    free(copy);
    return thaw_fail_memory(ctx, strlen(name) + 1);
  }
  memmove(names + place + 1, names + place, (classes->count - place) * sizeof *names);
  names[place] = copy;
  classes->names = names;
  classes->count++;
  return THAW_OK;
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void thaw_classes_sort(thaw_classes *classes) {
  /* Only names that did not come through thaw_classes_add can be out of order. */
  if (classes->count) qsort(classes->names, classes->count, sizeof *classes->names, by_bytes);
}

int32_t thaw_classes_find(const thaw_classes *classes, const char *name) {
  const size_t place = place_of(classes, name);
  return place < classes->count && strcmp(classes->names[place], name) == 0 ? (int32_t)place : -1;
}
