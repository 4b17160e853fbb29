/* document_texts.c: see document_texts.h. */
#include "analysis/document_texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "experiment/average.h"
#include "experiment/run_model.h"
#include "experiment/split_texts.h"

enum { LONGEST = 400 /* bytes */ };

/* A long text ends in three dots, between two characters. */
static void shorten(char *text) {
  static const char dots[] = "…";
  if (!text || strlen(text) <= LONGEST) return;
  size_t end = LONGEST - sizeof dots;
  while (((unsigned char)text[end] & 0xc0) == 0x80) end--;
  memcpy(text + end, dots, sizeof dots);
}

thaw_status thaw_document_texts(thaw_context *ctx, const thaw_run_file *run,
                                thaw_registry *registry, const char *split, const size_t *documents,
                                size_t count, char **texts) {
  thaw_experiment *experiment = NULL;
  thaw_run_file *first = NULL;
  for (size_t i = 0; i < count; i++) texts[i] = NULL;
  thaw_status status = thaw_run_model_experiment(ctx, run, registry, &experiment);
  if (status == THAW_OK && experiment->average.count > 0) {
    char *path = NULL;
    status = thaw_average_part(ctx, run, experiment, 0, &path);
    if (status == THAW_OK) status = thaw_run_open(ctx, path, &first);
    free(path);
    thaw_experiment_free(experiment);
    experiment = NULL;
    if (status == THAW_OK) status = thaw_run_model_experiment(ctx, first, registry, &experiment);
    run = first;
  }
  if (status == THAW_OK && experiment->stages[THAW_STAGE_CLASSIFY].present)
    status = thaw_split_texts(ctx, run, experiment, split, documents, count, texts);
  if (status == THAW_INVALID || status == THAW_FAILED) {
    thaw_log(ctx, THAW_LOG_INFO, "documents are shown without their text: %s", thaw_error(ctx));
    status = THAW_OK;
  }
  for (size_t i = 0; i < count; i++) shorten(texts[i]);
  thaw_experiment_free(experiment);
  thaw_run_close(first);
  return status;
}
