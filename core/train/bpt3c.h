/* bpt3c.h: the states of long documents, with bounded memory (BPT3C: Howard and Ruder 2018, section
 * 3.3).
 *
 * A document is read in chunks, the encoder's state carried from one to the next. Gradients flow
 * through its last positions only; of those before, nothing but the states is kept, as constants.
 * A head gets the states of all positions and knows nothing of it. Dropout drops everywhere, anew
 * in each chunk, as in fastai.
 *
 * In training, documents of like length are encoded together: those of a group are long enough that
 * all end in its last 2·gradient_length positions, the ones with gradients. What is kept for the
 * way back is thereby bounded, whatever documents share a batch. In evaluation the whole batch is
 * read in chunks, from its first position on.
 *
 * An encoder that carries no state reads every chunk for itself, as the backward half of a
 * bidirectional one does. */
#ifndef THAW_BPT3C_H
#define THAW_BPT3C_H

#include "tensor/tape.h"
#include "text/batch.h"
#include "train/model.h"

typedef struct thaw_bpt3c {
  size_t gradient_length; /* tokens of a document through whose encoding gradients flow; 0: all, and
                             every document is read at once */
  size_t chunk;           /* tokens that are read at once where none flow */
} thaw_bpt3c;

/* The encoder's states for a batch of documents: `states` as the encoder's `forward` fills it in,
 * with layer[..], embedded and, if `language_model` asks for it, output [T][B][..]. Where documents
 * were read in parts, states behind a document's end may be 0, and the penalty is the mean over the
 * positions with gradients. Errors are the tape's. */
thaw_status thaw_bpt3c_encode(const thaw_model *model, const void *encoder_settings,
                              thaw_tape *tape, const thaw_batch *batch, thaw_bpt3c how,
                              bool language_model, thaw_states *states);

/* How many of the batch's time × batch positions are encoded with gradients in training. */
size_t thaw_bpt3c_positions(const thaw_batch *batch, thaw_bpt3c how);

#endif
