/* golden.c: see golden.h. */
#include "golden.h"

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SPACE = 128, MOST_ELEMENTS = 1 << 20 };

typedef struct entry {
  char name[NAME_SPACE];
  thaw_tensor tensor;
} entry;

struct golden {
  char name[NAME_SPACE];
  entry *entries;
  size_t count;
  int differing;
};

/* ---- Reading -------------------------------------------------------------------------------- */

static void read_values(FILE *file, entry *e, const char *path) {
  const size_t size = thaw_size(&e->tensor);
  ck_assert_msg(size <= MOST_ELEMENTS, "%s: %s is too large", path, e->name);
  e->tensor.data = malloc((size ? size : 1) * sizeof(float));
  for (size_t i = 0; i < size; i++) {
    if (fscanf(file, "%f", &e->tensor.data[i]) != 1) {
      ck_abort_msg("%s: %s has only %zu of %zu values", path, e->name, i, size);
    }
  }
}

/* The next tensor; false at the end. */
static bool read_entry(FILE *file, entry *e, const char *path) {
  int c;
  while ((c = fgetc(file)) == '\n' || c == ' ') continue;
  while (c == '#') {
    while ((c = fgetc(file)) != '\n' && c != EOF) continue;
    c = fgetc(file);
  }
  if (c == EOF) return false;
  ungetc(c, file);
  *e = (entry){.tensor = {.shape = {1, 1, 1, 1}}};
  if (fscanf(file, "%127s %zu", e->name, &e->tensor.rank) != 2 || e->tensor.rank > THAW_MAX_RANK) {
    ck_abort_msg("%s: a tensor's name and rank are missing after %s", path, e->name);
  }
  for (size_t i = 0; i < e->tensor.rank; i++) {
    if (fscanf(file, "%zu", &e->tensor.shape[i]) != 1) {
      ck_abort_msg("%s: %s has no dimension %zu", path, e->name, i);
    }
  }
  read_values(file, e, path);
  return true;
}

golden *golden_open(const char *name) {
  char path[4096];
  const char *source = getenv("THAW_SOURCE");
  snprintf(path, sizeof path, "%s/tests/golden/%s.txt", source ? source : ".", name);
  FILE *file = fopen(path, "r");
  ck_assert_msg(file != NULL, "%s is missing", path);
  golden *g = calloc(1, sizeof *g);
  snprintf(g->name, sizeof g->name, "%s", name);
  entry e;
  while (read_entry(file, &e, path)) {
    g->entries = realloc(g->entries, (g->count + 1) * sizeof *g->entries);
    g->entries[g->count++] = e;
  }
  fclose(file);
  ck_assert_msg(g->count > 0, "%s is empty", path);
  return g;
}

void golden_close(golden *file) {
  const int differing = file->differing;
  for (size_t i = 0; i < file->count; i++) free(file->entries[i].tensor.data);
  free(file->entries);
  free(file);
  ck_assert_msg(differing == 0, "%d tensors differ from PyTorch's (see above)", differing);
}

/* ---- Looking up ----------------------------------------------------------------------------- */

static entry *find(golden *file, const char *name) {
  for (size_t i = 0; i < file->count; i++) {
    if (strcmp(file->entries[i].name, name) == 0) return &file->entries[i];
  }
  return NULL;
}

bool golden_has(golden *file, const char *name) {
  return find(file, name) != NULL;
}

static entry *need(golden *file, const char *format, va_list arguments) {
  char name[NAME_SPACE];
  vsnprintf(name, sizeof name, format, arguments);
  entry *e = find(file, name);
  ck_assert_msg(e != NULL, "%s.txt has no tensor %s", file->name, name);
  return e;
}

const thaw_tensor *golden_get(golden *file, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  const entry *e = need(file, name, arguments);
  va_end(arguments);
  return &e->tensor;
}

int32_t *golden_integers(golden *file, const char *name) {
  const thaw_tensor *x = golden_get(file, "%s", name);
  int32_t *integers = malloc(thaw_size(x) * sizeof *integers);
  for (size_t i = 0; i < thaw_size(x); i++) integers[i] = (int32_t)x->data[i];
  return integers;
}

thaw_tensor *golden_parameter(golden *file, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  const thaw_tensor *x = &need(file, name, arguments)->tensor;
  va_end(arguments);
  thaw_tensor *copy = malloc(sizeof *copy);
  *copy = *x;
  copy->wants_grad = true;
  copy->data = malloc(thaw_size(x) * sizeof(float));
  copy->grad = calloc(thaw_size(x), sizeof(float));
  memcpy(copy->data, x->data, thaw_size(x) * sizeof(float));
  return copy;
}

void golden_fill(golden *file, thaw_tensor *tensor, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  const entry *e = need(file, name, arguments);
  va_end(arguments);
  ck_assert_msg(thaw_size(tensor) == thaw_size(&e->tensor), "%s has %zu values, not %zu", e->name,
                thaw_size(&e->tensor), thaw_size(tensor));
  memcpy(tensor->data, e->tensor.data, thaw_size(tensor) * sizeof(float));
}

/* ---- Comparing ------------------------------------------------------------------------------ */

void golden_compare(golden *file, const float *data, size_t count, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  const entry *e = need(file, name, arguments);
  va_end(arguments);
  const float *expected = e->tensor.data;
  ck_assert_msg(count == thaw_size(&e->tensor), "%s: %s has %zu values, found %zu", file->name,
                e->name, thaw_size(&e->tensor), count);
  double squares = 0;
  for (size_t i = 0; i < count; i++) squares += (double)expected[i] * (double)expected[i];
  const double typical = sqrt(squares / (double)(count ? count : 1));
  size_t worst = 0, wrong = 0;
  double furthest = -1;
  for (size_t i = 0; i < count; i++) {
    const double found = data ? (double)data[i] : 0, difference = fabs(found - (double)expected[i]);
    const double allowed = 2e-5 * (fabs((double)expected[i]) + typical) + 1e-7;
    if (difference <= allowed) continue; /* false for NaN */
    wrong++;
    if (difference > furthest || isnan(difference)) {
      worst = i;
      furthest = difference;
    }
  }
  if (wrong == 0) return;
  file->differing++;
  fprintf(stderr, "%s: %s differs in %zu of %zu values, most at %zu: expected %.7g, found %.7g\n",
          file->name, e->name, wrong, count, worst, (double)expected[worst],
          data ? (double)data[worst] : 0);
}
