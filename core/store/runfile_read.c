/* runfile_read.c: opening a run file, and its texts, lists and numbers; weights and tables are in
 * runfile_arrays.c.
 *
 * The seal is checked before HDF5 sees the file, so that damage is found here and nowhere else. */
#include "store/runfile_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/hash_memo.h"
#include "store/seal.h"

/* ---- Opening -------------------------------------------------------------------------------- */

/* The numbers of the root; the seal has vouched for the format already. */
static void read_root(thaw_run_file *run, thaw_h5 *h5) {
  int64_t complete = 0;
  thaw_h5_get_number_attribute(h5, run->file, "complete", THAW_H5_INT64, &complete);
  thaw_h5_get_number_attribute(h5, run->file, "seed", THAW_H5_UINT64, &run->seed);
  thaw_h5_get_number_attribute(h5, run->file, "seconds", THAW_H5_DOUBLE, &run->seconds);
  run->complete = complete != 0;
}

thaw_status thaw_run_open(thaw_context *ctx, const char *path, thaw_run_file **run) {
  *run = NULL;
  thaw_status status = thaw_seal_check(ctx, path, THAW_RUNFILE_FORMAT);
  if (status != THAW_OK) return status;
  thaw_run_file *opened = calloc(1, sizeof *opened);
  char *copy = strdup(path);
  if (!opened || !copy) {
    free(opened);
    free(copy);
    return thaw_fail_memory(ctx, sizeof *opened + strlen(path));
  }
  opened->path = copy;
  thaw_h5 h5;
  thaw_h5_begin(&h5, ctx, copy, THAW_INVALID);
  opened->file = thaw_h5_open(&h5);
  read_root(opened, &h5);
  /* The file outlives this piece of work. */
  if (h5.status == THAW_OK && H5Iinc_ref(opened->file) < 0)
    thaw_h5_fail(&h5, "cannot open", -1, NULL);
  const bool kept = h5.status == THAW_OK;
  status = thaw_h5_end(&h5);
  if (!kept) opened->file = -1;
  if (status != THAW_OK) {
    thaw_run_close(opened);
    return status;
  }
  *run = opened;
  return THAW_OK;
}

void thaw_run_close(thaw_run_file *run) {
  if (!run) return;
  if (run->file >= 0) {
    thaw_h5 h5;
    thaw_h5_begin(&h5, NULL, run->path, THAW_INVALID);
    H5Fclose(run->file);
    thaw_h5_end(&h5);
  }
  free(run->path);
  free(run);
}

thaw_status thaw_run_hash(thaw_context *ctx, const char *path, char digits[THAW_HASH_TEXT]) {
  thaw_hash_memo *memo = thaw_context_memo(ctx);
  if (thaw_hash_memo_find(memo, "run", path, digits)) return THAW_OK;
  const thaw_status status = thaw_sealed_hash(ctx, path, THAW_RUNFILE_FORMAT, digits);
  if (status == THAW_OK) thaw_hash_memo_keep(memo, "run", path, digits);
  return status;
}

void thaw_run_begin(thaw_h5 *h5, thaw_context *ctx, const thaw_run_file *run) {
  thaw_h5_begin(h5, ctx, run->path, THAW_INVALID);
}

/* ---- What is there -------------------------------------------------------------------------- */

bool thaw_run_complete(const thaw_run_file *run) {
  return run->complete;
}

thaw_status thaw_run_need_complete(thaw_context *ctx, const thaw_run_file *run) {
  if (run->complete) return THAW_OK;
  return thaw_fail(ctx, THAW_INVALID,
                   "%s is not finished: it holds a checkpoint; the command that began it goes on "
                   "from there",
                   run->path);
}

uint64_t thaw_run_seed(const thaw_run_file *run) {
  return run->seed;
}

double thaw_run_seconds(const thaw_run_file *run) {
  return run->seconds;
}

const char *thaw_run_path(const thaw_run_file *run) {
  return run->path;
}

