/* runfile_write.c: one function per part of a run file, called in the order of the description in
 * runfile.h.
 *
 * The file is written beside its name through the driver of disk.h, sealed (seal.h), synced and
 * renamed. Weights and checkpoint arrays go to the file straight from where they are; their places
 * are noted for the seal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "base/hash.h"
#include "store/h5.h"
#include "store/runfile.h"
#include "store/seal.h"
#include "store/series.h"

/* A file being written. */
typedef struct writer {
  thaw_h5 h5;
  hid_t file;
  thaw_seal_block *blocks; /* room for all of them */
  size_t block_count;
} writer;

static bool going_well(const writer *w) {
  return w->h5.status == THAW_OK;
}

/* ---- Texts and lists ------------------------------------------------------------------------ */

static void write_root(writer *w, const thaw_run_content *content) {
  const int64_t format = THAW_RUNFILE_FORMAT, complete = content->complete;
  thaw_h5_put_number_attribute(&w->h5, w->file, "thaw_format", THAW_H5_INT64, &format);
  thaw_h5_put_number_attribute(&w->h5, w->file, "complete", THAW_H5_INT64, &complete);
  thaw_h5_put_number_attribute(&w->h5, w->file, "seed", THAW_H5_UINT64, &content->seed);
  thaw_h5_put_number_attribute(&w->h5, w->file, "seconds", THAW_H5_DOUBLE, &content->seconds);
  if (content->name) thaw_h5_put_text_attribute(&w->h5, w->file, "name", content->name);
}

static void write_config(writer *w, const thaw_run_content *content) {
  if (!content->config_written && !content->config_resolved && !content->config_key) return;
  const hid_t group = thaw_h5_create_group(&w->h5, w->file, "config");
  if (content->config_written) {
    thaw_h5_put_text(&w->h5, group, "written", content->config_written);
  }
  if (content->config_resolved) {
    thaw_h5_put_text(&w->h5, group, "resolved", content->config_resolved);
  }
  if (content->config_key) thaw_h5_put_text(&w->h5, group, "key", content->config_key);
}

static void write_environment(writer *w, const thaw_run_content *content) {
  if (content->environment_count == 0) return;
  const hid_t group = thaw_h5_create_group(&w->h5, w->file, "environment");
  for (size_t i = 0; i < content->environment_count; i++) {
    const thaw_text_pair *pair = &content->environment[i];
    thaw_h5_put_text_attribute(&w->h5, group, pair->key, pair->value);
  }
}

static void write_tokenizer(writer *w, const thaw_run_content *content) {
  if (!content->tokenizer_plugin) return;
  thaw_h5 *h5 = &w->h5;
  const hid_t group = thaw_h5_create_group(h5, w->file, "tokenizer");
  thaw_h5_put_text_attribute(h5, group, "plugin", content->tokenizer_plugin);
  if (content->tokenizer_version) {
    thaw_h5_put_text_attribute(h5, group, "version", content->tokenizer_version);
  }
  if (content->tokenizer_settings) {
    thaw_h5_put_text_attribute(h5, group, "settings", content->tokenizer_settings);
  }
  thaw_h5_put_array(h5, group, "state", THAW_H5_BYTE, 1, &content->tokenizer_state_bytes,
                    content->tokenizer_state);
}

static void write_vocabulary(writer *w, hid_t parent, const thaw_vocabulary *vocabulary) {
  if (!vocabulary || !going_well(w)) return;
  thaw_h5 *h5 = &w->h5;
  const size_t mark = thaw_h5_mark(h5), count = thaw_vocabulary_size(vocabulary);
  const char **pieces = calloc(count + 1, sizeof *pieces);
  uint64_t *counts = calloc(count + 1, sizeof *counts);
  if (pieces && counts) {
    for (size_t id = 0; id < count; id++) {
      pieces[id] = thaw_vocabulary_piece(vocabulary, (int32_t)id);
      counts[id] = thaw_vocabulary_frequency(vocabulary, (int32_t)id);
    }
    const hid_t group = thaw_h5_create_group(h5, parent, "vocabulary");
    thaw_h5_put_texts(h5, group, "pieces", count, pieces);
    thaw_h5_put_array(h5, group, "counts", THAW_H5_UINT64, 1, &count, counts);
  } else {
    thaw_h5_fail_memory(h5, count * (sizeof *pieces + sizeof *counts));
  }
  free(pieces);
  free(counts);
  thaw_h5_close_to(h5, mark);
}

