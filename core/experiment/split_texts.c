/* split_texts.c: see split_texts.h. */
#include "experiment/split_texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "experiment/stage_data.h"
#include "experiment/stage_key.h"
#include "text/documents.h"

static thaw_status check_hash(thaw_context *ctx, const thaw_run_file *run,
                              const thaw_dataset *dataset) {
  char now[THAW_HASH_TEXT], *then = NULL;
  thaw_buffer part = {0};
  thaw_buffer_format(&part, "environment/data.%s", dataset->name);
  thaw_status status = thaw_run_text(ctx, run, part.data ? part.data : "", &then);
  if (status == THAW_OK) status = thaw_dataset_hash(ctx, dataset, now);
  if (status == THAW_OK && strcmp(now, then) != 0)
    status =
        thaw_fail(ctx, THAW_INVALID, "the files of data.%s are not what they were", dataset->name);
  thaw_buffer_free(&part);
  free(then);
  return status;
}

/* Which training documents are the held out ones: `held` receives a flag for each, malloc'ed. */
static thaw_status find_held(thaw_context *ctx, const thaw_run_file *run,
                             const thaw_dataset *dataset, thaw_documents *documents, bool **held) {
  thaw_documents_walk walk = {.documents = documents};
  thaw_classes classes = {0};
  thaw_buffer labels = {0}; /* of int32_t */
  const thaw_document *document = NULL;
  thaw_status status = thaw_run_classes(ctx, run, &classes);
  while (status == THAW_OK) {
    int32_t label = -1;
    status = thaw_documents_next(ctx, &walk, &document);
    if (status || !document) break;
    status = thaw_document_label(ctx, document, &classes, &label);
    if (status == THAW_OK && !thaw_buffer_append(&labels, &label, sizeof label))
      status = thaw_fail_memory(ctx, labels.size);
  }
  thaw_documents_end(&walk);
  const size_t count = labels.size / sizeof(int32_t);
  *held = status == THAW_OK ? calloc(count + 1, sizeof **held) : NULL;
  if (status == THAW_OK && !*held) status = thaw_fail_memory(ctx, count);
  if (status == THAW_OK)
    thaw_split((const int32_t *)(const void *)labels.data, count, classes.count,
               dataset->valid_fraction, (uint64_t)dataset->split_seed, *held);
  thaw_buffer_free(&labels);
  thaw_classes_free(&classes);
  return status;
}

/* Keeps the texts of those that are wanted; with `held`, only documents with that flag count. */
static thaw_status pick_texts(thaw_context *ctx, thaw_documents *documents, const bool *held,
                              const size_t *wanted, size_t count, char **texts) {
  thaw_documents_walk walk = {.documents = documents};
  const thaw_document *document = NULL;
  thaw_status status = THAW_OK;
  for (size_t number = 0; status == THAW_OK;) {
    status = thaw_documents_next(ctx, &walk, &document);
    if (status || !document) break;
    if (held && !held[walk.number - 1]) continue;
    for (size_t i = 0; i < count && status == THAW_OK; i++) {
      if (wanted[i] != number) continue;
      texts[i] = strndup(document->text, document->bytes);
      if (!texts[i]) status = thaw_fail_memory(ctx, document->bytes);
    }
    number++;
  }
  thaw_documents_end(&walk);
  return status;
}

static thaw_status add_files(thaw_context *ctx, const thaw_dataset *dataset,
                             const char *const *paths, size_t count, thaw_documents *documents) {
  thaw_status status = THAW_OK;
  for (size_t i = 0; i < count && status == THAW_OK; i++) {
    const thaw_source source = thaw_dataset_source(dataset, paths[i], true);
    status = thaw_documents_add(ctx, documents, &source);
  }
  return status;
}

thaw_status thaw_split_texts(thaw_context *ctx, const thaw_run_file *run,
                             const thaw_experiment *experiment, const char *split,
                             const size_t *wanted, size_t count, char **texts) {
  const thaw_dataset *dataset = experiment->stages[THAW_STAGE_CLASSIFY].data;
  const char *own = strcmp(split, "test") == 0 ? dataset->test : dataset->valid;
  thaw_documents documents = {0};
  bool *held = NULL;
  for (size_t i = 0; i < count; i++) texts[i] = NULL;
  thaw_status status = check_hash(ctx, run, dataset);
  if (status == THAW_OK)
    status = own ? add_files(ctx, dataset, &own, 1, &documents)
                 : add_files(ctx, dataset, dataset->train, dataset->train_count, &documents);
  if (status == THAW_OK && !own) status = find_held(ctx, run, dataset, &documents, &held);
  if (status == THAW_OK) status = pick_texts(ctx, &documents, held, wanted, count, texts);
  for (size_t i = 0; i < count && status; i++) {
    free(texts[i]);
    texts[i] = NULL;
  }
  free(held);
  thaw_documents_free(&documents);
  return status;
}
