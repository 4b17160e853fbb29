/* runfile_arrays.c: reading weights, metrics, predictions and checkpoint arrays. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/hash.h"
#include "store/runfile_read.h"
#include "store/series.h"

/* ---- Blocks --------------------------------------------------------------------------------- */

/* Reads an array of `bytes` bytes and compares its checksum. */
static void read_block(thaw_h5 *h5, hid_t array, thaw_h5_type type, size_t bytes, void *data) {
  char *expected = NULL, digits[THAW_HASH_TEXT];
  thaw_h5_read_array(h5, array, type, data);
  thaw_h5_get_text_attribute(h5, array, "checksum", &expected);
  if (h5->status == THAW_OK) {
    thaw_hash_bytes(bytes ? data : "", bytes, digits);
    if (strcmp(digits, expected) != 0) {
      thaw_h5_fail_because(h5, array, NULL, "is damaged: its checksum does not fit its values");
    }
  }
  free(expected);
}

/* ---- Weights -------------------------------------------------------------------------------- */

static void read_tensor(thaw_h5 *h5, hid_t place, const char *group, const char *name,
                        thaw_params *params) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  size_t rank = 0, shape[THAW_H5_MAX_RANK] = {0};
  thaw_h5_type type = THAW_H5_FLOAT;
  int64_t trained = 1;
  const hid_t array = thaw_h5_open_array(h5, place, name);
  thaw_h5_array_shape(h5, array, &type, &rank, shape);
  thaw_h5_get_number_attribute(h5, array, "trained", THAW_H5_INT64, &trained);
  if (h5->status == THAW_OK) {
    const thaw_init zeros = {THAW_INIT_CONSTANT, 0, 0};
    thaw_tensor *tensor =
        trained ? thaw_params_add(params, h5->ctx, group, name, rank, shape, zeros)
                : thaw_params_add_buffer(params, h5->ctx, group, name, rank, shape, zeros);
    if (tensor) {
      size_t bytes = sizeof(float);
      for (size_t i = 0; i < rank; i++) bytes *= shape[i];
      read_block(h5, array, THAW_H5_FLOAT, bytes, tensor->data);
    } else {
      h5->status = thaw_explain(h5->ctx, THAW_INVALID, "%s", h5->path);
    }
  }
  thaw_h5_close_to(h5, mark);
}

static void read_group(thaw_h5 *h5, hid_t weights, const char *group, thaw_params *params) {
  if (h5->status != THAW_OK) return;
  const size_t mark = thaw_h5_mark(h5);
  char **names = NULL;
  size_t count = 0;
  const hid_t place = thaw_h5_open_group(h5, weights, group);
  thaw_h5_names(h5, place, &names, &count);
  for (size_t i = 0; i < count; i++) read_tensor(h5, place, group, names[i], params);
  thaw_h5_free_texts(names, count);
  thaw_h5_close_to(h5, mark);
}

/* Notes that there are no weights of that stage, and which there are. */
static void lack_weights(thaw_h5 *h5, const thaw_run_file *run, const char *stage) {
  char *stages = thaw_run_stages(run);
  h5->status = thaw_fail(h5->ctx, THAW_INVALID, "%s has no weights%s%s; stages that were kept: %s",
                         run->path, stage ? " of the stage " : "", stage ? stage : "",
                         stages && *stages ? stages : "none");
  free(stages);
}

thaw_status thaw_run_weights(thaw_context *ctx, const thaw_run_file *run, const char *stage,
                             thaw_params **params) {
  thaw_h5 h5;
  char **groups = NULL;
  size_t count = 0;
  *params = NULL;
  thaw_run_begin(&h5, ctx, run);
  if (!thaw_run_has_stage(run, stage)) lack_weights(&h5, run, stage);
  thaw_params *read = thaw_params_create(thaw_run_seed(run));
  if (!read) thaw_h5_fail_memory(&h5, sizeof *read);
  hid_t place = run->file;
  if (stage) place = thaw_h5_open_group(&h5, thaw_h5_open_group(&h5, place, "stages"), stage);
  const hid_t weights = thaw_h5_open_group(&h5, place, "weights");
  thaw_h5_names(&h5, weights, &groups, &count);
  for (size_t g = 0; g < count; g++) read_group(&h5, weights, groups[g], read);
  thaw_h5_free_texts(groups, count);
  const thaw_status status = thaw_h5_end(&h5);
  if (status == THAW_OK) {
    *params = read;
  } else {
    thaw_params_free(read);
  }
  return status;
}

/* ---- Metrics -------------------------------------------------------------------------------- */

thaw_status thaw_run_series(thaw_context *ctx, const thaw_run_file *run, thaw_series ***series,
                            size_t *count) {
  thaw_h5 h5;
  char **stages = NULL;
  size_t stage_count = 0, done = 0;
  *series = NULL;
  *count = 0;
  thaw_run_begin(&h5, ctx, run);
  const bool any = thaw_h5_has(&h5, run->file, "metrics");
  const hid_t metrics = any ? thaw_h5_open_group(&h5, run->file, "metrics") : -1;
  if (any) thaw_h5_names(&h5, metrics, &stages, &stage_count);
  thaw_series **read = calloc(stage_count + 1, sizeof *read);
  if (!read) thaw_h5_fail_memory(&h5, stage_count * sizeof *read);
  for (; h5.status == THAW_OK && done < stage_count; done++) {
    read[done] = thaw_series_read(&h5, metrics, stages[done]);
  }
  thaw_h5_free_texts(stages, stage_count);
  if (h5.status == THAW_OK) {
    *series = read;
    *count = done;
  } else {
    for (size_t i = 0; i < done; i++) thaw_series_free(read[i]);
    free(read);
  }
  return thaw_h5_end(&h5);
}

