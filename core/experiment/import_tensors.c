/* import_tensors.c: each of the model's tensors is looked up under the names that its rows of the
 * encoder's table give it; what is left of the file afterwards is refused.
 *
 * A tensor is read into memory in our layout, but with the file's rows; then its rows go to their
 * places. */
#include "experiment/import_tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "plugin/weight_names.h"
#include "tensor/tape.h"

/* A file being imported. */
typedef struct importing {
  thaw_context *ctx;
  const thaw_safetensors *file;
  const char *path;
  const thaw_import_words *words;
  thaw_model *model;
  thaw_buffer *summary;
  bool *used;       /* [entries] */
  thaw_buffer name; /* scratch */
} importing;

/* One of the model's tensors. */
typedef struct target {
  const char *group;
  const thaw_param *param;
  const thaw_weight_name *row; /* the first; NULL: it goes by its own name */
  size_t layer;
  size_t rows, columns; /* of it in the file, in our layout; columns: all dimensions but one */
  bool by_words;
  const char *found; /* under this name, of the file */
  float *values;     /* [rows][columns] */
} target;

/* ---- Finding -------------------------------------------------------------------------------- */

static const thaw_safetensors_entry *find_name(importing *im, const char *name) {
  const thaw_safetensors_entry *entry = thaw_safetensors_find(im->file, name);
  if (entry) im->used[entry - thaw_safetensors_at(im->file, 0)] = true;
  return entry;
}

/* The file's tensor for a row: by its whole name, else without what stands in brackets. */
static const thaw_safetensors_entry *find_row(importing *im, const thaw_weight_name *row,
                                              size_t layer) {
  const thaw_safetensors_entry *entry = NULL;
  if (thaw_weight_name_write(row, layer, true, &im->name)) entry = find_name(im, im->name.data);
  if (!entry && thaw_weight_name_write(row, layer, false, &im->name))
    entry = find_name(im, im->name.data);
  return entry;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Is the entry of the shape that the model's tensor has in a file? */
static bool has_shape(const importing *im, const target *t, const thaw_safetensors_entry *entry,
                      bool transposed, thaw_tensor *wanted) {
  *wanted = *t->param->tensor;
  if (t->by_words) wanted->shape[0] = im->words->count;
  if (transposed) {
    const size_t rows = wanted->shape[0];
    wanted->shape[0] = wanted->shape[1];
    wanted->shape[1] = rows;
  }
  if (entry->rank != wanted->rank) return false;
  for (size_t i = 0; i < entry->rank; i++) {
    if (entry->shape[i] != wanted->shape[i]) return false;
  }
  return true;
}

static thaw_status check_shape(const importing *im, const target *t,
                               const thaw_safetensors_entry *entry, bool transposed) {
  char here[THAW_SHAPE_TEXT], there[THAW_SHAPE_TEXT];
  thaw_tensor wanted, found = {.rank = entry->rank};
  if (has_shape(im, t, entry, transposed, &wanted)) return THAW_OK;
  memcpy(found.shape, entry->shape, sizeof found.shape);
  thaw_shape_text(&found, there);
  const size_t axis = transposed ? 1 : 0;
  const bool words =
      t->by_words && entry->rank == wanted.rank && entry->shape[axis] != wanted.shape[axis];
  if (words) {
    return thaw_fail(im->ctx, THAW_INVALID,
                     "%s: '%s' is %s: it has %zu rows, one for every word, but the vocabulary %s "
                     "has %zu pieces: take the vocabulary that these weights were trained with",
                     im->path, entry->name, there, entry->shape[axis], im->words->name,
                     im->words->count);
  }
  return thaw_fail(im->ctx, THAW_INVALID,
                   "%s: '%s' is %s, but the config's encoder expects %s there (its %s/%s): set the "
                   "encoder's sizes (embedding, hidden, …) in the config to those of the file",
                   im->path, entry->name, there, thaw_shape_text(&wanted, here), t->group,
                   t->param->name);
}

static thaw_status check_finite(const importing *im, const thaw_safetensors_entry *entry,
                                const float *values) {
  for (size_t i = 0; i < entry->count; i++) {
    if (isfinite(values[i])) continue;
    return thaw_fail(im->ctx, THAW_INVALID, "%s: '%s': its value %zu is %g, which is not finite",
                     im->path, entry->name, i, (double)values[i]);
  }
  return THAW_OK;
}

/* [columns][rows] -> [rows][columns] */
static void turn(const float *from, size_t rows, size_t columns, float *to) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) to[r * columns + c] = from[c * rows + r];
}

