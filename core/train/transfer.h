/* transfer.h: what a model takes over from another one, group by group.
 *
 * A tensor is taken with the source's values when group, name and shape are the same. Tensors with
 * a row for every word (the embedding, a decoder's weight and bias) follow their words from one
 * vocabulary to the other; new words start at the mean of the source's rows (Howard and Ruder 2018,
 * section 3.2, as fastai does it). Word vectors are a source of the embedding. */
#ifndef THAW_TRANSFER_H
#define THAW_TRANSFER_H

#include "base/buffer.h"
#include "text/vocabulary.h"
#include "train/model.h"

/* Where values come from; all of it belongs to the caller. */
typedef struct thaw_transfer_source {
  const char *name; /* for messages: "pretrain", "runs/a.h5 (finetune)" */
  const thaw_params *params;
  const thaw_vocabulary *vocabulary;
  thaw_direction direction; /* in which its encoder reads */
  /* Of word vectors, whose vocabulary is the model's: which words, [V], they had; they are taken
   * for the embedding alone, whatever else its group holds. NULL: a model's weights. */
  const bool *found;
} thaw_transfer_source;

/* Can `model` take over what `transfer` names? THAW_INVALID: a group that one of the two lacks
 * (with those that there are), shapes that differ (both shapes, and what to change), an encoder
 * that reads in another direction, unless its embedding is all that is taken. The values do not
 * matter. `source` is NULL for transfer none. */
thaw_status thaw_transfer_check(thaw_context *ctx, const thaw_transfer *transfer,
                                const thaw_transfer_source *source, const thaw_model *model);

/* Takes over the groups that `transfer` names; `all` are the groups that both models have, but for
 * a head, which has to be named. `summary` receives one line for people: "takes over embedding
 * (8120 words, 280 new ones start at their mean), rnn.0 from pretrain; fresh: head". These groups
 * are marked as taken. What
 * thaw_transfer_check refuses leaves the model unchanged. */
thaw_status thaw_transfer_weights(thaw_context *ctx, const thaw_transfer *transfer,
                                  const thaw_transfer_source *source, thaw_model *model,
                                  const thaw_vocabulary *vocabulary, thaw_buffer *summary);

#endif