/* ---- Predictions ---------------------------------------------------------------------------- */

/* Fails unless the array has this shape; `columns` 0: one dimension. */
static hid_t open_shaped(thaw_h5 *h5, hid_t split, const char *name, size_t rows, size_t rank,
                         size_t columns) {
  size_t found = 0, shape[THAW_H5_MAX_RANK] = {0};
  thaw_h5_type type;
  const hid_t array = thaw_h5_open_array(h5, split, name);
  thaw_h5_array_shape(h5, array, &type, &found, shape);
  const bool fits = found == rank && shape[0] == rows && (rank < 2 || shape[1] == columns);
  if (h5->status == THAW_OK && !fits) {
    thaw_h5_fail_because(h5, array, NULL, "does not fit the other predictions' shapes");
  }
  return array;
}

static void read_predictions(thaw_h5 *h5, hid_t split, thaw_predictions *into) {
  const size_t count = into->count, classes = into->classes;
  const hid_t gold = open_shaped(h5, split, "gold", count, 1, 0);
  const hid_t predicted = open_shaped(h5, split, "predicted", count, 1, 0);
  const hid_t probabilities = open_shaped(h5, split, "probabilities", count, 2, classes);
  thaw_h5_read_array(h5, gold, THAW_H5_INT32, into->gold);
  thaw_h5_read_array(h5, predicted, THAW_H5_INT32, into->predicted);
  thaw_h5_read_array(h5, probabilities, THAW_H5_FLOAT, into->probabilities);
}

thaw_status thaw_run_predictions(thaw_context *ctx, const thaw_run_file *run, const char *split,
                                 thaw_predictions **predictions) {
  *predictions = NULL;
  if (!thaw_run_has_predictions(run, split)) {
    return thaw_fail(ctx, THAW_INVALID, "%s has no predictions for '%s'", run->path, split);
  }
  thaw_h5 h5;
  size_t rank = 0, shape[THAW_H5_MAX_RANK] = {0};
  thaw_h5_type type;
  thaw_predictions *read = NULL;
  thaw_run_begin(&h5, ctx, run);
  const hid_t all = thaw_h5_open_group(&h5, run->file, "predictions");
  const hid_t place = thaw_h5_open_group(&h5, all, split);
  const hid_t probabilities = thaw_h5_open_array(&h5, place, "probabilities");
  thaw_h5_array_shape(&h5, probabilities, &type, &rank, shape);
  if (h5.status == THAW_OK && rank != 2) {
    thaw_h5_fail_because(&h5, probabilities, NULL, "has not two dimensions");
  }
  if (h5.status == THAW_OK) {
    read = thaw_predictions_create(split, shape[0], shape[1]);
    if (!read) thaw_h5_fail_memory(&h5, shape[0] * shape[1] * sizeof(float));
  }
  if (h5.status == THAW_OK) read_predictions(&h5, place, read);
  const thaw_status status = thaw_h5_end(&h5);
  if (status == THAW_OK) {
    *predictions = read;
  } else {
    thaw_predictions_free(read);
  }
  return status;
}

/* ---- Checkpoint arrays ---------------------------------------------------------------------- */

static void read_array(thaw_h5 *h5, hid_t place, const char *name, thaw_array *into) {
  const size_t mark = thaw_h5_mark(h5);
  size_t rank = 0, shape[THAW_H5_MAX_RANK] = {0};
  thaw_h5_type type = THAW_H5_FLOAT;
  const hid_t array = thaw_h5_open_array(h5, place, name);
  thaw_h5_array_shape(h5, array, &type, &rank, shape);
  const bool known = type == THAW_H5_FLOAT || type == THAW_H5_INT64 || type == THAW_H5_DOUBLE;
  if (h5->status == THAW_OK && (rank != 1 || !known)) {
    thaw_h5_fail_because(h5, array, NULL, "is not an array of a checkpoint");
  }
  if (h5->status == THAW_OK) {
    const size_t bytes = shape[0] * thaw_h5_size(type);
    into->type = type == THAW_H5_FLOAT   ? THAW_ARRAY_FLOAT
                 : type == THAW_H5_INT64 ? THAW_ARRAY_INT64
                                         : THAW_ARRAY_DOUBLE;
    into->count = shape[0];
    into->data = malloc(bytes ? bytes : 1);
    if (!into->data) thaw_h5_fail_memory(h5, bytes);
    read_block(h5, array, type, bytes, into->data);
  }
  thaw_h5_close_to(h5, mark);
}

thaw_status thaw_run_state(thaw_context *ctx, const thaw_run_file *run, thaw_state *state) {
  thaw_h5 h5;
  char **names = NULL;
  size_t count = 0;
  *state = (thaw_state){0};
  thaw_run_begin(&h5, ctx, run);
  if (thaw_h5_has(&h5, run->file, "state")) {
    const hid_t group = thaw_h5_open_group(&h5, run->file, "state");
    thaw_h5_names(&h5, group, &names, &count);
    thaw_array *arrays = calloc(count + 1, sizeof *arrays);
    if (!arrays) thaw_h5_fail_memory(&h5, count * sizeof *arrays);
    *state = (thaw_state){arrays, arrays ? count : 0};
    for (size_t i = 0; h5.status == THAW_OK && i < count; i++) {
      arrays[i].name = names[i];
      names[i] = NULL;
      read_array(&h5, group, arrays[i].name, &arrays[i]);
    }
  }
  thaw_h5_free_texts(names, count);
  const thaw_status status = thaw_h5_end(&h5);
  if (status != THAW_OK) thaw_state_free(state);
  return status;
}
