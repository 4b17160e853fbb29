/* runs.c: small finished runs for tests. */
#include "runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "store/runfile.h"

static void need(bool ok, const thaw_context *ctx) {
  if (ok) return;
  fprintf(stderr, "a test's run could not be made: %s\n", thaw_error(ctx));
  abort();
}

static thaw_predictions *make_predictions(const run_sketch *sketch) {
  const int32_t first = sketch->unused_class ? 1 : 0;
  thaw_predictions *predictions = thaw_predictions_create(sketch->split ? sketch->split : "test",
                                                          sketch->documents, 2 + (size_t)first);
  if (!predictions) abort();
  for (size_t d = 0; d < sketch->documents; d++) {
    const int32_t class = (int32_t)(d % 2);
    const bool right = sketch->marks ? sketch->marks[d] == '1' : d < sketch->correct;
    predictions->gold[d] = first + class;
    predictions->predicted[d] = first + (right ? class : 1 - class);
    predictions->probabilities[d * predictions->classes + (size_t)predictions->predicted[d]] = 0.8f;
    predictions->probabilities[d * predictions->classes +
                               (size_t)(2 * first + 1 - predictions->predicted[d])] = 0.2f;
  }
  return predictions;
}

static thaw_series *make_series(double perplexity) {
  thaw_series *series = thaw_series_create("pretrain", 0, NULL);
  if (!series) abort();
  for (int64_t e = 1; e <= 3; e++) {
    const double found = perplexity + (e == 1 ? 1 : e == 2 ? 0 : 2);
    const thaw_epoch_row row = {.epoch = e, .step = e, .valid_loss = found, .perplexity = found};
    if (!thaw_series_add_epoch(series, &row)) abort();
  }
  return series;
}

const char *chance_marks(size_t count, double level, uint64_t seed) {
  static char marks[1024];
  thaw_rng documents = thaw_rng_make(0, 0), run = thaw_rng_make(seed, 1);
  if (count >= sizeof marks) abort();
  for (size_t d = 0; d < count; d++) {
    const double hard = 0.7 * (double)thaw_rng_uniform(&documents);
    marks[d] = hard + 0.3 * (double)thaw_rng_uniform(&run) < level ? '1' : '0';
  }
  marks[count] = '\0';
  return marks;
}

char *write_run(const char *folder, const char *name, run_sketch sketch) {
  thaw_context *ctx = thaw_context_create();
  char *path = thaw_path_join(folder, name);
  char *inner = path ? strdup(path) : NULL;
  thaw_classes classes = {0};
  need(ctx && inner, ctx);
  *strrchr(inner, '/') = '\0';
  need(thaw_make_folders(ctx, inner) == THAW_OK, ctx);
  need(thaw_classes_add(ctx, &classes, "a") == THAW_OK, ctx);
  need(thaw_classes_add(ctx, &classes, "b") == THAW_OK, ctx);
  if (sketch.unused_class) need(thaw_classes_add(ctx, &classes, "Z") == THAW_OK, ctx);
  thaw_predictions *predictions = make_predictions(&sketch);
  const thaw_predictions *const list[] = {predictions};
  thaw_series *series = sketch.perplexity != 0 ? make_series(sketch.perplexity) : NULL;
  const thaw_series *const all_series[] = {series};
  const thaw_run_content content = {.name = "sketch",
                                    .seed = sketch.seed,
                                    .seconds = sketch.seconds,
                                    .complete = !sketch.unfinished,
                                    .config_resolved = sketch.config,
                                    .classes = &classes,
                                    .series = all_series,
                                    .series_count = series ? 1 : 0,
                                    .predictions = list,
                                    .predictions_count = sketch.documents ? 1 : 0};
  need(thaw_run_write(ctx, path, &content) == THAW_OK, ctx);
  thaw_predictions_free(predictions);
  thaw_series_free(series);
  thaw_classes_free(&classes);
  free(inner);
  thaw_context_free(ctx);
  return path;
}

void write_sweep(const char *folder) {
  static const char *const heads[] = {"last", "mean"};
  static const size_t correct[2][3] = {{60, 64, 62}, {70, 76, 72}};
  for (size_t h = 0; h < 2; h++) {
    for (unsigned seed = 1; seed <= 3; seed++) {
      char name[64], config[256];
      snprintf(name, sizeof name, "sweep/%s-%u.h5", heads[h], seed);
      snprintf(config, sizeof config,
               "name: sweep\nseed: %u\nhead: {plugin: %s}\n"
               "stages: {classify: {epochs: 4, seed: %u}}\n",
               seed, heads[h], seed);
      const run_sketch sketch = {.config = config,
                                 .seed = seed,
                                 .seconds = 10 * seed,
                                 .documents = 100,
                                 .correct = correct[h][seed - 1]};
      free(write_run(folder, name, sketch));
    }
  }
}