/* The entry's values in our layout; malloc'ed. */
static thaw_status read_values(const importing *im, const target *t,
                               const thaw_safetensors_entry *entry, bool transposed,
                               float **values) {
  *values = NULL;
  thaw_status status = check_shape(im, t, entry, transposed);
  if (status) return status;
  const size_t bytes = entry->count * sizeof(float);
  float *read = malloc(bytes), *turned = transposed ? malloc(bytes) : NULL;
  status = read && (turned || !transposed) ? THAW_OK : thaw_fail_memory(im->ctx, bytes);
  if (status == THAW_OK) status = thaw_safetensors_values(im->ctx, im->file, entry, read);
  if (status == THAW_OK) status = check_finite(im, entry, read);
  if (status == THAW_OK && transposed) turn(read, t->rows, t->columns, turned);
  if (transposed) free(read);
  *values = transposed ? turned : read;
  if (status == THAW_OK) return THAW_OK;
  free(*values);
  *values = NULL;
  return status;
}

/* ---- One tensor ------------------------------------------------------------------------------ */

static thaw_status fail_missing(importing *im, const target *t) {
  const size_t count = thaw_safetensors_count(im->file);
  const char **names = calloc(count + 1, sizeof *names);
  for (size_t i = 0; names && i < count; i++) names[i] = thaw_safetensors_at(im->file, i)->name;
  if (t->row) thaw_weight_name_write(t->row, t->layer, true, &im->name);
  const char *nearest = names ? thaw_nearest(im->name.data, names, count) : NULL;
  const thaw_status status = thaw_fail(
      im->ctx, THAW_INVALID,
      "%s: there is no tensor '%s' (%s/%s of the config's encoder)%s%s%s: the weights are another "
      "encoder's, or have fewer layers: set encoder.plugin and encoder.layers in the config",
      im->path, im->name.data, t->group, t->param->name, nearest ? "; the nearest is '" : "",
      nearest ? nearest : "", nearest ? "'" : "");
  free(names);
  return status;
}

static thaw_status keep_initial(importing *im, const target *t) {
  const bool ok = thaw_buffer_format(im->summary, "%s%s/%s", im->summary->size ? ", " : "",
                                     t->group, t->param->name);
  return ok ? THAW_OK : thaw_fail_memory(im->ctx, 1);
}

/* Reads the first of the tensor's names that the file has. */
static thaw_status read_first(importing *im, target *t) {
  const thaw_weight_name *row = t->row;
  const thaw_safetensors_entry *entry = NULL;
  size_t layer = t->layer;
  unsigned flags = 0;
  if (!row) {
    thaw_buffer_clear(&im->name);
    if (!thaw_buffer_format(&im->name, "%s.%s", t->group, t->param->name))
      return thaw_fail_memory(im->ctx, 1);
    entry = find_name(im, im->name.data);
  }
  while (row && !entry) {
    flags = row->flags;
    if (!(flags & THAW_WEIGHT_ADDED)) entry = find_row(im, row, layer);
    row = thaw_weight_name_find(row + 1, t->group, t->param->name, &layer);
  }
  if (!entry) {
    if (t->row && t->row->flags & THAW_WEIGHT_OPTIONAL) return keep_initial(im, t);
    return fail_missing(im, t);
  }
  t->found = entry->name;
  return read_values(im, t, entry, flags & THAW_WEIGHT_TRANSPOSED, &t->values);
}

/* What another row of the tensor is: a summand, a copy, or a name that is passed over. */
static thaw_status read_other(importing *im, target *t, const thaw_weight_name *row) {
  const thaw_safetensors_entry *entry = find_row(im, row, t->layer);
  const size_t count = t->rows * t->columns;
  if (!entry || row->flags & THAW_WEIGHT_ALIAS) return THAW_OK;
  float *values = NULL;
  thaw_status status = read_values(im, t, entry, row->flags & THAW_WEIGHT_TRANSPOSED, &values);
  if (status == THAW_OK && row->flags & THAW_WEIGHT_ADDED) {
    for (size_t i = 0; i < count; i++) t->values[i] += values[i];
  } else if (status == THAW_OK && memcmp(values, t->values, count * sizeof *values) != 0) {
    status = thaw_fail(im->ctx, THAW_INVALID,
                       "%s: '%s' and '%s' differ, but are one tensor here (%s/%s): these weights "
                       "are not tied, and this encoder's are",
                       im->path, t->found, entry->name, t->group, t->param->name);
  }
  free(values);
  return status;
}

