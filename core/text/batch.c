/* batch.c: makes, begins and frees batches of either kind, and owns their memory. */
#include "text/batch.h"

#include <stdlib.h>

#include "base/context.h"
#include "text/batch_kind.h"

static thaw_status create(thaw_context *ctx, thaw_batches values, thaw_batches **batches) {
  *batches = NULL;
  if (values.batch == 0)
    return thaw_fail(ctx, THAW_INVALID, "a batch of 0 documents holds nothing");
  const size_t documents = values.corpus->count;
  thaw_batches *b = malloc(sizeof *b);
  if (!b) return thaw_fail_memory(ctx, sizeof *b);
  *b = values;
  b->order = malloc((documents + 1) * sizeof *b->order);
  b->ends = malloc((documents + 1) * sizeof *b->ends);
  thaw_status status =
      b->order && b->ends ? THAW_OK : thaw_fail_memory(ctx, (documents + 1) * sizeof *b->order);
  if (status == THAW_OK) status = thaw_batches_begin(ctx, b, 0);
  if (status != THAW_OK) {
    thaw_batches_free(b);
    return status;
  }
  *batches = b;
  return THAW_OK;
}

thaw_status thaw_batches_stream(thaw_context *ctx, const thaw_corpus *corpus, size_t batch,
                                size_t bptt, double vary, bool shuffle, uint64_t seed,
                                thaw_batches **batches) {
  *batches = NULL;
  const size_t tokens = corpus->count ? corpus->offsets[corpus->count] : 0;
  if (bptt == 0) return thaw_fail(ctx, THAW_INVALID, "bptt is 0, it must be at least 1");
  if (tokens / 2 < batch) {
    return thaw_fail(ctx, THAW_INVALID,
                     "batch %zu needs at least %zu tokens, the data has %zu: lower batch", batch,
                     2 * batch, tokens);
  }
  return create(ctx,
                (thaw_batches){.kind = &thaw_batch_streams,
                               .corpus = corpus,
                               .batch = batch,
                               .bptt = bptt,
                               .vary = vary > 0 ? vary : 0,
                               .shuffle = shuffle,
                               .seed = seed},
                batches);
}

thaw_status thaw_batches_bucket(thaw_context *ctx, const thaw_corpus *corpus, size_t batch,
                                size_t max_length, bool shuffle, uint64_t seed,
                                thaw_batches **batches) {
  *batches = NULL;
  if (corpus->count == 0) return thaw_fail(ctx, THAW_INVALID, "there are no documents to batch");
  return create(ctx,
                (thaw_batches){.kind = &thaw_batch_buckets,
                               .corpus = corpus,
                               .batch = batch,
                               .max_length = max_length ? max_length : SIZE_MAX,
                               .shuffle = shuffle,
                               .seed = seed},
                batches);
}

thaw_status thaw_batches_set_direction(thaw_context *ctx, thaw_batches *batches,
                                       thaw_direction direction) {
  batches->direction = direction;
  batches->id_space = 0; /* so that room is made for what this direction needs */
  return thaw_batches_begin(ctx, batches, 0);
}

void thaw_batches_free(thaw_batches *batches) {
  if (!batches) return;
  free(batches->order);
  free(batches->ends);
  free(batches->starts);
  free(batches->sequence);
  free(batches->out.ids);
  free(batches->out.targets);
  free(batches->out.lengths);
  free(batches->out.documents);
  free(batches->out.backward_ids);
  free(batches->out.backward_targets);
  free(batches);
}

thaw_status thaw_batches_reserve(thaw_context *ctx, thaw_batches *batches, size_t count) {
  if (count <= batches->space) return THAW_OK;
  size_t *starts = realloc(batches->starts, (count + 1) * sizeof *starts);
  if (starts) batches->starts = starts;
  size_t *sequence = realloc(batches->sequence, count * sizeof *sequence);
  if (sequence) batches->sequence = sequence;
  if (!starts || !sequence) return thaw_fail_memory(ctx, count * sizeof *starts);
  batches->space = count;
  return THAW_OK;
}

/* An array of `count` elements in place of `*array`, whose content is not needed. */
static bool renew(void *array, size_t count, size_t element) {
  void **old = array;
  free(*old);
  *old = malloc(count * element);
  return *old != NULL;
}

thaw_status thaw_batches_room(thaw_context *ctx, thaw_batches *batches, size_t ids,
                              size_t documents) {
  thaw_batch *out = &batches->out;
  bool made = true;
  if (ids > batches->id_space) {
    batches->id_space = 0;
    made = renew(&out->ids, ids, sizeof *out->ids);
    /* In buckets targets are labels, one a document, and there are never more of them than ids. */
    made = made && renew(&out->targets, ids, sizeof *out->targets);
    if (batches->direction == THAW_BIDIRECTIONAL && batches->kind == &thaw_batch_streams) {
      made = made && renew(&out->backward_ids, ids, sizeof *out->backward_ids) &&
             renew(&out->backward_targets, ids, sizeof *out->backward_targets);
    }
    if (made) batches->id_space = ids;
  }
  if (made && documents > batches->document_space) {
    batches->document_space = 0;
    made = renew(&out->lengths, documents, sizeof *out->lengths) &&
           renew(&out->documents, documents, sizeof *out->documents);
    if (made) batches->document_space = documents;
  }
  return made ? THAW_OK : thaw_fail_memory(ctx, ids * sizeof *out->ids);
}

thaw_status thaw_batches_begin(thaw_context *ctx, thaw_batches *batches, size_t epoch) {
  batches->count = 0;
  for (size_t d = 0; d < batches->corpus->count; d++) batches->order[d] = d;
  return batches->kind->begin(ctx, batches, epoch);
}

size_t thaw_batches_count(const thaw_batches *batches) {
  return batches->count;
}

const thaw_batch *thaw_batches_get(thaw_batches *batches, size_t index) {
  if (index >= batches->count) return NULL;
  if (batches->corpus->file) thaw_id_file_forget(batches->corpus->file);
  batches->kind->get(batches, index, &batches->out);
  return &batches->out;
}
