/* runs.c: many finished runs, as a large sweep would leave them, without training any.
 *
 *     bench-runs RUN.h5 FOLDER COUNT
 *
 * Every file is a copy of RUN.h5 without its weights, which thaw compare does not look at: config,
 * classes, vocabulary, metrics, environment and predictions are those of a real run. Five seeds
 * share the same settings; otherwise learning rates and numbers of epochs differ, and so do some of
 * the predictions, more of them at some settings than at others. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/context.h"
#include "base/file.h"
#include "store/runfile.h"

enum { SEEDS = 5, RATES = 50, FOLDERS = 1000, NUMBER = 32 };

/* What is read of the original. */
typedef struct original {
  char *written, *resolved;
  thaw_classes classes;
  thaw_vocabulary *vocabulary;
  thaw_series **series;
  size_t series_count;
  thaw_predictions *predictions;
  double seconds;
} original;

static thaw_status read_original(thaw_context *ctx, const char *path, original *o) {
  thaw_run_file *run;
  thaw_status status = thaw_run_open(ctx, path, &run);
  if (status != THAW_OK) return status;
  o->seconds = thaw_run_seconds(run);
  status = thaw_run_text(ctx, run, "config/written", &o->written);
  if (status == THAW_OK) status = thaw_run_text(ctx, run, "config/resolved", &o->resolved);
  if (status == THAW_OK) status = thaw_run_classes(ctx, run, &o->classes);
  if (status == THAW_OK) status = thaw_run_vocabulary(ctx, run, NULL, &o->vocabulary);
  if (status == THAW_OK) status = thaw_run_series(ctx, run, &o->series, &o->series_count);
  if (status == THAW_OK) status = thaw_run_predictions(ctx, run, "test", &o->predictions);
  thaw_run_close(run);
  return status;
}

static void free_original(original *o) {
  free(o->written);
  free(o->resolved);
  thaw_classes_free(&o->classes);
  thaw_vocabulary_free(o->vocabulary);
  for (size_t i = 0; i < o->series_count; i++) thaw_series_free(o->series[i]);
  free(o->series);
  thaw_predictions_free(o->predictions);
}

/* What stands in place of a line's value, for the keys that differ; NULL: the line stays. */
static const char *replaced(const char *key, size_t number, char text[NUMBER]) {
  const size_t group = number / SEEDS;
  if (strncmp(key, "seed:", 5) == 0) {
    snprintf(text, NUMBER, "seed: %zu", number % SEEDS + 1);
  } else if (strncmp(key, "lr:", 3) == 0) {
    snprintf(text, NUMBER, "lr: %g", 1e-4 * (double)(group % RATES + 1));
  } else if (strncmp(key, "epochs:", 7) == 0) {
    snprintf(text, NUMBER, "epochs: %zu", group / RATES + 1);
  } else {
    return NULL;
  }
  return text;
}

static bool change_config(const char *config, size_t number, thaw_buffer *out) {
  bool ok = thaw_buffer_text(out, "");
  for (const char *line = config; ok && *line;) {
    const size_t length = strcspn(line, "\n"), indent = strspn(line, " ");
    char text[NUMBER];
    const char *other = replaced(line + indent, number, text);
    ok = thaw_buffer_append(out, line, other ? indent : length) &&
         (!other || thaw_buffer_text(out, other)) && thaw_buffer_text(out, "\n");
    line += length + (line[length] == '\n');
  }
  return ok;
}

/* From the original's labels on, some are drawn anew. */
static void change_predictions(const original *o, const int32_t *labels, size_t number) {
  thaw_rng rng = thaw_rng_make(number, 0);
  const float part = 0.05f + 0.02f * (float)(number / SEEDS % 5);
  for (size_t d = 0; d < o->predictions->count; d++) {
    o->predictions->predicted[d] = thaw_rng_uniform(&rng) < part
                                       ? (int32_t)thaw_rng_below(&rng, o->predictions->classes)
                                       : labels[d];
  }
}

static thaw_status write_copy(thaw_context *ctx, const original *o, const char *path,
                              size_t number) {
  thaw_buffer config = {0};
  if (!change_config(o->resolved, number, &config)) return thaw_fail_memory(ctx, config.size);
  const thaw_predictions *const predictions[] = {o->predictions};
  const thaw_run_content content = {.name = "bench",
                                    .seed = number % SEEDS + 1,
                                    .seconds = o->seconds,
                                    .complete = true,
                                    .config_written = o->written,
                                    .config_resolved = config.data,
                                    .vocabulary = o->vocabulary,
                                    .classes = &o->classes,
                                    .series = (const thaw_series *const *)o->series,
                                    .series_count = o->series_count,
                                    .predictions = predictions,
                                    .predictions_count = 1};
  thaw_status status = thaw_run_write(ctx, path, &content);
  thaw_buffer_free(&config);
  return status;
}

static thaw_status write_copies(thaw_context *ctx, const original *o, const char *folder,
                                size_t count) {
  const size_t bytes = o->predictions->count * sizeof(int32_t);
  int32_t *labels = malloc(bytes + 1);
  if (!labels) return thaw_fail_memory(ctx, bytes);
  memcpy(labels, o->predictions->predicted, bytes);
  thaw_status status = THAW_OK;
  thaw_buffer path = {0};
  for (size_t i = 0; status == THAW_OK && i < count; i++) {
    thaw_buffer_clear(&path);
    bool ok = thaw_buffer_format(&path, "%s/%zu", folder, i / FOLDERS);
    if (ok) status = thaw_make_folders(ctx, path.data);
    ok = ok && thaw_buffer_format(&path, "/s%zu-%06zu.h5", i % SEEDS + 1, i);
    if (!ok) status = thaw_fail_memory(ctx, path.size);
    change_predictions(o, labels, i);
    if (status == THAW_OK) status = write_copy(ctx, o, path.data, i);
  }
  thaw_buffer_free(&path);
  free(labels);
  return status;
}

int main(int argc, char **argv) {
  char *end = NULL;
  const unsigned long count = argc == 4 ? strtoul(argv[3], &end, 10) : 0;
  if (argc != 4 || *end || count == 0) {
    fprintf(stderr, "usage: bench-runs RUN.h5 FOLDER COUNT\n");
    return EXIT_FAILURE;
  }
  thaw_context *ctx = thaw_context_create();
  original o = {0};
  thaw_status status = ctx ? read_original(ctx, argv[1], &o) : THAW_FAILED;
  if (status == THAW_OK) status = write_copies(ctx, &o, argv[2], count);
  if (status != THAW_OK) fprintf(stderr, "bench-runs: %s\n", ctx ? thaw_error(ctx) : "no memory");
  free_original(&o);
  thaw_context_free(ctx);
  return status == THAW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
