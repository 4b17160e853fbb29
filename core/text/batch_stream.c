/* batch_stream.c: all documents as one long stream, read in B places at once.
 *
 * With N tokens, each of the B streams has L = (N − 1)/B of them; stream b begins at token b·L. The
 * last of the N tokens is only ever a target, and fewer than B tokens at the end of an epoch are
 * not read. The stream is not written out: `ends` tells which document holds a token. Read from its
 * end, position p of the stream is token N − 1 − p. */
#include <math.h>

#include "text/batch_kind.h"

enum { ORDER_STREAM = 0x6f726472, LENGTH_STREAM = 0x6c656e67 };

/* AWD-LSTM's choice of a length: usually about bptt, seldom about half of it. */
static size_t draw_length(const thaw_batches *b, thaw_rng *rng) {
  if (b->vary <= 0) return b->bptt;
  const double half = thaw_rng_uniform(rng) < 0.95f ? 1 : 0.5;
  const double drawn = half * (double)b->bptt + b->vary * (double)thaw_rng_normal(rng);
  const double most = fmax(5, floor((double)b->bptt + 4 * b->vary));
  return (size_t)fmin(fmax(5, floor(drawn)), most);
}

static thaw_status begin_streams(thaw_context *ctx, thaw_batches *b, size_t epoch) {
  const size_t *offsets = b->corpus->offsets;
  if (b->shuffle) {
    thaw_rng rng = thaw_rng_make(b->seed, ((uint64_t)ORDER_STREAM << 32) + epoch);
    thaw_rng_shuffle(&rng, b->order, b->corpus->count);
  }
  size_t tokens = 0;
  for (size_t i = 0; i < b->corpus->count; i++) {
    tokens += offsets[b->order[i] + 1] - offsets[b->order[i]];
    b->ends[i] = tokens;
  }
  b->length = (tokens - 1) / b->batch;
  thaw_rng rng = thaw_rng_make(b->seed, ((uint64_t)LENGTH_STREAM << 32) + epoch);
  size_t count = 0, longest = 0;
  for (size_t at = 0; at < b->length;) {
    const size_t left = b->length - at;
    size_t time = draw_length(b, &rng);
    if (time > left) time = left;
    thaw_status status = count < b->space ? THAW_OK : thaw_batches_reserve(ctx, b, 2 * count + 16);
    if (status != THAW_OK) return status;
    b->starts[count++] = at;
    at += time;
    b->starts[count] = at;
    if (time > longest) longest = time;
  }
  thaw_status status = thaw_batches_room(ctx, b, longest * b->batch, 0);
  if (status == THAW_OK) b->count = count;
  return status;
}

/* A place in the epoch's stream, between two tokens. */
typedef struct cursor {
  size_t place;         /* in `order` */
  const int32_t *begin; /* of the document's tokens */
  const int32_t *next;  /* the token behind the place */
  const int32_t *end;
} cursor;

static void enter_document(const thaw_batches *b, cursor *c, size_t place) {
  const size_t document = b->order[place];
  c->place = place;
  c->begin = c->next = b->corpus->ids + b->corpus->offsets[document];
  c->end = b->corpus->ids + b->corpus->offsets[document + 1];
}

/* The cursor before token `position`: in the first document that ends behind it. */
static cursor find_token(const thaw_batches *b, size_t position) {
  size_t low = 0, high = b->corpus->count - 1;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (b->ends[middle] > position) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  cursor c;
  enter_document(b, &c, low);
  c.next = c.end - (b->ends[low] - position);
  return c;
}

static int32_t take_token(const thaw_batches *b, cursor *c) {
  while (c->next == c->end) enter_document(b, c, c->place + 1);
  return *c->next++;
}

static int32_t take_token_before(const thaw_batches *b, cursor *c) {
  while (c->next == c->begin) {
    enter_document(b, c, c->place - 1);
    c->next = c->end;
  }
  return *--c->next;
}

/* Stream s from `start` on, as column s of ids and targets [T][B]. */
static void read_forwards(const thaw_batches *b, size_t s, size_t start, size_t time, int32_t *ids,
                          int32_t *targets) {
  cursor c = find_token(b, s * b->length + start);
  int32_t token = take_token(b, &c);
  for (size_t t = 0; t < time; t++) {
    ids[t * b->batch + s] = token;
    token = take_token(b, &c);
    targets[t * b->batch + s] = token;
  }
}

static void read_backwards(const thaw_batches *b, size_t s, size_t start, size_t time, int32_t *ids,
                           int32_t *targets) {
  const size_t tokens = b->ends[b->corpus->count - 1];
  cursor c = find_token(b, tokens - 1 - (s * b->length + start));
  int32_t token = *c.next;
  for (size_t t = 0; t < time; t++) {
    ids[t * b->batch + s] = token;
    token = take_token_before(b, &c);
    targets[t * b->batch + s] = token;
  }
}

static void get_stream(const thaw_batches *b, size_t index, thaw_batch *batch) {
  const size_t start = b->starts[index], time = b->starts[index + 1] - start, width = b->batch;
  for (size_t s = 0; s < width; s++) {
    if (b->direction == THAW_BACKWARD) {
      read_backwards(b, s, start, time, batch->ids, batch->targets);
      continue;
    }
    read_forwards(b, s, start, time, batch->ids, batch->targets);
    if (b->direction == THAW_BIDIRECTIONAL)
      read_backwards(b, s, start, time, batch->backward_ids, batch->backward_targets);
  }
  batch->time = time;
  batch->batch = width;
  batch->tokens = time * width;
}

const thaw_batch_kind thaw_batch_streams = {.begin = begin_streams, .get = get_stream};