/* Opens GROUP/NAME, both groups; −1, without an error, when one of them is missing. */
static hid_t open_inner(thaw_h5 *h5, const thaw_run_file *run, const char *group,
                        const char *name) {
  if (!thaw_h5_has(h5, run->file, group)) return -1;
  const hid_t outer = thaw_h5_open_group(h5, run->file, group);
  return thaw_h5_has(h5, outer, name) ? thaw_h5_open_group(h5, outer, name) : -1;
}

bool thaw_run_has_stage(const thaw_run_file *run, const char *stage) {
  thaw_h5 h5;
  thaw_run_begin(&h5, NULL, run);
  const hid_t place = stage ? open_inner(&h5, run, "stages", stage) : run->file;
  const bool found = place >= 0 && thaw_h5_has(&h5, place, "weights");
  thaw_h5_end(&h5);
  return found;
}

char *thaw_run_stages(const thaw_run_file *run) {
  thaw_h5 h5;
  thaw_buffer list = {0};
  char **names = NULL;
  size_t count = 0;
  thaw_run_begin(&h5, NULL, run);
  if (thaw_h5_has(&h5, run->file, "stages")) {
    thaw_h5_names(&h5, thaw_h5_open_group(&h5, run->file, "stages"), &names, &count);
  }
  thaw_h5_end(&h5);
  bool ok = thaw_buffer_text(&list, "");
  for (size_t i = 0; ok && i < count; i++) {
    ok = thaw_buffer_format(&list, "%s%s", i ? ", " : "", names[i]);
  }
  thaw_h5_free_texts(names, count);
  if (!ok) thaw_buffer_free(&list);
  return list.data;
}

bool thaw_run_has(const thaw_run_file *run, const char *group) {
  thaw_h5 h5;
  thaw_run_begin(&h5, NULL, run);
  const bool found = thaw_h5_has(&h5, run->file, group);
  thaw_h5_end(&h5);
  return found;
}

bool thaw_run_has_predictions(const thaw_run_file *run, const char *split) {
  thaw_h5 h5;
  thaw_run_begin(&h5, NULL, run);
  const bool found = open_inner(&h5, run, "predictions", split) >= 0;
  thaw_h5_end(&h5);
  return found;
}

/* ---- Texts ---------------------------------------------------------------------------------- */

/* Notes that the file has no such part, unless something else went wrong. */
static void lack(thaw_h5 *h5, const char *part) {
  if (h5->status == THAW_OK) {
    h5->status = thaw_fail(h5->ctx, THAW_INVALID, "%s has no %s", h5->path, part);
  }
}

thaw_status thaw_run_text(thaw_context *ctx, const thaw_run_file *run, const char *part,
                          char **text) {
  thaw_h5 h5;
  *text = NULL;
  thaw_run_begin(&h5, ctx, run);
  const char *slash = strchr(part, '/');
  char *group_name = slash ? strndup(part, (size_t)(slash - part)) : NULL;
  if (!slash) {
    if (thaw_h5_has_attribute(&h5, run->file, part)) {
      thaw_h5_get_text_attribute(&h5, run->file, part, text);
    }
  } else if (!group_name) {
    thaw_h5_fail_memory(&h5, strlen(part));
  } else if (thaw_h5_has(&h5, run->file, group_name)) {
    const hid_t group = thaw_h5_open_group(&h5, run->file, group_name);
    if (strcmp(group_name, "config") != 0) {
      if (thaw_h5_has_attribute(&h5, group, slash + 1)) {
        thaw_h5_get_text_attribute(&h5, group, slash + 1, text);
      }
    } else if (thaw_h5_has(&h5, group, slash + 1)) {
      thaw_h5_get_text(&h5, group, slash + 1, text);
    }
  }
  if (!*text) lack(&h5, part);
  free(group_name);
  return thaw_h5_end(&h5);
}

thaw_status thaw_run_environment(thaw_context *ctx, const thaw_run_file *run, char ***keys,
                                 size_t *count) {
  thaw_h5 h5;
  *keys = NULL;
  *count = 0;
  thaw_run_begin(&h5, ctx, run);
  thaw_h5_attribute_names(&h5, thaw_h5_open_group(&h5, run->file, "environment"), keys, count);
  return thaw_h5_end(&h5);
}

/* ---- Tokenizer, vocabulary, classes --------------------------------------------------------- */

