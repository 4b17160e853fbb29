/* import.h: a run file from a language model's weights in a safetensors file. */
#ifndef THAW_IMPORT_H
#define THAW_IMPORT_H

#include "config/experiment.h"

typedef struct thaw_import {
  const char *weights;    /* "lm.safetensors" */
  const char *vocabulary; /* NULL: lm.vocab.txt beside it */
  const char *tokenizer;  /* what a tokenizer that learns has learned; NULL: lm.tokenizer where it
                             is there */
  const char *output;     /* the run file */
} thaw_import;

/* Writes a finished run file of a language model with the experiment's tokenizer and encoder, of
 * which other runs can take over. The words are those of the vocabulary, in its order, the special
 * ones first; one of these that the vocabulary lacks is added and starts at the mean of the rows,
 * as new words do. THAW_INVALID: see thaw_import_tensors; also a setting of the encoder that the
 * file says was another one, and a vocabulary with a piece twice. */
thaw_status thaw_import_weights(thaw_context *ctx, const thaw_experiment *experiment,
                                const thaw_import *what);

#endif