static void write_classes(writer *w, const thaw_classes *classes) {
  if (!classes) return;
  thaw_h5_put_texts(&w->h5, w->file, "classes", classes->count,
                    (const char *const *)classes->names);
}

/* ---- Weights and checkpoint arrays: blocks with checksums of their own ---------------------- */

/* Writes an array with its checksum and notes its place; returns its dataset. */
static hid_t write_block(writer *w, hid_t parent, const char *name, thaw_h5_type type, size_t rank,
                         const size_t *shape, const void *data) {
  thaw_h5 *h5 = &w->h5;
  const hid_t array = thaw_h5_put_array(h5, parent, name, type, rank, shape, data);
  if (array < 0) return -1;
  size_t bytes = thaw_h5_size(type);
  for (size_t i = 0; i < rank; i++) bytes *= shape[i];
  char digits[THAW_HASH_TEXT];
  thaw_hash_bytes(bytes ? data : "", bytes, digits);
  thaw_h5_put_text_attribute(h5, array, "checksum", digits);
  if (bytes > 0) {
    const haddr_t offset = H5Dget_offset(array);
    if (offset == HADDR_UNDEF) thaw_h5_fail(h5, "cannot place", array, NULL);
    w->blocks[w->block_count++] = (thaw_seal_block){offset, bytes};
  }
  return array;
}

static void write_group(writer *w, hid_t parent, const thaw_param_group *group, int64_t order) {
  thaw_h5 *h5 = &w->h5;
  const hid_t place = thaw_h5_create_group(h5, parent, group->name);
  thaw_h5_put_number_attribute(h5, place, "order", THAW_H5_INT64, &order);
  for (size_t i = 0; i < group->count && going_well(w); i++) {
    const size_t mark = thaw_h5_mark(h5);
    const thaw_param *param = &group->params[i];
    const int64_t trained = param->trained;
    const hid_t array = write_block(w, place, param->name, THAW_H5_FLOAT, param->tensor->rank,
                                    param->tensor->shape, param->tensor->data);
    thaw_h5_put_number_attribute(h5, array, "trained", THAW_H5_INT64, &trained);
    thaw_h5_close_to(h5, mark);
  }
}

static void write_weights(writer *w, hid_t parent, const thaw_params *params) {
  if (!params) return;
  const size_t mark = thaw_h5_mark(&w->h5);
  const hid_t weights = thaw_h5_create_group(&w->h5, parent, "weights");
  for (size_t g = 0; g < params->count; g++) {
    const size_t inner = thaw_h5_mark(&w->h5);
    write_group(w, weights, &params->groups[g], (int64_t)g);
    thaw_h5_close_to(&w->h5, inner);
  }
  thaw_h5_close_to(&w->h5, mark);
}

static bool same_vocabulary(const thaw_vocabulary *a, const thaw_vocabulary *b) {
  if (a == b) return true;
  if (!a || !b || thaw_vocabulary_size(a) != thaw_vocabulary_size(b)) return false;
  for (size_t i = 0; i < thaw_vocabulary_size(a); i++) {
    const int32_t id = (int32_t)i;
    if (thaw_vocabulary_frequency(a, id) != thaw_vocabulary_frequency(b, id)) return false;
    if (strcmp(thaw_vocabulary_piece(a, id), thaw_vocabulary_piece(b, id)) != 0) return false;
  }
  return true;
}

static void write_kept(writer *w, const thaw_run_content *content) {
  if (content->kept_count == 0) return;
  thaw_h5 *h5 = &w->h5;
  const hid_t stages = thaw_h5_create_group(h5, w->file, "stages");
  for (size_t i = 0; i < content->kept_count; i++) {
    const thaw_kept_weights *kept = &content->kept[i];
    const size_t mark = thaw_h5_mark(h5);
    const hid_t stage = thaw_h5_create_group(h5, stages, kept->stage);
    write_weights(w, stage, kept->params);
    if (!same_vocabulary(kept->vocabulary, content->vocabulary)) {
      write_vocabulary(w, stage, kept->vocabulary);
    }
    thaw_h5_close_to(h5, mark);
  }
}