thaw_status thaw_run_tokenizer_state(thaw_context *ctx, const thaw_run_file *run, char **state,
                                     size_t *bytes) {
  thaw_h5 h5;
  size_t rank = 0, shape[THAW_H5_MAX_RANK] = {0};
  thaw_h5_type type = THAW_H5_BYTE;
  *state = NULL;
  *bytes = 0;
  thaw_run_begin(&h5, ctx, run);
  if (!thaw_h5_has(&h5, run->file, "tokenizer")) lack(&h5, "tokenizer");
  const hid_t group = thaw_h5_open_group(&h5, run->file, "tokenizer");
  const hid_t array = thaw_h5_open_array(&h5, group, "state");
  thaw_h5_array_shape(&h5, array, &type, &rank, shape);
  if (h5.status == THAW_OK && rank != 1) thaw_h5_fail_because(&h5, array, NULL, "is not a list");
  char *read = h5.status == THAW_OK ? calloc(shape[0] + 1, 1) : NULL;
  if (!read) thaw_h5_fail_memory(&h5, shape[0]);
  thaw_h5_read_array(&h5, array, THAW_H5_BYTE, read);
  if (h5.status == THAW_OK) {
    *state = read;
    *bytes = shape[0];
  } else {
    free(read);
  }
  return thaw_h5_end(&h5);
}

/* Reads the counts, which must be as many as the pieces; NULL after a failure. */
static uint64_t *read_counts(thaw_h5 *h5, hid_t group, size_t count) {
  size_t rank = 0, shape[THAW_H5_MAX_RANK] = {0};
  thaw_h5_type type;
  const hid_t array = thaw_h5_open_array(h5, group, "counts");
  thaw_h5_array_shape(h5, array, &type, &rank, shape);
  if (h5->status == THAW_OK && (rank != 1 || shape[0] != count)) {
    thaw_h5_fail_because(h5, array, NULL, "does not fit the number of pieces");
  }
  uint64_t *counts = h5->status == THAW_OK ? calloc(count + 1, sizeof *counts) : NULL;
  if (!counts) thaw_h5_fail_memory(h5, count * sizeof *counts);
  thaw_h5_read_array(h5, array, THAW_H5_UINT64, counts);
  if (h5->status == THAW_OK) return counts;
  free(counts);
  return NULL;
}

thaw_status thaw_run_vocabulary(thaw_context *ctx, const thaw_run_file *run, const char *stage,
                                thaw_vocabulary **vocabulary) {
  thaw_h5 h5;
  char **pieces = NULL;
  size_t count = 0;
  *vocabulary = NULL;
  if (stage && !thaw_run_has_stage(run, stage)) {
    return thaw_fail(ctx, THAW_INVALID, "%s has no stage '%s'", run->path, stage);
  }
  thaw_run_begin(&h5, ctx, run);
  hid_t place = stage ? open_inner(&h5, run, "stages", stage) : -1;
  if (place < 0 || !thaw_h5_has(&h5, place, "vocabulary")) place = run->file;
  if (!thaw_h5_has(&h5, place, "vocabulary")) lack(&h5, "vocabulary");
  const hid_t group = thaw_h5_open_group(&h5, place, "vocabulary");
  thaw_h5_get_texts(&h5, group, "pieces", &pieces, &count);
  uint64_t *counts = read_counts(&h5, group, count);
  if (h5.status == THAW_OK) {
    h5.status =
        thaw_vocabulary_from_list(ctx, (const char *const *)pieces, counts, count, vocabulary);
    if (h5.status != THAW_OK) thaw_explain(ctx, h5.status, "vocabulary of %s", run->path);
  }
  thaw_h5_free_texts(pieces, count);
  free(counts);
  return thaw_h5_end(&h5);
}

thaw_status thaw_run_classes(thaw_context *ctx, const thaw_run_file *run, thaw_classes *classes) {
  thaw_h5 h5;
  *classes = (thaw_classes){0};
  thaw_run_begin(&h5, ctx, run);
  if (!thaw_h5_has(&h5, run->file, "classes")) lack(&h5, "classes");
  thaw_h5_get_texts(&h5, run->file, "classes", &classes->names, &classes->count);
  return thaw_h5_end(&h5);
}