/* The mean of all rows, in double; false: no memory. */
static bool mean_row(const target *t, float *mean) {
  double *sums = calloc(t->columns, sizeof *sums);
  if (!sums) return false;
  for (size_t r = 0; r < t->rows; r++)
    for (size_t c = 0; c < t->columns; c++) sums[c] += (double)t->values[r * t->columns + c];
  for (size_t c = 0; c < t->columns; c++) mean[c] = (float)(sums[c] / (double)t->rows);
  free(sums);
  return true;
}

static thaw_status place(const importing *im, const target *t) {
  float *to = t->param->tensor->data;
  const size_t bytes = t->columns * sizeof *to;
  if (!t->by_words) {
    memcpy(to, t->values, t->rows * bytes);
    return THAW_OK;
  }
  float *mean = malloc(bytes);
  if (!mean || !mean_row(t, mean)) {
    free(mean);
    return thaw_fail_memory(im->ctx, bytes);
  }
  for (size_t v = 0; v < im->model->vocabulary; v++) {
    const int32_t row = im->words->rows[v];
    memcpy(to + v * t->columns, row < 0 ? mean : t->values + (size_t)row * t->columns, bytes);
  }
  free(mean);
  return THAW_OK;
}

static thaw_status import_param(importing *im, const char *group, const thaw_param *param) {
  const thaw_tensor *x = param->tensor;
  target t = {.group = group, .param = param};
  t.by_words = thaw_model_follows_words(im->model, x);
  t.row = thaw_weight_name_find(im->model->encoder->weight_names, group, param->name, &t.layer);
  t.columns = x->rank > 1 ? thaw_size(x) / x->shape[0] : 1;
  t.rows = t.by_words ? im->words->count : thaw_size(x) / t.columns;
  thaw_status status = read_first(im, &t);
  for (const thaw_weight_name *row = t.row; row && t.found && status == THAW_OK;) {
    size_t layer;
    row = thaw_weight_name_find(row + 1, group, param->name, &layer);
    if (row) status = read_other(im, &t, row);
  }
  if (status == THAW_OK && t.found) status = place(im, &t);
  free(t.values);
  return status;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool is_ignored(const importing *im, const char *name) {
  const thaw_weight_name *row = im->model->encoder->weight_names;
  for (; row && row->foreign; row++) {
    if (row->flags & THAW_WEIGHT_IGNORED && thaw_weight_name_is(row, name)) return true;
  }
  return false;
}

static thaw_status check_rest(const importing *im) {
  for (size_t i = 0; i < thaw_safetensors_count(im->file); i++) {
    const thaw_safetensors_entry *entry = thaw_safetensors_at(im->file, i);
    char shape[THAW_SHAPE_TEXT];
    thaw_tensor found = {.rank = entry->rank};
    if (im->used[i] || is_ignored(im, entry->name)) continue;
    memcpy(found.shape, entry->shape, sizeof found.shape);
    return thaw_fail(im->ctx, THAW_INVALID,
                     "%s: the config's encoder has no place for the tensor '%s' %s: the weights "
                     "are another encoder's, or have more layers: set encoder.plugin and "
                     "encoder.layers in the config",
                     im->path, entry->name, thaw_shape_text(&found, shape));
  }
  return THAW_OK;
}

thaw_status thaw_import_tensors(thaw_context *ctx, const thaw_safetensors *file, const char *path,
                                const thaw_import_words *words, thaw_model *model,
                                thaw_buffer *summary) {
  importing im = {
      .ctx = ctx, .file = file, .path = path, .words = words, .model = model, .summary = summary};
  const size_t count = thaw_safetensors_count(file);
  im.used = calloc(count + 1, sizeof *im.used);
  thaw_status status = im.used ? THAW_OK : thaw_fail_memory(ctx, count);
  for (size_t g = 0; g < model->params->count && status == THAW_OK; g++) {
    const thaw_param_group *group = &model->params->groups[g];
    for (size_t p = 0; p < group->count && status == THAW_OK; p++)
      status = import_param(&im, group->name, &group->params[p]);
  }
  if (status == THAW_OK) status = check_rest(&im);
  thaw_buffer_free(&im.name);
  free(im.used);
  return status;
}