static void write_state(writer *w, const thaw_state *state) {
  static const thaw_h5_type types[] = {[THAW_ARRAY_FLOAT] = THAW_H5_FLOAT,
                                       [THAW_ARRAY_INT64] = THAW_H5_INT64,
                                       [THAW_ARRAY_DOUBLE] = THAW_H5_DOUBLE};
  if (!state) return;
  const hid_t group = thaw_h5_create_group(&w->h5, w->file, "state");
  for (size_t i = 0; i < state->count && going_well(w); i++) {
    const size_t mark = thaw_h5_mark(&w->h5);
    const thaw_array *array = &state->arrays[i];
    write_block(w, group, array->name, types[array->type], 1, &array->count, array->data);
    thaw_h5_close_to(&w->h5, mark);
  }
}

/* ---- Metrics and predictions ----------------------------------------------------------------- */

static void write_metrics(writer *w, const thaw_run_content *content) {
  if (content->series_count == 0) return;
  const hid_t metrics = thaw_h5_create_group(&w->h5, w->file, "metrics");
  for (size_t i = 0; i < content->series_count; i++) {
    thaw_series_write(&w->h5, metrics, content->series[i]);
  }
}

static void write_predictions(writer *w, const thaw_run_content *content) {
  if (content->predictions_count == 0) return;
  thaw_h5 *h5 = &w->h5;
  const hid_t all = thaw_h5_create_group(h5, w->file, "predictions");
  for (size_t i = 0; i < content->predictions_count; i++) {
    const thaw_predictions *one = content->predictions[i];
    const size_t mark = thaw_h5_mark(h5), shape[2] = {one->count, one->classes};
    const hid_t split = thaw_h5_create_group(h5, all, one->split);
    thaw_h5_put_array(h5, split, "gold", THAW_H5_INT32, 1, shape, one->gold);
    thaw_h5_put_array(h5, split, "predicted", THAW_H5_INT32, 1, shape, one->predicted);
    thaw_h5_put_array(h5, split, "probabilities", THAW_H5_FLOAT, 2, shape, one->probabilities);
    thaw_h5_close_to(h5, mark);
  }
}

/* ---- The whole ------------------------------------------------------------------------------- */

static size_t count_tensors(const thaw_params *params) {
  size_t count = 0;
  for (size_t g = 0; params && g < params->count; g++) count += params->groups[g].count;
  return count;
}

static size_t count_blocks(const thaw_run_content *content) {
  size_t count = count_tensors(content->weights);
  for (size_t i = 0; i < content->kept_count; i++) count += count_tensors(content->kept[i].params);
  if (content->state) {
    for (size_t i = 0; i < content->state->count; i++) count += content->state->arrays[i].count > 0;
  }
  return count;
}

/* Writes everything but the seal to the file `part`. */
static thaw_status write_content(writer *w, thaw_context *ctx, const char *path, const char *part,
                                 size_t room, const thaw_run_content *content) {
  int disk_failure = 0;
  thaw_h5_begin(&w->h5, ctx, path, THAW_FAILED);
  w->file = thaw_h5_create(&w->h5, part, room, &disk_failure);
  write_root(w, content);
  write_config(w, content);
  write_environment(w, content);
  write_tokenizer(w, content);
  write_vocabulary(w, w->file, content->vocabulary);
  write_classes(w, content->classes);
  write_weights(w, w->file, content->weights);
  write_kept(w, content);
  write_metrics(w, content);
  write_predictions(w, content);
  write_state(w, content->state);
  const thaw_status status = thaw_h5_end(&w->h5);
  /* The disk's failure comes first: HDF5 may have stumbled over what could not be written. */
  if (disk_failure) {
    return thaw_fail(ctx, THAW_FAILED, "cannot write %s: %s", path, strerror(disk_failure));
  }
  return status;
}

thaw_status thaw_run_write(thaw_context *ctx, const char *path, const thaw_run_content *content) {
  const size_t block_count = count_blocks(content);
  writer w = {.file = -1};
  thaw_atomic_file *file;
  w.blocks = calloc(block_count + 1, sizeof *w.blocks);
  if (!w.blocks) return thaw_fail_memory(ctx, block_count * sizeof *w.blocks);
  thaw_status status = thaw_atomic_begin(ctx, path, &file);
  if (status != THAW_OK) goto done;
  const char *part = thaw_atomic_path(file);
  const size_t room = thaw_seal_room(block_count);
  status = write_content(&w, ctx, path, part, room, content);
  if (status == THAW_OK) {
    status = thaw_seal_write(ctx, path, part, room, THAW_RUNFILE_FORMAT, w.blocks, w.block_count);
  }
  if (status != THAW_OK) {
    thaw_atomic_abandon(file);
    goto done;
  }
  status = thaw_atomic_commit(ctx, file);
done:
  free(w.blocks);
  return status;
}
