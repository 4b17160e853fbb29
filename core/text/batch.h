/* batch.h: time-major matrices of ids [T][B] for training and evaluation.
 *
 * Streams, for language models: the documents of an epoch, in a shuffled order, are one long
 * stream, which is cut into B parts of equal length that are read side by side; a batch continues
 * where the last ended, and its targets are the next tokens. Buckets, for classifiers: documents of
 * similar length share a batch; shorter ones are padded at the end. */
#ifndef THAW_BATCH_H
#define THAW_BATCH_H

#include "text/corpus.h"
#include "thaw/plugin.h"

typedef struct thaw_batch {
  int32_t *ids;     /* [T][B] */
  int32_t *targets; /* streams: [T][B], the next token; −1 where there is none. buckets: [B] labels,
                       −1 without */
  int32_t *lengths;  /* buckets: [B]; NULL in streams */
  size_t *documents; /* buckets: [B], which document; NULL in streams */
  size_t time, batch;
  size_t tokens;                            /* that count: without padding */
  int32_t *backward_ids, *backward_targets; /* streams that are read bidirectionally: [T][B], the
                                               same from the end; else NULL */
} thaw_batch;

typedef struct thaw_batches thaw_batches;

/* A stream over the whole corpus. `shuffle` orders documents by seed and epoch; evaluation keeps
 * their order. With `vary` > 0, lengths vary as in AWD-LSTM (Merity et al. 2017, 5): base bptt with
 * probability 0.95, else half, then Normal(base, vary), at least 5, at most bptt + 4·vary. Errors:
 * a corpus shorter than 2 tokens per stream ("batch 64 needs at least 128 tokens, the data has 90:
 * lower batch"). */
thaw_status thaw_batches_stream(thaw_context *ctx, const thaw_corpus *corpus, size_t batch,
                                size_t bptt, double vary, bool shuffle, uint64_t seed,
                                thaw_batches **batches);
/* Buckets. Documents longer than max_length keep their last max_length tokens (as fastai does); 0:
 * no limit. In training (`shuffle`) documents are mixed by seed and epoch, sorted by length within
 * pools of 50 batches, the batches then mixed with the one with the longest document first, so that
 * memory peaks at once; a last batch of one document is joined to the one before (batch norm needs
 * two). In evaluation: sorted by length, the longest first, every document once. */
thaw_status thaw_batches_bucket(thaw_context *ctx, const thaw_corpus *corpus, size_t batch,
                                size_t max_length, bool shuffle, uint64_t seed,
                                thaw_batches **batches);
/* How the encoder reads; forward if never called. Starts epoch 0 anew. Backwards, a stream goes
 * from the last token of the last document to the first one, and a target is the token before; a
 * document goes from its last token to its first, and its first max_length tokens are kept: those
 * that are read last. Bidirectionally, streams are read both ways, each by itself; documents
 * forwards. */
thaw_status thaw_batches_set_direction(thaw_context *ctx, thaw_batches *batches,
                                       thaw_direction direction);
void thaw_batches_free(thaw_batches *batches);

/* Starts epoch `epoch` (from 0). Deterministic: the same epoch gives the same batches, whatever was
 * read before. */
thaw_status thaw_batches_begin(thaw_context *ctx, thaw_batches *batches, size_t epoch);
/* How many batches the epoch has. */
size_t thaw_batches_count(const thaw_batches *batches);
/* Batch `index` of the epoch; valid until the next call. Memory is reused: no allocation after the
 * largest batch. Random access, so that resuming needs no replay. */
const thaw_batch *thaw_batches_get(thaw_batches *batches, size_t index);

#endif
