/* stage_data.h: what a stage learns from: its vocabulary, its classes, and its documents as ids.
 *
 * A language model learns from the training documents and the unlabelled ones; a classifier from
 * the training documents, or a sample of them. The documents held out for validation are the same
 * in every stage, and test documents are seen by no language model. */
#ifndef THAW_STAGE_DATA_H
#define THAW_STAGE_DATA_H

#include "config/experiment.h"
#include "text/tokenizing.h"

typedef struct thaw_stage_data {
  thaw_vocabulary *vocabulary;
  thaw_buffer tokenizer_state;    /* what a tokenizer that learns has learned */
  thaw_classes classes;           /* classify */
  thaw_corpus train, valid, test; /* count 0: there are none; test in classify only */
} thaw_stage_data;

/* The words and the tokenizer that a stage takes over. */
typedef struct thaw_stage_origin {
  const thaw_vocabulary *vocabulary;
  const char *tokenizer_state;
  size_t tokenizer_bytes;
} thaw_stage_origin;

/* Reads the stage's documents. `origin` is NULL where nothing is taken over. Logs what was read.
 * THAW_INVALID, with file and line of the data or of the config: whatever makes the data unfit to
 * train on.
 *
 * However large the corpus, little of it is in memory: one document's text, some 24 bytes for each
 * document, some 100 for each different piece while they are counted, and the last million ids; the
 * others, 4 bytes a token, go to files without a name in `folder` (see text/corpus.h). */
thaw_status thaw_stage_data_read(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_stage_config *stage, const thaw_stage_origin *origin,
                                 const char *folder, thaw_stage_data *data);
void thaw_stage_data_free(thaw_stage_data *data); /* frees the content */

/* The source for one of the data set's paths; `labelled`: with its labels. */
thaw_source thaw_dataset_source(const thaw_dataset *dataset, const char *path, bool labelled);

#endif
