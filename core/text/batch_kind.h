/* batch_kind.h: what batch.c, batch_stream.c and batch_bucket.c share. */
#ifndef THAW_BATCH_KIND_H
#define THAW_BATCH_KIND_H

#include "text/batch.h"

/* A way of making batches. */
typedef struct thaw_batch_kind {
  /* Lays out the epoch: fills in `order`, `starts` and `count`, and makes room for the largest
   * batch. */
  thaw_status (*begin)(thaw_context *ctx, thaw_batches *batches, size_t epoch);
  /* Fills in the batch; there is room. */
  void (*get)(const thaw_batches *batches, size_t index, thaw_batch *batch);
} thaw_batch_kind;

struct thaw_batches {
  const thaw_batch_kind *kind;
  const thaw_corpus *corpus;
  size_t batch; /* B */
  size_t bptt, max_length;
  double vary;
  bool shuffle;
  uint64_t seed;

  size_t *order;    /* [documents] in which order the epoch reads them */
  size_t *ends;     /* streams: [documents] where each of `order` ends in the epoch's stream */
  size_t length;    /* streams: tokens of one of the B streams, L */
  size_t *starts;   /* [count + 1] where each batch begins: its token in a stream, its document in
                       `order` */
  size_t *sequence; /* buckets: [count] the order of the batches */
  size_t count, space; /* batches of the epoch; for how many starts and sequence have room */

  thaw_batch out;
  size_t id_space, document_space; /* elements */
  thaw_direction direction;
};

extern const thaw_batch_kind thaw_batch_streams, thaw_batch_buckets;

/* Room for `count` batches in starts and sequence. */
thaw_status thaw_batches_reserve(thaw_context *ctx, thaw_batches *batches, size_t count);
/* Room for a batch of `ids` ids in all, `documents` side by side. */
thaw_status thaw_batches_room(thaw_context *ctx, thaw_batches *batches, size_t ids,
                              size_t documents);

#endif
