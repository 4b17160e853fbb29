/* batch_bucket.c: documents of similar length side by side.
 *
 * Sorting by length saves padding, shuffling keeps training fair; pools of 50 batches, sorted each
 * for itself, give nearly all of both. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "text/batch_kind.h"

enum { POOL = 50, ORDER_STREAM = 0x6275636b, SEQUENCE_STREAM = 0x62736571 };

/* Tokens of the document that a batch will hold. */
static size_t length_of(const thaw_batches *b, size_t document) {
  const size_t length = b->corpus->offsets[document + 1] - b->corpus->offsets[document];
  return length < b->max_length ? length : b->max_length;
}

typedef struct item {
  size_t length, place, document;
} item;

static int by_falling_length(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->length != y->length) return x->length > y->length ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

/* Sorts `count` documents of the order from `begin` on: the longest first, else as they stand. */
static void sort_documents(thaw_batches *b, size_t begin, size_t count, item *items) {
  for (size_t i = 0; i < count; i++) {
    const size_t document = b->order[begin + i];
    items[i] = (item){length_of(b, document), i, document};
  }
  qsort(items, count, sizeof *items, by_falling_length);
  for (size_t i = 0; i < count; i++) b->order[begin + i] = items[i].document;
}

static thaw_status arrange_documents(thaw_context *ctx, thaw_batches *b, size_t epoch) {
  const size_t documents = b->corpus->count;
  const bool one_pool = !b->shuffle || documents / POOL < b->batch;
  const size_t pool = one_pool ? documents : POOL * b->batch;
  item *items = malloc(pool * sizeof *items);
  if (!items) return thaw_fail_memory(ctx, pool * sizeof *items);
  if (b->shuffle) {
    thaw_rng rng = thaw_rng_make(b->seed, ((uint64_t)ORDER_STREAM << 32) + epoch);
    thaw_rng_shuffle(&rng, b->order, documents);
  }
  for (size_t begin = 0; begin < documents; begin += pool) {
    const size_t left = documents - begin;
    sort_documents(b, begin, left < pool ? left : pool, items);
  }
  free(items);
  return THAW_OK;
}

/* Cuts the order into batches; `starts` has room. */
static void cut_batches(thaw_batches *b) {
  const size_t documents = b->corpus->count;
  size_t count = 0;
  for (size_t begin = 0; begin < documents; begin += b->batch) b->starts[count++] = begin;
  /* Batch normalization has no variance to divide by in a batch of one. */
  const bool lonely = documents - b->starts[count - 1] == 1;
  if (b->shuffle && lonely && count > 1 && b->batch > 1) count--;
  b->starts[count] = documents;
  b->count = count;
}

/* Tokens of the longest document: the first, unless a lonely one of another pool was joined. */
static size_t time_of(const thaw_batches *b, size_t batch) {
  size_t time = 0;
  for (size_t i = b->starts[batch]; i < b->starts[batch + 1]; i++) {
    const size_t length = length_of(b, b->order[i]);
    if (length > time) time = length;
  }
  return time;
}

static void arrange_batches(thaw_batches *b, size_t epoch) {
  for (size_t i = 0; i < b->count; i++) b->sequence[i] = i;
  if (!b->shuffle) return;
  thaw_rng rng = thaw_rng_make(b->seed, ((uint64_t)SEQUENCE_STREAM << 32) + epoch);
  thaw_rng_shuffle(&rng, b->sequence, b->count);
  size_t longest = 0, most = 0;
  for (size_t i = 0; i < b->count; i++) {
    const size_t time = time_of(b, b->sequence[i]);
    if (time > most) longest = i;
    if (time > most) most = time;
  }
  const size_t kept = b->sequence[0];
  b->sequence[0] = b->sequence[longest];
  b->sequence[longest] = kept;
}

static thaw_status begin_buckets(thaw_context *ctx, thaw_batches *b, size_t epoch) {
  const size_t most = (b->corpus->count - 1) / b->batch + 1;
  thaw_status status = thaw_batches_reserve(ctx, b, most);
  if (status == THAW_OK) status = arrange_documents(ctx, b, epoch);
  if (status != THAW_OK) return status;
  cut_batches(b);
  arrange_batches(b, epoch);
  size_t ids = 0, documents = 0;
  for (size_t i = 0; i < b->count; i++) {
    const size_t width = b->starts[i + 1] - b->starts[i];
    if (width > documents) documents = width;
    const size_t size = time_of(b, i) * width;
    if (size > ids) ids = size;
  }
  status = thaw_batches_room(ctx, b, ids, documents);
  if (status != THAW_OK) b->count = 0;
  return status;
}

/* The tokens of a document that a batch holds, [time] in the column `ids` of rows `width` wide:
 * those that are read last. */
static void put_document(const thaw_batches *b, size_t document, size_t time, size_t width,
                         int32_t *ids) {
  const size_t length = length_of(b, document), *offsets = b->corpus->offsets;
  const int32_t *tokens = b->corpus->ids;
  if (b->direction == THAW_BACKWARD) {
    tokens += offsets[document];
    for (size_t t = 0; t < length; t++) ids[t * width] = tokens[length - 1 - t];
  } else {
    tokens += offsets[document + 1] - length;
    for (size_t t = 0; t < length; t++) ids[t * width] = tokens[t];
  }
  for (size_t t = length; t < time; t++) ids[t * width] = THAW_ID_PADDING;
}

static void get_bucket(const thaw_batches *b, size_t index, thaw_batch *batch) {
  const size_t which = b->sequence[index], begin = b->starts[which];
  const size_t width = b->starts[which + 1] - begin, time = time_of(b, which);
  batch->time = time;
  batch->batch = width;
  batch->tokens = 0;
  for (size_t i = 0; i < width; i++) {
    const size_t document = b->order[begin + i], length = length_of(b, document);
    put_document(b, document, time, width, batch->ids + i);
    batch->targets[i] = b->corpus->labels ? b->corpus->labels[document] : -1;
    batch->lengths[i] = (int32_t)length;
    batch->documents[i] = document;
    batch->tokens += length;
  }
}

const thaw_batch_kind thaw_batch_buckets = {.begin = begin_buckets, .get = get_bucket};
